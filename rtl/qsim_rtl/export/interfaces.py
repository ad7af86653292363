"""The ports of an exported engine as the interfaces of IP-XACT: for its description, and in its Verilog.

Buses are named as Vivado's catalogue names them; it has none for Wishbone. `annotated` says the same in
the Verilog itself, so that a module that is dropped into a block design has its buses without a description.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from amaranth.hdl import Shape
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from ..gateware.bus.axi import AXIStream
from ..gateware.bus.control_port import ControlPort
from ..gateware.bus.registers import ADDRESS_BITS


@dataclass(frozen=True)
class Port:
    """A port of the top module."""

    name: str
    width: int
    output: bool


@dataclass(frozen=True)
class Interface:
    """Some ports as one bus or signal; `library` is "interface" or "signal", `ports` are by logical name."""

    name: str
    library: str
    kind: str
    master: bool
    ports: Mapping[str, Port]
    parameters: Mapping[str, object] = field(default_factory=dict)
    vendor: str = "xilinx.com"
    version: str = "1.0"
    registers: bool = False  # whether the memory map is reached by it

    @property
    def known(self) -> bool:
        """Whether Vivado's catalogue has it."""
        return self.vendor == "xilinx.com"


def of(input_bits: int, result_bits: int, control: ControlPort) -> tuple[Interface, ...]:
    """All ports of an engine, as interfaces.

    Parameters
    ----------
    input_bits, result_bits : int
        Of TDATA of `s_axis` and of `m_axis`.
    control : ControlPort
        The bus of the registers.
    """
    frames, results = (AXIStream(bits, keep=True) for bits in (input_bits, result_bits))
    buses = (
        Interface("s_axis", "interface", "axis", False, _flat("s_axis", frames, False), _stream(input_bits)),
        Interface("m_axis", "interface", "axis", True, _flat("m_axis", results, True), _stream(result_bits)),
        _registers(control),
    )
    known = ":".join(bus.name for bus in buses if bus.known)
    clocked = {"ASSOCIATED_BUSIF": known, "ASSOCIATED_RESET": "aresetn"}
    return (
        _signal("aclk", "clock", "CLK", clocked),
        _signal("aresetn", "reset", "RST", {"POLARITY": "ACTIVE_LOW"}),
        *buses,
        _signal("irq", "interrupt", "INTERRUPT", {"SENSITIVITY": "LEVEL_HIGH"}, output=True),
    )


def annotated(verilog: str, interfaces: Sequence[Interface]) -> str:
    """The text with `X_INTERFACE_INFO` at every port of its first module that Vivado knows the bus of."""
    for interface in interfaces:
        if not interface.known:
            continue
        facts = [f"XIL_INTERFACENAME {interface.name}"]
        facts += [f"{name} {value}" for name, value in interface.parameters.items()]
        more = f'  (* X_INTERFACE_PARAMETER = "{", ".join(facts)}" *)\n'
        for logical, port in interface.ports.items():
            bus = f"xilinx.com:{interface.library}:{interface.kind}:1.0"
            said = f'{more}  (* X_INTERFACE_INFO = "{bus} {interface.name} {logical}" *)\n'
            declared = rf"^  (?=(?:input|output) (?:\[\d+:0\] )?{port.name};)"
            verilog = re.sub(declared, f"{said}  ", verilog, count=1, flags=re.MULTILINE)
            more = ""
    return verilog


def _flat(prefix: str, signature: wiring.Signature, master: bool) -> dict[str, Port]:
    return {
        name.upper(): Port(f"{prefix}_{name}", Shape.cast(member.shape).width, (member.flow == Out) == master)
        for name, member in signature.members.items()
    }


def _registers(control: ControlPort) -> Interface:
    flat = _flat(control.prefix, control.signature(ADDRESS_BITS), False)
    if control.name == "wishbone":
        return Interface(
            control.prefix, "interface", "wishbone", False, flat,
            vendor="opencores.org", version="b4", registers=True,
        )  # fmt: skip
    facts = {"PROTOCOL": "AXI4LITE", "DATA_WIDTH": 32, "ADDR_WIDTH": ADDRESS_BITS}
    return Interface(control.prefix, "interface", "aximm", False, flat, facts, registers=True)


def _stream(bits: int) -> dict[str, object]:
    return {"TDATA_NUM_BYTES": bits // 8, "HAS_TREADY": 1, "HAS_TKEEP": 1, "HAS_TLAST": 1}


def _signal(
    name: str, kind: str, logical: str, parameters: Mapping[str, object], output: bool = False
) -> Interface:
    return Interface(name, "signal", kind, output, {logical: Port(name, 1, output)}, parameters)
