"""Does an exported folder hold the model that it names, and nothing else?"""

from __future__ import annotations

import hashlib
import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from qsim.errors import QsimError
from qsim.model.file import load
from qsim.model.model import Model

from ..memory import decode as export_decode
from . import folder as export


def verify(directory: str | PathLike[str]) -> dict[str, Any]:
    """Read a folder that `export.write` wrote, and prove that it is that of its model.

    In order: every file has the hash of the manifest; the memories and `weights.bin`, if the engine has any,
    decoded by the packing order alone, give back every weight, bias and threshold of `model.safetensors`; the
    expected results are those of the specification; and the whole export, made anew from the model,
    has the same bytes. The last is left out, and `regenerated` is False, where amaranth or yosys are
    of other versions than those that made the folder.

    Returns
    -------
    dict
        `digest`, `files` and `values`, how many were compared, and `regenerated`.

    Raises
    ------
    QsimError
        At the first difference; names the file.
    """
    folder = Path(directory)
    manifest = _manifest(folder)
    for name, wanted in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            raise QsimError(f"{path} is missing")
        if hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            raise QsimError(f"{path} is not the file that was exported: its hash differs from the manifest's")
    try:
        model = load(folder / "model.safetensors")
        if model.digest != manifest["digest"]:
            raise QsimError(
                f"{folder} holds model {model.digest[:12]}; its manifest names {manifest['digest'][:12]}"
            )
        values = _results(folder, model) if not manifest["reload"] else _decoded(folder, manifest, model)
        fresh = export.files(model, export.Settings.said(manifest))
    except QsimError:
        raise
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise QsimError(f"{folder}/manifest.json does not describe the folder ({error!r})") from None
    same_tools = json.loads(fresh["manifest.json"])["generator"] == manifest["generator"]
    if same_tools:
        for name, content in fresh.items():
            if not (folder / name).is_file() or (folder / name).read_bytes() != content:
                raise QsimError(f"{folder / name} is not what the model gives")
    return {
        "digest": model.digest,
        "files": len(manifest["files"]),
        "values": values,
        "regenerated": same_tools,
    }


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    try:
        manifest = dict(json.loads(path.read_text()))
        found, names = manifest["format"], list(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise QsimError(f"{path} cannot be read: {error}") from None
    if found != export.FORMAT:
        raise QsimError(f"{path} is of format {found!r}; this qsim reads format {export.FORMAT}")
    if any(Path(name).name != name for name in names):
        raise QsimError(f"{path} names files outside its folder")
    return manifest


def _results(folder: Path, model: Model) -> int:
    """How many logits and classes the expected results have, which the export made anew is compared with."""
    return len((folder / "vectors_out.mem").read_text().split()) * (model.outputs + 1)


def _decoded(folder: Path, manifest: dict[str, Any], model: Model) -> int:
    """Compare what the memories hold with the model; how many values that were."""
    memories = {
        memory["name"]: [int(line, 16) for line in (folder / memory["file"]).read_text().split()]
        for memory in manifest["memories"]
    }
    packed = np.frombuffer((folder / "weights.bin").read_bytes(), "<u4").tolist()
    place = 1
    for memory in manifest["memories"]:
        for word in memories[memory["name"]]:
            for piece in range(memory["pieces"]):
                if packed[place] != word >> 32 * piece & 0xFFFFFFFF:
                    raise QsimError(f"{folder}/weights.bin and {memory['file']} differ")
                place += 1
    if "".join(f"{word:08x}" for word in memories["model_digest"]) != model.digest:
        raise QsimError(f"{folder}/{manifest['name']}_model_digest.mem does not hold the model's digest")
    return export_decode.compare(f"{folder}/{manifest['name']}_", manifest["layers"], memories, model)
