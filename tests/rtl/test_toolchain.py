"""Tools run under a time limit and fail in one sentence; what they build is built once."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qsim import QsimError
from qsim_rtl.sim import toolchain


def python(code: str, timeout: float = 60) -> str:
    return toolchain.run([sys.executable, "-c", code], timeout=timeout)


def test_run_gives_back_both_streams_in_order() -> None:
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr)"
    assert python(code).split() == ["one", "two"]


def test_a_failure_repeats_the_end_of_the_output() -> None:
    with pytest.raises(QsimError, match=r"ended with status 3, not 0; its output ends:\nno such gate"):
        python("print('no such gate'); raise SystemExit(3)")


def test_a_tool_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    late = tmp_path / "late"
    child = f"import time, pathlib; time.sleep(3); pathlib.Path({str(late)!r}).touch()"
    with pytest.raises(QsimError, match=r"took more than 1 s"):
        python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])", timeout=1)
    time.sleep(3)
    assert not late.exists()


def test_a_tool_that_is_not_there_is_named() -> None:
    with pytest.raises(QsimError, match="nonesuch could not be started"):
        toolchain.run(["nonesuch"], timeout=1)


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[list[str]], Path]:
    """`toolchain.built` into a cache of its own; every real build leaves a name in `log`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fill(folder: Path) -> None:
        with (tmp_path / "log").open("a") as log:
            log.write(f"{folder}\n")
        time.sleep(0.2)
        (folder / "content").touch()

    return lambda parts: toolchain.built("test", parts, fill)


def test_what_is_wanted_twice_at_once_is_built_once(
    build: Callable[[list[str]], Path], tmp_path: Path
) -> None:
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(build, [["a", "b"]] * 4))
    assert [(folder / "content").exists() for folder in folders] == [True]
    assert len((tmp_path / "log").read_text().split()) == 1
    assert build(["ab", ""]) not in folders


def test_a_build_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise QsimError("half way")

    with pytest.raises(QsimError, match="half way"):
        toolchain.built("test", ["a"], fail)
    assert not list(tmp_path.rglob("half"))
