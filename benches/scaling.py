"""Whether the cost grows linearly in images, inputs and neurons: three decades of each, dense, one core."""

from __future__ import annotations

from . import harness
from .harness import Row

COUNTS = (10, 100, 1000, 10_000)
IMAGES = 192  # where inputs or neurons grow


def rows() -> list[Row]:
    found = []
    with harness.environment(QSIM_THREADS="1"):
        for axis in ("images", "inputs", "neurons"):
            for count in COUNTS:
                images = 10 * count if axis == "images" else IMAGES
                shape = {"inputs": (count, 100, 10), "neurons": (784, count, 10)}.get(axis, (784, 100, 10))
                model, codes = harness.network(shape), harness.dense(images, shape[0])
                found += harness.compare(
                    "scaling",
                    f"{axis}: {10 * count if axis == 'images' else count}",
                    images,
                    {"qsim": lambda m=model, c=codes: m.predict(c)},
                    axis=axis,
                    size=10 * count if axis == "images" else count,
                    macs=harness.macs(model),
                )
    return found
