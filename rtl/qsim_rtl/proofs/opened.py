"""A block opened up: its submodules before they are elaborated, and its registers and wires by name.

A proof by induction needs to speak of what a block holds inside. Amaranth lets another module of the
same design use those signals, so nothing is added to the block itself.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.memory import Memory


class Opened:
    """A block, elaborated once, as a submodule of the harness `m`."""

    def __init__(self, m: Module, block: Any, name: str = "dut") -> None:
        self._open(block)
        m.submodules[name] = block

    @classmethod
    def within(cls, block: Any) -> Opened:
        """A block that another one has as a submodule."""
        opened = cls.__new__(cls)
        opened._open(block)
        return opened

    def _open(self, block: Any) -> None:
        self.block = block
        self.module: Module = block.elaborate(None)
        self.module._flush()  # closes the last `with m.If`, so that `signal` sees all statements
        block.elaborate = lambda platform: self.module

    def submodule(self, name: str) -> Any:
        """A submodule that the block has made."""
        return getattr(self.module.submodules, name)

    def signal(self, name: str) -> Signal:
        """A signal that the block assigns."""
        statements = [each for domain in self.module._statements.values() for each in domain]
        found = {id(s): s for each in statements for s in each._lhs_signals() if s.name == name}
        (signal,) = found.values()
        return signal


def word(m: Module, memory: Memory, address: Any) -> Value:
    """What a memory holds at an address, in the same cycle; ask before the design is converted."""
    port = memory.read_port(domain="comb")
    m.d.comb += port.addr.eq(address)
    return port.data
