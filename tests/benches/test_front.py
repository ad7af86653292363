"""Accuracy against hardware: rows of both styles, drawn; published figures name their source."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import missing

from benches import front
from qsim_rtl.fpga import unrolled_cost


@pytest.fixture(scope="module")
def rows() -> list[front.Row]:
    return front.rows(("digits-sparse-q4",), images=4)


def test_rows_are_engines_that_fit(rows: list[front.Row]) -> None:
    assert {row.style for row in rows} == {"folded", "unrolled"}
    fastest = next(row for row in rows if row.options == "--interval 1")
    model = front.qsim.load(Path(front.ROOT) / "models/digits-sparse-q4.safetensors")
    assert fastest.lut == unrolled_cost.predict(model, front.TARGET).lut
    assert fastest.latency_ns == pytest.approx(10 * fastest.latency)
    assert all(row.digest == model.digest and 0 <= row.attacked <= row.clean <= 1 for row in rows)


def test_they_are_drawn(rows: list[front.Row], tmp_path: Path) -> None:
    if not find_spec("matplotlib"):
        missing("matplotlib is not installed")
    front.draw(rows, tmp_path / "front.svg")
    first = (tmp_path / "front.svg").read_bytes()
    front.draw(rows, tmp_path / "front.svg")
    assert (tmp_path / "front.svg").read_bytes() == first


def test_every_published_figure_has_a_source() -> None:
    published = front.peers("mnist") + front.peers("jets")
    assert len(published) == len(front.PEERS.read_text().splitlines()) - 1
    for peer in published:
        assert int(peer["lut"]) > 0
        assert peer["source"]
        assert all(peer[column] for column in peer["seen"].split())
        assert not peer["seen"] or "https://" in peer["source"]
