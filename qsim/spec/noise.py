"""Read noise from a counter-based generator: the same for every batch size, thread and order of tiles."""

from __future__ import annotations

from typing import Protocol

MASK = 0xFFFFFFFF
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
ROUNDS = 13
MEAN = 510  # of a word's four bytes, added up
NOISE_SHIFT = 16


class Noise(Protocol):
    """The plain facts: a standard deviation in units, times 2**16 / 147.8, and a seed of 32 bits."""

    @property
    def amplitude(self) -> int: ...
    @property
    def seed(self) -> int: ...


def threefry(key: tuple[int, int], counter: tuple[int, int], rounds: int = ROUNDS) -> tuple[int, int]:
    """Two pseudo-random 32-bit words: Threefry-2x32 (Salmon et al., SC 2011): add, rotate, exclusive or."""
    keys = (*key, 0x1BD11BDA ^ key[0] ^ key[1])
    a, b = (counter[0] + keys[0]) & MASK, (counter[1] + keys[1]) & MASK
    for i in range(rounds):
        turn = ROTATIONS[i % 8]
        a = (a + b) & MASK
        b = ((b << turn | b >> 32 - turn) & MASK) ^ a
        if i % 4 == 3:
            j = i // 4 + 1
            a, b = (a + keys[j % 3]) & MASK, (b + keys[(j + 1) % 3] + j) & MASK
    return a, b


def noise_counter(tile: int, slice: int, digit: int, column: int) -> int:
    """Which two columns of which read, as a word: 10 bits tile, 4 slice, 4 digit, 14 pair of columns."""
    return tile << 22 | slice << 18 | digit << 14 | column >> 1


def noise_of(
    noise: Noise | None, layer: int, image: int, tile: int, slice: int, digit: int, column: int
) -> int:
    """What is added to one current: an integer, nearly Gaussian, of mean 0, that depends on nothing else.

    The four bytes of a random word add up to 510 on average, with a standard deviation of 147.8; the
    difference to 510 is scaled by amplitude / 2**16 and rounded, halves up.
    """
    if noise is None:
        return 0
    counter = image & MASK, noise_counter(tile, slice, digit, column)
    word = threefry((noise.seed, layer), counter)[column & 1]
    total = sum(word >> shift & 0xFF for shift in (0, 8, 16, 24)) - MEAN
    return (total * noise.amplitude + (1 << NOISE_SHIFT - 1)) >> NOISE_SHIFT
