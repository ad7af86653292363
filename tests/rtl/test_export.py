"""The exported folder: the same bytes twice, right in two simulators, and no bit of it can change unseen."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import missing
from crossbar_models import Devices, tiled
from random_models import random_model

from qsim import InputFormat, Layer, Model, QsimError, load
from qsim.cli import main
from qsim.model.crossbar import Mapping
from qsim_rtl.export import folder as export
from qsim_rtl.export import texts as export_texts
from qsim_rtl.export import verify as export_verify
from qsim_rtl.fpga.family import FAMILIES
from qsim_rtl.sim import toolchain
from qsim_rtl.sim import verilator as verilate

MODEL = random_model((7, 5, 3), (3, 2), [6], per_neuron=True, seed=3)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export.write(MODEL, folder, pe=2, simd=3, bits=4, vectors=4)
    return folder


@pytest.fixture
def copy(exported, tmp_path):
    """The folder, elsewhere, free to be spoilt."""
    return Path(shutil.copytree(exported, tmp_path / "elsewhere"))


@pytest.fixture(scope="module")
def icarus(exported, tmp_path_factory):
    """Runs the test bench of a folder in Icarus; gives back whether it passed, and the log."""
    if not shutil.which("iverilog"):
        missing("iverilog was not found: install Icarus Verilog")
    program = tmp_path_factory.mktemp("icarus") / "testbench.vvp"
    sources = [exported / "testbench.v", exported / "qsim.v"]
    toolchain.run(["iverilog", "-g2009", "-s", "testbench", "-o", program, *sources], timeout=60)

    def run(folder):
        done = subprocess.run(["vvp", "-n", program], cwd=folder, capture_output=True, text=True, timeout=60)
        return done.returncode == 0 and "PASS" in done.stdout, done.stdout

    return run


def flip(file: Path, line: int, bit: int) -> None:
    lines = file.read_text().split()
    lines[line] = f"{int(lines[line], 16) ^ 1 << bit:0{len(lines[line])}x}"
    file.write_text("".join(f"{word}\n" for word in lines))


def test_the_same_model_gives_the_same_bytes(exported, tmp_path):
    export.write(MODEL, tmp_path, pe=2, simd=3, bits=4, vectors=4)
    names = sorted(path.name for path in exported.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        assert (exported / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_the_manifest_states_every_file_and_the_model(exported):
    manifest = json.loads((exported / "manifest.json").read_text())
    assert {*manifest["files"], "manifest.json"} == {path.name for path in exported.iterdir()}
    assert manifest["digest"] == MODEL.digest
    assert (manifest["pe"], manifest["simd"], manifest["bits"]) == ([2, 2], [3, 3], 4)
    assert str(exported) not in "".join(path.read_text(errors="ignore") for path in exported.iterdir())


def test_the_bench_passes_in_icarus_wherever_the_folder_is(icarus, copy):
    passed, log = icarus(copy)
    assert passed, log
    assert re.search(f"PASS: model {MODEL.digest[:12]} and probe [0-9a-f]{{12}}, 4 images", log)


def test_one_flipped_bit_in_any_memory_file_fails_the_bench_and_verify(icarus, copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    chance = np.random.default_rng(1)
    memories = [(memory["file"], memory["words"], memory["width"]) for memory in manifest["memories"]]
    results = sum(manifest["m_axis_tdata_bits"].values())
    for name, words, width in [
        *memories,
        ("load.mem", 2 * manifest["image_words"], 32),
        ("vectors_out.mem", 24, results),
    ]:
        before = (copy / name).read_bytes()
        flip(copy / name, int(chance.integers(words)), int(chance.integers(width)))
        passed, log = icarus(copy)
        assert not passed, name
        assert "FAIL" in log
        with pytest.raises(QsimError, match=f"{name} is not the file that was exported"):
            export_verify.verify(copy)
        (copy / name).write_bytes(before)
    assert icarus(copy)[0]
    export_verify.verify(copy)


def test_a_fault_in_the_verilog_fails_the_bench(exported, copy):
    if not shutil.which("iverilog"):
        missing("iverilog was not found: install Icarus Verilog")
    text = (exported / "qsim.v").read_text()
    assert " * " in text
    (copy / "qsim.v").write_text(text.replace(" * ", " + ", 1))
    sources = [copy / "testbench.v", copy / "qsim.v"]
    toolchain.run(["iverilog", "-g2009", "-s", "testbench", "-o", copy / "bench.vvp", *sources], timeout=60)
    with pytest.raises(QsimError, match="FAIL"):
        toolchain.run(["vvp", "-n", "bench.vvp"], timeout=60, cwd=copy)


@pytest.mark.usefixtures("simulator")
def test_the_bench_passes_in_verilator(copy):
    root = verilate.tools().verilator
    options = ["--cc", "--main", "--timing", "-Wno-fatal", "-Wno-lint", "--top-module", "testbench"]
    toolchain.run(
        [root / "bin/verilator_bin", *options, "-Mdir", "obj", "testbench.v", "qsim.v"],
        timeout=120,
        cwd=copy,
        env={**os.environ, "VERILATOR_ROOT": str(root)},
    )
    names = ("verilated", "verilated_threads", "verilated_timing")
    parts = [root / f"include/{name}.cpp" for name in names]
    parts += sorted(part for part in (copy / "obj").glob("*.cpp"))
    (copy / "all.cpp").write_text("".join(f'#include "{part}"\n' for part in parts[3:]))
    places = [f"-I{root / 'include'}", f"-I{root / 'include/vltstd'}", f"-I{copy / 'obj'}"]
    flags = ["-std=c++20", "-fcoroutines", "-O0", "-w", "-pthread"]
    flags += [f"-DVM_{name}=0" for name in verilate.ABSENT if name != "TIMING"] + ["-DVM_TIMING=1"]
    if "clang" in str(toolchain.cxx()) or "zig" in str(toolchain.cxx()):
        flags.remove("-fcoroutines")
    toolchain.run(
        [*toolchain.cxx(), *flags, *places, copy / "all.cpp", *parts[:3], "-o", copy / "bench"], timeout=300
    )
    assert "PASS" in toolchain.run([copy / "bench"], timeout=60, cwd=copy)
    flip(copy / "qsim_layer1_bias.mem", 1, 3)
    with pytest.raises(QsimError, match="FAIL"):
        toolchain.run([copy / "bench"], timeout=60, cwd=copy)


def resealed(folder: Path, name: str) -> None:
    """Make the manifest agree with a file, as one who means to deceive would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("qsim_layer0_weights.mem", "weights.bin and qsim_layer0_weights.mem differ"),
        ("qsim_model_digest.mem", "weights.bin and qsim_model_digest.mem differ"),
        ("vectors_out.mem", "vectors_out.mem is not what the model gives"),
    ],
)
def test_verify_sees_a_change_that_the_manifest_was_made_to_cover(copy, name, message):
    flip(copy / name, 0, 0)
    resealed(copy, name)
    with pytest.raises(QsimError, match=message):
        export_verify.verify(copy)


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """A noisy network with coarse converters, exported."""
    model = tiled(
        (5, 4, 3), Mapping(3, 4, 2, 2, "offset", 3), Devices("spread", "both", 1 << 17), input_bits=4
    )
    folder = tmp_path_factory.mktemp("tiles")
    export.write(model, folder, pe=2, simd=3, vectors=3)
    return folder


def test_a_network_on_tiles_plays_its_bench_and_is_verified(tiles, tmp_path):
    toolchain.run(
        [
            "iverilog",
            "-g2009",
            "-s",
            "testbench",
            "-o",
            tmp_path / "b.vvp",
            tiles / "testbench.v",
            tiles / "qsim.v",
        ],
        timeout=60,
    )
    assert "PASS" in toolchain.run(["vvp", "-n", tmp_path / "b.vvp"], timeout=60, cwd=tiles)
    model, facts = load(tiles / "model.safetensors"), export_verify.verify(tiles)
    assert facts["regenerated"]
    assert facts["values"] > sum(layer.crossbar.cells.size for layer in model.layers)


@pytest.mark.parametrize(
    ("kind", "when", "passes"),
    [
        ("exported", "{enable} && {address} == {written}", True),
        ("tiles", "{enable} && {address} == {written}", True),
        ("exported", "{enable}", False),
    ],
)
def test_no_result_depends_on_a_word_that_is_read_while_it_is_written(kind, when, passes, request, tmp_path):
    """Synthesis is told so (-no-rw-check): such a read may then give anything, here X."""
    if not shutil.which("iverilog"):
        missing("iverilog was not found: install Icarus Verilog")
    copy = Path(shutil.copytree(request.getfixturevalue(kind), tmp_path / "elsewhere"))
    head, *modules = re.split(r"^(?=module )", (copy / "qsim.v").read_text(), flags=re.MULTILINE)
    changed, count = head, 0
    for text in modules:
        for enable, memory, written in re.findall(r"if \((.+)\)\n +(\w+)\[(.+)\] <= ", text):
            (read,) = re.finditer(rf"\w+ <= {memory}\[(.+)\];", text)
            clash = when.format(enable=enable, written=written, address=read[1])
            text = text.replace(read[0], read[0].replace("<= ", f"<= {clash} ? 'bx : "))
            count += 1
        changed += text
    assert count > len(json.loads((copy / "manifest.json").read_text())["memories"])
    (copy / "qsim.v").write_text(changed)
    sources = [copy / "testbench.v", copy / "qsim.v"]
    toolchain.run(["iverilog", "-g2009", "-s", "testbench", "-o", copy / "bench.vvp", *sources], timeout=120)
    done = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=copy, capture_output=True, text=True, timeout=120)
    assert ("PASS" in done.stdout) is passes, done.stdout


@pytest.mark.parametrize("kind", ["exported", "tiles"])
def test_verify_decodes_the_memories(kind, request, tmp_path):
    """Both copies of a weight, cell, bias or threshold changed and resealed: only decoding can tell."""
    copy = Path(shutil.copytree(request.getfixturevalue(kind), tmp_path / "elsewhere"))
    manifest = json.loads((copy / "manifest.json").read_text())
    place = 1
    for memory in manifest["memories"]:
        if memory["name"] != "model_digest":
            before = {
                name: (copy / name).read_bytes() for name in (memory["file"], "weights.bin", "manifest.json")
            }
            changed = int(memory["name"].endswith("combine_bias"))  # the first column is a reference
            flip(copy / memory["file"], changed, 0)
            words = np.frombuffer(before["weights.bin"], "<u4").copy()
            words[place + changed * memory["pieces"]] ^= 1
            (copy / "weights.bin").write_bytes(words.tobytes())
            resealed(copy, memory["file"])
            resealed(copy, "weights.bin")
            with pytest.raises(QsimError, match=f"{memory['file']} does not hold what the model"):
                export_verify.verify(copy)
            for name, content in before.items():
                (copy / name).write_bytes(content)
        place += memory["words"] * memory["pieces"]


def test_a_folder_of_another_model_is_refused(copy):
    random_model((7, 5, 3), (3, 2), [6], per_neuron=True, seed=4).save(copy / "model.safetensors")
    resealed(copy, "model.safetensors")
    with pytest.raises(QsimError, match=f"its manifest names {MODEL.digest[:12]}"):
        export_verify.verify(copy)


def test_what_is_no_export_is_named(tmp_path, copy):
    with pytest.raises(QsimError, match=r"manifest.json cannot be read"):
        export_verify.verify(tmp_path)
    (copy / "qsim.v").unlink()
    with pytest.raises(QsimError, match=r"qsim.v is missing"):
        export_verify.verify(copy)
    (copy / "manifest.json").write_text('{"format": 99, "files": {}}')
    with pytest.raises(QsimError, match="format 99; this qsim reads format 3"):
        export_verify.verify(copy)


def test_the_c_header_has_the_model_and_compiles(exported, compiler, tmp_path):
    source = tmp_path / "main.cpp"
    source.write_text(
        '#include <cstdio>\n#include "qsim.h"\n'
        "int main() { std::fwrite(qsim_model, 4, QSIM_MODEL_WORDS, stdout);\n"
        " uint32_t crc = QSIM_MODEL_CRC32; std::fwrite(&crc, 4, 1, stdout);\n"
        " return qsim_load ? 0 : 1; }"
    )
    toolchain.run(
        [*compiler, "-Wall", "-Wno-address", "-Werror", f"-I{exported}", source, "-o", tmp_path / "main"],
        timeout=120,
    )
    done = subprocess.run([tmp_path / "main"], capture_output=True, check=True)
    assert done.stdout == (exported / "weights.bin").read_bytes()


def test_one_output_and_signed_codes(icarus, tmp_path):
    model = Model([Layer([[3, -1, 1]], [-2], 2)], InputFormat(5, signed=True))
    export.write(model, tmp_path, pe=1, simd=2, vectors=9)
    export_verify.verify(tmp_path)
    sources = [tmp_path / "testbench.v", tmp_path / "qsim.v"]
    toolchain.run(["iverilog", "-g2009", "-s", "testbench", "-o", tmp_path / "b.vvp", *sources], timeout=60)
    assert "PASS" in toolchain.run(["vvp", "-n", "b.vvp"], timeout=60, cwd=tmp_path)


def test_frames_as_arrays_of_bytes(tmp_path):
    folder = tmp_path / "bytes"
    manifest = export.write(MODEL, folder, pe=2, simd=3, bits=4, vectors=4, stream=2)
    assert (manifest["stream_bytes"], manifest["frame_beats"], manifest["s_axis_tdata_bits"]) == (2, 4, 16)
    assert manifest["interval"] >= 4 + 3
    assert "of an array of 7 codes of 1 bytes each" in " ".join((folder / "README.md").read_text().split())
    assert "QSIM_FRAME_BEATS 4" in (folder / "qsim.h").read_text()
    assert export_verify.verify(folder)["regenerated"]
    sources = [folder / "testbench.v", folder / "qsim.v"]
    toolchain.run(["iverilog", "-g2009", "-s", "testbench", "-o", folder / "b.vvp", *sources], timeout=60)
    assert "PASS" in toolchain.run(["vvp", "-n", "b.vvp"], timeout=60, cwd=folder)


def test_every_board_has_pins_for_every_port(exported):
    for family in FAMILIES.values():
        for board in family.boards:
            top = (exported / f"board_{board.target}.v").read_text()
            constraints = (exported / family.files(board).constraints).read_text()
            for name, place in board.places.items():
                assert name in top
                assert re.search(rf"\b{name}\b", constraints)
                assert re.search(rf"\b{place}\b", constraints)


def test_the_documented_register_map_is_the_one_in_the_hardware():
    assert export_texts.registers() in (Path(__file__).parent.parent.parent / "docs/export.md").read_text()


def test_the_command_writes_and_verifies(tmp_path, capsys):
    MODEL.save(tmp_path / "m.safetensors")
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "export",
                str(tmp_path / "m.safetensors"),
                "--out",
                str(tmp_path / "x"),
                "--pe",
                "5",
                "--vectors",
                "1",
            ]
        )
    assert ended.value.code == 0
    with pytest.raises(SystemExit):
        main(["export", "--verify", str(tmp_path / "x")])
    assert "made anew, all bytes are equal" in capsys.readouterr().out
    for arguments, message in (
        (["export", "--verify", str(tmp_path)], "cannot be read"),
        (["export", str(tmp_path / "m.safetensors")], "a model FILE and --out DIR are needed"),
        (
            ["export", str(tmp_path / "m.safetensors"), "--out", str(tmp_path / "y"), "--vectors", "0"],
            "at least 1",
        ),
        (
            ["build", str(tmp_path / "x"), "--target", "virtex"],
            "one of ecp5-25k, ecp5-85k, gw2a-18, up5k",
        ),
        (["build", str(tmp_path), "--target", "up5k"], "is no export"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        assert message in capsys.readouterr().err
