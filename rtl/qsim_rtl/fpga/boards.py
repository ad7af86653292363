"""The top level of each board: clock, reset after power-up, serial line and engine; and its pins."""

from __future__ import annotations

from ..shape.loadable import Loadable
from .family import FAMILIES
from .part import Board

BAUD = 1_000_000


def files(shape: Loadable, name: str) -> dict[str, str]:
    """Top level and constraints of every board, by file name, for the engine of that module name."""
    made = {}
    for family in FAMILIES.values():
        for board in family.boards:
            made[f"board_{board.target}.v"] = _top(board, shape, name)
            made[family.files(board).constraints] = family.constraints(board)
    return made


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
