"""A compiled engine, reached from Python: memories are filled and beats are sent as whole arrays."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError

from ..shape.crossbar import CrossbarShape
from ..shape.engine import EngineShape
from .registers import Register, State, Upset, collect

Array = npt.NDArray[np.integer[Any]]
Longs = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one run gave, as the ports showed it.

    `logits`, `classes` : m_axis_tdata and m_axis_tuser of every result beat
    `finished` : the cycle of every result beat with tlast, counted from the first input beat
    `hidden[l]` : every code that layer l gave
    `columns[k]` : every code of the converters of the k-th mapped layer, `pe` a read
    `short`, `long` : how many cycles the ports of that name were high
    `unstable` : results that changed or vanished before they were taken
    `corrected`, `failed` : cycles in which protected words were found wrong, and put right or not
    `misplaced` : results whose tlast is not that of their place in a frame
    """

    logits: Longs
    classes: Longs
    finished: Longs
    hidden: tuple[Longs, ...]
    columns: tuple[Codes, ...]
    short: int
    long: int
    unstable: int
    corrected: int
    failed: int
    misplaced: int


class Driver:
    """One engine from a compiled library, its memories still empty.

    Parameters
    ----------
    library : Path
        What `compile` gave for `shape`.
    shape : EngineShape
    """

    def __init__(self, library: Path, shape: EngineShape) -> None:
        self.shape = shape
        self._library = ctypes.CDLL(os.fspath(library))
        self._library.engine_new.restype = ctypes.c_void_p
        self._engine = ctypes.c_void_p(self._library.engine_new())
        weakref.finalize(self, self._library.engine_delete, self._engine)

    @cached_property
    def registers(self) -> dict[str, Register]:
        """All registers by name; none in a library that was compiled without them."""
        if not hasattr(self._library, "engine_registers"):
            return {}
        return collect(self._library.engine_registers, self._engine)

    def load(self, memories: Iterable[npt.NDArray[np.uint32]]) -> None:
        """Fill the memories, each (words, 32-bit pieces), in the order of `memory_map`."""
        pieces = [np.ascontiguousarray(memory, np.uint32) for memory in memories]
        self._library.engine_load(
            self._engine,
            (ctypes.c_void_p * len(pieces))(*(array.ctypes.data for array in pieces)),
            (ctypes.c_int64 * len(pieces))(*(len(array) for array in pieces)),
        )

    def send(
        self,
        data: Array,
        last: Array,
        stall: float = 0.0,
        seed: int = 0,
        first_image: int = 0,
        cycles: int | None = None,
        upset: Upset | None = None,
    ) -> Outcome:
        """Reset the engine, send beats of any kind, and collect until nothing moves any more.

        Parameters
        ----------
        data : uint32 array (beats, 32-bit pieces)
            The values of s_axis_tdata, the lowest piece first.
        last : array (beats,)
            The values of s_axis_tlast.
        stall : float
            Chance in each cycle that either side begins to hold back, mostly for a cycle: 0 to 0.9.
        seed : int
            Of the stalls.
        first_image : int
            The number of the first frame, modulo 2**32, for read noise.
        cycles : int, optional
            Stop after so many, whatever is under way.
        upset : Upset, optional
            A bit of a register that flips as a cycle begins; 0 is the first in which a beat may come in.

        Raises
        ------
        QsimError
            If `stall` is out of range, if there is no such register or bit, or if the engine hangs.
        """
        if not 0 <= stall <= 0.9:
            raise QsimError(f"stall is {stall}; 0 to 0.9 is allowed")
        data, last = np.ascontiguousarray(data, np.uint32), np.ascontiguousarray(last, np.uint8)
        frames = int(np.count_nonzero(last))
        widths = [layer.outputs for layer in self.shape.layers]
        logits, classes = np.empty((2, frames * widths[-1] + 1), np.int64)
        finished = np.empty(frames + 1, np.int64)
        hidden = [np.empty(frames * width + 1, np.int64) for width in widths[:-1]]
        columns = [np.empty(frames * c.groups * c.reads * c.pe, np.uint16) for _, c in self.shape.mapped]
        column_tapes = (_ColumnTape * (len(columns) + 1))(
            *(_ColumnTape.on(codes, c) for codes, (_, c) in zip(columns, self.shape.mapped, strict=True))
        )
        tapes = (_Tape * (len(hidden) + 1))(*map(_Tape.on, hidden))
        timing = self.shape.timing()
        run = _Run(
            data=data.ctypes.data,
            last=last.ctypes.data,
            beats=len(last),
            stall=round(stall * (1 << 16)),
            seed=seed % (1 << 32),
            patience=2 * timing.latency + 64,
            limit=cycles or round(64 * (len(last) + (frames + 8) * (timing.latency + 64)) / (1 - stall) ** 2),
            logits=_Tape.on(logits),
            classes=_Tape.on(classes),
            finished=_Tape.on(finished),
            hidden=tapes,
            columns=column_tapes,
            first_image=first_image % (1 << 32),
            upset=upset.state(self.registers) if upset else State(),
            outputs=widths[-1],
        )
        self._library.engine_run(self._engine, ctypes.byref(run))
        if cycles is None:
            _check(run)
        return Outcome(
            logits[: run.logits.count],
            classes[: run.classes.count],
            finished[: run.finished.count],
            tuple(codes[: tape.count] for codes, tape in zip(hidden, tapes, strict=False)),
            tuple(codes[: tape.count] for codes, tape in zip(columns, column_tapes, strict=False)),
            run.short_frames,
            run.long_frames,
            run.unstable,
            run.corrected,
            run.failed,
            run.misplaced,
        )


class _Tape(ctypes.Structure):
    """The harness's `Tape`: an array that it writes from the start."""

    _fields_ = (("values", ctypes.c_void_p), ("capacity", ctypes.c_int64), ("count", ctypes.c_int64))

    @classmethod
    def on(cls, array: Longs) -> _Tape:
        return cls(array.ctypes.data, len(array), 0)


class _ColumnTape(ctypes.Structure):
    """The harness's `ColumnTape`: the same, of 16-bit codes from `lanes` converters at once."""

    _fields_ = (
        ("values", ctypes.c_void_p),
        ("capacity", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("lanes", ctypes.c_int64),
        ("bits", ctypes.c_int64),
    )

    @classmethod
    def on(cls, array: Codes, shape: CrossbarShape) -> _ColumnTape:
        return cls(array.ctypes.data, len(array), 0, shape.pe, shape.adc_bits)


class _Run(ctypes.Structure):
    """The harness's `Run`."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("last", ctypes.c_void_p),
        ("beats", ctypes.c_int64),
        ("stall", ctypes.c_uint32),
        ("seed", ctypes.c_uint32),
        ("patience", ctypes.c_int64),
        ("limit", ctypes.c_int64),
        ("logits", _Tape),
        ("classes", _Tape),
        ("finished", _Tape),
        ("hidden", ctypes.POINTER(_Tape)),
        ("columns", ctypes.POINTER(_ColumnTape)),
        ("first_image", ctypes.c_uint32),
        ("cycles", ctypes.c_int64),
        ("accepted", ctypes.c_int64),
        ("short_frames", ctypes.c_int64),
        ("long_frames", ctypes.c_int64),
        ("unstable", ctypes.c_int64),
        ("unsettled", ctypes.c_int64),
        ("corrected", ctypes.c_int64),
        ("failed", ctypes.c_int64),
        ("upset", State),
        ("outputs", ctypes.c_int64),
        ("misplaced", ctypes.c_int64),
    )


def _check(run: _Run) -> None:
    if run.unsettled:
        raise QsimError(f"the engine's netlist did not settle in {run.unsettled} of {run.cycles} cycles")
    if run.accepted < run.beats or run.cycles >= run.limit:
        raise QsimError(
            f"the engine hangs: {run.accepted} of {run.beats} input beats and {run.logits.count} results "
            f"were transferred in {run.cycles} cycles, of {run.limit} allowed"
        )
