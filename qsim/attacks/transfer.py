"""What breaks one network, tried on others: crafted on the integers of one, scored on those of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import QsimError
from ..model.model import Model
from .attack import Attack
from .pgd import PGD
from .steps import Codes, Labels


@dataclass(frozen=True)
class Row:
    """The share of images that `scored` still has right on the codes crafted on `crafted`.

    Where both are the same model this is what its own attack leaves. `clean` is the share that `scored` has
    right without any attack.
    """

    crafted: str
    scored: str
    accuracy: float
    clean: float


def transfer(
    models: Mapping[str, Model],
    codes: Codes,
    labels: Labels,
    epsilon: float,
    *,
    attack: Attack = PGD,
    report: Callable[[str], None] | None = None,
    **options: Any,
) -> Iterator[Row]:
    """A row for each ordered pair of models: the transfer matrix, row by row.

    Parameters
    ----------
    models : models of the same inputs and classes, by name
    codes : int array (N, inputs)
    labels : int array (N,)
    epsilon : float
        As attacks take it.
    attack : Attack
    report : called with the name of each model before it is attacked
    **options : of the attack

    Raises
    ------
    QsimError
        If the models differ in inputs or classes, or as the attack does.
    """
    shapes = {(model.inputs, model.classes, model.input) for model in models.values()}
    if len(shapes) > 1:
        found = ", ".join(sorted(f"{inputs} inputs and {classes} classes" for inputs, classes, _ in shapes))
        raise QsimError(f"models of {found}; all must have the same inputs and classes")
    clean = {name: float((model.predict(codes) == labels).mean()) for name, model in models.items()}
    for crafted, source in models.items():
        if report:
            report(crafted)
        moved = attack(source, codes, labels, epsilon, **options).codes
        for scored, model in models.items():
            accuracy = float((model.predict(moved) == labels).mean())
            yield Row(crafted, scored, accuracy, clean[scored])
