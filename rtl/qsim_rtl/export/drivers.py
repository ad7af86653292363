"""Drivers for whoever has the engine on a board: in C for any system, in Python for PYNQ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..gateware.bus.registers import MAGIC, VERSION
from .texts import filled, register_map

HERE = Path(__file__).parent / "templates"
HEADER, SOURCE = (HERE.joinpath(f"driver.{end}").read_text() for end in "hc")
PYNQ = HERE.joinpath("pynq.py.txt").read_text()
LOADS_HEADER = """\
/* Loads a model, as `weights.bin` has it, once the frames inside are answered; that of this folder
   if `words` is null. */
int qsim_replace(qsim_port *port, const uint32_t *words, uint32_t count, uint32_t crc32);

"""
LOADS_SOURCE = """int qsim_replace(qsim_port *port, const uint32_t *words, uint32_t count, uint32_t crc32) {
  volatile uint32_t *engine = (volatile uint32_t *)(uintptr_t)port;
  if (!words) words = qsim_model, count = QSIM_MODEL_WORDS, crc32 = QSIM_MODEL_CRC32;
  port->detail = qsim_load(engine, words, count, crc32, port->patience);
  return port->detail == QSIM_LOADED_MODEL ? QSIM_OK : QSIM_NOT_LOADED;
}

"""
LOADS_PYNQ = '''    def load(self, words):
        """Put another model into the engine: the words of a `weights.bin`, its CRC last."""
        self.empty()
        self.write("CONTROL", CONTROL["LOAD"])
        self._await(lambda: "LOADING" in self.status, "no load begins")
        for word in words[:-1]:
            self.write("LOAD_DATA", int(word))
        self.write("LOAD_CRC", int(words[-1]))
        flags = sorted(self.status & set(FLAGS))
        if flags or self.digest != "".join(f"{int(word):08x}" for word in words[1:9]):
            self.write("CONTROL", CONTROL["CANCEL"])
            raise EngineError(f"the load was refused: {', '.join(flags) or 'another model is in the engine'}")

'''


def files(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The driver in C, and that for PYNQ where the registers are on AXI4-Lite, by file name."""
    name, values = manifest["name"], _values(manifest)
    loads = manifest["reload"]
    made = {
        f"{name}_driver.h": filled(HEADER, {"LOADS": LOADS_HEADER if loads else "", **values}),
        f"{name}_driver.c": filled(SOURCE, {"LOADS": LOADS_SOURCE if loads else "", **values}),
    }
    made = {
        file: text.replace("QSIM_", f"{name.upper()}_").replace("qsim_", f"{name}_")
        for file, text in made.items()
    }
    if manifest["control"] == "axi-lite":
        made[f"{name}_pynq.py"] = filled(PYNQ, {"LOADS": LOADS_PYNQ if loads else "", **values})
    return made


def layout(manifest: Mapping[str, Any]) -> dict[str, int]:
    """How frames and results lie in the bytes of their beats."""
    first, logit_bits = manifest["layers"][0], manifest["m_axis_tdata_bits"]["logit"]
    code_bits, stream, beats = first["code_bits"], manifest.get("stream_bytes"), manifest["result_beats"]
    codes = first["simd"]
    if stream is not None:
        codes, code_bits = stream // -(-code_bits // 8), 8 * -(-code_bits // 8)
    elif manifest["style"] == "unrolled":
        codes = manifest["codes_a_beat"] or min(first["inputs"], 1024 // code_bits)
    logits = manifest["shape"][-1] // beats
    facts = {
        "INPUTS": manifest["shape"][0],
        "OUTPUTS": manifest["shape"][-1],
        "FRAME_BEATS": manifest["frame_beats"],
        "BEAT_BYTES": manifest["s_axis_tdata_bits"] // 8,
        "CODES": codes,
        "CODE_BITS": code_bits,
        "RESULT_BEATS": beats,
        "RESULT_BEAT_BYTES": sum(manifest["m_axis_tdata_bits"].values()) // 8,
        "LOGITS": logits,
        "LOGIT_BYTES": logit_bits // 8 // logits,
    }
    facts["FRAME_BYTES"] = facts["FRAME_BEATS"] * facts["BEAT_BYTES"]
    facts["RESULT_BYTES"] = facts["RESULT_BEATS"] * facts["RESULT_BEAT_BYTES"]
    return facts


def _values(manifest: Mapping[str, Any]) -> dict[str, object]:
    words, control, status = register_map(manifest)
    digest = manifest["digest"]
    return {
        **layout(manifest),
        "NAME": manifest["name"],
        "MAGIC": f"{MAGIC:08x}",
        "VERSION": f"{VERSION:08x}",
        "SHAPE_ID": f"0x{manifest['shape_id']}",
        "SHA256": digest,
        "DIGEST": "\n".join(
            "    " + " ".join(f"0x{digest[8 * k : 8 * k + 8]}u," for k in range(start, start + 4))
            for start in (0, 4)
        ),
        "REGISTERS": {word.name: word.address for word in words},
        "CONTROL": {bit.name: bit.mask for bit in control},
        "STATUS": {bit.name: bit.mask for bit in status},
    }
