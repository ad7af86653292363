"""The engine of a model as Verilog, with one file beside it for each memory."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from qsim.model.container import replacing
from qsim.model.model import Model
from qsim.spec import dense as spec

from ..memory.pack import Words, image
from ..shape.crossbar import CrossbarShape
from ..shape.engine import EngineShape, Folding
from ..sim.yosys import netlist

MODULE = "engine"


def write(
    model: Model,
    directory: str | PathLike[str],
    pe: Folding = 1,
    simd: Folding = 1,
    monitor: bool = False,
) -> list[Path]:
    """Write `engine.v`, module `engine`, and the `.mem` files that it reads; ports as in `Engine`.

    The Verilog names its memory files without a folder, so a simulator must run in `directory`.
    The same model and folding always give the same bytes.

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
    body = netlist(shape, "write_verilog -noattr")
    loads = "".join(_load(name, words) for name, words in memories.items())
    start, end = body.rindex("endmodule"), body.index("module")
    files = {f"{MODULE}.v": _header(model, shape) + body[end:start] + loads + body[start:]}
    files |= {f"{name}.mem": words.hexadecimal() for name, words in memories.items()}
    paths = [Path(directory) / name for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        with replacing(path) as temporary:
            temporary.write_text(text)
    return paths


def _load(name: str, words: Words) -> str:
    return f'  initial $readmemh("{name}.mem", {name}, 0, {len(words.chunks) - 1});\n'


def _header(model: Model, shape: EngineShape) -> str:
    timing = shape.timing()
    lines = [
        f"model {model.digest}, arithmetic version {spec.VERSION}",
        f"{'-'.join(map(str, model.shape))}, weights of {_listed(s.bits for s in shape.layers)} bits",
        f"pe {_listed(s.pe for s in shape.layers)}; simd {_listed(s.simd for s in shape.layers)}",
        f"latency {timing.latency} cycles, one frame every {timing.interval} cycles",
        *(f"layer {i}: {_tiles(crossbar)}" for i, crossbar in shape.mapped),
    ]
    return "".join(f"// {line}\n" for line in lines)


def _tiles(shape: CrossbarShape) -> str:
    noise = "with" if shape.amplitude_bits else "no"
    return (
        f"{shape.tiles} tiles of {shape.rows} rows, {shape.slices} slices of {shape.slice_bits} bits, "
        f"{shape.digits} digits of {shape.digit_bits} bits, {shape.adc_bits}-bit converters, {noise} noise"
    )


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))
