"""What a white-box attack climbs: functions of the logits, with their derivatives.

Each takes real logits (N, classes), the labels (N,) and the targets (N,), or None where the attack is
untargeted, and gives the value (N,) that the attack raises and its derivative by the logits (N, classes). A
targeted attack raises the same function with label and target changed: it wants the target to win.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..errors import QsimError

Reals = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]
Loss = Callable[[Reals, Classes, Classes | None], tuple[Reals, Reals]]

TINY = 1e-12


def cross_entropy(logits: Reals, labels: Classes, targets: Classes | None) -> tuple[Reals, Reals]:
    """Softmax cross-entropy in float32, as a framework computes it: where it saturates it has no gradient."""
    aim, sign = (labels, 1.0) if targets is None else (targets, -1.0)
    rows = np.arange(len(logits))
    narrow = logits.astype(np.float32)
    shares = np.exp(narrow - narrow.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    value = -np.log(np.maximum(shares[rows, aim], np.float32(1e-38)))
    shares[rows, aim] -= 1
    return sign * value.astype(np.float64), sign * shares.astype(np.float64)


def unsaturated(logits: Reals, labels: Classes, targets: Classes | None) -> tuple[Reals, Reals]:
    """Cross-entropy's derivative divided by the probability of being wrong, which never vanishes.

    Its value is the margin's: the largest other logit minus the label's.
    """
    aim, sign = (labels, 1.0) if targets is None else (targets, -1.0)
    rows = np.arange(len(logits))
    others = logits.copy()
    others[rows, aim] = -np.inf
    largest = others.max(axis=1)
    gradient = np.exp(others - largest[:, None])
    gradient /= gradient.sum(axis=1, keepdims=True)
    gradient[rows, aim] = -1
    return sign * (largest - logits[rows, aim]), sign * gradient


def margin(logits: Reals, labels: Classes, targets: Classes | None) -> tuple[Reals, Reals]:
    """The best other logit, or the target's, minus the label's (Carlini and Wagner 2017)."""
    rows = np.arange(len(logits))
    best = _best_other(logits, labels) if targets is None else targets
    gradient = np.zeros_like(logits)
    gradient[rows, best] += 1
    gradient[rows, labels] -= 1
    return logits[rows, best] - logits[rows, labels], gradient


def dlr(logits: Reals, labels: Classes, targets: Classes | None) -> tuple[Reals, Reals]:
    """The difference of logits ratio (Croce and Hein 2020, equations 3 and 4): the margin, free of scale.

    The margin is divided by the distance of the largest logit from the third; if targeted, from the mean of
    the third and the fourth.
    """
    needed = 3 if targets is None else 4
    if logits.shape[1] < needed:
        raise QsimError(f"the loss dlr needs {needed} classes; this model has {logits.shape[1]}")
    rows = np.arange(len(logits))
    order = np.argsort(-logits, axis=1, kind="stable")
    below = {2: 1.0} if targets is None else {2: 0.5, 3: 0.5}
    first = order[:, 0]
    spread = logits[rows, first] + TINY - sum(w * logits[rows, order[:, k]] for k, w in below.items())
    value, gradient = margin(logits, labels, targets)
    ratio = value / spread
    gradient /= spread[:, None]
    gradient[rows, first] -= ratio / spread
    for k, weight in below.items():
        gradient[rows, order[:, k]] += weight * ratio / spread
    return ratio, gradient


def _best_other(logits: Reals, labels: Classes) -> Classes:
    others = logits.copy()
    others[np.arange(len(logits)), labels] = -np.inf
    return others.argmax(axis=1)


LOSSES: dict[str, Loss] = {"ce": cross_entropy, "unsaturated": unsaturated, "margin": margin, "dlr": dlr}
