"""Converters whose thresholds are off."""

from __future__ import annotations

from ..converters import with_converter_errors
from ..effect import Effect, Parameter

CONVERTER_ERRORS = Effect(
    "converter_errors",
    80,
    with_converter_errors,
    (
        Parameter("offset", "--adc-offset", "Deviation of converter offsets, LSB.", starts=True),
        Parameter("dnl", "--adc-dnl", "Deviation of code widths, LSB.", starts=True),
    ),
)
