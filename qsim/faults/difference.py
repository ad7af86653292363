"""Single flipped bits by what they change, exactly: one accumulator of an image, and what follows from it.

A bit of a weight moves one accumulator by plus or minus a power of two times one input code, a bit of a bias
by itself, a bit of a threshold no accumulator but the codes that are counted with it. Where the code stays,
all that follows stays; where it does not, the next layer's accumulators move by one weight each. Everything
is as in an engine's memories: words of its widths, sums that wrap around, thresholds searched as they lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..attacks.steps import checked_labels
from ..errors import QsimError
from ..jit.compiling import cached, part
from ..model.model import Model
from .memory import Integers, flipped, stored_thresholds

KINDS = ("weight-bit", "bias-bit", "threshold-bit")
COUNTS = 4  # numbers found of a fault: see `Effects`


@dataclass(frozen=True, eq=False)
class Effects:
    """What single faults do to N images.

    Parameters
    ----------
    correct : int array (faults,)
        Images whose class is their label.
    changed : int array (faults,)
        Images whose class is not that of the network without the fault.
    masked : int array (faults,)
        Images all of whose logits stay as they are.
    margin : int array (faults,)
        Sum over the images of the label's logit less the largest other one.
    by_image : int array (bits, images)
        How many of the faults in a bit change an image's class.
    """

    correct: Integers
    changed: Integers
    masked: Integers
    margin: Integers
    by_image: Integers


@dataclass(frozen=True, eq=False)
class Baseline:
    """A model's memories, and all integers of some images in it without a fault.

    One entry of each tuple is a layer's: `weights` (inputs, outputs), `bias`, `trees` (rows, 2**b - 1),
    `codes` that come in (inputs, images), `accs` (outputs, images). `found` (images, 2) has classes and
    margins.
    """

    model: Model
    weights: tuple[Integers, ...]
    bias: tuple[Integers, ...]
    trees: tuple[Integers, ...]
    widths: Integers
    codes: tuple[Integers, ...]
    accs: tuple[Integers, ...]
    labels: Integers
    found: Integers

    @classmethod
    def of(cls, model: Model, codes: npt.ArrayLike, labels: npt.NDArray[Any]) -> Baseline:
        """Run images (N, inputs) with labels (N,) through a model.

        Raises
        ------
        QsimError
            If a layer is on a crossbar, or codes or labels do not fit.
        """
        if model.mapped:
            raise QsimError("single faults are followed through ideal layers; a layer here is on a crossbar")
        checked = model.checked(codes)
        classes = np.ascontiguousarray(checked_labels(model, checked, labels), np.int64)
        none = np.empty((0, 0), np.int64)
        trees = tuple(
            none if x.thresholds is None else stored_thresholds(x, model.bounds[i])
            for i, x in enumerate(model.layers)
        )
        weights = tuple(x.weights.T.copy() for x in model.layers)
        bias = tuple(x.bias.copy() for x in model.layers)
        inputs = checked.T.astype(np.int64, order="C")
        return cls._run(model, weights, bias, trees, inputs, classes)

    @classmethod
    def _run(
        cls,
        model: Model,
        weights: tuple[Integers, ...],
        bias: tuple[Integers, ...],
        trees: tuple[Integers, ...],
        inputs: Integers,
        labels: Integers,
    ) -> Baseline:
        """All integers of images (inputs, images) by memories in the engine of a model."""
        widths = np.array(model.accumulator_bits, np.int64)
        incoming, accs = [inputs], []
        for i in range(len(weights)):
            acc = np.empty((weights[i].shape[1], inputs.shape[1]), np.int64)
            _accumulate(weights[i], bias[i], widths[i], incoming[i], acc)
            accs.append(acc)
            if len(trees[i]):
                counted = np.empty_like(acc)
                _count(trees[i], acc, counted)
                incoming.append(counted)
        found = np.empty((inputs.shape[1], 2), np.int64)
        _classify_all(accs[-1], labels, found)
        return cls(model, weights, bias, trees, widths, tuple(incoming), tuple(accs), labels, found)

    def flipped(self, kind: str, table: Integers) -> Baseline:
        """The same engine and images with faults (faults, 2 + axes), places named once, in its memories."""
        weights, bias, trees = ([x.copy() for x in part] for part in (self.weights, self.bias, self.trees))
        if kind == "threshold-bit":
            for i in np.unique(table[:, 0]).tolist():
                _, row, rank, bit = table[table[:, 0] == i].T
                trees[i] = flipped(trees[i], (row, rank), bit, int(self.widths[i]))
        else:
            for i, neuron, place, change, _ in self._moves(kind, table):
                if place < 0:
                    bias[i][neuron] += change
                else:
                    weights[i][place, neuron] += change
        memories = tuple(weights), tuple(bias), tuple(trees)
        return self._run(self.model, *memories, self.codes[0], self.labels)

    @property
    def correct(self) -> int:
        """Images whose class is their label."""
        return int((self.found[:, 0] == self.labels).sum())

    def effects(self, kind: str, table: Integers) -> Effects:
        """What each fault of a table (faults, 2 + axes) does alone.

        Raises
        ------
        QsimError
            If faults of this kind cannot be followed.
        """
        if kind not in KINDS:
            raise QsimError(f"single faults of kind {kind!r}; {', '.join(KINDS)} can be followed")
        counts = np.zeros((len(table), COUNTS), np.int64)
        bits = int(table[:, -1].max(initial=0)) + 1
        by_image = np.zeros((bits, len(self.labels)), np.int64)
        network = self.weights, self.bias, self.trees, self.widths, self.codes, self.accs
        room = np.empty((2, max(map(len, self.bias))), np.int64)
        target = self.labels, self.found
        if kind == "threshold-bit":
            words = self._flipped_thresholds(table)
            _follow_thresholds(network, target, np.ascontiguousarray(table), words, room, counts, by_image)
        else:
            moves = self._moves(kind, table)
            _follow_moves(network, target, moves, room, counts, by_image)
        correct, changed, masked, margin = np.ascontiguousarray(counts.T)
        return Effects(correct, changed, masked, margin, by_image)

    def _moves(self, kind: str, table: Integers) -> Integers:
        """Layer, neuron, input, change and bit (faults, 5); the input of a bias is -1."""
        layers, bit = table[:, 0], table[:, -1]
        change = np.empty(len(table), np.int64)
        for i in np.unique(layers).tolist():
            own, layer = layers == i, self.model.layers[i]
            if kind == "bias-bit":
                words, bits = self.bias[i][table[own, 1]], self.model.accumulator_bits[i]
            else:
                held = self.weights[i][table[own, 2], table[own, 1]]
                words, bits = held - 1 >> 1 if layer.grid == "odd" else held, layer.bits
            moved = flipped(words, (np.arange(len(words)),), bit[own], bits) - words
            change[own] = 2 * moved if kind == "weight-bit" and layer.grid == "odd" else moved
        inputs = table[:, 2] if kind == "weight-bit" else np.full(len(table), -1)
        return np.ascontiguousarray(np.stack([layers, table[:, 1], inputs, change, bit], 1))

    def _flipped_thresholds(self, table: Integers) -> Integers:
        """The word that each fault leaves."""
        words = np.empty(len(table), np.int64)
        for i in np.unique(table[:, 0]).tolist():
            own = table[:, 0] == i
            held = self.trees[i][table[own, 1], table[own, 2]]
            words[own] = flipped(held, (np.arange(len(held)),), table[own, 3], int(self.widths[i]))
        return words


@part
def _wrap(acc, bits):
    above = 64 - bits
    return (acc << above) >> above


@part
def _search(tree, acc):
    """The code of an accumulator, bit by bit."""
    code, step = 0, (tree.size + 1) >> 1
    while step > 0:
        if tree[code + step - 1] <= acc:
            code += step
        step >>= 1
    return code


@part
def _classify(logits, outputs, label):
    """The class and the margin of a label."""
    if outputs == 1:
        margin = logits[0] if label == 1 else -1 - logits[0]
        return (1 if logits[0] >= 0 else 0), margin
    best, other = 0, np.iinfo(np.int64).min
    for k in range(outputs):
        if logits[k] > logits[best]:
            best = k
        if k != label and logits[k] > other:
            other = logits[k]
    return best, logits[label] - other


@cached()
def _accumulate(weights, bias, width, codes, acc):
    for j in range(acc.shape[0]):
        row = acc[j]
        row[:] = bias[j]
        for i in range(codes.shape[0]):
            w = weights[i, j]
            for n in range(row.size):
                row[n] += w * codes[i, n]
        for n in range(row.size):
            row[n] = _wrap(row[n], width)


@cached()
def _count(trees, acc, codes):
    for j in range(acc.shape[0]):
        tree = trees[j % trees.shape[0]]
        for n in range(acc.shape[1]):
            codes[j, n] = _search(tree, acc[j, n])


@cached()
def _classify_all(acc, labels, found):
    for n in range(labels.size):
        found[n, 0], found[n, 1] = _classify(acc[:, n].copy(), acc.shape[0], labels[n])


@part
def _go_on(network, layer, room):
    """From a layer's accumulators in room[0] to the logits there."""
    weights, bias, trees, widths, _, _ = network
    for m in range(layer, len(weights) - 1):
        outputs = bias[m].size
        for j in range(outputs):
            room[1, j] = _search(trees[m][j % trees[m].shape[0]], room[0, j])
        following = bias[m + 1].size
        room[0, :following] = bias[m + 1]
        for j in range(outputs):
            code = room[1, j]
            if code != 0:
                for k in range(following):
                    room[0, k] += code * weights[m + 1][j, k]
        for k in range(following):
            room[0, k] = _wrap(room[0, k], widths[m + 1])


@part
def _tell(network, target, n, room, fault, bit, counts, by_image):
    """Count what an image's logits in room[0] are beside those without the fault."""
    labels, found = target
    logits, base = room[0], network[5][-1]
    outputs = base.shape[0]
    same = True
    for k in range(outputs):
        same = same and logits[k] == base[k, n]
    category, margin = _classify(logits, outputs, labels[n])
    counts[fault, 0] += category == labels[n]
    if category != found[n, 0]:
        counts[fault, 1] += 1
        by_image[bit, n] += 1
    counts[fault, 2] += same
    counts[fault, 3] += margin


@part
def _tell_masked(target, n, fault, counts):
    labels, found = target
    counts[fault, 0] += found[n, 0] == labels[n]
    counts[fault, 2] += 1
    counts[fault, 3] += found[n, 1]


@cached()
def _follow_moves(network, target, moves, room, counts, by_image):
    """Faults that move one accumulator: rows of layer, neuron, input, change and bit."""
    weights, _, trees, widths, codes, accs = network
    last = len(weights) - 1
    for f in range(moves.shape[0]):
        layer, j, i, change, bit = moves[f]
        before = accs[layer][j]
        for n in range(before.size):
            moved = change if i < 0 else change * codes[layer][i, n]
            if moved == 0:
                _tell_masked(target, n, f, counts)
                continue
            acc = _wrap(before[n] + moved, widths[layer])
            if layer == last:
                room[0, : accs[last].shape[0]] = accs[last][:, n]
                room[0, j] = acc
            else:
                code = _search(trees[layer][j % trees[layer].shape[0]], acc)
                step = code - codes[layer + 1][j, n]
                if step == 0:
                    _tell_masked(target, n, f, counts)
                    continue
                following = accs[layer + 1]
                for k in range(following.shape[0]):
                    room[0, k] = _wrap(following[k, n] + step * weights[layer + 1][j, k], widths[layer + 1])
                _go_on(network, layer + 1, room)
            _tell(network, target, n, room, f, bit, counts, by_image)


@cached()
def _follow_thresholds(network, target, table, words, room, counts, by_image):
    """Faults that change one threshold: rows of layer, row, rank and bit, and the words that they leave."""
    weights, _, trees, widths, codes, accs = network
    for f in range(table.shape[0]):
        layer, row, rank, bit = table[f]
        tree = trees[layer][row].copy()
        tree[rank] = words[f]
        shared = trees[layer].shape[0] == 1
        first, end = (0, accs[layer].shape[0]) if shared else (row, row + 1)
        following = accs[layer + 1]
        for n in range(following.shape[1]):
            moved = False
            for j in range(first, end):
                step = _search(tree, accs[layer][j, n]) - codes[layer + 1][j, n]
                if step != 0:
                    if not moved:
                        room[0, : following.shape[0]] = following[:, n]
                        moved = True
                    for k in range(following.shape[0]):
                        room[0, k] += step * weights[layer + 1][j, k]
            if not moved:
                _tell_masked(target, n, f, counts)
                continue
            for k in range(following.shape[0]):
                room[0, k] = _wrap(room[0, k], widths[layer + 1])
            _go_on(network, layer + 1, room)
            _tell(network, target, n, room, f, bit, counts, by_image)
