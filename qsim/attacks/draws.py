"""Random numbers that belong to an image, not to its place in a batch.

Each number is a hash (splitmix64, Steele, Lea and Flood 2014) of the seed, the image's own codes and label,
the stream it is drawn for and its index. So an attack gives an image the same numbers in every batch, in
every order and on any number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit.compiling import cached, part
from .steps import Codes, Labels

Keys = npt.NDArray[np.uint64]

U = np.uint64
GOLDEN, FIRST, SECOND = U(0x9E3779B97F4A7C15), U(0xBF58476D1CE4E5B9), U(0x94D049BB133111EB)


def image_keys(codes: Codes, labels: Labels, seed: int) -> Keys:
    """One key (N,) for each image of integer codes (N, inputs): a hash of seed, label and codes."""
    keys = np.empty(len(codes), np.uint64)
    _hash_rows(codes.astype(np.int64, copy=False), labels.astype(np.int64), U(seed), keys)
    return keys


def stream_keys(keys: Keys, stream: int) -> Keys:
    """Keys of another stream of each image's numbers."""
    streams = np.empty_like(keys)
    _hash_keys(keys, U(stream), streams)
    return streams


def random_integers(keys: Keys, count: int, low: int, high: int) -> npt.NDArray[np.int32]:
    """For each key, `count` integers from `low` to `high`, int32 (N, count)."""
    drawn = np.empty((len(keys), count), np.int32)
    _fill(keys, low, high - low + 1, drawn)
    return drawn


@part
def mixed(state: np.uint64) -> np.uint64:
    """The finalizer of splitmix64: a bijection of 64 bits in which every bit depends on every bit."""
    state = (state ^ (state >> U(30))) * FIRST
    state = (state ^ (state >> U(27))) * SECOND
    return state ^ (state >> U(31))


@part
def draw(key: np.uint64, index: int, count: int) -> Any:
    """A number from 0 to count - 1, count below 2**31."""
    high = mixed(key + U(index) * GOLDEN) >> U(32)
    return np.int64((high * U(count)) >> U(32))


@cached()
def _hash_rows(codes: Any, labels: Any, seed: np.uint64, keys: Keys) -> None:
    for i in range(codes.shape[0]):
        state = mixed(mixed(seed + GOLDEN) + U(labels[i]) * GOLDEN)
        for k in range(codes.shape[1]):
            state = (state ^ U(codes[i, k])) * FIRST
            state ^= state >> U(29)
        keys[i] = mixed(state)


@cached()
def _hash_keys(keys: Keys, stream: np.uint64, streams: Keys) -> None:
    for i in range(keys.size):
        streams[i] = mixed(keys[i] + (stream + U(1)) * GOLDEN)


@cached()
def _fill(keys: Keys, low: int, count: int, drawn: Any) -> None:
    for i in range(drawn.shape[0]):
        for k in range(drawn.shape[1]):
            drawn[i, k] = low + draw(keys[i], k, count)
