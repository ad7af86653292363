"""A recipe for crossbars: tiles, then converters and device effects in the order in which they are applied.

As TOML:

    seed = 5            # of every effect that draws numbers and names no seed of its own

    [tiles]             # a Mapping; what is left out has its default
    rows = 64
    cell_bits = 2

    [[effects]]         # any number, in this order; see `qsim.crossbar.effects`
    effect = "converters"
    bits = 6

    [[effects]]
    effect = "stuck"
    low = 0.01
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Iterator
from collections.abc import Mapping as Facts
from dataclasses import asdict, dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any, get_args

from ..errors import QsimError
from ..model.crossbar import Mapping
from ..model.model import Model
from .effect import Effect
from .effects import effect as effect_called
from .mapping import map_to_crossbar

SECTIONS = ("seed", "tiles", "effects")


@dataclass(frozen=True)
class Step:
    """An effect and the parameters that it is applied with, its seed among them if it has one."""

    effect: Effect
    parameters: Facts[str, Any]


@dataclass(frozen=True)
class CrossbarRecipe:
    """How a model gets onto crossbars, with everything that is not ideal about them.

    Parameters
    ----------
    tiles : Mapping
    steps : tuple of Step
        In the order in which they are applied.
    """

    tiles: Mapping = Mapping()  # noqa: RUF009 - frozen
    steps: tuple[Step, ...] = ()

    def table(self) -> dict[str, Any]:
        """The recipe as the table that `of_table` reads.

        Returns
        -------
        dict
        """
        effects = [{"effect": step.effect.name, **step.parameters} for step in self.steps]
        return {"tiles": asdict(self.tiles), "effects": effects}

    def stages(self, model: Model) -> Iterator[tuple[Effect | None, Model]]:
        """The model on ideal tiles, with None, then with one effect more each time.

        Parameters
        ----------
        model : Model
            Of ideal layers.

        Yields
        ------
        tuple (Effect or None, Model)

        Raises
        ------
        QsimError
            If an effect refuses its parameters or the model.
        """
        model = map_to_crossbar(model, self.tiles)
        yield None, model
        for step in self.steps:
            model = step.effect.apply(model, **step.parameters)
            yield step.effect, model

    def apply(self, model: Model) -> Model:
        """The model on the recipe's tiles, with all its effects; the recipe goes into the provenance.

        Parameters
        ----------
        model : Model of ideal layers

        Returns
        -------
        Model

        Raises
        ------
        QsimError
            If the model is already on tiles, or an effect refuses its parameters or the model.
        """
        if model.mapped:
            raise QsimError("the model is already on crossbar tiles; one of ideal layers is needed")
        *_, (_, mapped) = self.stages(model)
        return self.recorded(mapped)

    def recorded(self, mapped: Model) -> Model:
        """A model with this recipe in its provenance.

        Parameters
        ----------
        mapped : Model

        Returns
        -------
        Model
        """
        return replace(mapped, provenance={**mapped.provenance, "crossbar": self.table()})


def read(path: str | PathLike[str]) -> CrossbarRecipe:
    """The recipe of a TOML file.

    Parameters
    ----------
    path : path

    Returns
    -------
    CrossbarRecipe

    Raises
    ------
    QsimError
        If the file cannot be read, is no TOML, or names something that is not known.
    """
    try:
        table = tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise QsimError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # of TOML, and of text that is not UTF-8
        raise QsimError(f"{path}: no TOML: {error}") from None
    try:
        return of_table(table)
    except QsimError as error:
        raise QsimError(f"{path}: {error}") from None


def of_table(table: Facts[str, Any]) -> CrossbarRecipe:
    """The recipe of a table with, if needed, `seed` (int), `tiles` (table) and `effects` (array of tables).

    Parameters
    ----------
    table : mapping
        As `CrossbarRecipe.table` gives it.

    Returns
    -------
    CrossbarRecipe

    Raises
    ------
    QsimError
        If a key, an effect or a type is not known.
    """
    _check_keys(table, SECTIONS, "a recipe")
    tiles, effects = table.get("tiles", {}), table.get("effects", [])
    if not isinstance(tiles, Facts) or not isinstance(effects, list):
        raise QsimError("tiles or effects have the wrong form; [tiles] and [[effects]] are needed")
    _check_keys(tiles, [field.name for field in fields(Mapping)], "tiles")
    return CrossbarRecipe(Mapping(**tiles), tuple(_step(entry, table.get("seed", 0)) for entry in effects))


def _step(entry: Any, seed: Any) -> Step:
    """One entry of a recipe's effects, checked against the effect's function."""
    if not isinstance(entry, Facts) or "effect" not in entry:
        raise QsimError(f"an entry of effects is {entry!r}; a table with effect = NAME is needed")
    effect = effect_called(entry["effect"])
    given = {key: value for key, value in entry.items() if key != "effect"}
    _check_keys(given, effect.defaults, f"effect {effect.name}")
    for name, default in effect.defaults.items():
        if default is inspect.Parameter.empty and name not in given:
            raise QsimError(f"effect {effect.name} lacks {name}; it has no default")
    for name, value in given.items():
        if not _fits(value, effect.types[name]):
            kinds = " or ".join(kind.__name__ for kind in _kinds(effect.types[name]))
            raise QsimError(f"{name} of effect {effect.name} is {value!r}; {kinds} is needed")
    if "seed" in effect.defaults:
        given.setdefault("seed", seed)
    return Step(effect, given)


def _kinds(hint: Any) -> tuple[type, ...]:
    """The types that a hint names, None aside."""
    return tuple(kind for kind in (get_args(hint) or (hint,)) if kind is not type(None))


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value of TOML can be a parameter of that type; integers are numbers too."""
    kinds = _kinds(hint)
    return not isinstance(value, bool) and isinstance(value, (*kinds, int) if float in kinds else kinds)


def _check_keys(found: Facts[str, Any], known: Any, where: str) -> None:
    for key in found:
        if key not in known:
            raise QsimError(f"{where} has no {key!r}; known are {', '.join(known)}")
