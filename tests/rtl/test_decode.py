"""The decoder of memories has a geometry of its own: it agrees with the packer's, and a fault there shows."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from crossbar_models import Devices, tiled
from random_models import random_model

from qsim import QsimError
from qsim.model.crossbar import Mapping
from qsim.spec import geometry
from qsim_rtl.memory import column_order, crossbar, decode, dense
from qsim_rtl.memory.decode_geometry import DenseFacts, TileFacts, read_order, stated
from qsim_rtl.memory.pack import image
from qsim_rtl.shape.engine import EngineShape

DENSE = random_model((7, 5, 3), 3, 6, per_neuron=True, seed=3)
TILES = {
    "offset": tiled((5, 7), Mapping(2, 3, 2, 3, "offset", 3), Devices("stuck", "column"), input_bits=4),
    "differential": tiled((5, 4, 3), Mapping(3, 4, 2, 2, "differential", 3), Devices(), input_bits=4),
    "noise": tiled(
        (5, 3), Mapping(3, 4, 2, 2, "offset", 3), Devices("spread", "both", 1 << 17), input_bits=4
    ),
}
MODELS = {"dense": DENSE, **TILES}


def decoded(model, pe=2, simd=2) -> int:
    """How many values were compared."""
    shape = EngineShape.of(model, pe, simd)
    memories = {name: words.integers() for name, words in image(model, shape).items()}
    return decode.compare("", [asdict(layer) for layer in shape.layers], memories, model)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (2, 2), (3, 5)])
def test_what_is_packed_is_decoded(name, pe, simd):
    assert decoded(MODELS[name], pe, simd) > 20


def other_references(style, cols, outputs, output):
    """As `geometry.column_pair`, with the references of the first two tiles changed round."""
    positive, negative = PAIR(style, cols, outputs, output)
    first, second = cols - 1, 2 * cols - 1
    return positive, {first: second, second: first}.get(negative, negative)


PAIR, TREE, ORDER = geometry.column_pair, dense.tree, column_order.order


@pytest.mark.parametrize(
    ("name", "place", "attribute", "fault"),
    [
        ("offset", geometry, "column_pair", other_references),
        ("offset", crossbar, "order", lambda *given: ORDER(*given)[::-1]),
        ("differential", crossbar, "order", lambda *given: [(c ^ 1, j) for c, j in ORDER(*given)]),
        ("offset", crossbar, "tree", lambda *given: [stage[::-1] for stage in TREE(*given)]),
        ("noise", crossbar, "PARITY", 0),
        ("dense", dense, "tree", lambda rows, *given: TREE(rows[::-1], *given)),
    ],
)
def test_a_fault_of_the_packer_shows(name, place, attribute, fault, monkeypatch):
    decoded(MODELS[name])
    monkeypatch.setattr(place, attribute, fault)
    with pytest.raises(QsimError, match="does not hold what the model has there"):
        decoded(MODELS[name])


def test_a_memory_that_is_cut_short_is_told():
    shape = EngineShape.of(DENSE)
    memories = {name: words.integers()[:-1] for name, words in image(DENSE, shape).items()}
    with pytest.raises(QsimError, match="a memory of layer 0 has fewer words than its manifest states"):
        decode.compare("", [asdict(layer) for layer in shape.layers], memories, DENSE)
    memories |= {name: words.integers() for name, words in image(DENSE, shape).items() if "thr" in name}
    with pytest.raises(QsimError, match=r"layer0_weights.mem does not hold what"):
        decode.compare("", [asdict(layer) for layer in shape.layers], memories, DENSE)


def test_columns_are_read_as_they_lie():
    """By hand: five neurons on tiles of three columns, the last of which has one; and pairs."""
    assert read_order("offset", 3, 5) == ([2, 0, 1, 5, 3, 4, 7, 6], [-1, 0, 1, -1, 2, 3, -1, 4])
    assert read_order("differential", 4, 3) == ([1, 0, 3, 2, 5, 4], [-1, 0, -1, 1, -1, 2])


@pytest.mark.parametrize("name", MODELS)
def test_both_geometries_agree(name):
    for pe, simd in ((1, 1), (2, 2), (3, 5)):
        for layer in EngineShape.of(MODELS[name], pe, simd).layers:
            own = stated(DenseFacts, asdict(layer))
            assert (own.beats, own.groups, own.stages) == (layer.beats, layer.groups, layer.result_bits)
            tiles = layer.crossbar
            if tiles is None:
                continue
            facts = stated(TileFacts, asdict(tiles))
            found = facts.beats, facts.groups, facts.stages, facts.currents, facts.threshold_bits
            assert found == (
                tiles.beats, tiles.groups, tiles.adc_bits, tiles.current_range, tiles.threshold_bits,
            )  # fmt: skip
            assert facts.room * (tiles.slices if tiles.adc_each_slice else 1) == tiles.converter_rows


def test_a_manifest_without_a_number_is_told():
    (layer, *_) = EngineShape.of(DENSE).layers
    facts = asdict(layer)
    del facts["simd"]
    with pytest.raises(KeyError, match="simd"):
        stated(DenseFacts, facts)
    assert np.ceil(7 / 1) == stated(DenseFacts, asdict(layer)).beats
