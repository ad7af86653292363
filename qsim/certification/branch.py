"""Branch and bound for one rival class: cells, each narrowed by cuts, then proved, broken or split."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..jit.compiling import cached
from .cells import ROOM, Splits, cell_of, proven, split
from .counterexamples import polish, sweeps_of, value_of
from .cuts import cut
from .dual import Cell, State, ascend, state_of
from .leaf import Split, settle
from .network import Arrays, Floats, Integers, Margin
from .staircase import code_of

ROOT_ITERATIONS = 60
ITERATIONS = 12
GAIN = 0.05  # the share of what is missing that cuts must gain to be tried again
WAIT = 4  # splits after cuts that gained less
LEAF = 20  # cells that a linear programme counts as, for the time that it takes
DEPTH = 300  # of a tree, at most: the checker recurses
SLACK = 1e-3  # a bound must exceed what the rival reaches by this share, so that rounding keeps it true


@dataclass(frozen=True)
class Effort:
    """How long to search for one image.

    Parameters
    ----------
    nodes : int
        Cells of one image, at most. The same nodes give the same answer on every run.
    seconds : float, optional
        A limit of processor time as well; with it, what is still unknown depends on the machine.
    """

    nodes: int = 20_000
    seconds: float | None = None


@dataclass
class Search:
    """What became of one rival.

    Attributes
    ----------
    proof : the tree, complete if neither `witness` nor `open`
    witness : an image that the rival wins
    open : whether some cell is undecided
    bound : a lower bound of the margin, in floating point
    nodes : cells looked at
    """

    proof: dict[str, Any] = field(default_factory=dict)
    witness: Integers | None = None
    open: bool = False
    bound: float = np.inf
    nodes: int = 0


@dataclass
class _Node:
    """A cell to decide: where its tree goes, its splits, multipliers to start from, its parent's bound.

    No cuts are tried for the next `wait` splits.
    """

    slot: dict[str, Any]
    splits: Splits
    alpha: Floats | None
    bound: float
    depth: int
    wait: int = 0


def search(
    arrays: Arrays, margin: Margin, splits: Splits, reach: int, nodes: int, deadline: float | None
) -> Search:
    """Decide whether a rival wins anywhere among `splits`, with at most `nodes` cells.

    Parameters
    ----------
    reach : the largest absolute value that any layer accumulates
    deadline : `time.thread_time()` at which to give up, or None
    """
    found, root = Search(), cell_of(arrays, splits)
    assert root is not None
    state, best = state_of(arrays), state_of(arrays)
    least, sweeps = ROOM, sweeps_of(arrays)
    stack = [_Node(found.proof, splits, None, -np.inf, 0)]
    while stack:
        if found.nodes >= nodes or _late(deadline) or stack[-1].depth > DEPTH:
            found.open = True
            found.bound = min(node.bound for node in stack)
            break
        node = stack.pop()
        cell = cell_of(arrays, node.splits)
        if cell is None:
            continue
        value = _raise(arrays, margin, node, (cell, root), state, best)
        found.nodes += 1
        while cell is not None and node.wait == 0 and value <= margin.most:
            if found.nodes >= nodes or _late(deadline):
                break
            before, cell = value, _narrowed(arrays, margin, node, cell, best, reach)
            if cell is not None and node.wait == 0:
                value = _raise(arrays, margin, node, (cell, root), state, best)
                found.nodes += 1
                node.wait = 0 if value - before >= GAIN * (margin.most - before) else WAIT
        if cell is None:
            continue
        if value > margin.most:
            leaf = proven(arrays, margin, best.alpha, cell, reach)
            if leaf is not None:
                node.slot.update(leaf)
                continue
        image = best.x.astype(np.int64)
        least = _improved(arrays, margin, root, image, least, sweeps if node.depth else 0)
        if least <= margin.most:
            found.witness = image
            break
        where, above_first = _where(arrays, cell, best)
        if where is None:
            found.nodes = min(found.nodes + LEAF, nodes)
            settled = settle(arrays, margin, node.splits, cell, reach)
            if isinstance(settled, dict):
                node.slot.update(settled)
                continue
            if isinstance(settled, np.ndarray):
                found.witness = settled
                break
            where = settled
        node.bound = max(node.bound, value)
        _push(stack, arrays, node, where, best.alpha.copy(), above_first)
    return found


def _late(deadline: float | None) -> bool:
    return deadline is not None and time.thread_time() > deadline


def _improved(arrays: Arrays, margin: Margin, root: Cell, image: Integers, least: int, sweeps: int) -> int:
    """The least margin of any image so far; one that is better than all before is polished first."""
    value = value_of(arrays, margin.factors, margin.constant, image, np.empty_like(arrays.bias))
    if margin.most < value < least:
        polished = image.copy()
        reached = polish(arrays, margin.factors, margin.constant, margin.most, root, polished, sweeps)
        if reached <= margin.most:
            image[:] = polished
            return int(reached)
    return int(min(value, least))


def _raise(
    arrays: Arrays, margin: Margin, node: _Node, cells: tuple[Cell, Cell], state: State, best: State
) -> float:
    """The best bound of a node's cell."""
    fresh = node.alpha is None
    state.alpha[:] = 0 if node.alpha is None else node.alpha
    target = margin.most + SLACK * max(1, abs(margin.most)) + 10 * SLACK
    factors = margin.factors.astype(np.float64), float(margin.constant)
    iterations = ROOT_ITERATIONS if fresh else ITERATIONS
    return float(ascend(arrays, factors, target, cells, state, best, fresh, iterations))


def _narrowed(
    arrays: Arrays, margin: Margin, node: _Node, cell: Cell, best: State, reach: int
) -> Cell | None:
    """What cuts leave of a node's cell, from which it goes on; None if nothing."""
    found = cut(arrays, margin, node.splits, cell, best.alpha, reach)
    if found is None:
        node.wait = WAIT
        return cell
    node.slot.update(found[0])
    node.slot, node.splits, node.alpha, node.depth = found[0]["rest"], found[1], None, node.depth + 1
    return cell_of(arrays, node.splits)


def _push(
    stack: list[_Node], arrays: Arrays, node: _Node, where: Split, alpha: Floats, above_first: bool
) -> None:
    """Both sides of a split, the one to look at first on top."""
    node.slot.update(split=list(where), below={}, above={})
    for above in (not above_first, above_first):
        part = split(arrays, node.splits, where, above)
        if part is not None:
            slot = node.slot["above" if above else "below"]
            stack.append(_Node(slot, part, alpha, node.bound, node.depth + 1, max(node.wait - 1, 0)))


def _where(arrays: Arrays, cell: Cell, best: State) -> tuple[Split | None, bool]:
    """The accumulator to split and its threshold, and whether the minimising image lies above it."""
    q, threshold = _widest_gap(arrays, cell, best)
    if q < 0:
        return None, False
    layer = int(np.searchsorted(arrays.first, q, side="right"))
    return (layer, int(q - arrays.first[layer - 1]), int(threshold)), bool(best.acc[q] >= threshold)


@cached()
def _widest_gap(arrays: Arrays, cell: Cell, best: State) -> tuple[int, int]:
    """The accumulator whose relaxation costs the bound most, cut between z and what the image really gives.

    (-1, 0) where every accumulator has but one code.
    """
    most, chosen, threshold = -1.0, -1, 0
    for q in range(len(arrays.bias)):
        start, stop = arrays.start[q], arrays.stop[q]
        first = code_of(cell.low[q], arrays.thresholds, start, stop)
        last = code_of(cell.high[q], arrays.thresholds, start, stop)
        if first == last:
            continue
        acc = min(max(best.acc[q], cell.low[q]), cell.high[q])
        z = best.z[q]
        codes = code_of(acc, arrays.thresholds, start, stop) - code_of(z, arrays.thresholds, start, stop)
        gap = abs(best.g[q] * codes - best.alpha[q] * (acc - z))
        if gap > most:
            middle = 0.5 * (acc + z)
            k = code_of(middle, arrays.thresholds, start, stop)
            if k <= first:
                k = first + 1
            elif (
                k < last and arrays.thresholds[start + k] - middle < middle - arrays.thresholds[start + k - 1]
            ):
                k += 1
            most, chosen, threshold = gap, q, arrays.thresholds[start + min(k, last) - 1]
    return chosen, threshold
