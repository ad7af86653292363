"""The float shadow of an integer model: the same weights in floating point, and their gradients."""

from .network import (
    Network,
    forward,
    input_gradient,
    of_model,
    predict,
    round_to_grid,
    to_real,
    unsaturated_input_gradient,
)

__all__ = [
    "Network",
    "forward",
    "input_gradient",
    "of_model",
    "predict",
    "round_to_grid",
    "to_real",
    "unsaturated_input_gradient",
]
