"""What the commands that make hardware share: its packages, and how an engine is folded."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer

from qsim_rtl.fpga.family import BOARDS

from ..errors import QsimError
from ..model.model import Model

Pe = Annotated[int | None, typer.Option(help="Neurons computed at once; 10 by default.")]
Simd = Annotated[int | None, typer.Option(help="Inputs taken at once; 1 by default.")]
TARGETS = ", ".join(BOARDS)
Bits = Annotated[int | None, typer.Option(help="Widest weights that may be loaded later.")]


def part(name: str) -> Any:
    try:
        return import_module(f"qsim_rtl.{name}")
    except ModuleNotFoundError as error:
        raise QsimError(f"hardware needs the package {error.name}: pip install 'qsim[rtl]'") from None


def chosen_folding(
    model: Model, target: str | None, rate: float | None, pe: int | None, simd: int | None, bits: int | None
) -> tuple[int, int]:
    """The pe and simd that are asked for, or the cheapest that give a rate on a part."""
    if rate is None:
        return 10 if pe is None else pe, 1 if simd is None else simd
    if pe is not None or simd is not None:
        raise QsimError("--rate chooses the folding; --pe and --simd cannot be given beside it")
    price = part("fpga.cost").choose(model, target, rate, bits)
    return price.pe, price.simd


def chosen_interval(model: Model, target: str | None, rate: float, interval: int | None) -> int:
    """The interval of the smallest unrolled engine that fits a part and gives a rate at its board's clock.

    Of a part whose cost is not predicted it is the longest one that gives the rate.
    """
    if interval is not None:
        raise QsimError("--rate chooses the interval; --interval cannot be given beside it")
    clock, price = part("fpga.family").board(target).clock, part("fpga.unrolled_cost")
    if not 0 < rate <= clock:
        raise QsimError(f"a rate of {rate:,.0f} inferences a second; up to {clock:,} can be had of {target}")
    return int(price.choose(model, target, rate).asked if price.predicted(target) else clock // rate)
