"""Which instructions this processor has for integer dot products, and which of them to use."""

from __future__ import annotations

import os
from functools import cache

import numba
from numba.core.registry import cpu_target

from ..errors import QsimError

NEEDS = {
    "avx512vnni": ({"avx512f", "avx512bw", "avx512vnni"},),
    "avxvnni": ({"avx2", "avxvnni"}, {"avx512vl", "avx512vnni"}),
    "avx2": ({"avx2"},),
    "portable": (set[str](),),
}


@cache
def available() -> tuple[str, ...]:
    """The names that this machine can run, the fastest first; with the JIT off, only the portable one."""
    if numba.config.DISABLE_JIT:
        return ("portable",)
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    has = {feature[1:] for feature in features.split(",") if feature.startswith("+")}
    return tuple(name for name, ways in NEEDS.items() if any(way <= has for way in ways))


def choose() -> str:
    """The name in QSIM_ISA, else the fastest."""
    wanted = os.environ.get("QSIM_ISA")
    if not wanted:
        return available()[0]
    if wanted not in available():
        raise QsimError(f"QSIM_ISA is {wanted!r}; this machine runs {', '.join(available())}")
    return wanted
