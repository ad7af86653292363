"""How figures become verdicts: a claim has parts, each with a figure, an interval and a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

from ..tables.grid import Cube, Interval, bootstrap

HOLDS, FAILS, DEPENDS = "holds", "does not hold", "depends"


@dataclass(frozen=True)
class Part:
    """One figure of a claim: for an activation, or for `all`."""

    where: str
    figure: float | None
    interval: Interval | None
    verdict: str


@dataclass(frozen=True)
class Claim:
    """A statement, and what the rows of one path say of it: the paper's in our words, or `own`.

    `attack` is `fgsm`, or `strong` for the second attack axis.
    """

    id: str
    dataset: str
    path: str
    claim: str
    how: str
    parts: tuple[Part, ...]
    own: bool = False
    attack: str = "fgsm"

    @property
    def verdict(self) -> str:
        """What all parts agree on, else `depends`."""
        verdicts = {part.verdict for part in self.parts}
        return verdicts.pop() if len(verdicts) == 1 else DEPENDS

    def entry(self) -> dict[str, object]:
        """JSON-able; figure and interval are those of the part that speaks least for the claim."""
        order = (FAILS, DEPENDS, HOLDS)
        weakest = min(self.parts, key=lambda part: order.index(part.verdict))
        facts = asdict(self)
        parts = facts.pop("parts")
        return {
            **facts,
            "verdict": self.verdict,
            "figure": weakest.figure,
            "interval": weakest.interval,
            "parts": parts,
        }


def above(where: str, limit: float, statistic: Callable[..., float], *cubes: Cube) -> Part:
    """Holds if the whole interval lies above `limit`, fails if it lies below."""
    figure, interval = bootstrap(statistic, *cubes)
    low, high = interval or (figure, figure)
    if math.isnan(figure):
        return Part(where, None, None, DEPENDS)
    return Part(where, figure, interval, HOLDS if low > limit else FAILS if high < limit else DEPENDS)


def below(where: str, limit: float, statistic: Callable[..., float], *cubes: Cube) -> Part:
    """Holds if the whole interval lies below `limit`, fails if it lies above."""
    part = above(where, limit, statistic, *cubes)
    return Part(where, part.figure, part.interval, {HOLDS: FAILS, FAILS: HOLDS}.get(part.verdict, DEPENDS))


def near(where: str, target: float, slack: float, statistic: Callable[..., float], *cubes: Cube) -> Part:
    """Holds if figure and interval lie within `slack` of the target, fails if the whole interval does not."""
    figure, interval = bootstrap(statistic, *cubes)
    if math.isnan(figure):
        return Part(where, None, None, DEPENDS)
    low, high = interval or (figure, figure)
    if max(abs(low - target), abs(high - target)) <= slack + 1e-9:
        return Part(where, figure, interval, HOLDS)
    apart = low > target + slack or high < target - slack
    return Part(where, figure, interval, FAILS if apart else DEPENDS)


def each(whole: Cube, judge_one: Callable[[str, Cube], Part]) -> tuple[Part, ...]:
    """One part for each activation."""
    return tuple(judge_one(activation, whole.of(activation)) for activation in whole.activations)
