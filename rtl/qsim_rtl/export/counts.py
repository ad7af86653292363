"""Numbers of cycles and beats in a sentence."""

from __future__ import annotations


def every(cycles: int) -> str:
    """How often something comes."""
    return "every cycle" if cycles == 1 else f"every {cycles:,} cycles"


def beats(count: int) -> str:
    """So many beats of a stream."""
    return "1 beat" if count == 1 else f"{count:,} beats"
