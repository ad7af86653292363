"""Accuracy against LUTs, and LUTs against latency, for both styles of hardware, beside published engines.

`python -m benches.front` computes the rows and draws them; `--rows FILE` draws saved ones. LUTs and cycles
are the cost model's for ECP5 with its board. Times assume one clock for all, `CLOCK`. Published figures are
in docs/peers-hardware.csv, with their source and which of them were seen there.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qsim
from qsim.model.container import replacing
from qsim.robustness import evaluate
from qsim_rtl.fpga import cost, unrolled_cost
from qsim_rtl.shape.loadable import Loadable

from . import drawing

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "docs/peers-hardware.csv"
TARGET, CLOCK = "ecp5-85k", 100_000_000
MODELS = (
    "digits-step-q1",
    "digits-relu-q2",
    "digits-relu-q4",
    "digits-sparse-q4",
    "mnist-step-q1",
    "mnist-sparse-q4",
)
FOLDINGS = ((1, 1), (10, 1), (10, 4), (25, 4))
STRENGTHS = {"digits": 0.1, "mnist": 0.05}
IMAGES = 200  # under `strongest`
COLOURS = dict(zip(MODELS, ("#0072B2", "#56B4E9", "#009E73", "#D55E00", "#0072B2", "#D55E00"), strict=True))
BEFORE = ("hls4ml", "PolyLUT-Add")  # whose names stand left of their crosses
BELOW = ("NeuraLUT",)
MARKS = {"folded": "s", "unrolled": "o"}


@dataclass(frozen=True)
class Row:
    """One model in one engine; accuracies on the integers, `attacked` under `strongest`."""

    model: str
    digest: str
    style: str
    options: str
    lut: int
    interval: int
    latency: int
    clean: float
    attacked: float
    epsilon: float
    images: int

    @property
    def latency_ns(self) -> float:
        return self.latency * 1e9 / CLOCK


def rows(names: Sequence[str] = MODELS, images: int = IMAGES) -> list[Row]:
    """Every engine of these models that fits the part."""
    found = []
    for name in names:
        model, data = qsim.load(ROOT / f"models/{name}.safetensors"), name.split("-")[0]
        test = qsim.data.load(data, "test")
        clean = float(evaluate.clean(model, test).integer)
        codes, labels = test.codes[:images], test.labels[:images]
        left = qsim.attacks.strongest(model, codes, labels, STRENGTHS[data]).robust_accuracy
        accuracy = {"clean": clean, "attacked": float(left), "epsilon": STRENGTHS[data], "images": images}
        for engine in engines(model):
            found.append(Row(name, model.digest, **engine, **accuracy))
    return found


def engines(model: qsim.Model) -> list[dict[str, Any]]:
    """Style, options, LUTs, interval and latency of the engines that fit."""
    found: list[dict[str, Any]] = []
    for pe, simd in FOLDINGS:
        price = cost.predict(model, TARGET, pe, simd)
        if cost.fits(price, TARGET):
            facts = {"lut": price.lut, "interval": price.interval}
            facts["latency"] = Loadable.of(model, pe, simd).latency
            found.append({"style": "folded", "options": f"--pe {pe} --simd {simd}", **facts})
    for own in unrolled_cost.every(model, TARGET):
        if unrolled_cost.fits(own, TARGET):
            facts = {"lut": own.lut, "interval": own.interval, "latency": own.latency}
            found.append({"style": "unrolled", "options": f"--interval {own.asked}", **facts})
    return found


def peers(task: str) -> list[dict[str, str]]:
    """Published engines for a task; empty where a figure is not known."""
    with PEERS.open() as file:
        return [row for row in csv.DictReader(file) if row["task"] == task]


def draw(rows: Sequence[Row], path: Path) -> None:
    """A row of panels for each task: clean and attacked accuracy and latency against LUTs."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "qsim"
    from matplotlib import pyplot as plt

    tasks = sorted({row.model.split("-")[0] for row in rows})
    figure, panels = plt.subplots(
        len(tasks), 3, figsize=(11, 3.4 * len(tasks)), layout="constrained", squeeze=False
    )
    for task, line in zip(tasks, panels, strict=True):
        some = [row for row in rows if row.model.startswith(task)]
        _accuracy(line[0], some, "clean", f"{task}: accuracy, clean (%)")
        epsilon, images = some[0].epsilon, some[0].images
        _accuracy(line[1], some, "attacked", f"strongest attack, ε = {epsilon:g} (%)")
        line[1].set_title(f"{images} images", fontsize=9)
        _times(line[2], some)
        _published(peers(task), line[0], line[2])
        for panel in line:
            panel.set_xscale("log")
            panel.set_xticks([3000, 10_000, 30_000, 100_000], ["3,000", "10,000", "30,000", "100,000"])
            panel.set_xticks([], minor=True)
            panel.set_xlabel("LUTs")
            panel.grid(alpha=0.3, lw=0.5)
            panel.margins(0.15)
    for line in panels:
        line[2].legend(frameon=False, fontsize=7, loc="upper right")
    with replacing(path) as temporary:
        metadata = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(temporary, format=path.suffix[1:], dpi=130, metadata=metadata)
    plt.close(figure)


def _accuracy(panel: Any, rows: Sequence[Row], field: str, label: str) -> None:
    """One line a model and style, over the LUTs of its engines."""
    for (model, style), own in _series(rows).items():
        heights = [100 * getattr(row, field) for row in own]
        filled = COLOURS[model] if style == "unrolled" else "none"
        panel.plot(
            [row.lut for row in own],
            heights,
            MARKS[style],
            ls=":",
            ms=4,
            color=COLOURS[model],
            mfc=filled,
        )
    panel.set_ylabel(label)


def _times(panel: Any, rows: Sequence[Row]) -> None:
    for (model, style), own in _series(rows).items():
        filled = COLOURS[model] if style == "unrolled" else "none"
        panel.plot(
            [row.lut for row in own],
            [row.latency_ns for row in own],
            MARKS[style],
            ms=4,
            color=COLOURS[model],
            mfc=filled,
            ls="-",
            lw=0.7,
            label=f"{model.partition('-')[2]}, {style}",
        )
    panel.set_yscale("log")
    panel.set_ylabel(f"latency (ns) at {CLOCK // 1_000_000} MHz")


def _published(found: Sequence[Mapping[str, str]], accuracy: Any, times: Any) -> None:
    """The peers: a black cross and the tool's name."""
    for peer in found:
        lut = int(peer["lut"])
        if peer["accuracy"]:
            height = 100 * float(peer["accuracy"])
            accuracy.plot([lut], [height], "kx", ms=6)
            _named(accuracy, peer["tool"], (lut, height))
        if peer["latency_ns"]:
            height = float(peer["latency_ns"])
            times.plot([lut], [height], "kx", ms=6)
            _named(times, peer["tool"], (lut, height))


def _named(panel: Any, tool: str, place: tuple[float, float]) -> None:
    offset, side = ((-6, -3), "right") if tool in BEFORE else ((6, -3), "left")
    offset, side = ((0, -13), "center") if tool in BELOW else (offset, side)
    panel.annotate(tool, place, offset, textcoords="offset points", fontsize=8, ha=side)


def _series(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows of each model in each style, by LUTs."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.lut):
        found.setdefault((row.model, row.style), []).append(row)
    return dict(sorted(found.items()))


def main() -> None:
    drawing.run(__doc__, "front", Row, rows, draw)


if __name__ == "__main__":
    main()
