"""ART's evasion attacks on a model of ours: `python -m benches.art_attacks [--images 100] [FILE]`.

Prints a row an attack: accuracy of the integers at the nearest codes, the median distances in LSBs and
inputs, seconds. Not every attack bounds what it changes; `CANNOT` says why others do not run.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import qsim
from qsim.art import Classifier

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import art.attacks.evasion as evasion
    from art.attacks.attack import EvasionAttack

EPSILON = 13 / 255  # 13 LSBs
STEPPED = {"eps": EPSILON, "eps_step": 2 / 255, "max_iter": 40}
QUIET = {"verbose": False}

RUN: dict[str, dict[str, Any]] = {  # each attack with options that take seconds
    "FastGradientMethod": {"eps": EPSILON},
    "BasicIterativeMethod": {**STEPPED, **QUIET},
    "ProjectedGradientDescent": {**STEPPED, "num_random_init": 1, **QUIET},
    "ProjectedGradientDescentNumpy": {**STEPPED, "num_random_init": 1, **QUIET},
    "MomentumIterativeMethod": {**STEPPED, **QUIET},
    "AutoProjectedGradientDescent": {"eps": EPSILON, "eps_step": 2 * EPSILON, "max_iter": 50, **QUIET},
    "AutoConjugateGradient": {"eps": EPSILON, "eps_step": 2 * EPSILON, "max_iter": 50, **QUIET},
    "RescalingAutoConjugateGradient": {"eps": EPSILON, "eps_step": 2 * EPSILON, "max_iter": 50, **QUIET},
    "SquareAttack": {"eps": EPSILON, "max_iter": 300, **QUIET},
    "UniversalPerturbation": {"attacker": "pgd", "eps": EPSILON, "max_iter": 1, **QUIET},
    "TargetedUniversalPerturbation": {"attacker": "fgsm", "eps": EPSILON, "max_iter": 1},
    "DeepFool": {"max_iter": 30, **QUIET},
    "NewtonFool": {"max_iter": 20, **QUIET},
    "CarliniL2Method": {"max_iter": 10, "binary_search_steps": 4, **QUIET},
    "CarliniLInfMethod": {"max_iter": 5, **QUIET},
    "CarliniL0Method": {"max_iter": 5, "binary_search_steps": 2, **QUIET},
    "ElasticNet": {"max_iter": 20, "binary_search_steps": 3, **QUIET},
    "SaliencyMapMethod": {"theta": 1.0, "gamma": 0.1, **QUIET},
    "VirtualAdversarialMethod": {"eps": 1.5, "max_iter": 5, **QUIET},
    "BoundaryAttack": {"targeted": False, "max_iter": 100, **QUIET},
    "HopSkipJump": {"max_iter": 3, "max_eval": 300, "init_eval": 30, **QUIET},
    "ZooAttack": {"max_iter": 20, "binary_search_steps": 1, "use_resize": False, "nb_parallel": 32, **QUIET},
    "SimBA": {"attack": "px", "max_iter": 300, "epsilon": EPSILON, **QUIET},
    "SignOPTAttack": {"targeted": False, "max_iter": 5, "query_limit": 500, "num_trial": 5, **QUIET},
    "PixelAttack": {"th": 10, "es": 1, "max_iter": 5, **QUIET},
    "ThresholdAttack": {"th": 13, "es": 1, "max_iter": 2, **QUIET},
    "SpatialTransformation": {"max_translation": 5, "num_translations": 3, **QUIET},
}
SLOW = {"BoundaryAttack", "HopSkipJump", "ZooAttack", "SignOPTAttack", "PixelAttack"}
SLOW |= {"ThresholdAttack", "CarliniL0Method", "CarliniLInfMethod", "SimBA", "UniversalPerturbation"}
ALONE = {"SimBA", "ZooAttack"}  # take one image at a time
PROBABILITIES = {"SimBA", "VirtualAdversarialMethod"}

TORCH = "is written in PyTorch"
TENSORFLOW = "is written in TensorFlow"
SPEECH = "attacks speech recognizers"
DETECTOR = "attacks object detectors"
CANNOT: dict[str, str] = {
    "AutoAttack": "asks for losses that only ART's own frameworks name; its parts run one by one",
    "AdversarialPatch": "is a patch on images of at least three dimensions, trained through a framework",
    "AdversarialPatchNumpy": "is a patch that covers what it likes, not a bounded change",
    "AdversarialPatchPyTorch": TORCH,
    "AdversarialPatchTensorFlowV2": TENSORFLOW,
    "AdversarialTexturePyTorch": TORCH,
    "BrendelBethgeAttack": "compares ART's own frameworks before it runs",
    "CarliniWagnerASR": SPEECH,
    "CompositeAdversarialAttackPyTorch": TORCH,
    "DPatch": DETECTOR,
    "DecisionTreeAttack": "attacks decision trees",
    "FeatureAdversariesNumpy": "wants source and guide images and changes features, not classes",
    "FeatureAdversariesPyTorch": TORCH,
    "FeatureAdversariesTensorFlowV2": TENSORFLOW,
    "FrameSaliencyAttack": "attacks videos",
    "GRAPHITEBlackbox": "attacks road signs with physical transforms",
    "GRAPHITEWhiteboxPyTorch": TORCH,
    "GeoDA": "calls np.mat, which NumPy 2 no longer has",
    "HighConfidenceLowUncertainty": "attacks Gaussian processes",
    "ImperceptibleASR": SPEECH,
    "ImperceptibleASRPyTorch": TORCH,
    "LaserAttack": "draws laser beams on colour images",
    "LowProFool": "attacks tables whose columns have importances",
    "MalwareGDTensorFlow": TENSORFLOW,
    "OverTheAirFlickeringPyTorch": TORCH,
    "OverloadPyTorch": TORCH,
    "ProjectedGradientDescentPyTorch": TORCH,
    "ProjectedGradientDescentTensorFlowV2": TENSORFLOW,
    "RobustDPatch": DETECTOR,
    "SNAL": DETECTOR,
    "ShadowAttack": "takes a single colour image",
    "Wasserstein": "moves mass between pixels, a ball of another kind",
}


def known() -> set[str]:
    """The evasion attacks of the installed ART."""
    kinds = {name for name, kind in vars(evasion).items() if isinstance(kind, type)}
    return {name for name in kinds if issubclass(getattr(evasion, name), EvasionAttack)}


def run(name: str, model: qsim.Model, codes: Any, labels: Any, edge: int) -> dict[str, float]:
    """One attack on some images: what it left, how far it went, and how long it took."""
    np.random.seed(0)  # noqa: NPY002 -- ART draws from it
    classifier = Classifier(model, (edge, edge, 1), probabilities=name in PROBABILITIES)
    options = dict(RUN[name])
    x = (codes / np.float32(255)).astype(np.float32).reshape(len(codes), edge, edge, 1)
    truth = None if name == "VirtualAdversarialMethod" else np.eye(10, dtype=np.float32)[labels]
    if name == "TargetedUniversalPerturbation":
        truth = np.eye(10, dtype=np.float32)[np.zeros(len(labels), int)]
    started = time.perf_counter()
    attack = getattr(evasion, name)(classifier, **options)
    if "batch_size" in attack.attack_params:
        attack.set_params(batch_size=1 if name in ALONE else len(codes))
    found = classifier.codes(attack.generate(x=x, y=truth))
    seconds = time.perf_counter() - started
    moved = np.abs(found.astype(int) - codes)
    return {
        "images": len(codes),
        "accuracy": float((model.predict(found) == labels).mean()),
        "lsb": float(np.median(moved.max(axis=1))),
        "inputs": float(np.median((moved > 0).sum(axis=1))),
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("file", nargs="?", default="models/mnist-sigmoid-q8.safetensors")
    chosen = parser.parse_args()
    model = qsim.load(Path(chosen.file))
    codes, labels = qsim.data.mnist("test") if model.inputs == 784 else qsim.data.digits("test")
    edge = int(np.sqrt(model.inputs))
    for name in RUN:
        count = min(10 if name in SLOW else 100, chosen.images)
        row = run(name, model, codes[:count], labels[:count], edge)
        print(
            f"| {name} | {row['images']} | {100 * row['accuracy']:.0f} | {row['lsb']:.0f} | "
            f"{row['inputs']:.0f} | {row['seconds']:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
