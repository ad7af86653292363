"""Judge certificates of robustness: plain Python integers, the standard library, no code of the finder.

    python checker.py DIR        DIR holds network.json and, in folders, *.json.gz

A network: acc[j] = bias[j] + sum of weight[j][i] x code[i]; a hidden code is the number of thresholds <= acc;
the class is the first largest acc of the last layer; with one output, whether acc >= 0.
`robust`: every image of integer codes within `radius` of `codes` and inside the input format gets class
`label`. For each rival the margin D . hidden + c exceeds `most`, by a tree over cells: ranges of all inputs
(layer 0) and accumulators z (layers 1, 2 ...). A leaf has a multiplier alpha for each z; in its cell

    c + sum over z of (alpha x bias + min over z of g x code(z) - alpha x z) + min over images of f . image

is at most the margin for *any* alpha (weak duality): nothing in it need be trusted. g is D in the last
hidden layer, alpha . weights of the layer above in the others, f that of the first; alphas are integers over
`scale`. A split [layer, unit, threshold] has trees for value < threshold and >= threshold. A cut [unit,
threshold, side, alpha] shows, with this alpha for a z of layer 1, that the rival does not win on that side of
the threshold; the tree `rest` is about what all cuts leave. `broken`: a witness is run. `unknown`: no claim.
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
FORMAT, VERSION, FAR = "qsim-certificate", 2, 1 << 99


class Refused(Exception):
    """A certificate that does not show what it claims."""


def require(holds: bool, why: str) -> None:
    if not holds:
        raise Refused(why)


def whole(value: Any) -> bool:
    """Whether all numbers in it are integers."""
    if isinstance(value, dict | list):
        return all(whole(item) for item in (value.values() if isinstance(value, dict) else value))
    return type(value) in (int, str)


def least(factors: list[int], ends: Ends) -> int:
    """The least of factors . vector over a box."""
    return sum(f * (low if f > 0 else high) for f, (low, high) in zip(factors, ends, strict=True))


class Network:
    """The integers of a network file, and the digest of exactly these."""

    def __init__(self, file: dict[str, Any]) -> None:
        about, rows = file["description"], {}
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        for name, tensor in sorted(file["tensors"].items()):
            shape, values = tensor["shape"], tensor["values"]
            digest.update(f"{name} {tuple(shape)}".encode() + array("q", values).tobytes())  # little-endian
            rows[name] = [values[i : i + shape[-1]] for i in range(0, len(values), shape[-1])]
        self.digest, count, span = digest.hexdigest(), len(about["layers"]), 1 << about["input"]["bits"]
        require(all(layer["kind"] == "dense" for layer in about["layers"]), "a layer is on crossbar tiles")
        self.low = -(span // 2) if about["input"]["signed"] else 0
        self.high = self.low + span - 1
        self.layers = [(rows[f"layers.{i}.weights"], rows[f"layers.{i}.bias"][0]) for i in range(count)]
        found = [rows[f"layers.{i}.thresholds"] for i in range(count - 1)]  # one row for all, or one each
        self.thresholds = [t * (len(b) // len(t)) for t, (_, b) in zip(found, self.layers, strict=False)]

    def margins(self, label: int) -> dict[str, tuple[list[int], int, int]]:
        """For each rival (D, c, most): it wins where D . codes + c <= most, a value that D can give."""
        (weights, bias), order, found = self.layers[-1], 1, {}
        if len(bias) == 1:  # class 0 has the constant 0, and loses a tie
            weights, bias, order = [[0] * len(weights[0]), weights[0]], [0, bias[0]], -1
        require(0 <= label < len(bias), "no such class")
        for rival in set(range(len(bias))) - {label}:
            factors = [a - b for a, b in zip(weights[label], weights[rival], strict=True)]
            c, most = bias[label] - bias[rival], 0 if rival * order < label * order else -1
            found[str(rival)] = factors, c, most - (most - c) % (gcd(*factors) or 1)
        return found

    def codes(self, cell: list[Ends], i: int) -> Ends:
        """Between which codes layer i of a cell is."""
        units = zip(cell[i], self.thresholds[i - 1] if i else cell[i], strict=True)
        return [(bisect_right(t, low), bisect_right(t, high)) for (low, high), t in units] if i else cell[0]

    def within(self, cell: list[Ends], layer: int) -> list[Ends] | None:
        """A cell after a change of this layer, with those above narrowed to what follows; None if empty."""
        for i in range(layer, len(cell)):
            if i > layer:
                codes, units = self.codes(cell, i - 1), zip(*self.layers[i - 1], cell[i], strict=True)
                new = [(b + least(w, codes), b - least([-x for x in w], codes), *old) for w, b, old in units]
                cell = [*cell[:i], [(max(a, c), min(z, d)) for a, z, c, d in new], *cell[i + 1 :]]
            if any(low > high for low, high in cell[i]):
                return None
        return cell


def part(alpha: int, g: int, bias: int, thresholds: list[int], ends: tuple[int, int]) -> int:
    """An accumulator's share of a bound: alpha x bias + the least g x code(z) - alpha x z of a range."""
    first, last = (bisect_right(thresholds, end) for end in ends)
    starts = [ends[0], *thresholds[first:last]]  # code k goes from one threshold to just below the next
    stops = [*(t - 1 for t in thresholds[first:last]), ends[1]]
    pieces = zip(range(first, last + 1), starts, stops, strict=True)
    return alpha * bias + min(g * k - alpha * z for k, *both in pieces if both[0] <= both[1] for z in both)


def side_of(ends: tuple[int, int], threshold: int, above: bool) -> tuple[int, int]:
    return (max(ends[0], threshold), ends[1]) if above else (ends[0], min(ends[1], threshold - 1))


def prove(network: Network, margin: Any, tree: dict[str, Any], cell: list[Ends] | None) -> None:
    """Refuse a tree that does not show that the margin is high enough all over a cell."""
    if cell is None:
        return
    if "split" in tree:
        layer, unit, threshold = tree["split"]
        require(0 <= layer < len(cell), "a split of nothing")
        for side in ("below", "above"):
            ends = [*cell[layer]]
            ends[unit] = side_of(ends[unit], threshold, side == "above")
            half = network.within([*cell[:layer], ends, *cell[layer + 1 :]], layer)
            prove(network, margin, tree[side], half)
        return
    (f, bound, most), scale = margin, tree.get("scale", 1)
    multipliers = tree.get("multipliers") or [[0] * len(t) for t in network.thresholds]
    require(scale > 0 and len(multipliers) == len(network.thresholds), "no such multipliers")
    f, bound, most = [scale * factor for factor in f], scale * bound, scale * most
    for i in reversed(range(len(multipliers))):
        (weights, bias), alphas = network.layers[i], multipliers[i]
        units = list(zip(f, bias, network.thresholds[i], cell[i + 1], strict=True))
        parts = [part(alpha, *unit) for alpha, unit in zip(alphas, units, strict=True)]
        live = [(alpha, row) for alpha, row in zip(alphas, weights, strict=True) if alpha]
        f, bound = [sum(a * row[k] for a, row in live) for k in range(len(weights[0]))], bound + sum(parts)
    if "cuts" not in tree:
        require(bound + least(f, cell[0]) > most, "a bound is too low")
        return
    ends = [*cell[1]]
    for unit, threshold, side, alpha in tree["cuts"]:  # units, parts and so on are those of the first layer
        g, b, thresholds, old = units[unit]
        turned = [a + (alpha - alphas[unit]) * w for a, w in zip(f, weights[unit], strict=True)]
        far = part(alpha, g, b, thresholds, side_of(old, threshold, side == "above")) + least(turned, cell[0])
        require(bound - parts[unit] + far > most, "a cut is too deep")
        ends[unit] = side_of(ends[unit], threshold, side != "above")
    prove(network, margin, tree["rest"], network.within([cell[0], ends, *cell[2:]], 1))


def check(network: Network, certificate: dict[str, Any]) -> str:
    """The verdict of a certificate that shows it; Refused, or any other exception, if it does not."""
    seal = json.dumps({k: v for k, v in certificate.items() if k != "checksum"}, sort_keys=True).encode()
    require(certificate["checksum"] == hashlib.sha256(seal).hexdigest(), "it was altered")
    require((certificate["format"], certificate["version"]) == (FORMAT, VERSION), "another format")
    require(certificate["model"] == network.digest, "it is for another network")
    codes, radius, verdict = certificate["codes"], certificate["radius"], certificate["verdict"]
    shown = {"robust": "proof", "broken": "witness"}
    require(verdict in (*shown, "unknown"), "no such verdict")
    evidence = certificate[shown[verdict]] if verdict in shown else {}
    require(whole([codes, radius, certificate["label"], evidence]), "a number is not whole")
    require(radius >= 0 and all(network.low <= x <= network.high for x in codes), "out of range")
    box = [(max(x - radius, network.low), min(x + radius, network.high)) for x in codes]
    rivals, wide = network.margins(certificate["label"]), [[(-FAR, FAR)] * len(t) for t in network.thresholds]
    if verdict == "broken":
        require(all(a <= x <= z for x, (a, z) in zip(evidence, box, strict=True)), "a witness out of reach")
        hidden = network.codes(network.within([[(x, x) for x in evidence], *wide], 0) or [], len(wide))
        loses = any(c + least(factors, hidden) <= most for factors, c, most in rivals.values())
        require(loses, "a witness that breaks nothing")
    if verdict == "robust":
        cell = network.within([box, *wide], 0)
        for rival, margin in rivals.items():
            prove(network, margin, evidence.get(rival, {}), cell)
    return str(verdict)


def judge(network: Network, file: Path) -> str:
    """The verdict of a certificate's file."""
    try:
        return check(network, json.loads(gzip.decompress(file.read_bytes())))
    except Exception as error:
        raise error if isinstance(error, Refused) else Refused(f"damaged or malformed: {error!r}") from None


if __name__ == "__main__":
    network, refused = Network(json.loads((Path(sys.argv[1]) / "network.json").read_text())), False
    for file in sorted(Path(sys.argv[1]).rglob("*.json.gz")):
        try:
            print(file, judge(network, file))
        except Refused as why:
            print(file, "REFUSED:", why)
            refused = True
    sys.exit(refused)
