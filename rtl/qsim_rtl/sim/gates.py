"""An ECP5 netlist as a program: LUTs of four inputs, each after those that it looks at, and registers.

The cells are those of yosys' `synth_ecp5`; what each does is in Lattice's *FPGA Libraries Reference Guide*.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError

Numbers = npt.NDArray[np.int32]
ZERO, ONE = 0, 1  # the first two signals


class Program(NamedTuple):
    """A netlist whose signals are numbers; signals 0 and 1 are the constants.

    `tables` (luts,): bit i is the output for inputs that spell i, the first input lowest; `inputs` (luts, 4);
    `outputs` (luts,); `states`, `following`, `initial` (registers,): a register's output, what it takes at
    the clock's edge, and what it holds before the first; `ports`: the signals of each, the lowest bit first.
    """

    signals: int
    tables: npt.NDArray[np.int64]
    inputs: Numbers
    outputs: Numbers
    states: Numbers
    following: Numbers
    initial: npt.NDArray[np.bool_]
    ports: Mapping[str, Numbers]


def program(netlist: str, top: str) -> Program:
    """The program of a module, as `write_json` of yosys writes it after `synth_ecp5`.

    Raises
    ------
    QsimError
        If a cell is of a kind that is not known here, or gates drive each other in a circle.
    """
    module = json.loads(netlist)["modules"][top]
    made = _Made()
    for cell in module["cells"].values():
        if cell["type"] == "$scopeinfo":
            continue
        if cell["type"] not in CELLS:
            raise QsimError(f"a cell is a {cell['type']}; {', '.join(CELLS)} can be simulated")
        CELLS[cell["type"]](made, _Cell(made, cell["parameters"], cell["connections"]))
    ports = {name: np.array([made.signal(bit) for bit in port["bits"]], np.int32)
             for name, port in module["ports"].items()}  # fmt: skip
    return made.program(ports)


class _Lut(NamedTuple):
    table: int
    inputs: tuple[int, int, int, int]
    output: int


class _Register(NamedTuple):
    state: int
    following: int
    initial: bool


class _Made:
    """What the cells so far have become."""

    def __init__(self) -> None:
        self.numbers: dict[int | str, int] = {"0": ZERO, "1": ONE, "x": ZERO, "z": ZERO}
        self.count = 2
        self.luts: list[_Lut] = []
        self.registers: list[_Register] = []

    def new(self) -> int:
        self.count += 1
        return self.count - 1

    def signal(self, bit: int | str) -> int:
        if bit not in self.numbers:
            self.numbers[bit] = self.new()
        return self.numbers[bit]

    def lut(self, table: int, *inputs: int, output: int | None = None) -> int:
        """A LUT; inputs that are not given are 0."""
        output = self.new() if output is None else output
        a, b, c, d = (*inputs, *[ZERO] * (4 - len(inputs)))
        self.luts.append(_Lut(table, (a, b, c, d), output))
        return output

    def program(self, ports: Mapping[str, Numbers]) -> Program:
        luts = _in_order(self.luts, self.count)
        registers = self.registers
        return Program(
            self.count,
            np.array([lut.table for lut in luts], np.int64),
            np.array([lut.inputs for lut in luts], np.int32).reshape(-1, 4),
            np.array([lut.output for lut in luts], np.int32),
            np.array([register.state for register in registers], np.int32),
            np.array([register.following for register in registers], np.int32),
            np.array([register.initial for register in registers], np.bool_),
            ports,
        )


def _in_order(luts: Sequence[_Lut], signals: int) -> list[_Lut]:
    """Each LUT after those whose outputs it looks at."""
    driver: list[int | None] = [None] * signals
    for number, lut in enumerate(luts):
        driver[lut.output] = number
    before = [{driver[i] for i in lut.inputs} - {None} for lut in luts]
    waiting, after = [len(each) for each in before], [list[int]() for _ in luts]
    for number, each in enumerate(before):
        for other in each:
            assert other is not None
            after[other].append(number)
    order = [number for number, count in enumerate(waiting) if not count]
    for number in order:
        for other in after[number]:
            waiting[other] -= 1
            if not waiting[other]:
                order.append(other)
    if len(order) < len(luts):
        raise QsimError(f"{len(luts) - len(order)} gates drive each other in a circle")
    return [luts[number] for number in order]


@dataclass(frozen=True)
class _Cell:
    """A cell of the netlist: signals by the names of its pins, and parameters."""

    made: _Made
    parameters: Mapping[str, str]
    connections: Mapping[str, Sequence[int | str]]

    def pins(self, name: str) -> list[int]:
        return [self.made.signal(bit) for bit in self.connections.get(name, ())]

    def pin(self, name: str) -> int:
        """An input; 0 if nothing is connected."""
        return (self.pins(name) or [ZERO])[0]

    def output(self, name: str) -> int | None:
        pins = self.pins(name)
        return pins[0] if pins else None

    def number(self, name: str) -> int:
        """A parameter; bits that are not defined are 0."""
        return int(self.parameters[name].replace("x", "0"), 2)

    def text(self, name: str, default: str) -> str:
        return self.parameters.get(name, default).strip()

    def control(self, name: str) -> int:
        """A control input behind its multiplexer: a constant, the pin, or the pin inverted."""
        chosen = self.text(f"{name}MUX", name)
        if chosen == "INV":
            return self.made.lut(INVERTED, self.pin(name))
        return {"0": ZERO, "1": ONE}.get(chosen, self.pin(name))


def _table(function: Callable[..., Any]) -> int:
    """The table of a function of four bits."""
    return sum(bool(function(*(index >> place & 1 for place in range(4)))) << index for index in range(16))


INVERTED = _table(lambda a, b, c, d: not a)
EXCLUSIVE_OR = _table(lambda a, b, c, d: a ^ b)
CHOICE = _table(lambda a, b, c, d: b if c else a)
ALL_FOUR = _table(lambda a, b, c, d: a and b and c and d)
KEPT_SET, KEPT_RESET = (
    _table(lambda d, q, enable, reset, value=value: value if reset else d if enable else q)
    for value in (1, 0)
)


def _lut4(made: _Made, cell: _Cell) -> None:
    made.lut(cell.number("INIT"), *map(cell.pin, "ABCD"), output=cell.output("Z"))


def _carry(made: _Made, cell: _Cell) -> None:
    """Two LUTs with a carry chain: each passes the carry on, or makes one of its two lowest inputs."""
    carry = cell.pin("CIN")
    for half in "01":
        table, pins = cell.number(f"INIT{half}"), [cell.pin(pin + half) for pin in "ABCD"]
        cut = cell.text(f"INJECT1_{half}", "YES") == "YES"
        passes = made.lut(table, *pins)
        made.lut(EXCLUSIVE_OR, passes, ZERO if cut else carry, output=cell.output(f"S{half}"))
        own = ZERO if cut else made.lut((table & 15) * 0x1111, *pins[:2])
        carry = made.lut(CHOICE, own, carry, passes, output=cell.output("COUT") if half == "1" else None)


def _choice(low: str, high: str, by: str) -> Callable[[_Made, _Cell], None]:
    def built(made: _Made, cell: _Cell) -> None:
        made.lut(CHOICE, cell.pin(low), cell.pin(high), cell.pin(by), output=cell.output("Z"))

    return built


def _flip_flop(made: _Made, cell: _Cell) -> None:
    reset, state = cell.control("LSR"), cell.output("Q")
    if cell.text("SRMODE", "LSR_OVER_CE") != "LSR_OVER_CE" and reset != ZERO:
        raise QsimError("a register is reset asynchronously; only the clock's edges are simulated")
    if state is not None:
        is_set = cell.text("REGSET", "RESET") == "SET"
        table = KEPT_SET if is_set else KEPT_RESET
        following = made.lut(table, cell.pin("DI"), state, cell.control("CE"), reset)
        made.registers.append(_Register(state, following, is_set))


def _memory(made: _Made, cell: _Cell) -> None:
    """16 words of 4 bits, written at the clock's edge, read at once."""
    enable, initial = cell.control("WRE"), cell.number("INITVAL")
    write, read, data = cell.pins("WAD"), cell.pins("RAD"), cell.pins("DI")
    words = []
    for place in range(16):
        wanted = [bit if place >> k & 1 else made.lut(INVERTED, bit) for k, bit in enumerate(write)]
        writes = made.lut(CHOICE, ZERO, made.lut(ALL_FOUR, *wanted), enable)
        words.append([made.new() for _ in data])
        for k, (bit, state) in enumerate(zip(data, words[-1], strict=True)):
            following = made.lut(CHOICE, state, bit, writes)
            made.registers.append(_Register(state, following, bool(initial >> 4 * place + k & 1)))
    for k, output in enumerate(cell.pins("DO")):
        column = [word[k] for word in words]
        for address in read[:-1]:
            pairs = zip(column[::2], column[1::2], strict=True)
            column = [made.lut(CHOICE, low, high, address) for low, high in pairs]
        made.lut(CHOICE, *column, read[-1], output=output)


CELLS: dict[str, Callable[[_Made, _Cell], None]] = {
    "LUT4": _lut4,
    "CCU2C": _carry,
    "PFUMX": _choice("BLUT", "ALUT", "C0"),
    "L6MUX21": _choice("D0", "D1", "SD"),
    "TRELLIS_FF": _flip_flop,
    "TRELLIS_DPR16X4": _memory,
}
