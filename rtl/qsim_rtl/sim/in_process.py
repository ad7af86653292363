"""The engine's RTL run inside this process: compiled C++, driven with whole arrays at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError
from qsim.faults.lists import FaultList, check
from qsim.model.model import Model

from ..memory.column_order import in_model_order
from ..memory.faults import flipped, places
from ..memory.pack import Words, image, pack
from ..shape.engine import EngineShape, Folding
from .cxxrtl import compile
from .engine import Codes, Driver, Outcome
from .registers import Register, Upset

__all__ = ["Outcome", "Result", "Simulator", "compile"]

Array = npt.NDArray[np.integer[Any]]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Result:
    """What the engine gave for N images.

    Parameters
    ----------
    hidden : tuple of int64 array (N, outputs)
        The codes of each hidden layer.
    columns : tuple of int array (N, tiles, slices, digits, columns)
        For each mapped layer, every code of a column's converter.
    logits : int64 array (N, outputs)
    classes : int64 array (N,)
    cycles : int
        From the first input beat to the last result, both included.
    corrected, failed : int
        Cycles in which protected words were found wrong, and put right or not.
    """

    hidden: tuple[Longs, ...]
    columns: tuple[Codes, ...]
    logits: Longs
    classes: Longs
    cycles: int
    corrected: int = 0
    failed: int = 0


class Simulator:
    """One engine with the memories of one model.

    Parameters
    ----------
    model : Model
    pe, simd : int or sequence of int
        As in `EngineShape.of`. A shape that was never used before costs some seconds of compilation.
    optimize : int
        As in `compile`.
    protection : str
        Of the weight memories: a name of `memory.protection.PROTECTIONS`.
    registers : bool
        Whether bits of registers can be flipped, by `send`.

    Raises
    ------
    QsimError
        If the folding does not fit, or the engine cannot be compiled.
    """

    def __init__(
        self,
        model: Model,
        pe: Folding = 1,
        simd: Folding = 1,
        optimize: int = 2,
        protection: str = "none",
        registers: bool = False,
    ) -> None:
        self.shape = EngineShape.of(model, pe, simd, monitor=True).protected_by(protection)
        self._driver = Driver(compile(self.shape, optimize, registers), self.shape)
        self.load(model)

    @property
    def registers(self) -> dict[str, Register]:
        """All registers by name, if they were asked for."""
        return self._driver.registers

    def load(self, model: Model, faults: FaultList | None = None) -> None:
        """Write the memories of another model of the same shape: other weights, cells, noise.

        The bits of a fault list, if there is one, are flipped in the memories as they are written.

        Parameters
        ----------
        model : Model
        faults : FaultList, optional

        Raises
        ------
        QsimError
            If the model needs other hardware, or the list is another model's or of other than memory bits.
        """
        folding = [layer.pe for layer in self.shape.layers], [layer.simd for layer in self.shape.layers]
        plain = EngineShape.of(model, *folding, monitor=True)
        if plain.protected_by(self.shape.layers[0].protection) != self.shape:
            raise QsimError("the model needs an engine of another shape; make a Simulator for it")
        self.model = model
        words = image(model, self.shape)
        if faults is not None:
            check(model, faults)
            words = flipped(words, places(model, self.shape, faults))
        self.load_words(words)

    def load_words(self, words: Mapping[str, Words]) -> None:
        """Write all memories, in the order of the memory map, right or wrong as their words are.

        Parameters
        ----------
        words : mapping of str to Words
            Memory by memory.
        """
        self._driver.load(memory.chunks for memory in words.values())

    def beats(self, codes: npt.ArrayLike) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
        """The input beats of images.

        Parameters
        ----------
        codes : int array (N, inputs)

        Returns
        -------
        data : uint32 array (N, beats, 32-bit pieces)
        last : uint8 array (N, beats)

        Raises
        ------
        QsimError
            If the codes do not fit the model.
        """
        layer = self.shape.layers[0]
        checked = self.model.checked(codes)
        lanes = np.pad(checked, ((0, 0), (0, layer.beats * layer.simd - layer.inputs)))
        data = pack(lanes.reshape(-1, layer.simd), layer.code_bits).chunks
        last = np.zeros((len(checked), layer.beats), np.uint8)
        last[:, -1] = 1
        return data.reshape(*last.shape, data.shape[1]), last

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
        """Send beats of any kind after a reset; see `Driver.send`.

        Parameters
        ----------
        data : int array (N, 32-bit pieces)
        last : int array (N,)
        stall : float
            Share of the cycles in which either stream holds back.
        seed : int
            Of the stalls.
        first_image : int
            The number of the first image, for read noise.
        cycles : int, optional
            How long to run at most.
        upset : Upset, optional
            A bit of a register that flips; see `Driver.send`.

        Returns
        -------
        Outcome
        """
        return self._driver.send(data, last, stall, seed, first_image, cycles, upset)

    def run(self, codes: npt.ArrayLike, stall: float = 0.0, seed: int = 0, first_image: int = 0) -> Result:
        """Run images through the engine, with seeded stalls on both sides if asked.

        Parameters
        ----------
        codes : int array (N, inputs)
        stall : float
            Share of the cycles in which either stream holds back.
        seed : int
            Of the stalls.
        first_image : int
            The number of the first image; only read noise depends on it.

        Returns
        -------
        Result

        Raises
        ------
        QsimError
            If the codes do not fit the model, or if the engine hangs, gives more or fewer results
            than it must, or changes one before it is taken.
        """
        data, last = self.beats(codes)
        outcome = self.send(data.reshape(last.size, data.shape[-1]), last.ravel(), stall, seed, first_image)
        if outcome.unstable:
            raise QsimError(
                f"the engine changed or withdrew {outcome.unstable} results before they were taken"
            )
        images = len(last)
        found = *map(len, outcome.columns), *map(len, outcome.hidden), len(outcome.logits)
        expected = (
            *(images * c.groups * c.reads * c.pe for _, c in self.shape.mapped),
            *(images * layer.outputs for layer in self.shape.layers),
        )
        if found != expected or outcome.finished.size != images:
            raise QsimError(
                f"the engine gave {found} results of its layers in {outcome.finished.size} frames; "
                f"{images} images need {expected}"
            )
        return Result(
            tuple(
                codes.reshape(images, layer.outputs)
                for codes, layer in zip(outcome.hidden, self.shape.layers, strict=False)
            ),
            tuple(
                in_model_order(codes, self.model.layers[i], folded)
                for codes, (i, folded) in zip(outcome.columns, self.shape.mapped, strict=True)
            ),
            outcome.logits.reshape(images, self.model.outputs),
            outcome.classes.reshape(images, self.model.outputs)[:, -1],
            int(outcome.finished[-1]) + 1 if images else 0,
            outcome.corrected,
            outcome.failed,
        )
