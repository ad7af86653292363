"""The fast path: the arithmetic of `spec`, batched, threaded and compiled, equal to the last bit.

`pack` turns a model into what the loops want; `run` and `predict` send images through it. Which loops run
is decided by the processor's instructions (or QSIM_ISA, read when a model first runs) and by what the model
proves of its ranges, and changes no result. `run` and `predict` leave validation to their callers; `sweep`
and `smallest_fooling_step` are public and validate.

    isa          which instructions there are
    packing      a model as a table and a block of bytes     thresholds   fast forms, proved equal
    vectors      words for inner loops in LLVM's terms       tiles        the products, in registers
    layer        one layer's sums, tile by tile              activation   from sums to codes and classes
    engine       blocks of images through all layers         codes        thresholds, in registers
    lines        all strengths of an attack                  steps        their sums, in registers
    strengths    the public functions for attacks
    avx512vnni, avxvnni, avx2                                the engine, compiled once for each
    portable     plain loops for everything else             share        images over threads
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import isa, packing, portable
from .engine import KINDS
from .share import ALONE, share, threads
from .strengths import NOT_FOOLED, smallest_fooling_step, sweep
from .thresholds import Array, Staircase, find_staircase

if TYPE_CHECKING:
    from ..model import Model

__all__ = [
    "NOT_FOOLED",
    "Packed",
    "Staircase",
    "classify",
    "find_staircase",
    "pack",
    "predict",
    "run",
    "smallest_fooling_step",
    "sweep",
    "threads",
]

Classes = npt.NDArray[np.int64]
NO_HIDDEN = np.empty((0, 0), np.uint16)
NO_LOGITS = np.empty((0, 0), np.int64)
NO_CLASSES = np.empty(0, np.int64)


@dataclass(frozen=True)
class Packed:
    """A model ready to run.

    `enter(codes, hidden, logits, classes)` takes C-ordered codes of type `dtype` and fills the arrays that
    have rows: all hidden codes side by side, logits, classes.
    """

    isa: str
    dtype: np.dtype[Any]
    complete: np.dtype[Any] | None  # `dtype`, if the input format allows all of its values
    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    enter: Callable[[Array, Array, Array, Array], None]


def pack(model: Model, name: str | None = None) -> Packed:
    """Choose the loops for a model: those of instruction set `name`, by default of `isa.choose()`.

    What fast loops cannot prove exact gets the portable ones.
    """
    name = name or isa.choose()
    enter = None if name == "portable" else _engine(model, name)
    if enter is None:
        name, enter = "portable", portable.engine(model)
    *hidden, outputs = model.shape[1:]
    dtype = model.input.dtype
    complete = dtype if model.input.bits == 8 * dtype.itemsize else None
    return Packed(name, dtype, complete, model.inputs, tuple(hidden), outputs, enter)


def _engine(model: Model, name: str) -> Callable[[Array, Array, Array, Array], None] | None:
    module = import_module(f".{name}", __package__)
    plan = packing.pack(model, module.UNIT.lanes, module.PANEL, module.HAS_BYTES)
    if plan is None:
        return None
    kind, rows, block, entry = KINDS[model.input.dtype], plan.rows, plan.block, module.run()
    if kind == 0:
        return lambda codes, hidden, logits, classes: entry(codes, 0, rows, block, hidden, logits, classes)
    return lambda codes, hidden, logits, classes: entry(
        codes.view(np.uint8), kind, rows, block, hidden, logits, classes
    )


def run(packed: Packed, codes: Array, hidden: Sequence[Array] | None = None) -> npt.NDArray[np.int64]:
    """Logits (N, outputs) of checked codes (N, inputs); fills `hidden`, one array a layer, if given."""
    logits = np.empty((len(codes), packed.outputs), np.int64)

    def part(rows: slice) -> None:
        own = np.ascontiguousarray(codes[rows], packed.dtype)
        between = np.empty((len(own), sum(packed.hidden)), np.uint16) if hidden else NO_HIDDEN
        packed.enter(own, between, logits[rows], NO_CLASSES)
        column = 0
        for target in hidden or ():
            target[rows] = between[:, column : (column := column + target.shape[1])]

    share(len(codes), part)
    return logits


def predict(packed: Packed, codes: Array) -> Classes:
    """Classes (N,) of checked codes (N, inputs)."""
    classes = np.empty(len(codes), np.int64)
    if len(codes) <= ALONE and codes.dtype is packed.dtype and codes.flags.c_contiguous:
        packed.enter(codes, NO_HIDDEN, NO_LOGITS, classes)
        return classes

    def part(rows: slice) -> None:
        own = np.ascontiguousarray(codes[rows], packed.dtype)
        packed.enter(own, NO_HIDDEN, NO_LOGITS, classes[rows])

    share(len(codes), part)
    return classes


def classify(logits: npt.NDArray[np.int64]) -> Classes:
    """Index of the largest logit, the lowest on a tie; with one output, 1 where it is >= 0."""
    if logits.shape[1] == 1:
        return (logits[:, 0] >= 0).astype(np.int64)
    return logits.argmax(axis=1)
