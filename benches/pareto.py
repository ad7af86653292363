"""Accuracy, clean and attacked, against LUTs and inferences a second, over weight bits and foldings.

`python -m benches.pareto` computes the rows and draws them; `--rows FILE` draws saved ones. LUTs are
the cost model's for ECP5, the rate is that of the board's 25 MHz clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import qsim
from qsim.model.container import replacing
from qsim.robustness import evaluate
from qsim_rtl.fpga import cost
from qsim_rtl.fpga.family import BOARDS

from . import drawing

TARGET = "ecp5-85k"
EPSILON = 0.1
BITS = (1, 2, 4, 8, 10)
FOLDINGS = ((1, 1), (5, 1), (10, 1), (10, 4), (25, 4), (50, 4), (50, 8))
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")  # told apart by all eyes


@dataclass(frozen=True)
class Row:
    """One model in one folding on the target's board."""

    model: str
    digest: str
    bits: int
    pe: int
    simd: int
    lut: int
    inferences_per_s: float
    clean: float
    attacked: float
    epsilon: float


def rows(activation: str = "relu") -> list[Row]:
    found, images = [], qsim.data.load("mnist", "test")
    for bits in BITS:
        name = f"mnist-{activation}-q{bits}"
        model = qsim.load(Path(__file__).parent.parent / f"models/{name}.safetensors")
        clean = evaluate.clean(model, images).integer
        (attacked,) = evaluate.attacked(model, images, [EPSILON], clip=True)
        for pe, simd in FOLDINGS:
            price = cost.predict(model, TARGET, pe, simd)
            if not cost.fits(price, TARGET):
                continue
            rate = BOARDS[TARGET].clock / price.interval
            accuracy = (float(clean), float(attacked.integer), EPSILON)
            found.append(Row(name, model.digest, bits, pe, simd, price.lut, round(rate, 1), *accuracy))
    return found


def draw(rows: Sequence[Row], path: Path) -> None:
    """Three panels: LUTs against rate, and clean and attacked accuracy against LUTs, one colour a width."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "qsim"
    from matplotlib import pyplot as plt

    figure, (speed, clean, attacked) = plt.subplots(1, 3, figsize=(10.5, 3.6), layout="constrained")
    for bits, colour in zip(sorted({row.bits for row in rows}), COLOURS, strict=False):
        some = sorted((row for row in rows if row.bits == bits), key=lambda row: row.inferences_per_s)
        luts, style = [row.lut for row in some], {"color": colour, "label": f"{bits} bit" + "s" * (bits > 1)}
        speed.plot(luts, [row.inferences_per_s for row in some], marker="o", ms=4, **style)
        for panel, values in ((clean, "clean"), (attacked, "attacked")):
            heights = [100 * getattr(row, values) for row in some]
            sizes = [8 + row.inferences_per_s / 400 for row in some]
            panel.scatter(luts, heights, s=sizes, alpha=0.8, **style)
    for panel in (speed, clean, attacked):
        panel.set_xscale("log")
        panel.margins(0.08)
        panel.set_xticks([3000, 10_000, 30_000], ["3,000", "10,000", "30,000"])
        panel.set_xticks([], minor=True)
        panel.set_xlabel("LUTs (cost model, ECP5)")
        panel.grid(alpha=0.3, which="both", lw=0.5)
    speed.set_yscale("log")
    speed.set_ylabel("inferences/s at 25 MHz")
    clean.set_ylabel("accuracy, clean (%)")
    attacked.set_ylabel(f"accuracy under FGSM, ε = {rows[0].epsilon:g} (%)")
    clean.set_title("larger dots are faster", fontsize=9)
    speed.legend(frameon=False, fontsize=8)
    with replacing(path) as temporary:
        figure.savefig(
            temporary,
            format=path.suffix[1:],
            dpi=130,
            metadata={"Date": None} if path.suffix == ".svg" else None,
        )
    plt.close(figure)


def main() -> None:
    drawing.run(__doc__, "pareto", Row, rows, draw)


if __name__ == "__main__":
    main()
