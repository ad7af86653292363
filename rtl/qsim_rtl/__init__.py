"""The engine in hardware: one block per file, equal to `qsim.spec` bit for bit.

`shape` decides the hardware, `gateware` has its blocks, `sim` runs them here, `export` and `fpga` write
them for other tools, and `host` talks to an engine over its bus.
"""

from typing import TYPE_CHECKING

from qsim import lazy

if TYPE_CHECKING:
    from .host.device import BusError, Counters, Device, Transport
    from .host.transport_serial import SerialTransport
    from .host.transport_simulated import SimulatedTransport
    from .shape.engine import EngineShape, LayerShape, Timing
    from .shape.loadable import Loadable
    from .sim.compare import Comparison, compare
    from .sim.in_process import Result, Simulator

_MODULES = {  # that hold the names
    ".host.device": ("BusError", "Counters", "Device", "Transport"),
    ".host.transport_serial": ("SerialTransport",),
    ".host.transport_simulated": ("SimulatedTransport",),
    ".shape.engine": ("EngineShape", "LayerShape", "Timing"),
    ".shape.loadable": ("Loadable",),
    ".sim.compare": ("Comparison", "compare"),
    ".sim.in_process": ("Result", "Simulator"),
}

__all__ = [
    "BusError",
    "Comparison",
    "Counters",
    "Device",
    "EngineShape",
    "LayerShape",
    "Loadable",
    "Result",
    "SerialTransport",
    "SimulatedTransport",
    "Simulator",
    "Timing",
    "Transport",
    "compare",
]

__getattr__, __dir__ = lazy.attributes(__name__, _MODULES)
