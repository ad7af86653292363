"""What an unrolled engine costs on a part before any tool has run, and which interval a rate needs.

Bits of adders, gates and registers are counted from the adder graphs; what a family makes of them is fitted
to synthesised engines. An engine has its buses and the board's serial line with it, as `qsim build` makes it.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from operator import mul

from qsim.errors import QsimError
from qsim.model.model import Model

from ..shape.unrolled import UnrolledShape, widest_beat
from ..unrolled import copies
from ..unrolled.engine_size import EngineSize, engine_size, graphs
from ..unrolled.graph import AdderGraph
from ..unrolled.serial_size import intervals
from .cost import FULL, storage
from .family import board as board_of
from .family import family as family_of
from .part import Prices, UnrolledPrices


@dataclass(frozen=True)
class UnrolledCost:
    """What an engine needs on its board.

    Parameters
    ----------
    lut, ff, bram : int
    interval, latency : int
        Cycles on its bus from image to image, and from image to result.
    asked : int
        The interval to ask an export for to get this engine.
    """

    lut: int
    ff: int
    bram: int
    interval: int
    latency: int
    asked: int


def predict(model: Model, target: str, interval: int = 1) -> UnrolledCost:
    """The cost of an export of style `unrolled`, built for a target.

    Parameters
    ----------
    model : Model of ideal layers
    target : str
        One of `family.BOARDS`.
    interval : int
        Cycles from one image to the next at most, if its beats are not more.

    Raises
    ------
    QsimError
        If the target is unknown or its family has no prices, or the model cannot be unrolled.
    """
    return _cost(model, target, graphs(model), interval)


def every(model: Model, target: str) -> list[UnrolledCost]:
    """The cost of each engine that an interval makes, the shortest first; raises as `predict` does."""
    products = graphs(model)
    ends = [model.code_range(i) for i in range(len(products))]
    return [_cost(model, target, products, interval) for interval in intervals(products, ends)]


def choose(model: Model, target: str, rate: float) -> UnrolledCost:
    """The engine with the fewest LUTs that fits a part and gives a rate at the clock of its board.

    Raises
    ------
    QsimError
        If there is none; names the fastest that fits, if one does.
    """
    clock = board_of(target).clock
    if not rate > 0:
        raise QsimError(f"a rate of {rate} inferences a second; more than 0 is needed")
    costs = every(model, target)
    fitting = [cost for cost in costs if fits(cost, target)]
    if not fitting:
        raise QsimError(f"{_least(costs, target)}; the style folded is smaller")
    fast = [cost for cost in fitting if clock / cost.interval >= rate]
    if not fast:
        most = clock / min(cost.interval for cost in fitting)
        raise QsimError(
            f"{rate:,.0f} inferences a second at {clock / 1e6:g} MHz do not fit {target}; {most:,.0f} do"
        )
    return min(fast, key=lambda cost: (cost.lut, cost.interval))


def fits(cost: UnrolledCost, target: str) -> bool:
    """Whether a part has the room, with some to spare; beside each LUT it has a register."""
    board = board_of(target)
    return max(cost.lut, cost.ff) <= FULL * board.luts and cost.bram <= board.block_rams


def features(size: EngineSize, shape: UnrolledShape, memories: Prices) -> tuple[int, tuple[int, ...]]:
    """Block RAMs of the queue, and the counts that `UnrolledPrices.luts` has constants for, in its order."""
    blocks, small, _ = storage(memories, size.queue_bits, size.queue_words)
    bus = shape.input_width + sum(shape.result_widths)
    return blocks, (1, size.parts.carry, size.parts.chains, size.parts.gates, small, bus)


def registers(size: EngineSize, shape: UnrolledShape) -> int:
    """Registers of an engine that are counted: its own, and those of an image of several beats."""
    if shape.frame_beats == 1:
        return size.parts.registers
    waiting = (shape.frame_beats - 1) * shape.simd
    kept = sum(code < waiting for code in size.used) + len({code % shape.simd for code in size.used})
    told = shape.frame_beats * -(-shape.simd * shape.code_bits // copies.BITS)
    return size.parts.registers + shape.code_bits * kept + told


def bus_shape(model: Model, size: EngineSize) -> UnrolledShape:
    """The buses of an engine of this size, as an export has them."""
    return UnrolledShape(
        inputs=model.inputs,
        code_bits=model.input.bits,
        code_signed=model.input.signed,
        simd=widest_beat(model.inputs, model.input.bits),
        outputs=model.outputs,
        logit_bits=size.logit_bits,
        class_bits=max((model.outputs - 1).bit_length(), 1),
        depth=size.latency,
        cycles=size.interval,
        digest=model.digest,
    )


def from_counts(prices: UnrolledPrices, counts: tuple[int, ...], counted: int) -> tuple[float, float]:
    """LUTs and registers of a design with these `features` and registers that are counted."""
    held = counts[0], counts[-1]
    lut = sum(map(mul, astuple(prices.luts), counts))
    return lut, counted + sum(map(mul, astuple(prices.registers), held))


def _cost(model: Model, target: str, products: list[AdderGraph], interval: int) -> UnrolledCost:
    size = engine_size(model, products, interval)
    shape = bus_shape(model, size)
    memories, prices = _prices(target)
    blocks, counts = features(size, shape, memories)
    lut, ff = from_counts(prices, counts, registers(size, shape))
    return UnrolledCost(round(lut), round(ff), blocks, shape.interval, shape.latency, interval)


def predicted(target: str) -> bool:
    """Whether there are prices for a target."""
    return family_of(target).unrolled_prices is not None


def _least(costs: list[UnrolledCost], target: str) -> str:
    cost = min(costs, key=lambda cost: cost.lut)
    board = board_of(target)
    return (
        f"this model does not fit {target} unrolled: about {cost.lut:,} LUTs and {cost.ff:,} registers "
        f"at an interval of {cost.interval}, of {board.luts:,} LUTs"
    )


def _prices(target: str) -> tuple[Prices, UnrolledPrices]:
    family = family_of(target)
    if family.prices is None or family.unrolled_prices is None:
        raise QsimError(f"what an unrolled engine needs of {target} is not predicted")
    return family.prices, family.unrolled_prices
