"""The command line: one command a file."""

from __future__ import annotations

import typer

from . import (
    attack,
    audit,
    bench,
    build,
    certify,
    conform,
    cost,
    export,
    export_onnx,
    faults,
    flips,
    import_,
    map,
    paper,
    replay,
    run,
    show,
    study,
    train,
    transfer,
    upsets,
    verilog,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Quantized neural networks to the bit: train, run, attack, and generate hardware.",
)
COMMANDS = (
    train,
    import_,
    conform,
    run,
    attack,
    audit,
    transfer,
    certify,
    show,
    map,
    study,
    faults,
    flips,
    replay,
    upsets,
    bench,
    paper,
    cost,
    verilog,
    export,
    export_onnx,
    build,
)
for module in COMMANDS:
    app.command(module.__name__.rpartition(".")[2].strip("_").replace("_", "-"))(module.command)
