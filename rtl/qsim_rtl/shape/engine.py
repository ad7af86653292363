"""Everything that decides the hardware except what its memories contain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qsim.errors import QsimError
from qsim.model.layer import Layer
from qsim.model.model import Model
from qsim.spec.geometry import signed_width

from ..memory.protection import protection_of
from . import crossbar as crossbar_shape
from .crossbar import CrossbarShape

Folding = int | Sequence[int]


@dataclass(frozen=True)
class LayerShape:
    """One dense layer, folded onto `pe` neurons at a time and `simd` inputs at a time.

    `levels` is the largest hidden code, 0 on the last layer. `accumulator_bits` is a two's
    complement width that holds every accumulator and, on a hidden layer, one above the largest. A
    mapped layer has a `crossbar`, onto whose columns and rows `pe` and `simd` then fold. `protection` is
    that of the weight memory, a name of `memory.protection`.
    """

    inputs: int
    outputs: int
    bits: int
    grid: str
    code_bits: int
    code_signed: bool
    levels: int
    shared_thresholds: bool
    accumulator_bits: int
    pe: int
    simd: int
    crossbar: CrossbarShape | None = None
    protection: str = "none"

    @property
    def beats(self) -> int:
        """Beats of `simd` codes in which one frame of inputs comes."""
        return -(-self.inputs // self.simd)

    @property
    def groups(self) -> int:
        """Groups of `pe` neurons that are computed one after another."""
        return -(-self.outputs // self.pe)

    @property
    def last_group(self) -> int:
        """Neurons in the last group: 1 to `pe`."""
        return self.outputs - (self.groups - 1) * self.pe

    @property
    def result_bits(self) -> int:
        """Bits of a code that the thresholds give; 0 on the last layer."""
        return self.levels.bit_length()

    @property
    def work(self) -> int:
        """Cycles of one group."""
        return self.beats

    @property
    def depth(self) -> int:
        """Cycles from the address of a group's last beat to the first result held."""
        return 4


@dataclass(frozen=True)
class Timing:
    """Clock cycles of one frame while neither side ever stalls.

    `latency`: an isolated frame whose first input beat is transferred in cycle 0 has its last
    result transferred in cycle `latency`. `interval`: cycles from one frame's first beat to the
    next one's, back to back, in steady state.
    """

    latency: int
    interval: int


@dataclass(frozen=True)
class EngineShape:
    """The layers from input to output, and what they have beside their streams.

    `monitor`: hidden and column codes are brought out to be watched. `cell_ports`: cells of mapped
    layers can be written through ports of the engine.
    """

    layers: tuple[LayerShape, ...]
    monitor: bool = False
    cell_ports: bool = True

    @classmethod
    def of(cls, model: Model, pe: Folding = 1, simd: Folding = 1, monitor: bool = False) -> EngineShape:
        """The shape that runs a model.

        Parameters
        ----------
        model : Model
        pe, simd : int or one int a layer
            Neurons (on a crossbar: columns) and inputs computed in one cycle. A single int is limited
            to each layer's size, and to a number of inputs that divides a tile's rows.
        monitor : bool
            Whether hidden codes get ports of their own.

        Raises
        ------
        QsimError
            If a folding is below 1 or, given layer by layer, above the layer's size, or if its
            inputs do not divide a tile's rows.
        """
        pes = _folding(pe, [_columns(layer) for layer in model.layers], "pe")
        simds = _whole_tiles(model, _folding(simd, [layer.inputs for layer in model.layers], "simd"), simd)
        layers = []
        for i, layer in enumerate(model.layers):
            low, high = model.code_range(i)
            width = model.accumulator_bits[i]
            folding = pes[i], simds[i]
            layers.append(
                LayerShape(
                    inputs=layer.inputs,
                    outputs=layer.outputs,
                    bits=layer.bits,
                    grid=layer.grid,
                    code_bits=_width(low, high),
                    code_signed=low < 0,
                    levels=layer.max_code,
                    shared_thresholds=layer.shared_thresholds,
                    accumulator_bits=width,
                    pe=pes[i],
                    simd=simds[i],
                    crossbar=None
                    if layer.crossbar is None
                    else crossbar_shape.of(layer, (low, high), width, *folding),
                )
            )
        return cls(tuple(layers), monitor)

    @property
    def mapped(self) -> list[tuple[int, CrossbarShape]]:
        """The layers on a crossbar, each with its place in the network."""
        return [(i, layer.crossbar) for i, layer in enumerate(self.layers) if layer.crossbar is not None]

    def protected_by(self, protection: str) -> EngineShape:
        """The same shape with check bits beside the words of its weight memories.

        Raises
        ------
        QsimError
            If there is no such protection, or a layer is on a crossbar, whose cells are no words.
        """
        protection_of(protection)
        if self.mapped and protection != "none":
            raise QsimError("weights in cells have no check bits; a model of ideal layers is needed")
        return replace(self, layers=tuple(replace(x, protection=protection) for x in self.layers))

    @property
    def protected(self) -> bool:
        """Whether the weights of any layer have check bits."""
        return any(layer.protection != "none" for layer in self.layers)

    @property
    def noisy(self) -> bool:
        """Whether any layer has read noise."""
        return any(crossbar.amplitude_bits for _, crossbar in self.mapped)

    @property
    def class_bits(self) -> int:
        """Width of a class index."""
        return max(1, (self.layers[-1].outputs - 1).bit_length())

    def timing(self) -> Timing:
        """Exact cycles.

        A layer starts when the last beat of its frame is in and gives its first result `work` +
        `depth` + 1 cycles later (on a crossbar, that of the first column). A group's results leave
        one a cycle while the next group is computed, so the slower of the two sets the pace.
        Thresholds take a cycle for each bit of their code, and one more.
        """
        latency = self.layers[0].beats - 1
        interval = self.layers[0].beats
        for layer in self.layers:
            block = layer.crossbar or layer
            pace = (block.groups - 1) * max(block.work, block.pe)
            latency += block.work + block.depth + pace + block.last_group
            latency += layer.result_bits + 1 if layer.levels else 0
            interval = max(interval, pace + max(block.work, block.last_group))
        return Timing(latency, interval)


def _width(low: int, high: int) -> int:
    """Bits that hold low to high: two's complement where low is negative, else unsigned."""
    return signed_width(low, high) if low < 0 else high.bit_length()


def _folding(given: Folding, limits: list[int], name: str) -> list[int]:
    if type(given) is int and given >= 1:
        return [min(given, limit) for limit in limits]
    values = [given] * len(limits) if isinstance(given, int) else list(given)
    if len(values) != len(limits):
        raise QsimError(f"{name} is given for {len(values)} layers; the model has {len(limits)}")
    for i, (value, limit) in enumerate(zip(values, limits, strict=True)):
        if type(value) is not int or not 1 <= value <= limit:
            raise QsimError(f"{name} of layer {i} is {value!r}; 1 to {limit} are allowed")
    return values


def _columns(layer: Layer) -> int:
    """How many columns or neurons `pe` may fold."""
    return layer.outputs if layer.crossbar is None else layer.crossbar.cells.shape[2]


def _whole_tiles(model: Model, simds: list[int], given: Folding) -> list[int]:
    """Inputs a cycle, so that no beat of a mapped layer belongs to two tiles."""
    for i, layer in enumerate(model.layers):
        if layer.crossbar is None or layer.crossbar.mapping.rows >= layer.inputs:
            continue
        rows = layer.crossbar.mapping.rows
        most = max(s for s in range(1, min(simds[i], rows) + 1) if rows % s == 0)
        if most < simds[i] and not isinstance(given, int):
            raise QsimError(f"simd of layer {i} is {simds[i]}; a divisor of its tiles' {rows} rows is needed")
        simds[i] = most
    return simds
