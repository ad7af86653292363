"""What the buses of an unrolled engine look like, and its timing."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass

from .identity import SCHEMA
from .stream import MOST_BYTES


@dataclass(frozen=True)
class UnrolledShape:
    """An engine whose weights are constants, seen from its buses.

    Parameters
    ----------
    inputs : int
        Codes of an image.
    code_bits : int
        Of a code.
    code_signed : bool
        Whether it is two's complement.
    simd : int
        Codes in a beat.
    outputs, logit_bits, class_bits : int
        Logits of a result, bits of each, bits of the class.
    depth : int
        Cycles from an image in the engine to its result.
    cycles : int
        From one image in the engine to the next.
    digest : str
        Of the model, 64 hexadecimal digits: there is no other that the engine runs.
    """

    inputs: int
    code_bits: int
    code_signed: bool
    simd: int
    outputs: int
    logit_bits: int
    class_bits: int
    depth: int
    cycles: int
    digest: str

    @property
    def frame_beats(self) -> int:
        """Beats of an image on the bus."""
        return -(-self.inputs // self.simd)

    @property
    def interval(self) -> int:
        """Cycles from one image's first beat to the next one's, back to back."""
        return max(self.frame_beats + self._waits, self.cycles)

    @property
    def latency(self) -> int:
        """Cycles from an isolated image's first beat to its result, on the bus."""
        return self.frame_beats + self._waits + self.depth

    @property
    def _waits(self) -> int:
        """Cycles that an image of several beats waits for the engine."""
        return int(self.frame_beats > 1)

    @property
    def input_width(self) -> int:
        """Bits of s_axis_tdata: a power of two of bytes."""
        return _power_of_two(self.simd * self.code_bits)

    @property
    def result_widths(self) -> tuple[int, int]:
        """Bits of all logits, whole bytes each, and of the class in m_axis_tdata, a power of two together."""
        logits = self.outputs * self.logit_lane
        return logits, _power_of_two(logits + self.class_bits) - logits

    @property
    def logit_lane(self) -> int:
        """Bits from one logit to the next in m_axis_tdata."""
        return -(-self.logit_bits // 8) * 8

    @property
    def identity(self) -> int:
        """The word that names the shape on the bus: the CRC-32 of all that is above, as JSON."""
        facts = {"schema": SCHEMA, "unrolled": asdict(self)}
        return zlib.crc32(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode())


def widest_beat(inputs: int, code_bits: int) -> int:
    """The most codes that an AXI4-Stream's beat can carry, whole images at best."""
    return min(inputs, 8 * MOST_BYTES // code_bits)


def _power_of_two(bits: int) -> int:
    """The least 8, 16, 32 … that is not below."""
    return max(8, 1 << (bits - 1).bit_length())
