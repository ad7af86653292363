"""Operands of 16 bits on emulated tiles: products byte by byte, whatever processor runs this."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_networks import network
from numba import config, njit
from tile_emulation import BEYOND, Emulated, aligned

from qsim import InputFormat, Layer, Model
from qsim.kernel.dense import packing
from qsim.kernel.dense.layer import LIST_EXTRA
from qsim.kernel.dense.memory import Rows
from qsim.kernel.dense.operands import Layout, narrowest
from qsim.kernel.dense.tile_planes import plane_strips

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="addresses need compiled code")
SIZES = ((1, 2), (2, 1), (2, 2))  # bytes of a code and of a weight
SIXTEEN = InputFormat(16, signed=True)


@pytest.fixture(scope="module")
def layer_on_tiles() -> Any:
    """sums(rows, block, codes, pitch, images, room, acc, wide): a layer's sums; arrays are addresses."""
    on_tiles = plane_strips(Emulated())

    @njit
    def run(rows, block, codes, pitch, images, room, acc, wide):  # type: ignore[no-untyped-def]
        on_tiles(rows[0], block, Rows(codes, pitch), images, room, acc, wide)

    return run


def packed(layer: Layer, given: InputFormat) -> packing.Plan:
    plan = packing.pack(Model((layer,), given), Layout(16, octets=True, tiles=True))
    assert plan is not None
    assert plan.rows[0, packing.PLANES]
    return plan


def check_layer(run: Any, layer: Layer, codes: np.ndarray, given: InputFormat) -> packing.Plan:
    """Sums of weights as they are stored, without bias; memory around them is left alone."""
    plan = packed(layer, given)
    row, images = plan.rows[0], len(codes)
    columns, halves = row[packing.VECTORS] * 16, packing.operands(plan, codes.dtype)
    operands = codes.view(np.uint8) if halves is None else halves(codes)
    room = aligned(min(images, 32) * -(-layer.inputs // 64) * 64 * row[packing.CODE_BYTES] + 64, BEYOND)
    narrow, wide = (aligned(64 + images * columns * size + 64, BEYOND) for size in (4, 8))
    run(
        plan.rows,
        plan.block.ctypes.data,
        operands.ctypes.data,
        operands.shape[1],
        images,
        room.ctypes.data,
        narrow.ctypes.data + 64,
        wide.ctypes.data + 64,
    )
    for outside in (narrow[:64], narrow[-64:], wide[:64], wide[-64:], room[-64:]):
        assert (outside == BEYOND).all()
    found = wide[64:-64].view(np.int64) if row[packing.CHUNK] else narrow[64:-64].view(np.int32)
    if not row[packing.CHUNK]:
        assert (wide == BEYOND).all()
    stored = layer.stored if row[packing.DOUBLED] else layer.weights
    shifted = codes.astype(np.int64) - row[packing.SHIFT_IN]
    expected = shifted @ stored.T
    kept = found.reshape(images, columns)
    if row[packing.CHUNK]:
        assert (kept[:, : layer.outputs] == expected).all()
    else:  # what fits, fits with the bias and without the shift
        assert (kept[:, : layer.outputs] == expected.astype(np.int32)).all()
    if row[packing.DOUBLED]:
        assert (kept[:, layer.outputs] == shifted.sum(1).astype(found.dtype)).all()
    return plan


def random_layer(
    inputs: int, outputs: int, sizes: tuple[int, int], seed: int
) -> tuple[Layer, np.ndarray, InputFormat]:
    """A layer and a function for codes that need just so many bytes."""
    code_bytes, weight_bytes = sizes
    bits = 8 if weight_bytes == 1 else 10
    given = SIXTEEN if code_bytes == 2 else InputFormat(8)
    rng, half = np.random.default_rng(seed), 1 << bits - 1
    weights = rng.integers(-half, half, (outputs, inputs))
    weights[0, 0], weights[-1, -1] = -half, half - 1
    layer = Layer(weights, rng.integers(-1000, 1000, outputs), bits, None, "twos_complement")
    return layer, rng.integers(given.low, given.high + 1, (70, inputs)).astype(given.dtype), given


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("inputs", [1, 3, 4, 5, 63, 64, 65, 127, 129, 784])
def test_every_end_of_a_row(layer_on_tiles: Any, inputs: int, sizes: tuple[int, int]) -> None:
    layer, codes, given = random_layer(inputs, 20, sizes, inputs)
    plan = check_layer(layer_on_tiles, layer, codes[:20], given)
    assert tuple(plan.rows[0, [packing.CODE_BYTES, packing.WEIGHT_BYTES]]) == sizes
    assert not plan.octets


@pytest.mark.parametrize("sizes", SIZES)
def test_every_number_of_images_and_width(layer_on_tiles: Any, sizes: tuple[int, int]) -> None:
    for images in range(16, 66, 3):
        layer, codes, given = random_layer(70, 3 * images, sizes, images)
        check_layer(layer_on_tiles, layer, codes[:images], given)


@settings(max_examples=100)
@given(
    st.integers(1, 150),
    st.integers(1, 130),
    st.integers(16, 70),
    st.sampled_from(SIZES),
    st.integers(0, 10**6),
)
def test_any_layer(
    layer_on_tiles: Any, inputs: int, outputs: int, images: int, sizes: tuple[int, int], seed: int
) -> None:
    layer, codes, given = random_layer(inputs, outputs, sizes, seed)
    check_layer(layer_on_tiles, layer, codes[:images], given)


@pytest.mark.parametrize("weight", [-(1 << 15), (1 << 15) - 1, 255, -256])
@pytest.mark.parametrize("code", [-(1 << 15), (1 << 15) - 1, 255, -256])
def test_the_largest_numbers(layer_on_tiles: Any, weight: int, code: int) -> None:
    """Of either sign in both bytes."""
    for inputs in (1, 2, 300):
        layer = Layer(np.full((17, inputs), weight), [0] * 17, 16, None, "twos_complement")
        if packing.pack(Model((layer,), SIXTEEN), Layout(16, octets=True, tiles=True)) is not None:
            check_layer(layer_on_tiles, layer, np.full((18, inputs), code, np.int16), SIXTEEN)


def test_sums_that_wrap_on_the_way(layer_on_tiles: Any) -> None:
    """The whole sum fits 32 bits; without the low bytes' products, which are added last, it does not."""
    weights = np.full((2, 784), -83)
    weights[1], weights[1, 0] = 0, 511
    layer = Layer(weights, [0, 0], 10, None, "twos_complement")
    codes = np.full((16, 784), 32767, np.int16)
    low = int(((codes[0].astype(int) & 255) * (weights[0] & 255)).sum())
    assert int(codes[0].astype(int) @ weights[0]) - low < -(1 << 31)
    assert not check_layer(layer_on_tiles, layer, codes, SIXTEEN).rows[0, packing.CHUNK]


def test_the_deepest_layer(layer_on_tiles: Any) -> None:
    """As many inputs as places' sums are proved for, all of the largest; one more is left to vectors."""
    for extra in (0, 1):
        inputs = packing.DEEPEST + extra
        layer = Layer(np.full((1, inputs), 511), [0], 10, None, "twos_complement")
        codes = np.full((16, inputs), 32767, np.int16)
        if extra == 0:
            assert check_layer(layer_on_tiles, layer, codes, SIXTEEN).rows[0, packing.CHUNK]
        else:
            plan = packing.pack(Model((layer,), SIXTEEN), Layout(16, octets=True, tiles=True))
            assert plan is not None
            assert not plan.rows[0, packing.PLANES]


@pytest.mark.parametrize(
    ("bits", "input_bits", "sizes"),
    [(8, 8, (1, 1)), (9, 8, (1, 2)), (10, 8, (1, 2)), (7, 16, (2, 1)), (8, 16, (2, 1)), (9, 16, (2, 2))],
)
@pytest.mark.parametrize("signed", [False, True])
def test_no_more_bytes_than_needed(bits: int, input_bits: int, signed: bool, sizes: tuple[int, int]) -> None:
    """On the odd grid, where weights of 8 bits reach 255 and need the neuron of ones."""
    layer = network((30, 5), bits=bits).layers[0]
    codes = InputFormat(input_bits, signed)
    found = narrowest(layer, (codes.low, codes.high), Layout(16, octets=True, tiles=True))
    assert found is not None
    assert (found.code_bytes, found.weight_bytes) == sizes
    without = narrowest(layer, (codes.low, codes.high), Layout(16, octets=True))
    assert without is not None
    assert without.code_bytes == without.weight_bytes == max(sizes)


def test_lists_of_groups_leave_room_for_strips() -> None:
    """As many rows of two bytes a code, in whole tiles, as there are lists of groups of two codes."""
    for inputs in range(1, 300):
        assert 2 * (-(-inputs // 64) * 64) <= 4 * (-(-inputs // 2) + LIST_EXTRA)
