"""Does the exported test bench notice faults? Mutates `qsim.v` and counts what the bench lets pass.

    python tests/rtl/bench_mutation.py --count 150 --processes 2 [--engine unrolled] [--modules REGEX]

One change a mutant: an operator, a constant, a condition or a width. Icarus plays the folder's own
bench on it. A survivor that yosys proves equal to the original, register by register, is no
fault and does not count; what else survives is listed with its line, to be judged by hand.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # for conftest

from icarus import compiled, played
from mutation import Mutation, changes, equivalent
from random_models import random_model

from qsim import QsimError, load
from qsim_rtl.export import folder as export

ROOT = Path(__file__).parent.parent.parent
ENGINES = ("folded", "unrolled", "digit-serial")
CHECK_SECONDS = 120
LOGIC = re.compile(r"\s*(assign|if|else|always|\w+\s*<=)")


def mutations(verilog: str) -> Iterator[Mutation]:
    """Every mutation that the rules allow, line by line; the block is the module."""
    place, block = 0, ""
    for line in verilog.splitlines(keepends=True):
        if found := re.match(r"module (\w+)", line):
            block = found[1]
        if LOGIC.match(line):
            for kind, start, stop, new in changes(line):
                text = f"{line.strip()} → {(line[:start] + new + line[stop:]).strip()}"
                yield Mutation("export", block, kind, place + start, place + stop, new, text)
        place += len(line)


def chosen(verilog: str, count: int, seed: int, modules: str = "") -> list[Mutation]:
    """So many mutations, spread evenly over kinds and those modules in whose names `modules` is found."""
    every = [each for each in mutations(verilog) if re.search(modules, each.block)]
    random.Random(seed).shuffle(every)
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for each in every:
        ranked.append((seen[each.block, each.kind], len(ranked), each))
        seen[each.block, each.kind] += 1
    return [each for _, _, each in sorted(ranked, key=lambda r: r[:2])[:count]]


def verdict(mutation: Mutation, verilog: str, folder: Path) -> str:
    """What became of a mutant: survived, equivalent, or killed by what."""
    mutant = mutation.applied(verilog)
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        (work / "testbench.v").symlink_to(folder / "testbench.v")
        (work / "qsim.v").write_text(mutant)
        try:
            passed, _ = played(compiled(work, work / "bench.vvp"), folder, CHECK_SECONDS)
        except QsimError:
            return "does not build"
        except subprocess.TimeoutExpired:
            return "hangs"
    if not passed:
        return "the bench fails"
    bare = (re.sub(r"^  initial \$readmemh.*\n", "", text, flags=re.MULTILINE) for text in (verilog, mutant))
    return "equivalent" if same(*bare, mutation.block) else "survived"


def same(first: str, second: str, block: str) -> bool:
    """Whether the changed block, or else the whole engine, is proved to be what it was."""
    try:
        return equivalent(first, second, block) or equivalent(first, second, "qsim")
    except QsimError as error:
        if "took more than" in str(error):
            return False
        raise


def exported(engine: str, folder: Path) -> None:
    """Write the folder of an engine: folded of a trained model, the others of a small random one."""
    if engine == "folded":  # beats come faster than results leave, so that every wait meets a full pipeline
        export.write(load(ROOT / "models/digits-relu-q4.safetensors"), folder, pe=10, simd=8)
        return
    model = random_model((7, 5, 3), (3, 2), [6], per_neuron=True, seed=8)
    # A beat of a whole image goes in at once after a reset, while digits of the one before would still pass.
    simd, interval = (7, 9) if engine == "digit-serial" else (3, None)
    export.write(model, folder, simd=simd, vectors=200, style="unrolled", interval=interval)


def score(verdicts: list[str]) -> float:
    """The share of killed among those that are not equivalent."""
    counts = Counter(verdicts)
    real = len(verdicts) - counts["equivalent"]
    return (real - counts["survived"]) / real


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0])
    parser.add_argument("--modules", default="", help="a regular expression that their names contain")
    options = parser.parse_args()
    started, verdicts = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        exported(options.engine, folder)
        verilog = (folder / "qsim.v").read_text()
        passed, log = played(compiled(folder, folder / "bench.vvp"), folder)
        assert passed, log
        picked = chosen(verilog, options.count, options.seed, options.modules)
        with ThreadPoolExecutor(options.processes) as pool:
            found = pool.map(lambda each: verdict(each, verilog, folder), picked)
            for each, what in zip(picked, found, strict=True):
                verdicts.append(what)
                print(
                    f"{len(verdicts):4} {what:15} {each.block:27} {each.kind:10} {each.line[:200]}",
                    flush=True,
                )
    counts = Counter(verdicts)
    print(", ".join(f"{count} {what}" for what, count in counts.most_common()))
    print(f"{score(verdicts):.1%} of the not equivalent killed; {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
