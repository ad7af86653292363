"""Quantized neural networks to the bit."""

from .machine import spec
from .machine.errors import QsimError
from .machine.model import InputFormat, Layer, Model, Trace, load

__all__ = ["InputFormat", "Layer", "Model", "QsimError", "Trace", "load", "spec"]
