"""Every strength of a sign attack, exactly: `sweep` and `smallest_fooling_step`.

An attack moves each input code by e times its sign, -1, 0 or 1, and stops at the end of the input range.
Only the first layer sees e, and it is piecewise linear in it (see `engine`), which makes a hundred
strengths cost about as much as a few. Every class is the one that `spec` gives for the moved codes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import QsimError
from ...jit.parallel import parallel_for
from ...model.model import Model

NOT_FOOLED = -1
FIRST_STEPS = 64  # that `smallest_fooling_step` looks at together; then twice as many, and so on
MOST_STEPS = 1024

Array = npt.NDArray[Any]
Classes = npt.NDArray[np.int64]


def sweep(
    model: Model,
    codes: npt.ArrayLike,
    signs: npt.ArrayLike,
    steps: npt.ArrayLike,
    clip: bool = True,
) -> Classes:
    """The class of each image at each strength of an attack.

    Parameters
    ----------
    model : Model
    codes : int array (N, inputs)
        The clean input codes.
    signs : int8 array (N, inputs)
        The direction of each code: -1, 0 or 1.
    steps : int array (S,)
        Ascending strengths e >= 0, in units of an input code.
    clip : bool
        Whether codes stop at the ends of the input range; otherwise none may leave it.

    Returns
    -------
    int64 array (N, S): classes of codes + e * signs.

    Raises
    ------
    QsimError
        If shapes or values are not as above, or a code leaves its range unclipped.
    """
    checked, directions = model.checked(codes), _checked_signs(model, codes, signs)
    strengths = np.asarray(steps)
    if strengths.ndim != 1 or strengths.size == 0 or strengths.dtype.kind not in "iu":
        raise QsimError(
            f"steps have shape {strengths.shape} and type {strengths.dtype}; a list of integers is needed"
        )
    if int(strengths.min()) < 0 or (strengths[1:] < strengths[:-1]).any():
        raise QsimError("steps are negative or not ascending; each must be >= 0 and >= the one before")
    low, high = model.input.low, model.input.high
    largest, effective = int(strengths[-1]), strengths.clip(0, high - low).astype(np.int64)
    classes = np.empty((len(checked), strengths.size), np.int64)
    sweeper = model.executor.sweeper
    if sweeper is None:
        if not clip:
            _refuse_beyond(checked, directions, largest, low, high)
        for k, step in enumerate(effective.tolist()):
            classes[:, k] = _step(model, checked, directions, step)
        return classes

    def part(rows: slice) -> None:
        if not clip:
            _refuse_beyond(checked[rows], directions[rows], largest, low, high)
        sweeper(checked[rows], directions[rows], effective, classes[rows])

    parallel_for(len(checked), part)
    return classes


def smallest_fooling_step(
    model: Model, codes: npt.ArrayLike, signs: npt.ArrayLike, labels: npt.ArrayLike, limit: int
) -> Classes:
    """The smallest integer step, clipped to the input range, at which an image's class is not its label.

    Parameters
    ----------
    model : Model
    codes : int array (N, inputs)
        The clean input codes.
    signs : int8 array (N, inputs)
        The direction of each code: -1, 0 or 1.
    labels : int array (N,)
    limit : int
        The largest step that is tried, 0 or more.

    Returns
    -------
    int64 array (N,)
        0 to `limit`, or -1 where no step fools the model.

    Raises
    ------
    QsimError
        If shapes or values are not as above.
    """
    checked, directions = model.checked(codes), _checked_signs(model, codes, signs)
    truth = np.asarray(labels)
    if truth.shape != (len(checked),) or truth.dtype.kind not in "iu":
        raise QsimError(
            f"labels have shape {truth.shape} and type {truth.dtype}; {len(checked)} integers are needed"
        )
    if isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 0:
        raise QsimError(f"limit is {limit!r}; an integer >= 0 is needed")
    last = min(int(limit), model.input.high - model.input.low)  # from there on nothing moves
    found = np.full(len(checked), NOT_FOOLED, np.int64)
    sweeper = model.executor.sweeper
    if sweeper is None:
        for step in range(last + 1):
            wrong = _step(model, checked, directions, step) != truth
            found[wrong & (found == NOT_FOOLED)] = step
        return found

    def part(rows: slice) -> None:
        left, start, count = np.arange(rows.start, rows.stop), 0, FIRST_STEPS
        while start <= last and left.size:
            steps = np.arange(start, min(start + count, last + 1))
            classes = np.empty((left.size, steps.size), np.int64)
            sweeper(checked[left], directions[left], steps, classes)
            wrong = classes != truth[left][:, None]
            fooled = wrong.any(1)
            found[left[fooled]] = start + wrong[fooled].argmax(1)
            left, start, count = left[~fooled], start + count, min(2 * count, MOST_STEPS)

    parallel_for(len(checked), part)
    return found


def _step(model: Model, codes: Array, signs: npt.NDArray[np.int8], step: int) -> Classes:
    """The classes at one strength: converters and noise make a crossbar's sums no straight lines.

    All images at once, so that each keeps its number, on which read noise depends.
    """
    moved = codes.astype(np.int64) + signs.astype(np.int64) * step
    return model.predict(moved.clip(model.input.low, model.input.high).astype(codes.dtype))


def _checked_signs(model: Model, codes: npt.ArrayLike, signs: npt.ArrayLike) -> npt.NDArray[np.int8]:
    array, shape = np.asarray(signs), np.shape(codes)
    if array.shape != shape or array.dtype.kind not in "iu":
        raise QsimError(
            f"signs have shape {array.shape} and type {array.dtype}; integers of shape {shape} are needed"
        )
    if array.size and (int(array.min()) < -1 or int(array.max()) > 1):
        raise QsimError(f"signs run from {array.min()} to {array.max()}; -1, 0 and 1 are allowed")
    return array.astype(np.int8, copy=False)


def _refuse_beyond(codes: Array, signs: npt.NDArray[np.int8], step: int, low: int, high: int) -> None:
    moved = codes.astype(np.int64) + signs.astype(np.int64) * step
    if moved.size and (moved.min() < low or moved.max() > high):
        raise QsimError(
            f"codes run from {moved.min()} to {moved.max()} at step {step}; without clipping, "
            f"{low} to {high} are allowed"
        )
