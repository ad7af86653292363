"""Networks on matrix tiles: emulated ones give the specification's integers, real ones are compiled here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_networks import KINDS, check, images, network
from tile_emulation import Doubling, Emulated

from benches import limits
from qsim import QsimError
from qsim.executors import executor
from qsim.kernel import entries, isa
from qsim.kernel.dense import tile_check
from qsim.kernel.dense.tiles import DOTS
from qsim.kernel.sweep.api import sweep

VNNI = "avx512vnni"
pytestmark = pytest.mark.skipif(VNNI not in isa.available(), reason="tiles go with AVX-512 vectors")


@pytest.fixture(scope="module")
def emulated() -> Iterator[str]:
    """The name of an instruction set whose tiles are emulated; its name is part of compiled code's."""
    unit = Emulated()
    entries.SETS[unit.name] = replace(entries.SETS[VNNI], tiles=unit)
    yield unit.name
    del entries.SETS[unit.name]


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(
    shape=st.lists(st.integers(1, 70), min_size=2, max_size=4),
    bits=st.integers(1, 8),
    grid=st.sampled_from(("odd", "twos_complement")),
    kind=st.sampled_from(KINDS),
    levels=st.sampled_from((1, 3, 15, 255)),
    signed=st.booleans(),
    seed=st.integers(0, 1000),
    count=st.integers(14, 40),
)
def test_networks_on_tiles(emulated: str, shape: list[int], count: int, **how: Any) -> None:
    model = network(tuple(shape), **how)
    assert executor(model, emulated).isa == emulated
    check(emulated, model, images(model, count))


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("kind", KINDS)
def test_the_papers_network_on_tiles(emulated: str, bits: int, kind: str) -> None:
    """Against vectors, which equal the specification: more images than a block has."""
    model = network((784, 100, 10), bits=bits, kind=kind)
    codes = images(model, 203)
    found, expected = (executor(model, name).logits(codes) for name in (emulated, VNNI))
    assert (found == expected).all()


@pytest.mark.slow
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    shape=st.lists(st.integers(1, 70), min_size=2, max_size=4),
    bits=st.sampled_from((1, 4, 8, 9, 10)),
    grid=st.sampled_from(("odd", "twos_complement")),
    kind=st.sampled_from(KINDS),
    levels=st.sampled_from((1, 15, 255, 1023)),
    input_bits=st.sampled_from((8, 12, 16)),
    signed=st.booleans(),
    extreme=st.booleans(),
    seed=st.integers(0, 1000),
    count=st.integers(14, 40),
)
def test_operands_of_both_sizes(emulated: str, shape: list[int], count: int, **how: Any) -> None:
    """Any mixture of layers: codes, weights, or both of two bytes, and sums of 32 and of 64 bits."""
    model = network(tuple(shape), **how)
    assert executor(model, emulated).isa == emulated
    check(emulated, model, images(model, count))


@pytest.mark.slow
@pytest.mark.parametrize("bits", [8, 9, 10])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("input_bits", [8, 16])
def test_the_papers_network_on_tiles_of_bytes_of_halves(
    emulated: str, bits: int, kind: str, input_bits: int
) -> None:
    model = network((784, 100, 10), bits=bits, kind=kind, input_bits=input_bits)
    codes = images(model, 203)
    found, expected = (executor(model, name).logits(codes) for name in (emulated, VNNI))
    assert (found == expected).all()


def test_batches_threads_and_sparse_images(emulated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No split of the images changes a logit; nearly empty images leave the tiles for vectors."""
    model = network((123, 45, 17, 5), kind="uneven")
    codes = images(model, 3000)
    codes[1000:2000] *= np.random.default_rng(0).random((1000, 123)) < 0.02
    expected, tiles = executor(model, VNNI).logits(codes), executor(model, emulated)
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("QSIM_THREADS", threads)
        assert (tiles.logits(codes) == expected).all()
    for size in (1, 15, 16, 17, 31, 32, 33, 95, 96, 97, 111, 112):
        assert (tiles.logits(codes[:size]) == expected[:size]).all()
    assert (tiles.predict(codes) == expected.argmax(1)).all()


@pytest.mark.slow
@pytest.mark.parametrize(("bits", "input_bits"), [(8, 8), (10, 8), (4, 12), (10, 12)])
def test_sweeps_on_tiles(emulated: str, bits: int, input_bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = partial(network, (70, 50, 10), bits=bits, input_bits=input_bits)
    model, steps = made(), range(0, 1 << input_bits, 5 << input_bits - 8)
    codes = images(model, 50)
    signs = np.random.default_rng(2).integers(-1, 2, codes.shape).astype(np.int8)
    expected = sweep(model, codes, signs, steps)
    monkeypatch.setattr(isa, "choose", lambda: emulated)
    fresh = made()
    assert (sweep(fresh, codes, signs, steps) == expected).all()
    assert executor(fresh).isa == emulated


def test_tiles_that_are_wrong_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(entries.SETS, Doubling.name, replace(entries.SETS[VNNI], tiles=Doubling()))
    model = network((40, 30, 5))
    with pytest.warns(RuntimeWarning, match="differ from its vectors"):
        made = executor(model, Doubling.name)
    assert made.isa == tile_check.INSTEAD
    codes = images(model, 40)
    assert (made.logits(codes) == executor(model, VNNI).logits(codes)).all()


class Noting(Emulated):
    """Emulated tiles that note the operands of each product as it is compiled."""

    def __init__(self) -> None:
        self.products: set[tuple[int, int, int]] = set()

    def dot(self, context: Any, b: Any, state: Any, signs: int, tiles: tuple[int, int, int]) -> None:
        self.products.add(tiles)
        super().dot(context, b, state, signs, tiles)


def test_the_limit_of_tiles_runs_on_emulated_ones() -> None:
    unit = Noting()
    limit = limits._tiles(unit)
    limit.run(3)
    assert unit.products == {(0, 4, 6), (1, 4, 7), (2, 5, 6), (3, 5, 7)}
    assert limit.each == 4 * 16 * 16 * 64


# the real ones

FEATURES = "+avx2,+fma,+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512vnni,+amx-tile,+amx-int8"
OF_BYTES = """
from qsim.kernel import entries
print("\\n".join(entries.run("avx512amx", True).inspect_asm().values()))
"""
OF_HALVES = """
from numba import njit, types
from qsim.kernel.dense import tile_planes, tiles
from qsim.kernel.dense.memory import Rows
on_tiles = tile_planes.plane_strips(tiles.Amx())
@njit([types.void(types.int64[::1], *[types.intp] * 7)])
def run(row, data, codes, pitch, images, room, acc, wide):
    on_tiles(row, data, Rows(codes, pitch), images, room, acc, wide)
print("\\n".join(run.inspect_asm().values()))
"""
REGISTERS = {
    *(("2", "0"), ("3", "1")),  # codes and sums of a block of two tiles of sums
    *(("4", "0"), ("4", "1"), ("5", "2"), ("5", "3")),  # four
    *(("6", into) for into in "012345"),  # six
}


@pytest.mark.parametrize(
    ("program", "dots"),
    [(OF_BYTES, {"tdpbusd"}), (OF_HALVES, set(DOTS))],
    ids=["bytes", "halves"],
)
def test_instructions_for_a_processor_with_tiles(program: str, dots: set[str], tmp_path: Path) -> None:
    """Compiled for Sapphire Rapids and not run: the instructions, and the tiles that they name."""
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(tmp_path),
        "NUMBA_CPU_NAME": "sapphirerapids",
        "NUMBA_CPU_FEATURES": FEATURES,
    }
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    code = done.stdout
    assert code.count("\tldtilecfg") == code.count("\ttilerelease") == 1
    sums = set(re.findall(r"\ttilestored\t%tmm(\d)", code))
    assert sums == set("012345")
    products = re.findall(r"\t(tdpb\w+)\t%tmm(\d), %tmm(\d), %tmm(\d)", code)  # weights, codes, sums
    assert {dot for dot, *_ in products} == dots
    for dot in dots:
        assert {weights for name, weights, _, _ in products if name == dot} == {"7"}
        assert {(codes, into) for name, _, codes, into in products if name == dot} == REGISTERS


def test_the_dot_for_each_pair_of_signs() -> None:
    """TDPBSUD's first S is that of the first operand, the codes."""
    for signs, dot in enumerate(DOTS):
        assert dot == "tdpb" + "us"[signs >> 1] + "us"[signs & 1] + "d"


AMX_FEATURES = {"avx2", "avx512f", "avx512bw", "avx512vl", "avx512vnni", "amx-tile", "amx-int8"}


@pytest.mark.parametrize("granted", [True, False])
def test_tiles_are_used_where_the_kernel_grants_them(granted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isa, "features", lambda: frozenset(AMX_FEATURES))
    monkeypatch.setattr(isa, "tiles_granted", lambda: granted)
    names = isa.available.__wrapped__()
    assert ("avx512amx" in names) == granted
    assert names[-4:] == ("avx512vnni", "avxvnni", "avx2", "portable")


def test_half_of_the_features_is_not_enough() -> None:
    assert isa.runnable(AMX_FEATURES)[0] == "avx512amx"
    for missing in ("amx-tile", "amx-int8", "avx512vnni"):
        assert "avx512amx" not in isa.runnable(AMX_FEATURES - {missing})


def test_the_kernel_is_asked_and_its_refusal_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    granted = isa.tiles_granted()
    assert granted == ("avx512amx" in isa.available())
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif("avx512amx" in isa.available(), reason="this machine has tiles")
def test_a_machine_without_tiles_says_what_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSIM_ISA", "avx512amx")
    with pytest.raises(QsimError, match="QSIM_ISA is 'avx512amx'; this machine runs avx512vnni"):
        isa.choose()
