"""How near the compiled loops come to the most that the processor can multiply."""

from __future__ import annotations

from . import harness
from .harness import Row
from .limits import limits

CASES = {"dense, 8 bits": (8, 8), "dense, 9 bits": (9, 8), "dense, 8 bits, 16-bit input": (8, 16)}


def rows() -> list[Row]:
    """Rates are multiplications a second, so that a peak and a network compare; padding is not counted."""
    found = []
    peaks = {f"peak of {limit.name}": limit for limit in limits()}
    with harness.environment(QSIM_THREADS="1"):
        for case, (bits, input_bits) in CASES.items():
            model, codes = harness.network(bits=bits, input_bits=input_bits), harness.dense(10_000)
            wide = codes.astype("u2") * 257 if input_bits == 16 else codes
            work = harness.macs(model) * len(codes)
            network = harness.compare(
                "peak",
                case,
                1,
                {"qsim": lambda m=model, c=wide: m.predict(c)}
                | {name: limit.burn for name, limit in peaks.items()},
            )
            for row in network:
                count = work if row.engine == "qsim" else peaks[row.engine].count
                found.append(Row(row.bench, case, row.engine, count, row.median, row.best, {"unit": "MAC"}))
    return found
