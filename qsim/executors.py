"""The one place that picks what runs a model.

A model keeps its executor (`Model.executor`), made when it first runs; QSIM_ISA is read then. Compiled
code is imported only here and only then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model.model import Model, run_models_with

if TYPE_CHECKING:
    from .kernel.executor import Executor


def executor(model: Model, isa: str | None = None) -> Executor:
    """What runs a model.

    Parameters
    ----------
    model : Model
    isa : str, optional
        The instruction set, one of `qsim.kernel.isa.available()`; by default QSIM_ISA, else the fastest.

    Returns
    -------
    Executor

    Raises
    ------
    QsimError
        If QSIM_ISA names an instruction set that this machine lacks, or a mapped model's converters or
        currents are too large for the loops.
    """
    from .kernel import isa as instructions

    isa = isa or instructions.choose()
    if model.mapped:
        from .kernel.crossbar.executor import executor as make
    else:
        from .kernel.dense.executor import executor as make
    return make(model, isa)


run_models_with(executor)
