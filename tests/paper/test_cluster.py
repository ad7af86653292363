"""The same rows from a cluster, one of whose workers is killed."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dask_cluster import two_workers
from plans import tiny

from qsim import QsimError

pytest.importorskip("distributed")
run = pytest.importorskip("qsim.reproductions.glsvlsi2021.run.grid", exc_type=QsimError)

pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    with two_workers(tmp_path) as found:
        yield found


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
    monkeypatch.setattr("qsim.cluster.PATIENCE", 1)
    with pytest.raises(QsimError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        run.run(tiny(1), tmp_path, scheduler="tcp://127.0.0.1:9")
