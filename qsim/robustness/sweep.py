"""Many strengths of one attack at once: the class of each image at each strength.

Along a fixed direction, the first layer's sums are piecewise linear in the strength: a pixel adds its
weights at a constant rate until it reaches the end of its range and stops. `shadow` keeps value and rate,
and takes a pixel out where it stops: two matrix products and a few column updates for all strengths
together, equal to the direct evaluation up to float32 rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ..machine.errors import QsimError
from ..machine.model import Model
from ..shadow.network import Network, Reals, batches, classify, logits_of, to_real
from .attacks import Codes, Labels, Signs, move, with_headroom

BLOCK = 500  # images whose sums are in cache together


def shadow(
    network: Network, codes: Codes, signs: Signs, epsilons: Sequence[float], clip: bool = True
) -> Labels:
    """The float shadow's classes under x + epsilon * sign.

    Parameters
    ----------
    network : Network, its weights used as they stand
    codes : int array (N, inputs)
    signs : int8 array (N, inputs) in {-1, 0, 1}
    epsilons : (S,) ascending strengths in real input units, 0 or more
    clip : bool
        Keep attacked inputs inside the input format.

    Returns
    -------
    int64 array (N, S)
    """
    strengths = np.asarray(epsilons, np.float64)
    if (strengths[1:] < strengths[:-1]).any() or not (strengths >= 0).all():
        raise QsimError("strengths are not ascending numbers of 0 or more")
    parts = zip(batches(codes, BLOCK), batches(signs, BLOCK), strict=True)
    return np.concatenate([_block(network, part, part_signs, strengths, clip) for part, part_signs in parts])


def integer(model: Model, codes: Codes, signs: Signs, steps: Sequence[int], clip: bool = True) -> Labels:
    """The integers' classes (N, S) under codes + step * sign, for steps (S,) in LSBs."""
    columns = []
    for step in steps:
        target = model if clip or step == 0 else with_headroom(model, step)
        columns.append(target.predict(move(codes, signs, step, model.input if clip else None)))
    return np.stack(columns, axis=1)


def smallest_fooling_step(
    model: Model, codes: Codes, signs: Signs, labels: Labels, limit: int, clip: bool = True
) -> npt.NDArray[np.int64]:
    """For each image (N,) the least step in LSBs, 0 to `limit`, that is classified wrong; else limit + 1."""
    found = np.full(len(codes), limit + 1)
    for step in range(limit + 1):
        left = np.flatnonzero(found > limit)
        target = model if clip or step == 0 else with_headroom(model, step)
        moved = move(codes[left], signs[left], step, model.input if clip else None)
        found[left[target.predict(moved) != labels[left]]] = step
    return found


def _block(
    network: Network, codes: Codes, signs: Signs, strengths: npt.NDArray[np.float64], clip: bool
) -> Labels:
    weights = network.weights[0]
    kind = weights.dtype.type
    value = to_real(codes, network.one, weights.dtype) @ weights + network.biases[0]
    moving = signs.astype(weights.dtype)
    stops = _Stops(network, codes, signs, strengths, moving) if clip else None
    rate = moving @ weights
    classes = np.empty((len(codes), len(strengths)), np.int64)
    for k, epsilon in enumerate(strengths):
        if stops:
            _stop(*stops.until(k), signs, weights, value, rate)
        classes[:, k] = classify(logits_of(network, value + kind(epsilon) * rate))
    return classes


class _Stops:
    """Which inputs reach the end of their range, and at which strength, in the order of a sweep.

    Sets `moving` to 0 where an input is at the end of its range from the beginning.
    """

    def __init__(
        self,
        network: Network,
        codes: Codes,
        signs: Signs,
        strengths: npt.NDArray[np.float64],
        moving: Reals,
    ) -> None:
        reach = int(strengths[-1] * network.one) + 1 if len(strengths) else 0
        self.epsilons = (np.arange(reach + 1) / network.one).astype(moving.dtype)
        due = np.searchsorted(
            strengths, np.arange(reach + 1) / network.one
        )  # first strength to use up a room
        self.bounds = np.zeros(len(strengths) + 2, np.int64)
        limits = network.input.low, network.input.high
        _count_stops(codes, signs, *limits, due, self.bounds, moving)
        self.bounds = np.cumsum(self.bounds)
        self.entries = np.empty((3, self.bounds[-1]), np.int32)  # image, input, room in LSBs
        _list_stops(codes, signs, *limits, due, self.bounds.copy(), self.entries)

    def until(self, k: int) -> tuple[Any, Any, Any]:
        """Images, inputs and strengths of the stops after strength k - 1 up to strength k."""
        rows, inputs, rooms = self.entries[:, self.bounds[k] : self.bounds[k + 1]]
        return rows, inputs, self.epsilons[rooms]


@njit(cache=True, nogil=True, boundscheck=False)
def _count_stops(codes: Any, signs: Any, low: int, high: int, due: Any, counts: Any, moving: Any) -> None:
    strengths = counts.size - 2
    for i in range(codes.shape[0]):
        for k in range(codes.shape[1]):
            if signs[i, k] != 0:
                code = np.int64(codes[i, k])
                room = high - code if signs[i, k] > 0 else code - low
                if room == 0:
                    moving[i, k] = 0
                elif room < due.size and due[room] < strengths:
                    counts[due[room] + 1] += 1


@njit(cache=True, nogil=True, boundscheck=False)
def _list_stops(codes: Any, signs: Any, low: int, high: int, due: Any, places: Any, entries: Any) -> None:
    strengths = places.size - 2
    for i in range(codes.shape[0]):
        for k in range(codes.shape[1]):
            if signs[i, k] != 0:
                code = np.int64(codes[i, k])
                room = high - code if signs[i, k] > 0 else code - low
                if 0 < room < due.size and due[room] < strengths:
                    place = places[due[room]]
                    entries[0, place], entries[1, place], entries[2, place] = i, k, room
                    places[due[room]] = place + 1


@njit(cache=True, nogil=True, boundscheck=False)
def _stop(
    rows: Any, inputs: Any, epsilons: Any, signs: Signs, weights: Reals, value: Reals, rate: Reals
) -> None:
    """Each input's contribution goes from rate * epsilon to a constant."""
    for e in range(rows.size):
        i, k = rows[e], inputs[e]
        w, v, r = weights[k], value[i], rate[i]
        sign = weights.dtype.type(signs[i, k])
        move = sign * weights.dtype.type(epsilons[e])
        for j in range(w.size):
            v[j] += move * w[j]
            r[j] -= sign * w[j]
