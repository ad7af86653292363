"""The engine in hardware: one block per file, equal to `qsim.spec` bit for bit.

`shape` decides the hardware, `engine` joins the blocks, `verilog` writes it for the tools, and
`inprocess` runs it here.
"""

from .shape.engine import EngineShape, LayerShape, Timing
from .sim.compare import Comparison, compare
from .sim.in_process import Result, Simulator

__all__ = ["Comparison", "EngineShape", "LayerShape", "Result", "Simulator", "Timing", "compare"]
