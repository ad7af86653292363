"""What tiles compute, on emulated tiles: the blocks and strips of a layer, whatever processor runs this."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import config, njit
from tile_emulation import BEYOND, FIRST, REFUSED, SIZE, SPOILT, Emulated, aligned
from tile_emulation import configure as configure_tiles
from tile_emulation import dot as dot_tiles
from tile_emulation import load as load_tile
from tile_emulation import release as release_tiles
from tile_emulation import store as store_tile

from qsim import InputFormat, Layer, Model
from qsim.kernel.dense import packing
from qsim.kernel.dense.memory import Rows
from qsim.kernel.dense.operands import Layout
from qsim.kernel.dense.tile_layer import strips
from qsim.kernel.dense.tiles import shapes

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="addresses need compiled code")
LANES = 16


@pytest.fixture(scope="module")
def layer_on_tiles() -> Any:
    """sums(rows, block, codes, pitch, images, room, acc): a layer's sums, int32; arrays are addresses."""
    on_tiles = strips(Emulated())

    @njit
    def run(rows, block, codes, pitch, images, room, acc):  # type: ignore[no-untyped-def]
        on_tiles(rows[0], block, Rows(codes, pitch), images, room, acc)

    return run


def sums_on_tiles(run: Any, layer: Layer, codes: np.ndarray) -> np.ndarray:
    """(images, outputs) of an unsigned 8-bit batch; looks whether memory around the results was touched."""
    plan = packing.pack(Model((layer,), InputFormat(8)), Layout(LANES, octets=True, tiles=True))
    assert plan is not None
    assert not plan.rows[0, packing.DOUBLED]
    groups, columns = plan.rows[0, packing.GROUPS], plan.rows[0, packing.VECTORS] * LANES
    padded = np.zeros((len(codes), 4 * groups), np.uint8)
    padded[:, : layer.inputs] = codes
    room = aligned(min(len(codes), 32) * -(-groups // 16) * 64 + 64, BEYOND)
    size = len(codes) * columns * 4
    memory = aligned(64 + size + 64, BEYOND)
    acc = memory[64 : 64 + size].view(np.int32).reshape(len(codes), columns)
    block, codes_at, room_at, acc_at = (each.ctypes.data for each in (plan.block, padded, room, acc))
    run(plan.rows, block, codes_at, 4 * groups, len(codes), room_at, acc_at)
    for outside in (memory[:64], memory[-64:], room[-64:]):
        assert (outside == BEYOND).all()
    return acc[:, : layer.outputs]


def layer_of(inputs: int, outputs: int, bits: int, seed: int) -> Layer:
    rng, half = np.random.default_rng(seed), 1 << bits - 1
    weights = rng.integers(-half, half, (outputs, inputs))
    return Layer(weights, rng.integers(-1000, 1000, outputs), bits, None, "twos_complement")


def random_bytes(images: int, inputs: int, seed: int) -> np.ndarray:
    codes = np.random.default_rng(seed).integers(0, 256, (images, inputs), np.uint8)
    codes[0], codes[-1] = 255, 0
    return codes


def check_layer(run: Any, layer: Layer, codes: np.ndarray) -> None:
    expected = codes.astype(np.int64) @ layer.weights.T + layer.bias
    assert (sums_on_tiles(run, layer, codes) == expected).all()


@pytest.mark.parametrize("outputs", [1, 15, 16, 17, 33, 48, 64, 100, 112, 113, 240])
def test_every_width_of_a_block(layer_on_tiles: Any, outputs: int) -> None:
    """One to three tiles of neurons, several blocks, several panels; 16 to 100 images."""
    for inputs, images in ((1, 16), (63, 31), (64, 32), (65, 33), (130, 100)):
        layer = layer_of(inputs, outputs, 8, outputs)
        check_layer(layer_on_tiles, layer, random_bytes(images, inputs, outputs))


@pytest.mark.parametrize("images", range(16, 66))
def test_every_number_of_images(layer_on_tiles: Any, images: int) -> None:
    check_layer(layer_on_tiles, layer_of(70, 40, 8, images), random_bytes(images, 70, images))


@pytest.mark.parametrize("inputs", [*range(1, 10), *range(55, 75), 784])
def test_every_end_of_a_row(layer_on_tiles: Any, inputs: int) -> None:
    """Groups and tiles that are partly filled: what lies behind is other weights, never other codes."""
    check_layer(layer_on_tiles, layer_of(inputs, 20, 8, inputs), random_bytes(20, inputs, inputs))


@settings(max_examples=150)
@given(
    st.integers(1, 150), st.integers(1, 130), st.integers(16, 70), st.integers(2, 8), st.integers(0, 10**6)
)
def test_any_layer(layer_on_tiles: Any, inputs: int, outputs: int, images: int, bits: int, seed: int) -> None:
    check_layer(layer_on_tiles, layer_of(inputs, outputs, bits, seed), random_bytes(images, inputs, seed))


def test_the_largest_sums(layer_on_tiles: Any) -> None:
    """Codes of 255 are unsigned, weights of -128 signed, and sums do not saturate on the way."""
    for weight in (-128, 127):
        layer = Layer(np.full((17, 784), weight), [0] * 17, 8, None, "twos_complement")
        check_layer(layer_on_tiles, layer, np.full((18, 784), 255, np.uint8))


# the emulation itself


def shaped(rows: int, width: int) -> bytes:
    """Tiles 0 to 2 for a product of rows x 4n bytes by n x width bytes."""
    config = bytearray(64)
    config[0] = 1
    for tile, (height, size) in enumerate(((rows, width), (rows, 4 * (width // 4)), (width // 4, width))):
        config[16 + 2 * tile], config[48 + tile] = size, height
    return bytes(config)


class Machine:
    """Emulated tiles whose state can be looked at."""

    def __init__(self, config: bytes) -> None:
        self.memory, self.config = np.full(SIZE, 255, np.uint8), np.frombuffer(config, np.uint8).copy()
        self.state = self.memory.ctypes.data
        configure_tiles(self.state, self.config.ctypes.data)

    @property
    def refused(self) -> bool:
        return bool(self.memory[REFUSED])

    def tile(self, number: int) -> np.ndarray:
        """(16, 64) bytes."""
        return self.memory[FIRST:].reshape(8, 16, 64)[number]


@pytest.mark.parametrize(("rows", "width"), [(16, 64), (1, 4), (5, 12), (16, 8), (3, 64)])
def test_emulated_products(rows: int, width: int) -> None:
    """Against sums of products written with the definition's four indices."""
    machine, rng, n = Machine(shaped(rows, width)), np.random.default_rng(rows), width // 4
    codes, weights = (rng.integers(0, 256, (16, 100), np.uint8) for _ in range(2))
    load_tile(machine.state, 1, codes.ctypes.data, 100)
    load_tile(machine.state, 2, weights.ctypes.data, 100)
    for _ in range(2):
        dot_tiles(machine.state, 1, 0, 1, 2)
    a = codes[:rows, : 4 * n].reshape(rows, n, 4).astype(np.int64)
    b = weights.view(np.int8)[:n, : 4 * n].reshape(n, n, 4).astype(np.int64)
    expected = np.zeros((16, 16), np.int64)
    expected[:rows, :n] = 2 * np.einsum("mki,kni->mn", a, b)
    assert (machine.tile(0).view(np.int32) == expected).all()
    stored = np.full((16, 80), BEYOND, np.uint8)
    store_tile(machine.state, 0, stored.ctypes.data, 80)
    assert (stored[:rows, :width] == machine.tile(0)[:rows, :width]).all()
    stored[:rows, :width] = BEYOND
    assert (stored == BEYOND).all()
    assert not machine.refused


def test_emulated_sums_wrap() -> None:
    machine = Machine(shaped(16, 64))
    machine.tile(0).view(np.int32)[:] = 2**31 - 1
    machine.tile(1)[:], machine.tile(2)[:] = 1, 1
    dot_tiles(machine.state, 1, 0, 1, 2)
    assert (machine.tile(0).view(np.int32) == -(2**31) + 63).all()


def test_a_row_loaded_sixteen_times() -> None:
    machine, row = Machine(shapes()), np.arange(64, dtype=np.uint8)
    load_tile(machine.state, 5, row.ctypes.data, 0)
    assert (machine.tile(5) == row).all()


@pytest.mark.parametrize("where", [0, 1, 2, 17, 33, 48, 56])
def test_wrong_shapes_are_refused(where: int) -> None:
    config = bytearray(shapes())
    assert not Machine(config).refused
    config[where] = 17
    assert Machine(config).refused


def test_wrong_operands_are_refused() -> None:
    for tiles in ((0, 0, 2), (0, 1, 1), (1, 1, 0)):
        machine = Machine(shapes())
        dot_tiles(machine.state, 1, *tiles)
        assert machine.refused
    machine = Machine(shaped(5, 12))
    dot_tiles(machine.state, 1, 0, 2, 1)
    assert machine.refused


def test_after_release_everything_is_refused() -> None:
    machine, out = Machine(shapes()), np.zeros((16, 64), np.uint8)
    release_tiles(machine.state)
    load_tile(machine.state, 0, out.ctypes.data, 64)
    assert machine.refused
    machine = Machine(shapes())
    dot_tiles(machine.state, 1, 0, 0, 0)
    store_tile(machine.state, 0, out.ctypes.data, 64)
    assert (out == SPOILT).all()
