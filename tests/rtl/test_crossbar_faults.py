"""The crossbar's tests, tested: break one thing in a copy of the project, and some test must notice."""

from planting import Fault, planted

LAYER = "tests/rtl/test_crossbar_layer.py"
SMALL = f"{LAYER} -k accumulators and 0.5 and (ways or noise)"
FAULTS = [
    Fault(
        "a cell counts for every digit",
        "qsim_rtl.gateware.crossbar.columns.product",
        "Mux(bit, cell, 0)",
        "Mux(digit.any(), cell, 0)",
        f"{LAYER} -k every_cell",
    ),
    Fault(
        "a current goes on over the end of its tile",
        "qsim_rtl.gateware.crossbar.columns.CrossbarColumns._walk",
        "ends_tile.eq(ends_beats | (row == shape.tile_beats - 1))",
        "ends_tile.eq(ends_beats)",
        SMALL,
    ),
    Fault(
        "signed codes do not count from the smallest",
        "qsim_rtl.gateware.crossbar.columns.CrossbarColumns._digit.above",
        "code ^ 1 << shape.code_bits - 1 if shape.code_signed else code",
        "code",
        SMALL,
    ),
    Fault(
        "a slice lands one place too high",
        "qsim_rtl.gateware.crossbar.shift_add.ShiftAdd._shift.slices",
        "Const(k * shape.slice_bits)",
        "Const(k * shape.slice_bits + (k > 0))",
        SMALL,
    ),
    Fault(
        "halves are rounded down",
        "qsim_rtl.gateware.crossbar.reference.Combine.elaborate.acc",
        "1 << shape.unit_bits >> 1",
        "(1 << shape.unit_bits >> 1) - 1",
        f"{LAYER} -k neurons",
    ),
    Fault(
        "the reference counts twice",
        "qsim_rtl.gateware.crossbar.reference.Combine.elaborate.combined",
        "fine.shift_left(shape.gain - 1) - held",
        "fine - held",
        f"{LAYER} -k neurons",
    ),
    Fault(
        "the hash rotates by one too many",
        "qsim_rtl.gateware.crossbar.noise.threefry",
        "spec.ROTATIONS[i % 8]",
        "spec.ROTATIONS[i % 8] + (i == 12)",
        f"{LAYER} -k noise_is",
    ),
    Fault(
        "noise takes the other column's word",
        "qsim_rtl.gateware.crossbar.noise.ReadNoise.elaborate.word",
        "Mux(odd, words[1], words[0])",
        "Mux(odd, words[0], words[1])",
        f"{LAYER} -k noise_is",
    ),
    Fault(
        "noise is not rounded",
        "qsim_rtl.gateware.crossbar.noise.ReadNoise.elaborate.rounded",
        "scaled + (1 << spec.NOISE_SHIFT - 1) >> spec.NOISE_SHIFT",
        "scaled >> spec.NOISE_SHIFT",
        f"{LAYER} -k noise_is",
    ),
    Fault(
        "refused frames are numbered",
        "qsim_rtl.gateware.crossbar.columns.CrossbarColumns._walk",
        "frames.eq(frames + 1)",
        "frames.eq(frames + 2)",
        SMALL,
    ),
    Fault(
        "a step is lost in reconstruction",
        "qsim_rtl.gateware.crossbar.converter.Converter.elaborate.product",
        "kept * transfer.step",
        "kept[1:] * transfer.step",
        f"{LAYER} -k every_current",
    ),
    Fault(
        "one slice's thresholds serve all",
        "qsim_rtl.gateware.crossbar.converter.Converter.elaborate.slice",
        "self.slice if self.shape.adc_each_slice else",
        "self.slice[1:] if self.shape.adc_each_slice else",
        f"{LAYER} -k every_current",
    ),
    Fault(
        "one cell is wrong in the memory image",
        "qsim_rtl.memory.crossbar.cells",
        "_crossbar(model, layer).cells[:, :, columns] >> shape.scale_bits",
        "np.roll(_crossbar(model, layer).cells[:, :, columns], 1, 2) >> shape.scale_bits",
        SMALL,
    ),
]


test_an_untouched_copy_passes, test_a_broken_copy_fails = planted(FAULTS)
