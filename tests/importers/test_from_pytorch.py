"""The programs of docs/howto/from-pytorch.md, and what becomes of their files; `nox -s pytorch` runs this."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qsim
from qsim.cli import main

torch = pytest.importorskip("torch", reason="torch is not installed; `nox -s pytorch` brings it")

PAGE = Path(__file__).parent.parent.parent / "docs/howto/from-pytorch.md"
pytestmark = pytest.mark.filterwarnings("ignore")  # of torch's exporter and of Brevitas


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page's programs leave, run in their order in a folder of their own."""
    pytest.importorskip("brevitas")
    programs = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {"folder": tmp_path_factory.mktemp("pytorch")}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(names["folder"])
        exec(programs[0], names)
        names["plain"] = names["network"]
        exec(programs[1], names)
    return names


def run(*arguments: str) -> Any:
    """The figures that a command writes."""
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--json", "figures.json"])
    assert stop.value.code == 0
    return json.loads(Path("figures.json").read_text())


@pytest.mark.parametrize(("kind", "level"), [("network", "none"), ("network", "all"), ("brevitas", "all")])
def test_the_files_integers_are_the_models(
    kind: str, level: str, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(names["folder"])
    made = run("import", f"{kind}.onnx", "--level", level, "--out", "m.safetensors")
    found = run("conform", "m.safetensors", "--against", f"{kind}.onnx", "--images", "2000")
    assert found["equal"] or (kind == "brevitas" and sum(made["sensitive"]) and found["differing"][0] < 3)
    assert qsim.load("m.safetensors").layers[0].max_code == 15
    assert run("run", "m.safetensors", "--data", "digits")["integer"] > 0.93


def test_plain_pytorch_itself_says_the_same(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Real logits of PyTorch, back to integers, are the model's; so are the hidden codes."""
    monkeypatch.chdir(names["folder"])
    run("import", "network.onnx", "--level", "none", "--out", "m.safetensors")
    model = qsim.load("m.safetensors")
    codes, _ = qsim.data.digits("test")
    with torch.no_grad():
        x = torch.tensor(codes / 256).float()
        hidden = names["plain"][:3](x).numpy() * 4
        logits = names["plain"](x).numpy()
    assert np.array_equal(model.trace(codes).hidden[0], hidden)
    kept = model.provenance["logits"]
    reals = model.logits(codes) * np.array(kept["scale"]) + np.array(kept["offset"])
    assert np.abs(reals - logits).max() < 1e-5
    assert np.array_equal(model.predict(codes), logits.argmax(axis=1))
