"""Converters: how many bits over which range of current.

The range has the names of CrossSim: `max` covers every current that a full tile of ideal cells can give,
`granular` has a step of exactly one level and clips what is above its largest code, `calibrated` covers
the currents that data cause, up to a percentile, slice by slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .crossbar import Adc, Integers, Mapping, whole
from .crossbar_mapping import AdcOf, put_on_tiles
from .crossbar_run import column_codes
from .errors import QsimError

if TYPE_CHECKING:
    from .model import Layer, Model

RANGES = ("max", "calibrated", "granular")
CALIBRATION = 200  # images, at most


def converters(
    bits: int,
    range: str = "max",
    *,
    codes: npt.ArrayLike | None = None,
    percentile: float = 99.9,
) -> AdcOf:
    """Even converters for `put_on_tiles`: the code k stands for base + k * step, halves between them go up.

    Parameters
    ----------
    bits : 1 to 16
    range : "max", "calibrated" or "granular"
    codes : int array (N, inputs)
        Input codes that a calibrated range is taken from, the first 200 of them.
    percentile : 50 to 100
        Share of the currents, in percent, that lie below the top of a calibrated range; as many lie above
        its bottom.

    Raises
    ------
    QsimError
        If a value is not as above.
    """
    whole(bits, 1, 16, "bits of a converter")
    if range not in RANGES:
        raise QsimError(f"converter range is {range!r}; one of {', '.join(RANGES)} is needed")
    if not 50 < percentile <= 100:
        raise QsimError(f"percentile is {percentile}; above 50 and up to 100 is needed")
    if range == "calibrated" and codes is None:
        raise QsimError("a calibrated range needs data; none are given")
    top_code = (1 << bits) - 1

    def make(model: Model, index: int, mapping: Mapping) -> Adc:
        layer = model.layers[index]
        if range == "granular":
            return even(top_code, np.array([0]), np.array([mapping.unit]))
        if range == "max":
            highest = full_current(layer, mapping)
            return even(top_code, np.array([0]), np.array([_step(0, highest, top_code)]))
        lows, highs = _currents(model, index, mapping, codes, percentile)
        return even(
            top_code, lows, np.array([_step(a, b, top_code) for a, b in zip(lows, highs, strict=True)])
        )

    return make


def even(top_code: int, base: Integers, step: Integers) -> Adc:
    """Thresholds half a step below each value: base + k * step is read as k."""
    halves = 2 * np.arange(1, top_code + 1) - 1
    return Adc(
        np.asarray(base)[:, None, None] + (np.asarray(step)[:, None, None] * halves + 1 >> 1), base, step
    )


def full_current(layer: Layer, mapping: Mapping) -> int:
    """The current of a column whose cells are all at their highest level, all rows driven, in units."""
    return (
        min(mapping.rows, layer.inputs) * (mapping.top << mapping.unit_bits) * ((1 << mapping.digit_bits) - 1)
    )


def _step(low: int, high: int, top_code: int) -> int:
    return max(1, round((high - low) / top_code))


def _currents(
    model: Model, index: int, mapping: Mapping, codes: Any, percentile: float
) -> tuple[Integers, Integers]:
    """Each slice's currents at both percentiles, from ideal cells read without loss."""
    watched = column_codes(put_on_tiles(model, mapping, layers=[index]), np.asarray(codes)[:CALIBRATION])[
        index
    ]
    assert watched is not None
    by_slice = [watched[:, :, s].ravel() for s in range(watched.shape[2])]
    ends = np.array([np.percentile(c, [100 - percentile, percentile]) for c in by_slice])
    lows = np.floor(ends[:, 0]).astype(np.int64) << mapping.unit_bits
    return lows, np.maximum(np.ceil(ends[:, 1]).astype(np.int64) << mapping.unit_bits, lows + 1)
