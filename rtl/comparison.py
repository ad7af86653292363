"""Is the hardware the model? Every logit, hidden code and class of the RTL against `Model.trace`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.machine.kernel import classify
from qsim.machine.model import Model

from .inprocess import Simulator
from .shape import Folding

FAST_PE, FAST_SIMD = 5, 8  # the folding that simulates most images a second and compiles in a few


@dataclass(frozen=True)
class Comparison:
    """How many values of the RTL differ from the model's, and what the run took.

    `hidden` counts differing codes layer by layer. `first` says in words where the first difference
    is, in the order hidden layers, logits, classes; it is empty if there is none. `cycles` are the
    engine's, `seconds` its simulation's; `compile_seconds` is near 0 for a shape compiled before.
    """

    images: int
    hidden: tuple[int, ...]
    logits: int
    classes: int
    first: str
    cycles: int
    seconds: float
    compile_seconds: float

    @property
    def equal(self) -> bool:
        return not self.first


def compare(
    model: Model, codes: npt.ArrayLike, pe: Folding | None = None, simd: Folding | None = None
) -> Comparison:
    """Run images through the RTL and the model, and compare all integers.

    Parameters
    ----------
    model : Model
    codes : int array (N, inputs)
    pe, simd
        As in `EngineShape.of`; by default a folding that simulates fast.

    Raises
    ------
    QsimError
        If the codes or the folding do not fit the model, or if the engine cannot be compiled, hangs
        or loses results.
    """
    started = time.perf_counter()
    simulator = Simulator(model, pe or FAST_PE, simd or FAST_SIMD)
    compiled = time.perf_counter()
    result = simulator.run(codes)
    done = time.perf_counter()
    trace = model.trace(codes)
    pairs: list[tuple[str, npt.NDArray[Any], npt.NDArray[Any]]] = [
        (f"the code of layer {i}, neuron", *pair)
        for i, pair in enumerate(zip(result.hidden, trace.hidden, strict=True))
    ]
    pairs.append(("logit", result.logits, trace.logits))
    pairs.append(("class", result.classes[:, None], classify(trace.logits)[:, None]))
    *hidden, logits, classes = (int(np.count_nonzero(found != wanted)) for _, found, wanted in pairs)
    return Comparison(
        images=len(trace.logits),
        hidden=tuple(hidden),
        logits=logits,
        classes=classes,
        first=next(filter(None, (_first(*pair) for pair in pairs)), ""),
        cycles=result.cycles,
        seconds=done - compiled,
        compile_seconds=compiled - started,
    )


def _first(what: str, found: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> str:
    """Where two arrays (N, values) first differ, in words; empty where they are equal."""
    places = np.argwhere(found != wanted)
    if not len(places):
        return ""
    image, j = map(int, places[0])
    return f"image {image}: {what} {j} is {found[image, j]} in the RTL, {wanted[image, j]} in the model"
