"""Every fast path gives the integers of the specification."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_networks import KINDS, check, images, network

from qsim import InputFormat, Layer, Model, QsimError
from qsim.executors import executor
from qsim.kernel import isa
from qsim.kernel.dense import packing
from qsim.kernel.dense.operands import Layout
from qsim.kernel.executor import classify

NAMES = isa.available()
FAST = NAMES[:-1]


@st.composite
def models(draw: st.DrawFn) -> Model:
    shape = draw(st.lists(st.integers(1, 40), min_size=2, max_size=4))
    return network(
        tuple(shape),
        bits=draw(st.integers(1, 10)),
        grid=draw(st.sampled_from(("odd", "twos_complement"))),
        kind=draw(st.sampled_from(KINDS)),
        levels=draw(st.sampled_from((1, 2, 5, 15, 255, 300))),
        input_bits=draw(st.sampled_from((1, 4, 8, 10, 16))),
        signed=draw(st.booleans()),
        extreme=draw(st.booleans()),
        seed=draw(st.integers(0, 1000)),
    )


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(model=models(), count=st.integers(1, 30))
def test_equals_the_specification(name: str, model: Model, count: int) -> None:
    check(name, model, images(model, count))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
def test_every_width(name: str, kind: str, grid: str) -> None:
    for bits in range(1, 17):
        model = network((21, 18, 17, 3), bits=bits, grid=grid, kind=kind, seed=bits)
        check(name, model, images(model, 14))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("vectors", range(1, 16))
def test_every_tile(name: str, vectors: int) -> None:
    """Every number of vectors of neurons, with enough images for whole tiles and a rest."""
    for bits, outputs in ((8, 8 * vectors), (6, 16 * vectors), (9, 16 * vectors - 5)):
        model = network((9, outputs, 3), bits=bits, levels=15)
        check(name, model, images(model, 27))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("input_bits", "signed"), [(16, True), (16, False), (8, True), (15, False), (3, True)]
)
def test_accumulators_beyond_32_bits(name: str, input_bits: int, signed: bool) -> None:
    for bits, extreme in ((10, False), (16, True), (8, True), (1, True)):
        model = network((300, 20, 4), bits=bits, input_bits=input_bits, signed=signed, extreme=extreme)
        check(name, model, images(model, 15))


def test_every_way_to_count_thresholds_is_among_the_networks() -> None:
    found = set()
    for kind in KINDS:
        for levels, bits, input_bits, out in ((2, 8, 8, 1), (255, 8, 8, 4), (255, 10, 16, 4)):
            model = network((300, 20, out), bits=bits, kind=kind, levels=levels, input_bits=input_bits)
            plan = packing.pack(model, Layout(16, octets=True))
            assert plan is not None
            found |= set(plan.rows[:, packing.METHOD])
    assert found == set(range(packing.BISECT + 1))


@pytest.mark.parametrize("name", FAST)
def test_what_is_fast(name: str) -> None:
    """No path gives up on the networks that it is made for."""
    for bits in range(1, 11):
        for input_bits, signed in ((8, False), (16, True)):
            model = network((784, 100, 10), bits=bits, input_bits=input_bits, signed=signed)
            assert executor(model, name).isa == name


def test_what_cannot_be_proved_is_portable() -> None:
    model = network((40, 5, 2), bits=16, input_bits=16, extreme=True)
    for name in NAMES:
        assert executor(model, name).isa == "portable"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "thresholds",
    [
        [-(2**33), -5, 0, 7, 2**31 - 2, 2**31],
        [-(2**31) + 1, -5, 2**31 - 2],
        [-(2**31) + 1, -5, 0, 7, 2**31 - 2],
        [-(2**31) + 2 + k * 2**28 for k in range(16)],
    ],
)
def test_largest_accumulators(name: str, thresholds: list[int]) -> None:
    """Sums and thresholds just inside and just outside 32 bits."""
    for bias in (0, 2**31 - 1, -(2**31), 2**31 - 1 - 255 * 127 * 30, 2**31 - 255 * 127 * 30, -(2**40)):
        weights = np.full((2, 30), 127)
        weights[1] = -127
        layer = Layer(weights, [bias, -bias], 8, thresholds, "twos_complement")
        model = Model((layer, Layer([[1, -1]], [0], 1)), InputFormat(8))
        check(name, model, images(model, 20))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("outputs", [2, 10, 16, 17])
def test_the_lowest_index_wins_a_tie(name: str, outputs: int) -> None:
    weights = np.random.default_rng(outputs).integers(-3, 3, 30)
    for first in (0, outputs // 2):
        bias = np.where(np.arange(outputs) < first, -1, 5)
        model = Model((Layer(np.tile(2 * weights + 1, (outputs, 1)), bias, 8),), InputFormat(8))
        for count in (1, 16, 21):
            packed, codes = executor(model, name), images(model, count)
            assert packed.predict(codes).tolist() == [first] * count
            assert classify(packed.logits(codes)).tolist() == [first] * count


def batch() -> tuple[Model, np.ndarray]:
    model = network((123, 45, 17, 5), bits=8, kind="uneven")
    return model, images(model, 5000)


def test_one_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths, threads, batch splits and memory layouts change nothing."""
    model, codes = batch()
    digests = set()
    for name in NAMES:
        packed = executor(model, name)
        for threads in ("1", "2", "3"):
            monkeypatch.setenv("QSIM_THREADS", threads)
            digests.add(hashlib.sha256(packed.logits(codes).tobytes()).hexdigest())
        pieces = [packed.logits(codes[a:b]) for a, b in ((0, 1), (1, 96), (96, 1300), (1300, 5000))]
        digests.add(hashlib.sha256(np.concatenate(pieces).tobytes()).hexdigest())
        for layout in (np.asfortranarray(codes), codes[::-1][::-1], np.repeat(codes, 2, 1)[:, ::2]):
            digests.add(hashlib.sha256(packed.logits(layout).tobytes()).hexdigest())
        assert (packed.predict(codes) == packed.logits(codes).argmax(1)).all()
    assert len(digests) == 1


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint64, np.int64])
def test_any_integer_type(kind: type) -> None:
    model, codes = batch()
    assert (model.predict(codes[:50].astype(kind)) == model.predict(codes[:50])).all()


def test_no_images() -> None:
    model, codes = batch()
    assert model.predict(codes[:0]).shape == (0,)
    assert model.logits(codes[:0]).shape == (0, 5)
    assert model.trace(codes[:0]).hidden[0].shape == (0, 45)


@pytest.mark.parametrize("name", NAMES)
def test_forced(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSIM_ISA", name)
    assert executor(batch()[0]).isa == name


@pytest.mark.parametrize("name", ["sse9", "AVX2"])
def test_unknown_instructions(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSIM_ISA", name)
    with pytest.raises(QsimError, match=f"QSIM_ISA is '{name}'; this machine runs .*portable"):
        network((3, 2)).predict(np.zeros((1, 3), np.uint8))


def test_without_the_jit() -> None:
    """The portable loops are plain Python too."""
    program = (
        "from kernel_networks import images, network\n"
        "from qsim.kernel import isa\n"
        "from qsim import spec\n"
        "assert isa.available() == ('portable',)\n"
        "for kind in ('even', 'uneven'):\n"
        "    model = network((7, 5, 3), kind=kind)\n"
        "    codes = images(model, 4)\n"
        "    assert model.logits(codes).tolist() == spec.logits(model, codes.tolist())\n"
        "    assert model.predict(codes).tolist() == spec.predict(model, codes.tolist())\n"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("QSIM_ISA", None)
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
