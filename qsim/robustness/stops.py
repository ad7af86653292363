"""Where inputs stop: along an attack's direction each code moves until it reaches the end of its range."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..attacks.steps import Codes, Signs
from ..jit.compiling import cached
from ..model.input_format import InputFormat


class Stops:
    """The stops of some images, in the order of ascending strengths.

    Parameters
    ----------
    codes : int array (N, inputs)
    signs : int8 array (N, inputs) in {-1, 0, 1}
    form : InputFormat, whose range codes do not leave
    strengths : (S,) ascending, in LSBs, whole or not

    Attributes
    ----------
    moving : int8 array (N, inputs), the signs without those of inputs that have no room from the start
    """

    def __init__(self, codes: Codes, signs: Signs, form: InputFormat, strengths: npt.NDArray[Any]) -> None:
        limits = form.low, form.high
        rooms = np.arange(int(strengths[-1]) + 2)
        due = np.searchsorted(strengths, rooms)  # the first strength that uses up a room
        counts = np.zeros(len(strengths) + 2, np.int64)
        self.moving = signs.copy()
        _count(codes, signs, *limits, due, counts, self.moving)
        self.bounds = np.cumsum(counts)
        self.entries = np.empty((3, self.bounds[-1]), np.int32)
        _list(codes, signs, *limits, due, self.bounds.copy(), self.entries)

    def until(self, k: int) -> tuple[Any, Any, Any]:
        """Images, inputs and rooms in LSBs of what stops after strength k - 1 and up to strength k."""
        images, inputs, rooms = self.entries[:, self.bounds[k] : self.bounds[k + 1]]
        return images, inputs, rooms


@cached()
def stop(images: Any, inputs: Any, rooms: Any, signs: Signs, weights: Any, value: Any, rate: Any) -> None:
    """Take inputs out of `rate` (N, outputs) and put what they reached into `value` (N, outputs).

    `rooms` are in real input units.
    """
    for e in range(images.size):
        w, v, r = weights[inputs[e]], value[images[e]], rate[images[e]]
        sign = signs[images[e], inputs[e]]
        reached = sign * rooms[e]
        for j in range(w.size):
            v[j] += reached * w[j]
            r[j] -= sign * w[j]


@cached()
def _count(codes: Any, signs: Any, low: int, high: int, due: Any, counts: Any, moving: Any) -> None:
    strengths = counts.size - 2
    for i in range(codes.shape[0]):
        for k in range(codes.shape[1]):
            if signs[i, k] != 0:
                room = high - np.int64(codes[i, k]) if signs[i, k] > 0 else np.int64(codes[i, k]) - low
                if room == 0:
                    moving[i, k] = 0
                elif room < due.size and due[room] < strengths:
                    counts[due[room] + 1] += 1


@cached()
def _list(codes: Any, signs: Any, low: int, high: int, due: Any, places: Any, entries: Any) -> None:
    strengths = places.size - 2
    for i in range(codes.shape[0]):
        for k in range(codes.shape[1]):
            if signs[i, k] != 0:
                room = high - np.int64(codes[i, k]) if signs[i, k] > 0 else np.int64(codes[i, k]) - low
                if 0 < room < due.size and due[room] < strengths:
                    place = places[due[room]]
                    entries[0, place], entries[1, place], entries[2, place] = i, k, room
                    places[due[room]] = place + 1
