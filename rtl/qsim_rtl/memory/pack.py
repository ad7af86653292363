"""What the memories of an engine hold for one model, as words: fields of bits side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.model.model import Model

from ..shape.engine import EngineShape
from .map import memory_map
from .protection import protection_of

ROWS = 4096  # words packed at once, to bound the memory that their single bits take


@dataclass(frozen=True, eq=False)
class Words:
    """Words of `width` bits; row i of `chunks` is word i in 32-bit pieces, the lowest first."""

    width: int
    chunks: npt.NDArray[np.uint32]

    def integers(self) -> list[int]:
        """Each word as an unsigned integer."""
        rows = self.chunks.astype("<u4")
        return [int.from_bytes(row.tobytes(), "little") for row in rows]

    def hexadecimal(self) -> str:
        """One word a line, as `$readmemh` reads it."""
        digits = -(-self.width // 4)
        return "".join(f"{word:0{digits}x}\n" for word in self.integers())


def pack(fields: npt.NDArray[np.integer[Any]], bits: int, protection: str = "none") -> Words:
    """Put the fields of each row (rows, fields) side by side, `bits` bits each, the first lowest.

    Above them stand the check bits of a protection.
    """
    code = protection_of(protection)
    data = fields.shape[1] * bits
    width = data + code.checks(data)
    places = np.arange(bits)
    chunks = np.empty((len(fields), -(-width // 32)), "<u4")
    for start in range(0, len(fields), ROWS):
        rows = np.ascontiguousarray(fields[start : start + ROWS], np.int64)
        ones = (rows[:, :, None] >> places & 1).astype(np.uint8).reshape(len(rows), data)
        ones = np.concatenate([ones, code.of(ones)], 1) if width > data else ones
        ones = np.pad(ones, ((0, 0), (0, -width % 32)))
        chunks[start : start + ROWS] = np.packbits(ones, axis=1, bitorder="little").view("<u4")
    return Words(width, chunks.astype(np.uint32))


def image(model: Model, shape: EngineShape) -> dict[str, Words]:
    """The words of every memory that the engine reads, by name, in the order of the memory map."""
    return {spec.name: pack(spec.content(model), spec.bits, spec.protection) for spec in memory_map(shape)}
