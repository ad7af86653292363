"""Fit the prices of unrolled engines to synthesised ones, and show how far off each unseen one would be.

`python -m benches.fit_unrolled` reads docs/unrolled-builds.json and prints each family's constants, and for
each build the error of constants that are fitted to all others. With `--build` it first synthesises those of
`WANTED` that are not there yet.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import qsim
from qsim.model.container import replacing
from qsim.model.model import Model
from qsim_rtl.export import folder
from qsim_rtl.fpga import unrolled_cost
from qsim_rtl.fpga.family import BOARDS, FAMILIES, family
from qsim_rtl.fpga.part import UnrolledLuts, UnrolledPrices, UnrolledRegisters
from qsim_rtl.fpga.steps import commands
from qsim_rtl.unrolled.engine_size import engine_size, graphs

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs/unrolled-builds.json"
BLOCKS = ("DP16KD", "SDPB", "SDPX9B", "DPB", "DPX9B")  # of ECP5 and Gowin
CARRY = 1  # its place among the counts
Build = dict[str, Any]


class Wanted(NamedTuple):
    """A model of models/, its first hidden neurons if not all, at an interval, for a target."""

    model: str
    hidden: int | None
    interval: int
    target: str = "ecp5-85k"


SMALL = (
    ("digits-step-q1", 12, 1),
    ("digits-step-q1", 12, 9),
    ("digits-relu-q4", 12, 1),
    ("digits-relu-q4", 12, 4),
    ("digits-sigmoid-q4", 12, 1),
    ("digits-step-q2", 24, 1),
    ("digits-step-q2", 24, 99),
    ("digits-relu-q1", 24, 2),
    ("digits-sigmoid-q1", 40, 1),
)
SPARSE = (("digits-sparse-q4", None, 1), ("digits-sparse-q4", None, 8))
LARGE = (
    ("digits-step-q1", None, 16),
    ("digits-step-q1", None, 1),
    ("mnist-sparse-q4", None, 7),
    ("mnist-sparse-q4", None, 1),
)
WANTED = [
    *(Wanted(*one) for one in (*SMALL, *SPARSE)),
    *(Wanted(*one, "gw2a-18") for one in (*SMALL, *SPARSE)),
    *(Wanted(*one) for one in LARGE),
]


def cut(model: Model, hidden: int | None) -> Model:
    """The model with the first neurons of its hidden layer alone."""
    if hidden is None:
        return model
    first, last = model.layers
    assert first.thresholds is not None
    few = replace(
        first,
        weights=first.weights[:hidden],
        bias=first.bias[:hidden],
        thresholds=first.thresholds[:hidden],
    )
    return Model((few, replace(last, weights=last.weights[:, :hidden])), model.input, {})


def cut_model(build: Mapping[str, Any]) -> Model:
    """The model that was built."""
    return cut(qsim.load(ROOT / f"models/{build['model']}.safetensors"), build["hidden"])


def synthesised(wanted: Wanted) -> Build:
    """LUTs and registers of an export on its board, as yosys makes them."""
    board, model = BOARDS[wanted.target], cut_model(wanted._asdict())
    with tempfile.TemporaryDirectory() as name:
        made = folder.write(model, name, style="unrolled", interval=wanted.interval, vectors=4)
        (Path(name) / "build").mkdir()
        tool, *options = commands(board, made)["synthesis"]
        subprocess.run([Path(sys.executable).parent / tool, *options], cwd=name, check=True)
        netlist = json.loads((Path(name) / f"build/{wanted.target}.json").read_text())
    cells = netlist["modules"]["board"]["cells"]
    lut, ff = COUNTS[family(wanted.target).name](cells)
    bram = sum(cell["type"] in BLOCKS for cell in cells.values())
    cycles = {"engine_interval": made["interval"], "latency": made["latency"]}
    return {**wanted._asdict(), "lut": lut, "ff": ff, "bram": bram, **cycles}


def ecp5(cells: Mapping[str, Any]) -> tuple[int, int]:
    """As nextpnr packs them: two LUTs for a carry cell, four more for each chain, four for a small memory."""
    kinds = Counter(cell["type"] for cell in cells.values())
    carries = [cell["connections"] for cell in cells.values() if cell["type"] == "CCU2C"]
    inner = {bit for carry in carries for bit in carry.get("COUT", [])}
    chains = sum(carry["CIN"][0] not in inner for carry in carries)
    lut = kinds["LUT4"] + 2 * kinds["CCU2C"] + 4 * chains + 4 * kinds["TRELLIS_DPR16X4"]
    return lut, kinds["TRELLIS_FF"]


def gowin(cells: Mapping[str, Any]) -> tuple[int, int]:
    """An ALU takes the place of a LUT, a small memory that of six."""
    kinds = Counter(cell["type"] for cell in cells.values())
    lut = sum(kinds[f"LUT{inputs}"] for inputs in range(1, 5)) + kinds["ALU"] + 6 * kinds["RAM16SDP4"]
    return lut, sum(count for kind, count in kinds.items() if kind.startswith("DFF"))


COUNTS: dict[str, Callable[[Mapping[str, Any]], tuple[int, int]]] = {
    "ecp5": ecp5,
    "gowin": gowin,
}


def saved() -> list[Build]:
    return list(json.loads(FILE.read_text())) if FILE.exists() else []


def save(builds: Sequence[Build]) -> None:
    with replacing(FILE) as temporary:
        temporary.write_text("[\n" + ",\n".join(json.dumps(build) for build in builds) + "\n]\n")


def of_family(name: str) -> list[Build]:
    """The builds for parts of one family."""
    targets = [board.target for board in FAMILIES[name].boards]
    return [build for build in saved() if build["target"] in targets]


class Counted(NamedTuple):
    """A build: what the constants are multiplied by, registers that are counted, and what was measured."""

    counts: tuple[int, ...]
    registers: int
    lut: int
    ff: int


def counted(build: Build) -> Counted:
    model = cut_model(build)
    size = engine_size(model, graphs(model), build["interval"])
    prices = family(build["target"]).prices
    assert prices
    shape = unrolled_cost.bus_shape(model, size)
    _, counts = unrolled_cost.features(size, shape, prices)
    return Counted(counts, unrolled_cost.registers(size, shape), build["lut"], build["ff"])


def fit(builds: Sequence[Counted]) -> UnrolledPrices:
    """The constants, none of them negative, with the least sum of squared relative errors.

    A bit of a carry chain is a LUT: adders of one network are of much the same width, and a fit could not
    tell their bits from their chains.
    """
    from scipy.optimize import nnls

    counts = np.array([build.counts for build in builds], float)
    measured = np.array([build.lut for build in builds], float)
    others = np.delete(counts, CARRY, axis=1) / measured[:, None]
    base, *rest = nnls(others, 1 - counts[:, CARRY] / measured)[0].tolist()
    held = np.array([(build.counts[0], build.counts[-1]) for build in builds]) / [[b.ff] for b in builds]
    missing = np.array([1 - build.registers / build.ff for build in builds])
    return UnrolledPrices(
        UnrolledLuts(base, 1.0, *rest),
        UnrolledRegisters(*nnls(held, missing)[0].tolist()),
    )


def unseen(builds: Sequence[Counted]) -> list[tuple[float, float]]:
    """The relative errors, LUTs and registers, at each build of constants that are fitted to all others."""
    errors = []
    for i, build in enumerate(builds):
        prices = fit([*builds[:i], *builds[i + 1 :]])
        lut, ff = unrolled_cost.from_counts(prices, build.counts, build.registers)
        errors.append((lut / build.lut - 1, ff / build.ff - 1))
    return errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", action="store_true", help="synthesise what is missing")
    if parser.parse_args().build:
        there = {tuple(build[field] for field in Wanted._fields) for build in saved()}
        for wanted in WANTED:
            if wanted not in there and (ROOT / f"models/{wanted.model}.safetensors").exists():
                save([*saved(), build := synthesised(wanted)])
                print(build, flush=True)
    for name in COUNTS:
        if not (builds := of_family(name)):
            continue
        every = [counted(build) for build in builds]
        print(name, fit(every))
        for build, (lut, ff) in zip(builds, unseen(every), strict=True):
            part = f"{build['model']} {build['hidden'] or ''}"
            print(
                f"  {part:22} {build['interval']:3} {build['lut']:7} {lut:+7.1%} {build['ff']:7} {ff:+7.1%}"
            )


if __name__ == "__main__":
    main()
