"""Registers of a compiled engine, by name, and bits of them that flip for once: upsets.

`layers.0.acc_3[12]@345` is bit 12 of the accumulator of lane 3 of layer 0, flipped as cycle 345 begins: what
is stored stays wrong until the engine writes the register again.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qsim.errors import QsimError

CLASSES = {  # a register is of the first class whose pattern its name has
    "accumulator": r"\.(acc|held)\d*_\d+(_\d+)?$",
    "code": r"\.(codes|loaded_codes|kept_\d+|code_\d+|prefix\d+_\d+)$",
    "pipeline": r"\.(product_\d+_\d+|loaded_weights|\w*_data(_\d+)?)$",
    "result": r"^argmax\.",
    "control": r"",
}


class State(ctypes.Structure):
    """The harness's `Upset`: what flips, and when; nothing as it is made."""

    _fields_ = (
        ("cycle", ctypes.c_int64),
        ("current", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("mask", ctypes.c_uint32),
    )


@dataclass
class Register:
    """One register.

    Parameters
    ----------
    name : str
    bits : list of int
        Those that anything reads.
    pieces : dict
        The lowest bit of each 32-bit piece of its state, and the addresses of what is stored and of what the
        next edge stores.
    """

    name: str
    bits: list[int] = field(default_factory=list)
    pieces: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Its class, of `CLASSES`."""
        return next(kind for kind, pattern in CLASSES.items() if re.search(pattern, self.name))


@dataclass(frozen=True)
class Upset:
    """A bit of a register that flips as a cycle begins; cycle 0 is the first in which a beat may come in."""

    register: str
    bit: int
    cycle: int

    def __str__(self) -> str:
        return f"{self.register}[{self.bit}]@{self.cycle}"

    def state(self, registers: Mapping[str, Register]) -> State:
        """Where the bit is in memory.

        Raises
        ------
        QsimError
            If the engine has no such register, or nothing reads such a bit of it.
        """
        register = registers.get(self.register)
        if register is None:
            raise QsimError(f"register is {self.register!r}; this engine has none of that name")
        if self.bit not in register.bits:
            raise QsimError(f"{self.register} has no bit {self.bit}; one of {register.bits} is needed")
        lowest = max(low for low in register.pieces if low <= self.bit)
        return State(self.cycle, *register.pieces[lowest], 1 << self.bit - lowest)


def collect(tell: Any, engine: ctypes.c_void_p) -> dict[str, Register]:
    """All registers of an engine; `tell` is the library's `engine_registers`."""
    found: dict[str, Register] = {}

    def each(name: bytes, lowest: int, width: int, current: int, following: int, unused: bytes) -> None:
        where = site(name.decode())
        register = found.setdefault(where, Register(where))
        register.pieces[lowest] = current, following
        idle = set(map(int, unused.split()))
        register.bits += [bit for bit in range(lowest, lowest + width) if bit not in idle]

    pointers = (ctypes.c_void_p, ctypes.c_void_p)
    tell(
        engine,
        ctypes.CFUNCTYPE(None, ctypes.c_char_p, *2 * (ctypes.c_int64,), *pointers, ctypes.c_char_p)(each),
    )
    return {name: register for name, register in sorted(found.items()) if register.bits}


def site(name: str) -> str:
    """A register's name among all sites, from its path in the netlist."""
    path = name.replace("$signature", "weights").replace(" ", ".")
    path = re.sub(r"^layer(\d+)\.", r"layers.\1.", path)
    path = re.sub(r"^(threshold|lanes)(\d+)\.", r"layers.\2.\1.", path)
    return path.replace("__", "_").replace("$", "_")
