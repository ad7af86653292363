import pytest
from examples import random_model

from qsim import QsimError
from qsim_rtl import EngineShape
from qsim_rtl.export import verilog
from qsim_rtl.memory.pack import image

MODEL = random_model(0, (7, 5, 3), (4, 2), 3, per_neuron=True)


def test_one_call_writes_the_engine_and_its_memories(tmp_path):
    paths = verilog.write(MODEL, tmp_path / "new", pe=2, simd=(3, 1), monitor=True)
    assert sorted(path.name for path in paths) == sorted(path.name for path in (tmp_path / "new").iterdir())
    text = paths[0].read_text()
    shape = EngineShape.of(MODEL, 2, (3, 1), monitor=True)
    timing = shape.timing()
    header = text[: text.index("module engine(")]
    assert all(line.startswith(("//", "`timescale")) for line in header.splitlines())
    for fact in (
        MODEL.digest,
        "7-5-3",
        f"latency {timing.latency} cycles",
        f"every {timing.interval} cycles",
    ):
        assert fact in header
    memories = image(MODEL, shape)
    assert [path.stem for path in paths[1:]] == list(memories)
    for path in paths[1:]:
        words = memories[path.stem].integers()
        assert [int(line, 16) for line in path.read_text().split()] == words
        block, memory = path.stem.split("_", 1)
        module = text[text.index(f"module engine_{block}(") :].split("endmodule")[0]
        assert f'$readmemh("{path.name}", {memory}, 0, {len(words) - 1});' in module
        assert f"reg [{memories[path.stem].width - 1}:0] {memory} [" in module


def test_the_ports_are_those_of_the_contract(tmp_path):
    wide = {"s_axis_tdata": 24, "m_axis_tuser": 2, "code0": 2}
    others = {"clk", "rst", "short_frame", "long_frame", "code0_valid", "m_axis_tdata"}
    handshakes = {f"{side}_axis_t{name}" for side in "sm" for name in ("valid", "ready", "last")}
    text = verilog.write(MODEL, tmp_path, simd=3, monitor=True)[0].read_text()
    listed = text[text.index("(") + 1 : text.index(");")].split(", ")
    assert set(listed) == {*wide, *others, *handshakes}
    for name, width in wide.items():
        assert f"put [{width - 1}:0] {name};" in text
    assert "code0" not in verilog.write(MODEL, tmp_path, simd=3)[0].read_text().split(");")[0]


def test_the_same_model_gives_the_same_bytes(tmp_path):
    first, second = (verilog.write(MODEL, tmp_path / name, pe=5, simd=7) for name in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_folding_that_does_not_fit_writes_nothing(tmp_path):
    with pytest.raises(QsimError, match="pe of layer 1 is 4; 1 to 3 are allowed"):
        verilog.write(MODEL, tmp_path / "none", pe=(1, 4))
    assert not (tmp_path / "none").exists()
