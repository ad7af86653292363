"""The compiled loops for a model of ideal layers, chosen by instruction set."""

from __future__ import annotations

import numpy as np

from ...model.model import Model
from .. import entries, portable
from ..executor import Array, Classes, Enter, Executor, Sweeper
from . import packing


def executor(model: Model, isa: str) -> Executor:
    """The loops of instruction set `isa`; what they cannot prove exact gets the portable ones."""
    enter = None if isa == "portable" else _fast(model, isa)
    sweeper = None if isa == "portable" else lambda: _fast_sweeper(model, isa) or portable.sweeper(model)
    *hidden, outputs = model.shape[1:]
    dtype = model.input.dtype
    return Executor(
        isa="portable" if enter is None else isa,
        dtype=dtype,
        complete=dtype if model.input.bits == 8 * dtype.itemsize else None,
        hidden=tuple(hidden),
        outputs=outputs,
        enter=enter or portable.engine(model),
        make_sweeper=sweeper or (lambda: portable.sweeper(model)),
    )


def _packed(model: Model, isa: str) -> packing.Plan | None:
    own = entries.SETS[isa]
    return packing.pack(model, own.lanes, own.panel, own.octets is not None)


def _fast(model: Model, isa: str) -> Enter | None:
    plan = _packed(model, isa)
    if plan is None:
        return None
    rows, block, operands = plan.rows, plan.block, packing.operands(plan, model.input.dtype)
    entry = entries.run(isa, plan.octets)
    if operands is None:
        return lambda codes, _, hidden, logits, classes: entry(codes, rows, block, hidden, logits, classes)
    return lambda codes, _, hidden, logits, classes: entry(
        operands(codes), rows, block, hidden, logits, classes
    )


def _fast_sweeper(model: Model, isa: str) -> Sweeper | None:
    layers = _packed(model, isa)
    plan = layers and packing.pack_sweep(model, layers, entries.SETS[isa].lanes)
    if layers is None or plan is None:
        return None
    rows, block, operands = plan.rows, plan.block, packing.operands(layers, model.input.dtype)
    entry = entries.sweep(isa, plan.octets)
    low, high = model.input.low, model.input.high

    def run(codes: Array, signs: Array, steps: Array, classes: Classes) -> None:
        first = np.ascontiguousarray(codes)
        first = first if operands is None else operands(first)
        entry(first, np.ascontiguousarray(signs), steps, low, high, rows, block, classes)

    return run
