"""The texts of an export: README, C header, Makefile, and the project of the vendor's tools."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..fpga.boards import BAUD
from ..fpga.family import BOARDS
from ..fpga.steps import commands
from ..gateware.bus.registers import (
    CONTROL,
    INTERRUPTS,
    MAGIC,
    REGISTERS,
    STATUS,
    VERSION,
    Bit,
    Register,
)
from ..gateware.unrolled.control import UNROLLED_CONTROL, UNROLLED_REGISTERS, UNROLLED_STATUS
from . import ipxact
from .counts import beats, every
from .diagram import svg

README = Path(__file__).parent.joinpath("templates/readme.md").read_text()
README_UNROLLED = Path(__file__).parent.joinpath("templates/readme_unrolled.md").read_text()
WAIVERS = Path(__file__).parent.joinpath("templates/lint.vlt").read_text()
XILINX_PART = "xc7a35tcsg324-1"
PACKING = Path(__file__).parent.joinpath("templates/readme_dense.md").read_text()
PACKING_TILES = Path(__file__).parent.joinpath("templates/readme_tiles.md").read_text()
LOAD = Path(__file__).parent.joinpath("templates/load.h").read_text()
WISHBONE = """Wishbone B4:
classic cycles, 32 bits, `s_wb_adr` counting words. The master holds `s_wb_cyc`, `s_wb_stb` and what goes with
them until `s_wb_ack` or `s_wb_err`, two cycles for a write and three for a read; if it lets go before, no
answer comes. OKAY and SLVERR below are `s_wb_ack` and `s_wb_err`. Vivado's catalogue has no such bus: its
ports stand alone there"""
FRAME = """TDATA has @IN@ bits:
  @SIMD@ codes of @CODE_BITS@ bits, the first lowest. A frame whose TLAST comes early or late is
  refused: it gives no result and is counted. TKEEP must be 1 for every byte that holds codes, else the
  flag TORN tells."""
FRAME_BYTES = """TDATA has @IN@ bits
  of an array of @INPUTS@ codes of @BYTES@ bytes each, the lowest first; only the last beat may lack bytes,
  those behind the last code. A frame of another length or with a hole in TKEEP is refused: it gives no
  result and is counted."""
TAKES = """The engine takes every model of these layer sizes, input format and grid with at most @BITS@-bit
weights. Fewer bits lie on the same grid: an odd weight is 2s + 1, and s of q bits is sign-extended."""
TAKES_TILES = """The engine takes every model on tiles of this shape: other cells, defects, thresholds, noise.
Images, which number the read noise, count from 0 after a reset, a load and a FLUSH."""


def files(manifest: dict[str, Any], words: Sequence[int]) -> dict[str, str]:
    """README.md, the C header, and what tools read: Makefile, Vivado, catalogues, FuseSoC, linter."""
    name = manifest["name"]
    return {
        "README.md": _readable(
            _readme_unrolled(manifest) if _constant(manifest) else _readme(manifest), manifest
        ),
        f"{name}.h": _header(manifest, words),
        "Makefile": _makefile(manifest),
        "vivado.tcl": _vivado(manifest),
        f"{name}.vlt": filled(WAIVERS, {"NAME": name}),
        "engine.svg": svg(manifest),
        f"{name}.core": _core(manifest),
        "component.xml": ipxact.component(manifest, register_map(manifest)),
        f"{name}.xdc": "create_clock -name aclk -period 10.000 [get_ports aclk]\n",
    }


def filled(template: str, values: Mapping[str, object]) -> str:
    """The template with each @NAME@ replaced."""
    for name, value in values.items():
        template = template.replace(f"@{name}@", str(value))
    return template


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def _constant(manifest: Mapping[str, Any]) -> bool:
    """Whether the engine runs one model alone."""
    return manifest["style"] == "unrolled"


def _boards(manifest: Mapping[str, Any]) -> bool:
    """Whether the folder has tops for boards, which reach the registers by AXI4-Lite."""
    return bool(manifest["control"] == "axi-lite")


def register_map(manifest: Mapping[str, Any]) -> tuple[Sequence[Register], Sequence[Bit], Sequence[Bit]]:
    """The registers of an engine, and the bits of CONTROL and STATUS."""
    if _constant(manifest):
        return UNROLLED_REGISTERS, UNROLLED_CONTROL, UNROLLED_STATUS
    return REGISTERS, CONTROL, STATUS


def registers(
    words: Sequence[Register] = REGISTERS, control: Sequence[Bit] = CONTROL, status: Sequence[Bit] = STATUS
) -> str:
    """A register map as Markdown."""
    rows = [(f"0x{r.address:02x}", r.name, r.access, r.text) for r in words]
    bits = [("CONTROL", bit) for bit in control] + [("STATUS", bit) for bit in status]
    bits += [("INTERRUPT_*", bit) for bit in INTERRUPTS]
    return (
        _table(("address", "register", "access", "meaning"), rows)
        + "\n"
        + _table(("register", "bit", "name", "meaning"), ((r, b.place, b.name, b.text) for r, b in bits))
    )


def _readme_unrolled(manifest: dict[str, Any]) -> str:
    first = manifest["layers"][0]
    return filled(
        README_UNROLLED,
        {
            "NAME": manifest["name"],
            "SHAPE": "-".join(map(str, manifest["shape"])),
            "DIGEST": manifest["digest"],
            "SPEC": manifest["spec"],
            "LATENCY": manifest["latency"],
            "EVERY": every(manifest["interval"]),
            "LAYERS": _layers(manifest),
            "TARGETS": ", ".join(f"`make {target}`" for target in BOARDS),
            "BEATS": beats(manifest["frame_beats"]),
            "IN": manifest["s_axis_tdata_bits"],
            "SIMD": manifest["codes_a_beat"] or min(first["inputs"], 1024 // first["code_bits"]),
            "CODE_BITS": first["code_bits"],
            "OUTPUTS": manifest["shape"][-1],
            "LANE": manifest["logit_lane"],
            "CLASS_BIT": manifest["m_axis_tdata_bits"]["logit"],
            "REGISTERS": registers(*register_map(manifest)),
            "BAUD": f"{BAUD:,}",
        },
    )


def _readable(readme: str, manifest: Mapping[str, Any]) -> str:
    """The README with the bus of this engine, and without what only folders with boards have."""
    if _boards(manifest):
        return filled(readme, {"BUS": "AXI4-Lite"})
    absent = ("bitstream", "_pynq.py")
    lines = [
        line
        for line in readme.partition("## Serial line")[0].splitlines()
        if not any(word in line for word in absent)
    ]
    return filled("\n".join([*lines, ""]), {"BUS": WISHBONE})


def _layers(manifest: dict[str, Any]) -> str:
    return "".join(f"- layer {i}: {_layer(layer)}\n" for i, layer in enumerate(manifest["layers"]))


def _readme(manifest: dict[str, Any]) -> str:
    memories = _table(
        ("memory", "words", "bits a word", "bus words a word"),
        ((m["name"], m["words"], m["width"], m["pieces"]) for m in manifest["memories"]),
    )
    mapped = manifest["layers"][0]["crossbar"] is not None
    first, logit = manifest["layers"][0], manifest["m_axis_tdata_bits"]["logit"]
    facts = {"IN": manifest["s_axis_tdata_bits"], "SIMD": first["simd"], "CODE_BITS": first["code_bits"]}
    facts |= {"BYTES": -(-first["code_bits"] // 8), "INPUTS": first["inputs"]}
    targets = ", ".join(f"`make {target}`" for target in BOARDS)
    return filled(
        README,
        {
            "NAME": manifest["name"],
            "TAKES": TAKES_TILES if mapped else TAKES,
            "PACKING": PACKING_TILES if mapped else PACKING,
            "SHAPE": "-".join(map(str, manifest["shape"])),
            "DIGEST": manifest["digest"],
            "SPEC": manifest["spec"],
            "LATENCY": manifest["latency"],
            "EVERY": every(manifest["interval"]),
            "LAYERS": _layers(manifest),
            "TARGETS": targets,
            "BEATS": beats(manifest["frame_beats"]),
            "FRAME": filled(FRAME if manifest["stream_bytes"] is None else FRAME_BYTES, facts),
            "RESULT_BEATS": beats(manifest["shape"][-1]),
            "LOGIT_TOP": logit - 1,
            "REGISTERS": registers(),
            "IMAGE_WORDS": manifest["image_words"],
            "BITS": manifest["bits"],
            "SHAPE_ID": manifest["shape_id"],
            "MEMORIES": memories,
            "BAUD": f"{BAUD:,}",
        },
    )


def _layer(layer: Mapping[str, Any]) -> str:
    tiles = layer["crossbar"]
    parts = [
        f"{layer['inputs']} inputs of {layer['code_bits']} bits"
        + (", signed" if layer["code_signed"] else ""),
        f"{layer['outputs']} neurons" + (f" on {tiles['columns']} columns" if tiles else ""),
        f"{layer['pe']} {'columns' if tiles else 'neurons'} and {layer['simd']} inputs at once",
        f"{layer['bits']}-bit weights on the {layer['grid']} grid",
    ]
    if tiles:
        parts += [
            f"tiles of {tiles['rows']} rows",
            f"{tiles['slices']} slices of {tiles['slice_bits']} bits",
            f"digits of {tiles['digit_bits']} bits",
            f"converters of {tiles['adc_levels'] + 1} codes",
        ]
    return "; ".join([*parts, f"accumulators of {layer['accumulator_bits']} bits"])


def _header(manifest: dict[str, Any], words: Sequence[int]) -> str:
    words_map, control, status = register_map(manifest)
    lines = [
        f"/* Registers of the engine, and model {manifest['digest']}. */",
        "#ifndef QSIM_H",
        "#define QSIM_H",
        "#include <stdint.h>",
        "",
        *(f"#define QSIM_{r.name} 0x{r.address:02x}u" for r in words_map),
        *(f"#define QSIM_CONTROL_{bit.name} 0x{bit.mask:x}u" for bit in control),
        *(f"#define QSIM_STATUS_{bit.name} 0x{bit.mask:x}u" for bit in status),
        *(f"#define QSIM_INTERRUPT_{bit.name} 0x{bit.mask:x}u" for bit in INTERRUPTS),
        f"#define QSIM_MAGIC 0x{MAGIC:08x}u",
        f"#define QSIM_VERSIONS 0x{VERSION:08x}u",
        f"#define QSIM_INPUTS {manifest['shape'][0]}",
        f"#define QSIM_OUTPUTS {manifest['shape'][-1]}",
        f"#define QSIM_FRAME_BEATS {manifest['frame_beats']}",
        *(_constant_header(manifest) if _constant(manifest) else _model_header(manifest, words)),
        "#endif",
    ]
    text = "\n".join([*lines, ""])
    name = manifest["name"]
    return text.replace("QSIM_", f"{name.upper()}_").replace("qsim_", f"{name}_")


def _constant_header(manifest: Mapping[str, Any]) -> list[str]:
    """Where logits and class stand in a result."""
    return [
        f"#define QSIM_LOGIT_LANE {manifest['logit_lane']}",
        f"#define QSIM_CLASS_BIT {manifest['m_axis_tdata_bits']['logit']}",
    ]


def _model_header(manifest: Mapping[str, Any], words: Sequence[int]) -> list[str]:
    """The model's words, and the function that loads them."""
    return [
        f"#define QSIM_LOGIT_BITS {manifest['m_axis_tdata_bits']['logit']}",
        f"#define QSIM_MODEL_WORDS {len(words)}",
        f"#define QSIM_MODEL_CRC32 0x{manifest['image_crc32']}u",
        "",
        "static const uint32_t qsim_model[QSIM_MODEL_WORDS] = {",
        *(
            "  " + " ".join(f"0x{word:08x}u," for word in words[start : start + 8])
            for start in range(0, len(words), 8)
        ),
        "};",
        "",
        LOAD.rstrip(),
    ]


def _makefile(manifest: dict[str, Any]) -> str:
    name = manifest["name"]
    lines = [
        "TOOLS = yowasp-",
        "VERILATOR = verilator",
        "",
        f".PHONY: icarus verilator lint {' '.join(BOARDS) if _boards(manifest) else ''}".rstrip(),
        "icarus:",
        f"\tiverilog -g2009 -s testbench -o testbench.vvp testbench.v {name}.v",
        "\tvvp -n testbench.vvp",
        "",
        "verilator:",
        f"\t$(VERILATOR) --binary --timing -Wno-fatal -Wno-lint --top-module testbench testbench.v {name}.v",
        "\tobj_dir/Vtestbench",
        "",
        "lint:",
        *(
            f"\t$(VERILATOR) --lint-only -Wall --top-module {top} {name}.vlt {top}.v"
            for top in ((name, f"{name}_uart") if _boards(manifest) else (name,))
        ),
    ]
    for target, board in (BOARDS if _boards(manifest) else {}).items():
        lines += ["", f"{target}:", "\tmkdir -p build"]
        lines += [
            f"\t{shlex.join(step).replace('@', '$(TOOLS)')}"
            for step in commands(board, manifest, "@").values()
        ]
    return "\n".join([*lines, ""])


def _core(manifest: dict[str, Any]) -> str:
    """FuseSoC's core: the engine for others, its bench as `sim`, Verilator's warnings as `lint`."""
    name = manifest["name"]
    read = [memory["file"] for memory in manifest["memories"]]
    vectors = ["vectors_in.mem", "vectors_out.mem", *([] if _constant(manifest) else ["load.mem"])]

    def listed(files: Sequence[str]) -> str:
        return "".join(f"      - {file}: {{file_type: user, copyto: {file}}}\n" for file in files)

    return f"""CAPI=2:
name: qsim:engine:{name}:1.0.0
description: {"-".join(map(str, manifest["shape"]))}, model {manifest["digest"][:12]}, on AXI
filesets:
  rtl:
    file_type: verilogSource
    files:
      - {name}.v
{listed(read)}  bench:
    file_type: verilogSource
    files:
      - testbench.v
{listed(vectors)}  waivers:
    file_type: vlt
    files:
      - {name}.vlt
targets:
  default:
    filesets: [rtl]
    toplevel: {name}
  sim:
    filesets: [rtl, bench]
    toplevel: testbench
    flow: sim
    flow_options:
      tool: icarus
      iverilog_options: [-g2009]
  lint:
    filesets: [waivers, rtl]
    toplevel: {name}
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]
"""


def _vivado(manifest: dict[str, Any]) -> str:
    name = manifest["name"]
    memories = " ".join(memory["file"] for memory in manifest["memories"])
    kind = "\nset_property file_type {Memory Initialization Files} [get_files *.mem]" if memories else ""
    return f"""# vivado -mode batch -source vivado.tcl [-tclargs PART]
set part [expr {{$argc > 0 ? [lindex $argv 0] : "{XILINX_PART}"}}]
create_project -force {name} vivado -part $part
add_files {{{f"{name}.v {memories}".rstrip()}}}{kind}
add_files -fileset constrs_1 {name}.xdc
set_property top {name} [current_fileset]
synth_design -top {name} -part $part -mode out_of_context
opt_design
place_design
route_design
report_utilization -file utilization.rpt
report_timing_summary -file timing.rpt
"""
