"""Engines that take other models at run time: a shape for all of them, and what each must load."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError
from qsim.model.layer import MAX_WEIGHT_BITS, Layer
from qsim.model.model import Model
from qsim.spec.geometry import signed_width

from ..memory.map import bus_map
from ..memory.pack import image
from .engine import EngineShape, Folding, LayerShape
from .identity import identity
from .stream import ByteStream


@dataclass(frozen=True)
class MemoryShape:
    """One memory in the order of loading: `words` words of `width` bits, each in `pieces` bus words."""

    name: str
    width: int
    words: int

    @property
    def pieces(self) -> int:
        return -(-self.width // 32)


@dataclass(frozen=True)
class Loadable:
    """The shape of an engine whose memories are written over the bus.

    Every accumulator is wide enough for the worst weights of `bits` bits, so that an engine runs
    each model of its layer sizes, input format and grid with as many bits or fewer: a weight of q
    bits lies on the same grid of more bits too, and its stored code grows by copies of its sign. With
    a layer on a crossbar it runs models of exactly its shape: other weights, cells, defects or noise,
    whose images count from the last load or flush.

    Parameters
    ----------
    engine : EngineShape
    stream : ByteStream, optional
        The widths of the streams, where they do not follow the folding.
    """

    engine: EngineShape
    stream: ByteStream | None = None

    @classmethod
    def of(
        cls,
        model: Model,
        pe: Folding = 1,
        simd: Folding = 1,
        bits: int | None = None,
        stream: int | None = None,
        protection: str = "none",
    ) -> Loadable:
        """The shape that runs a model and its like.

        Parameters
        ----------
        model : Model
        pe, simd : int or sequence of int
            As in `EngineShape.of`.
        bits : int, optional
            The widest weights that may be loaded; the model's own by default.
        stream : int, optional
            Bytes of a beat of frames, a power of two; a frame is then an array of codes in whole bytes.
            By default a beat has `simd` codes, side by side.
        protection : str
            Of the weight memories: a name of `memory.protection.PROTECTIONS`.

        Returns
        -------
        Loadable

        Raises
        ------
        QsimError
            If the folding or the stream does not fit, `bits` is below the model's, or weights cannot be
            protected so.
        """
        _never_wraps(model)
        if model.mapped:
            if bits is not None:
                raise QsimError(
                    "a model on crossbar tiles has its own cells; weights of other widths do not fit"
                )
            engine = replace(EngineShape.of(model, pe, simd), cell_ports=False).protected_by(protection)
            return cls(engine, _byte_stream(engine, stream))
        widest = max(layer.bits for layer in model.layers)
        if bits is not None and (type(bits) is not int or not widest <= bits <= MAX_WEIGHT_BITS):
            raise QsimError(f"at most {bits!r} bits a weight; {widest} to {MAX_WEIGHT_BITS} are allowed")
        layers = []
        largest = max(-model.input.low, model.input.high)
        for layer, shape in zip(model.layers, EngineShape.of(model, pe, simd).layers, strict=True):
            wide = replace(shape, bits=max(layer.bits, bits or 0), levels=(1 << shape.result_bits) - 1)
            heaviest = (1 << wide.bits) - 1 if wide.grid == "odd" else 1 << wide.bits - 1
            bias = max(heaviest * largest, int(np.abs(layer.bias).max()))
            worst = layer.inputs * heaviest * largest + bias
            layers.append(replace(wide, accumulator_bits=signed_width(-worst - 1, worst + 1)))
            largest = wide.levels
        engine = EngineShape(tuple(layers)).protected_by(protection)
        return cls(engine, _byte_stream(engine, stream))

    @property
    def latency(self) -> int:
        """Cycles from an isolated frame's first beat to its last result, on the bus."""
        return self.engine.timing().latency + 1 + (self.frame_beats if self.stream else 0)

    @property
    def interval(self) -> int:
        """Cycles from one frame's first beat to the next one's, back to back, on the bus."""
        both = self.frame_beats + self.engine.layers[0].beats if self.stream else 0
        return max(self.engine.timing().interval, both)

    @property
    def frame_beats(self) -> int:
        """Beats of a frame on the bus."""
        first = self.engine.layers[0]
        return self.stream.beats(first.inputs) if self.stream else first.beats

    @property
    def input_width(self) -> int:
        """Bits of s_axis_tdata: a power of two of bytes."""
        first = self.engine.layers[0]
        return 8 * self.stream.bytes if self.stream else _power_of_two(first.simd * first.code_bits)

    @property
    def result_widths(self) -> tuple[int, int]:
        """Bits of the logit and of the class in m_axis_tdata, whole bytes each, a power of two together."""
        logit, index = self.engine.layers[-1].accumulator_bits, self.engine.class_bits
        return _whole_bytes(logit), _power_of_two(_whole_bytes(logit) + index) - _whole_bytes(logit)

    @cached_property
    def memories(self) -> tuple[MemoryShape, ...]:
        """All that is loaded, in order."""
        return tuple(MemoryShape(spec.name, spec.width, spec.words) for spec in bus_map(self.engine))

    @property
    def _sizes(self) -> tuple[int, ...]:
        return self.engine.layers[0].inputs, *(layer.outputs for layer in self.engine.layers)

    @property
    def image_words(self) -> int:
        """32-bit words that a complete load takes, the CRC not counted."""
        return 1 + sum(memory.words * memory.pieces for memory in self.memories)

    @property
    def identity(self) -> int:
        """The word that names the shape on the bus; see `identity`."""
        return identity(self.engine)

    def embedded(self, model: Model) -> Model:
        """The same network on this engine's weight widths and threshold counts.

        Parameters
        ----------
        model : Model

        Returns
        -------
        Model

        Raises
        ------
        QsimError
            If the model does not fit; says which part.
        """
        _never_wraps(model)
        if model.mapped or self.engine.mapped:
            folding = [layer.pe for layer in self.engine.layers], [layer.simd for layer in self.engine.layers]
            if model.shape != self._sizes or EngineShape.of(model, *folding).layers != self.engine.layers:
                raise QsimError("the model needs other hardware: tiles, converters or noise of another shape")
            return model
        first = self.engine.layers[0]
        if (model.input.signed and not first.code_signed) or model.input.bits > first.code_bits:
            kind = "signed" if first.code_signed else "unsigned"
            raise QsimError(
                f"input codes of {model.input.bits} bits; this engine takes {first.code_bits} bits, {kind}"
            )
        if model.input.signed != first.code_signed:
            raise QsimError("input codes are unsigned; this engine takes signed ones")
        sizes = self._sizes
        if model.shape != sizes:
            raise QsimError(f"a model of {_dashed(model.shape)}; this engine runs {_dashed(sizes)}")
        layers = [
            _embedded(i, layer, shape, model.bounds[i])
            for i, (layer, shape) in enumerate(zip(model.layers, self.engine.layers, strict=True))
        ]
        wide = Model(layers, model.input)
        for i, (shape, (low, high)) in enumerate(zip(self.engine.layers, wide.bounds, strict=True)):
            if signed_width(min(low, -1), high + 1) > shape.accumulator_bits:
                bits = shape.accumulator_bits
                raise QsimError(f"layer {i} accumulates from {low} to {high}; this engine has {bits} bits")
        return wide

    def words(self, model: Model) -> npt.NDArray[np.uint32]:
        """What is written to load a model: shape, digest, memories; its CRC-32 follows apart.

        Parameters
        ----------
        model : Model

        Returns
        -------
        uint32 array (image_words,)

        Raises
        ------
        QsimError
            If the model does not fit this engine.
        """
        memories = image(self.embedded(model), self.engine)
        digest = np.frombuffer(bytes.fromhex(model.digest), ">u4")
        parts = [memories[memory.name].chunks.ravel() for memory in self.memories[1:]]
        return np.concatenate([[self.identity], digest, *parts]).astype("<u4")


def crc(words: npt.NDArray[np.uint32]) -> int:
    """CRC-32 (as in Ethernet and zip) of words, the lowest byte first."""
    return zlib.crc32(words.astype("<u4").tobytes())


def _byte_stream(engine: EngineShape, width: int | None) -> ByteStream | None:
    return None if width is None else ByteStream.of(width, engine.layers[0].code_bits)


def _whole_bytes(bits: int) -> int:
    return -(-bits // 8) * 8


def _power_of_two(bits: int) -> int:
    """The least 8, 16, 32 … that is not below."""
    return max(8, 1 << (bits - 1).bit_length())


def _embedded(index: int, layer: Layer, shape: LayerShape, bounds: tuple[int, int]) -> Layer:
    """The layer with the engine's width and, where it is hidden, as many thresholds."""
    where = f"layer {index} has"
    if layer.grid != shape.grid:
        raise QsimError(f"{where} the {layer.grid} grid; this engine has the {shape.grid} grid")
    if layer.bits > shape.bits:
        raise QsimError(f"{where} {layer.bits}-bit weights; this engine has {shape.bits} bits")
    if layer.thresholds is None:
        return replace(layer, bits=shape.bits)
    if layer.max_code > shape.levels:
        raise QsimError(f"{where} {layer.max_code} thresholds; this engine has {shape.levels} a neuron")
    if shape.shared_thresholds and not layer.shared_thresholds:
        raise QsimError(f"{where} thresholds for each neuron; this engine has one list for all")
    low, high = bounds
    missing = shape.levels - layer.max_code
    rows = layer.thresholds[:1] if layer.shared_thresholds else layer.thresholds
    rows = np.pad(rows.clip(low, high + 1), ((0, 0), (0, missing)), constant_values=high + 1)
    return replace(layer, bits=shape.bits, thresholds=rows[0] if layer.shared_thresholds else rows)


def _never_wraps(model: Model) -> None:
    """Refuse a model made wrong by defects: accumulators of other widths wrap around elsewhere."""
    for i, bits in enumerate(layer.wrap_bits for layer in model.layers):
        if bits is not None:
            raise QsimError(
                f"layer {i} wraps around at {bits} bits, as a defect makes it; load the model without"
            )


def _dashed(sizes: tuple[int, ...]) -> str:
    return "-".join(map(str, sizes))
