"""Training for certificates: interval bounds of the worst logits, on rounded weights (straight-through).

Every image carries a box of so many LSBs around it through the network: intervals in centre and radius, which
monotone activations map end by end. The loss is a mixture of that of the image and that of the worst logits
its box allows, and the box grows from nothing (Gowal et al., 2018, "On the effectiveness of interval bound
propagation"). What the integers then keep is for `qsim.certify` to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from .. import data as data_sets
from ..activations import activation as activation_called
from ..errors import QsimError
from .adam import Adam
from .network import Network, Reals, logit_gradient, predict, to_real
from .train import Report, checked_widths, peaks_of, training_data, untrained


@dataclass(frozen=True)
class IntervalRecipe:
    """How to train for certificates.

    Parameters
    ----------
    epochs : int
        Passes over the training data; the last network is kept.
    batch : int
        Images a step.
    learning_rate : float
        Adam's at first; times 0.3 after 60 % of the steps, times 0.06 after 85 %.
    ramp : float
        Share of the steps in which the box grows to its full radius and the mixture to `nominal`.
    nominal : float
        Share of the image's own loss in the end; the rest is that of the worst logits.
    gain : float
        Constant factor on hidden pre-activations: what scales rounded weights down.
    spread : float
        Factor on the range of Glorot's initial weights.
    """

    epochs: int = 24
    batch: int = 200
    learning_rate: float = 1e-3
    ramp: float = 0.5
    nominal: float = 0.0
    gain: float = 0.5
    spread: float = 0.5


INTERVAL_RECIPES = {"digits": IntervalRecipe(epochs=100, batch=32)}


class Interval(NamedTuple):
    """A batch of boxes: centres and radii (N, width)."""

    centre: Reals
    radius: Reals


def train_certified(
    data: str | data_sets.Dataset = "mnist",
    *,
    radius: int,
    bits: int = 8,
    activation: str = "relu",
    hidden: int | Sequence[int] = 100,
    seed: int = 0,
    grid: str = "odd",
    recipe: IntervalRecipe | None = None,
    report: Report | None = None,
) -> Network:
    """Train a network whose integers can be certified around most images.

    Parameters
    ----------
    data : name of a data set, or a Dataset to train on
    radius : of the boxes at the end, in LSBs of the input code, 1 or more
    bits, activation, hidden, seed, grid : as in `qsim.train`
    recipe : IntervalRecipe, optional; by default the one for this data set
    report : as in `qsim.train`

    Returns
    -------
    Network
        With unrounded weights; `qsim.quantize` freezes it.

    Raises
    ------
    QsimError
        If a parameter is outside what is allowed.
    """
    widths = checked_widths(bits, activation, hidden, grid, seed)
    dataset = training_data(data)
    span = dataset.input.high - dataset.input.low
    if not 1 <= radius <= span:
        raise QsimError(f"radius is {radius}; 1 to {span} LSBs are allowed")
    recipe = recipe or INTERVAL_RECIPES.get(dataset.name, IntervalRecipe())
    rng = np.random.default_rng(seed)
    held_out, rows = np.split(rng.permutation(len(dataset.codes)), [len(dataset.codes) // 10])
    network = replace(
        untrained(dataset, widths, recipe.spread, rng),
        activation=activation,
        bits=bits,
        grid=grid,
        preactivation_gain=recipe.gain,
    )
    with threadpool_limits(1):
        adam = Adam([*network.weights, *network.biases], recipe.learning_rate, bits, grid)
        depth = len(network.weights)
        forward_pass = replace(network, weights=adam.rounded[:depth], biases=adam.rounded[depth:])
        for epoch, steps in _epochs(recipe, rows, rng):
            for share, rate, part in steps:
                adam.learning_rate = recipe.learning_rate * rate
                box = _box(dataset, part, radius * share)
                nominal = 1 - (1 - recipe.nominal) * share
                adam.step(parameter_gradients(forward_pass, *box, dataset.labels[part], nominal))
            if report:
                x = to_real(dataset.codes[held_out], dataset.codes_per_unit)
                accuracy = float((predict(forward_pass, x) == dataset.labels[held_out]).mean())
                report(epoch, recipe.epochs, accuracy)
        return replace(network, peaks=peaks_of(network.rounded(), dataset))


Steps = Iterator[tuple[float, float, npt.NDArray[np.int64]]]


def _epochs(
    recipe: IntervalRecipe, rows: npt.NDArray[np.int64], rng: np.random.Generator
) -> Iterator[tuple[int, Steps]]:
    """For each epoch its steps: (share of the full radius, factor of the learning rate, rows)."""
    each = -(-len(rows) // recipe.batch)
    total = each * recipe.epochs
    warm, ramp = total // 15, max(1.0, recipe.ramp * total)

    def steps(epoch: int) -> Steps:
        order = rng.permutation(rows)
        for i in range(each):
            done = (epoch - 1) * each + i
            rate = 1.0 if done < 0.6 * total else 0.3 if done < 0.85 * total else 0.06
            share = min(1.0, max(0.0, (done - warm) / ramp))
            yield share, rate, order[i * recipe.batch : (i + 1) * recipe.batch]

    for epoch in range(1, recipe.epochs + 1):
        yield epoch, steps(epoch)


def _box(dataset: data_sets.Dataset, rows: npt.NDArray[np.int64], radius: float) -> tuple[Reals, Interval]:
    """Real inputs and the boxes around them, inside the input format."""
    codes, form, one = dataset.codes[rows].astype(np.float32), dataset.input, dataset.codes_per_unit
    low, high = np.maximum(codes - radius, form.low), np.minimum(codes + radius, form.high)
    scale = np.float32(1 / one)
    return codes * scale, Interval((low + high) * (scale / 2), (high - low) * (scale / 2))


def parameter_gradients(
    network: Network, x: Reals, box: Interval, labels: npt.NDArray[Any], nominal: float
) -> list[Reals]:
    """Derivatives of the mixed mean loss by all weights, then all biases.

    Parameters
    ----------
    x : float array (N, inputs)
    box : what stands around x
    nominal : share of the loss at x; the rest is that of the worst logits over the box
    """
    kind, gain = activation_called(network.activation), x.dtype.type(network.preactivation_gain)
    sizes = [np.abs(w) for w in network.weights]
    entering, slopes = [(x, box)], []
    for w, b, size in zip(network.weights[:-1], network.biases[:-1], sizes, strict=False):
        middle, reach = box.centre @ w + b, box.radius @ size
        sums = [value * gain for value in (x @ w + b, middle - reach, middle + reach)]
        x, low, high = ends = [kind.forward(value) for value in sums]
        slopes.append([kind.slope(z, h) * gain for z, h in zip(sums, ends, strict=True)])
        box = Interval((low + high) / 2, (high - low) / 2)
        entering.append((x, box))
    z = x @ network.weights[-1] + network.biases[-1]
    middle, reach = box.centre @ network.weights[-1] + network.biases[-1], box.radius @ sizes[-1]
    sign = _worst_sign(z, labels)
    share = z.dtype.type(1 / len(z))
    gz = logit_gradient(z, labels) * (share * z.dtype.type(nominal))
    gc = logit_gradient(middle + sign * reach, labels) * (share * z.dtype.type(1 - nominal))
    gr = gc * sign
    weights: list[Reals] = []
    biases: list[Reals] = []
    for i in reversed(range(len(network.weights))):
        if i < len(slopes):
            gl, gh = (gc - gr) / 2 * slopes[i][1], (gc + gr) / 2 * slopes[i][2]
            gz, gc, gr = gz * slopes[i][0], gl + gh, gh - gl
        below, inner = entering[i]
        w = network.weights[i]
        weights.insert(0, below.T @ gz + inner.centre.T @ gc + np.sign(w) * (inner.radius.T @ gr))
        biases.insert(0, gz.sum(0) + gc.sum(0))
        if i:
            gz, gc, gr = gz @ w.T, gc @ w.T, gr @ sizes[i].T
    return weights + biases


def _worst_sign(logits: Reals, labels: npt.NDArray[Any]) -> Reals:
    """Which end of each logit is worst: -1 for the true class, 1 for all others."""
    if logits.shape[1] == 1:
        return np.where(labels[:, None] == 1, -1, 1).astype(logits.dtype)
    sign = np.ones_like(logits)
    sign[np.arange(len(logits)), labels] = -1
    return sign
