"""Quantized neural networks to the bit."""

from typing import TYPE_CHECKING

from . import lazy

if TYPE_CHECKING:
    from . import attacks, crossbar, data, executors, faults, shadow, spec
    from .attacks.fgsm import fgsm, gradient_signs
    from .attacks.steps import lattice_step
    from .certification.api import certify
    from .data import Dataset
    from .errors import QsimError
    from .exporters.api import to_onnx
    from .importers.api import from_onnx
    from .kernel.sweep.api import smallest_fooling_step, sweep
    from .model import Adc, Crossbar, InputFormat, Layer, Mapping, Model, Noise, Trace, load
    from .robustness import evaluate, geometry
    from .shadow import Network
    from .shadow.certified import IntervalRecipe, train_certified
    from .shadow.quantize import quantize
    from .shadow.train import Recipe, train

_MODULES = {  # that hold the names, or are meant by them
    ".attacks": ("attacks",),
    ".attacks.fgsm": ("fgsm", "gradient_signs"),
    ".attacks.steps": ("lattice_step",),
    ".certification.api": ("certify",),
    ".crossbar": ("crossbar",),
    ".data": ("data", "Dataset"),
    ".errors": ("QsimError",),
    ".executors": ("executors",),
    ".faults": ("faults",),
    ".exporters.api": ("to_onnx",),
    ".importers.api": ("from_onnx",),
    ".kernel.sweep.api": ("smallest_fooling_step", "sweep"),
    ".model": ("Adc", "Crossbar", "InputFormat", "Layer", "Mapping", "Model", "Noise", "Trace", "load"),
    ".robustness.evaluate": ("evaluate",),
    ".robustness.geometry": ("geometry",),
    ".shadow": ("shadow", "Network"),
    ".shadow.certified": ("IntervalRecipe", "train_certified"),
    ".shadow.quantize": ("quantize",),
    ".shadow.train": ("Recipe", "train"),
    ".spec": ("spec",),
}

__all__ = [
    "Adc",
    "Crossbar",
    "Dataset",
    "InputFormat",
    "IntervalRecipe",
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
    "crossbar",
    "data",
    "evaluate",
    "executors",
    "faults",
    "fgsm",
    "from_onnx",
    "geometry",
    "gradient_signs",
    "lattice_step",
    "load",
    "quantize",
    "shadow",
    "smallest_fooling_step",
    "spec",
    "sweep",
    "to_onnx",
    "train",
    "train_certified",
]

__getattr__, __dir__ = lazy.attributes(__name__, _MODULES)
