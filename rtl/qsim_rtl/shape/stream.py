"""Frames as arrays of bytes on a stream whose width does not depend on the folding."""

from __future__ import annotations

from dataclasses import dataclass

from qsim.errors import QsimError

MOST_BYTES = 128  # a beat, as AXI4-Stream has them at most


@dataclass(frozen=True)
class ByteStream:
    """Beats of `bytes` bytes, a power of two, of codes in `code_bytes` bytes each, the first lowest."""

    bytes: int
    code_bytes: int

    @classmethod
    def of(cls, width: int, code_bits: int) -> ByteStream:
        """The stream of so many bytes a beat.

        Raises
        ------
        QsimError
            If that is no power of two, or too few for a code or too many for AXI4-Stream.
        """
        code_bytes = -(-code_bits // 8)
        allowed = [1 << k for k in range(MOST_BYTES.bit_length()) if 1 << k >= code_bytes]
        if type(width) is not int or width not in allowed:
            few = ", ".join(map(str, allowed))
            raise QsimError(f"a stream of {width!r} bytes; {few} are allowed with codes of {code_bits} bits")
        return cls(width, code_bytes)

    @property
    def codes(self) -> int:
        """Codes in a whole beat."""
        return self.bytes // self.code_bytes

    @property
    def keep(self) -> int:
        """TKEEP of a whole beat."""
        return (1 << self.bytes) - 1

    def beats(self, inputs: int) -> int:
        """Beats of a frame."""
        return -(-inputs // self.codes)

    def last_keep(self, inputs: int) -> int:
        """TKEEP of the bytes that hold codes in a frame's last beat."""
        return (1 << (inputs - (self.beats(inputs) - 1) * self.codes) * self.code_bytes) - 1
