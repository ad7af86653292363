"""The command `qsim`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point. An interrupt is one line from the first import on, also while commands are made."""
    default = signal.signal(signal.SIGINT, _leave)
    from typer.main import get_command

    from . import terminal
    from .app import app

    command = get_command(app)
    signal.signal(signal.SIGINT, default)
    terminal.run(command, "qsim", arguments)


def _leave(*_: object) -> None:
    """Leave at once: an exception could be lost, or changed, in the import that it interrupts."""
    print("qsim: interrupted", file=sys.stderr, flush=True)
    os._exit(130)
