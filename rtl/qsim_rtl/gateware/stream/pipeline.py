"""Registers that all move together, in the cycles in which a layer may advance."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, Value


def delayed(
    m: Module, advance: Value, value: Any, cycles: int = 1, name: str = "delayed", reset_less: bool = False
) -> Any:
    """`value` as it was `cycles` advances ago."""
    for k in range(cycles):
        register = Signal(value.shape(), name=f"{name}_{k}", reset_less=reset_less)
        with m.If(advance):
            m.d.sync += register.eq(value)
        value = register
    return value
