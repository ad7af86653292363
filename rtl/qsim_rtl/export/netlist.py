"""Verilog that people and other tools read: one module a block, plain names, one timescale.

yosys writes it; what follows here changes names and declarations, never an expression's value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib import wiring

from ..sim.yosys import converted

# Memories lose their contents, which come from files; names that nothing uses go.
COMMANDS = "delete t:$meminit_v2; proc; opt; memory_collect; opt_clean -purge; write_verilog -noattr"
TIMESCALE = "`timescale 1ns / 1ps\n"
KEPT = r"_relay$"  # modules whose registers synthesis must not make one of
SMALL = 160  # bits; a memory of no more is not worth a block RAM
_KEYWORDS = frozenset(Path(__file__).parent.joinpath("templates/keywords.txt").read_text().split())
_NAME = r"\\\S+ |(?<![\w$'\\.])[A-Za-z_][\w$]*"  # escaped with its blank, or plain


@dataclass(frozen=True)
class MemoryFile:
    """What a memory of the netlist is read from: `words` words of `width` bits, in `file`."""

    file: str
    width: int
    words: int


def verilog(component: wiring.Component, name: str, loads: Mapping[str, MemoryFile] | None = None) -> str:
    """A component as Verilog.

    Parameters
    ----------
    component : wiring.Component
    name : str
        Its module; the blocks below it are `{name}_{block}`.
    loads : mapping, optional
        What each memory holds from the start, by its path, instances and name joined by `_`.

    Returns
    -------
    str
        The top module first, without a time scale; the same component always gives the same text.

    Raises
    ------
    QsimError
        If yosys is missing or fails.
    """
    modules = _modules(_cleaned(converted(component, name, COMMANDS)))
    for path, file in (loads or {}).items():
        module, memory = _place(modules, name, path)
        modules[module] = _loaded(modules[module], memory, file)
    for module in modules:
        if re.search(KEPT, module):
            modules[module] = f'(* keep_hierarchy = "yes" *)\n{modules[module]}'
    return "\n".join(modules.values())


def header(lines: Iterable[str]) -> str:
    """What stands above the modules of a file: the licence, what it is, and the time scale."""
    return "".join(f"// {line}\n" for line in ("SPDX-License-Identifier: MIT", *lines)) + TIMESCALE


def memory_paths(text: str, top: str) -> dict[str, str]:
    """Each memory's path below the top module, joined by dots as in Verilog, by the same joined by `_`."""
    modules = _modules(text)
    paths: dict[str, str] = {}

    def walk(module: str, path: tuple[str, ...]) -> None:
        for memory in re.findall(r"^  reg \[\d+:0\] (\w+) \[", modules[module], re.MULTILINE):
            paths["_".join((*path, memory))] = ".".join((*path, memory))
        for below, instance in _instances(modules, module):
            walk(below, (*path, instance))

    walk(top, ())
    return paths


def _modules(text: str) -> dict[str, str]:
    """The modules by name, in the order of the text."""
    parts = re.findall(r"^module (\w+)(.*?)^endmodule\n", text, re.MULTILINE | re.DOTALL)
    return {name: f"module {name}{body}endmodule\n" for name, body in parts}


def _instances(modules: Mapping[str, str], module: str) -> list[tuple[str, str]]:
    found = re.findall(r"^  (\w+) +(\w+) \(", modules[module], re.MULTILINE)
    return [(below, instance) for below, instance in found if below in modules]


def _place(modules: Mapping[str, str], top: str, path: str) -> tuple[str, str]:
    """The module that holds a memory, and the memory's name there."""
    *instances, memory = memory_paths("\n".join(modules.values()), top)[path].split(".")
    module = top
    for wanted in instances:
        module = next(below for below, name in _instances(modules, module) if name == wanted)
    return module, memory


def _loaded(module: str, memory: str, file: MemoryFile) -> str:
    """The module with a memory that is read from its file, and is of registers where it is small."""
    if file.width * file.words <= SMALL:
        declared = f"  reg [{file.width - 1}:0] {memory} ["
        module = module.replace(declared, f'  (* ram_style = "registers" *)\n{declared}', 1)
    load = f'  initial $readmemh("{file.file}", {memory}, 0, {file.words - 1});\n'
    return module.replace("endmodule\n", f"{load}endmodule\n")


def _cleaned(text: str) -> str:
    """What yosys wrote, with plain names, initial values apart, and `!` of a vector as a reduction."""
    text = text[text.index("module") :]
    text = _renamed(text, _write_ports(text))
    plain = {each: _plain(each) for each in _names(text) if _plain(each) != each}
    taken = Counter(_names(text))
    for each, name in plain.items():
        while taken[name]:
            name += "_"
        taken[name] += 1
        plain[each] = name
    text = _renamed(text, plain)
    initial = r"^(  reg (?:\[\d+:0\] )?(\S+)) = (.+;)$"
    text = re.sub(initial, r"\1;\n  initial \2 = \3", text, flags=re.MULTILINE)
    text = re.sub(r"(?<== )! (\w+(?: ?\[[\d:]+\])?;)", r"~| \1", text)
    return re.sub(r"^(?=module )", "\n", text, flags=re.MULTILINE).lstrip()


def _names(text: str) -> list[str]:
    return re.findall(_NAME, re.sub(r'"[^"]*"', "", text))


def _plain(name: str) -> str:
    """A name of letters, digits and underscores; yosys reserves for Verilog alone, not for SystemVerilog."""
    if name[0] != "\\":
        return f"{name}_" if name in _KEYWORDS else name
    plain = re.sub(r"\W+", "_", name[1:-1].replace("$", "_")).strip("_")
    return (
        f"{plain}_" if plain == name[1:-1] or plain in _KEYWORDS else plain
    )  # yosys escapes Verilog's keywords


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return re.sub(_NAME, lambda found: names.get(found[0], found[0]), text)


def _write_ports(text: str) -> dict[str, str]:
    """Names for the ports that carry writes of memories into a block, where they have none."""
    name = r"(\\port\$\S+|[^\s\[\]]+) *(?:\[[\d:]+\] *)?"
    written = rf"if \({name}\)\n +(\S+) *\[{name}\] <= {name};"
    memories: dict[tuple[str, str], set[str]] = {}
    for module in re.findall(r"^module \\?(\S+)(.*?)^endmodule", text, re.MULTILINE | re.DOTALL):
        block = "_".join(module[0].split(".")[1:])
        for enable, memory, address, data in re.findall(written, module[1]):
            for port, role in ((enable, "enable"), (address, "address"), (data, "data")):
                if port.startswith(r"\port$"):
                    memories.setdefault((port, role), set()).add(f"{block}_{memory}")
    return {
        f"{port} ": f"{min(names)}_write_{role}" if len(names) == 1 else f"write_{role}"
        for (port, role), names in memories.items()
    }
