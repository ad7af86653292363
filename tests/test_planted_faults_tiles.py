"""Faults in the program that runs on matrix tiles, which emulated tiles must notice: see `planting`."""

import pytest
from planting import Fault, planted

pytestmark = pytest.mark.slow
PROGRAM = "tests/kernel/test_tile_program.py"
HALVES = "tests/kernel/test_tile_planes.py"
BY_PLACE = "qsim.kernel.dense.tile_planes.plane_strips.place_by_place"
FAULTS = [
    Fault(
        "the second tile of images is the first again",
        "qsim.kernel.dense.tiles._block.rows_of",
        "b.add(address, b.mul(second, pitch))",
        "address",
        PROGRAM,
    ),
    Fault(
        "a tile of images is not loaded again where another took its register",
        "qsim.kernel.dense.tiles._block.step",
        "held.get(tile) != i",
        "tile not in held",
        PROGRAM,
    ),
    Fault(
        "weights go on where the tile before ended, whatever the panel's width",
        "qsim.kernel.dense.tiles._block.step",
        "b.mul(groups, stride)",
        "b.mul(groups, ir.Constant(I64, BYTES))",
        PROGRAM,
    ),
    Fault(
        "a row does not end in zeros",
        "qsim.kernel.dense.tile_layer.align",
        "            target[k] = 0",
        "            target[k] = 1",
        PROGRAM,
    ),
    Fault(
        "images that fill no strip are left out",
        "qsim.kernel.dense.tile_layer.strips.on_tiles",
        "range(0, images, STRIP)",
        "range(0, images - rows + 1, STRIP)",
        PROGRAM,
    ),
    Fault(
        "tiles have fifteen rows",
        "qsim.kernel.dense.tiles.shapes",
        "bytes([ROWS] * TILES)",
        "bytes([ROWS - 1] * TILES)",
        PROGRAM,
    ),
    Fault("a place counts no more than the next", BY_PLACE, "256 if step", "1 if step", HALVES),
    Fault("high bytes of codes are unsigned", BY_PLACE, "2 * (i == 1)", "0", HALVES),
    Fault("low bytes of weights are signed", BY_PLACE, "(j == weights - 1)", "1", HALVES),
    Fault("high bytes of weights are the low ones", BY_PLACE, "j * groups", "0 * groups", HALVES),
    Fault("one of a place's two products is left out", BY_PLACE, "min(codes, place + 1)", "1", HALVES),
    Fault(
        "64-bit sums take the places above once more",
        BY_PLACE,
        "0 if row[p.CHUNK] else factor",
        "factor",
        HALVES,
    ),
    Fault(
        "high bytes of codes are the low ones",
        "qsim.kernel.dense.tile_planes.split",
        ">> 8 * plane",
        ">> 0 * plane",
        HALVES,
    ),
    Fault(
        "a row of bytes ends in what was there",
        "qsim.kernel.dense.tile_planes.split",
        "target[k] = 0",
        "pass",
        HALVES,
    ),
    Fault(
        "64-bit sums start from what was there",
        "qsim.kernel.dense.tile_planes.collect",
        "total[i] * factor + sums[i]",
        "total[i] * 256 + sums[i]",
        HALVES,
    ),
    Fault(
        "more inputs than 32 bits can sum go on tiles",
        "qsim.kernel.dense.packing.pack",
        "layer.inputs <= DEEPEST",
        "layer.inputs <= 2 * DEEPEST",
        HALVES,
    ),
]


test_an_untouched_copy_passes, test_a_broken_copy_fails = planted(FAULTS)
