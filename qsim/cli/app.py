"""The command line: one command a file."""

from __future__ import annotations

import typer

from . import (
    attack,
    bench,
    build,
    conform,
    export,
    export_onnx,
    import_,
    map,
    paper,
    run,
    show,
    study,
    train,
    verilog,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Quantized neural networks to the bit: train, run, attack, and generate hardware.",
)
for module in (
    train,
    import_,
    conform,
    run,
    attack,
    show,
    map,
    study,
    bench,
    paper,
    verilog,
    export,
    export_onnx,
    build,
):
    app.command(module.__name__.rpartition(".")[2].strip("_").replace("_", "-"))(module.command)
