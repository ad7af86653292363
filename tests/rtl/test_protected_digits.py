"""Every flip in the protected weights of the digits engine: single ones, and each pair of bits of a word.

A word is decoded without memory of any other, and an image reads each word once. So an image plays as many
flips as there are words, one in each, and as many cycles with a flag say that none was missed. A sample is
played with nothing else wrong, to see that flips in different words are independent.
"""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from qsim import data, load
from qsim_rtl import Simulator
from qsim_rtl.memory.faults import flipped
from qsim_rtl.memory.pack import Words, image
from qsim_rtl.memory.protection import PROTECTIONS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiler")]
MODEL = load(Path(__file__).parents[2] / "models/digits-relu-q4.safetensors")
CODES = data.digits("test")[0][:1]
LOGITS = MODEL.logits(CODES)
NAMES = ("layer0_weights", "layer1_weights")
WORDS = 10 * 8, 13  # groups x beats at pe 10, simd 8
LANES = 10 * 8 * 4


@pytest.fixture(scope="module", params=["parity", "secded"])
def engine(request: pytest.FixtureRequest) -> Simulator:
    return Simulator(MODEL, 10, 8, optimize=1, protection=request.param)


def protection(engine: Simulator) -> str:
    return engine.shape.layers[0].protection


def play(engine: Simulator, words: dict[str, Words], flips: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Cycles flagged as corrected and as failed; flips (F, 2) are word, through both layers, and bit."""
    first = flips[:, 0] < WORDS[0]
    where = {NAMES[0]: flips[first], NAMES[1]: flips[~first] - [WORDS[0], 0]}
    engine.load_words(flipped(words, where))
    result = engine.run(CODES)
    if protection(engine) == "secded" and not result.failed:
        assert np.array_equal(result.logits, LOGITS), flips.tolist()
    return result.corrected, result.failed


def in_every_word(choices: npt.NDArray[np.int64], turns: int) -> Iterator[npt.NDArray[np.int64]]:
    """Flips for each of `turns` images: word w has choice w + turn, so that neighbours differ."""
    every = np.arange(sum(WORDS))
    for turn in range(turns):
        bits = choices[(every + turn) % len(choices)]
        yield np.stack([np.repeat(every, bits.shape[1]), bits.ravel()], 1)


def test_every_single_flip_is_flagged_or_corrected(engine: Simulator) -> None:
    name, words = protection(engine), image(MODEL, engine.shape)
    width = words[NAMES[0]].width
    assert width == words[NAMES[1]].width == LANES + PROTECTIONS[name].checks(LANES)
    assert tuple(len(words[memory].chunks) for memory in NAMES) == WORDS
    seen = np.zeros((sum(WORDS), width), int)
    for flips in in_every_word(np.arange(width)[:, None], width):
        wanted = (len(flips), 0) if name == "secded" else (0, len(flips))
        assert play(engine, words, flips) == wanted
        seen[tuple(flips.T)] += 1
    assert (seen == 1).all()


def test_single_flips_alone(engine: Simulator) -> None:
    name, words, random = protection(engine), image(MODEL, engine.shape), np.random.default_rng(1)
    for place in random.choice(sum(WORDS) * words[NAMES[0]].width, 400, replace=False):
        flip = np.array([divmod(int(place), words[NAMES[0]].width)])
        assert play(engine, words, flip) == ((1, 0) if name == "secded" else (0, 1)), flip


def test_every_pair_of_bits_is_flagged_by_secded(engine: Simulator) -> None:
    words = image(MODEL, engine.shape)
    pairs = np.array(list(combinations(range(words[NAMES[0]].width), 2)))
    seen: set[tuple[int, int]] = set()
    for start in range(0, len(pairs), sum(WORDS)):
        flips = next(in_every_word(np.roll(pairs, -start, 0), 1))
        found = play(engine, words, flips)
        assert found == ((0, sum(WORDS)) if protection(engine) == "secded" else (0, 0))
        seen |= set(map(tuple, flips[:, 1].reshape(-1, 2).tolist()))
    assert len(seen) == len(pairs)
