"""The importers as users call them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.model import Model
from .freeze import Report, freeze
from .stages import Coding, Reading

if TYPE_CHECKING:
    import onnx


Run = Callable[[npt.NDArray[Any], Sequence[str]], dict[str, npt.NDArray[Any]]]


@dataclass(frozen=True, eq=False)
class Imported:
    """A network read from another tool's file.

    Parameters
    ----------
    model : Model
    report : Report
        Which thresholds it has, and at how many the two ways differ.
    reading : Reading
        `reading.input.codes(x)` gives the codes of real inputs x.
    codings : tuple of Coding, one a quantized layer
    graph : Graph or File
        The file as it was read, for comparisons.
    seconds : float
    """

    model: Model
    report: Report
    reading: Reading
    codings: tuple[Coding, ...]
    graph: Any
    seconds: float


def import_onnx(
    source: str | PathLike[str] | onnx.ModelProto,
    *,
    thresholds: str = "probed",
    last_layer: str = "exact",
    input_bits: int | None = None,
    input_scale: float | None = None,
    input_signed: bool = False,
    level: str = "all",
) -> Imported:
    """Read an ONNX file (QONNX, QDQ, QCDQ, integer operators) with all that is known about it.

    Parameters and errors are those of `from_onnx`.
    """
    started = time.perf_counter()
    try:
        from .onnx import reader, runtime
        from .onnx.walk import Codes
    except ImportError as error:
        raise QsimError(f"reading ONNX files needs {error.name}: pip install 'qsim[onnx]'") from None
    if level not in ("all", "none"):
        raise QsimError(f"level is {level!r}; all or none is needed")
    if (input_bits is None) is not (input_scale is None):
        raise QsimError("input_bits and input_scale describe input codes together; one of them is missing")
    codes = None
    if input_bits is not None and input_scale is not None:
        codes = Codes(input_bits, input_scale, input_signed)
    reading, graph = reader.read_onnx(source, codes, level)
    facts: dict[str, Any] = {"imported": "onnx", "runtime": runtime.version(), "level": level}
    try:
        frozen = freeze(
            reading,
            thresholds=thresholds,
            last_layer=last_layer,
            hints=reader.hints(graph.metadata),
            provenance=facts,
        )
    except QsimError as error:
        raise QsimError(f"{graph.facts['file']}: {error}") from None
    seconds = time.perf_counter() - started
    return Imported(frozen.model, frozen.report, reading, frozen.codings, graph, seconds)


def from_onnx(
    source: str | PathLike[str] | onnx.ModelProto,
    *,
    thresholds: str = "probed",
    last_layer: str = "exact",
    input_bits: int | None = None,
    input_scale: float | None = None,
    input_signed: bool = False,
    level: str = "all",
) -> Model:
    """A quantized multilayer perceptron from an ONNX file, exactly.

    Parameters
    ----------
    source : path or onnx.ModelProto
        QONNX, QDQ or QCDQ, or onnxruntime's integer operators.
    thresholds : "probed" or "exact"
        Where a neuron's code changes: found by bisection in the runtime's own float32, or from exact
        rational numbers. Provenance counts where the two differ.
    last_layer : "exact" or "float"
        `float` lets accumulators stand where no integers have the order of the real logits; these are
        then accumulator * scale + offset with the numbers in `provenance["logits"]`.
    input_bits : int, optional
        Width of the input codes, where the file has no quantizer for them.
    input_scale : float, optional
        What an input code stands for then: x = code * input_scale.
    input_signed : bool
        Whether input codes are signed then.
    level : "all" or "none"
        Which onnxruntime the probed thresholds of QuantizeLinear/DequantizeLinear chains equal: that with
        all optimisations, which fuses them into integer kernels, or that with none.

    Returns
    -------
    Model
        Its input codes are those of the file's first quantizer.

    Raises
    ------
    QsimError
        If anything in the file cannot be held exactly; the sentence names the node.
    """
    return import_onnx(
        source,
        thresholds=thresholds,
        last_layer=last_layer,
        input_bits=input_bits,
        input_scale=input_scale,
        input_signed=input_signed,
        level=level,
    ).model


def import_tflite(
    source: str | PathLike[str],
    *,
    thresholds: str = "probed",
    last_layer: str = "exact",
    level: str = "reference",
) -> Imported:
    """Read a TFLite file of int8 fully connected layers.

    Parameters
    ----------
    source : path
    thresholds, last_layer
        As in `from_onnx`; the two ways never differ here, for TFLite accumulates integers.
    level : "reference", "xnnpack" or "micro"
        Whose requantization: LiteRT's reference kernels, XNNPACK (what LiteRT does by default on a
        processor), or TFLite Micro.

    Raises
    ------
    QsimError
        If anything in the file is not supported; the sentence names the operator.
    """
    started = time.perf_counter()
    try:
        from .tflite import reader
        from .tflite.kernels import kernels
    except ImportError as error:
        raise QsimError(f"reading TFLite files needs {error.name}: pip install 'qsim[tflite]'") from None
    facts = {"imported": "tflite", "runtime": kernels(level).name, "level": level}
    reading, file = reader.read(source, level)
    try:
        frozen = freeze(reading, thresholds=thresholds, last_layer=last_layer, provenance=facts)
    except QsimError as error:
        raise QsimError(f"{file.facts['file']}: {error}") from None
    seconds = time.perf_counter() - started
    return Imported(frozen.model, frozen.report, reading, frozen.codings, file, seconds)


IMPORTERS: dict[str, Callable[..., Imported]] = {".onnx": import_onnx, ".tflite": import_tflite}


def import_file(path: str | PathLike[str], **options: Any) -> Imported:
    """Read a file with the importer for its name's ending.

    Raises
    ------
    QsimError
        If there is none, or as `from_onnx`.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in IMPORTERS:
        raise QsimError(f"{path} ends in {ending!r}; {', '.join(IMPORTERS)} can be imported")
    if ending != ".onnx" and (given := [name for name in options if name.startswith("input_")]):
        raise QsimError(
            f"{path.name}: {', '.join(given)} given; a {ending} file says itself how inputs are coded"
        )
    return IMPORTERS[ending](path, **options)


def coded_as(model: Model) -> dict[str, Any]:
    """The options that describe a model's input codes to `import_onnx`."""
    return {
        "input_bits": model.input.bits,
        "input_scale": 1 / model.layers[0].codes_per_unit,
        "input_signed": model.input.signed,
    }


def runtime(imported: Imported, name: str | None = None) -> tuple[Run, str]:
    """What runs a file, by name, and its name.

    Parameters
    ----------
    imported : Imported
    name : str, optional
        One of `qsim.importers.onnx.runtimes.RUNTIMES`; by default that whose arithmetic was imported.

    Raises
    ------
    QsimError
        If there is no such runtime.
    """
    if imported.model.provenance["imported"] == "tflite":
        return _tflite(imported, name)
    from .onnx.reader import QONNX
    from .onnx.runtimes import RUNTIMES

    if name is None:
        own = any(node.domain in QONNX for node in imported.graph.nodes)
        level = imported.model.provenance["level"]
        name = "nodes" if own else ("onnxruntime" if level == "all" else "onnxruntime-unoptimised")
    if name not in RUNTIMES:
        raise QsimError(f"runtime is {name!r}; {', '.join(RUNTIMES)} are allowed")
    return (lambda x, wanted: RUNTIMES[name](imported.graph, x, wanted)), name


def _tflite(imported: Imported, name: str | None) -> tuple[Run, str]:
    """A TFLite runtime on real inputs, image by image."""
    from .tflite.kernels import KERNELS
    from .tflite.runtime import tapped

    name = name or str(imported.model.provenance["level"])
    if name not in KERNELS:
        raise QsimError(f"runtime is {name!r}; a TFLite file runs in {', '.join(KERNELS)}")
    file, entry = imported.graph, imported.reading.input

    def run(x: npt.NDArray[Any], wanted: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
        invoke = tapped(file.content, [file.names[tensor] for tensor in wanted], name)
        flat = x.reshape(len(x), -1)
        rows = [invoke(row) for row in (flat if file.floats else entry.codes(flat))]
        return {tensor: np.stack([row[i] for row in rows]) for i, tensor in enumerate(wanted)}

    return run, name
