"""A protected word as it is read: its data put right where that can be done, and what was found."""

from __future__ import annotations

from functools import reduce
from operator import xor

from amaranth.hdl import Cat, Const, Module, Signal, Value

from ..memory.protection import Protection


def decoded(m: Module, word: Value, width: int, protection: Protection) -> tuple[Value, Value, Value]:
    """The data of a word of `width` bits and its check bits above them, all combinational.

    Returns
    -------
    data : Value
        `width` bits.
    corrected : Value
        One bit: a flip was found, and data, or the checks alone, were put right.
    failed : Value
        One bit: something is wrong that cannot be put right.
    """
    checks = protection.checks(width)
    if not checks:
        return word, Const(0), Const(0)
    columns = protection.columns(width)
    syndrome = Signal(checks, name="syndrome")
    for place in range(checks):
        taken = [word[i] for i, column in enumerate(columns) if column >> place & 1]
        m.d.comb += syndrome[place].eq(reduce(xor, taken, word[width + place]))
    if not protection.corrects:
        return word[:width], Const(0), syndrome.any()
    wrong = Signal(width, name="wrong_bits")
    m.d.comb += [wrong[i].eq(syndrome == column) for i, column in enumerate(columns)]
    in_checks = Cat(syndrome == 1 << place for place in range(checks)).any()
    corrected = wrong.any() | in_checks
    return word[:width] ^ wrong, corrected, syndrome.any() & ~corrected
