"""Is the hardware the model? Every column code, hidden code, logit and class of the RTL against it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.faults.lists import FaultList, apply_faults
from qsim.kernel.crossbar.executor import column_codes
from qsim.kernel.executor import classify
from qsim.model.model import Model

from ..memory.faults import PLACES
from ..shape.engine import Folding
from .in_process import Simulator

FAST_PE, FAST_SIMD = 5, 8  # the folding that simulates most images a second and compiles in a few
FAST_TILE = 4, 32  # the same for a first layer on a crossbar
READ = "tile, slice, digit, column"


@dataclass(frozen=True)
class Comparison:
    """How many values of the RTL differ from the model's, and what the run took.

    Parameters
    ----------
    images : int
    columns : tuple of int
        Differing converter codes, mapped layer by mapped layer.
    hidden : tuple of int
        Differing codes, hidden layer by hidden layer.
    logits, classes : int
        Differing logits and classes.
    first : str
        Where the first difference is, in the order columns, hidden layers, logits, classes; empty if there is
        none.
    cycles : int
        Clock cycles of the engine.
    seconds : float
        Of the simulation.
    compile_seconds : float
        Near 0 for a shape that was compiled before.
    """

    images: int
    columns: tuple[int, ...]
    hidden: tuple[int, ...]
    logits: int
    classes: int
    first: str
    cycles: int
    seconds: float
    compile_seconds: float

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.first


def compare(
    model: Model,
    codes: npt.ArrayLike,
    pe: Folding | None = None,
    simd: Folding | None = None,
    first_image: int = 0,
    faults: FaultList | None = None,
) -> Comparison:
    """Run images through the RTL and the model, and compare all integers.

    Parameters
    ----------
    model : Model
    codes : int array (N, inputs)
    pe, simd : int or sequence of int, optional
        As in `EngineShape.of`; by default a folding that simulates fast.
    first_image : int
        The number of the first image, for read noise.
    faults : FaultList, optional
        Of the model: flipped in the engine's memories as they are written, and applied to the model. Cells
        and converters of tiles are no bits of one memory; there the engine is loaded with the faulty model.

    Returns
    -------
    Comparison

    Raises
    ------
    QsimError
        If the codes, the folding or the faults do not fit the model, or if the engine cannot be compiled,
        hangs or loses results.
    """
    started = time.perf_counter()
    fast = FAST_TILE if model.layers[0].crossbar else (FAST_PE, FAST_SIMD)
    simulator = Simulator(model, pe or fast[0], simd or fast[1])
    compiled = time.perf_counter()
    if faults is not None:
        model, sound = apply_faults(model, faults), model
        if faults.tables.keys() <= PLACES.keys():
            simulator.load(sound, faults)
        else:
            simulator.load(model)
    result = simulator.run(codes, first_image=first_image)
    done = time.perf_counter()
    trace = model.trace(codes, first_image)
    pairs: list[tuple[str, npt.NDArray[Any], npt.NDArray[Any]]] = []
    if model.mapped:
        wanted = [codes for codes in column_codes(model, codes, first_image) if codes is not None]
        places = [f"layer {i}: the column code of {READ}" for i, _ in simulator.shape.mapped]
        pairs += zip(places, result.columns, wanted, strict=True)
    pairs += [
        (f"the code of layer {i}, neuron", *pair)
        for i, pair in enumerate(zip(result.hidden, trace.hidden, strict=True))
    ]
    pairs.append(("logit", result.logits, trace.logits))
    pairs.append(("class", result.classes[:, None], classify(trace.logits)[:, None]))
    counts = [int(np.count_nonzero(found != wanted)) for _, found, wanted in pairs]
    mapped = len(result.columns)
    *hidden, logits, classes = counts[mapped:]
    return Comparison(
        images=len(trace.logits),
        columns=tuple(counts[:mapped]),
        hidden=tuple(hidden),
        logits=logits,
        classes=classes,
        first=next(filter(None, (_first(*pair) for pair in pairs)), ""),
        cycles=result.cycles,
        seconds=done - compiled,
        compile_seconds=compiled - started,
    )


def _first(what: str, found: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> str:
    """Where two arrays (N, …) first differ, in words; empty where they are equal."""
    places = np.argwhere(found != wanted)
    if not len(places):
        return ""
    image, *place = map(int, places[0])
    where, at = ", ".join(map(str, place)), (image, *place)
    return f"image {image}: {what} {where} is {found[at]} in the RTL, {wanted[at]} in the model"
