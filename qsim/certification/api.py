"""Many images: on all cores, each alone, so that findings depend on neither order nor threads."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import numpy as np
import numpy.typing as npt

from ..attacks.steps import checked_labels
from ..jit.parallel import threads
from ..model.checks import checked_int
from ..model.model import Model
from .branch import Effort
from .ladder import Certifier, Finding
from .tiles import TiledCertifier


def certify(
    model: Model,
    codes: npt.NDArray[np.integer[Any]],
    labels: npt.NDArray[np.integer[Any]],
    radius: int,
    *,
    nodes: int = Effort.nodes,
    seconds: float | None = None,
) -> list[Finding]:
    """For each image: proved robust, broken, or unknown, on the integers that the hardware computes.

    Parameters
    ----------
    model : Model of any depth, grid, thresholds and input format; layers on tiles without read noise
    codes : int array (N, inputs)
    labels : int array (N,)
        An image is robust if every image within the radius gets its label.
    radius : int
        In LSBs of the input code, l-infinity, inside the input format; 0 or more.
    nodes : int
        Cells of branch and bound for one image, at most.
    seconds : float, optional
        Processor time for one image, at most; with it, what stays unknown depends on the machine.

    Returns
    -------
    list of Finding, one an image

    Raises
    ------
    QsimError
        If an argument is out of range, or a layer has read noise.
    """
    certifier = certifier_of(model)
    images, labels = checked(model, codes, labels, radius)
    effort = Effort(nodes, seconds)
    found = decided(certifier, images, labels, radius, effort, range(len(images)))
    return [finding for _, finding, _ in sorted(found, key=lambda one: one[0])]


def certifier_of(model: Model) -> Certifier | TiledCertifier:
    """What decides images of a model."""
    return TiledCertifier(model) if model.mapped else Certifier(model)


def checked(
    model: Model, codes: npt.NDArray[Any], labels: npt.NDArray[Any], radius: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Codes as int64 and labels; refused where the model does not allow them, or the radius is no such."""
    span = model.input.high - model.input.low
    checked_int(radius, 0, span, "radius")
    return model.checked(codes).astype(np.int64), checked_labels(model, codes, labels)


def decided(
    certifier: Certifier | TiledCertifier,
    images: npt.NDArray[np.int64],
    labels: npt.NDArray[Any],
    radius: int,
    effort: Effort,
    rows: Iterable[int],
) -> Iterator[tuple[int, Finding, float]]:
    """(row, what was found, seconds of processor time) for rows of images, in the order in which they end."""

    def decide(row: int) -> tuple[int, Finding, float]:
        started = time.thread_time()
        finding = certifier.decide(images[row], int(labels[row]), radius, effort)
        return row, finding, time.thread_time() - started

    with ThreadPoolExecutor(threads(), thread_name_prefix="certify") as pool:
        futures = [pool.submit(decide, row) for row in rows]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
