"""What a family of FPGAs is, and a board with one of its parts: the words in which each is described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Commands = dict[str, list[str]]  # the command of each step, by the step's name
Memories = tuple[int, tuple[tuple[int, int, int], ...]]  # price; width, words, bits that share an enable


# After synthesis the modules whose registers it was to leave alone are no modules any more.
FLAT = "setattr -mod -unset keep_hierarchy *; flatten; opt_clean; write_json"


@dataclass(frozen=True)
class Board:
    """A part on a board that anyone can buy.

    Parameters
    ----------
    target, name : str
        What the command line and what people call it.
    part : tuple of str
        How the tools name the part.
    clock : int
        Hz.
    pins : dict
        Places of clk, rx, tx and led.
    luts, block_rams, block_bits, dsps : int
        What the part has; a block RAM has `block_bits` bits.
    constants : dict
        Outputs that the board wants driven: place and value of each.
    """

    target: str
    name: str
    part: tuple[str, ...]
    clock: int
    pins: Mapping[str, str]
    luts: int
    block_rams: int
    block_bits: int
    dsps: int
    constants: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def places(self) -> dict[str, str]:
        """The place of each port of the top level."""
        return {**self.pins, **{name: place for name, (place, _) in self.constants.items()}}


@dataclass(frozen=True)
class Files:
    """Names of the files of a build, in the folder of an export.

    `stem`, under `build/`, begins those that the tools make; `constraints` are the board's pins.
    """

    stem: str
    constraints: str
    bitstream: str


@dataclass(frozen=True)
class Luts:
    """LUTs of a family: of what every engine has, and of each of the following.

    `small`: a memory of the second kind. `muxed`: a bit of a word that is chosen from several memories.
    `register`: a bit of a memory too small for either kind. `product`: a bit of a weight times a bit
    of a code. `sum`: a bit of an adder, accumulator or comparison.
    """

    base: float
    small: float
    muxed: float
    register: float
    product: float
    sum: float


@dataclass(frozen=True)
class Prices:
    """What the cost model knows of a family.

    Parameters
    ----------
    memories : two pairs
        How yosys prices block RAM, and small memories of LUTs or flip-flops; behind the price of one
        stand its shapes: width, words, and the bits that share a write enable.
    least_product : int
        Bits of a weight and a code together; smaller products stay in LUTs.
    luts : Luts
        Fitted to docs/builds.json by benches/fit_cost.py.
    """

    memories: tuple[Memories, Memories]
    least_product: int
    luts: Luts


@dataclass(frozen=True)
class UnrolledLuts:
    """LUTs of an unrolled engine: of what every one has with its board, and of each of the following.

    `carry`: a bit of an adder or comparison with a carry chain. `chain`: such a chain. `gate`: a LUT of
    four inputs, as the model counts them. `queue`: a small memory. `bus`: a bit of the
    streams' data.
    """

    base: float
    carry: float
    chain: float
    gate: float
    queue: float
    bus: float


@dataclass(frozen=True)
class UnrolledRegisters:
    """Registers of an unrolled engine beside those that are counted, as in `UnrolledLuts`."""

    base: float
    bus: float


@dataclass(frozen=True)
class UnrolledPrices:
    """What the cost model of unrolled engines knows of a family.

    Parameters
    ----------
    luts : UnrolledLuts
    registers : UnrolledRegisters
        Both fitted to docs/unrolled-builds.json by benches/fit_unrolled.py.
    """

    luts: UnrolledLuts
    registers: UnrolledRegisters


@dataclass(frozen=True)
class Family:
    """Parts that the same tools build for.

    Parameters
    ----------
    name : str
    boards : tuple of Board
    constraints_suffix, bitstream_suffix : str
        File extensions; without a bitstream the second is empty.
    constraints : callable
        The text that places a board's pins and states its clock.
    synthesis : callable
        The yosys commands after the Verilog is read: for the files, and with or without DSP blocks.
    place : callable
        The steps after synthesis, for a board and its files; `@` stands before tools of yowasp. None of them
        if no free tool places the family.
    measured : callable
        Resources used and there, by kind: from the folder, the board and its files.
    dsp_beyond : int
        Weights of more bits have their products in DSP blocks, where there are enough.
    prices : Prices, optional
        Without them the cost of a folding is not predicted.
    unrolled_prices : UnrolledPrices, optional
        Likewise for unrolled engines.
    unrolled_options : tuple of str
        Options of place and route for unrolled engines, which are larger than others.
    """

    name: str
    boards: tuple[Board, ...]
    constraints_suffix: str
    bitstream_suffix: str
    constraints: Callable[[Board], str]
    synthesis: Callable[[Files, bool], str]
    place: Callable[[Board, Files], Commands]
    measured: Callable[[Path, Board, Files], dict[str, Any]]
    dsp_beyond: int = 0
    prices: Prices | None = None
    unrolled_prices: UnrolledPrices | None = None
    unrolled_options: tuple[str, ...] = ()

    def files(self, board: Board) -> Files:
        """The names of a board's files."""
        stem = f"build/{board.target}"
        constraints = f"board_{board.target}.{self.constraints_suffix}"
        return Files(stem, constraints, f"{stem}.{self.bitstream_suffix}" if self.bitstream_suffix else "")
