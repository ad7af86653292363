"""Faults planted in where things lie on tiles: tests of the specification alone must notice each."""

from planting import Fault, planted

GEOMETRY = "qsim.spec.geometry"
TABLES = "tests/spec/test_column_geometry.py"
FAULTS = [
    Fault(
        "one reference column serves the whole layer",
        f"{GEOMETRY}.column_pair",
        "min((tile + 1) * cols, columns(style, cols, outputs)) - 1",
        "columns(style, cols, outputs) - 1",
        f"{TABLES} -k two_column_tiles",
    ),
    Fault(
        "a pair's columns change places",
        f"{GEOMETRY}.column_pair",
        "(2 * output, 2 * output + 1)",
        "(2 * output + 1, 2 * output)",
        f"{TABLES} -k differential_over",
    ),
    Fault(
        "outputs go on where a reference lies",
        f"{GEOMETRY}.column_pair",
        "(output + tile,",
        "(output,",
        f"{TABLES} -k two_column_tiles",
    ),
    Fault(
        "the last tile has no reference", f"{GEOMETRY}.columns", "outputs + ceil_div(", "outputs + (", TABLES
    ),
    Fault("an odd column counts", f"{GEOMETRY}.outputs_per_tile", "cols // 2", "(cols + 1) // 2", TABLES),
    Fault("signed codes lose a digit", f"{GEOMETRY}.digits", "(high - low)", "high", TABLES),
    Fault(
        "rows of a last tile are left out", f"{GEOMETRY}.row_tiles", "ceil_div(", "int.__floordiv__(", TABLES
    ),
    Fault("a last slice is left out", f"{GEOMETRY}.slices", "ceil_div(", "int.__floordiv__(", TABLES),
    Fault(
        "the odd grid's halves count once",
        f"{GEOMETRY}.positive_weight",
        "return 2",
        "return 1",
        f"{TABLES} -k two_column_tiles",
    ),
]

test_an_untouched_copy_passes, test_a_broken_copy_fails = planted(FAULTS)
