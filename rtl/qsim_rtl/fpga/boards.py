"""The parts and boards that an export is built for: pins, clock, and the open tools' command lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qsim.errors import QsimError

from ..shape.loadable import Loadable

BAUD = 1_000_000


@dataclass(frozen=True)
class Board:
    """A part on a board that anyone can buy.

    `pins` places clk, rx, tx and led; `constants` are outputs that the board wants driven.
    `luts`, `block_rams` (of `block_bits` bits) and `dsps` are what the part has.
    """

    target: str
    name: str
    family: str
    part: tuple[str, ...]
    clock: int
    pins: dict[str, str]
    constants: dict[str, tuple[str, int]]
    luts: int
    block_rams: int
    block_bits: int
    dsps: int

    @property
    def suffix(self) -> str:
        """The extension of a constraints file of this family."""
        return {"ecp5": "lpf", "ice40": "pcf", "gowin": "cst"}[self.family]

    @property
    def bitstream(self) -> str:
        return {"ecp5": f"{self.target}.bit", "ice40": f"{self.target}.bin", "gowin": f"{self.target}.fs"}[
            self.family
        ]


_ULX3S = {"clk": "G2", "rx": "M1", "tx": "L4", "led": "B2"}
_WIFI = {"wifi_gpio0": ("L2", 1)}  # low would restart the board's other processor
BOARDS = {
    board.target: board
    for board in (
        Board("ecp5-25k", "ULX3S 25F", "ecp5", ("--25k", "--package", "CABGA381", "--speed", "6"),
              25_000_000, _ULX3S, _WIFI, 24288, 56, 18432, 28),
        Board("ecp5-85k", "ULX3S 85F", "ecp5", ("--85k", "--package", "CABGA381", "--speed", "6"),
              25_000_000, _ULX3S, _WIFI, 83640, 208, 18432, 156),
        Board("up5k", "iCEBreaker", "ice40", ("--up5k", "--package", "sg48"),
              12_000_000, {"clk": "35", "rx": "6", "tx": "9", "led": "11"}, {}, 5280, 30, 4096, 8),
        Board("gw2a-18", "Tang Primer 20K", "gowin", ("GW2A-LV18PG256C8/I7", "GW2A-18"),
              27_000_000, {"clk": "H11", "rx": "T13", "tx": "M11", "led": "L16"}, {}, 20736, 46, 18432, 96),
    )
}  # fmt: skip


def board(target: str) -> Board:
    """The board of a target.

    Raises
    ------
    QsimError
        If the target is unknown.
    """
    if target not in BOARDS:
        raise QsimError(f"target is {target!r}; one of {', '.join(BOARDS)} is needed")
    return BOARDS[target]


def files(shape: Loadable, name: str) -> dict[str, str]:
    """Top level and constraints of every board, by file name, for the engine of that module name."""
    made = {}
    for board in BOARDS.values():
        made[f"board_{board.target}.v"] = _top(board, shape, name)
        made[f"board_{board.target}.{board.suffix}"] = _constraints(board)
    return made


def commands(board: Board, manifest: Mapping[str, Any], tools: str = "yowasp-") -> dict[str, list[str]]:
    """What turns the exported Verilog into a bitstream, in order: synthesis, place and route, pack.

    All run in the folder of the export and write into `build/`. `tools` stands before each name.
    """
    stem = f"build/{board.target}"
    name = manifest["name"]
    sources = f"board_{board.target}.v {name}.v {name}_uart.v"
    constraints, report = f"board_{board.target}.{board.suffix}", ["--report", f"{stem}.report.json"]
    place = ["--json", f"{stem}.json", "--seed", "1", "--timing-allow-fail", *report]
    products = sum(pe * simd for pe, simd in zip(manifest["pe"], manifest["simd"], strict=True))
    dsp = uses_dsp(board, manifest["bits"], products)
    option = {"ecp5": "" if dsp else " -nodsp", "ice40": " -dsp" if dsp else "", "gowin": ""}[board.family]
    yosys = f"read_verilog {sources}; synth_{board.family} -no-rw-check{option} -top board -json {stem}.json"
    steps = {"synthesis": [f"{tools}yosys", "-q", "-p", yosys]}
    if board.family == "ecp5":
        steps["place and route"] = [
            f"{tools}nextpnr-ecp5", *board.part, *place, "--lpf", constraints,
            "--freq", "100", "--textcfg", f"{stem}.config",
        ]  # fmt: skip
        steps["bitstream"] = [f"{tools}ecppack", "--compress", f"{stem}.config", f"build/{board.bitstream}"]
    elif board.family == "ice40":
        steps["place and route"] = [
            f"{tools}nextpnr-ice40", *board.part, *place, "--pcf", constraints,
            "--freq", "24", "--asc", f"{stem}.asc",
        ]  # fmt: skip
        steps["bitstream"] = [f"{tools}icepack", f"{stem}.asc", f"build/{board.bitstream}"]
    else:
        device, family = board.part
        steps["place and route"] = [
            f"{tools}nextpnr-himbaechel-gowin", "--device", device, "--vopt", f"family={family}", *place,
            "--vopt", f"cst={constraints}", "--freq", "50", "--write", f"{stem}.pnr.json",
        ]  # fmt: skip
        steps["bitstream"] = [
            "gowin_pack",
            "-d",
            family,
            "-o",
            f"build/{board.bitstream}",
            f"{stem}.pnr.json",
        ]
    return steps


def uses_dsp(board: Board, bits: int, products: int) -> bool:
    """Whether products go to DSP blocks: where there are enough, and on ECP5 only beyond 4 bits.

    Smaller ones are faster there in LUTs than the way to a block and back.
    """
    return products <= board.dsps and (board.family != "ecp5" or bits > 4)


def _top(board: Board, shape: Loadable, name: str) -> str:
    """Clock, reset after power-up, serial line and engine."""
    stream_in, stream_out = shape.input_width - 1, sum(shape.result_widths) - 1
    extra = "".join(f", output wire {name}" for name in board.constants)
    drive = "".join(f"  assign {name} = 1'b{value};\n" for name, (_, value) in board.constants.items())
    wires = [
        ("s_axis_tdata", stream_in),
        ("m_axis_tdata", stream_out),
        ("s_axis_tkeep", stream_in // 8),
        ("m_axis_tkeep", stream_out // 8),
        ("axil_awaddr", 6),
        ("axil_araddr", 6),
    ]
    wires += [("axil_wdata", 31), ("axil_rdata", 31), ("axil_wstrb", 3), ("axil_bresp", 1), ("axil_rresp", 1)]
    wires += [("axil_awprot", 2), ("axil_arprot", 2)]
    bits = [f"{side}_axis_t{name}" for side in "sm" for name in ("valid", "ready", "last")]
    bits += [
        f"axil_{channel}{name}" for channel in ("aw", "w", "b", "ar", "r") for name in ("valid", "ready")
    ]
    far = {"s_axis": "m_axis", "m_axis": "s_axis", "axil": "m_axil"}

    def connected(engine: bool) -> str:
        rows = []
        for name in [name for name, _ in wires] + bits:
            side = next(prefix for prefix in far if name.startswith(prefix))
            port = (f"s_{name}" if side == "axil" else name) if engine else name.replace(side, far[side], 1)
            rows.append(f"      .{port}({name})")
        return ",\n".join(rows)

    declared = "".join(f"  wire [{high}:0] {name};\n" for name, high in wires)
    return f"""`timescale 1ns / 1ps
// {board.name}: {board.clock // 1_000_000} MHz, {BAUD:,} baud, 8 bits, no parity, 1 stop bit.
module board (input wire clk, input wire rx, output wire tx, output wire led{extra});
  reg [7:0] start;  // counts up after power-up, holds the reset meanwhile
  reg running;
  initial begin
    start = 0;
    running = 0;
  end
  always @(posedge clk) begin
    if (!(&start)) start <= start + 1;
    running <= &start;
  end

{declared}  wire {", ".join(bits)};
  assign led = m_axis_tvalid;
{drive}
  {name} engine (
      .aclk(clk), .aresetn(running),
{connected(engine=True)});

  {name}_uart line (
      .clk(clk), .rst(!running), .rx(rx), .tx(tx), .divisor(12'd{board.clock // BAUD}),
{connected(engine=False)});
endmodule
"""


def _constraints(board: Board) -> str:
    pins = {**board.pins, **{name: pin for name, (pin, _) in board.constants.items()}}
    if board.family == "ice40":
        return "".join(f"set_io {name} {pin}\n" for name, pin in pins.items()) + (
            f"set_frequency clk {board.clock / 1e6:g}\n"
        )
    if board.family == "gowin":
        return "".join(
            f'IO_LOC "{name}" {pin};\nIO_PORT "{name}" IO_TYPE=LVCMOS33;\n' for name, pin in pins.items()
        )
    places = "".join(
        f'LOCATE COMP "{name}" SITE "{pin}";\nIOBUF PORT "{name}" IO_TYPE=LVCMOS33;\n'
        for name, pin in pins.items()
    )
    return f'{places}FREQUENCY PORT "clk" {board.clock / 1e6:g} MHZ;\n'
