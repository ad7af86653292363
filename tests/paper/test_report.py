"""The report is one whole page that asks for nothing, and its data are the rows'."""

from __future__ import annotations

import base64
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import made_run
import numpy as np
import pyarrow.parquet as pq
import pytest

from qsim import QsimError
from qsim.reproductions.glsvlsi2021 import report
from qsim.reproductions.glsvlsi2021.report import content


class Page(HTMLParser):
    """Tags with their attributes, and the text of each script."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attributes}))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and data.strip():
            self.scripts.append(data)

    def ids(self) -> list[str]:
        return [facts["id"] for _, facts in self.tags if "id" in facts]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_run.drawn(tmp_path_factory.getbasetemp() / "drawn")


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return Page(run / "report.html")


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    for tag, facts in page.tags:
        for name in ("src", "srcset", "data", "poster", "action"):
            assert facts.get(name, "data:").startswith("data:"), (tag, facts)
        if tag == "link":
            assert facts["href"] == "data:,"
        if tag == "a":
            assert facts["href"].startswith(("#", "https://doi.org/"))
    assert "url(" not in (report.HERE / "style.css").read_text()
    assert "@import" not in (report.HERE / "style.css").read_text()


def test_every_reference_inside_the_page_is_met(page: Page) -> None:
    ids = page.ids()
    assert len(ids) == len(set(ids))
    for tag, facts in page.tags:
        for name in ("aria-labelledby", "for"):
            assert name not in facts or facts[name] in ids, (tag, facts)
        if facts.get("href", "").startswith("#"):
            assert facts["href"][1:] in ids, facts["href"]
        if tag == "img":
            assert facts["alt"]


def test_every_figure_is_embedded(run: Path, page: Page) -> None:
    embedded = {base64.b64decode(facts["src"].partition(",")[2]) for tag, facts in page.tags if tag == "img"}
    assert embedded == {file.read_bytes() for file in (run / "figures").glob("*.svg")}


def test_text_is_escaped(run: Path) -> None:
    text = (run / "report.html").read_text()
    assert "It holds &lt;on&gt; mnist." in text
    assert "<on>" not in text


def test_the_data_are_those_of_the_rows(run: Path, page: Page) -> None:
    grids = json.loads(page.scripts[0])["grids"]
    rows = pq.read_table(run / "rows.parquet").to_pylist()
    base = [row for row in rows if row["variant"] == "base"]
    assert base
    for row in base:
        grid = grids[row["dataset"]]
        a, b = grid["activations"].index(row["activation"]), grid["bits"].index(row["bits"])
        e = grid["epsilons"].index(row["epsilon"])
        assert grid["correct"][row["path"]][a][b][row["seed"]][e] == row["correct"]
        assert (grid["steps"][e], grid["images"]) == (row["step"], row["images"])


def test_packed_signs_unpack() -> None:
    for count in (1, 3, 784):
        signs = np.random.default_rng(count).integers(-1, 2, count).astype(np.int8)
        raw = content.packed(signs)
        assert [(raw[i >> 2] >> 2 * (i & 3) & 3) - 1 for i in range(count)] == signs.tolist()


def test_verdicts_are_counted_on_the_integers(run: Path) -> None:
    facts = content.gather(run)
    counted = facts["summaries"]["paper"]
    assert counted["verdicts"] == [("holds", 2), ("depends", 4), ("does not hold", 2)]
    assert (counted["total"], counted["both"], counted["agree"]) == (8, 8, 8)
    entries = [
        {**entry, "verdict": "holds" if entry["path"] == "shadow" else entry["verdict"]}
        for entry in made_run.claims(("mnist",))
    ]
    assert content.summary(content.paired(entries))["agree"] == 1


def test_our_own_statements_are_counted_apart() -> None:
    ours = [{**entry, "id": "our-" + entry["id"], "own": True} for entry in made_run.claims(("mnist",))]
    items = content.paired(ours + made_run.claims(("mnist",)))
    assert [item["own"] for item in items].count(True) == 4


def test_equal_folders_give_equal_bytes(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")
    (tmp_path / "copy/report.html").unlink()
    assert report.write(tmp_path / "copy").read_bytes() == (run / "report.html").read_bytes()


def undrawn(folder: Path) -> Path:
    """A run without pictures."""
    (folder / "figures").mkdir()
    (folder / "figures/index.json").write_text("[]")
    return folder


@pytest.mark.parametrize("dataset", ["mnist", "spiral"])
def test_one_data_set_is_enough(tmp_path: Path, dataset: str) -> None:
    folder = undrawn(made_run.write(tmp_path, (dataset,)))
    page = Page(report.write(folder))
    assert ("digits" in page.ids()) == (dataset == "mnist")
    assert list(json.loads(page.scripts[0])["grids"]) == [dataset]


def test_a_bare_run_is_enough(run: Path, tmp_path: Path) -> None:
    """Rows and claims, without any of the other tables."""
    for name in ("rows.parquet", "claims.json"):
        shutil.copy(run / name, tmp_path)
    page = Page(report.write(undrawn(tmp_path)))
    assert "digits" not in page.ids()
    digests = {row["digest"] for row in pq.read_table(tmp_path / "rows.parquet").to_pylist()}
    text = (tmp_path / "report.html").read_text()
    assert all(digest in text for digest in digests)


@pytest.mark.parametrize("name", ["rows.parquet", "claims.json", "figures/index.json"])
def test_what_is_missing_is_named(run: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(run, tmp_path / "bad")
    (tmp_path / "bad" / name).unlink()
    with pytest.raises(QsimError, match=f"{name}: no such file"):
        report.write(tmp_path / "bad")


def test_damaged_claims_are_refused(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "bad")
    (tmp_path / "bad/claims.json").write_text("[{")
    with pytest.raises(QsimError, match=r"claims\.json: not JSON"):
        report.write(tmp_path / "bad")


def test_numbers() -> None:
    shown = [content.number(v) for v in (None, 0.0, -0.01234, 97.25, 1234.5)]
    assert shown == ["–", "0", "−0.0123", "97.2", "1.23e+03"]


def test_the_first_section_says_what_survives(run: Path, page: Page) -> None:
    facts = content.gather(run)["survival"]
    assert [item["id"] for item in facts["changed"]] == ["holds-False-mnist", "holds-False-spiral"]
    assert [item["id"] for item in facts["kept"]] == [f"does-not-hold-False-{d}" for d in ("mnist", "spiral")]
    critical = facts["critical"][0]
    assert (critical["fgsm"], critical["strong"]) == ((0.01, 0.005, 0.02), (0.005, 0.0025, 0.01))
    flagged = {row["network"]: row["flags"] for row in facts["audits"] if row["dataset"] == "MNIST"}
    assert flagged["ReLU, 1 bit"] == ["zero gradient", "strongest wins"]
    assert flagged["ReLU, 4 bits"] == []
    sections = [facts["id"] for tag, facts in page.tags if tag == "section"]
    assert sections[:2] == ["survives", "verdicts"]


def test_a_run_without_the_second_axis_has_no_such_section(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "old")
    (tmp_path / "old/strong.parquet").unlink()
    assert "survives" not in Page(report.write(tmp_path / "old")).ids()
