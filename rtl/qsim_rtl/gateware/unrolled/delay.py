"""Registers in a row, which move in every cycle."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal


def delayed(m: Module, value: Any, cycles: int = 1, name: str = "delayed", reset_less: bool = False) -> Any:
    """`value` as it was `cycles` cycles ago."""
    for k in range(cycles):
        register = Signal(value.shape(), name=f"{name}_{k}", reset_less=reset_less)
        m.d.sync += register.eq(value)
        value = register
    return value
