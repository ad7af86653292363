"""The true robustness of a network of two inputs: the class of every code around its points.

What no attack can improve on: the distance of each point from the nearest code that another class has.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..attacks.steps import Codes, Labels
from ..errors import QsimError
from ..model.model import Model


def true_distances(model: Model, codes: Codes, labels: Labels, reach: int) -> npt.NDArray[np.int64]:
    """How far the nearest code of another class than the label is from each point, in the maximum norm.

    Parameters
    ----------
    model : Model of two inputs
    codes : int array (N, 2)
    labels : int array (N,)
    reach : int, LSBs, 0 or more

    Returns
    -------
    int64 array (N,)
        In LSBs: 0 for a point that is wrong as it is, `reach` + 1 if no code within `reach` is wrong.

    Raises
    ------
    QsimError
        If the model has another number of inputs.
    """
    from scipy.ndimage import distance_transform_cdt  # slow to import

    if model.inputs != 2:
        raise QsimError(f"the model has {model.inputs} inputs; all codes can be tried of two")
    low = np.maximum(codes.astype(np.int64).min(axis=0, initial=model.input.high) - reach, model.input.low)
    high = np.minimum(codes.astype(np.int64).max(axis=0, initial=model.input.low) + reach, model.input.high)
    axes = [np.arange(a, b + 1).astype(model.input.dtype) for a, b in zip(low, high, strict=True)]
    plane = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    classes = model.predict(plane).reshape([len(axis) for axis in axes])
    nearest = np.full(len(codes), reach + 1, np.int64)
    for label in np.unique(labels):
        same = classes == label
        if not same.all():
            own = labels == label
            i, j = (codes[own].astype(np.int64) - low).T
            nearest[own] = np.minimum(distance_transform_cdt(same, "chessboard")[i, j], reach + 1)
    return nearest
