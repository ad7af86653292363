"""The test bench and the test vectors of an export."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qsim.model.model import Model
from qsim.spec import dense as spec

from ..gateware.bus.registers import REGISTERS
from ..memory.frames import encoded
from ..memory.map import instances
from ..shape.loadable import Loadable, crc
from .texts import filled

TEMPLATE = Path(__file__).with_suffix(".v").read_text()


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


def files(model: Model, shape: Loadable, count: int) -> dict[str, bytes]:
    """`testbench.v`, the vectors that it sends and expects, and the load that it writes."""
    codes = vectors(model, count)
    data, _ = encoded(shape, codes)
    words = shape.words(model)
    return {
        "testbench.v": _testbench(model, shape, count, words).encode(),
        "vectors_in.mem": "".join(f"{beat[::-1].tobytes().hex()}\n" for beat in data).encode(),
        "vectors_out.mem": _expected(model, shape, codes).encode(),
        "load.mem": "".join(f"{word:08x}\n" for word in words.tolist()).encode(),
    }


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


def _testbench(model: Model, shape: Loadable, count: int, words: npt.NDArray[np.uint32]) -> str:
    names = ", ".join(f"{register.name} = 7'h{register.address:02x}" for register in REGISTERS)
    values = {
        "FRAMES": count,
        "BEATS": shape.engine.layers[0].beats,
        "OUTPUTS": model.outputs,
        "IN": shape.input_width,
        "OUT": sum(shape.result_widths),
        "WORDS": len(words),
        "LATENCY": shape.latency,
        "INTERVAL": shape.engine.timing().interval,
        "CRC": f"{crc(words):08x}",
        "SHAPE": f"{shape.identity:08x}",
        "DIGEST": model.digest,
        "DIGEST12": model.digest[:12],
        "ADDRESSES": names,
        "WIDEST": max(32 * memory.pieces for memory in shape.memories),
        "MEMORIES": _memories(shape),
    }
    return filled(TEMPLATE, values)


def _memories(shape: Loadable) -> str:
    lines = []
    for name, memory in zip(instances(shape.engine), shape.memories, strict=True):
        lines += [
            f"      for (n = 0; n < {memory.words}; n = n + 1) begin",
            f"        row = dut.{name}[n];",
            f"        for (p = 0; p < {memory.pieces}; p = p + 1) begin",
            "          check = crc32(check, row[31:0]);",
            "          row = row >> 32;",
            "        end",
            "      end",
        ]
    return "\n".join([*lines, ""])
