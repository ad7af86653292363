"""The list of proofs, and what became of one."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from amaranth.hdl import Module

from ..shape.loadable import MemoryShape
from . import (
    argmax,
    axi,
    axi_control,
    axi_drain,
    axi_gearbox,
    axi_lite,
    axi_load,
    axi_slice,
    crossbar_combine,
    crossbar_converter,
    crossbar_shift_add,
    dense,
    frame_buffer,
    interrupt,
    lanes,
    threshold,
    unrolled_serial,
    wishbone,
)
from .fault import planted
from .shapes import layer, tiles
from .solver import Answer, Question

TWIN_CYCLES = 20  # by then the fault of each twin must have shown


@dataclass(frozen=True)
class Proof:
    """One claim about one block.

    `harness(module)` builds the question from the module that holds the block. `text` of the
    module's code becomes `broken` in its twin (see `fault.planted`), which `small` asks about if it is given.
    Induction goes from `cycles` cycles in which the assertions hold to the next.
    """

    name: str
    block: str
    harness: Callable[[Any], Module]
    text: str
    broken: str
    small: Callable[[Any], Module] | None = None
    cycles: int = 1


@dataclass(frozen=True)
class Outcome:
    """What came of a proof: from reset, by induction, and on its twin, with the seconds of each half."""

    base: Answer
    step: Answer
    twin: Answer
    seconds: float
    twin_seconds: float

    @property
    def proved(self) -> bool:
        """Whether the claim holds in every reachable state, and the proof can fail."""
        return self.base.holds and self.step.holds and not self.twin.holds


def prove(proof: Proof) -> Outcome:
    """Prove a claim, and find the fault of its twin.

    Raises
    ------
    QsimError
        If a tool is missing or fails.
    """
    base, step, seconds = _holds(proof.harness, proof.block, proof.cycles)
    started = time.perf_counter()
    twin = Question((proof.small or proof.harness)(broken(proof)), inside=False).reached(TWIN_CYCLES)
    return Outcome(base, step, twin, seconds, time.perf_counter() - started)


@cache
def _holds(harness: Callable[[Any], Module], block: str, cycles: int) -> tuple[Answer, Answer, float]:
    """From reset and by induction, with the seconds; asked once for all twins of a harness."""
    started = time.perf_counter()
    question = Question(harness(importlib.import_module(f"qsim_rtl.gateware.{block}")))
    return question.reached(cycles + 1), question.induced(cycles), time.perf_counter() - started


def broken(proof: Proof) -> ModuleType:
    """The module of a proof's block with one thing changed."""
    *folders, name = proof.block.split(".")
    source = Path(__file__).parents[1].joinpath("gateware", *folders, f"{name}.py").read_text()
    module = ModuleType(f"qsim_rtl.gateware.broken_{proof.block}")
    module.__package__ = ".".join(["qsim_rtl", "gateware", *folders])
    exec(compile(planted(source, "", proof.text, proof.broken), proof.block, "exec"), module.__dict__)
    return module


def _summed(bits: int, grid: str) -> Proof:
    """Two products a cycle of q-bit weights and 8-bit codes; the twin differs with the grid."""
    shape = layer(bits=bits, grid=grid, code_bits=8, inputs=2, simd=2, accumulator_bits=24)
    twins = {
        "odd": ("Cat(Const(1, 1), weight).as_signed()", "Cat(Const(1, 1), weight)"),
        "twos_complement": ("Mux(stage.first, bias[p], acc)", "acc"),
    }
    name = f"multiply-accumulate, {bits}-bit {grid} weights"
    return Proof(name, "dense", partial(dense.summed, shape=shape), *twins[grid])


WIDE = layer(levels=255, accumulator_bits=20)
SHARED = layer(levels=255, accumulator_bits=20, shared_thresholds=True)
FEW = layer(levels=3, accumulator_bits=5, outputs=2)
UNEVEN = layer(inputs=5, simd=2, outputs=5, pe=2, code_bits=3)
LOADED = [MemoryShape("short", 5, 2), MemoryShape("long", 70, 3), MemoryShape("whole", 32, 2)]
WRITES = partial(axi_lite.writes, address_bits=7)
SIGNED_DIGITS = partial(unrolled_serial.multiplied, low=-2, high=1, interval=3)
WIDE_DIGITS = partial(unrolled_serial.multiplied, low=0, high=255, interval=2)
BITS = partial(unrolled_serial.multiplied, low=0, high=3, interval=99)
FEW_LISTS = partial(threshold.bracketed, shape=FEW)
PROOFS = [
    Proof(
        "class of one logit", "argmax", partial(argmax.largest, bits=20, outputs=1),
        "logit >= 0", "logit > 0",
    ),
    Proof(
        "first largest of ten logits", "argmax", partial(argmax.largest, bits=20, outputs=10),
        "(logit > best)", "(logit >= best)",
    ),
    Proof(
        "255 thresholds for each neuron", "threshold", partial(threshold.bracketed, shape=WIDE),
        "read.data.as_signed() <= acc", "read.data.as_signed() < acc", FEW_LISTS,
    ),
    Proof(
        "255 thresholds for all neurons", "threshold", partial(threshold.bracketed, shape=SHARED),
        "Cat(code, row)", "Cat(~code, row)", FEW_LISTS,
    ),
    Proof(
        "3 thresholds, stream", "threshold", partial(threshold.bracketed, shape=FEW),
        "advance.eq(self.o.ready | ~self.o.valid)", "advance.eq(1)",
    ),
    Proof(
        "codes side by side", "stream.packer", partial(lanes.packed, code_bits=8, simd=3),
        "self.o.ready | ~complete", "1",
    ),
    Proof(
        "into the next layer's buffer", "stream.packer",
        partial(lanes.stored, shape=layer(inputs=5, simd=2)),
        "self.o.ready | ~complete", "1",
    ),
    Proof(
        "frames of 3 beats", "frame_buffer", partial(frame_buffer.kept, shape=UNEVEN),
        "Cat(slot, write_bank)", "Cat(slot, read_bank)",
    ),
    Proof(
        "frames of 1 beat", "frame_buffer",
        partial(frame_buffer.kept, shape=layer(inputs=2, simd=2)),
        "ends | due | dropping, ends & due & ~dropping", "ends | due | dropping, ends & due",
    ),
    Proof(
        "frames that have their length", "frame_buffer",
        partial(frame_buffer.kept, shape=UNEVEN, checked=False),
        "(ends, ends)", "(ends, transfer)",
    ),
    Proof(
        "weights, codes and biases meet", "dense", partial(dense.addressed, shape=UNEVEN),
        "bias.addr.eq(loaded.group)", "bias.addr.eq(multiplied.group)",
    ),
    Proof(
        "accumulators leave", "dense", partial(dense.emitted, shape=layer(outputs=5, pe=3)),
        "advance.eq(serialize(", "advance.eq(1 | serialize(",
    ),
    Proof(
        "two registers in a stream", "stream.skid_buffer", partial(axi_slice.passed, width=8),
        "m.If(self.i_ready)", "m.If(self.i_valid)",
    ),
    Proof(
        "writes", "bus.axi_lite", WRITES,
        "addressed & filled & ~self.bus.bvalid", "addressed & filled",
    ),
    Proof(
        "reads", "bus.axi_lite", partial(axi_lite.reads, address_bits=7),
        "self.read | addressed | self.bus.rvalid", "self.read | addressed",
    ),
    Proof(
        "accesses", "bus.wishbone", partial(wishbone.accesses, address_bits=7),
        "asked & (self.write | awaited)", "self.write | awaited",
    ),
    Proof(
        "no answer without a request", "bus.wishbone", partial(wishbone.accesses, address_bits=7),
        "asked & answered & ~refused", "answered & ~refused",
    ),
    Proof(
        "words of three memories, and their CRC", "bus.loader", partial(axi_load.written, shapes=LOADED),
        "address.eq(word)", "address.eq(0)",
    ),
    Proof(
        "packets leave whole", "bus.drain", partial(axi_drain.emptied, width=4),
        "self.flushing & ~begun", "self.flushing",
    ),
    Proof(
        "bytes become codes", "bus.gearbox", axi_gearbox.passed,
        "held[simd:]", "held[simd - 1:]",
    ),
    Proof(
        "a frame with a hole is dropped", "bus.gearbox", axi_gearbox.passed,
        "Mux(beat == due, last, every)", "last",
    ),
    Proof(
        "nothing in or out without a model", "bus.top", axi.closed,
        "control.hold | drain.flushing", "drain.flushing",
    ),
    Proof(
        "no frame begins while a load waits", "bus.top", axi.closed,
        "control.waiting & ~partial", "0",
    ),
    Proof(
        "no answer is withdrawn", "bus.top", axi.closed,
        "wiring.connect(m, drain.o, Ports(self, 'm_axis', drain.o.signature.flip()))",
        "m.d.comb += [self.m_axis_tdata.eq(drain.o.tdata), self.m_axis_tvalid.eq(drain.o.tvalid), "
        "drain.o.tready.eq(self.m_axis_tready | self.control.flush)]",
    ),
    Proof(
        "no model without a whole load and its CRC", "bus.control", axi_control.gated,
        "m.Elif(ended & right)", "m.Elif(ended)",
    ),
    Proof(
        "registers, counters, flags and refusals", "bus.control", axi_control.told,
        "Mux(clear, 0, counter +", "Mux(clear, counter, counter +",
    ),
    Proof(
        "registers to write are read as 0", "bus.control", axi_control.told,
        "m.Case(*(register.address for register in REGISTERS if register.access == WRITE))", "m.Case(0)",
    ),
    Proof(
        "events are kept until they are cleared", "bus.interrupt", interrupt.kept,
        "kept | self.events", "(self.pending | self.events) & ~(self.data & self.clear.replicate(2))",
    ),
    Proof(
        "what raises the interrupt line", "bus.control", axi_control.told,
        "Cat(*raised.values()).any() | refused", "refused",
    ),
    Proof(
        "no ready depends on a valid", "bus.axi_lite", WRITES,
        "self.bus.awready.eq(~addressed)", "self.bus.awready.eq(self.bus.wvalid & ~addressed)",
    ),
    Proof(
        "codes and their values", "crossbar.converter", partial(crossbar_converter.converted, shape=tiles()),
        "kept * transfer.step", "code * transfer.step",
    ),
    Proof(
        "sums of shifted values", "crossbar.shift_add", partial(crossbar_shift_add.summed, shape=tiles()),
        "Mux(self.place.starts_group, 0, fine)", "fine",
    ),
    Proof(
        "columns joined", "crossbar.reference", partial(crossbar_combine.joined, shape=tiles()),
        "(1 << shape.unit_bits >> 1)", "0",
    ),
    Proof(
        "products by digits of two bits", "unrolled.serial", SIGNED_DIGITS,
        "else reached & more", "else reached", cycles=12,
    ),
    Proof(
        "products by digits of six bits", "unrolled.serial", WIDE_DIGITS,
        "a + b + carry", "a + b", cycles=12,
    ),
    Proof(
        "products by bits", "unrolled.serial", BITS,
        "before & more.replicate(self.digit_bits)", "before", cycles=14,
    ),
    *(_summed(bits, grid) for bits in range(1, 9) for grid in ("odd", "twos_complement")),
]  # fmt: skip
