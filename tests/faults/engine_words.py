"""A slow engine with faults: memories of Python integers, flipped bit by bit, and read as hardware does."""

from collections.abc import Sequence
from typing import Any

from qsim import Model
from qsim.faults.lists import FaultList


def _signed(word: int, bits: int) -> int:
    word %= 1 << bits
    return word - (word >> bits - 1 << bits)


def _search(tree: Sequence[int], acc: int) -> int:
    """Bit by bit, the highest first."""
    code, step = 0, len(tree) + 1 >> 1
    while step:
        if tree[code + step - 1] <= acc:
            code += step
        step >>= 1
    return code


def memories(model: Model) -> list[dict[str, Any]]:
    """The words of each layer: weights, biases, and rows of thresholds filled up to 2**b - 1."""
    found = []
    for i, layer in enumerate(model.layers):
        (low, high), rows = model.bounds[i], []
        if layer.thresholds is not None:
            width = (1 << layer.max_code.bit_length()) - 1
            for row in layer.thresholds.tolist()[: 1 if layer.shared_thresholds else None]:
                kept = [min(max(t, low), high + 1) for t in row]
                rows.append(kept + [high + 1] * (width - len(kept)))
        stored = layer.stored.tolist()
        found.append({"weights": stored, "bias": layer.bias.tolist(), "thresholds": rows})
    return found


def run(model: Model, faults: FaultList, images: Sequence[Sequence[int]]) -> list[list[int]]:
    """The logits of each image from the flipped memories of an engine of ideal layers."""
    words = memories(model)
    for layer, j, i, bit in faults.tables.get("weight-bit", ()):
        words[layer]["weights"][j][i] ^= 1 << int(bit)
    for layer, j, bit in faults.tables.get("bias-bit", ()):
        words[layer]["bias"][j] ^= 1 << int(bit)
    for layer, row, rank, bit in faults.tables.get("threshold-bit", ()):
        words[layer]["thresholds"][row][rank] ^= 1 << int(bit)
    return [_logits(model, words, image) for image in images]


def _logits(model: Model, words: list[dict[str, Any]], codes: Sequence[int]) -> list[int]:
    accs: list[int] = []
    for layer, bits, held in zip(model.layers, model.accumulator_bits, words, strict=True):
        accs = []
        for row, bias in zip(held["weights"], held["bias"], strict=True):
            stored = [_signed(w, layer.bits) for w in row]
            weights = [2 * s + 1 for s in stored] if layer.grid == "odd" else stored
            accs.append(_signed(bias + sum(w * int(x) for w, x in zip(weights, codes, strict=True)), bits))
        if held["thresholds"]:
            trees = [[_signed(t, bits) for t in row] for row in held["thresholds"]]
            codes = [_search(trees[j % len(trees)], acc) for j, acc in enumerate(accs)]
    return accs
