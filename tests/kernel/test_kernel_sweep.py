"""Every strength of an attack gives the class that the specification gives for the moved codes."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_networks import KINDS, images, network

from qsim import Model, QsimError, spec
from qsim.kernel import isa
from qsim.kernel.sweep.api import NOT_FOOLED, smallest_fooling_step, sweep

NAMES = isa.available()


def moved(model: Model, codes: np.ndarray, signs: np.ndarray, step: int) -> list[list[int]]:
    low, high = model.input.low, model.input.high
    return np.clip(codes.astype(np.int64) + step * signs.astype(np.int64), low, high).tolist()


def expected(model: Model, codes: np.ndarray, signs: np.ndarray, steps: list[int]) -> list[list[int]]:
    return np.array([spec.predict(model, moved(model, codes, signs, e)) for e in steps]).T.tolist()


def random_signs(model: Model, count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(-1, 2, (count, model.inputs)).astype(np.int8)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_equals_the_specification(name: str, data: st.DataObject) -> None:
    bits = data.draw(st.sampled_from((1, 3, 8, 10, 16)))
    model = network(
        tuple(data.draw(st.lists(st.integers(1, 30), min_size=2, max_size=4))),
        bits=data.draw(st.integers(1, 10)),
        grid=data.draw(st.sampled_from(("odd", "twos_complement"))),
        kind=data.draw(st.sampled_from(KINDS)),
        levels=data.draw(st.sampled_from((3, 255, 300))),
        input_bits=bits,
        signed=data.draw(st.booleans()),
        seed=data.draw(st.integers(0, 1000)),
    )
    steps = sorted(data.draw(st.lists(st.integers(0, (1 << bits) + 5), min_size=1, max_size=9)))
    codes, signs = images(model, 4), random_signs(model, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QSIM_ISA", name)
        assert sweep(model, codes, signs, steps).tolist() == expected(model, codes, signs, steps)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(30, 20, 10), (30, 10), (30, 100, 1), (300, 17, 18, 3)])
def test_many_steps_and_images(name: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """More steps and images than go through together, against the kernel that equals the specification."""
    monkeypatch.setenv("QSIM_ISA", name)
    model = network(shape)
    codes, signs = images(model, 31), random_signs(model, 31)
    found = sweep(model, codes, signs, range(256))
    for e in range(256):
        assert (found[:, e] == model.predict(np.array(moved(model, codes, signs, e)))).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("input_bits", "signed"), [(8, False), (12, True)])
def test_smallest_fooling_step(
    name: str, input_bits: int, signed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSIM_ISA", name)
    model = network((12, 9, 4), input_bits=input_bits, signed=signed)
    codes, signs = images(model, 24), random_signs(model, 24)
    labels = model.predict(codes)
    labels[0] = (labels[0] + 1) % 4
    signs[1] = 0
    for limit in (0, 40, 100_000):
        most = min(limit, model.input.high - model.input.low)
        wrong = sweep(model, codes, signs, np.arange(most + 1)) != labels[:, None]
        first = np.where(wrong.any(1), wrong.argmax(1), NOT_FOOLED)
        found = smallest_fooling_step(model, codes, signs, labels, limit)
        assert found.tolist() == first.tolist()
        assert found[0] == 0
        assert found[1] == NOT_FOOLED
    assert (first > 64).any()


def test_unclipped() -> None:
    model = network((6, 5, 3), input_bits=12, signed=True)
    codes, signs = images(model, 8)[2:] // 4, random_signs(model, 6)
    steps = [0, 10, 1000]
    clipped = sweep(model, codes, signs, steps)
    assert (sweep(model, codes, signs, steps, clip=False) == clipped).all()
    with pytest.raises(QsimError, match="at step 2000; without clipping, -2048 to 2047 are allowed"):
        sweep(model, codes, signs, [0, 2000], clip=False)
    huge = sweep(model, codes, signs * 0, [1 << 60], clip=False)
    assert (huge[:, 0] == clipped[:, 0]).all()


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network((20, 9, 4))
    codes, signs = images(model, 3000), random_signs(model, 3000)
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("QSIM_THREADS", threads)
        found.append(sweep(model, codes, signs, [0, 3, 90]))
    assert (found[0] == found[1]).all()


def test_no_images() -> None:
    model = network((4, 3))
    nothing = np.empty((0, 4), np.uint8)
    assert sweep(model, nothing, nothing.astype(np.int8), [0, 1]).shape == (0, 2)
    assert smallest_fooling_step(model, nothing, nothing.astype(np.int8), np.empty(0, int), 9).size == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signs": np.zeros((2, 3), np.int8)}, r"signs have shape \(2, 3\)"),
        ({"signs": np.full((2, 4), 2)}, "signs run from 2 to 2; -1, 0 and 1 are allowed"),
        ({"signs": np.zeros((2, 4))}, "type float64"),
        ({"steps": [3, 1]}, "not ascending"),
        ({"steps": [-1, 1]}, "negative"),
        ({"steps": []}, "a list of integers is needed"),
        ({"steps": [0.5]}, "a list of integers is needed"),
        ({"codes": np.full((2, 4), 256)}, "0 to 255 are allowed"),
    ],
)
def test_mistakes(change: dict[str, object], message: str) -> None:
    arguments = {"codes": np.zeros((2, 4), np.uint8), "signs": np.zeros((2, 4), np.int8), "steps": [0]}
    with pytest.raises(QsimError, match=message):
        sweep(network((4, 3)), **{**arguments, **change})


def test_labels_and_limits() -> None:
    model, codes, signs = network((4, 3)), np.zeros((2, 4), np.uint8), np.zeros((2, 4), np.int8)
    with pytest.raises(QsimError, match="2 integers are needed"):
        smallest_fooling_step(model, codes, signs, [1], 5)
    with pytest.raises(QsimError, match="limit is -1"):
        smallest_fooling_step(model, codes, signs, [1, 1], -1)


def test_used_models_are_copied_and_pickled() -> None:
    model = network((4, 3))
    codes = images(model, 5)
    classes = model.predict(codes)
    sweep(model, codes, codes.astype(np.int8) * 0, [0])
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert (twin.predict(codes) == classes).all()
