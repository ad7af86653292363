"""One hundred and one strengths of an attack on ten thousand digits; rates are inferences a second."""

from __future__ import annotations

from itertools import product

import numpy as np

import qsim

from . import harness
from .harness import Row

STEPS = np.round(np.linspace(0, 0.5, 101) * 255).astype(np.int64)


def rows() -> list[Row]:
    found, codes = [], harness.digits(10_000)
    signs = np.random.default_rng(3).integers(0, 2, codes.shape).astype(np.int8) * 2 - 1
    few = slice(0, 1000)
    with harness.environment(QSIM_THREADS="1"):
        for bits, sigmoid in product((4, 8, 10), (False, True)):
            model, case = harness.network(bits=bits, sigmoid=sigmoid), f"{bits} bits"
            case += ", sigmoid" if sigmoid else ", even thresholds"

            def step_by_step(model: object = model) -> None:
                for e in STEPS[::10]:
                    moved = np.clip(
                        codes[few].astype(np.int16) + int(e) * signs[few].astype(np.int16), 0, 255
                    )
                    model.predict(moved.astype(np.uint8))  # type: ignore[attr-defined]

            count = len(codes) * STEPS.size
            found += harness.compare(
                "epsilon_sweep",
                case,
                count,
                {"qsim": lambda m=model: qsim.sweep(m, codes, signs, STEPS)},
                bits=bits,
                sigmoid=sigmoid,
            )
            found += harness.compare(
                "epsilon_sweep",
                case,
                1000 * len(STEPS[::10]),
                {"strength by strength": step_by_step},
                bits=bits,
                sigmoid=sigmoid,
            )
    return found
