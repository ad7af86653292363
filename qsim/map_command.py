"""`qsim map`: put a model on crossbar tiles, with the defects of its cells and converters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import data as data_sets
from . import terminal
from .machine import devices, faults
from .machine.crossbar import Mapping
from .machine.crossbar_adc import converters
from .machine.crossbar_mapping import put_on_tiles
from .machine.errors import QsimError
from .machine.model import Model, load
from .results import write_json
from .terminal import Json


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model file.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the mapped model goes.")],
    rows: Annotated[int, typer.Option(help="Rows of a tile.")] = 128,
    cols: Annotated[int, typer.Option(help="Columns of a tile, references included.")] = 128,
    cell_bits: Annotated[int, typer.Option(help="Bits of a cell.")] = 1,
    digit_bits: Annotated[int, typer.Option(help="Bits of an input digit.")] = 1,
    unit_bits: Annotated[int, typer.Option(help="A level is 2 to this many units of conductance.")] = 6,
    mapping: Annotated[str, typer.Option(help="offset or differential.")] = "offset",
    adc_bits: Annotated[int, typer.Option(help="Bits of a column's converter; 0 for a lossless one.")] = 0,
    adc_range: Annotated[str, typer.Option(help="max, granular or calibrated.")] = "max",
    percentile: Annotated[float, typer.Option(help="Of a calibrated range.")] = 99.9,
    data: Annotated[str, typer.Option(help="Calibrates on these training data.")] = "mnist",
    adc_offset: Annotated[float, typer.Option(help="Standard deviation, in LSB.")] = 0.0,
    adc_dnl: Annotated[float, typer.Option(help="Standard deviation, in LSB.")] = 0.0,
    stuck_low: Annotated[float, typer.Option(help="Rate of cells stuck at the lowest level.")] = 0.0,
    stuck_high: Annotated[float, typer.Option(help="Rate of cells stuck at the highest level.")] = 0.0,
    on_off: Annotated[float, typer.Option(help="On/off ratio; 0 for an infinite one.")] = 0.0,
    programming: Annotated[float, typer.Option(help="Programming error as a share of g.")] = 0.0,
    programming_floor: Annotated[float, typer.Option(help="The same as a share of g_max.")] = 0.0,
    drift_time: Annotated[float, typer.Option(help="Time since writing, in first-read times.")] = 1.0,
    drift_exponent: Annotated[float, typer.Option(help="Mean drift exponent.")] = 0.05,
    drift_spread: Annotated[float, typer.Option(help="Its spread, as a share.")] = 0.0,
    line_resistance: Annotated[float, typer.Option(help="Of a wire segment, times g_max.")] = 0.0,
    activity: Annotated[float, typer.Option(help="Share of rows that conduct together.")] = 0.5,
    read_noise: Annotated[float, typer.Option(help="Standard deviation of a current, in levels.")] = 0.0,
    fault_list: Annotated[Path | None, typer.Option("--faults", metavar="FILE", help="A fault list.")] = None,
    write_faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the stuck cells as a fault list.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every device effect.")] = 0,
    json: Json = None,
) -> None:
    """Put a model on crossbar tiles, cells and converters with their defects.

    Effects act in this order: stuck cells, on/off ratio, programming error, drift, line resistance, read
    noise, converters; a fault list comes last and belongs to the model without it.
    """
    model = load(file)
    if model.mapped:
        raise QsimError(f"{file}: already on crossbars; a model of ideal layers is needed")
    tiles = Mapping(rows, cols, cell_bits, digit_bits, mapping, unit_bits)
    adc = None
    if adc_bits:
        codes = data_sets.load(data, "train").codes if adc_range == "calibrated" else None
        adc = converters(adc_bits, adc_range, codes=codes, percentile=percentile)
    model = put_on_tiles(model, tiles, adc)
    if stuck_low or stuck_high:
        perfect, model = model, devices.stuck(model, low=stuck_low, high=stuck_high, seed=seed)
        if write_faults:
            faults.write(faults.between(perfect, model), write_faults)
    elif write_faults:
        faults.write(faults.Faults(model.digest, ()), write_faults)
    if on_off:
        model = devices.on_off_ratio(model, on_off)
    if programming or programming_floor:
        model = devices.programming_error(
            model, proportional=programming, independent=programming_floor, seed=seed
        )
    if drift_time != 1:
        model = devices.drift(model, time=drift_time, exponent=drift_exponent, spread=drift_spread, seed=seed)
    if line_resistance:
        model = devices.line_resistance(model, line_resistance, activity)
    if read_noise:
        model = devices.read_noise(model, read_noise, seed)
    if adc_offset or adc_dnl:
        model = devices.converter_error(model, offset=adc_offset, dnl=adc_dnl, seed=seed)
    if fault_list:
        model = faults.apply(model, faults.read(fault_list))
    model.save(out)
    _show(model, out, json)


def _show(model: Model, out: Path, json: str | None) -> None:
    table = terminal.table("layer", "cells", "tiles", "slices", "digits", "largest code", "accumulator")
    table.title = f"{out.name} ({model.digest[:12]})"
    layers = []
    for i, (layer, (low, high)) in enumerate(zip(model.layers, model.bounds, strict=True)):
        crossbar = layer.crossbar
        assert crossbar is not None
        mapping, (slices, inputs, columns) = crossbar.mapping, crossbar.cells.shape
        down, digits = mapping.tiles(inputs), mapping.digits(*model.code_range(i))
        across = -(-layer.outputs // mapping.per_tile)
        facts = {"cells": crossbar.cells.size, "tiles": [down, across, slices], "slices": slices}
        facts |= {"columns": columns, "digits": digits, "largest_code": crossbar.adc.codes}
        layers.append(facts)
        figures = f"{crossbar.cells.size:,}", f"{down}×{across}×{slices}", str(slices), str(digits)
        table.add_row(str(i), *figures, str(crossbar.adc.codes), f"{low}…{high}")
    terminal.console(json).print(table)
    if json:
        write_json(json, "map", {"model": out.stem, "digest": model.digest, "layers": layers})
