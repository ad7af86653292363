"""The float shadow: the same network in real numbers, with the gradients that integers lack.

Real inputs are codes / one, real weights lie in [-1, 1]. The forward pass uses weights rounded to
the grid, as the paper does; `bits=None` leaves them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..activations import ACTIVATIONS, activation
from ..activations.sigmoid import logistic
from ..errors import QsimError
from ..model.input_format import InputFormat
from ..model.layer import Layer
from ..model.model import Model
from .lines import activation_of, real_layers

Reals = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Network:
    """A multilayer perceptron in floating point.

    Parameters
    ----------
    weights : tuple of float arrays (inputs, outputs), one a layer, in [-1, 1]
    biases : tuple of float arrays (outputs,), in [-1, 1]
    activation : str
        Of the hidden units, a name of `qsim.activations`. The output is linear here: softmax or sigmoid
        belong to the loss.
    bits : int or None
        Weight width in the forward pass; None for no rounding.
    input : InputFormat
    codes_per_unit : float
        Input code of 1.0.
    grid : "odd" or "twos_complement"
    preactivation_gain : float
        Constant factor on hidden pre-activations (10 on the paper's spirals).
    grid : "odd" or "twos_complement"
    preactivation_gain : float
        Constant factor on hidden pre-activations (10 on the paper's spirals).
    peaks : tuple of float
        The largest activation of each hidden layer on the training data.
    """

    weights: tuple[Reals, ...]
    biases: tuple[Reals, ...]
    activation: str
    bits: int | None
    input: InputFormat
    codes_per_unit: float
    grid: str = "odd"
    preactivation_gain: float = 1.0
    peaks: tuple[float, ...] = ()

    def rounded(self) -> Network:
        """The network whose weights are those of the forward pass.

        Returns
        -------
        Network
            Weights and biases rounded to the grid; the network itself if `bits` is None.
        """
        if self.bits is None:
            return self
        return replace(
            self,
            weights=tuple(round_to_grid(w, self.bits, self.grid) for w in self.weights),
            biases=tuple(round_to_grid(b, self.bits, self.grid) for b in self.biases),
        )


def grid_integers(reals: Reals, bits: int, grid: str) -> npt.NDArray[np.int64]:
    """The grid's integer nearest to each real in [-1, 1]; halves go up.

    On the odd grid 2k - (2**bits - 1) for k = 0 … 2**bits - 1, stands for that over 2**bits - 1;
    on the two's complement grid s, stands for s / 2**(bits - 1).
    """
    if grid == "odd":
        top = (1 << bits) - 1
        return 2 * np.floor((reals + 1) * (top / 2) + 0.5).clip(0, top).astype(np.int64) - top
    half = 1 << bits - 1
    return np.floor(reals * half + 0.5).clip(-half, half - 1).astype(np.int64)


def grid_scale(bits: int, grid: str) -> int:
    """The grid's integer that stands for 1.0."""
    return (1 << bits) - 1 if grid == "odd" else 1 << bits - 1


def round_to_grid(reals: Reals, bits: int, grid: str) -> Reals:
    """Deterministic rounding to q bits: the grid's real nearest to each value, in the same dtype.

    Parameters
    ----------
    reals : float array
        Clipped to [-1, 1].
    bits : int
        Width q.
    grid : "odd" or "twos_complement"

    Returns
    -------
    float array, of the shape and type of `reals`
    """
    if grid == "odd":  # the same as below without the detour over integers, which training pays for
        top = (1 << bits) - 1
        levels = np.floor((reals + 1) * (top / 2) + 0.5)
        return (levels.clip(0, top) * 2 - top) / reals.dtype.type(top)
    return (grid_integers(reals, bits, grid) / grid_scale(bits, grid)).astype(reals.dtype)


def of_model(model: Model, dtype: type[np.floating[Any]] = np.float32) -> Network:
    """The float shadow of an integer model: exactly its weights, with the activation it names.

    Where no layer names one, as in imported models, the twin follows the thresholds (`qsim.shadow.lines`).

    Parameters
    ----------
    model : Model
    dtype : numpy float type

    Returns
    -------
    Network
        With `bits` None: its weights are the model's own.

    Raises
    ------
    QsimError
        If only some hidden layers name an activation, or layers differ in it.
    """
    hidden = model.layers[:-1]
    if hidden and all(layer.activation is None for layer in hidden):
        return _of_thresholds(model, dtype)
    kinds = {(layer.activation, layer.preactivation_gain) for layer in hidden}
    if len(kinds) > 1 or (hidden and hidden[0].activation is None):
        raise QsimError(
            f"hidden layers name the activations {[layer.activation for layer in hidden]}; "
            f"one of {', '.join(ACTIVATIONS)} for all of them is needed to take a gradient"
        )
    name, gain = (hidden[0].activation, hidden[0].preactivation_gain) if hidden else ("relu", 1.0)
    assert name is not None
    return Network(
        weights=tuple((x.weights.T / x.weight_denominator).astype(dtype) for x in model.layers),
        biases=tuple(real_bias(x, x.weights).astype(dtype) for x in model.layers),
        activation=name,
        bits=None,
        input=model.input,
        codes_per_unit=model.layers[0].codes_per_unit,
        preactivation_gain=gain,
    )


def _of_thresholds(model: Model, dtype: type[np.floating[Any]]) -> Network:
    """The float twin of a model that is only thresholds."""
    layers = real_layers(model)
    return Network(
        weights=tuple(weights.astype(dtype) for weights, _ in layers),
        biases=tuple(bias.astype(dtype) for _, bias in layers),
        activation=activation_of(model),
        bits=None,
        input=model.input,
        codes_per_unit=model.layers[0].codes_per_unit,
    )


def real_bias(layer: Layer, weights: npt.NDArray[Any]) -> Reals:
    """The bias (outputs,) of a layer in real numbers, if its integer weights (outputs, inputs) are `weights`.

    Where the code of 0.0 is not 0, the integer bias also makes up for what it adds to every sum.
    """
    bias = layer.bias + layer.zero_code * weights.sum(axis=1)
    return bias / (layer.weight_denominator * layer.codes_per_unit)


class ForwardPass(NamedTuple):
    """What a network computes: a list entry (N, width) for each hidden layer, and the logits (N, outputs)."""

    hidden: list[Reals]  # activations
    sums: list[Reals]  # pre-activations, gain included
    logits: Reals


def forward(network: Network, x: Reals) -> ForwardPass:
    """The forward pass of real inputs; weights are used as they stand.

    Parameters
    ----------
    network : Network
        Pass `network.rounded()` for the forward pass of training.
    x : float array (N, inputs)
        Real inputs.

    Returns
    -------
    ForwardPass
    """
    return forward_from(network, x @ network.weights[0] + network.biases[0])


def forward_from(network: Network, z: Reals) -> ForwardPass:
    """The forward pass that follows from the first layer's sums z = x w + b (N, width)."""
    activate = activation(network.activation).forward
    done = ForwardPass([], [], z)
    for w, b in zip(network.weights[1:], network.biases[1:], strict=True):
        z = gained(network, done.logits)
        h = activate(z)
        done.sums.append(z)
        done.hidden.append(h)
        done = done._replace(logits=h @ w + b)
    return done


def gained(network: Network, values: Reals) -> Reals:
    """The values times the gain on hidden pre-activations; the same array where that is 1."""
    gain = network.preactivation_gain
    return values if gain == 1 else values * values.dtype.type(gain)


def slopes(network: Network, done: ForwardPass) -> list[Reals]:
    """The derivative of each hidden layer's activations by their pre-activations."""
    slope = activation(network.activation).slope
    return [slope(z, h) for z, h in zip(done.sums, done.hidden, strict=True)]


def logit_gradient(logits: Reals, labels: Labels) -> Reals:
    """Derivative of the loss by the logits (N, outputs).

    Softmax cross-entropy, or sigmoid and binary cross-entropy where there is one output.
    """
    if logits.shape[1] == 1:
        return logistic(logits) - labels[:, None].astype(logits.dtype)
    largest = np.ascontiguousarray(logits.T).max(axis=0)  # vectors take long rows
    gradient = np.exp(logits - largest[:, None])
    gradient /= gradient.sum(axis=1, keepdims=True)
    gradient[np.arange(len(labels)), labels] -= 1
    return gradient


def input_gradient(network: Network, x: Reals, labels: Labels) -> Reals:
    """The derivative of each image's loss by its real inputs; weights are used as they stand.

    Parameters
    ----------
    network : Network
    x : float array (N, inputs)
        Real inputs.
    labels : int array (N,)

    Returns
    -------
    float array (N, inputs)
    """
    done = forward(network, x)
    return back(network, slopes(network, done), logit_gradient(done.logits, labels))


def unsaturated_input_gradient(network: Network, x: Reals, labels: Labels) -> Reals:
    """`input_gradient` in float64, each image's times a positive factor, free of saturation.

    Cross-entropy's derivative by the logits is (1 - p) times a vector that stays of order 1 however
    sure the network is; p is the probability of the true class. That vector is used. Slopes are each
    activation's `stable_slope`: a sigmoid's is positive for |z| up to 700, a ReLU that is off has slope 0.

    Parameters
    ----------
    network : Network
    x : float array (N, inputs)
        Real inputs.
    labels : int array (N,)

    Returns
    -------
    float64 array (N, inputs)
    """
    wide = replace(
        network,
        weights=tuple(w.astype(np.float64) for w in network.weights),
        biases=tuple(b.astype(np.float64) for b in network.biases),
    )
    done = forward(wide, x.astype(np.float64))
    stable_slope = activation(network.activation).stable_slope
    return back(wide, [stable_slope(z) for z in done.sums], _logit_direction(done.logits, labels))


def _logit_direction(logits: Reals, labels: Labels) -> Reals:
    """The loss's derivative by the logits, divided by the probability of being wrong."""
    if logits.shape[1] == 1:
        return np.where(labels[:, None] == 1, -1.0, 1.0)
    rows = np.arange(len(labels))
    others = logits.copy()
    others[rows, labels] = -np.inf
    direction = np.exp(others - others.max(axis=1, keepdims=True))
    direction /= direction.sum(axis=1, keepdims=True)
    direction[rows, labels] = -1
    return direction


def back(network: Network, hidden_slopes: list[Reals], gradient: Reals) -> Reals:
    """From the derivative by the logits to the one by the inputs."""
    for w, slope in zip(reversed(network.weights[1:]), reversed(hidden_slopes), strict=True):
        gradient = gained(network, (gradient @ w.T) * slope)
    return gradient @ network.weights[0].T


def classify(logits: Reals) -> npt.NDArray[np.int64]:
    """The class of each row of logits; with one output, 1 where it is >= 0."""
    return (logits[:, 0] >= 0).astype(np.int64) if logits.shape[1] == 1 else logits.argmax(axis=1)


def predict(network: Network, x: Reals) -> npt.NDArray[np.int64]:
    """The class of each row of real inputs; weights are used as they stand.

    Parameters
    ----------
    network : Network
    x : float array (N, inputs)

    Returns
    -------
    int64 array (N,)
    """
    return np.concatenate([classify(forward(network, part).logits) for part in batches(x)])


def batches(x: Any, size: int = 2000) -> Iterator[Any]:
    """Consecutive parts of at most `size` rows, to bound memory; one empty part if there are none."""
    return (x[i : i + size] for i in range(0, max(len(x), 1), size))


def to_real(codes: npt.NDArray[np.integer[Any]], one: float, dtype: Any = np.float32) -> Reals:
    """Real inputs of integer codes: code / one.

    Parameters
    ----------
    codes : int array (N, inputs)
    one : float
        The code that stands for 1.0.
    dtype : numpy float type

    Returns
    -------
    float array (N, inputs)
    """
    return codes.astype(dtype) / np.dtype(dtype).type(one)
