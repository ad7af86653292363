"""Small random networks and boxes that can be enumerated: the oracle of certification."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from examples import random_model
from hypothesis import strategies as st

from qsim import InputFormat, Model
from qsim.certification import checker
from qsim.certification.certificate import certificate_of, checksum, packed
from qsim.certification.ladder import Finding
from qsim.certification.network import plain


@st.composite
def cases(draw: st.DrawFn) -> tuple[Model, npt.NDArray[np.int64], int]:
    """A model of 0 to 4 hidden layers, an image and a radius, with at most a few thousand images around.

    Class 0 only just wins all of them, or only just fails to: the last bias is chosen for it.
    """
    inputs, depth = draw(st.integers(1, 4)), draw(st.integers(0, 4))
    hidden = draw(st.lists(st.integers(2, 5), min_size=depth, max_size=depth))
    form = InputFormat(draw(st.integers(1, 6)), draw(st.booleans()))
    model = random_model(
        draw(st.integers(0, 10**6)),
        (inputs, *hidden, draw(st.integers(1, 4))),
        bits=draw(st.lists(st.integers(1, 10), min_size=depth + 1, max_size=depth + 1)),
        levels=draw(st.lists(st.integers(1, 6), min_size=depth, max_size=depth)),
        grid=draw(st.sampled_from(["odd", "twos_complement"])),
        form=form,
        per_neuron=draw(st.booleans()),
    )
    image = np.array([draw(st.integers(form.low, form.high)) for _ in range(inputs)], np.int64)
    radius = draw(st.integers(0, 3))
    return contested(model, images_around(model, image, radius), draw(st.integers(-2, 2))), image, radius


def contested(model: Model, around: npt.NDArray[np.int64], lead: int) -> Model:
    """The model with another last bias: among these images class 0 leads by `lead` where it leads least."""
    logits, last = model.logits(around), model.layers[-1]
    rivals = logits[:, 1:].max(axis=1) if model.outputs > 1 else 0
    bias = last.bias.copy()
    bias[0] += lead - int((logits[:, 0] - rivals).min())
    return replace(model, layers=(*model.layers[:-1], replace(last, bias=bias)))


def images_around(model: Model, image: npt.NDArray[np.int64], radius: int) -> npt.NDArray[np.int64]:
    """Every image within the radius and the input format."""
    form = model.input
    ends = [(max(x - radius, form.low), min(x + radius, form.high)) for x in image.tolist()]
    return np.array(list(product(*(range(low, high + 1) for low, high in ends))))


def judged(model: Model, image: npt.NDArray[np.int64], label: int, radius: int, finding: Finding) -> str:
    """What the checker says of a finding, told as a stranger would be: by files alone."""
    network = checker.Network(plain(model))
    return checker.check(network, packed(certificate_of(model, 0, image, label, radius, finding)))


def changed(certificate: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A certificate with other fields and a checksum that fits them."""
    made = {**certificate, **fields}
    return {**made, "checksum": checksum(made)}
