"""All rungs for one image, cheapest first: run it, intervals, root bounds, attack, branch and bound."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import QsimError
from ..model.model import Model
from .branch import Effort, Search, search
from .cells import Splits, cell_of, unsplit, whole_bound
from .counterexamples import box_of, strike, value_of
from .network import Integers, Margin, arrays_of, margins

RUNGS = ("clean", "intervals", "root", "attack", "branch")


@dataclass(frozen=True)
class Finding:
    """What is known of one image.

    Attributes
    ----------
    verdict : "robust", "broken" or "unknown"
    rung : which of RUNGS decided, or gave up
    nodes : cells looked at
    proof : for each rival class that interval bounds leave open a tree, see `checker`; empty unless robust
    witness : an image within the radius that gets another class, if broken
    bounds : lower bounds of the margins of undecided rivals, if unknown (rounded down; not proved)
    """

    verdict: str
    rung: str
    nodes: int = 0
    proof: dict[str, Any] = field(default_factory=dict)
    witness: Integers | None = None
    bounds: dict[str, int] = field(default_factory=dict)


class Certifier:
    """Decides images of one model.

    Parameters
    ----------
    model : Model of ideal layers, of any depth, grid, thresholds and input format

    Raises
    ------
    QsimError
        If a layer is on crossbar tiles, or a bound could leave 62 bits.
    """

    def __init__(self, model: Model) -> None:
        self.model, self.arrays = model, arrays_of(model)
        self.reach = 2 * max(max(abs(low), abs(high)) for low, high in model.bounds)
        if self.reach >= 1 << 50:
            raise QsimError(f"accumulators reach {self.reach // 2}; less than 2**49 is needed to certify")

    def network(self, label: int) -> Model:
        """The network that a certificate for this label is about."""
        return self.model

    @cached_property
    def margins(self) -> list[list[Margin]]:
        """For each class, what its rivals need."""
        return [margins(self.model, label) for label in range(self.model.classes)]

    def decide(self, image: Integers, label: int, radius: int, effort: Effort = Effort()) -> Finding:  # noqa: B008
        """Whether every image within `radius` LSBs of `image` gets class `label`.

        Parameters
        ----------
        image : int64 (inputs,), codes inside the input format
        label : 0 to model.classes - 1
        radius : 0 or more
        """
        deadline = None if effort.seconds is None else time.thread_time() + effort.seconds
        rivals = self.margins[label]
        if any(self._wins(margin, image) for margin in rivals):
            return Finding("broken", "clean", witness=image)
        splits = unsplit(self.arrays, *box_of(self.model, image, radius))
        rivals = self._left_by_intervals(rivals, splits)
        if not rivals:
            return Finding("robust", "intervals")
        roots = [(margin, self._search(margin, splits, 1, deadline)) for margin in rivals]
        nodes = len(roots)
        for _, found in roots:
            if found.witness is not None:
                return Finding("broken", "root", nodes, witness=found.witness)
        proof = {str(margin.rival): found.proof for margin, found in roots if not found.open}
        roots = sorted([root for root in roots if root[1].open], key=lambda root: root[1].bound)
        if not roots:
            return Finding("robust", "root", nodes, proof)
        cell = cell_of(self.arrays, splits)
        assert cell is not None
        for margin, _ in roots:
            witness = strike(self.arrays, margin.factors, margin.constant, margin.most, cell)
            if witness is not None:
                return Finding("broken", "attack", nodes, witness=witness)
        for i, (margin, _) in enumerate(roots):
            found = self._search(margin, splits, effort.nodes - nodes, deadline)
            nodes += found.nodes
            if found.witness is not None:
                return Finding("broken", "branch", nodes, witness=found.witness)
            if found.open:
                reached = {margin.rival: found.bound, **{m.rival: root.bound for m, root in roots[i + 1 :]}}
                bounds = {str(r): math.floor(bound) for r, bound in reached.items() if math.isfinite(bound)}
                return Finding("unknown", "branch", nodes, bounds=bounds)
            proof[str(margin.rival)] = found.proof
        return Finding("robust", "branch", nodes, proof)

    def by_intervals(self, image: Integers, label: int, radius: int) -> bool:
        """Whether interval bounds alone prove `image` robust; parameters as in `decide`."""
        rivals = self.margins[label]
        if any(self._wins(margin, image) for margin in rivals):
            return False
        return not self._left_by_intervals(rivals, unsplit(self.arrays, *box_of(self.model, image, radius)))

    def _wins(self, margin: Margin, image: Integers) -> bool:
        accs = np.empty(len(self.arrays.bias), np.int64)
        return bool(value_of(self.arrays, margin.factors, margin.constant, image, accs) <= margin.most)

    def _left_by_intervals(self, rivals: list[Margin], splits: Splits) -> list[Margin]:
        """The rivals that interval bounds alone do not exclude: those of multipliers that are all 0."""
        cell = cell_of(self.arrays, splits)
        assert cell is not None
        zero = np.zeros(len(self.arrays.bias), np.int64)
        return [m for m in rivals if whole_bound(self.arrays, m, 1, zero, cell) <= m.most]

    def _search(self, margin: Margin, splits: Splits, nodes: int, deadline: float | None) -> Search:
        return search(self.arrays, margin, splits, self.reach, max(nodes, 0), deadline)
