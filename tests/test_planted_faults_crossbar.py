"""Faults planted in the crossbar's specification, loops and mapping: some test must notice each."""

import pytest
from planting import Fault, planted

SPEC = "qsim/spec/crossbar.py"
LOOPS = "qsim/kernel/crossbar/loops.py"
RUN = "qsim/kernel/crossbar/plan.py"
BY_SPEC = "tests/spec/test_crossbar_spec.py"
BY_KERNEL = "tests/kernel/test_crossbar_kernel.py -k random_tiles"

pytestmark = pytest.mark.slow

FAULTS = [
    Fault("a current equal to a threshold is below it", SPEC, "sum(t <= current", "sum(t < current", BY_SPEC),
    Fault("slices are one bit apart", SPEC, "s * mapping.cell_bits +", "s +", BY_SPEC),
    Fault("halves are rounded down", SPEC, "(total + half)", "(total + half - 1)", BY_SPEC),
    Fault("a rotation is wrong", SPEC, "15, 26, 6", "15, 25, 6", BY_SPEC),
    Fault("noise has a mean", SPEC, "MEAN = 510", "MEAN = 520", BY_SPEC),
    Fault("the loops rotate otherwise", LOOPS, "16, 24) if odd", "16, 23) if odd", BY_KERNEL),
    Fault("the last rows of a tile are not driven", LOOPS, "sums = loop(b, count,",
          "sums = loop(b, b.sub(count, ir.Constant(I64, 1)),", BY_KERNEL),
    Fault("bits of a digit are not doubled", LOOPS, "[b.add(value, value) for value in start]", "start",
          BY_KERNEL),
    Fault("digits come in the wrong order", LOOPS, "(digits - turn) * digit_bits", "(turn + 1) * digit_bits",
          BY_KERNEL),
    Fault("a rounded inverse goes unproved", RUN, " and (before < numbers).all()", "",
          "tests/kernel/test_crossbar_kernel.py -k halves_are"),
    Fault("16 bits are taken to be enough", RUN, "ends.max() < 1 << 15", "ends.max() < 1 << 20",
          "tests/kernel/test_crossbar_kernel.py -k halves_are"),
    Fault("a tile without a bright pixel adds nothing", LOOPS, "sums[image, j] += idle[j]",
          "sums[image, j] += 0", BY_KERNEL),
    Fault("thresholds are not divided", RUN, "flat = -(-flat // factor)", "flat = flat", BY_KERNEL),
    Fault("images are numbered from their block", RUN, "first_image + start, seen", "first_image, seen",
          "tests/kernel/test_crossbar_kernel.py -k image_number"),
    Fault("even cells are written for both signs", "qsim/crossbar/mapping.py",
          "(-layer.weights[j]).clip(min=0)", "layer.weights[j].clip(min=0)", BY_SPEC),
]  # fmt: skip


test_an_untouched_copy_passes, test_a_broken_copy_fails = planted(FAULTS)
