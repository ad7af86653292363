"""From what an importer read to a model: integer weights, biases and thresholds, and a report of how.

Nothing is approximated: what integers cannot hold is refused with one sentence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.layer import MAX_WEIGHT_BITS, Layer
from ..model.model import Model
from . import last_layers
from . import thresholds as ways
from .stages import Coding, Integers, Reading, coding, split
from .steps import Affine, Clamp, Step, composed

WAYS = ways.WAYS
MAX_PLACES = 1024


@dataclass(frozen=True)
class Report:
    """What an import did: a row for each hidden layer.

    Parameters
    ----------
    thresholds : "probed" or "exact"
    differing : tuple of int
        Thresholds of each hidden layer at which the two ways differ.
    sensitive : tuple of int
        Thresholds of each that the rounding of a float product can move; 0 where sums are exact.
    turned : tuple of int
        Neurons of each hidden layer whose weights were negated.
    """

    thresholds: str
    differing: tuple[int, ...]
    sensitive: tuple[int, ...]
    turned: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Frozen:
    """A model and what is known about it beside its integers."""

    model: Model
    reading: Reading
    codings: tuple[Coding, ...]
    report: Report


def freeze(
    reading: Reading,
    *,
    thresholds: str = "probed",
    last_layer: str = "exact",
    hints: Sequence[Mapping[str, Any]] = (),
    provenance: Mapping[str, Any] | None = None,
) -> Frozen:
    """Turn a reading into a model.

    Parameters
    ----------
    reading : Reading
    thresholds : "probed" or "exact"
        Which of the two kinds the model gets; the report counts where they differ.
    last_layer : "exact" or "float"
        `float` keeps the accumulators as they are where no integers give the same classes: real logits
        are then accumulators times provenance's scale plus offset, and the class is that of those.
    hints : sequence of mapping, one a layer
        `grid`, `bits`, `one`, `activation` and `gain` where the file tells them.
    provenance : mapping, optional

    Raises
    ------
    QsimError
        If the network cannot be held exactly.
    """
    for value, allowed, what in (
        (thresholds, WAYS, "thresholds"),
        (last_layer, last_layers.KINDS, "last_layer"),
    ):
        if value not in allowed:
            raise QsimError(f"{what} is {value!r}; {' or '.join(allowed)} is needed")
    entry = reading.input
    levels, codes, offset = entry.levels, (entry.format.low, entry.format.high), entry.offset
    layers: list[Layer] = []
    codings: list[Coding] = []
    differing, sensitive, turned = [], [], []
    logits: dict[str, Any] = {}
    unit = entry.codes_per_unit
    for i, stage in enumerate(reading.stages):
        total = ways.sums(stage, levels, codes, offset)
        hint = hints[i] if i < len(hints) else {}
        before, quantizer, after = split(stage.steps)
        last = i == len(reading.stages) - 1
        if last and (quantizer is None or (len(stage.weights) == 1 and quantizer.levels == 1)):
            layer, logits = last_layers.last(stage, total, thresholds, last_layer)
            layers.append(stored(*layer, stage.name, unit, hint))
            break
        if quantizer is None:
            raise QsimError(
                f"{stage.name} is followed by a layer, but its results are not quantized; a quantizer "
                "(Quant, BipolarQuant, MultiThreshold, QuantizeLinear) is needed between layers"
            )
        code = coding(quantizer, after)
        steps = [total.value, *before]
        both = {name: way(steps, quantizer, code, total) for name, way in WAYS.items()}
        sign = ways.directions(steps, len(stage.weights))
        rows = ways.chosen(both[thresholds], both["exact"], total, sign)
        differing.append(int((ways.clamped(both["exact"], total, sign) != both["probed"]).sum()))
        sensitive.append(ways.sensitive(steps, quantizer, code, total))
        turned.append(int((sign < 0).sum()))
        # a clip below the quantizer's largest code is how some tools write fewer bits
        if not last and any(isinstance(step, Clamp) and step.high < math.inf for step in before):
            rows, code = _within_reach(rows, code, ways.clamped(rows, total, sign) > ways.top(total, sign))
        bias = sign * _whole_offsets(steps, len(sign))
        parts = sign[:, None] * stage.weights, bias, rows + bias[:, None]
        layers.append(stored(*parts, stage.name, unit, hint))
        codings.append(code)
        levels, offset, codes = code.levels, (Fraction(0),), (0, code.levels.highest)
        unit = float(abs(1 / levels.step))
        if last:
            layer, logits = last_layers.outputs_as_codes(len(sign), quantizer, code)
            layers.append(stored(*layer, stage.name, unit, {}))
    facts = {
        **(provenance or {}),
        **reading.facts,
        "logits": logits,
        **_input_facts(reading),
        "thresholds": thresholds,
        "differing": differing,
        "sensitive": sensitive,
    }
    model = Model(tuple(layers), entry.format, facts)
    return Frozen(
        model, reading, tuple(codings), Report(thresholds, tuple(differing), tuple(sensitive), tuple(turned))
    )


def _within_reach(rows: Integers, code: Coding, beyond: npt.NDArray[np.bool_]) -> tuple[Integers, Coding]:
    """Thresholds and codes without the highest ones, which no neuron reaches."""
    top = max(1, int((~beyond).any(axis=0).sum()))
    levels = replace(code.levels, highest=top)
    return rows[:, :top], replace(code, levels=levels, start=code.start[: top + 1])


def _input_facts(reading: Reading) -> dict[str, Any]:
    """Where the input's codes begin, for coding real data: kept where the places rise."""
    places = reading.input.places()
    rising = places == sorted(places) and all(map(math.isfinite, places))
    if not rising or not 0 < len(places) <= MAX_PLACES:
        return {}
    return {"input": {"lowest": reading.input.levels.lowest, "places": places}}


def stored(
    weights: Integers,
    bias: Integers,
    thresholds: Integers | None,
    name: str,
    unit: float,
    hint: Mapping[str, Any],
) -> Layer:
    """A layer on the narrowest grid that holds its weights, or on that of the hint if it holds them."""
    facts = {"codes_per_unit": unit, **hint}
    least, most = int(weights.min()), int(weights.max())
    if hint.get("grid") == "twos_complement" or "grid" not in hint:
        bits = max((-least - 1).bit_length() if least < 0 else 0, most.bit_length()) + 1
        bits = max(bits, hint.get("bits", 1))
    if "grid" not in facts:
        ones = bool((np.abs(weights) == 1).all())
        facts |= {"grid": "odd", "bits": 1} if ones else {"grid": "twos_complement", "bits": bits}
    if facts["bits"] > MAX_WEIGHT_BITS:
        raise QsimError(
            f"{name} has weights from {least} to {most} in its units; {MAX_WEIGHT_BITS} bits are allowed"
        )
    return Layer(weights=weights, bias=bias, thresholds=thresholds, **facts)


def _whole_offsets(steps: Sequence[Step], outputs: int) -> Integers:
    """What the affine steps add to acc, where it is whole for every neuron; else 0."""
    leading = list(takewhile(lambda step: isinstance(step, Affine), steps))
    slope, offset = composed(leading, outputs)
    whole = [o / s if s else Fraction(0) for s, o in zip(slope, offset, strict=True)]
    fits = all(w.denominator == 1 and abs(w) < ways.MAX_ACCUMULATOR for w in whole)
    return np.array([int(w) for w in whole] if fits else [0] * outputs, np.int64)
