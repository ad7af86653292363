"""The beat that every stream between two blocks carries: a payload, and whether it ends the frame."""

from __future__ import annotations

from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream


def beats(payload: ShapeLike) -> stream.Signature:
    """A stream of `data` in the given shape and `last`, one bit, set on a frame's last beat.

    A beat is transferred in each cycle in which valid and ready are both high. While valid is high
    and ready is low, valid stays high and the payload does not change.
    """
    return stream.Signature(data.StructLayout({"data": payload, "last": 1}))
