"""Clean and attacked accuracy of crossbars, one property varied at a time and all else held fixed.

Every model is attacked twice: `ideal` from its shadow without defects; `aware` from a shadow that has
the weights which the defective cells stand for, averaged over read noise; both are scored on the defective
integers. Gradients of the one step are free of saturation: none is zero because the network is too sure. A
defect that raises accuracy under `ideal` but not under `aware` only hides the gradient.
Seeds are the same for all values of a property: differences between them are no luck of the draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..attacks.attack import Attack
from ..attacks.defective import aware_shadow, noise_deviation, noisy
from ..attacks.steps import Codes, Labels, Signs, lattice_step, move
from ..crossbar import converters as crossbar_adc
from ..crossbar import effects as devices
from ..crossbar.mapping import map_to_crossbar
from ..model.crossbar import Mapping
from ..model.model import Model
from ..shadow.network import (
    Network,
    Reals,
    batches,
    of_model,
    to_real,
    unsaturated_input_gradient,
)

DRAWS = 8  # of read noise, over which the gradient of one step is averaged
READS = 8  # over which accuracy is averaged where an attack by name meets read noise
FRESH = 1 << 16  # the first image number of such a read: attacks work on smaller ones

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
    name: str,
    model: Model,
    codes: Codes,
    labels: Labels,
    epsilon: float,
    seeds: int,
    attack: Attack | None = None,
) -> Iterator[dict[str, object]]:
    """One row for each property, value, seed and attack of a model.

    The attack is one step without saturation, or any by name: `ideal` on the model without defects, `aware`
    on the defective integers with the gradient of what the cells stand for.
    """
    ideal = _ideal_codes(model, codes, labels, epsilon, attack)
    for kind in PROPERTIES:
        for value in kind.values:
            for seed in range(seeds if kind.random else 1):
                mapped = kind.make(model, value, seed)
                aware = _aware_codes(mapped, codes, labels, epsilon, attack, seed)
                reads = READS if attack is not None and noisy(mapped) else 1
                for kept, moved in {"none": codes, "ideal": ideal, "aware": aware}.items():
                    yield {
                        "model": name,
                        "bits": model.layers[0].bits,
                        "property": kind.name,
                        "value": float(value),
                        "seed": seed,
                        "attack": kept,
                        "epsilon": 0.0 if kept == "none" else epsilon,
                        "images": len(codes),
                        "accuracy": _accuracy(mapped, moved, labels, reads),
                        "digest": mapped.digest,
                    }


def _ideal_codes(model: Model, codes: Codes, labels: Labels, epsilon: float, attack: Attack | None) -> Codes:
    if attack is not None:
        return attack(model, codes, labels, epsilon).codes
    signs = signs_of(model, of_model(model), codes, labels, 1, 0)
    return move(codes, signs, lattice_step(model, epsilon), model.input)


def _aware_codes(
    mapped: Model, codes: Codes, labels: Labels, epsilon: float, attack: Attack | None, seed: int
) -> Codes:
    shadow = aware_shadow(mapped)
    if attack is not None:
        return attack(mapped, codes, labels, epsilon, seed=seed, network=shadow).codes
    signs = signs_of(mapped, shadow, codes, labels, DRAWS if noisy(mapped) else 1, seed)
    return move(codes, signs, lattice_step(mapped, epsilon), mapped.input)


def _accuracy(mapped: Model, codes: Codes, labels: Labels, reads: int) -> float:
    """The share that is right; of several reads the mean, with noise that no attack has seen."""
    if reads == 1:
        return float((mapped.predict(codes) == labels).mean())
    right = [mapped.predict(codes, FRESH + k * len(codes)) == labels for k in range(reads)]
    return float(np.mean(right))
