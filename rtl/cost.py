"""What a folding costs on a part, before any tool has run; and which folding a rate needs."""

from __future__ import annotations

from dataclasses import dataclass

from qsim.machine.errors import QsimError
from qsim.machine.model import Model

from . import boards
from .axi_shape import Loadable
from .boards import Board, uses_dsp
from .shape import LayerShape

FULL = 0.8  # share of a part's LUTs that is planned for: nextpnr slows down, and Fmax falls, beyond
ROOM = {  # the shapes (width, words) that a block RAM can have
    "ecp5": ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)),
    "ice40": ((16, 256), (8, 512), (4, 1024), (2, 2048)),
    "gowin": ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)),
}
SMALLEST_BLOCK = {"ecp5": (64, 2000), "ice40": (1, 240), "gowin": (64, 2000)}  # words, bits; below: LUTs
LUTS = {  # of the registers, the loader and the serial line; for each product bit; for each register bit
    "ecp5": (2860.0, 3.41, 0.87),
    "ice40": (3100.0, 2.1, 2.3),
    "gowin": (2860.0, 3.4, 2.9),
}


@dataclass(frozen=True)
class Cost:
    """Resources of a folding, and cycles from one frame to the next."""

    pe: int
    simd: int
    lut: int
    bram: int
    dsp: int
    interval: int


def predict(model: Model, target: str, pe: int, simd: int, bits: int | None = None) -> Cost:
    """The cost of an export built for a target; parameters as in `Loadable.of`.

    Raises
    ------
    QsimError
        If the target is unknown or the folding does not fit.
    """
    return _cost(Loadable.of(model, pe, simd, bits), boards.board(target), pe, simd)


def choose(model: Model, target: str, rate: float, bits: int | None = None) -> Cost:
    """The folding with the fewest LUTs that gives `rate` inferences a second at the board's clock.

    Raises
    ------
    QsimError
        If none that fits the part is fast enough; names the fastest that fits.
    """
    board = boards.board(target)
    if not rate > 0:
        raise QsimError(f"a rate of {rate} inferences a second; more than 0 is needed")
    widest = max(layer.outputs for layer in model.layers)
    fitting = []
    for pe in _steps(widest):
        for simd in _steps(max(layer.inputs for layer in model.layers)):
            products = sum(min(pe, layer.outputs) * min(simd, layer.inputs) for layer in model.layers)
            if products > board.luts // 8:
                break
            cost = _cost(Loadable.of(model, pe, simd, bits), board, pe, simd)
            if fits(cost, target):
                fitting.append(cost)
    if not fitting:
        raise QsimError(f"no folding of this model fits {target}")
    fast = [cost for cost in fitting if board.clock / cost.interval >= rate]
    if not fast:
        best = min(fitting, key=lambda cost: (cost.interval, cost.lut))
        most = board.clock / best.interval
        raise QsimError(
            f"{rate:,.0f} inferences a second at {board.clock / 1e6:g} MHz do not fit {target}; "
            f"{most:,.0f} do, with --pe {best.pe} --simd {best.simd}"
        )
    return min(fast, key=lambda cost: (cost.lut, cost.interval, cost.pe))


def features(shape: Loadable, dsp: bool) -> tuple[int, int]:
    """Bits of all products that LUTs compute, and bits of all accumulators, sums and comparisons."""
    products = registers = 0
    for layer in shape.engine.layers:
        each = layer.bits + layer.code_bits + 1
        products += (
            0 if dsp else layer.pe * layer.simd * (layer.bits + (layer.grid == "odd")) * layer.code_bits
        )
        registers += layer.pe * ((layer.simd - 1) * each + 2 * layer.accumulator_bits)
        registers += layer.result_bits * layer.accumulator_bits
    return products, registers + 32 * max(memory.pieces for memory in shape.memories)


def _steps(most: int) -> list[int]:
    """1, 2, 4, 5, 8, 10, 16, 20, 25, 32 … and the largest."""
    some = (1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 40, 50, 64, 80, 100)
    return [step for step in some if step < most] + [most]


def fits(cost: Cost, target: str) -> bool:
    """Whether a part has the room, with some LUTs to spare."""
    board = boards.board(target)
    return cost.lut <= FULL * board.luts and cost.bram <= board.block_rams and cost.dsp <= board.dsps


def _cost(shape: Loadable, board: Board, pe: int, simd: int) -> Cost:
    products = sum(layer.pe * layer.simd for layer in shape.engine.layers)
    dsp = uses_dsp(board, max(layer.bits for layer in shape.engine.layers), products)
    base, product, register = LUTS[board.family]
    product_bits, register_bits = features(shape, dsp)
    memories = [(memory.width, memory.words) for memory in shape.memories]
    memories += [_buffer(layer) for layer in shape.engine.layers]
    return Cost(
        pe,
        simd,
        round(base + product * product_bits + register * register_bits),
        sum(_blocks(board.family, *memory) for memory in memories),
        products if dsp else 0,
        shape.engine.timing().interval,
    )


def _buffer(layer: LayerShape) -> tuple[int, int]:
    """Width and words of a layer's two frames of input codes."""
    return layer.simd * layer.code_bits, 2 << (layer.beats - 1).bit_length()


def _blocks(family: str, width: int, words: int) -> int:
    fewest_words, fewest_bits = SMALLEST_BLOCK[family]
    if words < fewest_words or width * words < fewest_bits:
        return 0
    return min(-(-width // w) * -(-words // n) for w, n in ROOM[family])
