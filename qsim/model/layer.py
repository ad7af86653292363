"""One layer in integers: weights, bias, thresholds, and the tiles that may compute it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import spec
from ..activations import ACTIVATIONS
from ..errors import QsimError
from .checks import MAX_CODE_BITS, checked_int, integers
from .crossbar import Crossbar

GRIDS = ("odd", "twos_complement")
MAX_WEIGHT_BITS = 16
MAX_WRAP_BITS = 62


@dataclass(frozen=True, eq=False)
class Layer:
    """One dense layer in integers.

    Parameters
    ----------
    weights : int array (outputs, inputs)
        Integer values: on the `odd` grid the odd numbers from -(2**bits - 1) to 2**bits - 1, on
        the `twos_complement` grid any number from -2**(bits - 1) to 2**(bits - 1) - 1.
    bias : int array (outputs,)
        Added to the accumulator.
    bits : int
        Width q of a stored weight, 1 to 16.
    thresholds : int array (T,) or (outputs, T), or None
        Ascending. A hidden neuron's code is the number of its thresholds <= acc, so 0 to T, with
        T at most 65,535. One row serves all neurons. None marks the last layer.
    grid : "odd" or "twos_complement"
    codes_per_unit : float
        Input codes per 1.0 (255 for 8-bit pixels). Gives logits and attack strengths their real scale;
        no output bit depends on it.
    zero_code : int
        The input code that stands for 0.0, 0 to 65,535: above 0 where the layer before has an activation
        that can be negative. Its share of every sum is already taken away by the bias; no output bit
        depends on it.
    activation : str or None
        What the thresholds sample, a name of `qsim.activations`, for the float shadow's gradient; None if
        unknown.
    preactivation_gain : float
        Constant factor on the pre-activation, already contained in the thresholds.
    crossbar : Crossbar, optional
        The tiles that compute the products, instead of ideal integers. The weights then say what the
        cells were meant to hold, and give the float shadow.
    wrap_bits : int, optional
        Two's complement bits that are left of an accumulator, 2 to 62. None if it never wraps around: so it
        is in every network as it was made. Only one with defects, in hardware whose accumulators were made
        for it without them, may need it; it has 2**n - 1 thresholds that are as narrow.

    Raises
    ------
    QsimError
        If the parts contradict each other or a value is off its grid.
    """

    weights: npt.NDArray[np.int64]
    bias: npt.NDArray[np.int64]
    bits: int
    thresholds: npt.NDArray[np.int64] | None = None
    grid: str = "odd"
    codes_per_unit: float = 1.0
    zero_code: int = 0
    activation: str | None = None
    preactivation_gain: float = 1.0
    crossbar: Crossbar | None = None
    wrap_bits: int | None = None

    def __post_init__(self) -> None:
        weights = integers(self.weights, "weights", 2)
        bias = integers(self.bias, "bias", 1)
        if type(self.bits) is not int or not 1 <= self.bits <= MAX_WEIGHT_BITS:
            raise QsimError(f"weights of {self.bits!r} bits; 1 to {MAX_WEIGHT_BITS} are allowed")
        if self.grid not in GRIDS:
            raise QsimError(f"grid is {self.grid!r}; one of {', '.join(GRIDS)} is needed")
        if self.activation is not None and self.activation not in ACTIVATIONS:
            raise QsimError(
                f"activation is {self.activation!r}; one of {', '.join(ACTIVATIONS)} or none is needed"
            )
        for name in ("codes_per_unit", "preactivation_gain"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e18:
                raise QsimError(f"{name} is {value!r}; a positive finite number is needed")
            object.__setattr__(self, name, float(value))
        checked_int(self.zero_code, 0, (1 << MAX_CODE_BITS) - 1, "the code of 0.0")
        low, high = _grid_range(self.grid, self.bits)
        if weights.min() < low or weights.max() > high:
            worst = weights.max() if weights.max() > high else weights.min()
            raise QsimError(
                f"weight {worst} is outside {low} to {high}, the {self.bits}-bit {self.grid} grid"
            )
        if self.grid == "odd" and not (weights & 1).all():
            raise QsimError(f"weight {weights[weights & 1 == 0][0]} is even; the odd grid has none")
        if len(bias) != len(weights):
            raise QsimError(f"{len(bias)} biases for {len(weights)} neurons; one each is needed")
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "bias", bias)
        if self.thresholds is not None:
            object.__setattr__(self, "thresholds", self._checked_thresholds(len(weights)))
        if self.crossbar is not None:
            self.crossbar.check(self.bits, self.inputs, self.outputs)
        if self.wrap_bits is not None:
            self._check_wrapping(self.wrap_bits)

    def _checked_thresholds(self, outputs: int) -> npt.NDArray[np.int64]:
        """Thresholds as (outputs, T); rows that are all equal share one row of memory."""
        given = np.asarray(self.thresholds)
        rows = integers(given[None] if given.ndim == 1 else given, "thresholds", 2)
        if len(rows) not in (1, outputs):
            raise QsimError(
                f"{len(rows)} rows of thresholds for {outputs} neurons; 1 or {outputs} are needed"
            )
        if rows.shape[1] >= 1 << MAX_CODE_BITS:
            raise QsimError(
                f"{rows.shape[1]} thresholds a neuron; at most {(1 << MAX_CODE_BITS) - 1} are allowed"
            )
        if (rows[:, 1:] < rows[:, :-1]).any():
            raise QsimError("thresholds are not in ascending order; each must be >= the one before")
        if (rows == rows[0]).all():
            rows = np.broadcast_to(rows[0], (outputs, rows.shape[1]))
        return rows

    def _check_wrapping(self, bits: int) -> None:
        """Refuse thresholds that a memory of that width cannot hold, or fewer than it has."""
        half = 1 << checked_int(bits, 2, MAX_WRAP_BITS, "width at which an accumulator wraps around") - 1
        if self.thresholds is None:
            return
        if self.thresholds.min() < -half or self.thresholds.max() >= half:
            raise QsimError(f"thresholds of an accumulator that wraps around at {bits} bits need as few bits")
        if self.max_code & (self.max_code + 1):
            raise QsimError(
                f"{self.max_code} thresholds of an accumulator that wraps around; 2**n - 1 are needed"
            )

    @property
    def inputs(self) -> int:
        """Input codes of the layer."""
        return self.weights.shape[1]

    @property
    def outputs(self) -> int:
        """Neurons of the layer."""
        return self.weights.shape[0]

    @property
    def max_code(self) -> int:
        """The largest code that the thresholds can give: T, or 0 for the last layer."""
        return 0 if self.thresholds is None else self.thresholds.shape[1]

    @property
    def shared_thresholds(self) -> bool:
        """Whether one row of thresholds serves every neuron."""
        return self.thresholds is not None and self.thresholds.strides[0] == 0

    @property
    def weight_denominator(self) -> int:
        """The weight's integer that stands for 1.0: 2**bits - 1 on the odd grid, else 2**(bits - 1)."""
        return (1 << self.bits) - 1 if self.grid == "odd" else 1 << self.bits - 1

    @property
    def stored(self) -> npt.NDArray[np.int64]:
        """The q-bit two's complement codes that memories hold (outputs, inputs)."""
        return (self.weights - 1) >> 1 if self.grid == "odd" else self.weights

    def sum_bounds(self, low: int, high: int) -> tuple[int, int]:
        """A range that no accumulator leaves for codes from `low` to `high`, before any wraps around.

        It is the worst case over the layer's actual weights and all possible codes, and holds for
        every partial sum too, in any order of addition, with the bias or without.

        Parameters
        ----------
        low, high : int
            The range of the layer's input codes.

        Returns
        -------
        tuple of int
        """
        if self.crossbar is not None:
            return self.crossbar.bounds(self.grid, self.weights, self.bias, low, high)
        ends = np.stack([self.weights * low, self.weights * high])
        least, most = ends.min(0).clip(max=0).sum(1), ends.max(0).clip(min=0).sum(1)
        bias = self.bias.tolist()
        return (
            min(m + min(b, 0) for m, b in zip(least.tolist(), bias, strict=True)),
            max(m + max(b, 0) for m, b in zip(most.tolist(), bias, strict=True)),
        )


def _grid_range(grid: str, bits: int) -> tuple[int, int]:
    """The smallest and the largest weight on a grid."""
    half = 1 << bits - 1
    return spec.weight(-half, grid), spec.weight(half - 1, grid)
