"""What all commands share: tables, progress with time left, and mistakes told in one sentence."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ..errors import QsimError

Json = Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write the figures; - is stdout.")]
ModelFile = Annotated[Path, typer.Argument(metavar="FILE", help="A model file.")]
Strengths = Annotated[list[float], typer.Option("--epsilon", help="Strength in input units; repeatable.")]


PLAIN_SIGNS = "qsim.plain-signs"
_PLAIN = dict(zip("–—ε×≠·", "--ex#.", strict=True)) | {"…": "..", "≥": ">=", "≤": "<=", "±": "+-"}


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for signs that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error(PLAIN_SIGNS, _plain)


def run(command: Callable[..., Any], name: str, arguments: Sequence[str] | None = None) -> None:
    """Run a command line; a user's mistake is one sentence on standard error and exit status 2.

    So is an interrupt, with exit status 130. Signs that the output cannot encode become plain ones.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN_SIGNS)
    try:
        command(arguments, prog_name=name)
    except QsimError as error:
        print(f"qsim: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as left:
        if left.code == 130:  # what typer makes of an interrupt
            print("qsim: interrupted", file=sys.stderr)
            eval("0")  # else Python, if the interrupt fell into an eval, would end by the signal
        raise


def console(json: str | None) -> Console:
    """Where tables go: standard error if the JSON has standard output."""
    return Console(stderr=json == "-")


def show(where: Console, table: Table) -> None:
    """Print a table; where it is wider than the output its lines overflow, and no figure is shortened."""
    unbounded = where.options.update(width=1 << 16)
    width = where.width
    where.width = max(width, Measurement.get(where, unbounded, table).maximum)
    where.print(table, crop=False)
    where.width = width


def progress(where: Console) -> Progress:
    """A bar with time elapsed and time left, gone when done; none where no one watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=where, transient=True, disable=not where.is_interactive)


def table(*headings: str) -> Table:
    """A table whose first column is text and whose others are figures."""
    made = Table(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, caption_justify="left"
    )
    for i, heading in enumerate(headings):
        made.add_column(heading, justify="right" if i else "left", overflow="fold", no_wrap=True)
    return made


def percent(share: float | None) -> str:
    """A share as a percentage, a dash if there is none."""
    return "–" if share is None else f"{100 * share:.2f} %"
