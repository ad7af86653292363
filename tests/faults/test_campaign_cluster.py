"""The same campaign on a cluster, one of whose workers is killed."""

import signal
from pathlib import Path

import numpy as np
import pytest
from dask_cluster import two_workers
from examples import random_codes, random_model

from qsim import QsimError
from qsim.faults import campaigns
from qsim.faults.campaigns import Plan, campaign

pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own
MODEL = random_model(10, (9, 6, 4), 4, 5)
CODES = random_codes(7, MODEL, 40)
LABELS = np.random.default_rng(8).integers(0, MODEL.classes, 40)


def test_rows_equal_those_of_threads_though_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaigns, "BATCH", 50)
    plan = Plan(("weight-bit",))
    local = campaign({"small": MODEL}, CODES, LABELS, plan, tmp_path / "local").read_bytes()
    drawn = Plan(("weight-bit",), (0.01,), trials=9)
    trials = campaign({"small": MODEL}, CODES, LABELS, drawn, tmp_path / "local").read_bytes()
    with two_workers(tmp_path) as (address, workers):

        def report(done: int, total: int, name: str) -> None:
            workers[0].send_signal(signal.SIGKILL)

        out = tmp_path / "remote"
        remote = campaign({"small": MODEL}, CODES, LABELS, plan, out, report, address)
        assert workers[0].wait(20) == -signal.SIGKILL
        assert remote.read_bytes() == local
        images = "images.parquet"
        assert (out / images).read_bytes() == (tmp_path / "local" / images).read_bytes()
        assert campaign({"small": MODEL}, CODES, LABELS, drawn, out, None, address).read_bytes() == trials
    assert (out / "singles.parquet").exists()


def test_no_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qsim.cluster.PATIENCE", 1)
    with pytest.raises(QsimError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        campaign({"small": MODEL}, CODES, LABELS, Plan(("weight-bit",)), tmp_path, None, "tcp://127.0.0.1:9")
