"""Judge certificates of robustness in plain integers: `python checker.py DIR`, network.json and *.json.gz.

A network: acc[j] = bias[j] + sum of weight[j][i] x code[i]; a hidden code is the number of thresholds <= acc;
the class is the first largest acc of the last layer; with one output, whether acc >= 0. `robust`: every image
of integer codes within `radius` of `codes` and inside the input format gets class `label`. For each rival the
margin D . hidden + c exceeds `most`, by a tree over cells: ranges of all inputs (layer 0) and accumulators z
(layers 1, 2 ...). A leaf has a multiplier alpha, an integer over `scale`, for each hidden z; in its cell

    c + sum over z of (alpha x bias + min over z of g x code(z) - alpha x z) + min over images of f . image

is at most the margin for *any* alpha (weak duality). g is D in the last hidden layer, alpha . weights of the
layer above in the others, f that of the first. A split has trees for both sides of a threshold. A cut keeps
one side, for a z of layer 1: with another alpha for this z it shows that the rival does not win on the other;
`rest` is the tree of what all cuts of a node keep. `broken`: a witness is run. `unknown`: no claim.
"""

import gzip
import hashlib
import json
import sys
from array import array
from bisect import bisect_right
from math import gcd
from pathlib import Path
from typing import Any

Ends = list[tuple[int, int]]  # the lowest and the highest value of each unit
FORMAT, VERSION, FAR = "qsim-certificate", 3, 1 << 99


def require(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)


def least(factors: list[int], ends: Ends) -> int:
    """The least of factors . vector over a box."""
    return sum(f * (low if f > 0 else high) for f, (low, high) in zip(factors, ends, strict=True))


def side_of(ends: tuple[int, int], threshold: int, above: bool) -> tuple[int, int]:
    return (max(ends[0], threshold), ends[1]) if above else (ends[0], min(ends[1], threshold - 1))


def part(alpha: int, g: int, bias: int, thresholds: list[int], ends: tuple[int, int]) -> int:
    """An accumulator's share of a bound: alpha x bias + the least g x code(z) - alpha x z of a range."""
    inside = thresholds[bisect_right(thresholds, ends[0]) : bisect_right(thresholds, ends[1])]
    corners = [*ends, *inside, *(t - 1 for t in inside)]  # between them the code stays as it is
    return alpha * bias + min(g * bisect_right(thresholds, z) - alpha * z for z in corners)


class Network:
    """The integers of a network file, and the digest of exactly these."""

    def __init__(self, file: dict[str, Any]) -> None:
        about, rows = file["description"], {}
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        for name, (shape, values) in sorted(file["tensors"].items()):
            digest.update(f"{name} {tuple(shape)}".encode() + array("q", values).tobytes())  # little-endian
            rows[name] = [values[i : i + shape[-1]] for i in range(0, len(values), shape[-1])]
        self.digest, count, span = digest.hexdigest(), len(about["layers"]), 1 << about["input"]["bits"]
        require(all(layer["kind"] == "dense" for layer in about["layers"]), "a layer is on crossbar tiles")
        self.low = -(span // 2) if about["input"]["signed"] else 0
        self.high = self.low + span - 1
        self.layers = [(rows[f"layers.{i}.weights"], rows[f"layers.{i}.bias"][0]) for i in range(count)]
        found = [rows[f"layers.{i}.thresholds"] for i in range(count - 1)]  # one row for all, or one each
        self.thresholds = [t * (len(b) // len(t)) for t, (_, b) in zip(found, self.layers, strict=False)]
        weights, bias = self.layers[-1]
        if len(bias) == 1:  # acc >= 0 is acc > -1: another class has the constant -1, and wins a tie
            self.layers[-1] = [[0] * len(weights[0]), *weights], [-1, *bias]
        self.wide = [[(-FAR, FAR)] * len(bias) for _, bias in self.layers]

    def narrowed(self, cell: list[Ends], layer: int, sides: list[Any]) -> list[Ends]:
        """What is left of a cell on one side of thresholds in a layer, and of all layers above it."""
        cell = [list(ends) for ends in cell]
        for unit, threshold, above in sides:
            cell[layer][unit] = side_of(cell[layer][unit], threshold, above)
        for i in range(layer, len(self.layers)):
            units = zip(self.thresholds[i - 1] if i else cell[0], cell[i], strict=True)
            codes = [(bisect_right(t, a), bisect_right(t, z)) for t, (a, z) in units] if i else cell[0]
            for j, (w, b, (low, high)) in enumerate(zip(*self.layers[i], cell[i + 1], strict=True)):
                cell[i + 1][j] = max(low, b + least(w, codes)), min(high, b - least([-x for x in w], codes))
        return cell


def prove(network: Network, margin: Any, tree: dict[str, Any], cell: list[Ends]) -> None:
    """Refuse a tree that does not show that the margin is high enough all over a cell."""
    if any(low > high for ends in cell for low, high in ends):
        return  # it is empty
    if "split" in tree:
        layer, *where = tree["split"]
        require(0 <= layer < len(cell), "a split of nothing")
        for above, side in enumerate(("below", "above")):
            prove(network, margin, tree[side], network.narrowed(cell, layer, [(*where, above)]))
        return
    scale, multipliers = tree.get("scale", 1), tree.get("multipliers")
    f, bound, most = [scale * factor for factor in margin[0]], scale * margin[1], scale * margin[2]
    for i, staircases in reversed([*enumerate(network.thresholds)]):
        (weights, bias), alphas = network.layers[i], multipliers[i] if multipliers else [0] * len(f)
        units = list(zip(f, bias, staircases, cell[i + 1], strict=True))
        parts = [part(alpha, *unit) for alpha, unit in zip(alphas, units, strict=True)]
        live = [(alpha, row) for alpha, row in zip(alphas, weights, strict=True) if alpha]
        f, bound = [sum(a * row[k] for a, row in live) for k in range(len(weights[0]))], bound + sum(parts)
    cuts = tree.get("cuts", [])
    require(scale > 0 and (cuts or bound + least(f, cell[0]) > most), "a bound is too low")
    for unit, threshold, above, alpha in cuts:  # units, parts and so on are now the first layer's
        g, b, thresholds, ends = units[unit]
        turned = [a + (alpha - alphas[unit]) * w for a, w in zip(f, weights[unit], strict=True)]
        gone = part(alpha, g, b, thresholds, side_of(ends, threshold, not above)) + least(turned, cell[0])
        require(bound - parts[unit] + gone > most, "a cut is too deep")
    if cuts:
        prove(network, margin, tree["rest"], network.narrowed(cell, 1, [cut[:3] for cut in cuts]))


def check(network: Network, file: bytes) -> str:
    """The verdict of a certificate that shows it; an exception, of any kind, if it does not."""
    certificate = json.loads(gzip.decompress(file), parse_float=int, parse_constant=int)  # no fractions
    seal = json.dumps({k: v for k, v in certificate.items() if k != "checksum"}, sort_keys=True)
    require(certificate["checksum"] == hashlib.sha256(seal.encode()).hexdigest(), "it was altered")
    require((certificate["format"], certificate["version"]) == (FORMAT, VERSION), "another format")
    require(certificate["model"] == network.digest, "it is for another network")
    codes, label, radius = certificate["codes"], certificate["label"], certificate["radius"]
    box = [(max(x - radius, network.low), min(x + radius, network.high)) for x in codes]
    weights, bias = network.layers[-1]
    require(all(a <= z for a, z in box) and 0 <= label < len(bias), "out of range")
    if certificate["verdict"] == "robust":
        cell = network.narrowed([box, *network.wide], 0, [])
        for rival in set(range(len(bias))) - {label}:
            factors = [a - b for a, b in zip(weights[label], weights[rival], strict=True)]
            c, tie = bias[label] - bias[rival], 0 if rival < label else -1
            most = tie - (tie - c) % (gcd(*factors) or 1)  # the highest that factors can give
            prove(network, (factors, c, most), certificate["proof"].get(str(rival), {}), cell)
    elif certificate["verdict"] == "broken":
        point = [(x, x) for x in certificate["witness"]]
        require(all(a <= x <= z for (x, _), (a, z) in zip(point, box, strict=True)), "a witness out of reach")
        logits = [acc for acc, _ in network.narrowed([point, *network.wide], 0, [])[-1]]
        require(logits.index(max(logits)) != label, "a witness that breaks nothing")
    require(certificate["verdict"] in ("robust", "broken", "unknown"), "no such verdict")
    return str(certificate["verdict"])


if __name__ == "__main__":
    network, refused = Network(json.loads(Path(sys.argv[1], "network.json").read_text())), 0
    for file in sorted(Path(sys.argv[1]).rglob("*.json.gz")):
        try:
            print(file, check(network, file.read_bytes()))
        except Exception as error:  # what is malformed may raise anything
            print(file, f"REFUSED: {error!r}")
            refused = 1
    sys.exit(refused)
