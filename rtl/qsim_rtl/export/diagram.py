"""The engine as a drawing: the blocks of the Verilog between its buses, with their widths and folding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from ..gateware.bus.control_port import control_port
from .counts import every

WIDE, HIGH, GAP, TOP = 150, 74, 46, 96  # pixels of a block, between blocks, and above the row of the engine
STYLE = "font: 13px sans-serif; text-anchor: middle"


def svg(manifest: Mapping[str, Any]) -> str:
    """The drawing of the engine that a manifest describes."""
    blocks, wires = _row(manifest)
    width = GAP + len(blocks) * (WIDE + GAP) + GAP
    height = TOP + HIGH + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" style="{STYLE}">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        '<marker id="end" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker>',
    ]
    middle = TOP + HIGH // 2
    for i, wire in enumerate(wires):
        start = 6 if i == 0 else i * (WIDE + GAP)
        parts.append(_arrow(start, middle, i * (WIDE + GAP) + GAP, middle))
        parts.append(_text(i * (WIDE + GAP) + GAP // 2, middle - 8, wire))
    for i, lines in enumerate(blocks):
        parts.append(_block(GAP + i * (WIDE + GAP), TOP, WIDE, lines))
    port = control_port(manifest["control"])
    bus = [
        f"{port.prefix}: {port.module}, control, loader",
        "registers and counters; every memory is written from here",
    ]
    if manifest["style"] == "unrolled":
        bus = [f"{port.prefix}: {port.module}, control", "registers and counters; no model can be loaded"]
    parts.append(_block(GAP, 10, width - 3 * GAP, bus, HIGH - 24))
    for i in range(len(blocks) - 1 if manifest["style"] == "folded" else 0):
        place = GAP + i * (WIDE + GAP) + WIDE // 2
        parts.append(_arrow(place, 10 + HIGH - 24, place, TOP))
    parts.append(_text(width // 2, height - 12, _summary(manifest)))
    return "\n".join([*parts, "</svg>", ""])


def _row(manifest: Mapping[str, Any]) -> tuple[list[list[str]], list[str]]:
    """The lines in each block from input to output, and what stands at each wire between them."""
    blocks, wires = [], ["s_axis"]
    for i, layer in enumerate(manifest["layers"]):
        kind = "dense" if layer["crossbar"] is None else "crossbar tiles"
        kind, lanes = ("adders", "a neuron") if manifest["style"] == "unrolled" else (kind, f"lanes{i}")
        facts = f"{layer['inputs']} to {layer['outputs']}, {layer['bits']} bits"
        blocks.append([f"layer{i}: {kind}", facts, f"{layer['pe']} × {layer['simd']} products"])
        wires.append(f"{layer['accumulator_bits']} bits")
        if i + 1 < len(manifest["layers"]):
            count = f"{layer['levels']} thresholds"
            blocks.append([f"threshold{i}", count, lanes])
            wires.append(f"{manifest['layers'][i + 1]['code_bits']} bits")
    blocks.append(["argmax", f"of {manifest['shape'][-1]} logits", "results"])
    return blocks, [*wires, "m_axis"]


def _summary(manifest: Mapping[str, Any]) -> str:
    latency, interval = manifest["latency"], manifest["interval"]
    return f"{manifest['name']}: latency {latency:,} cycles, one frame {every(interval)}"


def _block(x: int, y: int, width: int, lines: list[str], height: int = HIGH) -> str:
    first = y + height // 2 - 9 * (len(lines) - 1) + 4
    texts = "".join(_text(x + width // 2, first + 18 * i, line) for i, line in enumerate(lines))
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="#eef" stroke="#446"/>{texts}'
    )


def _arrow(x: int, y: int, to_x: int, to_y: int) -> str:
    return f'<path d="M{x} {y}L{to_x} {to_y}" stroke="#000" marker-end="url(#end)"/>'


def _text(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y}">{escape(text)}</text>'
