"""What attacks share: images still to be broken, and the best found for each, scored on the integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit.compiling import cached
from ..model.model import Model
from ..shadow.network import Network
from .defective import READS, noisy, summed_logits
from .draws import Keys, image_keys
from .norms import Ball
from .steps import Codes

RIVALS = 4  # classes that attacks aim at in turn

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


class Problem:
    """Images under attack.

    Parameters
    ----------
    model : Model, which scores every candidate
    codes : int array (N, inputs) of the input format's type
    labels : int64 array (N,)
    targets : int64 array (N,), or None for any class but the label
    ball : what the attack may reach
    seed : int
    network : Network, optional
        Whose weights give the gradients, if not the model's own.

    Attributes
    ----------
    best : int array (N, inputs)
        The candidate of the smallest margin so far; the image itself at first.
    margins : int64 array (N,)
        Its margin, below 0 if and only if the attack has won.
    queries : int64 array (N,)
        Candidates scored so far.
    """

    def __init__(
        self,
        model: Model,
        codes: Codes,
        labels: Integers,
        targets: Integers | None,
        ball: Ball,
        seed: int,
        network: Network | None = None,
    ) -> None:
        self.model, self.codes, self.labels, self.targets, self.ball = model, codes, labels, targets, ball
        self.network = network
        self.reads = READS if noisy(model) else 1
        self.keys: Keys = image_keys(codes, labels if targets is None else targets, seed)
        self.best = codes.copy()
        self.margins = np.full(len(codes), np.iinfo(np.int64).max)
        self.queries = np.zeros(len(codes), np.int64)
        self.clean_logits = self.try_all(np.arange(len(codes)), codes)
        self.clean_margins = self.margins.copy()
        self.given_up = np.zeros(len(codes), np.bool_)

    @property
    def live(self) -> Integers:
        """The images that are neither broken nor given up."""
        return np.flatnonzero((self.margins >= 0) & ~self.given_up)

    def give_up(self, share: float) -> None:
        """Leave alone the images whose margin is still more than a share of the first one."""
        self.given_up = self.margins > share * self.clean_margins

    def of(self, rows: Integers) -> tuple[Integers, Integers | None]:
        """Labels and targets of some images."""
        return self.labels[rows], None if self.targets is None else self.targets[rows]

    def try_all(self, rows: Integers, candidates: Codes) -> Integers:
        """Score a candidate for each of the images `rows`, where one may stand several times.

        Gives the logits, int64 (rows, classes).
        With read noise they are sums over readings.
        """
        logits = scored_logits(self.model, candidates)
        margins = self.margins_of(rows, logits)
        _keep_best(rows, margins, candidates, self.margins, self.best, self.queries)
        return logits

    def margins_of(self, rows: Integers, logits: Integers) -> Integers:
        """The margins of candidates for some images, from their logits."""
        return doubled_margins(logits, *self.of(rows))

    def real(self, logits: Integers) -> Reals:
        """Logits in the shadow's units."""
        last = self.model.layers[-1]
        scale = last.weight_denominator * last.codes_per_unit * (1 if self.model.outputs > 1 else 2)
        return logits / (scale * self.reads)

    def rivals(self, rows: Integers, rank: int) -> Integers:
        """The class to aim at: the target, else the other class of that rank on the clean image."""
        if self.targets is not None:
            return self.targets[rows]
        others = self.clean_logits[rows].astype(np.float64)
        others[np.arange(len(rows)), self.labels[rows]] = -np.inf
        order = np.argsort(-others, axis=1, kind="stable")
        return order[:, rank % (self.model.classes - 1)]


def class_logits(model: Model, codes: Codes) -> Integers:
    """The accumulators of all classes (N, classes); of a single output L, -1 and 2 L: class 1 if L >= 0."""
    return _of_classes(model, model.logits(codes))


def scored_logits(model: Model, codes: Codes) -> Integers:
    """The same, added up over the readings of a model with read noise."""
    return _of_classes(model, summed_logits(model, codes))


def _of_classes(model: Model, logits: Integers) -> Integers:
    if model.outputs > 1:
        return logits
    return np.concatenate([np.full_like(logits, -1), 2 * logits], axis=1)


def doubled_margins(logits: Integers, labels: Integers, targets: Integers | None) -> Integers:
    """How far each image is from being broken, doubled, so that ties count as the hardware decides them.

    Untargeted: the label's logit minus the best other; below 0 if and only if the label loses. Targeted: the
    best other logit minus the target's; below 0 if and only if the target wins.
    """
    return _doubled_margins(logits, labels if targets is None else targets, targets is not None)


@cached(error_model="numpy")
def _doubled_margins(logits: Any, aims: Any, targeted: bool) -> Any:
    margins = np.empty(logits.shape[0], np.int64)
    for n in range(logits.shape[0]):
        aim, best = aims[n], np.iinfo(np.int64).min
        for k in range(logits.shape[1]):
            if k != aim:
                best = max(best, 2 * logits[n, k] + (1 if k < aim else 0))  # the lower index wins a tie
        lead = 2 * logits[n, aim] - best
        margins[n] = -lead - 1 if targeted else lead
    return margins


@cached(error_model="numpy")
def _keep_best(rows: Any, found: Any, candidates: Any, margins: Any, best: Any, queries: Any) -> None:
    """Count the candidates of images `rows`, and keep each that beats all before it."""
    for n in range(rows.size):
        i = rows[n]
        queries[i] += 1
        if found[n] < margins[i]:
            margins[i] = found[n]
            best[i] = candidates[n]
