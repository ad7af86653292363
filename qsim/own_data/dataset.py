"""Labelled input codes, wherever they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model.input_format import InputFormat

Codes = npt.NDArray[np.integer[Any]]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled input codes.

    Parameters
    ----------
    name : str
    codes : int array (N, inputs)
        Within `input`'s range.
    labels : int64 array (N,)
        0 to `classes` - 1.
    input : InputFormat
    codes_per_unit : float
        The code that stands for 1.0.
    """

    name: str
    codes: Codes
    labels: Labels
    input: InputFormat
    codes_per_unit: float

    @property
    def classes(self) -> int:
        """The largest label + 1."""
        return int(self.labels.max()) + 1
