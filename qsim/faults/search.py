"""The bit-flip attack: the fewest flips that ruin a network, found one after another.

In each round the flips that promise most on the float shadow, by gradient times change, are tried exactly on
the integers, and the best one stays (after Rakin, He and Fan, Bit-Flip Attack, ICCV 2019, and for a target
class T-BFA, TPAMI 2021). The gradient only proposes: what counts is how many images the faulty engine
classifies right, or as the target, and among equals the sum of their margins. Thresholds have no gradient on
the shadow; all their bits are tried.

On tiles the bits are those of cells' levels, the shadow has the weights that the cells stand for, and the
integers are computed anew for each try.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..attacks.problem import class_logits
from ..errors import QsimError
from ..model.checks import checked_int
from ..model.model import Model
from .difference import KINDS, Baseline
from .draw import Space, draw_in_order
from .gradients import promised, promised_by_cells
from .kinds import kind_of
from .lists import apply_faults, of_model
from .memory import Integers

CELLS = "cell-bit"
SEARCHED = (*KINDS, CELLS)
CANDIDATES = 100  # a layer, tried exactly in each round
CELL_CANDIDATES = 20  # the same of cells, where a try costs more
GROWTH = 1.25  # from one number of random flips to the next


@dataclass(frozen=True, eq=False)
class Flips:
    """Flips in their order and what each left.

    Parameters
    ----------
    kind : str
    table : int array (flips, 2 + axes)
    accuracy : float array (flips + 1,)
        Share of the scored images that are right after 0, 1, … flips.
    hits : float array (flips + 1,)
        Share of them that are classified as the target; as the most frequent class where there is none.
    done : bool
        Whether the last flip reached the goal.
    """

    kind: str
    table: Integers
    accuracy: npt.NDArray[np.float64]
    hits: npt.NDArray[np.float64]
    done: bool


@dataclass(frozen=True)
class Goal:
    """When a network is ruined.

    `target` None: when no more images are right than a constant answer gets right at best. Else when
    `share` of the images are classified as the target.
    """

    target: int | None = None
    share: float = 0.9

    def reached(self, classes: Integers, labels: Integers) -> bool:
        """Whether classes (N,) beside labels (N,) are ruined."""
        if self.target is not None:
            return bool((classes == self.target).mean() >= self.share)
        return bool((classes == labels).sum() <= np.bincount(labels).max())


def chance(labels: Integers) -> float:
    """The share of images that the best constant answer gets right."""
    return float(np.bincount(labels).max() / len(labels))


def flip_attack(
    model: Model,
    crafting: tuple[npt.NDArray[Any], Integers],
    scoring: tuple[npt.NDArray[Any], Integers],
    kind: str = "weight-bit",
    budget: int = 50,
    goal: Goal = Goal(),
) -> Flips:
    """Flip bits until a network is ruined.

    Parameters
    ----------
    model : Model whose hidden layers name their activation: of ideal layers, or for "cell-bit" on tiles
    crafting : codes (N, inputs) and labels (N,) that flips are chosen by
    scoring : codes and labels that the goal is asked of; the attack does not see them
    kind : "weight-bit", "bias-bit", "threshold-bit" or "cell-bit"
    budget : int
        Flips at most.
    goal : Goal

    Raises
    ------
    QsimError
        If kind, images and model do not fit together.
    """
    if kind not in SEARCHED:
        raise QsimError(f"flips of kind {kind!r}; one of {', '.join(SEARCHED)} is needed")
    checked_int(budget, 1, 1 << 20, "number of flips")
    if goal.target is not None:
        checked_int(goal.target, 0, model.classes - 1, "target class")
    codes, labels = crafting
    wanted = labels if goal.target is None else np.full(len(labels), goal.target)
    engine = None if kind == CELLS else Baseline.of(model, codes, wanted)
    table = np.empty((0, len(kind_of(kind).axes) + 2), np.int64)
    scores = [_score(model, kind, table, scoring, goal)]
    while len(table) < budget and not scores[-1][2]:
        broken = apply_faults(model, of_model(model, {kind: table}))
        candidates = _candidates(model, broken, kind, (codes, wanted), goal)
        candidates = _without(candidates, table)
        if engine is None:
            scored = [_tried(model, kind, table, row, (codes, wanted)) for row in candidates]
            correct, margin = np.array(scored).T
        else:
            effects = engine.flipped(kind, table).effects(kind, candidates)
            correct, margin = effects.correct, effects.margin
        best = _best(correct, margin, goal)
        table = np.concatenate([table, candidates[best : best + 1]])
        scores.append(_score(model, kind, table, scoring, goal))
    accuracy, hits, done = zip(*scores, strict=True)
    return Flips(kind, table, np.array(accuracy), np.array(hits), bool(done[-1]))


def random_flips(
    model: Model,
    scoring: tuple[npt.NDArray[Any], Integers],
    kind: str = "weight-bit",
    seed: int = 0,
    goal: Goal = Goal(),
) -> list[tuple[int, float, bool]]:
    """Ever more random flips until a network is ruined, or half of all bits are flipped.

    Returns
    -------
    list of (flips, accuracy, whether ruined)
        The numbers grow by a quarter; each list contains the one before.
    """
    space = len(Space(model, kind_of(kind)))
    order = draw_in_order(model, kind, (space + 1) // 2, seed)
    found: list[tuple[int, float, bool]] = []
    count = 0
    while count < len(order) and not (found and found[-1][2]):
        count = min(max(count + 1, int(count * GROWTH)), len(order))
        accuracy, _, done = _score(model, kind, order[:count], scoring, goal)
        found.append((count, accuracy, done))
    return found


def _score(
    model: Model, kind: str, table: Integers, scoring: tuple[npt.NDArray[Any], Integers], goal: Goal
) -> tuple[float, float, bool]:
    """Accuracy, share of the most frequent or the target class, and whether the goal is reached."""
    codes, labels = scoring
    classes = apply_faults(model, of_model(model, {kind: table})).predict(codes)
    most = np.bincount(classes).max() if goal.target is None else (classes == goal.target).sum()
    return float((classes == labels).mean()), float(most / len(labels)), goal.reached(classes, labels)


def _candidates(
    model: Model, broken: Model, kind: str, crafting: tuple[npt.NDArray[Any], Integers], goal: Goal
) -> Integers:
    """The flips of each layer that promise most on the shadow of the network as it is now."""
    if kind == "threshold-bit":
        space = Space(model, kind_of(kind))
        return space.table(np.arange(len(space)))
    tables = []
    if kind == CELLS:
        found, count = promised_by_cells(broken, *crafting), CELL_CANDIDATES
    else:
        found, count = dict(enumerate(promised(broken, model.accumulator_bits, kind, *crafting))), CANDIDATES
    for index, rise in found.items():
        gain = rise.ravel() * (1 if goal.target is None else -1)
        numbers = np.sort(np.argsort(-gain, kind="stable")[:count])
        places = np.stack(np.unravel_index(numbers, rise.shape), 1)
        tables.append(np.column_stack([np.full(len(numbers), index), places]))
    return np.concatenate(tables)


def _without(candidates: Integers, table: Integers) -> Integers:
    """The candidates that are not in a table: a bit is flipped once."""
    known = {tuple(row) for row in table.tolist()}
    return candidates[[tuple(row) not in known for row in candidates.tolist()]]


def _tried(
    model: Model, kind: str, table: Integers, row: Integers, crafting: tuple[npt.NDArray[Any], Integers]
) -> tuple[int, int]:
    """With one more flip: how many images get the wanted class, and the sum of their margins."""
    codes, wanted = crafting
    broken = apply_faults(model, of_model(model, {kind: np.concatenate([table, row[None]])}))
    logits = class_logits(broken, codes)
    own = np.arange(len(codes)), wanted
    rest = logits.copy()
    rest[own] = np.iinfo(np.int64).min
    return int((logits.argmax(1) == wanted).sum()), int((logits[own] - rest.max(1)).sum())


def _best(correct: Integers, margin: Integers, goal: Goal) -> int:
    """Which candidate leaves fewest images right, or puts most into the target."""
    sign = 1 if goal.target is None else -1
    return int(np.lexsort((sign * margin, sign * correct))[0])
