"""What the width of the weights costs, 1 to 10 bits, and each instruction set."""

from __future__ import annotations

from qsim.executors import executor
from qsim.kernel import isa

from . import harness, peers
from .harness import Row


def rows() -> list[Row]:
    found, codes = [], harness.dense(2000)
    with harness.environment(QSIM_THREADS="1"):
        for bits in range(1, 11):
            model = harness.network(bits=bits)
            packed = {name: executor(model, name) for name in isa.available()}
            engines = {f"qsim {name}": lambda p=p: p.predict(codes) for name, p in packed.items()}
            engines |= peers.blas(model, codes)
            found += harness.compare("bits", f"{bits} bits", len(codes), engines, bits=bits)
    return found
