"""A device effect: one mapped model in, another out, in integers again.

An effect is a pure function of model, parameters and seed. Effects compose, and stand in the history of each
crossbar. Conductances are in units of 1/2**unit_bits of a level; random numbers are named by seed, effect
and layer, so that a rate or a deviation can be varied with everything else held fixed.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_type_hints

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.crossbar import MAX_CELL, Crossbar, Integers
from ..model.layer import Layer
from ..model.model import Model

Change = Callable[[Layer, Crossbar, int], Crossbar]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """A parameter of an effect's function, but its seed; type and default are the function's.

    Parameters
    ----------
    name : str
        As the function and recipes write it.
    option : str
        As the command line writes it.
    help : str
    starts : bool
        Whether asking for it asks for the effect; the others only shape it.
    nothing : number or None
        The value that asks for no effect, where there is one.
    """

    name: str
    option: str
    help: str
    starts: bool = False
    nothing: float | None = 0


@dataclass(frozen=True)
class Effect:
    """A device effect that recipes and the command line can name.

    Parameters
    ----------
    name : str
    stage : int
        Its place among the effects as they happen in a device, from programming to reading.
    apply : function (model, **parameters) -> Model
        Enters itself into the history of each crossbar. Draws from `seed`, if it has that parameter.
    parameters : tuple of Parameter
    pins_cells : bool
        Whether cells get conductances that they keep, so that they make a list of faults.
    """

    name: str
    stage: int
    apply: Callable[..., Model]
    parameters: tuple[Parameter, ...]
    pins_cells: bool = False

    @property
    def defaults(self) -> dict[str, Any]:
        """Parameters of `apply` and their defaults, `inspect.Parameter.empty` where there is none."""
        signature = inspect.signature(self.apply).parameters
        return {name: parameter.default for name, parameter in list(signature.items())[1:]}

    @property
    def types(self) -> dict[str, Any]:
        """Parameters of `apply` and their types."""
        hints = get_type_hints(self.apply)
        return {name: hints[name] for name in self.defaults}


def apply_effect(model: Model, name: str, facts: Mapping[str, Any], change: Change) -> Model:
    """The model with an effect on each mapped layer, entered into its history.

    Parameters
    ----------
    model : Model
        With mapped layers.
    name : str
        For the history and for messages.
    facts : mapping of str to JSON-able values
        The effect's parameters, for the history.
    change : function (Layer, Crossbar, index) -> Crossbar
        The defect itself: it gives the crossbar of a layer as it is afterwards.

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If no layer is mapped.
    """
    if not model.mapped:
        raise QsimError(f"{name}: no layer of this model is on a crossbar; map it first")
    layers = list(model.layers)
    for i, layer in enumerate(layers):
        if layer.crossbar is not None:
            after = change(layer, layer.crossbar, i)
            entry = {"effect": name, **facts}
            layers[i] = replace(layer, crossbar=replace(after, history=(*layer.crossbar.history, entry)))
    return replace(model, layers=tuple(layers))


def generator(effect: str, seed: int, layer: int) -> np.random.Generator:
    """The random numbers of one effect on one layer: independent of those of all other effects and layers.

    Parameters
    ----------
    effect : str
        The effect's name.
    seed : int
        0 or more.
    layer : int
        The layer's index.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    QsimError
        If the seed is no integer of 0 or more.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise QsimError(f"seed is {seed!r}; an integer of 0 or more is needed")
    return np.random.default_rng([int(seed), zlib.crc32(effect.encode()), layer])


def positive(value: float, what: str, most: float = 1e12) -> float:
    """`value`, refused unless it is a number from 0 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise QsimError(f"{what} is {value!r}; 0 to {most:g} is allowed")
    return float(value)


def as_conductances(values: Reals | Integers) -> Integers:
    """Real conductances as integers: to the nearest unit, never negative, at most the largest cell."""
    return np.rint(values).clip(0, MAX_CELL).astype(np.int64)


def tile_parts(crossbar: Crossbar) -> Iterator[tuple[int, slice, slice]]:
    """Where the cells of each tile lie: (slice, rows, columns), by slice, then down, then across."""
    mapping, (slices, inputs, columns) = crossbar.mapping, crossbar.cells.shape
    width = 2 * mapping.per_tile if mapping.style == "differential" else mapping.cols
    for weight_slice in range(slices):
        for top in range(0, inputs, mapping.rows):
            for left in range(0, columns, width):
                yield weight_slice, slice(top, top + mapping.rows), slice(left, left + width)
