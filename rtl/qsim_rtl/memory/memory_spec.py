"""One memory of an engine: its name and geometry, and what a model puts into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.model.model import Model

from .protection import protection_of

Content = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class MemorySpec:
    """`words` words of `fields` fields of `bits` bits each, the first field lowest.

    `fill` gives the fields of every word, integers (words, fields), of a model and the index of the
    layer that the memory belongs to. `protection` adds check bits above the fields.
    """

    name: str
    fields: int
    bits: int
    words: int
    fill: Callable[[Model, int], Content]
    layer: int = 0
    protection: str = "none"

    @property
    def data_width(self) -> int:
        """Bits of a word without its checks."""
        return self.fields * self.bits

    @property
    def width(self) -> int:
        """Bits of a word."""
        return self.data_width + protection_of(self.protection).checks(self.data_width)

    def of(self, block: str, layer: int) -> MemorySpec:
        """The same memory in a block of the engine, which belongs to a layer."""
        return replace(self, name=f"{block}_{self.name}", layer=layer)

    def content(self, model: Model) -> Content:
        """What a model puts into it: integers (words, fields)."""
        return self.fill(model, self.layer)
