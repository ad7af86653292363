"""Faults planted in the crossbar's specification, loops and mapping: some test must notice each."""

import pytest
from planting import Fault, planted

SPEC = "qsim/machine/crossbar_spec.py"
LOOPS = "qsim/machine/crossbar_kernel.py"
RUN = "qsim/machine/crossbar_run.py"
BY_SPEC = "tests/machine/test_crossbar_spec.py"
BY_KERNEL = "tests/machine/test_crossbar_kernel.py -k random_tiles"

pytestmark = pytest.mark.slow

FAULTS = [
    Fault("a current equal to a threshold is below it", SPEC, "sum(t <= current", "sum(t < current", BY_SPEC),
    Fault("slices are one bit apart", SPEC, "s * mapping.cell_bits +", "s +", BY_SPEC),
    Fault("halves are rounded down", SPEC, "(total + half)", "(total + half - 1)", BY_SPEC),
    Fault("a rotation is wrong", SPEC, "15, 26, 6", "15, 25, 6", BY_SPEC),
    Fault("noise has a mean", SPEC, "MEAN = 510", "MEAN = 520", BY_SPEC),
    Fault("the loops rotate otherwise", LOOPS, "16, 24) if odd", "16, 23) if odd", BY_KERNEL),
    Fault("the last rows of a tile are not driven", LOOPS, "while k < n:", "while k < n - 1:", BY_KERNEL),
    Fault("digits are not doubled", LOOPS, "current[j] += current[j]", "current[j] += 0", BY_KERNEL),
    Fault("thresholds are not divided", RUN, "flat = -(-flat // factor)", "flat = flat", BY_KERNEL),
    Fault("images are numbered from their block", RUN, "first_image + start, seen", "first_image, seen",
          "tests/machine/test_crossbar_kernel.py -k image_number"),
    Fault("even cells are written for both signs", "qsim/machine/crossbar_mapping.py",
          "(-layer.weights[j]).clip(min=0)", "layer.weights[j].clip(min=0)", BY_SPEC),
]  # fmt: skip


test_an_untouched_copy_passes, test_a_broken_copy_fails = planted(FAULTS)
