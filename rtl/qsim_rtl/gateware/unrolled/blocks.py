"""An adder graph in modules of some hundred values: the netlist stays readable, and compiles as C++."""

from __future__ import annotations

from amaranth.hdl import Module

BLOCK_VALUES = 256


class Blocks:
    """Submodules `block0`, `block1`, ... of a module; each has the adders and registers of so many values.

    Values are numbered as those of `AdderGraph`, so that the adders of one output mostly share a block.
    """

    def __init__(self, m: Module) -> None:
        self._parent, self._made = m, dict[int, Module]()

    def of(self, value: int) -> Module:
        """The module of a value."""
        number = value // BLOCK_VALUES
        if number not in self._made:
            self._parent.submodules[f"block{number}"] = self._made[number] = Module()
        return self._made[number]
