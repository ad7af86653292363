"""The blocks are proved, and each proof finds the fault of its broken twin; q = 9 and 10 by enumeration."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from amaranth.lib.crc.catalog import CRC32_ETHERNET
from amaranth.sim import Simulator as AmaranthSimulator

from qsim import InputFormat, Layer, Model, spec
from qsim_rtl import Simulator
from qsim_rtl.proofs.proofs import PROOFS, prove

EVERYDAY = [
    proof for proof in PROOFS if not proof.name.startswith(tuple(f"multiply-accumulate, {q}" for q in "5678"))
]
LONG = [proof for proof in PROOFS if proof not in EVERYDAY]


def check(proof):
    found = prove(proof)
    assert found.base.holds, found.base
    assert found.step.holds, found.step
    assert not found.twin.holds, f"{proof.text} → {proof.broken} is not found"


@pytest.mark.parametrize("proof", EVERYDAY, ids=lambda proof: proof.name)
def test_the_block_is_proved_and_its_twin_is_not(proof):
    check(proof)


@pytest.mark.slow
@pytest.mark.parametrize("proof", LONG, ids=lambda proof: proof.name)
def test_the_other_widths_too(proof):
    check(proof)


@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
@pytest.mark.parametrize("bits", [9, 10])
def test_every_weight_times_every_code(bits, grid):
    """2^q neurons of one input, one for each weight, and all 256 codes: every product there is."""
    stored = np.arange(-(1 << bits - 1), 1 << bits - 1)
    weights = 2 * stored + 1 if grid == "odd" else stored
    assert weights.tolist() == [spec.weight(s, grid) for s in stored.tolist()]
    bias = np.arange(len(stored)) % 7 - 3
    model = Model([Layer(weights[:, None], bias, bits, grid=grid)], InputFormat(8))
    codes = np.arange(256)[:, None]
    result = Simulator(model, pe=16, optimize=0).run(codes)
    assert np.array_equal(result.logits, codes * weights + bias)


def test_the_crc_that_a_load_is_checked_by():
    """Affine in its state and its word, so messages of one bit decide; the proofs take it for granted."""
    crc = CRC32_ETHERNET(data_width=32).create()
    bits = [1 << k for k in range(32)]
    messages = [(0, 0), *((bit, 0) for bit in bits), *((0, bit) for bit in bits)]

    async def drive(ctx):
        for message in messages:
            ctx.set(crc.start, 1)
            await ctx.tick()
            ctx.set(crc.start, 0)
            ctx.set(crc.valid, 1)
            for word in message:
                ctx.set(crc.data, word)
                await ctx.tick()
            ctx.set(crc.valid, 0)
            assert ctx.get(crc.crc) == zlib.crc32(struct.pack("<2I", *message))

    simulator = AmaranthSimulator(crc)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()


@pytest.mark.parametrize("levels", range(1, 5))
def test_between_its_neighbours_means_counted(levels):
    """In every sorted list of small numbers the code that the proofs bracket is the specification's count."""
    from itertools import combinations_with_replacement

    for row in combinations_with_replacement(range(-2, 3), levels):
        for acc in range(-3, 4):
            codes = [
                c
                for c in range(levels + 1)
                if (c == 0 or row[c - 1] <= acc) and (c == levels or acc < row[c])
            ]
            assert codes == [spec.activate(acc, row)]
