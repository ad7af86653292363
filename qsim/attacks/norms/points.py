"""Points on their way: reals between the lattice's codes, where an attack walks; it is scored on codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..steps import Codes

Reals = npt.NDArray[Any]  # float32 or float64
Integers = npt.NDArray[np.int64]


class Points:
    """One point for each image.

    Parameters
    ----------
    origin : int array (N, inputs), the images
    now : float32 array (N, inputs), where the points are

    Attributes
    ----------
    before : float32 array (N, inputs), where they were a step ago
    """

    def __init__(self, origin: Codes, now: Reals) -> None:
        self.origin, self.now, self.before = origin, now, now.copy()

    @property
    def arrays(self) -> tuple[Codes, Reals, Reals]:
        """What a compiled step works on."""
        return self.origin, self.now, self.before
