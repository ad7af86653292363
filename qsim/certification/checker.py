"""Judge certificates of robustness: plain Python integers, the standard library, no code of the finder.

    python checker.py DIR        DIR holds network.json and, in folders, *.json.gz

A network: acc[j] = bias[j] + sum of weight[j][i] x code[i]; a hidden code is the number of thresholds <= acc;
the class is the first largest acc of the last layer; with one output, whether acc >= 0.

`robust` claims: every image of integer codes, each within `radius` of `codes` and inside the input format,
gets class `label`. For each rival class the margin over it, D . hidden + c, must win; its proof is a tree.
A split [layer, unit, threshold] cuts the images in two, `below` and `above` (value < or >= threshold; layer 0
are the input codes, 1, 2 ... the accumulators). A leaf has an integer multiplier alpha for each accumulator,
over a common scale, and holds if in its cell the bound

    c + sum over accumulators of (alpha x bias + min over z of g x code(z) - alpha x z) + min of f . image

exceeds what lets the rival win: g is D in the last hidden layer, alpha . weights of the layer above in the
others, f that of the first; z runs over all integers in the accumulator's range. It is a bound for *any*
alpha (weak duality): nothing in a certificate need be trusted. No proof for a rival stands for alpha = 0.
`broken` carries a witness, which is run. `unknown` claims nothing.
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
FORMAT, VERSION = "qsim-certificate", 1


class Refused(Exception):
    """A certificate that does not show what it claims."""


def require(holds: bool, why: str) -> None:
    if not holds:
        raise Refused(why)


def checksum(certificate: dict[str, Any]) -> str:
    fields = {name: value for name, value in certificate.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def whole(*values: int) -> None:
    require(all(type(value) is int for value in values), "a number is not whole")


def dot(a: list[int], b: list[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def least(factors: list[int], ends: Ends) -> int:
    """The least of factors . vector over a box."""
    return sum(f * (low if f > 0 else high) for f, (low, high) in zip(factors, ends, strict=True))


class Network:
    """The integers of a network file, and the digest of exactly these."""

    def __init__(self, file: dict[str, Any]) -> None:
        about = file["description"]
        rows: dict[str, Any] = {}
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        for name, tensor in sorted(file["tensors"].items()):
            shape, values = tensor["shape"], tensor["values"]
            digest.update(f"{name} {tuple(shape)}".encode() + array("q", values).tobytes())  # little-endian
            rows[name] = [values[i : i + shape[-1]] for i in range(0, len(values), shape[-1])]
        self.digest, count = digest.hexdigest(), len(about["layers"])
        require(all(layer["kind"] == "dense" for layer in about["layers"]), "a layer is on crossbar tiles")
        span: int = 1 << about["input"]["bits"]
        self.low = -(span // 2) if about["input"]["signed"] else 0
        self.high = self.low + span - 1
        self.layers = [(rows[f"layers.{i}.weights"], rows[f"layers.{i}.bias"][0]) for i in range(count)]
        found = [rows[f"layers.{i}.thresholds"] for i in range(count - 1)]  # one row for all, or one each
        self.thresholds = [t * (len(b) // len(t)) for t, (_, b) in zip(found, self.layers, strict=False)]

    def classify(self, codes: list[int]) -> int:
        for (weights, bias), thresholds in zip(self.layers, [*self.thresholds, None], strict=True):
            accs = [b + dot(row, codes) for row, b in zip(weights, bias, strict=True)]
            if thresholds is not None:
                codes = [bisect_right(t, acc) for t, acc in zip(thresholds, accs, strict=True)]
        return accs.index(max(accs)) if len(accs) > 1 else int(accs[0] >= 0)

    def margins(self, label: int) -> dict[str, tuple[list[int], int, int]]:
        """For each rival (D, c, most): it wins where D . codes + c <= most, a value that D can give."""
        (weights, bias), order = self.layers[-1], 1
        if len(bias) == 1:  # class 0 has the constant 0, and loses a tie
            weights, bias, order = [[0] * len(weights[0]), weights[0]], [0, bias[0]], -1
        found = {}
        for rival in set(range(len(bias))) - {label}:
            factors = [a - b for a, b in zip(weights[label], weights[rival], strict=True)]
            c, most = bias[label] - bias[rival], 0 if rival * order < label * order else -1
            found[str(rival)] = factors, c, most - (most - c) % (gcd(*factors) or 1)
        return found


def ranges(layer: tuple[list[list[int]], list[int]], ends: Ends) -> Ends:
    """Where the accumulators of a layer lie."""
    return [(b + least(row, ends), b - least([-w for w in row], ends)) for row, b in zip(*layer, strict=True)]


def cut(ends: Ends, unit: int, threshold: int, side: str) -> Ends:
    low, high = ends[unit]
    part = (low, min(high, threshold - 1)) if side == "below" else (max(low, threshold), high)
    return [*ends[:unit], part, *ends[unit + 1 :]]


def prove(network: Network, margin: Any, tree: dict[str, Any], box: Ends, first: Ends, splits: Any) -> None:
    """Refuse a tree if a leaf does not hold; `first` are the ranges of layer 1 in the box, before splits."""
    if "split" not in tree:
        require(holds(network, margin, tree, box, first, splits), "a bound is too low")
        return
    whole(*tree["split"])
    layer, unit, threshold = tree["split"]
    require(0 <= layer <= len(network.thresholds) and unit >= 0, "a split of nothing")
    for side in ("below", "above"):
        if layer:
            prove(network, margin, tree[side], box, first, [*splits, (layer, unit, threshold, side)])
        elif (part := cut(box, unit, threshold, side))[unit][0] <= part[unit][1]:
            prove(network, margin, tree[side], part, ranges(network.layers[0], part), splits)


def holds(network: Network, margin: Any, leaf: dict[str, Any], box: Ends, first: Ends, splits: Any) -> bool:
    """Whether a leaf's cell is empty, or its bound higher than what lets the rival win."""
    cell, codes = [], box
    for i, thresholds in enumerate(network.thresholds):
        ends = ranges(network.layers[i], codes) if i else first
        for layer, *split in splits:
            ends = cut(ends, *split) if layer == i + 1 else ends
        if any(low > high for low, high in ends):
            return True
        cell.append(ends)
        codes = [(bisect_right(t, a), bisect_right(t, z)) for t, (a, z) in zip(thresholds, ends, strict=True)]
    (factors, c, most), scale = margin, leaf.get("scale", 1)
    multipliers = leaf.get("multipliers") or [[0] * len(t) for t in network.thresholds]
    whole(scale, *(alpha for alphas in multipliers for alpha in alphas))
    require(scale > 0, "a scale is below 1")
    factors, bound = [scale * f for f in factors], scale * c
    for i in reversed(range(len(cell))):
        (weights, bias), alphas = network.layers[i], multipliers[i]
        units = zip(factors, alphas, cell[i], network.thresholds[i], strict=True)
        bound += dot(alphas, bias) + sum(lowest(*unit) for unit in units)
        live = [(alpha, row) for alpha, row in zip(alphas, weights, strict=True) if alpha]
        factors = [sum(alpha * row[k] for alpha, row in live) for k in range(len(weights[0]))]
    return bound + least(factors, box) > scale * most


def lowest(g: int, alpha: int, ends: tuple[int, int], thresholds: list[int]) -> int:
    """The least g x code(z) - alpha x z over the integers z of a range."""
    first, last = (bisect_right(thresholds, end) for end in ends)
    inner = thresholds[first:last]  # code k from one threshold to just below the next
    starts, stops = [ends[0], *inner], [*(t - 1 for t in inner), ends[1]]
    pieces = zip(range(first, last + 1), starts, stops, strict=True)
    return min(g * k - alpha * z for k, *piece in pieces if piece[0] <= piece[1] for z in piece)


def check(network: Network, certificate: dict[str, Any]) -> str:
    """The verdict of a certificate that shows it; Refused, or any other exception, if it does not."""
    require(certificate["checksum"] == checksum(certificate), "it was altered")
    require((certificate["format"], certificate["version"]) == (FORMAT, VERSION), "another format")
    require(certificate["model"] == network.digest, "it is for another network")
    codes, label, radius = certificate["codes"], certificate["label"], certificate["radius"]
    whole(label, radius, *codes)
    require(0 <= label < max(2, len(network.layers[-1][1])) and radius >= 0, "no such class, or radius")
    require(all(network.low <= x <= network.high for x in codes), "an image out of range")
    box = [(max(x - radius, network.low), min(x + radius, network.high)) for x in codes]
    verdict = certificate["verdict"]
    if verdict == "broken":
        witness = certificate["witness"]
        whole(*witness)
        require(all(a <= x <= z for x, (a, z) in zip(witness, box, strict=True)), "a witness out of reach")
        require(network.classify(witness) != label, "a witness that breaks nothing")
    if verdict == "robust":
        first = ranges(network.layers[0], box)
        for rival, margin in network.margins(label).items():
            prove(network, margin, certificate["proof"].get(rival, {}), box, first, [])
    require(verdict in ("robust", "broken", "unknown"), "no such verdict")
    return str(verdict)


def judge(network: Network, file: Path) -> str:
    """The verdict of a certificate's file."""
    try:
        return check(network, json.loads(gzip.decompress(file.read_bytes())))
    except Exception as error:
        raise error if isinstance(error, Refused) else Refused(f"damaged or malformed: {error!r}") from None


def main(folder: Path) -> int:
    network, refused = Network(json.loads((folder / "network.json").read_text())), 0
    for file in sorted(folder.rglob("*.json.gz")):
        try:
            print(file.relative_to(folder), judge(network, file))
        except Refused as why:
            print(file.relative_to(folder), "REFUSED:", why)
            refused += 1
    return min(refused, 1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
