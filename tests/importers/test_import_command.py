"""`qsim import --json`: what it writes is as its schema says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from networks import Net, small_weights
from schemas import violations

from qsim.cli import main


def test_json_is_as_its_schema_says(tmp_path: Path) -> None:
    rng, net = np.random.default_rng(1), Net(12)
    net.quant(0.25, 0, 5)
    net.dense(small_weights(rng, 12, 9), 0.125).then("Relu").quant(0.5, 0, 4, signed=0)
    onnx.save(net.dense(small_weights(rng, 9, 5), 0.5).model(), tmp_path / "net.onnx")
    figures = tmp_path / "net.json"
    with pytest.raises(SystemExit) as left:
        main(
            ["import", f"{tmp_path}/net.onnx", "--out", f"{tmp_path}/net.safetensors", "--json", str(figures)]
        )
    assert left.value.code == 0
    found = json.loads(figures.read_text())
    assert violations("import", found) == []
    assert len(found["differing"]) == 1
    assert violations("import", found | {"differing": 0})
