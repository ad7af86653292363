"""The exported LiteX module in a SoC that LiteX makes, simulated: images are answered over CSRs and bus."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from random_models import random_model

from qsim_rtl.export import folder as export
from qsim_rtl.gateware.bus.registers import MASK
from qsim_rtl.shape.loadable import crc
from qsim_rtl.sim import cocotb_run, toolchain

HERE = Path(__file__).parent
MODEL = random_model((7, 5, 3), (3, 2), [6], per_neuron=True, seed=3)
STYLES = {
    "folded": {"pe": 2, "simd": 3, "name": "alpha"},
    "unrolled": {"simd": 7, "style": "unrolled"},
    "on Wishbone": {"simd": 7, "style": "unrolled", "control": "wishbone"},
}


def scenario(folder: Path) -> dict[str, object]:
    """What the folder's own bench sends, loads and expects, of the model and of the probe, if any."""
    manifest = json.loads((folder / "manifest.json").read_text())
    beats, expected = ((folder / f"vectors_{end}.mem").read_text().split() for end in ("in", "out"))
    results, writes = len(expected), []
    if manifest["reload"]:
        results //= 2
        words = np.array([int(word, 16) for word in (folder / "load.mem").read_text().split()], np.uint32)
        image = words[manifest["image_words"] :]
        writes = [("CONTROL", MASK["LOAD"]), *(("LOAD_DATA", word) for word in image.tolist())]
        writes.append(("LOAD_CRC", crc(image)))
    return {
        "name": manifest["name"],
        "beats": beats,
        "frame_beats": manifest["frame_beats"],
        "expected": expected[:results],
        "load": writes,
        "loaded": expected[-results:],
    }


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(
    "style", [pytest.param(style, marks=[pytest.mark.slow] * (style == "unrolled")) for style in STYLES]
)
def test_a_soc_answers_images(style, tmp_path):
    pytest.importorskip("litex", reason="pip install litex")
    folder, run = tmp_path / "export", tmp_path / "run"
    export.write(MODEL, folder, vectors=3, **STYLES[style])
    run.mkdir()
    (run / "scenario.json").write_text(json.dumps(scenario(folder)))
    toolchain.run([sys.executable, HERE / "litex_soc.py", folder, run], timeout=60)
    name = STYLES[style].get("name", "qsim")
    for path in (folder / f"{name}.v", *folder.glob(f"{name}_*.mem")):
        shutil.copy(path, run)
    settings = {"SCENARIO": str(run / "scenario.json")}
    cocotb_run.run(run, HERE / "cocotb_litex.py", timeout=200, settings=settings)
