"""The activations of hidden units, one object a file; adding a file adds an activation.

Training, freezing, the float shadow, attacks, checks of models and the command line take them from the
table `ACTIVATIONS`. The hardware knows none of them: it sees thresholds.
"""

from ..registry import chosen, objects_in
from .activation import Activation, CodeScale

__all__ = ["ACTIVATIONS", "Activation", "CodeScale", "activation"]

ACTIVATIONS = objects_in(__name__, Activation)


def activation(name: str) -> Activation:
    """The activation of that name.

    Raises
    ------
    QsimError
        If there is none; the message lists all names.
    """
    return chosen(ACTIVATIONS, name, "activation")
