"""The engine's module for LiteX: the template, with the widths and the bus of one engine."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import In

from ..gateware.bus.control_port import ControlPort, control_port
from ..gateware.bus.registers import ADDRESS_BITS
from .texts import filled

TEMPLATE = Path(__file__).parent.joinpath("templates/litex.py.txt").read_text()
INTERFACES = {  # LiteX's own, by the name of the bus
    "axi-lite": "axi.AXILiteInterface(data_width=32, address_width=32)",
    "wishbone": "wishbone.Interface(data_width=32, address_width=32)",
}


def module(manifest: Mapping[str, Any]) -> str:
    """The text of the Python file that stands beside the Verilog of an engine."""
    port = control_port(manifest["control"])
    interface = INTERFACES[port.name]
    values = {
        "NAME": manifest["name"],
        "IN": manifest["s_axis_tdata_bits"],
        "OUT": sum(manifest["m_axis_tdata_bits"].values()),
        "ADDRESS_BITS": ADDRESS_BITS,
        "MEMORIES": [memory["file"] for memory in manifest["memories"]],
        "LIBRARY": interface.partition(".")[0],
        "INTERFACE": interface,
        "BUS_PORTS": textwrap.indent(textwrap.fill(", ".join(_joined(port)), 90), " " * 12),
    }
    return filled(TEMPLATE, values)


def _joined(port: ControlPort) -> list[str]:
    """Each port of the bus as an argument of the instance, with LiteX's signal."""
    arguments = []
    for name, member in port.signature(ADDRESS_BITS).members.items():
        side = "o" if member.flow == In else "i"  # the signature is that of the other side
        arguments.append(f"{side}_{port.prefix}_{name}={_signal(port, name)}")
    return arguments


def _signal(port: ControlPort, name: str) -> str:
    if port.name == "wishbone":
        return f"bus.{name}[:{ADDRESS_BITS - 2}]" if name == "adr" else f"bus.{name}"
    channel, signal = re.fullmatch(r"(aw|ar|w|b|r)(\w+)", name).groups()  # type: ignore[union-attr]
    return {"addr": f"bus.{channel}.addr[:{ADDRESS_BITS}]", "prot": "0"}.get(
        signal, f"bus.{channel}.{signal}"
    )
