"""The compiled loops for a model of ideal layers, chosen by instruction set."""

from __future__ import annotations

import numpy as np

from ...model.model import Model
from .. import portable
from ..entries import entries
from ..executor import Array, Classes, Enter, Executor, Sweeper
from . import packing
from .network import KINDS


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


def _fast(model: Model, isa: str) -> Enter | None:
    compiled = entries(isa)
    plan = packing.pack(model, compiled.lanes, compiled.panel, compiled.octets is not None)
    if plan is None:
        return None
    kind, rows, block, entry = KINDS[model.input.dtype], plan.rows, plan.block, compiled.run
    if kind == 0:
        return lambda codes, _, hidden, logits, classes: entry(codes, 0, rows, block, hidden, logits, classes)
    return lambda codes, _, hidden, logits, classes: entry(
        codes.view(np.uint8), kind, rows, block, hidden, logits, classes
    )


def _fast_sweeper(model: Model, isa: str) -> Sweeper | None:
    compiled, dtype = entries(isa), model.input.dtype
    plan = packing.pack(model, compiled.lanes, compiled.panel, compiled.octets is not None)
    plan = plan and packing.pack_sweep(model, plan, compiled.lanes)
    if plan is None:
        return None
    rows, block, entry = plan.rows, plan.block, compiled.sweep
    low, high = model.input.low, model.input.high

    def run(codes: Array, signs: Array, steps: Array, classes: Classes) -> None:
        octets = np.ascontiguousarray(codes).view(np.uint8)
        entry(octets, KINDS[dtype], np.ascontiguousarray(signs), steps, low, high, rows, block, classes)

    return run
