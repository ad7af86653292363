"""An engine on AXI, spoken to by cocotbext-axi: models one after another, refusals, stalls, resets."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotb_streams import Dut
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

import qsim
from qsim_rtl.gateware.bus.registers import ADDRESS, BOTH, INTERRUPTS, MASK, REGISTERS, WRITE
from qsim_rtl.memory.frames import decoded, encoded
from qsim_rtl.shape.loadable import Loadable, crc

SETTINGS = json.loads(Path(os.environ["SCENARIO"]).read_text())
MODELS = [qsim.load(path) for path in SETTINGS["models"]]
CODES = np.array(SETTINGS["codes"])
SHAPE = Loadable.of(MODELS[0], SETTINGS["pe"], SETTINGS["simd"], SETTINGS["bits"])
OUTPUTS = MODELS[0].outputs


def pauses(share: float, seed: int) -> Iterator[bool]:
    chance = random.Random(seed)
    while True:
        yield chance.random() < share


class Host:
    """One end of all three buses."""

    def __init__(self, dut: Dut) -> None:
        self.dut = dut
        common = (dut.aclk, dut.aresetn, False)
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), *common)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), *common)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), *common)
        for end in (self.lite.write_if, self.lite.read_if, self.source, self.sink):
            end.log.setLevel("WARNING")  # it names every access otherwise

    async def start(self, stall: float = 0.0) -> Host:
        Clock(self.dut.aclk, 2, unit="ns").start()
        channels = (self.lite.write_if, self.lite.read_if)
        if stall:
            ends = [self.source, self.sink, channels[0].aw_channel, channels[0].w_channel]
            ends += [channels[0].b_channel, channels[1].ar_channel, channels[1].r_channel]
            for seed, end in enumerate(ends):
                end.set_pause_generator(pauses(stall, seed))
        await self.reset()
        return self

    async def reset(self, cycles: int = 2) -> None:
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, cycles)
        self.dut.aresetn.value = 1
        await RisingEdge(self.dut.aclk)

    async def read(self, register: str) -> int:
        answer = await with_timeout(self.lite.read(ADDRESS[register], 4), 10, "us")
        assert answer.resp == AxiResp.OKAY, f"{register}: {answer.resp.name}"
        return int.from_bytes(answer.data, "little")

    async def write(self, register: str, *words: int) -> AxiResp:
        data = [int(word).to_bytes(4, "little") for word in words]
        answers = [await with_timeout(self.lite.write(ADDRESS[register], d), 10, "us") for d in data]
        return max((answer.resp for answer in answers), default=AxiResp.OKAY)

    async def refused(self, register: str, *words: int) -> None:
        assert await self.write(register, *words) == AxiResp.SLVERR, register

    async def load(self, model: qsim.Model) -> None:
        words = SHAPE.words(model)
        assert await self.write("CONTROL", MASK["LOAD"]) == AxiResp.OKAY
        assert await self.write("LOAD_DATA", *words) == AxiResp.OKAY
        assert await self.write("LOAD_CRC", crc(words)) == AxiResp.OKAY

    async def send(self, codes: np.ndarray) -> None:
        data, last = encoded(SHAPE, codes)
        for frame in np.split(data, np.flatnonzero(last)[:-1] + 1):
            await self.source.send(AxiStreamFrame(frame.tobytes()))

    async def take(self, images: int) -> tuple[np.ndarray, np.ndarray]:
        frames = [bytes((await with_timeout(self.sink.recv(), 400, "us")).tdata) for _ in range(images)]
        width = sum(SHAPE.result_widths) // 8
        assert [len(frame) for frame in frames] == [OUTPUTS * width] * images
        logits, classes = decoded(SHAPE, np.frombuffer(b"".join(frames), np.uint8).reshape(-1, width))
        return logits.reshape(images, -1), classes.reshape(images, -1)[:, -1]

    async def answers_as(self, model: qsim.Model, images: int) -> None:
        """Every logit and class of so many images, and nothing after them."""
        await self.send(CODES[:images])
        logits, classes = await self.take(images)
        assert np.array_equal(logits, qsim.spec.logits(model, CODES[:images].tolist()))
        assert np.array_equal(classes, qsim.spec.predict(model, CODES[:images].tolist()))
        await self.silent()

    async def silent(self) -> None:
        await ClockCycles(self.dut.aclk, 2 * SHAPE.engine.timing().latency)
        assert self.sink.empty(), "a result that nobody asked for"

    async def status(self) -> set[str]:
        value = await self.read("STATUS")
        return {name for name, mask in MASK.items() if name not in CONTROLS and value & mask}


CONTROLS = {"LOAD", "CLEAR", "ACKNOWLEDGE", "FLUSH", "CANCEL"}


@cocotb.test()
async def three_models_one_after_another(dut: Dut) -> None:
    host = await Host(dut).start(stall=0.1)
    assert await host.status() == {"VALID"}
    for model in (*MODELS[1:], MODELS[0]):
        await host.load(model)
        digest = "".join([f"{await host.read(f'DIGEST{i}'):08x}" for i in range(8)])
        assert digest == model.digest
        await host.answers_as(model, len(CODES))
    assert await host.read("IMAGES") == 3 * len(CODES)
    assert await host.status() == {"VALID"}


@cocotb.test()
async def a_load_that_is_not_whole_leaves_no_model(dut: Dut) -> None:
    host = await Host(dut).start()
    await host.load(MODELS[0])
    words = SHAPE.words(MODELS[1])
    flipped = words.copy()
    flipped[len(words) // 2] ^= 1 << 7
    digest = words.copy()
    digest[3] ^= 1
    for sent, sum_, flag in (
        (words[:40], crc(words[:40]), "OUT_OF_TURN"),
        (words[:-1], crc(words), "OUT_OF_TURN"),
        (words, crc(words) ^ 1, "WRONG_CRC"),
        (flipped, crc(words), "WRONG_CRC"),
        (digest, crc(words), "WRONG_CRC"),
    ):
        assert await host.write("CONTROL", MASK["LOAD"]) == AxiResp.OKAY
        assert await host.write("LOAD_DATA", *sent) == AxiResp.OKAY
        await host.send(CODES[:1])
        assert await host.status() == {"LOADING"}
        await host.refused("LOAD_CRC", sum_)
        assert await host.status() == {flag}
        assert await host.read("DIGEST0") == 0
        await host.silent()
        await host.load(MODELS[1])
        assert (await host.take(1))[0].tolist() == qsim.spec.logits(MODELS[1], CODES[:1].tolist())
        assert await host.write("CONTROL", MASK["ACKNOWLEDGE"]) == AxiResp.OKAY
        assert await host.status() == {"VALID"}
    await host.write("CONTROL", MASK["LOAD"])
    await host.write("LOAD_DATA", *words)
    await host.refused("LOAD_DATA", 0)
    await host.refused("LOAD_CRC", crc(words))
    assert await host.status() == {"OUT_OF_TURN"}


@cocotb.test()
async def what_is_refused_leaves_the_old_model(dut: Dut) -> None:
    host = await Host(dut).start()
    await host.load(MODELS[0])
    words = SHAPE.words(MODELS[1])

    await host.write("CONTROL", MASK["LOAD"])  # an image for another engine
    await host.refused("LOAD_DATA", int(words[0]) ^ 1)
    assert await host.status() == {"VALID", "WRONG_SHAPE"}
    await host.answers_as(MODELS[0], 3)

    await host.refused("LOAD_DATA", int(words[0]))  # no load was begun
    await host.refused("LOAD_CRC", crc(words))
    assert await host.status() == {"VALID", "WRONG_SHAPE", "OUT_OF_TURN"}
    await host.write("CONTROL", MASK["ACKNOWLEDGE"])


@cocotb.test()
async def a_load_takes_its_turn(dut: Dut) -> None:
    host = await Host(dut).start()
    await host.load(MODELS[0])
    host.sink.pause = True  # frames stay inside
    await host.send(CODES[:5])
    await ClockCycles(dut.aclk, 50)
    assert await host.write("CONTROL", MASK["LOAD"]) == AxiResp.OKAY
    for _ in range(20):
        assert await host.status() == {"VALID", "BUSY", "WAITING"}
        await ClockCycles(dut.aclk, 37)
    host.sink.pause = False
    while "LOADING" not in await host.status():
        pass
    taken = await host.read("IMAGES")
    assert 0 < taken < 5, "the next frames wait outside"
    words = SHAPE.words(MODELS[1])
    assert await host.write("LOAD_DATA", *words) == AxiResp.OKAY
    assert await host.write("LOAD_CRC", crc(words)) == AxiResp.OKAY
    logits, _ = await host.take(5)
    assert logits[:taken].tolist() == qsim.spec.logits(MODELS[0], CODES[:taken].tolist())
    assert logits[taken:].tolist() == qsim.spec.logits(MODELS[1], CODES[taken:5].tolist())


@cocotb.test()
async def half_a_frame_keeps_the_engine_busy_until_it_is_flushed(dut: Dut) -> None:
    host = await Host(dut).start()
    await host.load(MODELS[0])
    dut.s_axis_tlast.value = 0
    beats, _ = encoded(SHAPE, CODES[:1])
    host.source.pause = True
    await host.source.send(AxiStreamFrame(beats.tobytes()))
    host.source.pause = False
    await ClockCycles(dut.aclk, 3)
    host.source.pause = True
    await ClockCycles(dut.aclk, 3)
    await host.write("CONTROL", MASK["LOAD"])
    assert await host.status() == {"VALID", "BUSY", "WAITING"}
    await host.write("CONTROL", MASK["CANCEL"])
    assert await host.status() == {"VALID", "BUSY"}
    await host.write("CONTROL", MASK["FLUSH"])
    assert await host.status() == {"VALID"}
    host.source.pause = False  # what is left of the frame is too short
    await host.silent()
    assert await host.read("SHORT_FRAMES") == 1
    await host.load(MODELS[1])
    await host.answers_as(MODELS[1], 2)


@cocotb.test()
async def accesses_that_the_map_does_not_have(dut: Dut) -> None:
    host = await Host(dut).start()
    await host.load(MODELS[0])
    mapped = {register.address: register.access for register in REGISTERS}
    for address in [address for address, access in mapped.items() if access == WRITE]:
        answer = await host.lite.read(address, 4)
        assert (answer.resp, answer.data) == (AxiResp.OKAY, bytes(4)), hex(address)
    assert await host.status() == {"VALID"}
    for address in range(0, 128, 4):
        if mapped.get(address) not in (WRITE, BOTH):
            assert (await host.lite.write(address, bytes(4))).resp == AxiResp.SLVERR, hex(address)
        if address not in mapped:
            assert (await host.lite.read(address, 4)).resp == AxiResp.SLVERR, hex(address)
    for length in (1, 2, 3):
        answer = await host.lite.write(ADDRESS["CONTROL"], b"\xff" * length)
        assert answer.resp == AxiResp.SLVERR
    assert await host.status() == {"VALID", "ILLEGAL"}
    await host.write("CONTROL", MASK["ACKNOWLEDGE"])
    assert await host.status() == {"VALID"}
    await host.answers_as(MODELS[0], 3)


@cocotb.test()
async def wrong_frames_are_counted_and_disturb_no_other(dut: Dut) -> None:
    host = await Host(dut).start(stall=0.3)
    await host.load(MODELS[0])
    chance, wanted, kinds = random.Random(5), [], {"short": 0, "long": 0}
    for codes in CODES[:40]:
        frame = encoded(SHAPE, codes[None])[0].tobytes()
        width = SHAPE.input_width // 8
        kind = chance.choice(["right", "right", "short", "long"])
        if kind == "short":
            frame = frame[: width * chance.randrange(1, len(frame) // width)]
        elif kind == "long":
            frame += bytes(width * chance.randrange(1, 30))
        else:
            wanted.append(codes.tolist())
        kinds[kind] = kinds.get(kind, 0) + 1
        await host.source.send(AxiStreamFrame(frame))
    logits, _ = await host.take(len(wanted))
    assert logits.tolist() == qsim.spec.logits(MODELS[0], wanted)
    await host.silent()
    counted = [await host.read(name) for name in ("IMAGES", "SHORT_FRAMES", "LONG_FRAMES")]
    assert counted == [len(wanted), kinds["short"], kinds["long"]]
    assert await host.status() == {"VALID"}
    await host.write("CONTROL", MASK["CLEAR"])
    assert [await host.read(name) for name in ("IMAGES", "CYCLES", "LONG_FRAMES")] == [0, 0, 0]


@cocotb.test()
async def a_reset_anywhere(dut: Dut) -> None:
    host = await Host(dut).start()
    await host.load(MODELS[0])
    for cycles in (1, 5, 9, 40, 90, 150, 211, 300):  # in the middle of frames
        await host.send(CODES[:4])
        await ClockCycles(dut.aclk, cycles)
        await host.reset()
        host.source.clear()
        host.sink.clear()
        assert await host.status() == {"VALID"}
        await host.answers_as(MODELS[0], 2)
    words = SHAPE.words(MODELS[1])
    for count in (0, 1, 2, 3, 30, len(words) - 1, len(words)):  # in the middle of a load
        await host.load(MODELS[0])
        await host.write("CONTROL", MASK["LOAD"])
        await host.write("LOAD_DATA", *words[:count])
        await host.reset()
        status = await host.status()
        assert status == ({"VALID"} if count <= 1 else set())
        if count <= 1:
            await host.answers_as(MODELS[0], 2)
        else:
            await host.refused("LOAD_CRC", crc(words))
            assert await host.status() == {"OUT_OF_TURN"}
            assert await host.read("DIGEST1") == 0
            await host.write("CONTROL", MASK["ACKNOWLEDGE"])


@cocotb.test()
async def a_host_that_waits_for_the_interrupt(dut: Dut) -> None:
    """Under stalls on every channel: the line is high if and only if an enabled event waits; none is lost."""
    host = await Host(dut).start(stall=0.3)
    done, error = (bit.mask for bit in INTERRUPTS)
    await host.load(MODELS[0])
    await host.write("INTERRUPT_ENABLE", done | error)
    assert not dut.irq.value
    await host.send(CODES[:20])
    answered = 0
    while answered < 20:
        if not dut.irq.value:
            await with_timeout(RisingEdge(dut.irq), 10, "us")
        assert await host.read("INTERRUPT_PENDING") == done
        await host.write("INTERRUPT_PENDING", done)
        answered = await host.read("IMAGES")
    await host.write("INTERRUPT_PENDING", done)  # of a frame that was answered before the counter was read
    assert not dut.irq.value
    assert len((await host.take(20))[0]) == 20
    await host.source.send(AxiStreamFrame(bytes(SHAPE.input_width // 8)))  # too short
    await with_timeout(RisingEdge(dut.irq), 10, "us")
    assert await host.read("INTERRUPT_PENDING") == error
    await host.reset()
    assert not dut.irq.value
