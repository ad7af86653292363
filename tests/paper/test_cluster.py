"""The same rows from a cluster, one of whose workers is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from plans import tiny

from qsim import QsimError

pytest.importorskip("distributed")
run = pytest.importorskip("qsim.reproductions.glsvlsi2021.run.grid", exc_type=QsimError)

pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler on this machine, and its two worker processes."""
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
            log = stack.enter_context(open(tmp_path / f"{len(started)}.log", "wb"))
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + command[0], *command[1:]],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])},
                stdout=log,
                stderr=log,
            )
            started.append(process)
            stack.callback(process.wait, 20)
            stack.callback(process.kill)
        yield address, started[1:]


def test_rows_equal_those_of_a_local_run_though_a_worker_is_killed(
    tmp_path: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, workers = cluster
    local = run.run(tiny(8), tmp_path / "local", processes=1)
    killed: list[float] = []

    def report(done: int, total: int, name: str) -> None:
        if not killed:
            workers[0].send_signal(signal.SIGKILL)
            killed.append(time.perf_counter())

    remote = run.run(tiny(8), tmp_path / "remote", scheduler=address, report=report)
    assert killed
    assert workers[0].wait(10) == -signal.SIGKILL
    for table in ("rows.parquet", "distances.parquet"):
        assert (remote.parent / table).read_bytes() == (local.parent / table).read_bytes()


def test_no_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "PATIENCE", 1)
    with pytest.raises(QsimError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        run.run(tiny(1), tmp_path, scheduler="tcp://127.0.0.1:9")
