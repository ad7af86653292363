"""A layer's operands: its weights and codes as numbers of one or two bytes.

Vectors multiply unsigned bytes by signed ones, or signed halves of 16 bits. Tiles know bytes alone, so that a
half is taken apart for them, operand = low byte + 256 x high byte: see `tile_planes`. The fewer bytes on
either side, the fewer products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..thresholds.forms import Array
from .products import PANEL

if TYPE_CHECKING:
    from ...model.layer import Layer

WEIGHTS = {1: (-128, 127), 2: (-32768, 32767)}  # smallest and largest
CODES = {1: (0, 255, -128), 2: (-32768, 32767, 32768)}  # smallest, largest; what else is subtracted


@dataclass(frozen=True)
class Layout:
    """What models are packed for.

    Parameters
    ----------
    lanes : int
        Neurons in a vector.
    octets : bool
        Whether vectors multiply bytes; halves they always do.
    tiles : bool
        Whether there are tiles, which multiply bytes.
    """

    lanes: int
    octets: bool
    tiles: bool = False

    @property
    def panel(self) -> int:
        """Vectors of weights that lie side by side in memory."""
        return PANEL[self.lanes]

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """The bytes of a code and of a weight that may go together, those with the fewest products first."""
        between = ((1, 2), (2, 1)) if self.tiles else ()
        return (*(((1, 1),) if self.octets else ()), *between, (2, 2))


class Operands(NamedTuple):
    """What is multiplied: `weights` (neurons, inputs), int8, or int16 where either side needs two bytes.

    A code's operand is code - shift. Where there is one more neuron than the layer has, its weights are 1:
    acc = 2 x sum of weight x code + sum of codes.
    """

    weights: Array
    code_bytes: int
    weight_bytes: int
    shift: int

    @property
    def halves(self) -> bool:
        """Whether vectors take 16-bit operands."""
        return self.weights.itemsize > 1


def narrowest(layer: Layer, codes: tuple[int, int], layout: Layout) -> Operands | None:
    """The narrowest operands that hold the layer's weights and codes of this range; None if none do.

    A weight 2s + 1 too wide for its bytes is stored as s, with the neuron of ones.
    """
    low, high = codes
    for code_bytes, weight_bytes in layout.sizes:
        smallest, largest, shift = CODES[code_bytes]
        if smallest <= low and high <= largest:
            shift = 0
        if low - shift < smallest or high - shift > largest:
            continue
        least, most = WEIGHTS[weight_bytes]
        for weights in (layer.weights, _with_ones(layer)):
            if weights is not None and least <= weights.min() and weights.max() <= most:
                dtype = np.int8 if code_bytes == weight_bytes == 1 else np.int16
                return Operands(weights.astype(dtype), code_bytes, weight_bytes, shift)
    return None


def _with_ones(layer: Layer) -> Array | None:
    return np.vstack([layer.stored, np.ones_like(layer.stored[:1])]) if layer.grid == "odd" else None


def byte_planes(weights: Array, weight_bytes: int) -> list[Array]:
    """The bytes of 16-bit weights, the lowest first, as int8: the last one's signed, the other's not."""
    if weight_bytes == 1:
        return [weights.astype(np.int8)]
    return [(weights & 255).astype(np.uint8).view(np.int8), (weights >> 8).astype(np.int8)]
