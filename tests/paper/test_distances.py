"""Distances counted one by one, and fits that find what was planted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qsim import InputFormat, QsimError, geometry

distances = pytest.importorskip("qsim.reproductions.glsvlsi2021.tables.distances", exc_type=QsimError)

ONE = 255


def test_histogram_counts_images_and_their_lengths() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (50, 9)).astype(np.uint8)
    signs = rng.integers(-1, 2, (50, 9)).astype(np.int8)
    first = rng.integers(-1, 5, 50) * 40
    first[first < 0] = distances.NOT_FOOLED
    found = {row["step"]: row for row in distances.histogram(first, codes, signs, InputFormat(8), ONE)}
    assert sum(row["images"] for row in found.values()) == 50
    for step, row in found.items():
        if step == distances.NOT_FOOLED:
            assert math.isnan(row["epsilon"])
            continue
        lengths = []
        for image in np.flatnonzero(first == step):
            moved = [
                min(max(int(x) + step * int(s), 0), 255) - int(x)
                for x, s in zip(codes[image], signs[image], strict=True)
            ]
            lengths.append(math.sqrt(sum(m * m for m in moved)) / ONE)
        assert row["images"] == len(lengths)
        assert row["length"] == pytest.approx(np.mean(lengths))
        assert row["length"] <= row["distance"] == pytest.approx(step / ONE * 3)


def table(drawn: np.ndarray, q: int, n: int) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    """The distances of images, found at the next lattice step, as the table that a run leaves."""
    steps = np.ceil(drawn / math.sqrt(n) * 1024).astype(int)
    values, images = np.unique(steps, return_counts=True)
    return {
        "dataset": np.full(len(values), "x"),
        "activation": np.full(len(values), "relu"),
        "bits": np.full(len(values), q),
        "seed": np.zeros(len(values), int),
        "digest": np.full(len(values), "d"),
        "step": values,
        "images": images,
        "distance": values / 1024 * math.sqrt(n),
    }


@pytest.mark.parametrize(("q", "n"), [(1, 2), (3, 2), (1, 4)])
def test_distances_of_the_model_itself_fit(q: int, n: int) -> None:
    s = geometry.edge(q, n)
    drawn = geometry.sampled_distances(s, n, 20_000, seed=1)
    found = {row["model"]: row for row in distances.fits(table(drawn, q, n), {"x": n})}
    assert found["paper"]["ks"] < found["paper"]["ks_critical"]
    assert found["s"]["s"] == pytest.approx(s, rel=0.03)
    assert found["n"]["n"] == pytest.approx(n, rel=0.03)
    assert found["s"]["mean_modelled"] == pytest.approx(drawn.mean(), rel=0.03)
    assert found["s"]["fooled_share"] == 1


def test_a_larger_edge_is_found_and_the_paper_s_refused() -> None:
    s = 40 * geometry.edge(5, 2)
    drawn = geometry.sampled_distances(s, 2, 5_000, seed=1)
    found = {row["model"]: row for row in distances.fits(table(drawn, 5, 2), {"x": 2})}
    assert found["paper"]["ks"] > 0.8
    assert found["s"]["s"] == pytest.approx(s, rel=0.03)
    assert found["s"]["ks"] < found["s"]["ks_critical"]


def test_an_exponential_is_what_784_dimensions_look_like() -> None:
    drawn = np.random.default_rng(0).exponential(3.0, 20_000)
    found = {row["model"]: row for row in distances.fits(table(drawn, 1, 784), {"x": 784})}
    assert found["s"]["mean_modelled"] == pytest.approx(3.0, rel=0.05)
    assert found["s"]["ks"] < 0.02


def test_images_wrong_before_the_attack_do_not_count() -> None:
    rows = table(geometry.sampled_distances(1.0, 2, 1_000, seed=1), 1, 2)
    more = {name: np.append(column, column[:2]) for name, column in rows.items()}
    more["step"][-2:], more["images"][-2:] = (0, -1), (500, 250)
    found = next(iter(distances.fits(more, {"x": 2})))
    assert (found["images"], found["fooled_share"]) == (1_250, 0.8)
