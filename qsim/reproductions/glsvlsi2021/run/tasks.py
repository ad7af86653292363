"""What is to be trained and attacked: one task for each network, and the strengths of the attack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from ....errors import QsimError
from ....shadow.train import RECIPES, Recipe

DATASETS = ("mnist", "spiral")
ACTIVATIONS = ("step", "sigmoid", "relu")  # the paper's panels a, b, c
BITS = tuple(range(1, 11))
UNROUNDED = 14  # trained without rounding, then stored in 14 bits: the limit of ever finer weights
EPSILONS = tuple(round(0.005 * i, 3) for i in range(101))
VARIANT_BITS = (1, 2, 8)  # where other ways to train are compared
VARIANTS = {  # other ways to train than `base`, each different in one thing that the paper leaves open
    "twos_complement": "The grid of two's complement weights, which has a zero and no +1,",
    "patience": "Waiting three times as long before early stopping",
    "first_maximum": "Stopping at the first epoch that is no better than the one before",
    "initialisation": "Initial weights of three times the range",
    "literal": "The literal text of equation 15, t to 100 and noise of variance 0.03,",
}


@dataclass(frozen=True)
class Task:
    """One network to train, freeze and attack.

    Parameters
    ----------
    dataset : "mnist" or "spiral"
    activation : "step", "sigmoid" or "relu"
    bits : 1 to 10, or 14 for a network that is trained without rounding and stored in 14 bits
    seed : int
    recipe : Recipe
    variant : "base", or one of `VARIANTS`
    grid : "odd" or "twos_complement"
    hidden : width of the hidden layer
    """

    dataset: str
    activation: str
    bits: int
    seed: int
    recipe: Recipe
    variant: str = "base"
    grid: str = "odd"
    hidden: int = 100

    @property
    def name(self) -> str:
        return f"{self.dataset}-{self.activation}-q{self.bits}-s{self.seed}-{self.variant}"

    @property
    def source(self) -> str:
        """The name of the data to train on and to attack."""
        return "spiral-literal" if self.variant == "literal" else self.dataset


SECOND_ATTACKS = ("strong", "strongest")


@dataclass(frozen=True)
class Sample:
    """What the second attack axis is measured on where not all codes can be tried.

    Parameters
    ----------
    images : the first so many test images
    epsilons : strengths in real input units, ascending from 0
    audited : widths whose networks of seed 0 are audited
    attack : "strong", or "strongest" at seven times its cost
    """

    images: int
    epsilons: tuple[float, ...]
    audited: tuple[int, ...]
    attack: str = "strong"


# a strength lies between 1.5 and 2 times each one, where claims ask for it
SAMPLE = Sample(500, (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2), (1, 2, 8))
QUICK_SAMPLE = Sample(60, (0.0, 0.01, 0.02, 0.03, 0.05, 0.1), (1,))


@dataclass(frozen=True)
class Plan:
    """Tasks, the strengths of FGSM, in real input units, ascending, and the second axis of attack."""

    tasks: tuple[Task, ...]
    epsilons: tuple[float, ...]
    sample: Sample = SAMPLE


def full(datasets: Sequence[str] = DATASETS, seeds: int = 5) -> Plan:
    """The paper's figures, the unrounded limit, and a few other ways to train."""
    _check(datasets, seeds)
    tasks: list[Task] = []
    for dataset in datasets:
        recipe = RECIPES.get(dataset, Recipe())
        for bits, activation, seed in product((*BITS, UNROUNDED), ACTIVATIONS, range(seeds)):
            tasks.append(Task(dataset, activation, bits, seed, recipe))
        for bits, activation in product(VARIANT_BITS, ACTIVATIONS):
            tasks.extend(_variants(Task(dataset, activation, bits, 0, recipe)))
    return Plan(tuple(tasks), EPSILONS)


def quick(datasets: Sequence[str] = DATASETS, seeds: int = 2) -> Plan:
    """Everything that `full` shows, with few widths and strengths and short training."""
    _check(datasets, seeds)
    short = {
        "mnist": Recipe(epochs=2),
        "spiral": replace(RECIPES["spiral"], epochs=500),
    }
    tasks: list[Task] = []
    for dataset in datasets:
        for bits, activation, seed in product((1, 2, 4, UNROUNDED), ACTIVATIONS, range(seeds)):
            tasks.append(Task(dataset, activation, bits, seed, short[dataset]))
        tasks.extend(_variants(Task(dataset, "relu", 1, 0, short[dataset])))
    return Plan(tuple(tasks), EPSILONS[:4] + EPSILONS[5::5], QUICK_SAMPLE)


def attacked_by(plan: Plan, attack: str) -> Plan:
    """The same plan with another attack on the second axis.

    Raises
    ------
    QsimError
        If it is neither "strong" nor "strongest".
    """
    if attack not in SECOND_ATTACKS:
        raise QsimError(
            f"attack {attack!r} is not for the second axis; {' or '.join(SECOND_ATTACKS)} is needed"
        )
    return replace(plan, sample=replace(plan.sample, attack=attack))


def _variants(base: Task) -> Iterator[Task]:
    """The same network trained otherwise: each differs from `base` in one thing."""
    recipe = base.recipe
    yield replace(base, variant="twos_complement", grid="twos_complement")
    yield replace(base, variant="patience", recipe=replace(recipe, patience=3 * recipe.patience))
    yield replace(base, variant="first_maximum", recipe=replace(recipe, patience=1))
    yield replace(base, variant="initialisation", recipe=replace(recipe, spread=3.0))
    if base.dataset == "spiral":
        yield replace(base, variant="literal")


def _check(datasets: Sequence[str], seeds: int) -> None:
    for dataset in datasets:
        if dataset not in DATASETS:
            raise QsimError(f"data set {dataset!r} is not the paper's; {' or '.join(DATASETS)} is needed")
    if seeds < 1:
        raise QsimError(f"{seeds} seeds; at least 1 is needed")
