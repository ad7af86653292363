"""Accuracy, clean and under attack, on the integers and on the float shadow side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..attacks.fgsm import gradient_signs
from ..attacks.steps import Codes, Labels, Signs, checked_labels, lattice_step, move, with_headroom
from ..data import Dataset
from ..errors import QsimError
from ..model.model import Model
from ..shadow.network import Network, Reals, batches, of_model, predict, to_real
from ..spec import dense as spec


@dataclass(frozen=True)
class Clean:
    """Accuracy on unperturbed images.

    Parameters
    ----------
    images : int
        How many were classified.
    integer : float
        Fraction that the integers classify right.
    shadow : float or None
        The same of the float shadow; None if the model names no activation.
    """

    images: int
    integer: float
    shadow: float | None


@dataclass(frozen=True)
class Attacked:
    """One strength of an FGSM attack and what it left.

    Parameters
    ----------
    epsilon : float
        Strength in real input units.
    step : int
        The same in LSBs of the input code.
    clip : bool
        Whether attacked inputs stayed inside the input format.
    integer, shadow : float
        Fractions of images that are still classified right.
    zero_gradients : float
        Fraction of images whose gradient is zero in every input; FGSM leaves them alone.
    """

    epsilon: float
    step: int
    clip: bool
    integer: float
    shadow: float
    zero_gradients: float


def check_fit(model: Model, dataset: Dataset) -> None:
    """Refuse a data set whose images, codes or classes are not those of the model.

    Parameters
    ----------
    model : Model
    dataset : Dataset

    Raises
    ------
    QsimError
        If they do not fit; says in what.
    """
    if dataset.codes.shape[1] != model.inputs:
        raise QsimError(
            f"{dataset.name} has {dataset.codes.shape[1]} inputs an image; this model takes {model.inputs}"
        )
    if dataset.input != model.input:
        found, needed = _described(dataset.input), _described(model.input)
        raise QsimError(f"{dataset.name} has {found} codes; this model takes {needed}")
    checked_labels(model, dataset.codes, dataset.labels)


def _described(form: Any) -> str:
    return f"{form.bits}-bit {'signed' if form.signed else 'unsigned'}"


def clean(model: Model, dataset: Dataset) -> Clean:
    """Clean accuracy on integers and, if the model names its activation, on the shadow.

    Parameters
    ----------
    model : Model
    dataset : Dataset

    Returns
    -------
    Clean

    Raises
    ------
    QsimError
        If model and data do not fit together.
    """
    check_fit(model, dataset)
    shadow = None
    if len({layer.activation for layer in model.layers[:-1]}) <= 1:
        network = of_model(model)
        shadow = _share(predict_codes(network, dataset.codes), dataset.labels)
    return Clean(len(dataset.codes), _share(model.predict(dataset.codes), dataset.labels), shadow)


def attacked(
    model: Model, dataset: Dataset, epsilons: Sequence[float], *, clip: bool = True
) -> list[Attacked]:
    """FGSM at each strength: crafted on the shadow, scored on the shadow and on the integers.

    Parameters
    ----------
    model : Model whose hidden layers name their activation
    dataset : Dataset
    epsilons : strengths in real input units, each 0 or more
    clip : bool
        Keep attacked inputs inside the input format. Without it the integers are those of the same
        weights behind an input converter that is wide enough.

    Returns
    -------
    list of Attacked
        One for each strength, in their order.

    Raises
    ------
    QsimError
        If model, data and strengths do not fit together.
    """
    check_fit(model, dataset)
    steps = [lattice_step(model, epsilon) for epsilon in epsilons]
    network = of_model(model)
    signs = gradient_signs(network, dataset.codes, dataset.labels)
    zero = float((~signs.any(axis=1)).mean())
    rows = []
    for epsilon, step in zip(epsilons, steps, strict=True):
        codes = move(dataset.codes, signs, step, model.input if clip else None)
        target = model if clip or _inside(model, codes) else with_headroom(model, step)
        integer = _share(target.predict(codes), dataset.labels)
        shadow = _share(_predict_moved(network, dataset, signs, epsilon, clip), dataset.labels)
        rows.append(Attacked(epsilon, step, clip, integer, shadow, zero))
    return rows


def matches_spec(model: Model, codes: Codes) -> bool:
    """Whether kernel and spec agree on every hidden code and logit of these images.

    Parameters
    ----------
    model : Model
    codes : int array (N, inputs)
        A few: the specification takes milliseconds to seconds an image.

    Returns
    -------
    bool
    """
    trace = model.trace(codes)
    rows = zip(*(h.tolist() for h in trace.hidden), strict=True) if trace.hidden else ([] for _ in codes)
    kernel = [(list(h), logits) for h, logits in zip(rows, trace.logits.tolist(), strict=True)]
    return kernel == list(spec.trace(model, codes))


def predict_codes(network: Network, codes: Codes) -> Labels:
    """The shadow's class of each image of integer codes.

    Parameters
    ----------
    network : Network
        Its weights are used as they stand.
    codes : int array (N, inputs)

    Returns
    -------
    int64 array (N,)
    """
    return np.concatenate(
        [predict(network, to_real(part, network.codes_per_unit)) for part in batches(codes)]
    )


def _predict_moved(network: Network, dataset: Dataset, signs: Signs, epsilon: float, clip: bool) -> Labels:
    """The shadow's class of each image moved by the real epsilon, not by its rounding to LSBs."""

    def moved(codes: Codes, part: Signs) -> Reals:
        x = to_real(codes, network.codes_per_unit)
        x += part * x.dtype.type(epsilon)
        if clip:
            np.clip(
                x,
                network.input.low / network.codes_per_unit,
                network.input.high / network.codes_per_unit,
                out=x,
            )
        return x

    parts = zip(batches(dataset.codes), batches(signs), strict=True)
    return np.concatenate([predict(network, moved(codes, part)) for codes, part in parts])


def _inside(model: Model, codes: Codes) -> bool:
    return bool(model.input.low <= codes.min() and codes.max() <= model.input.high)


def _share(predicted: Labels, labels: Labels) -> float:
    return float((predicted == labels).mean())
