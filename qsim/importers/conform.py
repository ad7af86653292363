"""A model held against the file that it came from: every hidden code, and the logits in integers.

The first difference is named with all that is needed to look at it: layer, neuron, image, the codes of
both sides, the accumulator and the threshold between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.model import Model
from .api import Imported
from .stages import Coding, Reading, coding, split
from .steps import Affine, Curve, Quantizer

Array = npt.NDArray[Any]
Run = Callable[[Array, Sequence[str]], dict[str, Array]]
ROUNDING = 2.0**-21  # of a float32 sum's largest terms: four units in the last place
_NOTHING: Array = np.zeros((0, 0), np.int64)


@dataclass(frozen=True)
class Difference:
    """The first place where model and file differ.

    Parameters
    ----------
    layer, neuron, image : int
    model, file : int
        The codes (hidden layers) or logits (last layer) of both sides.
    accumulator : int
        The model's.
    threshold : int or None
        The model's threshold that stands between the two codes; None on the last layer.
    """

    layer: int
    neuron: int
    image: int
    model: int
    file: int
    accumulator: int
    threshold: int | None

    def __str__(self) -> str:
        what = "logit" if self.threshold is None else "code"
        text = (
            f"layer {self.layer}, neuron {self.neuron}, image {self.image}: "
            f"{what} {self.model} in the model, {self.file} in the file; accumulator {self.accumulator}"
        )
        return text if self.threshold is None else f"{text}, threshold {self.threshold}"


@dataclass(frozen=True)
class Conformity:
    """What a comparison found.

    Parameters
    ----------
    images : int
    values : tuple of int
        Codes or logits compared in each layer; 0 where the runtime does not show them.
    differing : tuple of int
        How many of them differ.
    classes : int
        Images whose classes differ, and no logits tie.
    ties : int
        Images whose classes differ where two logits tie at the top, in the model or, but for the rounding of
        float32, in the file.
    first : Difference or None
    """

    images: int
    values: tuple[int, ...]
    differing: tuple[int, ...]
    classes: int
    ties: int
    first: Difference | None

    @property
    def equal(self) -> bool:
        return not any(self.differing) and not self.classes


def conform(model: Model, imported: Imported, x: Array, run: Run) -> Conformity:
    """Run model and file on the same inputs and compare.

    Parameters
    ----------
    model : Model
        Made from the file, or changed since.
    imported : Imported
        The file, read anew.
    x : float or int array (N, inputs)
        Real inputs as the file takes them.
    run : function (x, tensor names) -> arrays by name
        The file in a runtime.

    Raises
    ------
    QsimError
        If model and file differ in shape, so that nothing can be compared.
    """
    if model.shape != imported.model.shape or model.input != imported.model.input:
        raise QsimError(
            f"the model has shape {model.shape} and the file gives {imported.model.shape}; "
            "equal shapes and input formats are needed"
        )
    if x.ndim != 2 or x.shape[1] != model.inputs:
        raise QsimError(f"images have shape {x.shape[1:]}; ({model.inputs},) is needed")
    reading = imported.reading
    quantizers = [q for q in (split(stage.steps)[1] for stage in reading.stages) if q is not None]
    hidden = quantizers[: len(imported.codings)]
    codes = reading.input.codes(x)
    tensors = run(x, [*dict.fromkeys([*(q.tensor for q in hidden), reading.output])])
    trace = model.trace(codes)
    sides: list[tuple[Array, Array]] = []
    for ours, q, coding_ in zip(trace.hidden, hidden, imported.codings, strict=True):
        seen = q.tensor in tensors
        pair = (
            (ours.astype(np.int64), _codes(q, coding_, tensors[q.tensor])) if seen else (_NOTHING, _NOTHING)
        )
        sides.append(pair)
    output = tensors[reading.output].reshape(len(x), -1).astype(np.float64)
    compares = not _curved(reading)
    if compares:
        sides.append((trace.logits, logits_of_reals(imported.model, output)))
    first = next(
        (d for layer in range(len(sides)) if (d := _first(model, codes, trace, layer, *sides[layer]))), None
    )
    classes, ties = _classes(trace.logits, output, _boundary(reading))
    return Conformity(
        len(x),
        tuple(ours.size for ours, _ in sides),
        tuple(int((ours != theirs).sum()) for ours, theirs in sides),
        classes,
        ties,
        first,
    )


def _codes(quantizer: Quantizer, coding: Coding, values: Array) -> npt.NDArray[np.int64]:
    """Codes of the values that a quantizer gave in the runtime."""
    first, step = float(quantizer.first[0]), float(quantizer.step[0])
    levels = np.rint((values.reshape(len(values), -1).astype(np.float64) - first) / step).astype(np.int64)
    return np.searchsorted(np.array(coding.start), levels, side="right") - 1


def logits_of_reals(model: Model, reals: Array) -> npt.NDArray[np.int64]:
    """Integer logits (N, outputs) that stand for real ones, by the scales that an import keeps."""
    kept = model.provenance["logits"]
    return np.rint((reals - np.array(kept["offset"])) / np.array(kept["scale"])).astype(np.int64)


def _curved(reading: Reading) -> bool:
    """Whether the output is no affine function of accumulators: a sigmoid, or two levels."""
    before, quantizer, _ = split(reading.stages[-1].steps)
    single = quantizer is not None and len(reading.stages[-1].weights) == 1 and quantizer.levels == 1
    return single or (quantizer is None and not all(isinstance(step, Affine) for step in before))


def _boundary(reading: Reading) -> float:
    """The real output from which on a network of one output means class 1."""
    before, quantizer, after = split(reading.stages[-1].steps)
    if quantizer is not None:
        levels = coding(quantizer, after).levels
        return float(levels.zero + levels.step / 2) if levels.highest == 1 else 0.0
    last = before[-1] if before else None
    return (last.low + last.high) / 2 if isinstance(last, Curve) else 0.0


def _first(
    model: Model, codes: Array, trace: Any, layer: int, ours: Array, theirs: Array
) -> Difference | None:
    """The first difference of a layer: the lowest image, then the lowest neuron."""
    places = np.argwhere(ours != theirs)
    if not len(places):
        return None
    image, neuron = (int(i) for i in places[0])
    kept = model.layers[layer]
    inputs = codes[image] if layer == 0 else trace.hidden[layer - 1][image]
    acc = int(kept.bias[neuron]) + int(kept.weights[neuron] @ inputs.astype(np.int64))
    mine, other = int(ours[image, neuron]), int(theirs[image, neuron])
    between = None if kept.thresholds is None else int(kept.thresholds[neuron, max(min(mine, other), 0)])
    return Difference(layer, neuron, image, mine, other, acc, between)


def _classes(logits: Array, output: Array, boundary: float) -> tuple[int, int]:
    """Images whose classes differ: with one largest logit, and with ties.

    A tie is one of the model's logits, or of the file's as far as float32 tells apart what was added up.
    """
    if logits.shape[1] == 1:
        return int(((logits[:, 0] >= 0) != (output[:, 0] >= boundary)).sum()), 0
    ours, theirs, rows = logits.argmax(axis=1), output.argmax(axis=1), np.arange(len(logits))
    other = ours != theirs
    tied = (logits == logits.max(axis=1, keepdims=True)).sum(axis=1) > 1
    gap = output[rows, theirs] - output[rows, ours]
    tied |= gap <= ROUNDING * np.abs(output).max(axis=1)
    return int((other & ~tied).sum()), int((other & tied).sum())


def random_inputs(imported: Imported, images: int, seed: int) -> Array:
    """Real inputs (images, inputs) whose codes are uniform over those that the file's input can have."""
    entry = imported.reading.input
    rng = np.random.default_rng(seed)
    codes = rng.integers(entry.levels.lowest, entry.levels.highest + 1, (images, imported.model.inputs))
    return entry.reals(codes)


def conform_outputs(model: Model, codes: Array, outputs: Array) -> Conformity:
    """Compare a model's logits with outputs (N, outputs) that another program has computed of the same codes.

    Parameters
    ----------
    model : Model
    codes : int array (N, inputs)
    outputs : int or float array
        Integers are logits. Floats are real logits, made integers by the scales that an imported model
        keeps; of other models' floats only the classes are compared.

    Raises
    ------
    QsimError
        If there are not as many outputs as the model gives.
    """
    logits = model.logits(codes)
    flat = outputs.reshape(len(outputs), -1) if outputs.ndim else outputs
    if flat.shape != logits.shape or flat.dtype.kind not in "iuf":
        raise QsimError(
            f"outputs are {outputs.dtype} of shape {outputs.shape}; {logits.shape} numbers are needed"
        )
    depth = len(model.layers)
    whole = flat.dtype.kind != "f"
    classes, ties = _classes(logits, flat.astype(np.float64), 0.0)
    if not whole and "logits" not in model.provenance:
        return Conformity(len(codes), (0,) * depth, (0,) * depth, classes, ties, None)
    theirs = flat.astype(np.int64) if whole else logits_of_reals(model, flat.astype(np.float64))
    trace = model.trace(codes)
    first = _first(model, codes, trace, depth - 1, logits, theirs)
    values = (*(0,) * (depth - 1), logits.size)
    differing = (*(0,) * (depth - 1), int((logits != theirs).sum()))
    return Conformity(len(codes), values, differing, classes, ties, first)
