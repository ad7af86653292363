"""`qsim map`: a model onto crossbar tiles, with their cells, converters and defects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import data as data_sets
from ..crossbar import (
    converters as crossbar_adc,
)
from ..crossbar import (
    effects as devices,
)
from ..crossbar.mapping import map_to_crossbar
from ..errors import QsimError
from ..faults import lists as fault_lists
from ..model.crossbar import Mapping
from ..model.file import load
from ..robustness.evaluate import check_fit
from . import terminal
from .results import write_json
from .terminal import Json

CALIBRATION_IMAGES = 1000


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model file.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the mapped model goes.")],
    rows: Annotated[int, typer.Option(help="Rows of a tile: inputs.")] = 128,
    cols: Annotated[int, typer.Option(help="Physical columns of a tile.")] = 128,
    cell_bits: Annotated[int, typer.Option(help="Bits of a cell, 1 to 8.")] = 1,
    digit_bits: Annotated[int, typer.Option(help="Bits of an input digit, 1 to 16.")] = 1,
    mapping: Annotated[str, typer.Option(help="offset or differential.")] = "offset",
    unit_bits: Annotated[int, typer.Option(help="A level is 2^this units of conductance; 0 to 8.")] = 6,
    adc_bits: Annotated[int, typer.Option(help="Bits of a converter; 0: one that loses nothing.")] = 0,
    adc_range: Annotated[str, typer.Option(help="max, calibrated or granular.")] = "max",
    percentile: Annotated[float, typer.Option(help="Of the currents that a calibrated range holds.")] = 99.9,
    data: Annotated[str | None, typer.Option("--data", help="Training data to calibrate on.")] = None,
    adc_offset: Annotated[float, typer.Option(help="Deviation of converter offsets, LSB.")] = 0.0,
    adc_dnl: Annotated[float, typer.Option(help="Deviation of code widths, LSB.")] = 0.0,
    on_off: Annotated[float | None, typer.Option(help="Ratio of highest to lowest conductance.")] = None,
    programming_error: Annotated[float, typer.Option(help="Deviation, share of the full range.")] = 0.0,
    proportional_error: Annotated[float, typer.Option(help="Deviation, share of the conductance.")] = 0.0,
    stuck_low: Annotated[float, typer.Option(help="Share of cells stuck at the lowest level.")] = 0.0,
    stuck_high: Annotated[float, typer.Option(help="Share of cells stuck at the highest level.")] = 0.0,
    faults: Annotated[Path | None, typer.Option(metavar="FILE", help="A list of faults.")] = None,
    drift: Annotated[float, typer.Option(help="Seconds since programming.")] = 0.0,
    drift_nu: Annotated[float, typer.Option(help="Mean drift exponent.")] = 0.05,
    drift_spread: Annotated[float, typer.Option(help="Deviation of the exponent over cells.")] = 0.0,
    line_resistance: Annotated[
        float, typer.Option(help="Resistance of a wire segment times the highest conductance.")
    ] = 0.0,
    read_noise: Annotated[float, typer.Option(help="Deviation of a current, in levels.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    write_faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="List the cells that are stuck.")
    ] = None,
    json: Json = None,
) -> None:
    """Map a model onto crossbar tiles; what is not asked for is ideal.

    Effects come in the order of the options: cells are programmed, get stuck, drift; wires and converters
    read them.
    """
    given = load(file)
    if given.mapped:
        raise QsimError(f"{file}: already on crossbar tiles; a model of ideal layers is needed")
    tiles = Mapping(rows, cols, cell_bits, digit_bits, mapping, unit_bits)
    model = map_to_crossbar(given, tiles)
    if adc_bits:
        codes = None
        if adc_range == "calibrated":
            if data is None:
                raise QsimError(
                    f"calibrated converters need data; --data with one of {', '.join(data_sets.NAMES)}"
                )
            dataset = data_sets.load(data, "train")
            check_fit(given, dataset)
            codes = dataset.codes[:CALIBRATION_IMAGES]
        model = crossbar_adc.with_converters(model, adc_bits, adc_range, codes, percentile)
    if on_off is not None:
        model = devices.on_off(model, on_off)
    if programming_error or proportional_error:
        model = devices.programming_error(model, programming_error, proportional_error, seed)
    programmed = model
    if stuck_low or stuck_high:
        model = devices.stuck(model, stuck_low, stuck_high, seed)
    if faults is not None:
        model = fault_lists.apply_faults(model, fault_lists.read(faults))
    if write_faults is not None:
        fault_lists.write(fault_lists.differences(programmed, model), write_faults)
    if drift:
        model = devices.drift(model, drift, drift_nu, drift_spread, seed=seed)
    if line_resistance:
        model = devices.line_resistance(model, line_resistance)
    if adc_offset or adc_dnl:
        model = crossbar_adc.with_converter_errors(model, adc_offset, adc_dnl, seed)
    if read_noise:
        model = devices.read_noise(model, read_noise, seed)
    model.save(out)

    table = terminal.table("layer", "row tiles", "column tiles", "slices", "digits", "reads", "converter")
    table.title = f"{out.stem} ({model.digest[:12]})"
    for i, layer in enumerate(model.layers):
        assert layer.crossbar is not None
        slices, inputs, columns = layer.crossbar.cells.shape
        digits = tiles.digits(*model.code_range(i))
        down, across = tiles.tiles(inputs), -(-columns // cols)
        reads = down * slices * digits * columns
        counts = [str(n) for n in (i, down, across, slices, digits)]
        table.add_row(*counts, f"{reads:,}", f"{layer.crossbar.adc.max_code + 1} codes")
    terminal.show(terminal.console(json), table)
    if json:
        write_json(json, "map", {"model": out.stem, "digest": model.digest, **model.description()})
