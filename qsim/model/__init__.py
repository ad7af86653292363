"""One trained network, frozen to exactly the integers that the hardware stores, as data.

Everything that can change an output bit is in a `Model`, and nothing else is.
"""

from .. import executors  # noqa: F401 -- says what runs models
from .crossbar import Adc, Crossbar, Mapping, Noise
from .file import load
from .input_format import InputFormat
from .layer import Layer
from .model import Model, Trace

__all__ = ["Adc", "Crossbar", "InputFormat", "Layer", "Mapping", "Model", "Noise", "Trace", "load"]
