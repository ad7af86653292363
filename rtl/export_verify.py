"""Does an exported folder hold the model that it names, and nothing else?"""

from __future__ import annotations

import hashlib
import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.machine import spec
from qsim.machine.errors import QsimError
from qsim.machine.model import Layer, Model, load

from . import export
from .shape import LayerShape

Codes = npt.NDArray[np.int64]


def verify(directory: str | PathLike[str]) -> dict[str, Any]:
    """Read a folder that `export.write` wrote, and prove that it is that of its model.

    In order: every file has the hash of the manifest; the memories and `weights.bin`, decoded by the
    packing order alone, give back every weight, bias and threshold of `model.safetensors`; the
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
        values = _decoded(folder, manifest, model)
        settings = (manifest[name] for name in ("pe", "simd", "max_bits", "vectors"))
        fresh = export.files(model, *settings)
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
        raise QsimError(f"{folder}/model_digest.mem does not hold the model's digest")
    count = 0
    for i, (entry, layer) in enumerate(zip(manifest["layers"], model.layers, strict=True)):
        names = (name for name in LayerShape.__dataclass_fields__ if name in entry)
        shape = LayerShape(**{name: entry[name] for name in names})
        found = {
            "weights": _weights(memories[f"layer{i}_weights"], shape),
            "bias": _bias(memories[f"layer{i}_bias"], shape),
        }
        wanted: dict[str, Codes] = {"weights": layer.weights, "bias": layer.bias}
        for name, values in found.items():
            if not np.array_equal(values, wanted[name]):
                raise QsimError(f"{folder}/layer{i}_{name}.mem does not hold the model's {name}")
            count += values.size
        if layer.thresholds is not None:
            stages = [memories[f"threshold{i}_stage{k}"] for k in range(shape.result_bits)]
            count += _check_thresholds(folder, i, stages, shape, layer, model.bounds[i])
    return count


def _fields(word: int, bits: int, count: int) -> list[int]:
    """A word's two's complement fields, the lowest first."""
    parts = [word >> bits * k & (1 << bits) - 1 for k in range(count)]
    return [part - (part >> bits - 1 << bits) for part in parts]


def _weights(words: list[int], shape: LayerShape) -> Codes:
    weights = np.zeros((shape.groups * shape.pe, shape.beats * shape.simd), np.int64)
    for address, word in enumerate(words):
        group, beat = divmod(address, shape.beats)
        for lane, stored in enumerate(_fields(word, shape.bits, shape.pe * shape.simd)):
            p, s = divmod(lane, shape.simd)
            weights[group * shape.pe + p, beat * shape.simd + s] = spec.weight(stored, shape.grid)
    return weights[: shape.outputs, : shape.inputs]


def _bias(words: list[int], shape: LayerShape) -> Codes:
    biases = [b for word in words for b in _fields(word, shape.accumulator_bits, shape.pe)]
    return np.array(biases[: shape.outputs], np.int64)


def _check_thresholds(
    folder: Path,
    index: int,
    stages: list[list[int]],
    shape: LayerShape,
    layer: Layer,
    bounds: tuple[int, int],
) -> int:
    """Read the tree in order; thresholds that no accumulator tells apart count as equal."""
    assert layer.thresholds is not None
    low, high = bounds
    rows = 1 if shape.shared_thresholds else shape.outputs
    for neuron in range(rows):
        tree = []
        for rank in range(1, 1 << shape.result_bits):
            level = (rank & -rank).bit_length() - 1
            k = shape.result_bits - 1 - level
            word = stages[k][(neuron << k) + (rank >> level + 1)]
            tree += _fields(word, shape.accumulator_bits, 1)
        wanted = [*layer.thresholds[neuron].tolist(), *[high + 1] * (shape.levels - layer.levels)]
        if [min(max(t, low), high + 1) for t in tree] != [min(max(t, low), high + 1) for t in wanted]:
            raise QsimError(f"{folder}: neuron {neuron} of layer {index} has other thresholds than the model")
    return rows * layer.levels
