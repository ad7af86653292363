"""`qsim_load` of the exported `qsim.h`, compiled as C, against the RTL in this process."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest
from examples import expected
from random_models import random_codes, random_model

from qsim_rtl.export import texts
from qsim_rtl.export.folder import Settings, describe
from qsim_rtl.gateware.bus.registers import ADDRESS, MASK
from qsim_rtl.host.device import BusError, Device
from qsim_rtl.host.transport_simulated import SimulatedTransport
from qsim_rtl.memory.frames import encoded
from qsim_rtl.shape.loadable import Loadable, crc
from qsim_rtl.sim import toolchain

pytestmark = pytest.mark.usefixtures("compiler")
OLD, NEW = (random_model((4, 3), 2, [], seed=seed) for seed in (1, 2))
SHAPE = Loadable.of(OLD, 2, 2)
CODES = random_codes(OLD, 3)
LOADED, OTHER_ENGINE, TIMED_OUT, REFUSED, OTHER_DIGEST = range(5)
READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32)
SOURCE = """
#include <stdint.h>
static uint32_t (*read_word)(uint32_t);
static void (*write_word)(uint32_t, uint32_t);
#define QSIM_READ(engine, address) ((void)(engine), read_word(address))
#define QSIM_WRITE(engine, address, value) write_word(address, value)
#include "qsim.h"
int load(uint32_t (*reads)(uint32_t), void (*writes)(uint32_t, uint32_t), const uint32_t *words,
         uint32_t count, uint32_t crc32, uint32_t patience) {
  read_word = reads;
  write_word = writes;
  return qsim_load(0, words ? words : qsim_model, count, crc32, patience);
}
"""
MAPPED = """#include "qsim.h"
int load(volatile uint32_t *engine) { return qsim_load(engine, qsim_model, 1, 2, 3); }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")
    paths = {memory.name: memory.name for memory in SHAPE.memories}
    manifest = describe(NEW, SHAPE, Settings(2, 2, None, 1, "qsim"), paths)
    header = texts.files(manifest, SHAPE.words(NEW).tolist())["qsim.h"]
    (folder / "qsim.h").write_text(header)
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    for name, source in (("load", SOURCE), ("mapped", MAPPED)):
        (folder / f"{name}.c").write_text(source)
        command = [*toolchain.cc(), *flags, folder / f"{name}.c", "-o", folder / f"{name}.so"]
        toolchain.run(command, timeout=300)
    return ctypes.CDLL(str(folder / "load.so"))


class Engine:
    """The simulated engine with the old model, behind C's two functions; `told` sees each access first."""

    def __init__(self, library) -> None:
        self.library, self.transport = library, SimulatedTransport(SHAPE, OLD)
        self.device = Device(self.transport, SHAPE, OLD)
        self.refusals = 0
        self.written: list[int] = []
        self.told: Callable[[str, int], None] = lambda access, address: None
        self.seen: dict[int, int] = {}  # what a register shows instead

    def load(self, words=None, count=None, check=None, patience=50) -> int:
        image = SHAPE.words(NEW) if words is None else words
        given = np.ascontiguousarray(image, np.uint32)
        return self.library.load(
            READ(self._read), WRITE(self._write), given.ctypes.data_as(ctypes.c_void_p),
            len(given) if count is None else count, crc(image) if check is None else check, patience,
        )  # fmt: skip

    def _read(self, address: int) -> int:
        self.told("read", address)
        return self.seen.get(address, self.transport.read(address))

    def _write(self, address: int, value: int) -> None:
        self.told("write", address)
        self.written.append(address)
        try:
            self.transport.write(address, np.array([value], np.uint32))
        except BusError:
            self.refusals += 1


@pytest.fixture
def engine(library):
    return Engine(library)


def answers_as(engine: Engine, model) -> None:
    Device(engine.transport, SHAPE, model)  # compares the digest
    engine.device.model = model
    assert np.array_equal(engine.device.logits(CODES), expected(model, CODES).logits)


def test_a_model_is_loaded_and_answers(engine):
    assert engine.load() == LOADED
    assert engine.refusals == 0
    answers_as(engine, NEW)


def test_flags_of_earlier_are_acknowledged_first(engine):
    for register in ("LOAD_DATA", "ID"):
        with pytest.raises(BusError):
            engine.transport.write(ADDRESS[register], np.array([0], np.uint32))
    assert engine.device.flags == ["OUT_OF_TURN", "ILLEGAL"]
    assert engine.load() == LOADED
    answers_as(engine, NEW)


def test_half_a_frame_inside_is_waited_for_but_not_for_ever(engine):
    data, last = encoded(SHAPE, CODES[:1])
    engine.transport.exchange(data[:1], last[:1], 0)
    assert engine.load(patience=20) == TIMED_OUT
    assert engine.refusals == 0
    assert ADDRESS["LOAD_DATA"] not in engine.written
    assert engine.device.digest == OLD.digest
    engine.transport.exchange(data[1:], last[1:], OLD.outputs)
    assert engine.load(patience=20) == LOADED
    answers_as(engine, NEW)


def test_a_load_that_another_ends_is_told(engine):
    def told(access: str, address: int) -> None:
        if engine.written.count(ADDRESS["LOAD_DATA"]) == 7 and access == "write":
            engine.told = lambda access, address: None
            engine.transport.write(ADDRESS["CONTROL"], np.array([MASK["CANCEL"]], np.uint32))

    engine.told = told
    assert engine.load() == REFUSED
    assert engine.written.count(ADDRESS["LOAD_DATA"]) == 8, "it goes on although it was refused"
    assert not engine.device.valid
    assert engine.load() == LOADED


@pytest.mark.parametrize("change", ["a word", "the CRC"])
def test_a_broken_image_leaves_no_model(engine, change):
    words = SHAPE.words(NEW)
    check = crc(words) ^ (change == "the CRC")
    words[12] ^= change == "a word"
    assert engine.load(words, check=check) == REFUSED
    assert engine.refusals == 0, "an answer with SLVERR aborts a program on ARM"
    assert not engine.device.valid
    assert engine.device.flags == ["WRONG_CRC"]


@pytest.mark.parametrize(
    ("register", "value"),
    [
        ("ID", 0),
        ("VERSION", 1 << 16 | 1),
        ("SHAPE", SHAPE.identity ^ 1),
        ("IMAGE_WORDS", SHAPE.image_words - 1),
    ],
)
def test_another_engine_is_not_written(engine, register, value):
    engine.seen = {ADDRESS[register]: value}
    assert engine.load() == OTHER_ENGINE
    assert engine.written == []


def test_another_count_of_words_is_not_written(engine):
    assert engine.load(count=SHAPE.image_words - 1) == OTHER_ENGINE
    assert engine.written == []


@pytest.mark.parametrize("word", range(8))
def test_the_digest_is_read_back(engine, word):
    engine.seen = {ADDRESS[f"DIGEST{word}"]: 0}
    assert engine.load() == OTHER_DIGEST
