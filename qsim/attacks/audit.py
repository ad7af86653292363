"""Does an attack's verdict mean anything? Signs that robustness is only a gradient that it cannot see.

The flags are those of RobustBench and AutoAttack (Croce and Hein 2020; Croce et al. 2021; Athalye et al.
2018), each a figure, a threshold and a sentence, all counted on the integers. The attack under audit is
called like any other; what it left is compared with what others break.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..model.model import Model
from ..shadow.network import Network, of_model
from .attack import Flags, Result
from .fgsm import gradient_signs
from .losses import cross_entropy
from .pgd import PGD
from .problem import class_logits
from .random_search import RANDOM
from .square import SQUARE
from .steps import Codes, Labels, lattice_step
from .strongest import STRONGEST

Called = Callable[..., Result]  # an attack, or a function that is called like one


@dataclass(frozen=True)
class Finding:
    """One flag: a share of the images, the threshold above which it is raised, and what that means."""

    name: str
    figure: float
    threshold: float
    sentence: str

    @property
    def flagged(self) -> bool:
        return self.figure > self.threshold


@dataclass(frozen=True)
class Audit:
    """All findings, and the accuracy that the attack under audit and the strongest one leave."""

    findings: tuple[Finding, ...]
    under_attack: float
    under_strongest: float

    @property
    def flagged(self) -> bool:
        """Whether any flag is raised."""
        return any(finding.flagged for finding in self.findings)


@dataclass(frozen=True)
class _Case:
    """What all checks look at."""

    attack: Called
    model: Model
    codes: Codes
    labels: Labels
    epsilon: float
    seed: int
    network: Network | None
    sibling: Model | None
    options: dict[str, Any] = field(default_factory=dict)

    def run(self, attack: Called, epsilon: float | None = None, **more: Any) -> Result:
        """What an attack finds."""
        strength = self.epsilon if epsilon is None else epsilon
        return attack(self.model, self.codes, self.labels, strength, seed=self.seed, **more)

    def broken(self, attack: Called, epsilon: float | None = None, **more: Any) -> Flags:
        """Which images an attack breaks."""
        return self.run(attack, epsilon, **more).success

    @cached_property
    def result(self) -> Result:
        """What the attack under audit finds."""
        return self.run(self.attack, **self.options)

    @property
    def own(self) -> Flags:
        """Which images it breaks."""
        return self.result.success

    @cached_property
    def strongest(self) -> Flags:
        """Which images all our attacks together break."""
        return self.broken(STRONGEST)

    def missed(self, other: Flags) -> float:
        """The share of images that another attack breaks and this one does not."""
        return float((other & ~self.own).mean())


def audit(
    model: Model,
    codes: Codes,
    labels: Labels,
    epsilon: float,
    *,
    attack: Called = PGD,
    seed: int = 0,
    network: Network | None = None,
    sibling: Model | None = None,
) -> Audit:
    """Whether the accuracy that an attack leaves can be trusted.

    Parameters
    ----------
    model : Model whose hidden layers name their activation
    codes : int array (N, inputs)
    labels : int array (N,)
    epsilon : float
        Strength in input units, norm inf.
    attack : an attack of `qsim.attacks`, or a function that is called like one
    seed : int
    network : Network, optional
        Whose gradients the attack uses, if not the model's own shadow's.
    sibling : Model, optional
        Another network for the same images, such as one of more bits: does what breaks it break this one?

    Returns
    -------
    Audit

    Raises
    ------
    QsimError
        As attacks do.
    """
    options = {} if network is None else {"network": network}
    case = _Case(attack, model, codes, labels, epsilon, seed, network, sibling, options)
    found = [check(case) for check in CHECKS]
    if sibling is not None:
        found.append(_transfer(case, sibling))
    left = (float(1 - broken.mean()) for broken in (case.own, case.strongest))
    return Audit(tuple(found), *left)


def _zero_gradients(case: _Case) -> Finding:
    network = case.network or of_model(case.model)
    signs = gradient_signs(network, case.model.checked(case.codes), case.labels)
    sentence = "images whose gradient is zero in every input: such an attack leaves them where they are"
    return Finding("zero gradient", float((~signs.any(axis=1)).mean()), 0.01, sentence)


def _saturated(case: _Case) -> Finding:
    last = case.model.layers[-1]
    logits = class_logits(case.model, case.codes) / (last.weight_denominator * last.codes_per_unit)
    _, slopes = cross_entropy(logits, np.asarray(case.labels, np.int64), None)
    sentence = "images on which cross-entropy is so sure that its float32 derivative is zero"
    return Finding("saturated loss", float((~slopes.any(axis=1)).mean()), 0.01, sentence)


def _random(case: _Case) -> Finding:
    sentence = "images that random codes break and the attack does not"
    return Finding("random search wins", case.missed(case.broken(RANDOM)), 0.005, sentence)


def _black_box(case: _Case) -> Finding:
    sentence = "images that a black box breaks (Square, 500 queries) and the attack does not"
    return Finding("black box wins", case.missed(case.broken(SQUARE, steps=500)), 0.01, sentence)


def _unused_ball(case: _Case) -> Finding:
    moved = case.result.codes.astype(np.int64) - case.codes
    used = np.abs(moved).max(initial=0) / lattice_step(case.model, case.epsilon)
    sentence = "of the ball's radius that no code found by the attack makes use of"
    return Finding("ball not used", float(1 - used), 0.1, sentence)


def _more_effort(case: _Case) -> Finding:
    effort = case.broken(case.attack, steps=160, restarts=10, **case.options)
    sentence = "images that the same attack breaks with 160 steps from 10 starts, and not as it was run"
    return Finding("more effort pays", case.missed(effort), 0.02, sentence)


def _larger_ball(case: _Case) -> Finding:
    whole = (case.model.input.high - case.model.input.low) / case.model.layers[0].codes_per_unit
    far = case.broken(case.attack, epsilon=max(case.epsilon, whole / 2), **case.options)
    sentence = "images that withstand the attack even where every input may move by half its range"
    return Finding("survives anything", float(1 - far.mean()), 0.02, sentence)


def _wider_slopes(case: _Case) -> Finding:
    plain, matched = case.broken(PGD), case.broken(PGD, loss="unsaturated", matched=1.4)
    sentence = "images that PGD breaks through wider slopes of the hidden units, and not through their own"
    return Finding("wider slopes win", case.missed(matched & ~plain), 0.03, sentence)


def _strongest(case: _Case) -> Finding:
    sentence = "images that all our attacks together break and this one does not"
    return Finding("strongest wins", case.missed(case.strongest), 0.1, sentence)


def _transfer(case: _Case, sibling: Model) -> Finding:
    found = PGD(sibling, case.codes, case.labels, case.epsilon, seed=case.seed)
    broken = case.model.predict(found.codes) != case.labels
    sentence = "images that codes found on the other network break and the attack does not"
    return Finding("transfer wins", case.missed(broken), 0.02, sentence)


CHECKS: tuple[Callable[[_Case], Finding], ...] = (
    _zero_gradients,
    _saturated,
    _random,
    _black_box,
    _unused_ball,
    _more_effort,
    _larger_ball,
    _wider_slopes,
    _strongest,
)
