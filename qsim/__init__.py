"""Quantized neural networks to the bit."""

from . import data, executors, spec
from .errors import QsimError
from .kernel.sweep.api import smallest_fooling_step, sweep
from .model import Adc, Crossbar, InputFormat, Layer, Mapping, Model, Noise, Trace, load
from .robustness import geometry
from .robustness.attacks import fgsm
from .shadow.quantize import quantize
from .shadow.train import Recipe, train

__all__ = [
    "Adc",
    "Crossbar",
    "InputFormat",
    "Layer",
    "Mapping",
    "Model",
    "Noise",
    "QsimError",
    "Recipe",
    "Trace",
    "data",
    "executors",
    "fgsm",
    "geometry",
    "load",
    "quantize",
    "smallest_fooling_step",
    "spec",
    "sweep",
    "train",
]
