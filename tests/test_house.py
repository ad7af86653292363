"""The structure of the project: who may import whom, that no way leads back, and that it stays clean."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from import_graph import cycles, graph

ROOT = Path(__file__).parent.parent
ROOMS = ("errors", "lazy", "registry", "activations", "spec", "model", "jit", "kernel", "executors")
ROOMS += ("crossbar", "data", "shadow", "attacks", "robustness")
LIBRARY = {f"qsim.{room}" for room in ROOMS}
TOLD = {"qsim.cli.results", "qsim.cli.terminal"}  # how commands report
MAY_IMPORT = {  # each room, and the rooms that it may import besides itself
    "qsim.errors": set(),
    "qsim.registry": {"qsim.errors"},
    "qsim.activations": {"qsim.errors", "qsim.registry"},
    "qsim.spec": set(),
    "qsim.model": {
        "qsim.errors",
        "qsim.activations",
        "qsim.spec",
        "qsim.executors",
    },  # the last in its __init__ alone
    "qsim.jit": {"qsim.errors"},
    "qsim.cluster": {"qsim.errors"},
    "qsim.kernel": {"qsim.errors", "qsim.jit", "qsim.model"},
    "qsim.executors": {"qsim.kernel", "qsim.model"},
    "qsim.crossbar": {
        "qsim.errors",
        "qsim.data",
        "qsim.faults.lists",
        "qsim.model",
        "qsim.registry",
        "qsim.spec",
    },
    "qsim.own_data": {"qsim.errors", "qsim.model"},
    "qsim.data": {"qsim.errors", "qsim.model", "qsim.own_data"},
    "qsim.shadow": {"qsim.errors", "qsim.activations", "qsim.data", "qsim.jit", "qsim.model"},
    "qsim.attacks": LIBRARY - {"qsim.crossbar", "qsim.robustness"},
    "qsim.art": {"qsim.errors", "qsim.activations", "qsim.attacks", "qsim.model", "qsim.shadow"},
    "qsim.robustness": LIBRARY - {"qsim.crossbar"},
    "qsim.certification": {"qsim.errors", "qsim.attacks", "qsim.data", "qsim.jit", "qsim.model", "qsim.spec"},
    "qsim.importers": {"qsim.errors", "qsim.model"},
    "qsim.faults": LIBRARY | TOLD | {"qsim.certification", "qsim.cluster"},
    "qsim.faults.lists": {
        "qsim.errors",
        "qsim.faults.kinds",
        "qsim.faults.memory",
        "qsim.model",
        "qsim.spec",
    },
    "qsim.exporters": {"qsim.errors", "qsim.model"},
    "qsim.study": LIBRARY | TOLD,
    "qsim.reproductions": LIBRARY | TOLD | {"qsim.cluster"},
    "qsim_rtl": LIBRARY - {"qsim.shadow", "qsim.attacks", "qsim.robustness", "qsim.data", "qsim.crossbar"}
    | {"qsim.faults.lists"},
}


RTL_MAY_IMPORT = {  # the same inside the hardware; what turns a netlist into another language is no simulator
    "qsim_rtl.shape": {"memory"},
    "qsim_rtl.memory": {"shape"},
    "qsim_rtl.unrolled": set(),
    "qsim_rtl.gateware": {"memory", "shape", "unrolled"},
    "qsim_rtl.export": {"fpga", "gateware", "memory", "shape", "sim.yosys", "unrolled"},
    "qsim_rtl.fpga": {"export", "gateware", "memory", "shape", "sim.toolchain", "unrolled"},
    "qsim_rtl.sim": {"gateware", "memory", "shape"},
    "qsim_rtl.host": {"gateware", "memory", "shape", "sim"},
    "qsim_rtl.proofs": {"gateware", "memory", "shape", "sim.toolchain", "unrolled"},
}


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room: str) -> None:
    allowed = {room, *MAY_IMPORT[room]}
    for module, imported in graph().items():
        if within(module, room):
            for other in imported - {"qsim"}:
                assert any(within(other, own) for own in allowed), f"{module} imports {other}"


@pytest.mark.parametrize("room", RTL_MAY_IMPORT)
def test_hardware_rooms_import_one_way(room: str) -> None:
    allowed = {room, *(f"qsim_rtl.{other}" for other in RTL_MAY_IMPORT[room])}
    for module, imported in graph().items():
        if within(module, room):
            for other in imported:
                if within(other, "qsim_rtl") and other != "qsim_rtl":
                    assert any(within(other, own) for own in allowed), f"{module} imports {other}"


def test_no_file_imports_itself_by_a_detour() -> None:
    assert cycles(graph()) == []


def test_a_detour_is_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == [["b", "c"]]


@pytest.mark.parametrize(
    "command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=lambda c: " ".join(c)
)
def test_the_code_is_clean(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_short() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for folder in ("qsim", "rtl", "tests", "benches", "models")
        for file in (ROOT / folder).rglob("*.py")
        if (lines := len(file.read_text().splitlines())) > 450
    }
    assert not long


def test_one_version_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text()
