"""Converters of few bits on every column."""

from __future__ import annotations

from ... import data as data_sets
from ...errors import QsimError
from ...model.model import Model
from ..converters import RANGES, with_converters
from ..effect import Effect, Parameter

CALIBRATION_IMAGES = 1000


def converters(
    model: Model, bits: int, range: str = "max", percentile: float = 99.9, data: str | None = None
) -> Model:
    """`qsim.crossbar.converters.with_converters`, calibrated on the first training images of a data set.

    Parameters
    ----------
    model : Model with mapped layers
    bits, range, percentile
        As there.
    data : str, optional
        Name of a data set; needed by, and only used for, the calibrated range.

    Raises
    ------
    QsimError
        If a parameter is out of range, the data do not fit the model, or no layer is mapped.
    """
    codes = None
    if range == "calibrated":
        if data is None:
            raise QsimError(f"calibrated converters need data; one of {', '.join(data_sets.NAMES)} is needed")
        codes = data_sets.load(data, "train").codes[:CALIBRATION_IMAGES]
    return with_converters(model, bits, range, codes, percentile)


CONVERTERS = Effect(
    "converters",
    10,
    converters,
    (
        Parameter("bits", "--adc-bits", "Bits of a converter, else one that loses nothing.", starts=True),
        Parameter("range", "--adc-range", f"{', '.join(RANGES)}."),
        Parameter("percentile", "--percentile", "Of the currents that a calibrated range holds."),
        Parameter("data", "--data", "Training data to calibrate on."),
    ),
)
