"""A model as the compiled engine reads it: a table of integers and one aligned block of bytes.

Each layer is one row of the table; its columns are named here. Offsets point into the block. What a
layer's ranges do not prove exact is not packed: `pack` returns None and the portable loops run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...jit.compiling import part
from ...jit.vectors import pointer
from ..thresholds.forms import Array, find_staircase, find_table
from .operands import Layout, byte_planes, narrowest
from .products import GROUP

if TYPE_CHECKING:
    from ...model.layer import Layer
    from ...model.model import Model

# columns of the plan
HALVES = 0  # operands are 16-bit signed halves (1) or bytes (0: unsigned codes, signed weights)
INPUTS = 1
GROUPS = 2  # of 4 bytes
OUTPUTS = 3
VECTORS = 4  # of neurons; the last one may have idle lanes
WEIGHTS = 5  # offset of the packed weights
BIAS = 6  # offset of one number a lane, in the accumulator's type
DOUBLED = 7  # 1 where weight = 2 x operand + 1; lane OUTPUTS then sums the codes
CHUNK = 8  # groups that cannot leave 32 bits, if the accumulator has 64; 0 if it has 32
SHIFT_IN = 9  # operand = code - SHIFT_IN
METHOD = 10  # how thresholds are counted
MAX_CODE = 11
TABLE = 12  # offset of the method's numbers
ROWS = 13  # rows of thresholds: 1 or OUTPUTS
WIDTH = 14  # thresholds in a row
LOW = 15  # a table's codes change between these accumulators
HIGH = 16
SHIFT = 17
BUCKETS = 18  # in a row of a table
START = 19  # offset of the 32-bit numbers that sums start from: the bias where that is all it takes
FUSED = 20  # 1 where doubling and adding the bias is left to the method, CLIMB or KEYED
CODE_BYTES = 21  # that hold a code's operand: 1 or 2
WEIGHT_BYTES = 22
PLANES = 23  # offset of the low, then the high bytes of 16-bit weights, for tiles; 0 if those do not serve
COLUMNS = 24

LAST, KEYED, COMPARE, CLIMB, TABLED, BISECT = range(6)  # all but the last in 32 bits
FEW = 4  # thresholds that are compared one by one
BEYOND = 15 * 7 * 64  # bytes after the block that may be read: tiles of 16 groups end behind the weights
KEY_BITS = 4  # of a key, which tell its lane: see `vectors.winners_of_16`
IN_32_BITS = (1 << 31) - 1
DEEPEST = IN_32_BITS // (2 * 255 * 255)  # inputs whose bytes' products, two of each, sum to 32 bits


@part
def row_of(plan, layer):
    """A row of the table at address `plan`, as a pointer."""
    return pointer(plan + 8 * COLUMNS * layer, np.int64)


@dataclass(frozen=True)
class Plan:
    """`rows[layer, column]` as above, and the 64-byte aligned block that its offsets point into."""

    rows: npt.NDArray[np.int64]
    block: npt.NDArray[np.uint8]

    @property
    def octets(self) -> bool:
        """Whether the operands of all layers have 8 bits."""
        return not self.rows[:, HALVES].any()


class _Block:
    """Arrays laid one after another at multiples of 64 bytes, at first those of another block."""

    def __init__(self, start: bytes = b"") -> None:
        self.parts = [start]
        self.size = len(start)

    def add(self, array: npt.NDArray[Any]) -> int:
        start, data = self.size, array.tobytes()
        self.parts.append(data + bytes(-len(data) % 64))
        self.size += len(self.parts[-1])
        return start

    def aligned(self) -> npt.NDArray[np.uint8]:
        room = np.zeros(self.size + 64 + BEYOND, np.uint8)
        start = -room.ctypes.data % 64
        block = room[start : start + self.size]
        block[:] = np.frombuffer(b"".join(self.parts), np.uint8)
        return block


def pack(model: Model, layout: Layout) -> Plan | None:
    """The plan for an instruction set that wants this layout; None if not provable."""
    if model.wraps:
        return None
    block, rows, lanes = _Block(), np.zeros((len(model.layers), COLUMNS), np.int64), layout.lanes
    for i, layer in enumerate(model.layers):
        codes = model.code_range(i)
        stored = narrowest(layer, codes, layout)
        if stored is None:
            return None
        weights, shift, row = stored.weights, stored.shift, rows[i]
        row[[HALVES, INPUTS, OUTPUTS, SHIFT_IN]] = stored.halves, layer.inputs, layer.outputs, shift
        row[[CODE_BYTES, WEIGHT_BYTES]] = stored.code_bytes, stored.weight_bytes
        row[DOUBLED] = len(weights) > layer.outputs
        groups = _grouped(weights, lanes)
        row[GROUPS], row[VECTORS] = groups.shape[1], len(groups) // lanes
        row[WEIGHTS] = block.add(_panels(groups, layout))
        low, high = model.bounds[i]
        if low < -IN_32_BITS or high >= IN_32_BITS:
            row[CHUNK] = _chunk(groups, max(abs(end - shift) for end in codes))
            if row[CHUNK] < 8:
                return None
        if layout.tiles and stored.halves and (not row[CHUNK] or layer.inputs <= DEEPEST):
            planes = byte_planes(weights, stored.weight_bytes)
            row[PLANES] = block.add(np.stack([_panels(_grouped(plane, lanes), layout) for plane in planes]))
        bias = np.zeros(len(groups), np.int64)
        bias[: layer.outputs] = layer.bias + shift * layer.weights.sum(1)
        row[BIAS] = row[START] = block.add(bias if row[CHUNK] else bias.astype(np.int32))
        if row[CHUNK] or row[DOUBLED]:
            row[START] = block.add(np.zeros(len(groups), np.int32))
        if layer.thresholds is not None:
            _add_thresholds(block, row, layer, model.bounds[i], lanes)
        elif not row[CHUNK] and 1 < layer.outputs <= 1 << KEY_BITS <= len(groups):
            _add_keys(block, row, bias, (low, high), max(abs(end - shift) for end in codes))
        row[FUSED] = row[DOUBLED] and not row[CHUNK] and row[METHOD] in (CLIMB, KEYED)
    return Plan(rows, block.aligned())


def operands(plan: Plan, codes: np.dtype[Any]) -> Callable[[Array], Array] | None:
    """A function from C-ordered codes (N, inputs) to the bytes (N, whole groups) that the first layer reads.

    Operands are code - shift, bytes or halves, and zeros to a whole group. None where `codes`, the type of
    the codes, is such that they are those bytes already.
    """
    halves, inputs, groups, shift = plan.rows[0, [HALVES, INPUTS, GROUPS, SHIFT_IN]].tolist()
    dtype = np.dtype(np.int16 if halves else np.uint8)
    columns = GROUP // dtype.itemsize * groups

    def copy(codes: Array) -> Array:
        made = np.zeros((len(codes), columns), dtype)
        np.subtract(codes, shift, out=made[:, :inputs], dtype=np.int32, casting="unsafe")
        return made.view(np.uint8)

    if shift or columns != inputs or codes != dtype:
        return copy
    return (lambda codes: codes.view(np.uint8)) if halves else None


def pack_sweep(model: Model, plan: Plan, lanes: int) -> Plan | None:
    """A plan with one more row in front, for the slope of the first layer; None if it is not provable.

    That row multiplies 1 + sign by the weights and subtracts their sum; its TABLE holds each weight in
    both halves of 32 bits (inputs, lanes).
    """
    layer, row = model.layers[0], plan.rows[0].copy()
    if row[CHUNK] or np.abs(layer.weights).max() >= 1 << 15:
        return None
    block, lanes = _Block(plan.block.tobytes()), row[VECTORS] * lanes
    bias = np.zeros(lanes, np.int32)
    bias[: layer.outputs] = -layer.weights.sum(1)
    row[BIAS] = block.add(bias)
    row[CODE_BYTES] = 1  # 0, 1 or 2
    if not row[DOUBLED]:
        row[START] = row[BIAS]
    columns = np.zeros((layer.inputs, lanes, 2), np.int16)
    columns[:, : layer.outputs] = layer.weights.T[:, :, None]
    row[TABLE] = block.add(columns)
    rows = np.vstack([row, plan.rows])
    rows[:2, FUSED] = 0  # intercepts and slopes are accumulators
    if row[METHOD] == KEYED:
        rows[:2, METHOD] = LAST
    return Plan(rows, block.aligned())


def _grouped(weights: Array, lanes: int) -> Array:
    """(neurons, groups, operands in a group), with zeros up to whole vectors and whole groups."""
    each = GROUP // weights.itemsize
    neurons, inputs = weights.shape
    padded = np.pad(weights, ((0, -neurons % lanes), (0, -inputs % each)))
    return padded.reshape(len(padded), -1, each)


def _panels(groups: Array, layout: Layout) -> Array:
    """As the tiles read them: panels of a few vectors, in each all groups, in each its neurons."""
    vectors = len(groups) // layout.lanes
    panels = -(-vectors // layout.panel)
    parts = np.array_split(groups.reshape(vectors, layout.lanes, *groups.shape[1:]), panels)
    return np.concatenate([np.moveaxis(part, 2, 0).ravel() for part in parts])


def _chunk(groups: Array, largest: int) -> int:
    """How many groups, whichever, sum to 32 bits for operands up to `largest` in magnitude."""
    return IN_32_BITS // max(int(np.abs(groups.astype(np.int64)).sum(2).max()) * largest, 1)


def _add_keys(block: _Block, row: Array, bias: Array, bounds: tuple[int, int], largest: int) -> None:
    """The numbers that make keys of a last layer's sums, if 32 bits are enough.

    Where sums are doubled the sum of the codes, up to `largest` each, is left out: all outputs have it.
    """
    reach = max(-bounds[0], bounds[1]) + row[DOUBLED] * row[INPUTS] * largest
    if reach < 1 << 30 - KEY_BITS:
        lanes = np.arange(1 << KEY_BITS)
        known = bias[: lanes.size] << KEY_BITS if row[DOUBLED] else 0
        keys = np.where(lanes < row[OUTPUTS], known + lanes[::-1], -(1 << 31))
        row[METHOD], row[TABLE] = KEYED, block.add(keys.astype(np.int32))


def _add_thresholds(block: _Block, row: Array, layer: Layer, bounds: tuple[int, int], lanes: int) -> None:
    """Choose how to count the thresholds and lay out what that needs.

    Where they all have 32 bits, so may the accumulators: what is beyond is cut off.
    """
    assert layer.thresholds is not None
    given = layer.thresholds[:1] if layer.shared_thresholds else layer.thresholds
    rows = given.clip(bounds[0], bounds[1] + 1)
    wide = row[CHUNK] and (rows.min() < -IN_32_BITS or rows.max() >= IN_32_BITS)
    row[[MAX_CODE, ROWS, WIDTH]] = layer.max_code, *rows.shape
    climb = table = None
    if not wide:
        cut = max(bounds[0], -IN_32_BITS - 1), min(bounds[1], IN_32_BITS - 1)
        climb = find_staircase(layer, cut, steep=True) if layer.shared_thresholds else None
        table = find_table(rows)
    if climb is not None:
        numbers = [climb.slope, climb.offset, climb.shift]
        row[METHOD], row[TABLE] = CLIMB, block.add(np.array(numbers, np.int64))
    elif rows.shape[1] <= FEW and not wide:
        every = np.full((FEW, row[VECTORS] * lanes), IN_32_BITS, np.int32)
        every[: rows.shape[1], : layer.outputs] = rows.T
        row[METHOD], row[TABLE] = COMPARE, block.add(every)
    elif table is not None:
        row[METHOD], row[TABLE] = TABLED, block.add(table.entries)
        row[[LOW, HIGH, SHIFT, BUCKETS]] = table.low, table.high, table.shift, table.entries.shape[1]
    else:
        row[METHOD], row[TABLE] = BISECT, block.add(rows)
