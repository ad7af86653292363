"""The engine in hardware: one block per file, equal to `qsim.spec` bit for bit.

`shape` decides the hardware, `gateware` has the blocks and joins them, `export` writes them for the
tools, and `sim` runs them here. What this module names is imported when it is asked for, so that a
list of parts needs no simulator.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .shape.engine import EngineShape, LayerShape, Timing
    from .sim.compare import Comparison, compare
    from .sim.in_process import Result, Simulator

_HOMES = {
    **dict.fromkeys(("EngineShape", "LayerShape", "Timing"), "shape.engine"),
    **dict.fromkeys(("Comparison", "compare"), "sim.compare"),
    **dict.fromkeys(("Result", "Simulator"), "sim.in_process"),
}
__all__ = ["Comparison", "EngineShape", "LayerShape", "Result", "Simulator", "Timing", "compare"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
