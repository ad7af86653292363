"""What a test may ask for, and what happens where the machine lacks it.

A missing tool or data set skips the tests that need it, with the reason in the summary. With
CI=true it fails them instead: there, nothing may be missing.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings

from qsim import QsimError

collect_ignore_glob = ["rtl/cocotb_*.py"]  # run inside the simulator, not by pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background, and for all children
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("qsim", deadline=None, derandomize=True)  # compiling takes its time; seeded
settings.load_profile("qsim")


KINDS = ("rtl", "cocotb", "browser", "planted")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by where they are and what they ask for, so that `-m` can choose or leave out a kind."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        kinds = {
            "rtl": Path(__file__).parent / "rtl" in item.path.parents,
            "cocotb": "simulator" in fixtures,
            "browser": "browser" in fixtures,
            "planted": "planted" in item.path.stem,
        }
        for kind, holds in kinds.items():
            if holds:
                item.add_marker(kind)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how long each kind of tests took, added up over processes."""
    seconds: dict[str, float] = dict.fromkeys((*KINDS, "others"), 0.0)
    tests: dict[str, set[str]] = {kind: set() for kind in seconds}
    for outcome in ("passed", "failed", ""):  # "" holds what setups and teardowns report
        for report in terminalreporter.stats.get(outcome, ()):
            for kind in [kind for kind in KINDS if kind in report.keywords] or ["others"]:
                seconds[kind] += report.duration
                tests[kind].add(report.nodeid)
    told = (f"{kind} {len(tests[kind])} in {seconds[kind]:.0f} s" for kind in seconds if tests[kind])
    terminalreporter.write_line("tests by kind: " + (", ".join(told) or "none"))


def missing(reason: str) -> NoReturn:
    """Skip the test that asks, or fail it where the environment has CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI=true: nothing may be missing)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def compiler() -> list[str]:
    """The command of a C++ compiler."""
    from qsim_rtl.sim import toolchain

    try:
        return toolchain.cxx()
    except QsimError as error:
        missing(str(error))


@pytest.fixture
def simulator() -> None:
    """Everything that Verilog needs to run under cocotb: Verilator, cocotb, libpython, a compiler."""
    from qsim_rtl.sim import verilator as verilate

    try:
        verilate.tools()
    except QsimError as error:
        missing(str(error))


@pytest.fixture
def mnist_test() -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    """The MNIST test images as codes, uint8 (10000, 784), and their labels (10000,)."""
    folder = os.environ.get("QSIM_DATA")
    if not folder:
        missing("MNIST was not found: QSIM_DATA is not set; it must name the folder that holds mnist/")
    if not list(Path(folder, "mnist").glob("t10k-images*")):
        missing(f"MNIST was not found: {folder}/mnist holds no t10k-images file")
    from qsim import data

    return data.mnist("test")


BROWSER_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium, with its console and network logs."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    tools = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    for name, path in tools.items():
        if path is None:
            missing(f"{name} was not found: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(tools["chromium"])
    for option in (*BROWSER_OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(tools["chromedriver"])))
    yield driver
    driver.quit()
