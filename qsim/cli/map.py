"""`qsim map`: a model onto crossbar tiles, with their cells, converters and defects.

The options are a short form of a recipe: those of tiles, then those that the table of effects declares,
in the order in which effects happen in a device.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from ..crossbar import recipe as recipes
from ..crossbar.effects import EFFECTS
from ..errors import QsimError
from ..faults import lists
from ..model.crossbar import Mapping
from ..model.file import load
from ..model.model import Model
from . import terminal
from .results import write_json
from .terminal import Json, ModelFile

TILES = {  # options of tiles: the field of Mapping, and the help
    "rows": ("rows", "Rows of a tile: inputs."),
    "cols": ("cols", "Physical columns of a tile."),
    "cell_bits": ("cell_bits", "Bits of a cell, 1 to 8."),
    "digit_bits": ("digit_bits", "Bits of an input digit, 1 to 16."),
    "mapping": ("style", "offset or differential."),
    "unit_bits": ("unit_bits", "A level is 2^this units of conductance; 0 to 8."),
}
EFFECT_OPTIONS = {  # name in `given`: effect and parameter
    f"{effect.name}_{parameter.name}": (effect, parameter)
    for effect in EFFECTS.values()
    for parameter in effect.parameters
}


def command(
    context: typer.Context,
    file: ModelFile,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the mapped model goes.")],
    recipe: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML with tiles and effects, instead of all options below."),
    ] = None,
    write_faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="List the cells that are stuck.")
    ] = None,
    json: Json = None,
    **given: Any,
) -> None:
    """Map a model onto crossbar tiles; what is not asked for is ideal.

    Effects come in the order of the options: cells are programmed, get stuck, drift; wires and converters
    read them. A recipe has them in any order.
    """
    asked = {name: given[name] for name in given if _was_given(context, name)}
    if recipe is not None and asked:
        raise QsimError(f"--recipe and {_option(next(iter(asked)))} both say how to map; one is needed")
    plan = recipes.read(recipe) if recipe else short_form(asked)
    ideal = load(file)
    if ideal.mapped:
        raise QsimError(f"{file}: already on crossbar tiles; a model of ideal layers is needed")
    pinned, before = [], ideal
    for effect, after in plan.stages(ideal):
        if effect is not None and effect.pins_cells:
            pinned.append(lists.differences(before, after))
        before = after
    model = plan.recorded(before)
    if write_faults is not None:
        lists.write(lists.merged(pinned, model), write_faults)
    model.save(out)
    terminal.show(terminal.console(json), _table(out.stem, model, plan.tiles))
    if json:
        figures = {"model": out.stem, "digest": model.digest, "recipe": plan.table(), **model.description()}
        write_json(json, "map", figures)


def short_form(asked: dict[str, Any]) -> recipes.CrossbarRecipe:
    """The recipe that options ask for, effects in the order in which they happen in a device.

    Parameters
    ----------
    asked : dict
        The options that were given, by the names of `signature`.
    """
    table: dict[str, Any] = {"seed": asked.get("seed", 0), "effects": []}
    table["tiles"] = {field: asked[name] for name, (field, _) in TILES.items() if name in asked}
    for effect in EFFECTS.values():
        own = {
            parameter.name: asked[name]
            for name, (owner, parameter) in EFFECT_OPTIONS.items()
            if owner is effect and name in asked
        }
        starts = [p for p in effect.parameters if p.starts]
        if own and not any(p.name in own for p in starts):
            shapes = next(p.option for p in effect.parameters if p.name in own)
            needed = " or ".join(p.option for p in starts)
            raise QsimError(f"{shapes} is given without {needed}; alone it changes nothing")
        if any(own.get(p.name, p.nothing) != p.nothing for p in starts):
            table["effects"].append({"effect": effect.name, **own})
    return recipes.of_table(table)


def _option(name: str) -> str:
    """How the command line writes one of `given`."""
    return EFFECT_OPTIONS[name][1].option if name in EFFECT_OPTIONS else f"--{name.replace('_', '-')}"


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def signature() -> inspect.Signature:
    """The command's parameters with the options of tiles and effects in the place of `given`."""
    *first, write_faults, json, _ = inspect.signature(command, eval_str=True).parameters.values()
    defaults = vars(Mapping())
    options = [
        _parameter(name, type(defaults[field]), typer.Option(help=text), defaults[field])
        for name, (field, text) in TILES.items()
    ]
    for name, (effect, parameter) in EFFECT_OPTIONS.items():
        option = typer.Option(parameter.option, help=parameter.help)
        default = None if parameter.starts else effect.defaults[parameter.name]
        options.append(_parameter(name, effect.types[parameter.name] | None, option, default))
    options.append(_parameter("seed", int, typer.Option(help="Of everything random."), 0))
    return inspect.Signature([*first, *options, write_faults, json])


def _parameter(name: str, kind: Any, option: Any, default: Any) -> inspect.Parameter:
    position = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(name, position, default=default, annotation=Annotated[kind, option])


command.__signature__ = signature()  # type: ignore[attr-defined]


def _table(name: str, model: Model, tiles: Mapping) -> Any:
    table = terminal.table("layer", "row tiles", "column tiles", "slices", "digits", "reads", "converter")
    table.title = f"{name} ({model.digest[:12]})"
    for i, layer in enumerate(model.layers):
        assert layer.crossbar is not None
        slices, inputs, columns = layer.crossbar.cells.shape
        digits = tiles.digits(*model.code_range(i))
        down, across = tiles.tiles(inputs), -(-columns // tiles.cols)
        reads = down * slices * digits * columns
        counts = [str(n) for n in (i, down, across, slices, digits)]
        table.add_row(*counts, f"{reads:,}", f"{layer.crossbar.adc.max_code + 1} codes")
    return table
