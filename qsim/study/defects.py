"""Clean and attacked accuracy of crossbars, one property varied at a time and all else held fixed.

Every model is attacked twice: `ideal` from its shadow without defects; `aware` from a shadow that has
the weights which the defective cells stand for, averaged over read noise; both are scored on the defective
integers. Gradients are free of saturation: none is zero because the network is too sure. A defect that
raises accuracy under `ideal` but not under `aware` only hides the gradient.
Seeds are the same for all values of a property: differences between them are no luck of the draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..attacks.steps import Codes, Labels, Signs, lattice_step, move
from ..crossbar import converters as crossbar_adc
from ..crossbar import effects as devices
from ..crossbar.mapping import map_to_crossbar
from ..model.crossbar import Mapping, Noise
from ..model.layer import Layer
from ..model.model import Model
from ..shadow.network import (
    Network,
    Reals,
    batches,
    of_model,
    real_bias,
    to_real,
    unsaturated_input_gradient,
)

DRAWS = 8  # of read noise, over which the gradient is averaged

Make = Callable[[Model, float, int], Model]


def _tiles(model: Model, **changes: int | str) -> Model:
    mapping = replace(Mapping(), **changes)  # type: ignore[arg-type]
    return map_to_crossbar(model, mapping)


def _six_bits(model: Model, rows: float, seed: int) -> Model:
    return crossbar_adc.with_converters(_tiles(model, rows=int(rows)), 6)


def _wide_cells(model: Model, bits: float, seed: int) -> Model:
    return devices.programming_error(_tiles(model, cell_bits=int(bits)), 0.05, seed=seed)


def _drifted(model: Model, seconds: float, seed: int) -> Model:
    return devices.drift(_tiles(model), seconds, nu=0.05, spread=0.01, seed=seed)


@dataclass(frozen=True)
class Property:
    """One thing that is varied: how a model with a value of it is made, and whether luck plays a part."""

    name: str
    label: str
    values: tuple[float, ...]
    make: Make
    random: bool = True

    @property
    def mildest(self) -> float:
        """The value that disturbs least: the first, for converter bits the last."""
        return self.values[-1 if self.name == "adc_bits" else 0]


PROPERTIES = (
    Property(
        "adc_bits",
        "converter bits (range max, 128 rows)",
        (4, 5, 6, 7, 8),
        lambda m, v, s: crossbar_adc.with_converters(_tiles(m), int(v)),
        random=False,
    ),
    Property("rows", "rows of a tile (6-bit converters)", (16, 32, 64, 128, 256), _six_bits, random=False),
    Property("cell_bits", "cell bits (programming error 5 % of the range)", (1, 2, 4), _wide_cells),
    Property(
        "stuck",
        "share of stuck cells (half low, half high)",
        (0, 0.003, 0.01, 0.03, 0.1),
        lambda m, v, s: devices.stuck(_tiles(m), v / 2, v / 2, s),
    ),
    Property(
        "programming_error",
        "programming error (share of the range)",
        (0, 0.02, 0.05, 0.1, 0.2),
        lambda m, v, s: devices.programming_error(_tiles(m), v, seed=s),
    ),
    Property(
        "read_noise",
        "read noise (levels)",
        (0, 0.5, 1, 2, 4),
        lambda m, v, s: devices.read_noise(_tiles(m), v, s),
    ),
    Property("drift", "seconds since programming (exponent 0.05 ± 0.01)", (1, 10, 100, 1e4, 1e6), _drifted),
    Property(
        "on_off",
        "on/off ratio of conductances (offset mapping)",
        (1000, 100, 30, 10, 3),
        lambda m, v, s: devices.on_off(_tiles(m), v),
        random=False,
    ),
    Property(
        "on_off_pairs",
        "on/off ratio of conductances (differential mapping)",
        (1000, 100, 30, 10, 3),
        lambda m, v, s: devices.on_off(_tiles(m, style="differential"), v),
        random=False,
    ),
    Property(
        "line_resistance",
        "resistance of a wire segment × highest conductance",
        (0, 1e-6, 1e-5, 3e-5, 1e-4),
        lambda m, v, s: devices.line_resistance(_tiles(m), v),
        random=False,
    ),
)


def effective_weights(layer: Layer) -> Reals:
    """The weights (outputs, inputs), in units of the ideal integers, that a layer's cells stand for."""
    crossbar = layer.crossbar
    if crossbar is None:
        return layer.weights.astype(float)
    mapping = crossbar.mapping
    places = (1 << mapping.cell_bits * np.arange(len(crossbar.cells))) / mapping.unit
    columns = np.tensordot(places, crossbar.cells.astype(float), 1)
    pairs = np.array([mapping.pair(j, layer.outputs) for j in range(layer.outputs)])
    return (mapping.positive_weight(layer.grid) * columns[:, pairs[:, 0]] - columns[:, pairs[:, 1]]).T


def noise_deviation(layer: Layer, low: int, high: int) -> float:
    """Standard deviation, in units of the accumulator, that read noise gives one output."""
    crossbar = layer.crossbar
    if crossbar is None or crossbar.noise is None:
        return 0.0
    mapping, (slices, inputs, _) = crossbar.mapping, crossbar.cells.shape
    sigma = crossbar.noise.amplitude / Noise.scale() / mapping.unit
    squares = sum(
        4.0 ** (s * mapping.cell_bits + g * mapping.digit_bits)
        for s in range(slices)
        for g in range(mapping.digits(low, high))
    )
    return float(
        sigma * np.sqrt(squares * mapping.tiles(inputs) * (mapping.positive_weight(layer.grid) ** 2 + 1))
    )


def aware_shadow(model: Model) -> Network:
    """The float shadow with the weights that the cells stand for."""
    stand_for = [(layer, effective_weights(layer)) for layer in model.layers]
    return replace(
        of_model(model),
        weights=tuple((w.T / x.weight_denominator).astype(np.float32) for x, w in stand_for),
        biases=tuple(real_bias(x, w).astype(np.float32) for x, w in stand_for),
    )


def signs_of(model: Model, network: Network, codes: Codes, labels: Labels, draws: int, seed: int) -> Signs:
    """Signs of the gradient, averaged over `draws` of read noise as every layer's sums feel it."""
    random = np.random.default_rng(seed)
    gradient: Reals = np.zeros(codes.shape)
    for _ in range(draws):
        biases = []
        for i, (layer, bias) in enumerate(zip(model.layers, network.biases, strict=True)):
            deviation = noise_deviation(layer, *model.code_range(i)) / (
                layer.weight_denominator * layer.codes_per_unit
            )
            biases.append((bias + deviation * random.standard_normal(bias.shape)).astype(bias.dtype))
        drawn = replace(network, biases=tuple(biases))
        parts = zip(batches(codes), batches(labels), strict=True)
        gradient += np.concatenate(
            [
                unsaturated_input_gradient(drawn, to_real(part, network.codes_per_unit), own)
                for part, own in parts
            ]
        )
    return np.sign(gradient).astype(np.int8)


def rows(
    name: str, model: Model, codes: Codes, labels: Labels, epsilon: float, seeds: int
) -> Iterator[dict[str, object]]:
    """One row for each property, value, seed and attack of a model."""
    step = lattice_step(model, epsilon)
    ideal = signs_of(model, of_model(model), codes, labels, 1, 0)
    for kind in PROPERTIES:
        for value in kind.values:
            for seed in range(seeds if kind.random else 1):
                mapped = kind.make(model, value, seed)
                noisy = any(x.crossbar is not None and x.crossbar.noise is not None for x in mapped.layers)
                aware = signs_of(mapped, aware_shadow(mapped), codes, labels, DRAWS if noisy else 1, seed)
                attacked = {"none": codes, "ideal": move(codes, ideal, step, model.input)}
                attacked["aware"] = move(codes, aware, step, model.input)
                for attack, moved in attacked.items():
                    yield {
                        "model": name,
                        "bits": model.layers[0].bits,
                        "property": kind.name,
                        "value": float(value),
                        "seed": seed,
                        "attack": attack,
                        "epsilon": 0.0 if attack == "none" else epsilon,
                        "images": len(codes),
                        "accuracy": float((mapped.predict(moved) == labels).mean()),
                        "digest": mapped.digest,
                    }
