"""A transport over a serial line, as the boards of an export have it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError

from ..gateware.bus.uart import READ, SEND, TAKE, WRITE
from ..memory.frames import Bytes
from ..shape.loadable import Loadable
from .device import BusError

OUTSTANDING = 64  # writes sent ahead of their answers
MOST_RESULTS = 255  # in one command


class Line(Protocol):
    """What pyserial calls a `Serial`, as far as it is needed; `read` gives fewer bytes on a time-out."""

    def write(self, data: bytes, /) -> object: ...

    def read(self, size: int, /) -> bytes: ...


class SerialTransport:
    """The engine on a board behind a line.

    With pyserial: `SerialTransport(serial.Serial("/dev/ttyUSB0", 1_000_000, timeout=2), shape)`.

    Parameters
    ----------
    line : Line
        What a `Serial` of pyserial is: it writes and reads bytes.
    shape : Loadable
        What the engine was built as.
    """

    def __init__(self, line: Line, shape: Loadable) -> None:
        self.line, self.shape = line, shape

    def read(self, address: int) -> int:
        """One register; as in `Transport`.

        Parameters
        ----------
        address : int

        Returns
        -------
        int

        Raises
        ------
        QsimError
            If the engine refuses or the line falls silent.
        """
        self.line.write(bytes([READ, address]))
        answer = self._receive(5)
        _judge(answer[0], f"a read of {address:#04x}")
        return int.from_bytes(answer[1:], "little")

    def write(self, address: int, words: npt.NDArray[np.uint32]) -> None:
        """Words to one register; as in `Transport`.

        Parameters
        ----------
        address : int
        words : uint32 array (N,)

        Raises
        ------
        QsimError
            If the engine refuses or the line falls silent.
        """
        for start in range(0, len(words), OUTSTANDING):
            some = words[start : start + OUTSTANDING]
            self.line.write(b"".join(bytes([WRITE, address]) + int(w).to_bytes(4, "little") for w in some))
            for answer in self._receive(len(some)):
                _judge(answer, f"a write to {address:#04x}")

    def exchange(self, data: Bytes, last: Bytes, results: int) -> tuple[Bytes, Bytes]:
        """Frame by frame: the next is sent when the results of the one before are there.

        Parameters
        ----------
        data : uint8 array (N, bytes)
        last : uint8 array (N,)
        results : int

        Returns
        -------
        data : uint8 array (M, bytes)
        last : uint8 array (M,)

        Raises
        ------
        QsimError
            If the line falls silent.
        """
        ends = np.flatnonzero(last) + 1
        width = sum(self.shape.result_widths) // 8
        each, taken = results // max(1, len(ends)), []
        for start, end in zip([0, *ends], ends, strict=False):
            self.line.write(
                bytes([SEND]) + int(end - start).to_bytes(2, "little") + data[start:end].tobytes()
            )
            for first in range(0, each, MOST_RESULTS):
                count = min(MOST_RESULTS, each - first)
                self.line.write(bytes([TAKE, count]))
                taken.append(self._receive(count * (width + 1)))
        rows = np.frombuffer(b"".join(taken), np.uint8).reshape(-1, width + 1)
        return rows[:, 1:], rows[:, 0]

    def _receive(self, size: int) -> bytes:
        data = self.line.read(size)
        if len(data) < size:
            raise QsimError(f"the serial line gave {len(data)} of {size} bytes before its time-out")
        return data


def _judge(answer: int, what: str) -> None:
    if answer:
        raise BusError(f"{what} was answered with SLVERR")
