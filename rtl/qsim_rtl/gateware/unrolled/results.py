"""Results of a pipeline that never stands still, kept until they are taken; no more is let in than fits."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

QUEUE_CYCLES = 2  # from `result_valid` to `o.valid`, if nothing waits


class Results(wiring.Component):
    """A queue behind a pipeline, and the permission to let something into the pipeline in front of it.

    Registers of the pipeline need no enable, which would have to reach all of them in one cycle: what
    enters has its place here from the start.

    Ports
    -----
    room : out, high if one more may enter
    enters : in, one enters; only while `room` is high
    result, result_valid : in, what leaves the pipeline, `latency` cycles after it entered
    o : stream of the results in order
    filled : out, something is in the pipeline or in the queue

    Parameters
    ----------
    bits : int
        Of a result.
    latency : int
        Of the pipeline; so many places and those for the ways through the queue and back keep it full.
    """

    def __init__(self, bits: int, latency: int) -> None:
        self.bits, self.places = bits, latency + QUEUE_CYCLES + 2
        super().__init__(
            {
                "room": Out(1, init=1),
                "enters": In(1),
                "result": In(bits),
                "result_valid": In(1),
                "o": Out(stream.Signature(bits)),
                "filled": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=self.bits, depth=self.places)
        promised = Signal(range(self.places + 1))
        taken = self.o.valid & self.o.ready
        m.d.comb += [
            self.filled.eq(promised != 0),
            queue.w_data.eq(self.result),
            queue.w_en.eq(self.result_valid),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        with m.If(self.enters & ~taken):
            m.d.sync += promised.eq(promised + 1)
        with m.Elif(taken & ~self.enters):
            m.d.sync += promised.eq(promised - 1)
        m.d.sync += self.room.eq(promised < self.places - 1)  # one may enter before this is seen
        return m
