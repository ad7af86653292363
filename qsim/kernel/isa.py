"""Which instructions this processor has for integer dot products, and which of them to use."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Set
from functools import cache

import numba

from ..errors import QsimError
from ..jit.compiling import features

AMX = "avx512amx"
_VNNI512 = {"avx512f", "avx512bw", "avx512vnni"}
NEEDS = {
    AMX: (_VNNI512 | {"amx-tile", "amx-int8"},),
    "avx512vnni": (_VNNI512,),
    "avxvnni": ({"avx2", "avxvnni"}, {"avx512vl", "avx512vnni"}),
    "avx2": ({"avx2"},),
    "portable": (set[str](),),
}
ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA = 158, 0x1023, 18  # of Linux on x86-64


@cache
def available() -> tuple[str, ...]:
    """The names that this machine can run, the fastest first; with the JIT off, only the portable one."""
    if numba.config.DISABLE_JIT:
        return ("portable",)
    return tuple(name for name in runnable(features()) if name != AMX or tiles_granted())


def runnable(has: Set[str]) -> tuple[str, ...]:
    """The names that a processor with these features, as LLVM calls them, can run."""
    return tuple(name for name, ways in NEEDS.items() if any(way <= has for way in ways))


def tiles_granted() -> bool:
    """Whether Linux lets this process use tiles, now that it is asked: it keeps them for who asks alone."""
    if sys.platform != "linux":
        return False
    answer: int = ctypes.CDLL(None, use_errno=True).syscall(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA)
    return answer == 0


def choose() -> str:
    """The name in QSIM_ISA, else the fastest."""
    wanted = os.environ.get("QSIM_ISA")
    if not wanted:
        return available()[0]
    if wanted not in available():
        raise QsimError(f"QSIM_ISA is {wanted!r}; this machine runs {', '.join(available())}")
    return wanted
