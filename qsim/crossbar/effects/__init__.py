"""The device effects, one object a file, in the order in which they happen in a device.

Recipes, `qsim map` and its help take them from the table `EFFECTS`; adding a file adds an effect.
"""

from ...registry import chosen, objects_in
from ..effect import Effect
from .conductance_drift import drift
from .current_noise import read_noise
from .on_off_ratio import on_off
from .programming import programming_error
from .stuck_cells import stuck
from .wire_resistance import attenuated, line_resistance

__all__ = [
    "EFFECTS",
    "attenuated",
    "drift",
    "effect",
    "line_resistance",
    "on_off",
    "programming_error",
    "read_noise",
    "stuck",
]

EFFECTS = dict(sorted(objects_in(__name__, Effect).items(), key=lambda item: item[1].stage))


def effect(name: str) -> Effect:
    """The effect of that name.

    Raises
    ------
    QsimError
        If there is none; the message lists all names.
    """
    return chosen(EFFECTS, name, "effect")
