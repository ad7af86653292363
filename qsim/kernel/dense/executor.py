"""The compiled loops for a model of ideal layers, chosen by instruction set."""

from __future__ import annotations

import numpy as np

from ...model.model import Model
from .. import entries, portable
from ..executor import Array, Classes, Enter, Executor, Sweeper
from . import packing
from .tile_check import checked


def executor(model: Model, isa: str) -> Executor:
    """The loops of instruction set `isa`; what they cannot prove exact gets the portable ones."""
    plan = None if isa == "portable" else _packed(model, isa)
    isa = "portable" if plan is None else checked(isa, plan.octets)
    *hidden, outputs = model.shape[1:]
    dtype = model.input.dtype
    return Executor(
        isa=isa,
        dtype=dtype,
        complete=dtype if model.input.bits == 8 * dtype.itemsize else None,
        hidden=tuple(hidden),
        outputs=outputs,
        enter=portable.engine(model) if plan is None else _fast(model, plan, isa),
        make_sweeper=lambda: _fast_sweeper(model, plan, isa) or portable.sweeper(model),
    )


def _packed(model: Model, isa: str) -> packing.Plan | None:
    return packing.pack(model, entries.SETS[isa].layout)


def _fast(model: Model, plan: packing.Plan, isa: str) -> Enter:
    rows, block, operands = plan.rows, plan.block, packing.operands(plan, model.input.dtype)
    entry = entries.run(isa, plan.octets)
    if operands is None:
        return lambda codes, _, hidden, logits, classes: entry(codes, rows, block, hidden, logits, classes)
    return lambda codes, _, hidden, logits, classes: entry(
        operands(codes), rows, block, hidden, logits, classes
    )


def _fast_sweeper(model: Model, layers: packing.Plan | None, isa: str) -> Sweeper | None:
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
