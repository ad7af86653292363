"""A model from its file."""

from __future__ import annotations

from os import PathLike

from .. import spec
from ..errors import QsimError
from . import container
from .crossbar import Crossbar
from .input_format import InputFormat
from .layer import Layer
from .model import FORMAT, Model


def load(path: str | PathLike[str]) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : path
        A safetensors file that `Model.save` or another program wrote.

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If the file is missing, truncated, altered, from a newer version, or no model at all.
        Nothing in a file is ever executed.
    """
    header, tensors = container.read(path)
    for key, known in (("format", FORMAT), ("spec", spec.VERSION)):
        if header.get(key) != known:
            raise QsimError(
                f"{path}: written for {key} version {header.get(key)!r}; this qsim reads version {known}"
            )
    try:
        layers = []
        for i, entry in enumerate(header["layers"]):
            if entry["kind"] not in ("dense", "crossbar"):
                raise QsimError(f"layer {i} is of kind {entry['kind']!r}; 'dense' or 'crossbar' is needed")
            tiles = entry["kind"] == "crossbar"
            layers.append(
                Layer(
                    weights=tensors.pop(f"layers.{i}.weights"),
                    bias=tensors.pop(f"layers.{i}.bias"),
                    thresholds=tensors.pop(f"layers.{i}.thresholds", None),
                    crossbar=Crossbar.read(entry, tensors, f"layers.{i}.") if tiles else None,
                    codes_per_unit=entry["one"],
                    zero_code=entry.get("zero", 0),
                    preactivation_gain=entry["gain"],
                    wrap_bits=entry.get("wrap"),
                    **{key: entry[key] for key in ("bits", "grid", "activation")},
                )
            )
        model = Model(tuple(layers), InputFormat(**header["input"]), header["provenance"])
        if tensors:
            raise QsimError(f"arrays that belong to no layer: {', '.join(sorted(tensors))}")
        if any(header[key] != value for key, value in model.description().items()):
            raise QsimError("its header states other formats or accumulator bounds than its arrays have")
        if model.digest != header["digest"]:
            raise QsimError("its digest is not that of its content")
    except QsimError as error:
        raise QsimError(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise QsimError(f"{path}: its header lacks or misnames something ({error!r})") from None
    return model
