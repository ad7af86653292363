"""FGSM (Goodfellow, Shlens and Szegedy 2015): directions from the float shadow, one step on the lattice.

x' = x + epsilon * sign(gradient of the loss by x), equation 2 of the paper, with sign(0) = 0, clipped to the
range of input codes.
"""

from __future__ import annotations

import numpy as np

from ..errors import QsimError
from ..model.model import Model
from ..shadow.network import (
    Network,
    batches,
    input_gradient,
    of_model,
    to_real,
    unsaturated_input_gradient,
)
from .attack import Attack, Options
from .problem import Problem
from .steps import Codes, Labels, Signs, checked_labels, lattice_step, move

GRADIENTS = {"plain": input_gradient, "unsaturated": unsaturated_input_gradient}


def fgsm(
    model: Model,
    codes: Codes,
    labels: Labels,
    epsilon: float,
    *,
    clip: bool = True,
    gradient: str = "plain",
) -> Codes:
    """The attacked input codes, white box and untargeted, from the model's own float shadow.

    Parameters
    ----------
    model : Model whose hidden layers name their activation
    codes : int array (N, inputs)
    labels : int array (N,)
        True classes, 0 to `model.classes` - 1.
    epsilon : float
        Strength in real input units (1.0 is the code `codes_per_unit`), 0 or more.
    clip : bool
        Keep codes inside the input format. Without it, codes may leave it: `with_headroom` gives
        the model whose input is wide enough for them.
    gradient : "plain" or "unsaturated"
        As in `gradient_signs`.

    Returns
    -------
    int array (N, inputs)

    Raises
    ------
    QsimError
        If codes, labels or epsilon are out of range, or the model names no activation.
    """
    checked = model.checked(codes), checked_labels(model, codes, labels)
    signs = gradient_signs(of_model(model), *checked, gradient)
    return move(codes, signs, lattice_step(model, epsilon), model.input if clip else None)


def gradient_signs(network: Network, codes: Codes, labels: Labels, gradient: str = "plain") -> Signs:
    """Sign of the loss's derivative by each input, int8 (N, inputs) in {-1, 0, 1}.

    `plain` is what a float32 framework computes: where softmax or sigmoid saturate it is exactly 0 and
    the attack leaves the image alone. `unsaturated` has the same sign without that underflow.
    """
    if gradient not in GRADIENTS:
        raise QsimError(f"gradient is {gradient!r}; {' or '.join(GRADIENTS)} is needed")
    derive = GRADIENTS[gradient]
    return np.concatenate(
        [
            np.sign(derive(network, to_real(part, network.codes_per_unit), part_labels)).astype(np.int8)
            for part, part_labels in zip(batches(codes), batches(labels), strict=True)
        ]
    )


def search(problem: Problem, options: Options) -> None:
    """The plain step, and for what it leaves the one free of saturation."""
    network = problem.network or of_model(problem.model)
    for gradient in GRADIENTS:
        images = problem.live
        if not len(images):
            return
        labels, targets = problem.of(images)
        codes = problem.codes[images]
        aims, way = (labels, 1) if targets is None else (targets, -1)
        signs = way * gradient_signs(network, codes, aims, gradient)
        problem.try_all(images, move(codes, signs, int(problem.ball.radius), problem.model.input))


FGSM = Attack("fgsm", "one step of the whole radius (Goodfellow et al. 2015)", search, 1, norms=("inf",))
