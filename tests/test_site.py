"""The documentation as a site: it builds without a warning, is complete, and opens from disk."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from public_names import public_names

import qsim
import qsim_rtl
from qsim.cli.app import app

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocstrings")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def anchors(site: Path) -> set[str]:
    pages = (site / "reference").glob("*.html")
    return {name for page in pages for name in re.findall(r'id="([\w.]+)"', page.read_text())}


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    present = anchors(site)
    top = {f"{package.__name__}.{name}" for package in (qsim, qsim_rtl) for name in package.__all__}
    modules = {f"qsim.{name}" for name in ("data", "evaluate", "executors", "geometry")}
    assert top - modules - present == set()
    assert {name for name in public_names() if name.count(".") == 1} - present == set()


def test_every_command_and_option_is_in_the_reference(site: Path) -> None:
    page = (site / "reference/cli.html").read_text()
    for command in app.registered_commands:
        assert f"qsim {command.name} [OPTIONS]" in page
    for option in ("--epsilon", "--stuck-low", "--pe", "--json"):
        assert option in page


def test_every_page_is_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        assert f'href="{page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()}"' in home, page


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert not re.findall(r'<(?:script|img|link)[^>]+(?:src|href)="(?:https?:)?//[^"]+"', text), page


def test_figures_are_well_formed() -> None:
    for figure in (ROOT / "docs").rglob("*.svg"):
        ElementTree.parse(figure)


def test_the_search_works_from_disk(site: Path, browser: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.wait import WebDriverWait

    browser.get((site / "howto/own-data.html").as_uri())
    browser.find_element(By.CSS_SELECTOR, "input.md-search__input").send_keys("line_resistance")
    found = WebDriverWait(browser, 20).until(
        lambda driver: driver.find_elements(By.CSS_SELECTOR, ".md-search-result__item a")
    )
    assert any("reference/crossbar.html" in link.get_attribute("href") for link in found)
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
