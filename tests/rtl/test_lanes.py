import pytest
from streams import exchange

from qsim_rtl.gateware.stream.packer import Lanes


@pytest.mark.parametrize("simd", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_codes_leave_side_by_side_in_order(simd, stall):
    frames = [[(5 * f + i) % 16 for i in range(7)] for f in range(6)]
    beats = [(code, i == 6) for frame in frames for i, code in enumerate(frame)]
    each = -(-7 // simd)
    got, cycles = exchange(Lanes(4, simd), beats, 6 * each, stall, seed=simd)
    assert [last for _, last in got] == ([0] * (each - 1) + [1]) * 6
    for f, frame in enumerate(frames):
        joined = [code for lanes, _ in got[f * each : (f + 1) * each] for code in lanes]
        assert joined[:7] == frame
    if not stall:
        assert cycles == [7 * f + min(simd * (b + 1), 7) - 1 for f in range(6) for b in range(each)]
