"""An unrolled engine in this process: whole test sets, every hidden code and logit."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError
from qsim.model.model import Model

from ..gateware.unrolled.engine import UnrolledEngine
from ..memory.pack import pack
from . import toolchain
from .cxxrtl import BUILD_SECONDS, FLAGS, SOURCE_DIGEST, cxxrtl_include
from .yosys import blockwise

HARNESS = Path(__file__).with_name("unrolled_harness.cpp")
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one run gave.

    `logits` (N, outputs), `classes` (N,), `hidden`: one (N, width) array a hidden layer; `latency`: cycles
    from the first image's transfer to its result's; `cycles`: of the whole run.
    """

    logits: Longs
    classes: Longs
    hidden: tuple[Longs, ...]
    latency: int
    cycles: int


class UnrolledSimulator:
    """The compiled engine of one model.

    Parameters
    ----------
    model : Model of ideal layers
    levels : int
        Adders between two registers.
    interval : int
        Cycles from one image to the next, at most.
    optimize : int
        What follows -O in the compiler's flags.

    Raises
    ------
    QsimError
        If the model is mapped, or yosys or the C++ compiler is missing or fails.
    """

    def __init__(self, model: Model, levels: int = 1, interval: int = 1, optimize: int = 1) -> None:
        self.model, self.engine = model, UnrolledEngine(model, levels, interval=interval)
        compiler = [*toolchain.cxx(), *FLAGS, f"-O{optimize}"]
        facts = "unrolled", model.digest, levels, interval, compiler, toolchain.cxx_version(), SOURCE_DIGEST

        def build(work: Path) -> None:
            (work / "engine.cc").write_text(blockwise(self.engine, "engine", "write_cxxrtl -noflatten -g0"))
            link(work, compiler, len(model.layers) - 1)

        key = hashlib.sha256(repr(facts).encode()).hexdigest()
        self.driver = Driver(toolchain.built("unrolled", [key], build) / "unrolled.so", self.engine)

    def run(self, codes: npt.NDArray[np.integer[Any]], stall: float = 0.0, seed: int = 0) -> Outcome:
        """Send images and collect all results; as `Driver.run`."""
        return self.driver.run(codes, stall, seed)


class Driver:
    """A compiled library of an engine: of its Amaranth, or of a netlist that was made from it.

    Parameters
    ----------
    library : Path
        What `link` made.
    engine : UnrolledEngine
        With its monitor.
    """

    def __init__(self, library: Path, engine: UnrolledEngine) -> None:
        self.engine, self.model = engine, engine.model
        self._run = ctypes.CDLL(str(library)).unrolled_run
        self._run.restype = ctypes.c_int64

    def run(self, codes: npt.NDArray[np.integer[Any]], stall: float = 0.0, seed: int = 0) -> Outcome:
        """Send images (N, inputs) and collect all results.

        Parameters
        ----------
        codes : int array (N, inputs)
        stall : float
            Chance in each cycle that either side holds back, 0 to 0.9.
        seed : int
            Of the stalls.

        Raises
        ------
        QsimError
            If the codes do not fit the model, `stall` is out of range, or results are missing.
        """
        if not 0 <= stall <= 0.9:
            raise QsimError(f"stall is {stall}; 0 to 0.9 is allowed")
        images, engine = self.model.checked(codes), self.engine
        count, widths = len(images), [layer.code_bits for layer in engine.layers[:-1]]
        sent = pack(images, self.model.input.bits).chunks
        shapes = [(layer.outputs, bits) for layer, bits in zip(engine.layers[:-1], widths, strict=True)]
        result_bits = engine.logit_bits * self.model.outputs + engine.argmax.bits
        results = np.zeros((count, -(-result_bits // 32)), np.uint32)
        hidden = [np.zeros((count, -(-outputs * bits // 32)), np.uint32) for outputs, bits in shapes]
        first, cycles = ctypes.c_int64(), ctypes.c_int64()
        given = self._run(
            sent.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_int64(count),
            ctypes.c_uint32(int(stall * 65536)),
            ctypes.c_uint32(seed),
            ctypes.c_int64(200 * (count + engine.latency) + 1000),
            results.ctypes.data_as(ctypes.c_void_p),
            (ctypes.c_void_p * max(len(hidden), 1))(*(array.ctypes.data for array in hidden)),
            ctypes.byref(first),
            ctypes.byref(cycles),
        )
        if given != count:
            raise QsimError(f"the engine gave {given} results for {count} images")
        logits = _unpacked(results, 0, self.model.outputs, engine.logit_bits, signed=True)
        classes = _unpacked(results, engine.logit_bits * self.model.outputs, 1, engine.argmax.bits)[:, 0]
        codes_of = tuple(_unpacked(a, 0, *shape) for a, shape in zip(hidden, shapes, strict=True))
        return Outcome(logits, classes, codes_of, first.value, cycles.value)


def link(work: Path, compiler: Sequence[str], hidden: int) -> Path:
    """The library of a folder's `engine.cc`, beside it; `hidden` layers are watched."""
    layers = " ".join(f"X({k})" for k in range(hidden))
    (work / "binding.h").write_text(f"#define HIDDEN_LAYERS {hidden}\n#define EACH_HIDDEN(X) {layers}\n")
    library = work / "unrolled.so"
    places = (f"-I{work}", f"-I{cxxrtl_include()}", HARNESS, "-o", library)
    toolchain.run([*compiler, *places], timeout=BUILD_SECONDS)
    return library


def _unpacked(
    pieces: npt.NDArray[np.uint32], start: int, count: int, bits: int, signed: bool = False
) -> Longs:
    """The same from 32-bit pieces."""
    row = np.unpackbits(np.ascontiguousarray(pieces).view(np.uint8), axis=1, bitorder="little")
    return fields(row, start, count, bits, signed)


def fields(row: npt.NDArray[np.uint8], start: int, count: int, bits: int, signed: bool = False) -> Longs:
    """`count` numbers of `bits` each from bit `start` on of every row of bits."""
    each = row[:, start : start + count * bits].reshape(len(row), count, bits).astype(np.int64)
    values: Longs = (each << np.arange(bits)).sum(2)
    return values - ((values >> bits - 1) << bits) if signed else values
