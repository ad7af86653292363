"""Models as estimators of the adversarial-robustness-toolbox (ART), whose attacks then run on the integers.

Needs `pip install 'qsim[art]'`; no deep-learning framework. ART hands over real inputs; predictions are those
of the integers at the nearest codes, gradients those of the float shadow at the inputs as they are.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    with warnings.catch_warnings():  # of frameworks that are not needed
        warnings.simplefilter("ignore")
        from art.estimators.classification.classifier import ClassGradientsMixin, ClassifierMixin
        from art.estimators.estimator import BaseEstimator, LossGradientsMixin, NeuralNetworkMixin
except ImportError as error:
    raise ImportError("qsim.art needs ART: pip install 'qsim[art]'") from error

from .activations import activation
from .attacks.losses import LOSSES
from .attacks.problem import class_logits
from .errors import QsimError
from .model.model import Model
from .shadow.network import back, forward, of_model, slopes

Reals = npt.NDArray[Any]


class Classifier(ClassGradientsMixin, ClassifierMixin, LossGradientsMixin, NeuralNetworkMixin, BaseEstimator):
    """A model as ART's classifier.

    Parameters
    ----------
    model : Model whose hidden layers name their activation
    shape : tuple of int, optional
        Of one input, such as (28, 28, 1); by default the flat (inputs,).
    loss : "ce", "unsaturated", "margin" or "dlr"
        Whose gradient `loss_gradient` gives.
    matched : float, optional
        How far an input moves, in input units: slopes of hidden units are as wide as that moves their sums.
    probabilities : bool
        Predict the softmax of the logits, which some attacks ask for.

    Raises
    ------
    QsimError
        If the shape does not hold the model's inputs, or there is no such loss.
    """

    estimator_params = (*BaseEstimator.estimator_params, "shape", "loss", "matched", "probabilities")

    def __init__(
        self,
        model: Model,
        shape: tuple[int, ...] | None = None,
        loss: str = "ce",
        matched: float | None = None,
        probabilities: bool = False,
    ) -> None:
        self.shape = (model.inputs,) if shape is None else tuple(shape)
        if np.prod(self.shape) != model.inputs:
            raise QsimError(f"shape is {self.shape}; one that holds {model.inputs} inputs is needed")
        self.loss, self.matched, self.probabilities = loss, matched, probabilities
        self.network = of_model(model)
        if loss not in LOSSES:
            raise QsimError(f"loss is {loss!r}; one of {', '.join(LOSSES)} is needed")
        self._value = LOSSES[loss]
        unit = self.network.codes_per_unit
        clip_values = (model.input.low / unit, model.input.high / unit)
        super().__init__(model=model, channels_first=False, clip_values=clip_values, preprocessing=(0.0, 1.0))
        self._nb_classes = model.classes

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.shape

    def codes(self, x: Reals) -> npt.NDArray[np.integer[Any]]:
        """The codes (N, inputs) nearest to real inputs, halves up, inside the input format."""
        form = self.model.input
        nearest = np.floor(self._flat(x) * self.network.codes_per_unit + 0.5)
        return nearest.clip(form.low, form.high).astype(form.dtype)

    def predict(self, x: Reals, batch_size: int = 128, **_: Any) -> Reals:
        """The integers' logits (N, classes) in real units, or their softmax."""
        logits = self._real(class_logits(self.model, self.codes(x)))
        if self.probabilities:
            logits = np.exp(logits - logits.max(axis=1, keepdims=True))
            logits /= logits.sum(axis=1, keepdims=True)
        return logits.astype(np.float32)

    def loss_gradient(self, x: Reals, y: Reals, **_: Any) -> Reals:
        """The derivative of the loss by the inputs, of x's shape."""
        flat = self._flat(x)
        by_logits = self._value(self._logits(flat), _indices(y), None)[1]
        return self._back(flat, by_logits).reshape(x.shape)

    def class_gradient(self, x: Reals, label: Any = None, **_: Any) -> Reals:
        """The derivative of all logits, or of one for each image, by the inputs: (N, classes or 1, …)."""
        flat, count = self._flat(x), len(x)
        wanted = range(self.nb_classes) if label is None else [np.broadcast_to(np.asarray(label), count)]
        found = []
        for classes in wanted:
            by_logits = np.zeros((count, self.nb_classes))
            by_logits[np.arange(count), classes] = 1
            found.append(self._back(flat, by_logits).reshape(x.shape))
        return np.stack(found, axis=1)

    def compute_loss(self, x: Reals, y: Reals, reduction: str = "none", **_: Any) -> Reals:
        """The loss of each image at the integers' logits, or their mean."""
        logits = self._real(class_logits(self.model, self.codes(x)))
        values = self._value(logits, _indices(y), None)[0]
        return values if reduction == "none" else values.mean()

    def fit(self, x: Reals, y: Reals, **_: Any) -> None:
        raise NotImplementedError("a model is frozen; qsim.train trains networks")

    def get_activations(self, x: Reals, layer: Any, batch_size: int = 128, framework: bool = False) -> Reals:
        """The hidden codes of a layer (N, units)."""
        return self.model.trace(self.codes(x)).hidden[int(layer)]

    def save(self, filename: str, path: str | None = None) -> None:
        """Write the model file."""
        self.model.save(filename if path is None else f"{path}/{filename}")

    def _flat(self, x: Reals) -> Reals:
        return np.asarray(x, np.float32).reshape(len(x), -1)

    def _real(self, logits: Reals) -> Reals:
        last = self.model.layers[-1]
        scale = last.weight_denominator * last.codes_per_unit * (1 if self.model.outputs > 1 else 2)
        return logits / scale

    def _logits(self, flat: Reals) -> Reals:
        """The shadow's logits of all classes, float64."""
        logits = forward(self.network, flat).logits.astype(np.float64)
        return logits if self.model.outputs > 1 else np.concatenate([np.zeros_like(logits), logits], axis=1)

    def _back(self, flat: Reals, by_logits: Reals) -> Reals:
        done = forward(self.network, flat)
        own = slopes(self.network, done)
        if self.matched is not None:
            unit, first = activation(self.network.activation), self.network.weights[0]
            gain = np.float32(self.network.preactivation_gain)
            width = np.float32(self.matched) * np.linalg.norm(first, axis=0) * gain
            own[0] = unit.stretched_slope(done.sums[0], width)
        flow = by_logits if self.model.outputs > 1 else by_logits[:, 1:]
        return back(self.network, own, flow.astype(np.float32)).astype(np.float32)


def _indices(y: Reals) -> npt.NDArray[np.int64]:
    """Classes, of one-hot rows or of numbers."""
    labels = np.asarray(y)
    return (labels.argmax(axis=1) if labels.ndim > 1 and labels.shape[1] > 1 else labels.ravel()).astype(int)
