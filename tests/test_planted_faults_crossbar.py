"""Faults planted in the crossbar's specification, loops and mapping: some test must notice each."""

import pytest
from planting import Fault, planted

BY_SPEC = "tests/spec/test_crossbar_spec.py"
BY_KERNEL = "tests/kernel/test_crossbar_kernel.py -k random_tiles"

pytestmark = pytest.mark.slow

FAULTS = [
    Fault(
        "a current equal to a threshold is below it",
        "qsim.spec.crossbar.convert",
        "sum((t <= current",
        "sum((t < current",
        BY_SPEC,
    ),
    Fault(
        "slices are one bit apart",
        "qsim.spec.crossbar.accumulate",
        "s * mapping.cell_bits +",
        "s +",
        BY_SPEC,
    ),
    Fault(
        "halves are rounded down",
        "qsim.spec.crossbar.accumulate",
        "(total + half >>",
        "(total + half - 1 >>",
        BY_SPEC,
    ),
    Fault(
        "a rotation is wrong",
        "qsim.spec.noise.ROTATIONS",
        "15, 26, 6",
        "15, 25, 6",
        BY_SPEC,
    ),
    Fault("noise has a mean", "qsim.spec.noise.MEAN", "510", "520", BY_SPEC),
    Fault(
        "the loops rotate otherwise",
        "qsim.kernel.crossbar.loops.four_rounds",
        "16, 24) if odd",
        "16, 23) if odd",
        BY_KERNEL,
    ),
    Fault(
        "the last rows of a tile are not driven",
        "qsim.kernel.crossbar.loops.add_rows.emit.blocks.block",
        "sums = loop(b, count,",
        "sums = loop(b, b.sub(count, ir.Constant(I64, 1)),",
        BY_KERNEL,
    ),
    Fault(
        "rows of a tile are driven whatever their codes",
        "qsim.kernel.crossbar.loops.keep.emit.step",
        "b.and_(inside, ",
        "b.or_(inside, ",
        "tests/kernel/test_crossbar_kernel.py -k long_tiles",
    ),
    Fault(
        "bits of a digit are not doubled",
        "qsim.kernel.crossbar.loops.add_rows.emit.blocks.block",
        "[b.add(value, value) for value in start]",
        "start",
        BY_KERNEL,
    ),
    Fault(
        "digits come in the wrong order",
        "qsim.kernel.crossbar.loops.drive",
        "(digits - turn) * digit_bits",
        "(turn + 1) * digit_bits",
        BY_KERNEL,
    ),
    Fault(
        "a rounded inverse goes unproved",
        "qsim.kernel.crossbar.plan._halves",
        " and (before < numbers).all()",
        "",
        "tests/kernel/test_crossbar_kernel.py -k halves_are",
    ),
    Fault(
        "16 bits are taken to be enough",
        "qsim.kernel.crossbar.plan._halves",
        "ends.max() < 1 << 15",
        "ends.max() < 1 << 20",
        "tests/kernel/test_crossbar_kernel.py -k halves_are",
    ),
    Fault(
        "a tile without a bright pixel adds nothing",
        "qsim.kernel.crossbar.loops.read_tiles",
        "sums[image, j] += idle[j]",
        "sums[image, j] += 0",
        BY_KERNEL,
    ),
    Fault(
        "thresholds are not divided",
        "qsim.kernel.crossbar.plan._converters",
        "flat = -(-flat // factor)",
        "flat = flat",
        BY_KERNEL,
    ),
    Fault(
        "images are numbered from their block",
        "qsim.kernel.crossbar.executor.executor",
        "first_image + start, between",
        "first_image, between",
        "tests/kernel/test_crossbar_kernel.py -k image_number",
    ),
    Fault(
        "even cells are written for both signs",
        "qsim.crossbar.mapping.column_levels",
        "(-layer.weights[j]).clip(min=0)",
        "layer.weights[j].clip(min=0)",
        BY_SPEC,
    ),
]


test_an_untouched_copy_passes, test_a_broken_copy_fails = planted(FAULTS)
