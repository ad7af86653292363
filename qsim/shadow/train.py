"""Quantization-aware training as in the paper: rounded weights forward, straight-through gradients back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from .. import data as data_sets
from ..activations import activation as activation_called
from ..errors import QsimError
from ..model.layer import GRIDS
from .adam import Adam
from .adversarial import worsened
from .network import Network, Reals, batches, forward, gained, logit_gradient, predict, slopes, to_real
from .prune import Pruning, check_sparsity
from .sparse import SparseRows

MAX_TRAINING_BITS = 10


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train.

    Parameters
    ----------
    epochs : int
        At most this many passes over the training data.
    patience : int
        Stop after so many epochs without a better validation accuracy, and go back to the best.
    batch : int
        Images a step.
    learning_rate : float
        Adam's; its decay rates are 0.9 and 0.999.
    gain : float
        Constant factor on hidden pre-activations.
    spread : float
        Factor on the range of Glorot's initial weights, which stay in [-1, 1].
    adversarial : float
        If above 0, every batch is first attacked with this strength, in input units and norm inf (see
        `adversarial`); so are the held-out rows by which the best epoch is chosen.
    sparsity : float
        Share of all weights that are pruned to zero over the first half of the epochs (see `prune`), on the
        grid twos_complement; `patience` counts from there on.
    """

    epochs: int = 60
    patience: int = 5
    batch: int = 128
    learning_rate: float = 1e-3
    gain: float = 1.0
    spread: float = 1.0
    adversarial: float = 0.0
    sparsity: float = 0.0


RECIPES = {
    "digits": Recipe(epochs=200, patience=20, batch=32),
    "spiral": Recipe(epochs=1500, patience=300, batch=32, learning_rate=5e-3, gain=10.0),
    "spiral-literal": Recipe(epochs=1500, patience=300, batch=32, learning_rate=5e-3, gain=10.0),
}

Report = Callable[[int, int, float], None]  # epoch just finished, epochs at most, validation accuracy


def train(
    data: str | data_sets.Dataset = "mnist",
    *,
    bits: int | None = 4,
    activation: str = "relu",
    hidden: int | Sequence[int] = 100,
    seed: int = 0,
    grid: str = "odd",
    recipe: Recipe | None = None,
    report: Report | None = None,
) -> Network:
    """Train a multilayer perceptron whose forward pass sees q-bit weights.

    Adam on softmax cross-entropy, or on binary cross-entropy of one sigmoid output where there are
    two classes; weights and biases clipped to [-1, 1]; 10 % of the data held out; early stopping at
    the best accuracy on it. One BLAS thread, so that the result does not depend on the cores.

    Parameters
    ----------
    data : name of a data set, or a Dataset to train on
    bits : 1 to 10, or None for weights that are not rounded
    activation : str
        Of the hidden units, a name of `qsim.activations`.
    hidden : width of the hidden layer, or widths of several
    seed : of the held-out rows, the initial weights and the order of batches
    grid : "odd" or "twos_complement"
    recipe : Recipe, optional; by default the one for this data set
    report : called after each epoch with (epoch, epochs at most, validation accuracy)

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
    if recipe is not None and not 0 <= recipe.adversarial < np.inf:
        raise QsimError(f"adversarial is {recipe.adversarial!r}; a strength of 0 or more is needed")
    if recipe is not None:
        check_sparsity(recipe.sparsity, grid)
    dataset = training_data(data)
    recipe = recipe or RECIPES.get(dataset.name, Recipe())
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(dataset.codes))
    held_out, rows = np.split(order, [len(order) // 10])
    network = replace(
        untrained(dataset, widths, recipe.spread, rng),
        activation=activation,
        bits=bits,
        grid=grid,
        preactivation_gain=recipe.gain,
    )
    with threadpool_limits(1):
        network = _fit(network, dataset, rows, held_out, recipe, rng, report)
        return replace(network, peaks=peaks_of(network.rounded(), dataset))


def training_data(data: str | data_sets.Dataset) -> data_sets.Dataset:
    """The data set of that name, or the one given; refused where it is neither."""
    dataset = data_sets.load(data, "train") if isinstance(data, str) else data
    if not isinstance(dataset, data_sets.Dataset):
        raise QsimError(
            f"data is a {type(data).__name__}; "
            f"a name ({', '.join(data_sets.NAMES)}) or a qsim.Dataset is needed"
        )
    return dataset


def checked_widths(
    bits: int | None, activation: str, hidden: int | Sequence[int], grid: str, seed: int
) -> tuple[int, ...]:
    """The hidden widths; refused where a choice is none that training knows."""
    widths = (hidden,) if isinstance(hidden, int) else tuple(hidden)
    if bits is not None and not 1 <= bits <= MAX_TRAINING_BITS:
        raise QsimError(f"bits is {bits}; 1 to {MAX_TRAINING_BITS}, or none, are allowed")
    activation_called(activation)
    if grid not in GRIDS:
        raise QsimError(f"grid is {grid!r}; {', '.join(GRIDS)} are allowed")
    if any(width < 1 for width in widths):
        raise QsimError(f"hidden widths are {widths}; each must be at least 1")
    if seed < 0:
        raise QsimError(f"seed is {seed}; 0 or more is needed")
    return widths


def untrained(
    dataset: data_sets.Dataset, widths: Sequence[int], spread: float, rng: np.random.Generator
) -> Network:
    """A network for a data set, with Glorot's initial weights times `spread` and biases of 0."""
    outputs = 1 if dataset.classes == 2 else dataset.classes
    weights = _glorot((dataset.codes.shape[1], *widths, outputs), spread, rng)
    biases = tuple(np.zeros(w.shape[1], np.float32) for w in weights)
    return Network(weights, biases, "relu", None, dataset.input, dataset.codes_per_unit)


def _glorot(shape: tuple[int, ...], spread: float, rng: np.random.Generator) -> tuple[Reals, ...]:
    """Glorot-uniform initial weights times `spread`, (inputs, outputs) for each layer."""
    limits = [(i, o, min(spread * np.sqrt(6 / (i + o)), 1.0)) for i, o in pairwise(shape)]
    return tuple(rng.uniform(-limit, limit, (i, o)).astype(np.float32) for i, o, limit in limits)


def _fit(
    network: Network,
    dataset: data_sets.Dataset,
    rows: npt.NDArray[np.int64],
    held_out: npt.NDArray[np.int64],
    recipe: Recipe,
    rng: np.random.Generator,
    report: Report | None,
) -> Network:
    """The network of the epoch with the best accuracy on the held-out rows."""
    x_held, y_held = to_real(dataset.codes[held_out], dataset.codes_per_unit), dataset.labels[held_out]
    x = SparseRows(dataset.codes, dataset.codes_per_unit)
    adam = Adam([*network.weights, *network.biases], recipe.learning_rate, network.bits, network.grid)
    depth = len(network.weights)
    forward_pass = replace(network, weights=adam.rounded[:depth], biases=adam.rounded[depth:])
    pruning = Pruning(adam, recipe.sparsity, recipe.epochs)

    def attacked(part: npt.NDArray[np.int64], starts: np.random.Generator) -> Reals:
        real = to_real(dataset.codes[part], dataset.codes_per_unit)
        return worsened(forward_pass, real, dataset.labels[part], recipe.adversarial, starts)

    best, best_accuracy, best_epoch = network, -1.0, 0
    for epoch in range(1, recipe.epochs + 1):
        order = rng.permutation(rows)
        for i in range(0, len(order), recipe.batch):
            part = order[i : i + recipe.batch]
            batch = attacked(part, rng) if recipe.adversarial else x[part]
            gradients = parameter_gradients(forward_pass, batch, dataset.labels[part])
            adam.step(pruning.mask(gradients) if recipe.sparsity else gradients)
        pruning.prune(epoch)
        if recipe.adversarial:
            x_held = attacked(held_out, np.random.default_rng(epoch))
        accuracy = float((predict(forward_pass, x_held) == y_held).mean())
        if report:
            report(epoch, recipe.epochs, accuracy)
        if epoch < pruning.ramp:
            continue
        if accuracy > best_accuracy:
            best_accuracy, best_epoch = accuracy, epoch
            best = replace(
                network,
                weights=tuple(w.copy() for w in network.weights),
                biases=tuple(b.copy() for b in network.biases),
            )
        if epoch - best_epoch >= recipe.patience:
            break
    return best


def parameter_gradients(network: Network, x: Any, labels: npt.NDArray[np.int64]) -> list[Reals]:
    """Derivatives of the batch's mean loss by all weights, then all biases (straight-through)."""
    done = forward(network, x)
    hidden_slopes = slopes(network, done)
    gradient = logit_gradient(done.logits, labels) / done.logits.dtype.type(len(labels))
    weights: list[Reals] = []
    biases: list[Reals] = []
    for i in reversed(range(len(network.weights))):
        below = done.hidden[i - 1] if i else x
        weights.insert(0, below.T @ gradient)
        biases.insert(0, gradient.sum(axis=0))
        if i:
            gradient = (gradient @ network.weights[i].T) * gained(network, hidden_slopes[i - 1])
    return weights + biases


def peaks_of(network: Network, dataset: data_sets.Dataset) -> tuple[float, ...]:
    """The largest activation of each hidden layer over the data set."""
    parts = [
        [float(h.max()) for h in forward(network, to_real(part, dataset.codes_per_unit)).hidden]
        for part in batches(dataset.codes)
    ]
    return tuple(max(peaks) for peaks in zip(*parts, strict=True))
