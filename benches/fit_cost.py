"""Fit the LUTs of `qsim_rtl.fpga.family` to builds, and show how far off each unseen one would be.

`python -m benches.fit_cost` reads docs/builds.json and prints the constants of each family, and for each
build the error of constants that are fitted to all others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import qsim
from qsim_rtl.fpga import cost
from qsim_rtl.fpga.family import BOARDS, FAMILIES
from qsim_rtl.fpga.part import Luts
from qsim_rtl.shape.loadable import Loadable

ROOT = Path(__file__).parent.parent
BUILDS = json.loads((ROOT / "docs/builds.json").read_text())

Build = dict[str, Any]


def counts(build: Build) -> tuple[int, ...]:
    """What each constant of `Luts` is multiplied by."""
    model = qsim.load(ROOT / f"models/{build['model']}.safetensors")
    shape = Loadable.of(model, build["pe"], build["simd"], build["max_bits"])
    return cost.features(shape, BOARDS[build["target"]])[2]


def family(name: str) -> list[Build]:
    """The builds for parts of one family."""
    targets = [board.target for board in FAMILIES[name].boards]
    return [build for build in BUILDS if build["target"] in targets]


def fit(builds: Sequence[Build]) -> Luts:
    """The constants, none of them negative, with the least sum of squared relative errors."""
    from scipy.optimize import nnls

    shares = np.array([counts(build) for build in builds]) / [[build["lut"]] for build in builds]
    return Luts(*nnls(shares, np.ones(len(builds)))[0].tolist())


def unseen(builds: Sequence[Build]) -> list[float]:
    """The relative error at each build of constants that are fitted to all others."""
    errors = []
    for i, build in enumerate(builds):
        others = fit([*builds[:i], *builds[i + 1 :]])
        errors.append(cost.luts(others, counts(build)) / build["lut"] - 1)
    return errors


def main() -> None:
    for name in (name for name, family in FAMILIES.items() if family.prices):
        builds = family(name)
        print(name, fit(builds))
        for build, error in zip(builds, unseen(builds), strict=True):
            folding = f"{build['pe']} x {build['simd']}"
            print(f"  {build['target']:9} {build['model']:18} {folding:7} {build['lut']:6} {error:+7.1%}")


if __name__ == "__main__":
    main()
