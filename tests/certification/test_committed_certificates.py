"""The certificates beside the models that were trained for them: every one is judged again."""

import gzip
import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from qsim import load
from qsim.cli import main

MODELS = Path(__file__).parents[2] / "models"
NAMES = [
    pytest.param(f"mnist-certified-q{bits}", marks=[] if bits == 1 else pytest.mark.slow)
    for bits in (1, 2, 4, 8)
]


@pytest.mark.parametrize("name", NAMES)
def test_committed_certificates_are_accepted_and_of_the_model(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ZipFile(MODELS / "certificates" / f"{name}.zip") as archive:
        archive.extractall(tmp_path)
    files = sorted((tmp_path / name / "radius-13").iterdir())
    with pytest.raises(SystemExit) as stop:
        main(["certify", "--check", str(tmp_path)])
    assert not stop.value.code
    assert f"{len(files)} certificates accepted, 0 refused" in capsys.readouterr().out
    assert len(files) >= 99  # of 100 images
    model = load(MODELS / f"{name}.safetensors")
    assert {json.loads(gzip.decompress(file.read_bytes()))["model"] for file in files} == {model.digest}
