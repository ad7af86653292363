"""Strengths and steps on the integer lattice of input codes, which is all that hardware can be shown.

A strength in real input units is e = epsilon * codes_per_unit LSBs, rounded, halves up. Below half an LSB
nothing moves, and that is not robustness.
"""

from __future__ import annotations

import math
import numbers
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.checks import MAX_CODE_BITS
from ..model.input_format import InputFormat
from ..model.model import Model

Codes = npt.NDArray[np.integer[Any]]
Labels = npt.NDArray[np.integer[Any]]
Signs = npt.NDArray[np.int8]


def lattice_step(model: Model, epsilon: float) -> int:
    """epsilon in LSBs of the input code: epsilon * codes_per_unit, rounded, halves up.

    Raises
    ------
    QsimError
        If epsilon is no finite number of 0 or more, or moves an input by more than its whole range.
    """
    unit = Fraction(model.layers[0].codes_per_unit)
    step = math.floor(checked_strength(epsilon) * unit + Fraction(1, 2))
    if step > (span := model.input.high - model.input.low):
        raise QsimError(
            f"epsilon is {epsilon:g}, more than the whole range of an input, {float(span / unit):g}; "
            f"it is in input units, where 1.0 is the code {float(unit):g}: "
            f"{epsilon:g} LSB are {float(epsilon) / float(unit):.4g}"
        )
    return step


def checked_strength(epsilon: float) -> Fraction:
    """`epsilon` as written in decimals, refused unless it is a finite number of 0 or more."""
    if isinstance(epsilon, bool) or not isinstance(epsilon, numbers.Real) or not 0 <= epsilon < math.inf:
        raise QsimError(f"epsilon is {epsilon!r}; a finite number of 0 or more is needed")
    return Fraction(str(epsilon))


def move(codes: Codes, signs: Signs, step: int, limits: InputFormat | None) -> Codes:
    """codes + step * signs; inside `limits`, and of its type, if given."""
    moved = codes.astype(np.int32)
    moved += np.multiply(signs, step, dtype=np.int32)
    if limits is None:
        return moved
    return moved.clip(limits.low, limits.high, out=moved).astype(limits.dtype)


def with_headroom(model: Model, step: int) -> Model:
    """The model with an input converter wide enough for codes that `step` moved without clipping.

    It is another model, with its own digest: the weights are the same, the accumulators may be wider.

    Raises
    ------
    QsimError
        If more than 16 bits would be needed.
    """
    low, high = model.input.low - step, model.input.high + step
    bits = max((-low - 1).bit_length(), high.bit_length()) + 1
    if bits > MAX_CODE_BITS:
        raise QsimError(f"codes from {low} to {high} need {bits} bits; {MAX_CODE_BITS} are allowed: clip")
    return replace(model, input=InputFormat(bits, signed=True))


def checked_labels(model: Model, codes: Codes, labels: Labels, what: str = "labels") -> Labels:
    """`labels`, refused unless there is one for each image, naming a class that the model has."""
    array = np.asarray(labels)
    if array.shape != (len(codes),):
        raise QsimError(f"{what} have shape {array.shape}; ({len(codes)},) is needed, one an image")
    if array.dtype.kind not in "iu":
        raise QsimError(f"{what} have type {array.dtype}; integers are needed")
    if array.size and (array.min() < 0 or array.max() >= model.classes):
        raise QsimError(
            f"{what} run from {array.min()} to {array.max()}; 0 to {model.classes - 1} are allowed"
        )
    return array
