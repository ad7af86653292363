"""The register map of the bus: one table for the hardware, the driver, the C header and the README."""

from __future__ import annotations

from dataclasses import dataclass

from qsim.spec import dense as spec

from ...shape.identity import SCHEMA

MAGIC = 0x7173696D  # "qsim"
INTERFACE = 3  # a change of the map's meaning raises this number
VERSION = INTERFACE << 16 | SCHEMA << 8 | spec.VERSION
ADDRESS_BITS = 7
READ, WRITE, BOTH = "read", "write", "read, write"


@dataclass(frozen=True)
class Register:
    """A 32-bit word of the map; `access` is `READ`, `WRITE` (read as 0) or `BOTH`."""

    name: str
    address: int
    access: str
    text: str

    @property
    def writable(self) -> bool:
        return self.access in (WRITE, BOTH)


@dataclass(frozen=True)
class Bit:
    """One bit of CONTROL, of STATUS or of the interrupts."""

    name: str
    place: int
    text: str

    @property
    def mask(self) -> int:
        return 1 << self.place


REGISTERS = (
    Register("ID", 0x00, READ, f"0x{MAGIC:08x}, `qsim` in ASCII"),
    Register(
        "VERSION",
        0x04,
        READ,
        "of the interface in bits 31..16, of SHAPE in 15..8, of the arithmetic in 7..0",
    ),
    Register("SHAPE", 0x08, READ, "CRC-32 of the shape's description; the first word of every load"),
    Register("IMAGE_WORDS", 0x0C, READ, "words of a complete load, the CRC not counted"),
    Register("CONTROL", 0x10, WRITE, "commands, see below"),
    Register("STATUS", 0x14, READ, "state and flags, see below"),
    Register("LOAD_DATA", 0x18, WRITE, "the next word of a load"),
    Register("LOAD_CRC", 0x1C, WRITE, "ends a load: CRC-32 of all its words, the lowest byte first"),
    Register("LOADED", 0x20, READ, "words of the current or last load taken so far"),
    Register("IMAGES", 0x24, READ, "frames answered"),
    Register("CYCLES", 0x28, READ, "clock cycles in which a frame was inside"),
    Register("SHORT_FRAMES", 0x2C, READ, "frames refused because TLAST came early"),
    Register("LONG_FRAMES", 0x30, READ, "frames refused because TLAST came late"),
    Register(
        "QUIET", 0x34, WRITE, "1: what is refused is answered with OKAY, flags alone tell; 0: with SLVERR"
    ),
    *(
        Register(
            f"DIGEST{i}",
            0x40 + 4 * i,
            READ,
            f"word {i} of the loaded model's sha256, 0 while there is none",
        )
        for i in range(8)
    ),
    Register(
        "INTERRUPT_PENDING", 0x60, BOTH, "what happened since it was last cleared; a 1 written clears the bit"
    ),
    Register(
        "INTERRUPT_ENABLE",
        0x64,
        BOTH,
        "which bits of INTERRUPT_PENDING drive the output `irq`; at first none",
    ),
)
CONTROL = (
    Bit("LOAD", 0, "begin a load once the frames that are inside are answered; no further frame is taken"),
    Bit("CLEAR", 1, "set all counters to 0"),
    Bit("ACKNOWLEDGE", 2, "clear all flags"),
    Bit(
        "FLUSH",
        3,
        "drop every frame inside, half-sent ones too, but one whose results have begun to leave",
    ),
    Bit("CANCEL", 4, "end a load that waits or lasts; the model stays if none of its words was replaced"),
)
STATUS = (
    Bit("VALID", 0, "a complete model is there"),
    Bit("LOADING", 1, "a load has begun and not ended; no frame is taken"),
    Bit("BUSY", 2, "a frame is inside, or partly"),
    Bit("WAITING", 3, "a load waits for the frames that are inside; no further frame is taken"),
    Bit("NO_SLVERR", 4, "what is refused is answered with OKAY"),
    Bit("OUT_OF_TURN", 9, "flag: LOAD_DATA or LOAD_CRC came without a load, too early or too late"),
    Bit("WRONG_CRC", 10, "flag: a load ended with another CRC than its words have"),
    Bit("WRONG_SHAPE", 11, "flag: a load began with another word than SHAPE; nothing was written"),
    Bit("ILLEGAL", 12, "flag: an access that the map does not have"),
    Bit("TORN", 13, "flag: a beat came in whose TKEEP is 0 for a byte that holds codes"),
    Bit(
        "MEMORY_CORRECTED",
        14,
        "flag: a flipped bit in a protected word of weights was put right as it was read",
    ),
    Bit("MEMORY_FAILED", 15, "flag: a protected word of weights is wrong and cannot be put right"),
)
INTERRUPTS = (
    Bit("DONE", 0, "a frame was answered: the last beat of its result was taken"),
    Bit("ERROR", 1, "a flag of STATUS was raised, or a frame refused for its length"),
)
ADDRESS = {register.name: register.address for register in REGISTERS}
MASK = {bit.name: bit.mask for bit in (*CONTROL, *STATUS)}
PLACE = {bit.name: bit.place for bit in (*CONTROL, *STATUS)}
MEMORY_FLAGS = ("MEMORY_CORRECTED", "MEMORY_FAILED")  # raised by the engine, not by what comes on the bus
FLAGS = tuple(bit.name for bit in STATUS if bit.place >= 8)
