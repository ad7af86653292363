"""Faulty cells that a file names one by one."""

from __future__ import annotations

from ...model.model import Model
from .. import faults
from ..effect import Effect, Parameter


def fault_list(model: Model, file: str) -> Model:
    """The mapped model whose cells hold what a fault list says.

    Parameters
    ----------
    model : Model with mapped layers
    file : str
        Path of the list, see `qsim.crossbar.faults`.

    Raises
    ------
    QsimError
        If the file is no fault list, or one of another network or other tiles.
    """
    return faults.apply_faults(model, faults.read(file))


FAULT_LIST = Effect(
    "fault_list",
    45,
    fault_list,
    (Parameter("file", "--faults", "File that lists faulty cells.", starts=True),),
    pins_cells=True,
)
