"""Fit the LUTs of `rtl.cost` to builds, and show how far it is off builds that it was not fitted to.

`python -m benches.fit_cost` reads docs/builds.json and prints the constants of each family.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import qsim
from rtl import cost
from rtl.axi_shape import Loadable
from rtl.boards import BOARDS
from rtl.cost import Luts

ROOT = Path(__file__).parent.parent
BUILDS = ROOT / "docs/builds.json"


def shape_of(row: dict[str, Any]) -> Loadable:
    model = qsim.load(ROOT / f"models/{row['model']}.safetensors")
    return Loadable.of(model, row["pe"], row["simd"], row.get("max_bits"))


def fit(family: str, rows: list[dict[str, Any]]) -> Luts:
    """The constants, none negative, with the least squared relative errors over the rows marked `fit`."""
    from scipy.optimize import nnls

    known = []
    for row in rows:
        board = BOARDS[row["target"]]
        if board.family != family or not row["fit"]:
            continue
        _, _, counts = cost.features(shape_of(row), board)
        known.append(np.array(counts) / row["lut"])
    constants, _ = nnls(np.array(known), np.ones(len(known)))
    return Luts(*map(float, constants))


def main() -> None:
    rows = json.loads(BUILDS.read_text())
    for family in cost.LUTS:
        print(family, fit(family, rows))
    for row in rows:
        model = qsim.load(ROOT / f"models/{row['model']}.safetensors")
        price = cost.predict(model, row["target"], row["pe"], row["simd"], row.get("max_bits"))
        print(
            f"{row['target']:9} {row['model']:18} {row['pe']:3} x {row['simd']}  LUT {row['lut']:6} "
            f"{price.lut / row['lut'] - 1:+6.1%}  BRAM {row['bram']:3} {price.bram:3}  "
            f"DSP {row['dsp']:3} {price.dsp:3}  {'' if row['fit'] else 'not in the fit'}"
        )


if __name__ == "__main__":
    main()
