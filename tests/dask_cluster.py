"""A Dask scheduler on this machine and two worker processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def two_workers(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of the scheduler, and the workers; their logs go to a folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    port = address.rsplit(":", 1)[1]
    host = ["--host", "127.0.0.1"]
    commands = [["scheduler", *host, "--port", port, "--no-dashboard"]]
    commands += [["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", *host]] * 2
    with ExitStack() as stack:
        started = []
        for command in commands:
            log = stack.enter_context(open(folder / f"{len(started)}.log", "wb"))
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + command[0], *command[1:]],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])},
                stdout=log,
                stderr=log,
            )
            started.append(process)
            stack.callback(process.wait, 20)
            stack.callback(process.kill)
        yield address, started[1:]
