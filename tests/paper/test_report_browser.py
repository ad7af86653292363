"""The report in a real browser: it opens in silence, and its controls show what the tables hold."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from pathlib import Path
from typing import Any

import made_run
import numpy as np
import pyarrow.parquet as pq
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from qsim.reproductions.glsvlsi2021 import report

CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_run.drawn(tmp_path_factory.getbasetemp() / "drawn")


@pytest.fixture
def page(browser: webdriver.Chrome, run: Path) -> webdriver.Chrome:
    """The report, freshly opened."""
    opened(browser, run / "report.html")
    return browser


def opened(browser: webdriver.Chrome, file: Path) -> tuple[list[str], list[str]]:
    """Open a page: what its console says, and the addresses that it asks for."""
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(file.as_uri())
    said = [entry["message"] for entry in browser.get_log("browser")]
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    return said, [url for url in asked if not url.startswith("data:")]


def text(page: webdriver.Chrome, name: str) -> str:
    return page.find_element(By.ID, name).text


def press(page: webdriver.Chrome, group: str, value: object) -> None:
    """Choose one of a row of keys."""
    page.find_element(By.CSS_SELECTOR, f'input[name="{group}"][value="{value}"]').send_keys(Keys.SPACE)


def slide(page: webdriver.Chrome, name: str, index: int) -> None:
    """Move a slider with the keyboard."""
    slider = page.find_element(By.ID, name)
    slider.send_keys(Keys.HOME + Keys.ARROW_RIGHT * index)


def test_it_opens_in_silence(browser: webdriver.Chrome, run: Path) -> None:
    said, asked = opened(browser, run / "report.html")
    assert said == []
    assert asked == [(run / "report.html").as_uri()]


def test_an_error_and_a_request_would_be_noticed(
    browser: webdriver.Chrome, run: Path, tmp_path: Path
) -> None:
    source = (run / "report.html").read_text()
    broken = tmp_path / "broken.html"
    broken.write_text(source.replace('"use strict";', '"use strict"; nothing.at.all();', 1))
    assert any("nothing is not defined" in message for message in opened(browser, broken)[0])
    open_wide = source.replace('http-equiv="Content-Security-Policy"', "", 1)
    broken.write_text(open_wide.replace("<main>", '<main><img src="http://127.0.0.1:9/x.png" alt="">', 1))
    assert "http://127.0.0.1:9/x.png" in opened(browser, broken)[1]


def test_accuracy_is_that_of_the_rows_for_every_network(page: webdriver.Chrome, run: Path) -> None:
    rows = pq.read_table(run / "rows.parquet").to_pylist()
    base = [row for row in rows if row["variant"] == "base"]
    for dataset, activation, bits in product(("spiral", "mnist"), made_run.ACTIVATIONS, (1, 10)):
        Select(page.find_element(By.ID, "dataset")).select_by_value(dataset)
        Select(page.find_element(By.ID, "activation")).select_by_value(activation)
        press(page, "bits", bits)
        at = (bits + len(activation)) % len(made_run.EPSILONS)
        slide(page, "epsilon", at)
        epsilon = made_run.EPSILONS[at]
        own = {"dataset": dataset, "activation": activation, "bits": bits, "epsilon": epsilon}
        same = [row for row in base if own.items() <= row.items()]
        means = {p: np.mean([row["accuracy"] for row in same if row["path"] == p]) for p in made_run.PATHS}
        assert text(page, "epsilon-value") == str(epsilon).removesuffix(".0")
        for path, mean in means.items():
            assert text(page, path) == f"{Decimal(100 * mean).quantize(Decimal('0.01'), ROUND_HALF_UP)} %", (
                own
            )
        step = same[0]["step"]
        assert text(page, "step") == f"{step} LSB{'' if step == 1 else 's'}"
        title = page.find_element(By.ID, "curve-title").get_attribute("textContent") or ""
        assert title.endswith("1 bit" if bits == 1 else "10 bits")


def test_the_curve_goes_through_the_rows(page: webdriver.Chrome, run: Path) -> None:
    press(page, "bits", 4)
    curves = page.find_elements(By.CSS_SELECTOR, "#curve polyline")
    drawn = (curves[-2].get_attribute("points") or "").split()
    rows = pq.read_table(run / "rows.parquet").to_pylist()
    for point, epsilon in zip(drawn, made_run.EPSILONS, strict=True):
        own = {"dataset": "mnist", "activation": "step", "bits": 4, "epsilon": epsilon, "path": "integer"}
        mean = np.mean([r["accuracy"] for r in rows if own.items() <= r.items() and r["variant"] == "base"])
        assert float(point.split(",")[1]) == pytest.approx(258 - 246 * mean, abs=0.06)


def pixels(page: webdriver.Chrome, canvas: str) -> Any:
    script = """const context = document.getElementById(arguments[0]).getContext('2d');
        return Array.from(context.getImageData(0, 0, 28, 28).data)"""
    return np.array(page.execute_script(script, canvas), np.uint8).reshape(784, 4)


def test_digits_are_shown_as_the_hardware_gets_them(page: webdriver.Chrome) -> None:
    for example in made_run.examples()[1::4]:
        place = [3, 5].index(example["image"])
        press(page, "image", place)
        Select(page.find_element(By.ID, "digit-activation")).select_by_value(example["activation"])
        Select(page.find_element(By.ID, "digit-bits")).select_by_value(str(example["bits"]))
        for at in (0, 4, 7):
            slide(page, "digit-epsilon", at)
            step = example["steps"][at]
            codes = np.frombuffer(example["pixels"], np.uint8).astype(int)
            shown = (codes + step * np.frombuffer(example["signs"], np.int8).astype(int)).clip(0, 255)
            assert np.array_equal(pixels(page, "attacked")[:, 0], 255 - shown)
            assert np.array_equal(pixels(page, "clean")[:, 0], 255 - codes)
            assert f"({step} LSBs)" in text(page, "digit-epsilon-value")
            said = page.find_elements(By.CSS_SELECTOR, "#says td")
            expected = [
                (f"{c}\n{'right' if c == example['label'] else 'wrong'}") for c in example["says"][at]
            ]
            assert [cell.text for cell in said] == expected


def test_regions_are_painted_for_spirals(page: webdriver.Chrome) -> None:
    assert not page.find_element(By.ID, "region").is_displayed()
    Select(page.find_element(By.ID, "dataset")).select_by_value("spiral")
    press(page, "bits", 4)
    assert page.find_element(By.ID, "region").is_displayed()
    script = """const map = document.getElementById('region-map'), scale = map.width / 16;
        const red = (i) => map.getContext('2d').getImageData(0, (11 - i) * scale, 1, 1).data[0];
        return [...Array(12).keys()].map(red)"""
    reds = page.execute_script(script)
    assert [red == 0xF7 for red in reds] == [row < 4 for row in range(12)]


def test_figures_change_path(page: webdriver.Chrome) -> None:
    def seen() -> set[str]:
        return {
            f.get_attribute("id") for f in page.find_elements(By.CLASS_NAME, "drawing") if f.is_displayed()
        }

    before = seen()
    assert {"figure-3-integer", "figure-5"} <= before
    assert not any(name.endswith("shadow") for name in before)
    press(page, "path", "shadow")
    assert seen() == {name.replace("-integer", "-shadow") for name in before}
    widths = page.execute_script("return [...document.images].map(i => i.naturalWidth)")
    assert min(widths) > 0


def test_claims_are_filtered_and_linked(page: webdriver.Chrome) -> None:
    press(page, "filter", "does not hold")
    rows = page.find_elements(By.CSS_SELECTOR, "tr[data-verdict]")
    shown = {row.get_attribute("data-verdict") for row in rows if row.is_displayed()}
    assert shown == {"does not hold"}
    link = page.find_element(By.CSS_SELECTOR, '.columns a[href="#holds-False-mnist"]')
    link.send_keys(Keys.ENTER)
    opened_row = page.find_element(By.ID, "holds-False-mnist")
    assert opened_row.is_displayed()
    assert opened_row.find_element(By.TAG_NAME, "details").get_attribute("open") is not None


def test_a_narrow_window_needs_no_sideways_scrolling(page: webdriver.Chrome) -> None:
    metrics = {"width": 380, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        wide, window = page.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert (window, wide <= window) == (380, True)
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("dataset", ["mnist", "spiral"])
def test_one_data_set_opens_in_silence(browser: webdriver.Chrome, tmp_path: Path, dataset: str) -> None:
    folder = made_run.write(tmp_path, (dataset,))
    (folder / "figures").mkdir()
    (folder / "figures/index.json").write_text("[]")
    said, _ = opened(browser, report.write(folder))
    assert said == []
    assert text(browser, "integer").endswith("%")
