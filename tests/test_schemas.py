"""What commands write with --json, and the files in an exported folder, are as the shipped schemas say."""

from __future__ import annotations

import inspect
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from schemas import SCHEMAS, violations

from qsim.cli import main
from qsim.cli.app import app
from qsim.cli.results import SCHEMA

MODEL = str(Path(__file__).parent.parent / "models/digits-relu-q4.safetensors")
SPIRAL = MODEL.replace("digits", "spiral")
CALLS = {  # command, and where it has several forms a word; quick, run in order in a folder of their own
    "train": "train digits --bits 2 --hidden 4 --out net.safetensors",
    "run": f"run {MODEL}",
    "attack": f"attack {MODEL} --epsilon 0.05",
    "show": f"show {MODEL}",
    "map": f"map {MODEL} --rows 64 --stuck-low 0.01 --read-noise 0.1 --out tiles.safetensors",
    "bench": f"bench {MODEL} --epsilon 0.1",
    "study": f"study {MODEL} --data digits --images 4 --seeds 1 --out study",
    "verilog": f"verilog {MODEL} --out verilog",
    "cost": f"cost {SPIRAL}",
    "export": f"export {MODEL} --out folder",
    "attack pgd": f"attack {SPIRAL} --attack pgd --steps 2 --epsilon 0.05",
    "transfer": f"transfer {SPIRAL} {SPIRAL.replace('q4', 'q8')} --attack fgsm --epsilon 0.05 --images 10",
    "audit": f"audit {SPIRAL} --attack fgsm --epsilon 0.05 --images 10",
    "certify": f"certify {MODEL} --radius 1 --images 2 --out certificates",
    "certify check": "certify --check certificates",
    "export-onnx": f"export-onnx {MODEL} --out net.onnx",
    "conform": f"conform {MODEL} --against net.onnx --images 20",
    "faults": f"faults {SPIRAL} --rate 0.001 --trials 2 --images 20 --out faults",
    "faults attacked": f"faults {SPIRAL} --rate 0.01 --trials 2 --images 4 --epsilon 0.01 --certify --out a",
    "faults single": f"faults {SPIRAL} --sample 2 --images 20 --out single",
    "upsets": f"upsets {SPIRAL} --samples 3 --images 1 --pe 2 --out upsets",
    "flips": f"flips {SPIRAL} --budget 1 --crafting 20 --images 20 --seeds 1 --out flips",
    "replay": f"replay {SPIRAL} --faults flips/spiral-relu-q4-weight-bit.csv --images 5",
}
ELSEWHERE = {"build", "import", "paper"}  # beside the tests of these commands


def with_json() -> set[str]:
    """The commands that have an option --json."""
    return {
        str(command.name)
        for command in app.registered_commands
        if command.callback and "json" in inspect.signature(command.callback).parameters
    }


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each command writes."""
    folder = tmp_path_factory.mktemp("documents")
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, line in CALLS.items():
            with pytest.raises(SystemExit) as left:
                main([*line.split(), "--json", "figures.json"])
            assert left.value.code == 0
            found[name] = json.loads(Path("figures.json").read_text())
        found["manifest"] = json.loads(Path("folder/manifest.json").read_text())
    return found


def test_every_command_that_writes_json_has_a_schema() -> None:
    assert with_json() == {*(name.split()[0] for name in CALLS), *ELSEWHERE}
    assert with_json() <= set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"].endswith(f"/{name}.json")


@pytest.mark.parametrize("name", [*CALLS, "manifest"])
def test_what_is_written_is_as_its_schema_says(name: str, documents: dict[str, Any]) -> None:
    assert violations(name.split()[0], documents[name]) == []
    assert documents[name].get("schema", SCHEMA) == SCHEMA


@pytest.mark.parametrize("name", [*CALLS, "manifest"])
def test_a_missing_or_changed_field_is_noticed(name: str, documents: dict[str, Any]) -> None:
    schema = name.split()[0]
    for field in SCHEMAS[schema]["required"]:
        without, changed = deepcopy(documents[name]), deepcopy(documents[name])
        del without[field]
        changed[field] = {"not": "this"} if field not in ("provenance", "files", "generator") else 0
        assert violations(schema, without), field
        assert violations(schema, changed), field
