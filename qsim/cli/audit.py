"""`qsim audit`: can the accuracy under an attack be trusted?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..attacks import ATTACKS, get
from ..attacks.audit import audit
from ..data import Coding
from ..errors import QsimError
from ..model.file import load
from ..robustness.evaluate import check_fit
from . import terminal
from .datasets import InputBits, InputClip, InputScale, TestData, test_set
from .results import named, write_json
from .terminal import Json, ModelFile, percent


def command(
    file: ModelFile,
    epsilon: Annotated[float, typer.Option(help="Strength in input units, norm inf.")],
    data: TestData = None,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    attack: Annotated[str, typer.Option(help=f"The attack under audit: {', '.join(ATTACKS)}.")] = "pgd",
    sibling: Annotated[Path | None, typer.Option(metavar="FILE", help="A model to transfer from.")] = None,
    images: Annotated[int, typer.Option(help="The first so many test images.")] = 500,
    seed: Annotated[int, typer.Option(help="Of random starts.")] = 0,
    json: Json = None,
) -> None:
    """Audit an attack on a model: signs that robustness is only a gradient that the attack cannot see."""
    if images < 1:
        raise QsimError(f"{images} images; 1 or more are needed")
    model = load(file)
    coding = Coding(input_scale, input_bits, clip=input_clip)
    dataset = test_set(data, model, file, coding)
    check_fit(model, dataset)
    other = None if sibling is None else load(sibling)
    codes, labels = dataset.codes[:images], dataset.labels[:images]
    found = audit(model, codes, labels, epsilon, attack=get(attack), seed=seed, sibling=other)
    table = terminal.table("check", "found", "allowed", "verdict", "share of")
    table.columns[-1].justify = "left"
    table.title = f"{attack} at {epsilon:g} on {file.stem}, {len(codes):,} {dataset.name} test images"
    for one in found.findings:
        verdict = "FLAG" if one.flagged else "ok"
        table.add_row(one.name, percent(one.figure), percent(one.threshold), verdict, one.sentence)
    left = f"{percent(found.under_attack)}; all attacks together leave {percent(found.under_strongest)}"
    verdict = "is not to be trusted" if found.flagged else "raises no flag"
    table.caption = f"{attack} leaves {left}. That figure {verdict}."
    terminal.show(terminal.console(json), table)
    if json:
        rows = [{**asdict(one), "flagged": one.flagged} for one in found.findings]
        left_over = {"under_attack": found.under_attack, "under_strongest": found.under_strongest}
        figures = {"data": dataset.name, "images": len(codes), "attack": attack, "epsilon": epsilon}
        write_json(json, "audit", {**named(file, model), **figures, **left_over, "findings": rows})
