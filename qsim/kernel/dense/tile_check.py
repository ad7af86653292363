"""Matrix tiles, checked on the machine that has them before they compute anything for a user.

The tile program is tested on emulated tiles wherever the tests run; real tiles are few, and a processor, a
hypervisor or a compiler may get them wrong. So the first use compares one block of images with what vectors
give, which takes less than a millisecond.
"""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np

from ...model.input_format import InputFormat
from ...model.layer import Layer
from ...model.model import Model
from .. import entries
from ..executor import NO_CLASSES, NO_HIDDEN, Array
from . import packing
from .tiles import ROWS

INSTEAD = "avx512vnni"  # what runs where tiles are not trusted


def checked(isa: str, octets: bool) -> str:
    """`isa`, or what runs in its place because its tiles fail; `octets` tells its entries apart."""
    return isa if entries.SETS[isa].tiles is None or _agree(isa, octets) else INSTEAD


@cache
def _agree(isa: str, octets: bool) -> bool:
    """Whether a block of images gives the logits that its images give a few at a time, on vectors."""
    own, model = entries.SETS[isa], _model()
    plan = packing.pack(model, own.lanes, own.panel, True)
    assert plan is not None
    entry = entries.run(isa, octets)

    def logits(codes: Array) -> Array:
        found = np.empty((len(codes), model.outputs), np.int64)
        entry(codes, plan.rows, plan.block, NO_HIDDEN, found, NO_CLASSES)
        return found

    codes = np.random.default_rng(1).integers(0, 256, (3 * ROWS - 1, model.inputs), np.uint8)
    few = [logits(codes[i : i + ROWS - 1]) for i in range(0, len(codes), ROWS - 1)]
    same = np.array_equal(logits(codes), np.concatenate(few))
    if not same:
        warnings.warn(
            "this machine's matrix tiles (AMX) differ from its vectors in their sums; they are not used",
            RuntimeWarning,
            stacklevel=2,
        )
    return same


def _model() -> Model:
    """Inputs and neurons that fill no whole number of tiles, and a hidden layer whose codes all occur."""
    rng = np.random.default_rng(0)
    first, last = (rng.integers(-128, 128, shape) for shape in ((100, 204), (10, 100)))
    steps = np.linspace(-200_000, 200_000, 255).astype(np.int64)
    hidden = Layer(first, np.zeros(100, np.int64), 8, steps, "twos_complement")
    return Model((hidden, Layer(last, np.zeros(10, np.int64), 8, None, "twos_complement")), InputFormat(8))
