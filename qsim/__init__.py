"""Quantized neural networks to the bit.

Names are imported when they are first used, so that a program pays only for what it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import attacks, data, executors, spec
    from .attacks.fgsm import fgsm
    from .certification.api import certify
    from .data import Dataset
    from .errors import QsimError
    from .exporters.api import to_onnx
    from .importers.api import from_onnx
    from .kernel.sweep.api import smallest_fooling_step, sweep
    from .model import Adc, Crossbar, InputFormat, Layer, Mapping, Model, Noise, Trace, load
    from .robustness import geometry
    from .shadow.network import Network
    from .shadow.quantize import quantize
    from .shadow.train import Recipe, train

_MODULES = {  # that hold the names, or are meant by them
    ".attacks": ("attacks",),
    ".certification.api": ("certify",),
    ".data": ("data", "Dataset"),
    ".errors": ("QsimError",),
    ".executors": ("executors",),
    ".exporters.api": ("to_onnx",),
    ".importers.api": ("from_onnx",),
    ".kernel.sweep.api": ("smallest_fooling_step", "sweep"),
    ".model": ("Adc", "Crossbar", "InputFormat", "Layer", "Mapping", "Model", "Noise", "Trace", "load"),
    ".attacks.fgsm": ("fgsm",),
    ".robustness.geometry": ("geometry",),
    ".shadow.network": ("Network",),
    ".shadow.quantize": ("quantize",),
    ".shadow.train": ("Recipe", "train"),
    ".spec": ("spec",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Adc",
    "Crossbar",
    "Dataset",
    "InputFormat",
    "Layer",
    "Mapping",
    "Model",
    "Network",
    "Noise",
    "QsimError",
    "Recipe",
    "Trace",
    "attacks",
    "certify",
    "data",
    "executors",
    "fgsm",
    "from_onnx",
    "geometry",
    "load",
    "quantize",
    "smallest_fooling_step",
    "spec",
    "sweep",
    "to_onnx",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_HOMES[name], __name__)
    found = getattr(module, name, module)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
