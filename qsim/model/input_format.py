"""The format of a network's input codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import QsimError
from ..spec import geometry
from .checks import MAX_CODE_BITS


@dataclass(frozen=True)
class InputFormat:
    """Two's complement or unsigned integer input codes.

    Parameters
    ----------
    bits : int
        1 to 16.
    signed : bool

    Raises
    ------
    QsimError
        If `bits` is out of range or `signed` is no bool.
    """

    bits: int
    signed: bool = False

    def __post_init__(self) -> None:
        if type(self.bits) is not int or not 1 <= self.bits <= MAX_CODE_BITS:
            raise QsimError(f"input codes of {self.bits!r} bits; 1 to {MAX_CODE_BITS} are allowed")
        if type(self.signed) is not bool:
            raise QsimError(f"input format has signed = {self.signed!r}; true or false is needed")

    @property
    def low(self) -> int:
        """The smallest code: 0, or -2**(bits - 1)."""
        return geometry.code_range(self.bits, self.signed)[0]

    @property
    def high(self) -> int:
        """The largest code: 2**bits - 1, or 2**(bits - 1) - 1."""
        return geometry.code_range(self.bits, self.signed)[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The narrowest numpy type that holds every code."""
        return np.min_scalar_type(self.low if self.signed else self.high)
