"""The exporters as users call them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import QsimError
from ..model.model import Model

if TYPE_CHECKING:
    import onnx

STYLES = ("qonnx", "quant", "integer", "qcdq")  # each a module of `onnx` with a function `export`


def to_onnx(model: Model, style: str = "qonnx") -> onnx.ModelProto:
    """A model as an ONNX file that gives the same integers, to the last logit.

    Parameters
    ----------
    model : Model, not on crossbar tiles
    style : "qonnx", "quant", "integer" or "qcdq"
        qonnx: `Quant` and `MultiThreshold`, for FINN and the qonnx executor. quant: `Quant` alone, for
        hls4ml, where activations are uniform. integer: standard operators on integers, for onnxruntime.
        qcdq: `QuantizeLinear`, `Clip`, `DequantizeLinear`, where activations are uniform.

    Returns
    -------
    onnx.ModelProto
        With digest, provenance and storage of the layers in its metadata.

    Raises
    ------
    QsimError
        If the style is unknown or cannot hold the model.
    """
    if style not in STYLES:
        raise QsimError(f"style is {style!r}; {', '.join(STYLES)} are allowed")
    if model.mapped:
        raise QsimError("the model is on crossbar tiles; ONNX holds ideal layers")
    if model.wraps:
        raise QsimError("an accumulator wraps around, as defects make it; ONNX has no such sums")
    try:
        module = import_module(f".onnx.{style}", __package__)
    except ImportError as error:
        raise QsimError(f"writing ONNX files needs {error.name}: pip install 'qsim[onnx]'") from None
    export: Callable[[Model], onnx.ModelProto] = module.export
    return export(model)
