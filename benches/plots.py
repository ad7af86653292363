"""Figures from saved rows: rate by batch size, by threads, by width, and against the peak."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qsim.model.container import replacing

from .harness import Row

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # told apart by all eyes
MARKS = "os^Dvx"


def draw(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Writes what the rows allow and returns the files."""
    import matplotlib as mpl

    mpl.use("Agg")
    written = []
    for data in ("dense", "digits"):
        some = [row for row in rows if row.bench == "batch_size" and row.parameters["data"] == data]
        some = [row for row in some if "alone" not in row.engine]
        written += _lines(
            some,
            "size",
            "images in a batch",
            f"784-100-10, {data}, one core",
            folder / f"batch_{data}.svg",
            log=True,
        )
        some = [row for row in rows if row.bench == "threads" and row.parameters["data"] == data]
        for size in sorted({row.parameters["size"] for row in some}):
            written += _lines(
                [row for row in some if row.parameters["size"] == size and "registers" not in row.engine],
                "threads",
                "threads",
                f"784-100-10, {data}, {size} images",
                folder / f"threads_{data}_{size}.svg",
            )
    written += _lines(
        [r for r in rows if r.bench == "bits"],
        "bits",
        "bits of a weight",
        "784-100-10, dense, one core",
        folder / "bits.svg",
    )
    written += _scaling([row for row in rows if row.bench == "scaling"], folder / "scaling.svg")
    return written + _roofline(rows, folder / "roofline.svg")


def _lines(rows: Sequence[Row], x: str, label: str, title: str, file: Path, log: bool = False) -> list[Path]:
    import matplotlib.pyplot as plt

    if not rows:
        return []
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    for i, engine in enumerate(dict.fromkeys(row.engine for row in rows)):
        mine = [row for row in rows if row.engine == engine]
        across, up = [row.parameters[x] for row in mine], [row.rate / 1e6 for row in mine]
        axes.plot(across, up, marker=MARKS[i % 6], color=COLOURS[i % 6], label=engine)
    axes.set(xlabel=label, ylabel="million images a second", title=title)
    axes.set_ylim(bottom=0)
    if log:
        axes.set_xscale("log")
    else:
        axes.set_xticks(sorted({row.parameters[x] for row in rows}))
    return _save(figure, axes, file)


def _scaling(rows: Sequence[Row], file: Path) -> list[Path]:
    """Seconds by size on logarithmic axes, where what is linear runs along the dotted lines."""
    import matplotlib.pyplot as plt

    if not rows:
        return []
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    for i, axis in enumerate(dict.fromkeys(row.parameters["axis"] for row in rows)):
        mine = [row for row in rows if row.parameters["axis"] == axis]
        sizes, seconds = [row.parameters["size"] for row in mine], [row.median for row in mine]
        axes.loglog(sizes, seconds, marker=MARKS[i], color=COLOURS[i], label=axis)
        straight = [seconds[-1] * size / sizes[-1] for size in sizes]
        axes.loglog(sizes, straight, color=COLOURS[i], linestyle=":")
    axes.set(xlabel="images, inputs or neurons", ylabel="seconds", title="Cost, dense, one core")
    return _save(figure, axes, file)


def _roofline(rows: Sequence[Row], file: Path) -> list[Path]:
    """Reached multiplications by multiplications for each byte of weights and images that a batch loads."""
    import matplotlib.pyplot as plt

    peaks = {row.engine: row for row in rows if row.bench == "peak" and row.engine != "qsim"}
    ours = [
        row
        for row in rows
        if row.bench == "batch_size" and row.engine == "qsim" and row.parameters["data"] == "dense"
    ]
    if not peaks or not ours:
        return []
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    for i, (name, row) in enumerate(peaks.items()):
        axes.axhline(row.rate / 1e9, color=COLOURS[i + 1], linestyle="--", label=name)
    for row in ours:
        size, work = row.parameters["size"], row.parameters["macs"]
        intensity = size * work / (work + 784 * size)
        axes.plot(intensity, row.rate * work / 1e9, marker="o", color=COLOURS[0])
        axes.annotate(
            f"{size}" if size <= 1000 else "",
            (intensity, row.rate * work / 1e9),
            textcoords="offset points",
            xytext=(5, -12),
        )
    axes.set(xlabel="multiplications for each byte loaded", ylabel="billion multiplications a second")
    axes.set(
        title="784-100-10, 8 bits, dense, one core; points by images in a batch", xscale="log", yscale="log"
    )
    return _save(figure, axes, file)


def _save(figure: Any, axes: Any, file: Path) -> list[Path]:
    import matplotlib.pyplot as plt

    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    with replacing(file) as temporary:
        figure.savefig(temporary, format="svg")
    plt.close(figure)
    return [file]
