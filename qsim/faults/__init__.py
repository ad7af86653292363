"""Faults of stored bits, cells and converters: what they do to a network, and which of them do most.

    kinds        where a model can be wrong, kind by kind
    lists        fault lists: files, and the model that a list makes of another
    draw         faults drawn by a seed
    memory       what an engine's memories hold, and the model of changed ones
    difference   single faults by what they change, exactly
    campaigns    many faults on many images, resumable
    search       the fewest flips that ruin a network

A fault list is exact in the emulator and in the hardware.
"""

from .lists import FaultList, apply_faults, differences, read, write

__all__ = ["FaultList", "apply_faults", "differences", "read", "write"]
