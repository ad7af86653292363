"""Quantized neural networks to the bit."""

from . import data
from .machine import spec
from .machine.errors import QsimError
from .machine.kernel import sweep
from .machine.model import InputFormat, Layer, Model, Trace, load
from .robustness import geometry
from .robustness.attacks import fgsm
from .shadow.quantize import quantize
from .shadow.train import Recipe, train

__all__ = [
    "InputFormat",
    "Layer",
    "Model",
    "QsimError",
    "Recipe",
    "Trace",
    "data",
    "fgsm",
    "geometry",
    "load",
    "quantize",
    "spec",
    "sweep",
    "train",
]
