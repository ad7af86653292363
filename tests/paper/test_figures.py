"""Figures show what the tables say, come out the same every time, and make do with what a run left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import made_run
import matplotlib as mpl
import numpy as np
import pyarrow.parquet as pq
import pytest
from matplotlib.image import imread

from qsim import QsimError
from qsim.reproductions.glsvlsi2021 import figures
from qsim.reproductions.glsvlsi2021.figures import accuracy, geometry, spirals, style
from qsim.reproductions.glsvlsi2021.figures.saved import Saved
from qsim.reproductions.glsvlsi2021.figures.style import Drawing

NUMBERED = {
    "figure-2",
    *(f"figure-{k}-{path}" for k in (3, 4, 6, 7) for path in ("integer", "shadow")),
    "figure-5",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_run.drawn(tmp_path_factory.getbasetemp() / "drawn")


def named(drawings: object, stem: str) -> Drawing:
    (found,) = [d for d in drawings if d.stem == stem]  # type: ignore[attr-defined]
    return found


def test_every_figure_of_the_paper_is_there_as_svg_and_png(run: Path) -> None:
    stems = {file.stem for file in (run / "figures").glob("*.svg")}
    assert stems == {file.stem for file in (run / "figures").glob("*.png")}
    assert stems >= NUMBERED | {f"regions-{a}" for a in made_run.ACTIVATIONS}
    assert stems == {entry["file"] for entry in json.loads((run / "figures/index.json").read_text())}


def test_pictures_are_whole_and_carry_no_date_and_no_address(run: Path) -> None:
    for file in (run / "figures").glob("*.svg"):
        text = file.read_text()
        assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        assert "<dc:date>" not in text
        assert 'href="http' not in text
    for file in (run / "figures").glob("*.png"):
        pixels = imread(file)
        assert pixels.shape[1] == style.WIDTH * style.DPI
        assert (pixels[..., :3].min(axis=2) < 0.5).mean() > 0.005  # something is drawn
        edge = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
        assert all((side == 1).all() for side in edge), f"{file.name} is cut at its edge"


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    one = made_run.write(tmp_path / "one", ("spiral",))
    two = made_run.write(tmp_path / "two", ("spiral",))
    first = figures.draw(one)
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "svg.fonttype": "none"}):  # a user's own
        second = figures.draw(two)
    assert [f.name for f in first] == [f.name for f in second]
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes(), a.name
    assert not any("mnist" in file.name or "figure-3" in file.name for file in first)


@pytest.mark.parametrize(("dataset", "stem"), [("mnist", "figure-3-integer"), ("spiral", "figure-6-shadow")])
def test_accuracy_by_bits_is_the_mean_of_the_rows(run: Path, dataset: str, stem: str) -> None:
    drawing = named(accuracy.by_bits(Saved(run)), stem)
    for panel, activation in zip(drawing.figure.axes, ("step", "sigmoid", "relu"), strict=False):
        drawn = {tuple(np.round(line.get_ydata(), 9)) for line in panel.lines}
        for epsilon in made_run.EPSILONS:
            means = [
                np.mean(
                    [
                        made_run.correct(dataset, activation, q, s, stem.split("-")[2], epsilon)
                        for s in made_run.SEEDS
                    ]
                )
                for q in made_run.BITS
            ]
            expected = tuple(np.round(100 * np.array(means) / made_run.IMAGES[dataset], 9))
            assert expected in drawn, (activation, epsilon)


def test_the_critical_strength_has_asterisks(run: Path) -> None:
    drawing = named(accuracy.by_bits(Saved(run)), "figure-3-integer")
    for panel in drawing.figure.axes[:3]:
        starred = [line for line in panel.lines if line.get_marker() == "*"]
        assert len(starred) == 1
        assert panel.get_title("right") == "critical ε = 0.01"


def test_strengths_beyond_the_least_accuracy_are_dash_dotted(run: Path) -> None:
    drawing = named(accuracy.by_bits(Saved(run)), "figure-6-integer")
    least = 0.3  # of the made spirals: accuracy rises from here on
    rising = sum(epsilon > least for epsilon in made_run.EPSILONS)
    for panel in drawing.figure.axes[:3]:
        assert sum(line.get_linewidth() == 0.45 for line in panel.lines) == rising


def test_relative_accuracy_starts_at_one(run: Path) -> None:
    drawing = named(accuracy.by_strength(Saved(run)), "figure-4-integer")
    for panel in drawing.figure.axes:
        assert [line.get_ydata()[0] for line in panel.lines] == [1] * 4
        (bounds,) = panel.collections
        assert all((np.diff(curve.vertices[:, 1]) < 0).all() for curve in bounds.get_paths())


def test_regions_are_the_saved_ones(run: Path) -> None:
    drawing = named(spirals.regions(Saved(run)), "regions-relu")
    for panel, bits in zip(drawing.figure.axes, made_run.BITS, strict=False):
        (image,) = panel.images
        assert image.origin == "lower"
        assert np.array_equal(np.asarray(image.get_array()).sum(axis=1) > 0, np.arange(12) < bits)
        assert image.get_extent()[0] == (-1200 - 80) / 1024


def test_distances_reach_the_share_that_is_fooled(run: Path) -> None:
    drawing = named(geometry.distances(Saved(run)), "distances-mnist")
    measured = drawing.figure.axes[0].lines[0]
    assert measured.get_ydata()[-1] == pytest.approx(6 / 7)  # six steps fool, one is never fooled
    assert measured.get_xdata()[0] == pytest.approx(1 / 255 * 28)


def test_other_rows_give_another_figure(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "other")
    table = pq.read_table(tmp_path / "other/rows.parquet")
    rows = table.to_pylist()
    rows[3]["accuracy"] = 0.123
    made_run.rows.write(rows, tmp_path / "other/rows.parquet")
    before = Saved(run).cube("mnist", "integer").values
    assert (Saved(tmp_path / "other").cube("mnist", "integer").values != before).sum() == 1


def test_a_run_with_rows_alone_has_its_accuracy_figures(run: Path, tmp_path: Path) -> None:
    shutil.copy(run / "rows.parquet", tmp_path)
    stems = {file.stem for file in figures.draw(tmp_path)}
    assert stems == {f"figure-{k}-{p}" for k in (3, 4, 6, 7) for p in made_run.PATHS} | {"twins", "index"}


def test_a_folder_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QsimError, match=r"rows\.parquet: no such file"):
        figures.draw(tmp_path)


def test_a_damaged_table_is_refused(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "bad")
    (tmp_path / "bad/simplices.parquet").write_bytes(b"PAR1")
    with pytest.raises(QsimError, match=r"simplices\.parquet: not a Parquet file"):
        figures.draw(tmp_path / "bad")
