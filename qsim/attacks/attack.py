"""What every attack is called with, what it gives back, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.checks import checked_int
from ..model.model import Model
from ..shadow.network import Network, batches, of_model, predict, to_real
from .losses import LOSSES
from .norms import ball_of
from .problem import Problem
from .steps import Codes, Labels, checked_labels

BLOCK = 2000  # images that are attacked together
MOST = 1_000_000  # steps or restarts

Flags = npt.NDArray[np.bool_]
Report = Callable[[int, int, int], None]  # images done, images in all, images broken


@dataclass(frozen=True)
class Result:
    """What an attack left of some images.

    Parameters
    ----------
    codes : int array (N, inputs)
        The candidate that came closest for each image, inside ball and input format; an image that was
        classified wrong from the start is left as it is.
    lsb : int or float
        The strength: the radius in LSBs, or with norm 0 in inputs.
    success : bool array (N,)
        Whether the integers' class of `codes` is what the attack wanted; with read noise the class of the
        logits added up over `defective.READS` readings.
    shadow_success : bool array (N,)
        The same on the float shadow.
    queries : int64 array (N,)
        Candidates scored on the integers.
    """

    codes: Codes
    lsb: int | float
    success: Flags
    shadow_success: Flags
    queries: npt.NDArray[np.int64]

    @property
    def robust_accuracy(self) -> float:
        """The share of images that the attack did not break."""
        return float(1 - self.success.mean())


@dataclass(frozen=True)
class Options:
    """What a search may be told: steps and restarts, and for white boxes loss and slopes."""

    steps: int
    restarts: int
    loss: str | None = None
    matched: float | None = None

    @property
    def widths(self) -> tuple[float, float] | None:
        """The factor of matched slopes at the first and the last step, if slopes are matched."""
        return None if self.matched is None else (self.matched, self.matched)


Search = Callable[[Problem, Options], None]


@dataclass(frozen=True)
class Attack:
    """An attack, called as a function.

    Parameters
    ----------
    name : str
    summary : one line on what it does, with its source
    search : works on a `Problem` until its images are broken or its options are used up
    steps, restarts : int
        The defaults.
    white_box : bool
        Whether it uses gradients, so takes `loss`, `matched` and `network`.
    norms : names of the norms that it knows
    """

    name: str
    summary: str
    search: Search
    steps: int
    restarts: int = 1
    white_box: bool = True
    norms: tuple[str, ...] = ("inf", "2", "0")

    def __call__(
        self,
        model: Model,
        codes: Codes,
        labels: Labels,
        epsilon: float,
        *,
        norm: str = "inf",
        steps: int | None = None,
        restarts: int | None = None,
        seed: int = 0,
        targets: Labels | None = None,
        loss: str | None = None,
        matched: float | None = None,
        network: Network | None = None,
        report: Report | None = None,
    ) -> Result:
        """Attack images of integer codes.

        Parameters
        ----------
        model : Model whose hidden layers name their activation
        codes : int array (N, inputs)
        labels : int array (N,)
            True classes.
        epsilon : float
            Strength: for the norms inf and 2 in input units, where 1.0 is the code `codes_per_unit`; for
            norm 0 the number of inputs that may change.
        norm : "inf", "2" or "0"
        steps, restarts : int, optional
        seed : int
            Of all random numbers. An image's do not depend on the other images.
        targets : int array (N,), optional
            The class that each image shall get, unequal to its label; by default any but the label.
        loss : "ce", "unsaturated", "margin" or "dlr", optional
        matched : float, optional
            Slopes of hidden units as wide as the attack reaches, times this factor.
        network : Network, optional
            Weights for the gradients, if not the model's own.
        report : called with the images done, all images, and those broken

        Returns
        -------
        Result

        Raises
        ------
        QsimError
            If an argument is out of range, or nothing can move.
        """
        problem_of, count = self._checked(model, codes, labels, epsilon, norm, seed, targets, network)
        options = self._options(steps, restarts, loss, matched)
        parts = []
        for start in range(0, max(count, 1), BLOCK):
            problem = problem_of(slice(start, start + BLOCK))
            self.search(problem, options)
            parts.append(problem)
            if report:
                broken = sum(int((part.margins < 0).sum()) for part in parts)
                report(min(start + BLOCK, count), count, broken)
        return _result(model, parts)

    def _checked(
        self,
        model: Model,
        codes: Codes,
        labels: Labels,
        epsilon: float,
        norm: str,
        seed: int,
        targets: Labels | None,
        network: Network | None,
    ) -> tuple[Callable[[slice], Problem], int]:
        """What makes the problem of a slice of the images, and how many images there are."""
        own = model.checked(codes)
        true = checked_labels(model, own, labels).astype(np.int64)
        wanted = None if targets is None else checked_targets(model, own, true, targets)
        ball = ball_of(model, norm, epsilon)
        if norm not in self.norms:
            raise QsimError(f"norm is {norm!r}; {self.name} knows {', '.join(self.norms)}")
        seed = checked_int(seed, 0, 2**63 - 1, "seed")

        def problem_of(rows: slice) -> Problem:
            aims = None if wanted is None else wanted[rows]
            return Problem(model, own[rows], true[rows], aims, ball, seed, network)

        return problem_of, len(own)

    def _options(
        self, steps: int | None, restarts: int | None, loss: str | None, matched: float | None
    ) -> Options:
        if not self.white_box and (loss is not None or matched is not None):
            raise QsimError(f"{self.name} takes no gradient, so neither loss nor matched slopes")
        if loss is not None and loss not in LOSSES:
            raise QsimError(f"loss is {loss!r}; one of {', '.join(LOSSES)} is needed")
        if matched is not None and not 0 < matched < 1e6:
            raise QsimError(f"matched is {matched!r}; a factor above 0 and below 1e6 is needed")
        return Options(
            checked_int(self.steps if steps is None else steps, 1, MOST, "steps"),
            checked_int(self.restarts if restarts is None else restarts, 1, MOST, "restarts"),
            loss,
            matched,
        )


def checked_targets(model: Model, codes: Codes, labels: Labels, targets: Labels) -> npt.NDArray[np.int64]:
    """`targets`, refused unless there is one for each image and none is its label."""
    wanted = checked_labels(model, codes, targets, "targets").astype(np.int64)
    if (same := wanted == labels).any():
        image = int(same.argmax())
        raise QsimError(f"the target of image {image} is its label, {labels[image]}; another class is needed")
    return wanted


def _result(model: Model, parts: list[Problem]) -> Result:
    """All parts together, with the shadow's verdict."""
    codes = np.concatenate([part.best for part in parts])
    network = of_model(model)
    shadow = np.concatenate([predict(network, to_real(x, network.codes_per_unit)) for x in batches(codes)])
    wanted = np.concatenate(
        [_won(part, found) for part, found in zip(parts, _split(shadow, parts), strict=True)]
    )
    return Result(
        codes,
        parts[0].ball.radius,
        np.concatenate([part.margins < 0 for part in parts]),
        wanted,
        np.concatenate([part.queries for part in parts]),
    )


def _split(classes: npt.NDArray[np.int64], parts: list[Problem]) -> list[npt.NDArray[np.int64]]:
    return np.split(classes, np.cumsum([len(part.codes) for part in parts])[:-1])


def _won(problem: Problem, classes: npt.NDArray[np.int64]) -> Any:
    """Whether these classes are what the attack wants."""
    return classes != problem.labels if problem.targets is None else classes == problem.targets
