"""The widths of an engine's streams, whatever kind it is."""

from __future__ import annotations

from typing import Protocol


class BusWidths(Protocol):
    """What stands at either end of an engine's streams must know of it."""

    @property
    def input_width(self) -> int:
        """Bits of s_axis_tdata: a power of two of bytes."""
        ...

    @property
    def result_widths(self) -> tuple[int, int]:
        """Bits of the logits and of the class in m_axis_tdata, a power of two of bytes together."""
        ...
