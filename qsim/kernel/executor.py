"""What runs a model: blocks of images over threads, whatever the layers are computed on.

The loops behind `enter` are made in `dense.executor`, `crossbar.executor` and `portable`; they change no
result. Validation is left to the callers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit.parallel import ALONE, parallel_for

Array = npt.NDArray[Any]
Classes = npt.NDArray[np.int64]
Enter = Callable[[Array, int, Array, Array, Array], None]
Sweeper = Callable[[Array, Array, Array, Classes], None]

NO_HIDDEN = np.empty((0, 0), np.uint16)
NO_LOGITS = np.empty((0, 0), np.int64)
NO_CLASSES = np.empty(0, np.int64)


@dataclass(frozen=True)
class Executor:
    """A model ready to run.

    `enter(codes, first_image, hidden, logits, classes)` takes C-ordered codes of type `dtype` and fills the
    arrays that have rows: all hidden codes side by side, logits, classes. `make_sweeper()` gives a function
    that fills in the classes (images, steps) of codes, signs and steps; where it is None, the strengths of
    an attack have no short cut.
    """

    isa: str
    dtype: np.dtype[Any]
    complete: np.dtype[Any] | None  # `dtype`, if the input format allows all of its values
    hidden: tuple[int, ...]
    outputs: int
    enter: Enter
    make_sweeper: Callable[[], Sweeper] | None

    @cached_property
    def sweeper(self) -> Sweeper | None:
        return None if self.make_sweeper is None else self.make_sweeper()

    def logits(
        self, codes: Array, first_image: int = 0, hidden: Sequence[Array] = ()
    ) -> npt.NDArray[np.int64]:
        """Logits (N, outputs) of checked codes (N, inputs); fills `hidden`, one array a layer, if given."""
        logits = np.empty((len(codes), self.outputs), np.int64)

        def part(rows: slice) -> None:
            own = np.ascontiguousarray(codes[rows], self.dtype)
            between = np.empty((len(own), sum(self.hidden)), np.uint16) if hidden else NO_HIDDEN
            self.enter(own, first_image + rows.start, between, logits[rows], NO_CLASSES)
            column = 0
            for target in hidden:
                target[rows] = between[:, column : (column := column + target.shape[1])]

        parallel_for(len(codes), part)
        return logits

    def predict(self, codes: Array, first_image: int = 0) -> Classes:
        """Classes (N,) of checked codes (N, inputs)."""
        classes = np.empty(len(codes), np.int64)
        if len(codes) <= ALONE and codes.dtype is self.dtype and codes.flags.c_contiguous:
            self.enter(codes, first_image, NO_HIDDEN, NO_LOGITS, classes)
            return classes

        def part(rows: slice) -> None:
            own = np.ascontiguousarray(codes[rows], self.dtype)
            self.enter(own, first_image + rows.start, NO_HIDDEN, NO_LOGITS, classes[rows])

        parallel_for(len(codes), part)
        return classes


def classify(logits: npt.NDArray[Any]) -> Classes:
    """Index of the largest logit, the lowest on a tie; with one output, 1 where it is >= 0."""
    if logits.shape[1] == 1:
        return (logits[:, 0] >= 0).astype(np.int64)
    return logits.argmax(axis=1)
