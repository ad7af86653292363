"""Numbers as input codes: integers as they are, floats by a scale that is given, never guessed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.checks import MAX_CODE_BITS
from ..model.input_format import InputFormat

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Coding:
    """How numbers become codes: x = code * scale.

    Parameters
    ----------
    scale : float, optional
        The real value of one code; needed for floats. For integers it only says what 1.0 is, by default
        the largest code.
    bits : int, optional
        Of a code, 1 to 16; needed for floats, by default the narrowest that hold the integers (8 for bytes).
    signed : bool, optional
        By default whether a number is below 0.
    clip : bool
        Move numbers beyond the codes to the nearest code instead of refusing them.
    """

    scale: float | None = None
    bits: int | None = None
    signed: bool | None = None
    clip: bool = False

    def __post_init__(self) -> None:
        if self.scale is not None and not 0 < self.scale < math.inf:
            raise QsimError(f"the input scale is {self.scale}; a positive finite number is needed")
        if self.bits is not None and not 1 <= self.bits <= MAX_CODE_BITS:
            raise QsimError(f"the input bits are {self.bits}; 1 to {MAX_CODE_BITS} are allowed")


def coded(values: Array, coding: Coding, name: str) -> tuple[Array, InputFormat, float]:
    """Codes, their format, and the code of 1.0, of numbers (N, inputs).

    Raises
    ------
    QsimError
        If floats come without scale and bits, are no numbers, or numbers lie outside of the codes.
    """
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    if values.dtype.kind not in "iuf":
        raise QsimError(f"{name} holds {values.dtype}; numbers are needed")
    if values.dtype.kind == "f":
        if coding.scale is None or coding.bits is None:
            raise QsimError(
                f"{name} holds {values.dtype} numbers; say how they are coded, x = code * scale: "
                "an input scale and input bits are needed"
            )
        if not np.isfinite(values).all():
            raise QsimError(f"{name} holds a number that is not finite")
        values = np.floor(values.astype(np.float64) / coding.scale + 0.5)
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    form = _format(values, low, high, coding)
    if (low < form.low or high > form.high) and not coding.clip:
        kind = "signed" if form.signed else "unsigned"
        raise QsimError(
            f"{name} has codes from {low} to {high}; {form.bits} {kind} bits hold {form.low} to {form.high}: "
            "more bits, a larger scale or clipping are needed"
        )
    unit = form.high if coding.scale is None else 1 / coding.scale
    return values.clip(form.low, form.high).astype(form.dtype), form, float(max(unit, 1e-17))


def _format(values: Array, low: int, high: int, coding: Coding) -> InputFormat:
    signed = low < 0 if coding.signed is None else coding.signed
    if coding.bits is not None:
        return InputFormat(coding.bits, signed)
    if values.dtype == np.uint8 and not signed:
        return InputFormat(8)
    bits = max((-low - 1).bit_length() if low < 0 else 0, high.bit_length()) + signed
    return InputFormat(min(max(bits, 1), MAX_CODE_BITS), signed)


def class_numbers(labels: Array, count: int, name: str) -> npt.NDArray[np.int64]:
    """Labels (N,) as classes from 0: integers, one-hot rows, or names in alphabetical order.

    Raises
    ------
    QsimError
        If there are more or fewer than images, or they are none of the three.
    """
    if len(labels) != count:
        raise QsimError(f"{name} has {len(labels):,} labels for {count:,} images; one each is needed")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise QsimError(f"{name} has label rows of {labels.shape[1]} values that are not one-hot")
        return labels.argmax(axis=1).astype(np.int64)
    if labels.ndim != 1:
        raise QsimError(f"{name} has labels of shape {labels.shape}; (N,) or one-hot (N, classes) is needed")
    if labels.dtype.kind in "US":
        return np.unique(labels, return_inverse=True)[1].astype(np.int64)
    whole = labels.dtype.kind in "iub" or (labels.dtype.kind == "f" and (labels == np.floor(labels)).all())
    if not whole or (len(labels) and labels.min() < 0):
        raise QsimError(f"{name} has labels that are no whole numbers from 0; classes 0, 1, … are needed")
    return labels.astype(np.int64)
