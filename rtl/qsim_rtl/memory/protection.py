"""Check bits beside each word of a memory: parity, or single error correction and double error detection.

Each bit of a word has a column of check bits, and the checks are the exclusive or of the columns of its ones.
What is read back gives a syndrome, stored checks xor computed ones: 0 if nothing is wrong. With parity, one
check, every odd number of flips is seen. With SECDED all columns differ and have an odd number of ones, those
of the checks themselves one each (Hsiao, A Class of Optimal Minimum Odd-weight-column SEC-DED Codes, 1970):
one flip gives the column of its bit, which is then flipped back; two give an even number of ones, no column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, count

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError


@dataclass(frozen=True)
class Protection:
    """One way to protect the words of a memory.

    Parameters
    ----------
    name : str
    meaning : str
        One line for help and docs.
    columns : function of a word's width -> list of int
        The checks that each bit takes part in, as the ones of an integer.
    corrects : bool
        Whether a syndrome that is a column is put right.
    """

    name: str
    meaning: str
    columns: Callable[[int], list[int]]
    corrects: bool

    def checks(self, width: int) -> int:
        """How many check bits a word of so many bits has."""
        return max(self.columns(width), default=0).bit_length()

    def of(self, ones: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The check bits (words, checks) of words given as bits (words, width), the lowest first."""
        columns = np.array(self.columns(ones.shape[1]), np.int64)
        matrix = columns[:, None] >> np.arange(self.checks(ones.shape[1])) & 1
        return (ones.astype(np.int64) @ matrix & 1).astype(np.uint8)


def _odd_columns(width: int) -> list[int]:
    """The first `width` numbers with 3, 5, … ones of the fewest bits that have so many."""
    for bits in count(4):
        found = [
            sum(1 << place for place in places)
            for ones in range(3, bits + 1, 2)
            for places in combinations(range(bits), ones)
        ]
        if len(found) >= width:
            columns = found[:width]
            if max(columns).bit_length() == bits:
                return columns
            return [*columns[:-1], 1 << bits - 1 | 0b11]
    raise AssertionError


PROTECTIONS = {
    protection.name: protection
    for protection in (
        Protection("none", "words as they are", lambda width: [0] * width, corrects=False),
        Protection(
            "parity", "one bit a word; an odd number of flips is flagged", lambda width: [1] * width, False
        ),
        Protection("secded", "one flip a word is corrected, two are flagged", _odd_columns, corrects=True),
    )
}


def protection_of(name: str) -> Protection:
    """The protection of that name.

    Raises
    ------
    QsimError
        If there is none.
    """
    if name not in PROTECTIONS:
        raise QsimError(f"protection is {name!r}; one of {', '.join(PROTECTIONS)} is needed")
    return PROTECTIONS[name]
