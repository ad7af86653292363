"""Tables as Parquet files: what stands in each, and how they are written whole, merged and read.

Equal runs leave equal files, byte for byte. Common columns: `dataset`, `activation`, `bits` (the largest
width was trained without rounding), `seed`, `variant`, `path` (`integer` or `shadow`), `digest` (of the
model), `epsilon` (l-infinity strength in real input units), `step` (in LSBs of the input code), `distance`
(l2 as the paper computes it: epsilon times the square root of the number of inputs).

networks
    Each network: its `file`, the `epochs` trained, the `best_epoch` and its held-out accuracy, clean accuracy
    on both paths, the share of images whose gradient is zero for either loss gradient, the recipe as JSON.
strong
    Images that the second attack axis leaves: `attack` is `complete` where every code was tried, which is
    the truth, else `strong` or `strongest` on the first `images`. Breaking an image once breaks it at larger
    strengths too.
audits
    The audit of FGSM at `epsilon` for a few networks: each `check` with `figure`, `threshold` and whether it
    is `flagged`; `under_fgsm` and `under_strongest` are what those two attacks leave of the same images.
distances
    How many `images` the attack first fools at each lattice `step`: 0 is wrong before any attack, -1 is not
    fooled by the strongest. `length` is the mean l2 length that these images really moved, clipped.
fits
    Equation 13 beside `distances` of the images that are right when clean: `model` `paper` fits nothing, `s`
    the edge, `n` the dimension; `s`, `n` and inradius `h` as used; `ks` is the largest gap between measured
    and modelled distribution, `ks_critical` what chance leaves at 1 %; means are l2.
bound
    Equation 14: `relative` accuracy, mean and range over seeds, beside `bound`, 1 - F.
simplices
    Figure 2: points thrown into regular simplices, counted in bins, beside the mean of equation 12 over each.
regions
    The class of every point of a grid of input codes, spirals, seed 0: `classes` is numpy's packbits of a
    (height, width) array whose first row is y0 and first column x0, `spacing` codes apart.
spirals
    The points of both splits of both readings of equation 15.
examples
    Digits attacked from the network of `bits`: codes are clip(pixels + step * signs, 0, 255), and `says`
    holds for each step the class that the integers of each width in `says_bits` give.
critical
    Accuracy over bits at each strength of `attack`, `fgsm` or `strong`, the second axis: `mean`, `variance`,
    whether the strength is `eligible`, whether it is the `critical` one (`low` to `high` is its interval over
    seeds) or the `naive` one, of least variance anywhere.
sensitivity
    Another way to train or attack beside the base network of the same widths and seed: mean change of `clean`
    accuracy and of that `attacked` at 0.05 to 0.2, mean `gap` up to 0.2, both critical strengths.
masking
    Accuracy of each width under attacks with other directions: `plain`, `unsaturated`, `transfer` (of the
    unrounded network), `random`; mean over seeds.
"""  # noqa: D405, D407, D411 -- `examples` is a table

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....errors import QsimError
from ....model.container import replacing

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ModuleNotFoundError as error:
    raise QsimError(f"the paper's tables need the package {error.name}: pip install 'qsim[paper]'") from None

Columns = dict[str, npt.NDArray[Any]]
Rows = Iterable[Mapping[str, Any]]

_TEXT = "dataset activation variant path digest file recipe model split spiral attack qsim check"
_INTEGER = (
    "bits seed step images correct fooled epochs best_epoch q points count x0 y0 spacing width height x_code "
    "y_code label image spec one"
)
_TYPES = {
    **{name: pa.string() for name in _TEXT.split()},
    **{name: pa.int32() for name in _INTEGER.split()},
    **{name: pa.bool_() for name in ("clip", "violated", "eligible", "critical", "naive", "flagged")},
    **{name: pa.binary() for name in ("classes", "pixels", "signs")},
    **{name: pa.list_(pa.int32()) for name in ("steps", "says_bits", "widths")},
    "epsilons": pa.list_(pa.float64()),
    "says": pa.list_(pa.list_(pa.int32())),
}


def schema(columns: str) -> Any:
    """The schema of columns by their names; a number without another type is a float64."""
    return pa.schema([(name, _TYPES.get(name, pa.float64())) for name in columns.split()])


SCHEMAS = {
    "rows": schema(
        "dataset activation bits seed variant path clip epsilon step images correct accuracy fooled "
        "zero_gradients digest spec qsim"
    ),
    "networks": schema(
        "dataset variant activation bits seed digest file epochs best_epoch validation clean_integer "
        "clean_shadow zero_gradients zero_unsaturated recipe"
    ),
    "strong": schema(
        "dataset activation bits seed variant path attack epsilon step images correct accuracy digest"
    ),
    "audits": schema(
        "dataset activation bits seed images epsilon check figure threshold flagged under_fgsm "
        "under_strongest digest"
    ),
    "distances": schema("dataset activation bits seed digest step images epsilon distance length"),
    "fits": schema(
        "dataset activation bits seed digest model s n h ks ks_critical images mean_measured mean_modelled "
        "fooled_share"
    ),
    "bound": schema(
        "dataset activation bits path epsilon distance relative low high bound log10_bound violated"
    ),
    "simplices": schema("q n s h points seed low high count density model_density ks ks_critical"),
    "regions": schema("activation bits digest one x0 y0 spacing width height classes"),
    "spirals": schema("split spiral x_code y_code label x y"),
    "examples": schema("image label activation bits digest pixels signs epsilons steps says_bits says"),
    "critical": schema(
        "dataset activation path attack epsilon distance mean variance eligible critical naive low high"
    ),
    "sensitivity": schema(
        "dataset variant activation path widths clean attacked gap critical_base critical_variant"
    ),
    "masking": schema("dataset activation bits attack path epsilon accuracy zero_gradients"),
}


def write(name: str, rows: Rows, path: str | PathLike[str]) -> None:
    """Write the rows of a table, completely or not at all."""
    _write(pa.Table.from_pylist(list(rows), SCHEMAS[name]), path)


def merge(name: str, parts: Iterable[Path], path: str | PathLike[str], order: Sequence[str]) -> None:
    """One sorted file of the rows of many."""
    tables = [_read(part, name) for part in parts]
    _write(pa.concat_tables(tables).sort_by([(column, "ascending") for column in order]), path)


def read(path: str | PathLike[str]) -> Columns:
    """The columns of a table by name, each an array of equal length; its name is the file's.

    Raises
    ------
    QsimError
        If there is no such file, it is damaged, or its columns are others.
    """
    return columns(path, Path(path).stem)


def columns(path: str | PathLike[str], name: str) -> Columns:
    """The columns of a file that holds the table `name`."""
    table = _read(path, name)
    return {column: _array(table[column]) for column in table.column_names}


def _array(column: Any) -> npt.NDArray[Any]:
    values = column.to_pylist()
    if pa.types.is_list(column.type) or pa.types.is_binary(column.type):
        array = np.empty(len(values), object)
        array[:] = values
        return array
    return np.asarray(values, str if pa.types.is_string(column.type) else None)


def _write(table: Any, path: str | PathLike[str]) -> None:
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _read(path: str | PathLike[str], name: str) -> Any:
    try:
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        raise QsimError(f"{path}: no such file") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise QsimError(f"{path}: not a Parquet file, or a damaged one ({error})") from None
    if table.schema != SCHEMAS[name]:
        raise QsimError(f"{path}: its columns are {table.column_names}; {SCHEMAS[name].names} are needed")
    return table
