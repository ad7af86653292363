"""What a folding costs on a part, before any tool has run; and which folding a rate needs."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from operator import mul

from qsim.errors import QsimError
from qsim.model.model import Model

from ..export.netlist import SMALL
from ..gateware.frame_buffer import PIECE
from ..shape.engine import LayerShape
from ..shape.loadable import Loadable
from .family import board as board_of
from .family import family as family_of
from .part import Board, Luts, Prices
from .steps import uses_dsp

FULL = 0.8  # share of a part's LUTs that is planned for: nextpnr slows down, and Fmax falls, beyond


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
        If the target is unknown, the folding does not fit or the model is on crossbar tiles.
    """
    return _cost(Loadable.of(model, pe, simd, bits), board_of(target), pe, simd)


def choose(model: Model, target: str, rate: float, bits: int | None = None) -> Cost:
    """The folding with the fewest LUTs that gives `rate` inferences a second at the board's clock.

    Raises
    ------
    QsimError
        If none that fits the part is fast enough; names the fastest that fits.
    """
    board = board_of(target)
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


def fits(cost: Cost, target: str) -> bool:
    """Whether a part has the room, with some LUTs to spare."""
    board = board_of(target)
    return cost.lut <= FULL * board.luts and cost.bram <= board.block_rams and cost.dsp <= board.dsps


def storage(prices: Prices, width: int, words: int) -> tuple[int, int, int]:
    """Block RAMs, small memories, and bits that are chosen from several: the cheapest for yosys.

    To it a choice costs 1/2 for each bit and each memory but one, and an enable 1/2 for each of
    several; those of flip-flops are free.
    """
    found = []
    for kind, (price, shapes) in enumerate(prices.memories):
        for wide, deep, enabled in shapes:
            banks = -(-words // deep)
            count = -(-(-(-width // enabled) * enabled * banks) // wide)
            muxed = (banks - 1) * width if deep > 1 else 0
            choice = (muxed + banks) / 2 if muxed else 0
            found.append((int(price * count + choice), -kind, count, muxed))
    _, kind, count, muxed = min(found)
    return (0, count, muxed) if kind else (count, 0, muxed)


def features(shape: Loadable, board: Board) -> tuple[int, int, tuple[int, ...]]:
    """Block RAMs, DSP blocks, and the counts that `Luts` has constants for, in its order."""
    prices = _prices(board)
    every = sum(layer.pe * layer.simd for layer in shape.engine.layers)
    dsp = uses_dsp(board, max(layer.bits for layer in shape.engine.layers), every)
    memories = [(memory.width, memory.words) for memory in shape.memories]
    registers = sum(width * words for width, words in memories if width * words <= SMALL)
    memories = [size for size in memories if size[0] * size[1] > SMALL]
    dsps = products = sums = 0
    for layer in shape.engine.layers:
        memories += _buffers(layer)
        weight = layer.bits + (layer.grid == "odd")
        if dsp and min(weight, layer.code_bits) > 1 and weight + layer.code_bits >= prices.least_product:
            dsps += layer.pe * layer.simd
        else:
            products += layer.pe * layer.simd * weight * layer.code_bits
        sums += layer.pe * ((layer.simd - 1) * (weight + layer.code_bits) + layer.accumulator_bits)
        sums += layer.result_bits * layer.accumulator_bits
    stored = [storage(prices, *size) for size in memories]
    blocks, small, muxed = map(sum, zip(*stored, strict=True))
    return blocks, dsps, (1, small, muxed, registers, products, sums)


def luts(each: Luts, counts: tuple[int, ...]) -> float:
    """All LUTs of a design with these counts."""
    return float(sum(map(mul, astuple(each), counts)))


def _steps(most: int) -> list[int]:
    """1, 2, 4, 5, 8, 10, 16, 20, 25, 32 … and the largest."""
    some = (1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 40, 50, 64, 80, 100)
    return [step for step in some if step < most] + [most]


def _cost(shape: Loadable, board: Board, pe: int, simd: int) -> Cost:
    if shape.engine.mapped:
        raise QsimError("what crossbar tiles cost is not predicted; --pe and --simd are needed, no rate")
    blocks, dsps, counts = features(shape, board)
    lut = luts(_prices(board).luts, counts)
    interval = shape.engine.timing().interval
    return Cost(pe, simd, round(lut), blocks, dsps, interval)


def _prices(board: Board) -> Prices:
    prices = family_of(board.target).prices
    if prices is None:
        raise QsimError(f"what {board.target} needs is not predicted; --pe and --simd are needed, no rate")
    return prices


def _buffers(layer: LayerShape) -> list[tuple[int, int]]:
    """Width and words of the memories of a layer's two frames of input codes."""
    width, piece = layer.simd * layer.code_bits, max(1, PIECE // layer.code_bits) * layer.code_bits
    words = 2 << (layer.beats - 1).bit_length()
    return [(min(piece, width - start), words) for start in range(0, width, piece)]
