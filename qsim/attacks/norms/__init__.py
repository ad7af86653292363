"""What an attack may reach: balls of a norm on the lattice of input codes, one a file."""

from __future__ import annotations

from typing import Any, Protocol

from ...errors import QsimError
from ...model.input_format import InputFormat
from ...model.model import Model
from ...registry import chosen
from ..draws import Keys
from ..steps import Codes
from .l0 import L0
from .l2 import L2
from .linf import Linf
from .points import Integers, Points, Reals

__all__ = ["L0", "L2", "NORMS", "Ball", "Linf", "Points", "ball_of"]


class Ball(Protocol):
    """What attacks need of a ball: every norm's has it."""

    @property
    def name(self) -> str:
        """The norm's."""

    @property
    def unit(self) -> str:
        """What distances are counted in."""

    @property
    def radius(self) -> int | float:
        """In `unit`s."""

    @property
    def limit(self) -> int:
        """The whole number that bounds moves: the radius, or with norm 2 its square."""

    @property
    def form(self) -> InputFormat:
        """What codes may be."""

    @property
    def typical(self) -> float:
        """How far an input typically moves, in LSBs."""

    def start(self, codes: Codes, keys: Keys) -> Reals:
        """A random point for each image."""

    def step(self, points: Points, rows: Integers, gradient: Any, sizes: Reals, inertia: float) -> None:
        """Move points along a gradient by `sizes` radii, and back into the ball."""

    def snapped(self, points: Points, rows: Integers) -> Codes:
        """Codes near the points, in the ball."""

    def distance(self, codes: Codes, moved: Codes) -> Reals:
        """How far each image was moved, in `unit`s."""

    def holds(self, codes: Codes, moved: Codes) -> Any:
        """Whether each moved image is in the ball."""


NORMS: dict[str, type[Linf] | type[L2] | type[L0]] = {ball.name: ball for ball in (Linf, L2, L0)}


def ball_of(model: Model, norm: str, epsilon: float) -> Ball:
    """The ball of a strength around the images of a model.

    Raises
    ------
    QsimError
        If there is no such norm, or no code in the ball but the image itself.
    """
    ball = chosen(NORMS, norm, "norm").of(model, epsilon)
    if ball.radius < 1:
        raise QsimError(
            f"epsilon is {epsilon:g}, {ball.radius:g} {ball.unit}: nothing can move, "
            "and that is not robustness"
        )
    return ball
