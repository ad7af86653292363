"""The engine of a model as Verilog, with one file beside it for each memory."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from qsim.model.container import replacing
from qsim.model.model import Model
from qsim.spec import dense as spec

from ..gateware.engine import Engine
from ..memory.pack import image
from ..shape.crossbar import CrossbarShape
from ..shape.engine import EngineShape, Folding
from . import netlist
from .counts import every

MODULE = "engine"


def write(
    model: Model,
    directory: str | PathLike[str],
    pe: Folding = 1,
    simd: Folding = 1,
    monitor: bool = False,
) -> list[Path]:
    """Write `engine.v`, module `engine` above its blocks, and the `.mem` files that it reads.

    Ports are as in `Engine`. The Verilog names its memory files without a folder, so a simulator must
    run in `directory`. The same model and folding always give the same bytes.

    Parameters
    ----------
    model : Model
    directory : path
        Made if need be.
    pe, simd, monitor
        As in `EngineShape.of`.

    Returns
    -------
    list of Path
        The Verilog first, then the memory files.

    Raises
    ------
    QsimError
        If a folding does not fit the model or a file cannot be written.
    """
    shape = EngineShape.of(model, pe, simd, monitor)
    memories = image(model, shape)
    loads = {
        name: netlist.MemoryFile(f"{name}.mem", words.width, len(words.chunks))
        for name, words in memories.items()
    }
    text = netlist.header(_facts(model, shape)) + netlist.verilog(Engine(shape), MODULE, loads)
    files = {f"{MODULE}.v": text}
    files |= {f"{name}.mem": words.hexadecimal() for name, words in memories.items()}
    paths = [Path(directory) / name for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        with replacing(path) as temporary:
            temporary.write_text(text)
    return paths


def _facts(model: Model, shape: EngineShape) -> list[str]:
    timing = shape.timing()
    return [
        f"model {model.digest}, arithmetic version {spec.VERSION}",
        f"{'-'.join(map(str, model.shape))}, weights of {_listed(s.bits for s in shape.layers)} bits",
        f"pe {_listed(s.pe for s in shape.layers)}; simd {_listed(s.simd for s in shape.layers)}",
        f"latency {timing.latency} cycles, one frame {every(timing.interval)}",
        *(f"layer {i}: {_tiles(crossbar)}" for i, crossbar in shape.mapped),
    ]


def _tiles(shape: CrossbarShape) -> str:
    noise = "with" if shape.amplitude_bits else "no"
    return (
        f"{shape.tiles} tiles of {shape.rows} rows, {shape.slices} slices of {shape.slice_bits} bits, "
        f"{shape.digits} digits of {shape.digit_bits} bits, {shape.adc_bits}-bit converters, {noise} noise"
    )


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))
