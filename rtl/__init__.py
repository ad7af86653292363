"""The engine in hardware: one block per file, equal to `qsim.spec` bit for bit.

`shape` decides the hardware, `engine` joins the blocks, `verilog` writes it for the tools, and
`inprocess` runs it here.
"""

from .comparison import Comparison, compare
from .inprocess import Result, Simulator
from .shape import EngineShape, LayerShape, Timing

__all__ = ["Comparison", "EngineShape", "LayerShape", "Result", "Simulator", "Timing", "compare"]
