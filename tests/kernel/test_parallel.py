"""Images over threads: each one once, errors heard, and nobody waits for a helper that comes too late."""

from __future__ import annotations

import importlib
import threading
from concurrent.futures import Future

import numpy as np
import pytest

share = importlib.import_module("qsim.jit.parallel")  # the package has a function of that name


@pytest.mark.parametrize("workers", ["1", "2", "5"])
@pytest.mark.parametrize("images", [0, 1, share.ALONE, share.ALONE + 1, 20_000, 3 * share.LARGEST + 1])
def test_each_image_once(images: int, workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSIM_THREADS", workers)
    seen, sizes = np.zeros(images, int), []

    def part(rows: slice) -> None:
        seen[rows] += 1
        sizes.append(rows.stop - rows.start)

    share.parallel_for(images, part)
    assert (seen == 1).all()
    assert max(sizes, default=0) <= share.LARGEST


def test_a_helper_that_comes_too_late_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSIM_THREADS", "2")
    late, done = threading.Event(), []
    busy: list[Future[bool]] = [share._pool(2).submit(late.wait, 60) for _ in range(2)]
    try:
        share.parallel_for(10_000, lambda rows: done.append(rows.stop - rows.start))
        assert not any(future.done() for future in busy)
    finally:
        late.set()
    assert sum(done) == 10_000


@pytest.mark.parametrize("helper", [False, True])
def test_an_error_is_raised(helper: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever thread it happens in; the caller's slice lasts until the helper has had one."""
    monkeypatch.setenv("QSIM_THREADS", "2")
    caller, begun = threading.get_ident(), threading.Event()

    def part(rows: slice) -> None:
        if threading.get_ident() == caller:
            begun.wait(60)
        else:
            begun.set()
        if (threading.get_ident() != caller) == helper:
            raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        share.parallel_for(10_000, part)
