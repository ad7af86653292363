"""The index of the largest of several values, an input vector a cycle: a tree of comparisons."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class ArgmaxTree(wiring.Component):
    """The index of the largest value, the lowest on a tie; of one value, whether it is at least 0.

    Ports
    -----
    z0, z1, ... : values of one shape
    index : `latency` cycles later
    """

    def __init__(self, count: int, shape: Shape) -> None:
        self.count = count
        self.latency = max((count - 1).bit_length(), 1)
        self.bits = max((count - 1).bit_length(), 1)
        super().__init__({**{f"z{j}": In(shape) for j in range(count)}, "index": Out(self.bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left: list[tuple[Value, Value | int]] = [(getattr(self, f"z{j}"), j) for j in range(self.count)]
        if self.count == 1:
            left = [self._kept(m, "sign", self.z0, self.z0 >= 0)]
        level = 0
        while len(left) > 1:
            pairs = [left[k : k + 2] for k in range(0, len(left), 2)]
            left = []
            for k, ((value, index), *others) in enumerate(pairs):
                for other, its_index in others:
                    wins = other > value
                    value, index = Mux(wins, other, value), Mux(wins, its_index, index)
                left.append(self._kept(m, f"{level}_{k}", value, index))
            level += 1
        m.d.comb += self.index.eq(left[0][1])
        return m

    def _kept(self, m: Module, name: str, value: Value, index: Value | int) -> tuple[Value, Value]:
        best = Signal(self.z0.shape(), name=f"best{name}", reset_less=True)
        place = Signal(self.bits, name=f"index{name}", reset_less=True)
        m.d.sync += [best.eq(value), place.eq(index)]
        return best, place
