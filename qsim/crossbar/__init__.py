"""Memristive crossbars: layers put on tiles, their converters, and what real devices do to the cells.

Each function turns one model into another; `apply_effect` is how a defect of your own does.
"""

from . import faults
from .converters import with_converter_errors, with_converters
from .effects import (
    apply_effect,
    drift,
    generator,
    line_resistance,
    on_off,
    programming_error,
    read_noise,
    stuck,
)
from .faults import FaultList, apply_faults
from .mapping import map_to_crossbar

__all__ = [
    "FaultList",
    "apply_effect",
    "apply_faults",
    "drift",
    "faults",
    "generator",
    "line_resistance",
    "map_to_crossbar",
    "on_off",
    "programming_error",
    "read_noise",
    "stuck",
    "with_converter_errors",
    "with_converters",
]
