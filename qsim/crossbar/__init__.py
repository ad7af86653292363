"""Memristive crossbars: layers put on tiles, their converters, and what real devices do to the cells.

Each function turns one model into another; `apply_effect` is how a defect of your own does. A recipe says
tiles, converters and effects in their order.
"""

from . import recipe
from .converters import with_converter_errors, with_converters
from .effect import Effect, Parameter, apply_effect, generator
from .effects import EFFECTS, drift, line_resistance, on_off, programming_error, read_noise, stuck
from .effects.broken_wires import broken_wires
from .mapping import map_to_crossbar
from .recipe import CrossbarRecipe

__all__ = [
    "EFFECTS",
    "CrossbarRecipe",
    "Effect",
    "Parameter",
    "apply_effect",
    "broken_wires",
    "drift",
    "generator",
    "line_resistance",
    "map_to_crossbar",
    "on_off",
    "programming_error",
    "read_noise",
    "recipe",
    "stuck",
    "with_converter_errors",
    "with_converters",
]
