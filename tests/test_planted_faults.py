"""The tests themselves, tested: break one thing in a copy of the project, and some test must notice.

Each fault replaces one piece of a definition. The tests named beside it must pass on an untouched copy
and fail on the broken one.
"""

from planting import Fault, planted

FAULTS = [
    Fault(
        "a threshold counts only above itself",
        "qsim.spec.dense.activate",
        "sum((t <= acc",
        "sum((t < acc",
        "tests/spec/test_spec.py",
    ),
    Fault(
        "the highest index wins a tie",
        "qsim.spec.dense.classify",
        "(logits[j], -j)",
        "(logits[j], j)",
        "tests/spec/test_spec.py",
    ),
    Fault(
        "the odd grid is shifted",
        "qsim.spec.dense.weight",
        "2 * stored + 1",
        "2 * stored - 1",
        "tests/spec/test_spec.py",
    ),
    Fault(
        "a threshold is rounded down in freezing",
        "qsim.activations.activation.Activation.thresholds",
        "math.ceil(self.inverse",
        "math.floor(self.inverse",
        "tests/shadow/test_quantize.py -k thresholds",
    ),
    Fault(
        "the bias forgets what shifted codes add",
        "qsim.shadow.quantize.quantize",
        "- zero * weights.sum(axis=1)",
        "+ zero * weights.sum(axis=1)",
        "tests/shadow/test_quantize.py -k bias_takes",
    ),
    Fault(
        "grid halves go down",
        "qsim.shadow.network.grid_integers",
        "(top / 2) + 0.5).clip(0, top).astype",
        "(top / 2) + 0.499).clip(0, top).astype",
        "tests/shadow/test_network.py -k rounding",
    ),
    Fault(
        "an altered model file is accepted",
        "qsim.model.container.read",
        "    if not intact:",
        "    if False:",
        "tests/model/test_model_file.py -k flipped",
    ),
    Fault(
        "accumulator bounds forget the bias",
        "qsim.model.layer.Layer.sum_bounds",
        "max((m + max(b, 0)",
        "max((m + min(b, 0)",
        "tests/model/test_model.py -k bounds",
    ),
    Fault(
        "the kernel's bisection misses equality",
        "qsim.kernel.portable.search",
        "if row[middle] <= value",
        "if row[middle] < value",
        "tests/kernel/test_kernel_equals_spec.py -k random_networks",
    ),
    Fault(
        "the kernel's staircase is one off",
        "qsim.kernel.thresholds.forms.find_staircase",
        "(least + most) // 2, shift",
        "most + 1, shift",
        "tests/kernel/test_kernel_equals_spec.py -k staircase",
    ),
    Fault(
        "the kernel's table is one off",
        "qsim.kernel.thresholds.forms.find_table",
        "(1 << shift) - following",
        "(1 << shift) - following - 1",
        "tests/kernel/test_kernel_equals_spec.py -k table",
    ),
    Fault(
        "the kernel's highest index wins a tie",
        "qsim.kernel.executor.classify",
        "logits.argmax(axis=1)",
        "logits.shape[1] - 1 - logits[:, ::-1].argmax(1)",
        "tests/kernel/test_kernel_equals_spec.py -k two_inputs or random_networks",
    ),
    Fault(
        "one bit of the kernel's weights is wrong",
        "qsim.kernel.portable._pack_layer",
        "np.ascontiguousarray(layer.weights.T, weight_type)",
        "np.ascontiguousarray(layer.weights.T ^ 2 * (layer.weights.T == 1), weight_type)",
        "tests/test_models.py -k stored_vectors and digits-relu-q4",
    ),
    Fault(
        "an attack moves inputs of no gradient",
        "qsim.attacks.fgsm.gradient_signs",
        "np.sign(derive(",
        "np.sign(1e-30 + derive(",
        "tests/attacks/test_fgsm.py -k zero_gradient",
    ),
    Fault(
        "an attack's step is rounded down",
        "qsim.attacks.steps.lattice_step",
        "checked_strength(epsilon) * unit + Fraction(1, 2)",
        "checked_strength(epsilon) * unit",
        "tests/attacks/test_fgsm.py -k lsbs",
    ),
    Fault(
        "the RTL's weights lose their sign",
        "qsim_rtl.gateware.dense.Dense._multiply",
        "Cat(Const(1, 1), weight).as_signed()",
        "Cat(Const(1, 1), weight)",
        "tests/rtl/test_dense.py",
    ),
    Fault(
        "the RTL's highest index wins a tie",
        "qsim_rtl.gateware.argmax.ArgMax.elaborate",
        "(logit > best)",
        "(logit >= best)",
        "tests/rtl/test_argmax.py",
    ),
    Fault(
        "the RTL's threshold misses equality",
        "qsim_rtl.gateware.threshold.search",
        "read.data.as_signed() <= acc",
        "read.data.as_signed() < acc",
        "tests/rtl/test_threshold.py",
    ),
    Fault(
        "the dense layer drops ready",
        "qsim_rtl.gateware.stream.serializer.serialize",
        "(left == 1) & o.ready",
        "(left == 1)",
        "tests/rtl/test_dense.py",
    ),
    Fault(
        "the threshold stage drops ready",
        "qsim_rtl.gateware.threshold.Threshold.elaborate",
        "advance.eq(self.o.ready | ~self.o.valid)",
        "advance.eq(1)",
        "tests/rtl/test_threshold.py",
    ),
    Fault(
        "the compiled engine drops ready",
        "qsim_rtl.gateware.threshold.Threshold.elaborate",
        "advance.eq(self.o.ready | ~self.o.valid)",
        "advance.eq(1)",
        "tests/rtl/test_engine.py -k every_integer",
    ),
    Fault(
        "the Verilog drops ready",
        "qsim_rtl.gateware.threshold.Threshold.elaborate",
        "advance.eq(self.o.ready | ~self.o.valid)",
        "advance.eq(1)",
        "tests/rtl/test_cocotb.py -k odd_shapes",
    ),
    Fault(
        "one weight bit of the memory image is wrong",
        "qsim_rtl.memory.dense.weights",
        "padded = np.pad(own,",
        "padded = np.pad(own ^ (np.arange(own.size).reshape(own.shape) == 0),",
        "tests/rtl/test_engine.py -k every_integer",
    ),
    Fault(
        "a long frame is let through",
        "qsim_rtl.gateware.frame_buffer.FrameBuffer._lengths",
        "(ends | due | dropping, ends & due & ~dropping)",
        "(ends | due | dropping, ends & due)",
        "tests/rtl/test_frame_buffer.py",
    ),
    Fault(
        "codes side by side are taken although they cannot leave",
        "qsim_rtl.gateware.stream.packer.Lanes.elaborate",
        "self.o.ready | ~complete",
        "self.o.ready | complete",
        "tests/rtl/test_lanes.py",
    ),
]


test_an_untouched_copy_passes, test_a_broken_copy_fails = planted(FAULTS)
