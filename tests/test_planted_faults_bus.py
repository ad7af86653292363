"""The same as `test_planted_faults`, for the bus, loading and the export: each fault must be noticed."""

from __future__ import annotations

from planting import Fault, planted

BENCH = "tests/rtl/test_export.py -k bench_passes_in_icarus"
FAULTS = [
    Fault(
        "a load with a wrong CRC is taken",
        "qsim_rtl.gateware.bus.control.Control._load",
        "m.Elif(ended & right)",
        "m.Elif(ended)",
        BENCH,
    ),
    Fault(
        "half a load leaves the model valid",
        "qsim_rtl.gateware.bus.control.Control._load",
        "with m.If(loader.touched):",
        "with m.If(loader.wrong_shape):",
        BENCH,
    ),
    Fault(
        "a refusal is answered as if it were none",
        "qsim_rtl.gateware.bus.axi_lite.AxiLite._writes",
        "self._answer(self.write_refused | ~self.whole)",
        "self._answer(self.write_refused & ~self.whole)",
        BENCH,
    ),
    Fault(
        "a load writes each memory's first word alone",
        "qsim_rtl.gateware.bus.loader.Loader._walk",
        "address.eq(word)",
        "address.eq(0)",
        BENCH,
    ),
    Fault(
        "a result that waits is lost",
        "qsim_rtl.gateware.stream.skid_buffer.Slice.elaborate",
        "m.d.sync += full.eq(1)",
        "m.d.sync += full.eq(0)",
        BENCH,
    ),
    Fault(
        "verify does not compare what it decoded",
        "qsim_rtl.memory.decode.compare",
        "if not np.array_equal(held, wanted):",
        "if held.shape != wanted.shape:",
        "tests/rtl/test_export.py -k decodes",
    ),
]


test_an_untouched_copy_passes, test_a_broken_copy_fails = planted(FAULTS)
