"""Transient faults: a bit of a register flips as a cycle begins, and what leaves the engine is judged.

The share of (bit, cycle) pairs that are not masked is the architectural vulnerability of a structure
(Mukherjee et al., A Systematic Methodology to Compute the Architectural Vulnerability Factors, 2003). Here it
is measured by injection in the RTL itself, while frames follow one another without a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError
from qsim.model.checks import checked_int
from qsim.model.model import Model

from ..shape.engine import Folding
from .engine import Outcome
from .in_process import Simulator
from .registers import CLASSES, Register, Upset

OUTCOMES = {
    "masked": "nothing that leaves the engine is different",
    "logits": "logits are different, all classes the same, and nothing tells",
    "silent": "a class is different, and nothing tells",
    "detected": "a flag is raised, or a frame has not its results: the host notices",
}
Row = dict[str, Any]
Report = Callable[[int, int], None]  # upsets done, upsets in all


@dataclass(frozen=True)
class Plan:
    """What is tried.

    Parameters
    ----------
    pe, simd : int or sequence of int
        As in `EngineShape.of`.
    protection : str
        Of the weight memories.
    samples : int
        Upsets of each class of registers, each of a bit and a cycle drawn alike.
    seed : int
    """

    pe: Folding = 10
    simd: Folding = 1
    protection: str = "none"
    samples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        checked_int(self.samples, 1, 1 << 30, "number of upsets")
        checked_int(self.seed, 0, 1 << 62, "seed")


class Bench:
    """An engine, frames for it, and what comes out if nothing flips.

    Parameters
    ----------
    simulator : Simulator made with its registers
    codes : int array (N, inputs)
        Sent one after another without a gap.
    """

    def __init__(self, simulator: Simulator, codes: npt.ArrayLike) -> None:
        self.simulator = simulator
        data, last = simulator.beats(codes)
        self.beats = data.reshape(last.size, data.shape[-1]), last.ravel()
        self.sound = simulator.send(*self.beats)
        self.cycles = int(self.sound.finished[-1]) + 1

    def outcome(self, upset: Upset) -> str:
        """What an upset does: one of `OUTCOMES`.

        Raises
        ------
        QsimError
            If there is no such register or bit.
        """
        limit = 2 * self.cycles + 2 * self.simulator.shape.timing().latency + 64
        found = self.simulator.send(*self.beats, cycles=limit, upset=upset)
        return judged(found, self.sound, self.simulator.model.outputs)


def judged(found: Outcome, sound: Outcome, outputs: int) -> str:
    """What the results of one run, `outputs` a frame, say beside those without a fault."""
    flags = found.short, found.long, found.corrected, found.failed
    whole = len(found.logits) == len(sound.logits) and len(found.finished) == len(sound.finished)
    if any(flags) or not whole or found.misplaced:
        return "detected"
    last = slice(outputs - 1, None, outputs)
    if not np.array_equal(found.classes[last], sound.classes[last]):
        return "silent"
    return "masked" if np.array_equal(found.logits, sound.logits) else "logits"


def drawn(registers: Mapping[str, Register], cycles: int, plan: Plan) -> list[tuple[str, Upset]]:
    """The upsets of a plan and the class of each: bits and cycles drawn alike, with replacement."""
    chosen = []
    for number, (kind, bits) in enumerate(bits_by_class(registers).items()):
        random = np.random.default_rng([plan.seed, number])
        which = random.integers(0, len(bits), plan.samples).tolist()
        when = random.integers(0, cycles, plan.samples).tolist()
        for i, cycle in zip(which, when, strict=True):
            register, bit = bits[i]
            chosen.append((kind, Upset(register, bit, cycle)))
    return chosen


def bits_by_class(registers: Mapping[str, Register]) -> dict[str, list[tuple[str, int]]]:
    """Register and bit of everything that can flip, by class in the order of `CLASSES`."""
    found: dict[str, list[tuple[str, int]]] = {kind: [] for kind in CLASSES}
    for name, register in registers.items():
        found[register.kind] += [(name, bit) for bit in register.bits]
    return {kind: bits for kind, bits in found.items() if bits}


def campaign(
    model: Model, codes: npt.ArrayLike, plan: Plan, report: Report = lambda done, total: None
) -> tuple[list[Row], dict[str, int]]:
    """Try the upsets of a plan.

    Parameters
    ----------
    model : Model of ideal layers
    codes : int array (N, inputs)
    plan : Plan
    report : called after each upset

    Returns
    -------
    rows : list of dict
        `register`, `bit`, `cycle`, `kind` and `outcome` of each upset.
    bits : dict
        How many bits each class of registers has.

    Raises
    ------
    QsimError
        If a layer is on tiles, there are no images, or the folding does not fit.
    """
    if model.mapped:
        raise QsimError("a layer is on crossbar tiles; upsets are of engines of ideal layers")
    if not len(model.checked(codes)):
        raise QsimError("upsets on no images; at least one is needed")
    bench = Bench(Simulator(model, plan.pe, plan.simd, 1, plan.protection, registers=True), codes)
    registers = bench.simulator.registers
    upsets = drawn(registers, bench.cycles, plan)
    rows = []
    for done, (kind, upset) in enumerate(upsets, 1):
        place = {"register": upset.register, "bit": upset.bit, "cycle": upset.cycle}
        rows.append({**place, "kind": kind, "outcome": bench.outcome(upset)})
        report(done, len(upsets))
    return rows, {kind: len(bits) for kind, bits in bits_by_class(registers).items()}


def summary(rows: list[Row], bits: Mapping[str, int]) -> list[Row]:
    """The share of each outcome with its 95 % interval: by class, and of all bits.

    Returns
    -------
    list of dict
        `kind`, `bits`, `upsets`, and for each outcome its share and the share's ends `_low` and `_high`:
        Wilson's interval for a class; for `all` the classes weigh as many bits as they have, and their ends
        are joined (Zou and Donner, Construction of Confidence Limits about Effect Measures, 2008).
    """
    found, total = [], sum(bits.values())
    for kind, count in bits.items():
        own = [row["outcome"] for row in rows if row["kind"] == kind]
        shares: Row = {}
        for outcome in OUTCOMES:
            share = own.count(outcome) / len(own)
            shares |= _named(outcome, share, *_wilson(share, len(own)))
        found.append({"kind": kind, "bits": count, "upsets": len(own), **shares})
    weights = np.array([row["bits"] / total for row in found])
    every: Row = {}
    for outcome in OUTCOMES:
        means, low, high = (np.array([row[f"{outcome}{e}"] for row in found]) for e in ("", "_low", "_high"))
        mean, below, above = weights @ means, weights * (means - low), weights * (high - means)
        low_end, high_end = mean - np.sqrt(below @ below), mean + np.sqrt(above @ above)
        every |= _named(outcome, float(mean), max(float(low_end), 0.0), min(float(high_end), 1.0))
    return [*found, {"kind": "all", "bits": total, "upsets": len(rows), **every}]


Z = 1.959963984540054  # of a normal distribution, within which 95 % lie


def _wilson(share: float, n: int) -> tuple[float, float]:
    middle, scale = share + Z**2 / (2 * n), 1 + Z**2 / n
    half = Z * (share * (1 - share) / n + (Z / (2 * n)) ** 2) ** 0.5
    return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)


def _named(name: str, share: float, low: float, high: float) -> Row:
    return {name: share, f"{name}_low": low, f"{name}_high": high}
