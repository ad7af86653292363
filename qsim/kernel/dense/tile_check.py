"""Matrix tiles, checked on the machine that has them before they compute anything for a user.

The tile program is tested on emulated tiles wherever the tests run; real tiles are few, and a processor, a
hypervisor or a compiler may get them wrong. So the first use compares a block of images of bytes, and where
halves may be multiplied one of those, with what vectors give. That takes milliseconds.
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
    """Whether blocks of images give the logits that their images give a few at a time, on vectors."""
    models = [_model(InputFormat(8), (204, 100, 10), ((8, 255), (8, 0)))]
    if not octets:  # codes, weights, or both of two bytes; sums of 64 bits and of 32
        models.append(
            _model(InputFormat(16, signed=True), (300, 100, 50, 10), ((10, 255), (10, 1023), (8, 0)))
        )
    same = all(_same(isa, octets, model) for model in models)
    if not same:
        warnings.warn(
            "this machine's matrix tiles (AMX) differ from its vectors in their sums; they are not used",
            RuntimeWarning,
            stacklevel=2,
        )
    return same


def _same(isa: str, octets: bool, model: Model) -> bool:
    plan, entry, given = packing.pack(model, entries.SETS[isa].layout), entries.run(isa, octets), model.input
    assert plan is not None
    codes = np.random.default_rng(1).integers(given.low, given.high + 1, (3 * ROWS - 1, model.inputs))
    codes, prepare = codes.astype(given.dtype), packing.operands(plan, given.dtype)
    operands = codes if prepare is None else prepare(codes)

    def logits(operands: Array) -> Array:
        found = np.empty((len(operands), model.outputs), np.int64)
        entry(operands, plan.rows, plan.block, NO_HIDDEN, found, NO_CLASSES)
        return found

    few = [logits(operands[i : i + ROWS - 1]) for i in range(0, len(operands), ROWS - 1)]
    return np.array_equal(logits(operands), np.concatenate(few))


def _model(given: InputFormat, shape: tuple[int, ...], kinds: tuple[tuple[int, int], ...]) -> Model:
    """Layers of so many bits and thresholds, which spread over the sums; no whole number of tiles."""
    rng, layers, largest = np.random.default_rng(0), [], given.high
    for inputs, outputs, (bits, levels) in zip(shape, shape[1:], kinds, strict=False):
        half = 1 << bits - 1
        weights, spread = rng.integers(-half, half, (outputs, inputs)), half * largest * inputs**0.5 / 2
        steps = np.linspace(-spread, spread, levels).astype(np.int64) if levels else None
        layers.append(Layer(weights, np.zeros(outputs, np.int64), bits, steps, "twos_complement"))
        largest = levels
    return Model(tuple(layers), given)
