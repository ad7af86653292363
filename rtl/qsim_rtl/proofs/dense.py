"""Dense: the sum, the order in which weights and codes meet, and the way out."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Assert, Module, Mux, Signal, Value, signed

from ..shape.engine import LayerShape
from .opened import Opened, word
from .serial import in_turn
from .streams import anything


def _free(dense: Any, shape: LayerShape) -> tuple[Module, Opened, Any]:
    """A layer whose input and output are driven with anything."""
    m = Module()
    opened = Opened(m, dense.Dense(shape))
    block = opened.block
    anything(m, block.i.valid, block.i.payload, block.o.ready)
    return m, opened, block


def summed(dense: Any, shape: LayerShape) -> Module:
    """Any weights, codes, biases: acc = bias or acc + the sum of weight x code, by shifting and adding."""
    m, opened, block = _free(dense, shape)
    advance, multiplied = opened.submodule("buffer").read, opened.signal("multiplied")
    words, codes = opened.signal("loaded_weights"), opened.signal("loaded_codes")
    bias = block.bias.read_ports[0].data
    multiplies, adds = Signal(), Signal()
    with m.If(advance):
        m.d.sync += multiplies.eq(1)
    m.d.comb += adds.eq(advance & multiplies)
    width = shape.accumulator_bits
    for p in range(shape.pe):
        total = Signal(signed(width), name=f"total_{p}")
        terms: list[Value] = []
        for s in range(shape.simd):
            stored = words.word_select(p * shape.simd + s, shape.bits).as_signed()
            product = _product(shape, stored, codes.word_select(s, shape.code_bits))
            wanted = Signal.like(product, name=f"wanted_{p}_{s}")
            with m.If(advance):
                m.d.sync += wanted.eq(product)
            found = opened.signal(f"product_{p}_{s}")
            m.d.comb += Assert(~multiplies | (found == wanted), "a product is weight x code")
            terms.append(found)
        acc = opened.signal(f"acc_{p}")
        added = Signal(name=f"added_{p}")
        with m.If(adds):
            start = Mux(multiplied[0], bias.word_select(p, width).as_signed(), acc)
            m.d.sync += [total.eq(start + sum(terms)), added.eq(1)]
        m.d.comb += [
            Assert(~added | (acc == total), "an accumulator is the sum of its products"),
            Assert(~added | multiplies, "inside: products come before sums"),
        ]
    return m


def _product(shape: LayerShape, stored: Value, code: Value) -> Value:
    """weight x code out of shifted weights, one for each bit of the code."""
    weight = (stored << 1) + 1 if shape.grid == "odd" else stored
    *low, top = (Mux(code[k], weight << k, 0) for k in range(shape.code_bits))
    return sum(low) - top if shape.code_signed else sum(low) + top


def addressed(dense: Any, shape: LayerShape) -> Module:
    """Every beat of every group comes once, in order, with the weights and the bias that belong to it."""
    m, opened, block = _free(dense, shape)
    buffer = opened.submodule("buffer")
    advance = buffer.read
    beat, group = Signal(range(shape.beats)), Signal(range(shape.groups))
    ends_group, ends_frame, goes = Signal(), Signal(), Signal()
    address = block.weights.read_ports[0].addr
    m.d.comb += [
        goes.eq(advance & buffer.filled),
        ends_group.eq(beat == shape.beats - 1),
        ends_frame.eq(ends_group & (group == shape.groups - 1)),
        Assert(~buffer.filled | (buffer.beat == beat), "the beats are read in their order"),
        Assert(block.weights.read_ports[0].en == advance, "codes and weights move together"),
        Assert(buffer.release == (goes & ends_frame), "a frame is released with its last use"),
        Assert(address == group * shape.beats + beat, "the weights of group and beat are read"),
        Assert(opened.signal("group") == group, "inside: the group is counted"),
        Assert(buffer.beat == beat, "inside: the beat is counted"),
        Assert((beat < shape.beats) & (group < shape.groups), "inside: both stay in their range"),
    ]
    with m.If(goes):
        m.d.sync += beat.eq(Mux(ends_group, 0, beat + 1))
        with m.If(ends_group):
            m.d.sync += group.eq(Mux(ends_frame, 0, group + 1))
    valid, at, of = buffer.filled, beat, group
    flags = (ends_group, ends_frame)
    for name in ("fetched", "loaded", "multiplied"):
        there = Signal(name=f"valid_{name}")
        place, owner = Signal.like(at, name=f"beat_{name}"), Signal.like(of, name=f"group_{name}")
        ends = [Signal(name=f"ends_{k}_{name}") for k in range(2)]
        with m.If(advance):
            m.d.sync += [there.eq(valid), place.eq(at), owner.eq(of)]
            m.d.sync += [end.eq(valid & flag) for end, flag in zip(ends, flags, strict=True)]
        stage, ends_group = opened.signal(name), opened.signal(f"{name}_ends_group")
        same = (stage[0] == (place == 0)) & (stage[1] == ends[1]) & (stage[2:] == owner)
        m.d.comb += [
            Assert(ends_group == ends[0], "the end of a group is marked"),
            Assert(~there | same, "a stage's beat is marked as what it is, and of its group"),
            Assert((place < shape.beats) & (owner < shape.groups), "inside: a stage stays in its range"),
            Assert(there | ~(ends[0] | ends[1]), "inside: only a beat can end anything"),
        ]
        weights = word(m, block.weights, owner * shape.beats + place)
        if name == "fetched":
            found = block.weights.read_ports[0].data
            m.d.comb += Assert(~there | (found == weights), "the word read is the weights of the beat")
        elif name == "loaded":
            found = opened.signal("loaded_weights")
            m.d.comb += Assert(~there | (found == weights), "the word loaded is the weights of the beat")
        else:
            bias = block.bias.read_ports[0].data
            m.d.comb += Assert(~there | (bias == word(m, block.bias, owner)), "the bias is the group's")
        valid, at, of, flags = there, place, owner, (ends[0], ends[1])
    return m


def emitted(dense: Any, shape: LayerShape) -> Module:
    """A group's accumulators leave in order, each once, and none is overwritten before it has left."""
    m, opened, block = _free(dense, shape)
    ends_group, stage = opened.signal("accumulated_ends_group"), opened.signal("accumulated")
    advance = opened.submodule("buffer").read
    accs = [opened.signal(f"acc_{p}") for p in range(shape.pe)]
    in_turn(m, opened, block.o, accs, advance & ends_group, stage[1], shape.last_group)
    return m
