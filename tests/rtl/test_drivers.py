"""The exported drivers, in C and for PYNQ: against the RTL in this process, and an unrolled engine's map."""

from __future__ import annotations

import ctypes
import sys
from importlib import util
from types import SimpleNamespace

import numpy as np
import pytest
from random_models import random_codes, random_model
from test_c_header import NEW, OLD, SHAPE

from qsim_rtl.export import drivers, texts, unrolled
from qsim_rtl.export.folder import Settings, describe
from qsim_rtl.gateware.bus.registers import ADDRESS, MAGIC, MASK, VERSION
from qsim_rtl.host.device import BusError
from qsim_rtl.host.transport_simulated import SimulatedTransport
from qsim_rtl.shape.loadable import crc
from qsim_rtl.shape.unrolled import UnrolledShape
from qsim_rtl.sim import toolchain

pytestmark = pytest.mark.usefixtures("compiler")
OK, NO_ENGINE, NO_MODEL, LATE, REFUSED, STREAM, NOT_LOADED = range(0, -7, -1)
CODES = random_codes(OLD, 5)
WIDE = random_model((7, 5, 3), (3, 2), [6], input_bits=5, signed=True, per_neuron=True, seed=3)
WIDE_CODES = random_codes(WIDE, 9)
READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)
MOVE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8))


class Port(ctypes.Structure):
    """The driver's `qsim_port`."""

    _fields_ = (
        ("context", ctypes.c_void_p),
        ("read", READ),
        ("write", WRITE),
        ("send", MOVE),
        ("receive", MOVE),
        ("patience", ctypes.c_uint32),
        ("errors", ctypes.c_uint32),
        ("detail", ctypes.c_int),
    )


def folded() -> tuple[dict, list[int]]:
    """The manifest of NEW's engine, and the words of its load."""
    paths = {memory.name: memory.name for memory in SHAPE.memories}
    return describe(NEW, SHAPE, Settings(2, 2, None, 1, "qsim"), paths), SHAPE.words(NEW).tolist()


def constant() -> tuple[dict, list[int]]:
    shape = UnrolledShape(7, 5, True, 3, 3, 12, 2, 0, 1, WIDE.digest)
    asked = {"name": "wide", "vectors": 1, "codes_a_beat": 3, "most_interval": 1, "control": "axi-lite"}
    return unrolled.describe(WIDE, shape, asked), []


class Rtl:
    """The simulated engine with the old model; a bus error aborts what caused it."""

    def __init__(self) -> None:
        self.transport, self.width = SimulatedTransport(SHAPE, OLD), SHAPE.input_width // 8
        self.beats = SHAPE.frame_beats

    def read(self, address: int) -> int:
        return self.transport.read(address)

    def write(self, address: int, value: int) -> None:
        self.transport.write(address, np.array([value], np.uint32))

    def send(self, frame: bytes, beats: int | None = None) -> None:
        data = np.frombuffer(frame, np.uint8).reshape(-1, self.width)[:beats]
        self.transport.exchange(data, np.arange(len(data)) == len(data) - 1, 0)

    def receive(self) -> bytes | None:
        none = np.empty((0, self.width), np.uint8), np.empty(0, np.uint8)
        data, last = self.transport.exchange(*none, SHAPE.engine.layers[-1].outputs)
        assert not len(last) or last[-1]
        return data.tobytes() if len(data) else None


class Constant:
    """What an unrolled engine says: its map, and one beat a frame, with the model's own logits."""

    def __init__(self) -> None:
        self.manifest, _ = constant()
        self.answers: list[bytes] = []
        self.words = {ADDRESS["ID"]: MAGIC, ADDRESS["VERSION"]: VERSION, ADDRESS["STATUS"]: MASK["VALID"]}
        self.words[ADDRESS["SHAPE"]] = int(self.manifest["shape_id"], 16)
        self.words |= {ADDRESS[f"DIGEST{k}"]: int(WIDE.digest[8 * k : 8 * k + 8], 16) for k in range(8)}

    def read(self, address: int) -> int:
        return self.words.get(address, 0)

    def write(self, address: int, value: int) -> None:
        if address == ADDRESS["CONTROL"] and value & MASK["FLUSH"]:
            self.answers.clear()

    def send(self, frame: bytes) -> None:
        width, beats = self.manifest["s_axis_tdata_bits"] // 8, self.manifest["frame_beats"]
        rows = [int.from_bytes(frame[width * k : width * k + width], "little") for k in range(beats)]
        raw = [row >> 5 * lane & 31 for row in rows for lane in range(3)][:7]
        logits = WIDE.logits(np.array([[code - 32 * (code > 15) for code in raw]]))
        lane, bits = self.manifest["logit_lane"], self.manifest["m_axis_tdata_bits"]
        word = int(logits.argmax()) << bits["logit"]
        word |= sum((int(logit) & (1 << lane) - 1) << lane * j for j, logit in enumerate(logits[0]))
        self.answers.append(word.to_bytes(sum(bits.values()) // 8, "little"))

    def receive(self) -> bytes | None:
        return self.answers.pop(0) if self.answers else None


KINDS = {"folded": (folded, Rtl, OLD, CODES), "unrolled": (constant, Constant, WIDE, WIDE_CODES)}


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """The driver of either style, compiled as strict C99."""
    found = {}
    for kind, (made, *_) in KINDS.items():
        folder = tmp_path_factory.mktemp(kind)
        manifest, words = made()
        name = manifest["name"]
        sources = texts.files(manifest, words) | drivers.files(manifest)
        for file in (f"{name}.h", f"{name}_driver.h", f"{name}_driver.c"):
            (folder / file).write_text(sources[file])
        flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        source, library = folder / f"{name}_driver.c", folder / "driver.so"
        toolchain.run([*toolchain.cc(), *flags, source, "-o", library], timeout=300)
        library = ctypes.CDLL(str(library))
        calls = ("open", "run", "interrupts", "happened", "replace")
        there = [call for call in calls if call != "replace" or kind == "folded"]
        found[kind] = SimpleNamespace(**{call: getattr(library, f"{name}_{call}") for call in there})
    return found


class Driver:
    """The compiled driver on an engine; `fails` and `deaf`: how its streams are; `reads`: of registers."""

    def __init__(self, libraries, kind: str) -> None:
        made, engine, self.model, self.codes = KINDS[kind]
        self.manifest, self.engine, self.calls = made()[0], engine(), libraries[kind]
        facts = drivers.layout(self.manifest)
        self.frame, self.result = facts["FRAME_BYTES"], facts["RESULT_BYTES"]
        self.fails = self.deaf = False
        self.reads = 0
        calls = READ(self._read), WRITE(self._write), MOVE(self._send), MOVE(self._receive)
        self.port = Port(None, *calls, 20, 0, 0)

    def _read(self, _, address):
        self.reads += 1
        return self.engine.read(address)

    def _write(self, _, address, value):
        self.engine.write(address, value)

    def _send(self, _, frame):
        if not self.deaf:
            self.engine.send(bytes(frame[: self.frame]))
        return 1

    def _receive(self, _, result):
        if self.fails:
            return -1
        given = self.engine.receive()
        if given is None:
            return 0
        assert len(given) == self.result
        ctypes.memmove(result, given, len(given))
        return 1

    def open(self) -> int:
        return self.calls.open(ctypes.byref(self.port))

    def run(self, codes=None) -> int:
        codes = np.ascontiguousarray(self.codes if codes is None else codes, np.int32)
        self.logits = np.full((len(codes), self.model.outputs), -1, np.int64)
        self.classes = np.full(len(codes), -1, np.int32)
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (codes, self.logits, self.classes)]
        return self.calls.run(ctypes.byref(self.port), pointers[0], len(codes), *pointers[1:])

    def answers_as(self, model) -> bool:
        return (self.logits == model.logits(self.codes)).all() and (
            self.classes == model.predict(self.codes)
        ).all()


@pytest.fixture(params=KINDS)
def driver(request, libraries):
    return Driver(libraries, request.param)


def test_images_are_answered_in_c(driver):
    assert driver.open() == (OK if driver.model is WIDE else NO_MODEL)  # the header's is the new one
    assert driver.run() == OK
    assert driver.answers_as(driver.model)


def test_streams_that_fail_or_say_nothing_are_given_up(driver):
    driver.open()
    driver.deaf, driver.reads = True, 0
    assert driver.run() == LATE
    assert driver.port.patience < driver.reads < driver.port.patience + 10
    driver.deaf, driver.fails = False, True
    assert driver.run() == STREAM
    driver.fails = False
    assert driver.run() == OK
    assert driver.answers_as(driver.model)


@pytest.mark.parametrize("register", ["ID", "VERSION", "SHAPE"])
def test_another_engine_is_told(register, libraries):
    driver = Driver(libraries, "unrolled")
    driver.engine.words[ADDRESS[register]] ^= 1
    assert driver.open() == NO_ENGINE


def test_a_model_is_replaced_in_c(libraries):
    driver = Driver(libraries, "folded")
    assert driver.open() == NO_MODEL
    port, none = ctypes.byref(driver.port), ctypes.c_void_p(None)
    assert driver.calls.replace(port, none, 0, 0) == OK
    assert driver.open() == OK
    assert driver.run() == OK
    assert driver.answers_as(NEW)
    words = SHAPE.words(OLD)
    given = ctypes.c_void_p(words.ctypes.data)
    assert driver.calls.replace(port, given, len(words), crc(words) ^ 1) == NOT_LOADED
    assert driver.run() == NO_MODEL
    assert driver.calls.replace(port, given, len(words), crc(words)) == OK
    assert driver.run() == OK
    assert driver.answers_as(OLD)


def test_a_frame_that_is_refused_is_told_and_the_line_rises(libraries):
    driver = Driver(libraries, "folded")
    driver.open()
    driver.calls.interrupts(ctypes.byref(driver.port), 1)
    whole = driver.engine.send
    driver.engine.send = lambda frame: whole(frame, 1)  # cut after a beat
    assert driver.run(CODES[:1]) == LATE
    assert driver.calls.happened(ctypes.byref(driver.port)) == 2
    driver.engine.send = whole
    assert driver.run() == OK
    assert driver.calls.happened(ctypes.byref(driver.port)) == 1
    assert driver.calls.happened(ctypes.byref(driver.port)) == 0
    driver.engine.write(ADDRESS["ID"], 0)  # QUIET: no bus error, a flag
    assert driver.run() == REFUSED
    assert driver.port.errors == MASK["ILLEGAL"]


class Buffer(np.ndarray):
    """What PYNQ's `allocate` gives."""

    def flush(self) -> None: ...

    def invalidate(self) -> None: ...


def allocate(shape, dtype):
    return np.zeros(shape, dtype).view(Buffer)


class Channel:
    """One way of PYNQ's DMA; a transfer ends when `step` says so."""

    def __init__(self, step) -> None:
        self.step, self.buffer, self.stops = step, None, 0

    def transfer(self, buffer) -> None:
        self.buffer = buffer

    @property
    def idle(self) -> bool:
        if self.buffer is not None and self.step(self.buffer):
            self.buffer = None
        return self.buffer is None

    def stop(self) -> None:
        self.buffer, self.stops = None, self.stops + 1

    def start(self) -> None: ...


class Dma:
    def __init__(self, engine) -> None:
        self.engine, self.deaf = engine, False
        self.sendchannel, self.recvchannel = Channel(self._send), Channel(self._receive)

    def _send(self, buffer) -> bool:
        if not self.deaf:
            self.engine.send(buffer.tobytes())
        return True

    def _receive(self, buffer) -> bool:
        given = self.engine.receive()
        if given is not None:
            buffer[:] = np.frombuffer(given, np.uint8)
        return given is not None


@pytest.fixture(params=KINDS)
def overlay(request, tmp_path):
    """The generated module, an engine, and the fake DMA before it."""
    made, engine, model, codes = KINDS[request.param]
    manifest, _ = made()
    path = tmp_path / f"{manifest['name']}_pynq.py"
    path.write_text(drivers.files(manifest)[path.name])
    spec = util.spec_from_file_location(path.stem, path)
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rtl = engine()
    return SimpleNamespace(module=module, rtl=rtl, dma=Dma(rtl), model=model, codes=codes)


def test_images_are_answered_under_pynq(overlay):
    assert "pynq" not in sys.modules
    engine = overlay.module.Engine(overlay.rtl, overlay.dma, allocate, seconds=0.2)
    assert engine.digest == overlay.model.digest
    for _ in range(2):
        logits, classes = engine.run(overlay.codes)
        assert (logits == overlay.model.logits(overlay.codes)).all()
        assert (classes == overlay.model.predict(overlay.codes)).all()
        overlay.dma.deaf = True
        with pytest.raises(overlay.module.EngineError, match=r"no answer: 0\.2 s have gone by"):
            engine.run(overlay.codes[:1])
        overlay.dma.deaf = False
    assert overlay.dma.recvchannel.stops == 2
    with pytest.raises(overlay.module.EngineError, match="images are"):
        engine.run(overlay.codes[:, 1:])


@pytest.mark.parametrize("overlay", ["folded"], indirect=True)
def test_a_model_is_loaded_under_pynq(overlay):
    engine = overlay.module.Engine(overlay.rtl, overlay.dma, allocate, seconds=0.2)
    words = SHAPE.words(NEW)
    image = [*words.tolist(), crc(words)]
    with pytest.raises(overlay.module.EngineError, match="the load was refused: WRONG_CRC"):
        engine.load([*image[:-1], image[-1] ^ 1])
    assert "VALID" not in engine.status
    engine.load(image)
    logits, _ = engine.run(CODES)
    assert (logits == NEW.logits(CODES)).all()
    engine.write("ID", 0)
    overlay.dma.deaf = True
    with pytest.raises(overlay.module.EngineError, match="no answer: ILLEGAL"):
        engine.run(CODES)
    overlay.rtl.write(ADDRESS["QUIET"], 0)
    with pytest.raises(BusError):
        overlay.rtl.write(ADDRESS["ID"], 0)


@pytest.mark.parametrize("overlay", ["folded"], indirect=True)
def test_another_engine_is_refused_under_pynq(overlay):
    overlay.rtl.read = lambda address: 0
    with pytest.raises(overlay.module.EngineError, match="what answers is no such engine"):
        overlay.module.Engine(overlay.rtl, overlay.dma, allocate)
