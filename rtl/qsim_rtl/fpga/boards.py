"""The top level of each board: clock, reset after power-up, serial line and engine; and its pins."""

from __future__ import annotations

from dataclasses import replace

from amaranth.hdl import Shape
from amaranth.lib import wiring

from ..gateware.bus.axi import AXI4Lite, AXIStream
from ..gateware.bus.registers import ADDRESS_BITS
from ..shape.widths import BusWidths
from .family import FAMILIES
from .part import Board

BAUD = 1_000_000


def files(shape: BusWidths, name: str, clock: int = 0) -> dict[str, str]:
    """Top level and constraints of every board, by file name, for the engine of that module name.

    `clock` is what the tools are to reach, in Hz, where the board's own is slower.
    """
    made = {}
    for family in FAMILIES.values():
        for board in family.boards:
            made[f"board_{board.target}.v"] = _top(board, shape, name)
            made[family.files(board).constraints] = family.constraints(
                replace(board, clock=max(clock, board.clock))
            )
    return made


def _interfaces(shape: BusWidths) -> list[tuple[str, wiring.Signature, str, str]]:
    """What joins engine and serial line: the name of its wires, and of its ports on either."""
    return [
        ("frames", AXIStream(shape.input_width, keep=True), "s_axis", "m_axis"),
        ("results", AXIStream(sum(shape.result_widths), keep=True), "m_axis", "s_axis"),
        ("registers", AXI4Lite(ADDRESS_BITS), "s_axil", "m_axil"),
    ]


def _top(board: Board, shape: BusWidths, name: str) -> str:
    """Clock, reset after power-up, serial line and engine."""
    extra = "".join(f", output wire {name}" for name in board.constants)
    drive = "".join(f"  assign {name} = 1'b{value};\n" for name, (_, value) in board.constants.items())
    declared, engine, line = "", [], []
    for wire, signature, of_engine, of_line in _interfaces(shape):
        for port, member in signature.members.items():
            declared += f"  wire [{Shape.cast(member.shape).width - 1}:0] {wire}_{port};\n"
            engine.append(f"      .{of_engine}_{port}({wire}_{port})")
            line.append(f"      .{of_line}_{port}({wire}_{port})")
    on_engine, on_line = ",\n".join(engine), ",\n".join(line)
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

{declared}
  assign led = results_tvalid;
{drive}
  {name} engine (
      .aclk(clk), .aresetn(running), .irq(),
{on_engine});

  {name}_uart line (
      .clk(clk), .rst(!running), .rx(rx), .tx(tx), .divisor(12'd{board.clock // BAUD}),
{on_line});
endmodule
"""
