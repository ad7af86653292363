"""`python -m qsim_rtl.proofs`: every proof and its broken twin, in a table."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qsim.errors import QsimError

from .proofs import PROOFS, TWIN_CYCLES, prove


def command(
    only: Annotated[str, typer.Option(help="Only proofs whose block or name holds this text.")] = "",
) -> None:
    """Prove the hardware's blocks, and find the fault of each proof's broken twin."""
    chosen = [proof for proof in PROOFS if only in f"{proof.block}: {proof.name}"]
    if not chosen:
        raise QsimError(f"no proof holds {only!r}; there are: {', '.join(sorted({p.block for p in PROOFS}))}")
    table = Table("block", "proof", "result", "s", "twin", "shows in cycle", "by", "s")
    table.caption = f"yices; for ever, by induction; twins from reset, up to {TWIN_CYCLES} cycles"
    failed = 0
    console = Console(stderr=True)
    for proof in chosen:
        with console.status(f"{proof.block}: {proof.name}"):
            found = prove(proof)
        failed += not found.proved
        wrong = next((a.failed for a in (found.base, found.step) if not a.holds), "")
        twin = (str(found.twin.cycle), found.twin.failed) if not found.twin.holds else ("not found", "")
        change = escape(f"{proof.text} → {proof.broken}")
        seconds = f"{found.seconds:.1f}", f"{found.twin_seconds:.1f}"
        result = wrong or "proved"
        table.add_row(proof.block, proof.name, result, seconds[0], change, *twin, seconds[1])
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    if failed:
        raise QsimError(f"{failed} of {len(chosen)} proofs failed")


def main() -> None:
    """The entry point, with errors in one sentence."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        app()
    except QsimError as error:
        print(f"proofs: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
