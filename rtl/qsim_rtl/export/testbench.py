"""The test bench and the test vectors of an export."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qsim.model.model import Model
from qsim.spec import dense as spec

from ..gateware.bus.registers import CONTROL, INTERRUPTS, REGISTERS, STATUS, VERSION
from ..memory.pack import pack
from ..shape.loadable import Loadable, crc
from .probe import probe
from .texts import filled

TEMPLATE = Path(__file__).with_suffix(".v").read_text()
SECTION = re.compile(
    r"^//@(loads|constant|axi-lite|wishbone)\n(.*?)(?=^//@)(?:^//@end\n)?", re.MULTILINE | re.DOTALL
)


def vectors(model: Model, count: int) -> npt.NDArray[np.int64]:
    """Input codes (count, inputs): the least, the greatest, then noise, every other image sparse.

    They come from the model's digest alone, whatever the library versions.
    """
    low, span = model.input.low, model.input.high - model.input.low + 1
    rows = []
    for image in range(count):
        seed = f"{model.digest} {image}".encode()
        raw = np.frombuffer(hashlib.shake_256(seed).digest(4 * model.inputs), "<u4").astype(np.int64)
        codes = low + (raw >> 8) % span
        if image % 2 and image > 2:
            codes = np.where(raw & 0xFF < 0x33, codes, max(low, 0))
        rows.append(codes)
    rows[0] = np.full(model.inputs, low)
    if count > 1:
        rows[1] = np.full(model.inputs, model.input.high)
    return np.array(rows)


@dataclass(frozen=True)
class Tested:
    """The engine that a bench plays: its top module, each memory's path below it by name, its control bus."""

    shape: Loadable
    module: str
    paths: Mapping[str, str]
    control: str


def files(model: Model, engine: Tested, count: int) -> dict[str, bytes]:
    """`testbench.v`, the vectors that it sends and expects, and the two loads that it writes."""
    shape, codes = engine.shape, vectors(model, count)
    models = model, probe(model, shape, codes)
    words = [shape.words(each) for each in models]
    return {
        "testbench.v": _testbench(models, words, engine, count).encode(),
        "vectors_in.mem": _sent(shape, codes).encode(),
        "vectors_out.mem": "".join(_expected(each, shape, codes) for each in models).encode(),
        "load.mem": "".join(f"{word:08x}\n" for word in np.concatenate(words).tolist()).encode(),
    }


def _sent(shape: Loadable, codes: npt.NDArray[np.int64]) -> str:
    """Each input beat; all bits are 1 that belong to no code of the frame."""
    layer, stream = shape.engine.layers[0], shape.stream
    count, bits = (layer.simd, layer.code_bits) if stream is None else (stream.codes, 8 * stream.code_bytes)
    return beats(codes | -1 << layer.code_bits, count, bits, shape.input_width)


def beats(codes: npt.NDArray[np.int64], count: int, bits: int, width: int) -> str:
    """Images (N, inputs) as beats of `width` bits, of `count` codes in `bits` bits each, in hexadecimal.

    All bits are 1 that belong to no code of the frame.
    """
    lanes = np.pad(codes, ((0, 0), (0, -codes.shape[1] % count)), constant_values=-1).reshape(-1, count)
    unused = (1 << width) - (1 << count * bits)
    return "".join(f"{beat | unused:0{width // 4}x}\n" for beat in pack(lanes, bits).integers())


def _expected(model: Model, shape: Loadable, codes: npt.NDArray[np.int64]) -> str:
    """Class and logit of each result beat, as the specification has them."""
    logit_bits, class_bits = shape.result_widths
    lines = []
    for logits in spec.logits(model, codes.tolist()):
        for j, logit in enumerate(logits):
            best = spec.classify(logits[: j + 1]) if j or len(logits) == 1 else 0
            word = best << logit_bits | logit & (1 << logit_bits) - 1
            lines.append(f"{word:0{(logit_bits + class_bits) // 4}x}\n")
    return "".join(lines)


def _testbench(
    models: Sequence[Model], words: Sequence[npt.NDArray[np.uint32]], engine: Tested, count: int
) -> str:
    (own, made), shape = models, engine.shape
    values: dict[str, object] = {
        "NAME": engine.module,
        "FRAMES": count,
        "BEATS": shape.frame_beats,
        "BYTE_STREAM": int(shape.stream is not None),
        "OUTPUTS": own.outputs,
        "IN": shape.input_width,
        "OUT": sum(shape.result_widths),
        "WORDS": len(words[0]),
        "LATENCY": shape.latency,
        "INTERVAL": shape.interval,
        "CRC": f"{crc(words[0]):08x}",
        "PROBE_CRC": f"{crc(words[1]):08x}",
        "SHAPE": f"{shape.identity:08x}",
        "DIGEST": own.digest,
        "DIGEST12": own.digest[:12],
        "PROBE_DIGEST": made.digest,
        "PROBE12": made.digest[:12],
        **map_values(),
        "WIDEST": max(32 * memory.pieces for memory in shape.memories),
        "MEMORIES": _memories(engine),
    }
    return bench(values, "loads", engine.control)


def bench(values: Mapping[str, object], kind: str, control: str) -> str:
    """The bench of an engine that takes other models, "loads", or of one whose model is "constant"."""
    kept = {kind, control}
    return filled(SECTION.sub(lambda found: found[2] if found[1] in kept else "", TEMPLATE), values)


def map_values() -> dict[str, object]:
    """What the bench names of the register map."""
    return {
        "VERSION": f"{VERSION:08x}",
        "ADDRESSES": ", ".join(f"{each.name} = 7'h{each.address:02x}" for each in REGISTERS),
        "BITS": ", ".join(f"{bit.name} = 32'h{bit.mask:x}" for bit in (*CONTROL, *STATUS, *INTERRUPTS)),
    }


def _memories(engine: Tested) -> str:
    lines = []
    for memory in engine.shape.memories:
        lines += [
            f"      for (n = 0; n < {memory.words}; n = n + 1) begin",
            f"        row = dut.{engine.paths[memory.name]}[n];",
            f"        for (p = 0; p < {memory.pieces}; p = p + 1) begin",
            "          check = crc32(check, row[31:0]);",
            "          row = row >> 32;",
            "        end",
            "      end",
        ]
    return "\n".join([*lines, ""])
