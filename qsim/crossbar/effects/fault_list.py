"""Faulty cells that a file names one by one."""

from __future__ import annotations

from ...faults.lists import apply_faults, read
from ...model.model import Model
from ..effect import Effect, Parameter


def fault_list(model: Model, file: str) -> Model:
    """The mapped model whose cells hold what a fault list says.

    Parameters
    ----------
    model : Model with mapped layers
    file : str
        Path of the list, see `qsim.faults.lists`.

    Raises
    ------
    QsimError
        If the file is no fault list, or one of another network or other tiles.
    """
    return apply_faults(model, read(file))


FAULT_LIST = Effect(
    "fault_list",
    45,
    fault_list,
    (Parameter("file", "--faults", "File that lists faulty cells.", starts=True),),
    pins_cells=True,
)
