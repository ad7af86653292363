"""Small random models, traffic for an engine, and what the specification says must come of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qsim import InputFormat, Layer, Model, spec

Codes = npt.NDArray[np.int64]


def staircase(kind: str, spread: float) -> list[int]:
    """Thresholds for accumulators of a standard deviation of about `spread`.

    step: one; relu: 255, evenly spaced; sigmoid: 255, unevenly; coarse: 17, some of them equal.
    """
    k = np.arange(1, 256)
    if kind == "step":
        return [0]
    if kind == "relu":
        return (k * max(1, round(spread / 100))).tolist()
    if kind == "coarse":
        return (np.arange(-8, 9) // 2 * round(spread / 5)).tolist()
    return np.rint(np.log(k / (256 - k)) * spread / 2).astype(int).tolist()


def network(
    shape: Sequence[int],
    bits: int,
    kind: str,
    *,
    seed: int,
    grid: str = "odd",
    codes: InputFormat = InputFormat(8),  # noqa: B008
    row_each: bool = False,
) -> Model:
    """A random model of layers `shape` whose thresholds lie where its accumulators do.

    All neurons of a layer share one list of thresholds, unless there is to be a `row_each`.
    """
    random = np.random.default_rng(seed)
    low, high = spec.weight(-(1 << bits - 1), grid), spec.weight((1 << bits - 1) - 1, grid)
    steps = np.arange(low, high + 1, 2 if grid == "odd" else 1)
    layers, reach = [], max(-codes.low, codes.high)
    for i, (inputs, outputs) in enumerate(pairwise(shape)):
        weights = random.choice(steps, (outputs, inputs))
        spread = max(1.0, np.abs(steps).mean() * reach * inputs**0.5 / 2)
        bias = random.integers(-int(spread), int(spread) + 1, outputs)
        thresholds = None
        if i < len(shape) - 2:
            thresholds = np.array(staircase(kind, spread))
            if row_each:
                thresholds = thresholds + bias[:, None]
        layers.append(Layer(weights, bias, bits, thresholds, grid))
        reach = layers[-1].max_code
    return Model(layers, codes)


def images(model: Model, count: int, *, seed: int) -> Codes:
    """Input codes (count + 2, inputs): random ones, and all at each end of their range."""
    low, high = model.input.low, model.input.high
    random = np.random.default_rng(seed).integers(low, high, (count, model.inputs), endpoint=True)
    return np.concatenate([random, np.full((1, model.inputs), low), np.full((1, model.inputs), high)])


@dataclass
class Scenario:
    """Traffic for the engine of a model, frame by frame, with the results and error pulses due."""

    model: Model
    pe: int | tuple[int, ...] = 1
    simd: int | tuple[int, ...] = 1
    seed: int = 0
    beats: list[tuple[int, int]] = field(default_factory=list)
    results: list[list[tuple[int, int, int]]] = field(default_factory=list)
    hidden: list[list[int]] = field(default_factory=list)
    short_frames: int = 0
    long_frames: int = 0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.hidden = [[] for _ in self.model.layers[:-1]]

    @property
    def lanes(self) -> int:
        """Codes of an input beat."""
        return min(self.simd, self.model.inputs) if isinstance(self.simd, int) else self.simd[0]

    @property
    def frame_beats(self) -> int:
        """Beats of a frame of the right length."""
        return -(-self.model.inputs // self.lanes)

    def frames(self, codes: Codes) -> Scenario:
        """Frames of the right length."""
        for row in codes:
            self._beats(row)
        for hidden, logits in spec.trace(self.model, codes.tolist()):
            self.results.append(list(_result(logits)))
            for all_codes, new in zip(self.hidden, hidden, strict=True):
                all_codes.extend(new)
        return self

    def wrong(self, beats: int) -> Scenario:
        """A frame of noise that ends after `beats` beats, fewer or more than it should have."""
        self.short_frames += beats < self.frame_beats
        self.long_frames += beats > self.frame_beats
        low, high = self.model.input.low, self.model.input.high
        self._beats(self.random.integers(low, high, beats * self.lanes, endpoint=True))
        return self

    def _beats(self, codes: Iterable[int]) -> None:
        """Pack codes, lane 0 lowest; surplus lanes of the last beat carry noise."""
        bits, values = self.model.input.bits, [int(code) for code in codes]
        surplus = -len(values) % self.lanes
        values += self.random.integers(0, 1 << bits, surplus).tolist()
        for start in range(0, len(values), self.lanes):
            word = 0
            for lane, code in enumerate(values[start : start + self.lanes]):
                word |= (code & (1 << bits) - 1) << lane * bits
            self.beats.append((word, int(start + self.lanes >= len(values))))

    def save(self, path: Path, *, stall: tuple[float, float], cycles: int, monitor: bool) -> None:
        """Write all that a bench needs, as JSON.

        `stall` is the chance of an idle cycle at the input and at the output; `cycles` bounds the run.
        """
        content = {
            "beats": self.beats,
            "results": self.results,
            "hidden": self.hidden if monitor else [],
            "short_frames": self.short_frames,
            "long_frames": self.long_frames,
            "stall": stall,
            "cycles": cycles,
        }
        path.write_text(json.dumps(content))


def _result(logits: Sequence[int]) -> Iterable[tuple[int, int, int]]:
    """(logit, class so far, last) of each result beat."""
    for j, logit in enumerate(logits):
        seen = spec.classify(logits[: j + 1]) if len(logits) == 1 or j else 0
        yield logit, seen, int(j == len(logits) - 1)
