"""`component.xml`: the engine for catalogues of hardware blocks, as IEEE 1685-2009 has it.

Buses, memory map and files are those of the folder; Vivado's catalogue reads it where it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ..gateware.bus.control_port import control_port
from ..gateware.bus.registers import ADDRESS_BITS, BOTH, INTERRUPTS, READ, WRITE, Bit, Register
from .interfaces import Interface, Port, of

SPIRIT = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"
XILINX = "http://www.xilinx.com"
VENDOR, LIBRARY, RELEASE = "qsim", "engine", "1.0"
ACCESS = {READ: "read-only", WRITE: "write-only", BOTH: "read-write"}
# Families whose devices take any Verilog; the vendor's tool shows the block for no others.
FAMILIES = (
    "artix7", "kintex7", "virtex7", "spartan7", "zynq",
    "artixuplus", "kintexu", "kintexuplus", "virtexu", "virtexuplus", "zynquplus", "versal",
)  # fmt: skip
MAP, BLOCK, SOURCES = "registers", "map", "sources"

Map = tuple[Sequence[Register], Sequence[Bit], Sequence[Bit]]


def component(manifest: Mapping[str, Any], registers: Map) -> str:
    """The text of `component.xml`.

    Parameters
    ----------
    manifest : mapping
        The folder's.
    registers : tuple
        The registers of the engine, and the bits of CONTROL and of STATUS.
    """
    for prefix, space in (("spirit", SPIRIT), ("xilinx", XILINX)):
        ElementTree.register_namespace(prefix, space)
    control = control_port(manifest["control"])
    interfaces = of(manifest["s_axis_tdata_bits"], sum(manifest["m_axis_tdata_bits"].values()), control)
    shape = "-".join(map(str, manifest["shape"]))
    root = _node(
        "component",
        *(_text(name, value) for name, value in _identity(manifest["name"]).items()),
        _node("busInterfaces", *map(_bus, interfaces)),
        _node("memoryMaps", _memory_map(registers)),
        _node("model", _views(manifest["name"]), _ports(interfaces)),
        _node("fileSets", _file_set(manifest)),
        _text("description", f"Quantized network {shape}, {manifest['style']}"),
        _node("parameters", *_parameters(manifest)),
        _node("vendorExtensions", _catalogue(manifest["name"], shape)),
    )
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, "unicode")}\n'


def _node(tag: str, *children: Element, **attributes: str) -> Element:
    made = Element(f"{{{SPIRIT}}}{tag}", {f"{{{SPIRIT}}}{name}": text for name, text in attributes.items()})
    made.extend(children)
    return made


def _text(tag: str, text: object, **attributes: str) -> Element:
    made = _node(tag, **attributes)
    made.text = str(text)
    return made


def _identity(name: str) -> dict[str, str]:
    return {"vendor": VENDOR, "library": LIBRARY, "name": name, "version": RELEASE}


def _bus(interface: Interface) -> Element:
    """A bus interface: its type, its side, its ports, and what its parameters say."""
    common = {name: getattr(interface, name) for name in ("vendor", "library", "version")}
    side = _node("master" if interface.master else "slave")
    if interface.registers:
        side.append(_node("memoryMapRef", memoryMapRef=MAP))
    ports = [
        _node(
            "portMap",
            _node("logicalPort", _text("name", logical)),
            _node("physicalPort", _text("name", port.name)),
        )
        for logical, port in interface.ports.items()
    ]
    facts = [
        _node("parameter", _text("name", name), _text("value", value, id=_identifier(interface.name, name)))
        for name, value in interface.parameters.items()
    ]
    return _node(
        "busInterface",
        _text("name", interface.name),
        _node("busType", **common, name=interface.kind),
        _node("abstractionType", **common, name=f"{interface.kind}_rtl"),
        side,
        _node("portMaps", *ports),
        *([_node("parameters", *facts)] if facts else []),
    )


def _identifier(bus: str, parameter: str) -> str:
    return f"BUSIFPARAM_VALUE.{bus.upper()}.{parameter}"


def _memory_map(registers: Map) -> Element:
    words, control, status = registers
    bits = {"CONTROL": control, "STATUS": status}
    bits |= {each.name: INTERRUPTS for each in words if each.name.startswith("INTERRUPT_")}
    block = _node(
        "addressBlock",
        _text("name", BLOCK),
        _text("baseAddress", 0),
        _text("range", 1 << ADDRESS_BITS),
        _text("width", 32),
        _text("usage", "register"),
        *(_register(word, bits.get(word.name, ())) for word in words),
    )
    return _node("memoryMap", _text("name", MAP), block)


def _register(word: Register, bits: Sequence[Bit]) -> Element:
    clears = word.name == "INTERRUPT_PENDING"
    fields = [
        _node(
            "field",
            _text("name", bit.name),
            _text("description", bit.text),
            _text("bitOffset", bit.place),
            _text("bitWidth", 1),
            _text("access", ACCESS[word.access]),
            *([_text("modifiedWriteValue", "oneToClear")] if clears else []),
        )
        for bit in bits
    ]
    return _node(
        "register",
        _text("name", word.name),
        _text("description", word.text),
        _text("addressOffset", f"0x{word.address:02x}"),
        _text("size", 32),
        _text("access", ACCESS[word.access]),
        *fields,
    )


def _views(name: str) -> Element:
    views = [
        _node(
            "view",
            _text("name", view),
            _text("envIdentifier", f"verilogSource:vivado.xilinx.com:{view}"),
            _text("language", "verilog"),
            _text("modelName", name),
            _node("fileSetRef", _text("localName", SOURCES)),
        )
        for view in ("synthesis", "simulation")
    ]
    return _node("views", *views)


def _ports(interfaces: Sequence[Interface]) -> Element:
    return _node("ports", *(_port(port) for each in interfaces for port in each.ports.values()))


def _port(port: Port) -> Element:
    wire = _node("wire", _text("direction", "out" if port.output else "in"))
    if port.width > 1:
        wire.append(_node("vector", _text("left", port.width - 1), _text("right", 0)))
    return _node("port", _text("name", port.name), wire)


def _file_set(manifest: Mapping[str, Any]) -> Element:
    """The Verilog, and the files that its memories are read from."""
    source = _node("file", _text("name", f"{manifest['name']}.v"), _text("fileType", "verilogSource"))
    memories = [
        _node("file", _text("name", memory["file"]), _text("userFileType", "mem"))
        for memory in manifest["memories"]
    ]
    return _node("fileSet", _text("name", SOURCES), source, *memories)


def _parameters(manifest: Mapping[str, Any]) -> list[Element]:
    """The name that a block design gives an instance, and facts about the engine."""
    facts = {
        "MODEL_SHA256": manifest["digest"],
        "SHAPE_ID": f"0x{manifest['shape_id']}",
        "LATENCY": manifest["latency"],
        "INTERVAL": manifest["interval"],
    }
    own = f"{manifest['name']}_v{RELEASE.replace('.', '_')}"
    place = {"resolve": "user", "id": "PARAM_VALUE.Component_Name", "order": "1"}
    return [
        _node("parameter", _text("name", "Component_Name"), _text("value", own, **place)),
        *(_node("parameter", _text("name", name), _text("value", value)) for name, value in facts.items()),
    ]


def _catalogue(name: str, shape: str) -> Element:
    """Where Vivado's catalogue shows the block, and for which families."""

    def own(tag: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
        made = Element(
            f"{{{XILINX}}}{tag}", {f"{{{XILINX}}}{key}": value for key, value in attributes.items()}
        )
        made.text = text
        made.extend(children)
        return made

    families = [own("family", text=family, lifeCycle="Production") for family in FAMILIES]
    return own(
        "coreExtensions",
        own("supportedFamilies", *families),
        own("taxonomies", own("taxonomy", text="/UserIP")),
        own("displayName", text=f"{name}: network {shape}"),
        own("coreRevision", text="1"),
    )
