"""Pruning while training: as many zeros as asked for, held there, those first that matter least."""

import numpy as np
import pytest

import qsim
from qsim import QsimError, Recipe
from qsim.cli import main
from qsim.shadow.adam import Adam
from qsim.shadow.prune import Pruning


def optimiser(*shapes: tuple[int, ...]) -> Adam:
    """After a step by random gradients, with weights that are not zero."""
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(0.2, 0.9, shape).astype(np.float32) for shape in shapes]
    adam = Adam(arrays, 1e-3, 4, "twos_complement")
    adam.step([rng.normal(size=shape).astype(np.float32) for shape in shapes])
    return adam


def test_the_share_rises_to_what_was_asked_for_and_the_least_salient_go_first() -> None:
    adam = optimiser((6, 5), (5, 4), (5,), (4,))
    pruning = Pruning(adam, 0.8, 8)
    pairs = zip(adam.parameters[:2], adam.squares[:2], strict=True)
    saliency = np.concatenate([(w**2 * v).ravel() for w, v in pairs])
    counts = []
    for epoch in range(1, 7):
        pruning.prune(epoch)
        zero = np.concatenate([(w == 0).ravel() for w in adam.parameters[:2]])
        counts.append(int(zero.sum()))
        assert saliency[zero].max() <= saliency[~zero].min()
    assert counts == [23, 35, 39, 40, 40, 40]  # 80 % of 50 weights after half of the 8 epochs
    assert all((bias != 0).all() for bias in adam.parameters[2:])


def test_what_is_pruned_stays_zero() -> None:
    adam = optimiser((6, 5), (5, 4), (5,), (4,))
    pruning = Pruning(adam, 0.5, 2)
    pruning.prune(1)
    gone = [w == 0 for w in adam.parameters[:2]]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        gradients = [rng.normal(size=p.shape).astype(np.float32) for p in adam.parameters]
        adam.step(pruning.mask(gradients))
    for w, rounded, where in zip(adam.parameters, adam.rounded, gone, strict=False):
        assert (w[where] == 0).all()
        assert (rounded[where] == 0).all()
        assert (w[~where] != 0).any()
    adam.step(gradients)  # without the mask they would not
    assert (adam.parameters[0][gone[0]] != 0).any()


def test_a_sparse_network_learns_and_ignores_pixels_that_are_always_zero() -> None:
    recipe = Recipe(epochs=60, patience=20, batch=32, spread=2, sparsity=0.9)
    network = qsim.train("digits", bits=4, hidden=50, grid="twos_complement", recipe=recipe)
    model = qsim.quantize(network)
    codes, labels = qsim.data.digits("test")
    assert np.mean(model.predict(codes) == labels) > 0.9
    zeros = sum(int((layer.weights == 0).sum()) for layer in model.layers)
    assert zeros >= 0.9 * (64 * 50 + 50 * 10)
    dark = qsim.data.digits("train")[0].max(0) == 0
    assert dark.any()
    assert not model.layers[0].weights[:, dark].any()


def test_the_best_epoch_is_a_sparse_one() -> None:
    recipe = Recipe(epochs=4, batch=32, sparsity=0.95)
    network = qsim.train("digits", bits=4, hidden=10, grid="twos_complement", recipe=recipe)
    zeros = sum(int((w == 0).sum()) for w in network.weights)
    assert zeros >= round(0.95 * 740)


@pytest.mark.parametrize(
    ("sparsity", "grid", "message"),
    [
        (1.0, "twos_complement", r"sparsity is 1.0; a share of 0 or more and less than 1 is needed"),
        (-0.1, "twos_complement", "sparsity is -0.1"),
        (0.5, "odd", "sparsity needs zeros, which the odd grid lacks; twos_complement has them"),
    ],
)
def test_what_cannot_be_pruned_is_refused(sparsity: float, grid: str, message: str) -> None:
    with pytest.raises(QsimError, match=message):
        qsim.train("digits", grid=grid, recipe=Recipe(sparsity=sparsity))


def test_on_the_command_line(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "net.safetensors")
    call = ["train", "digits", "--hidden", "4", "--sparsity", "0.5", "--out", file]
    with pytest.raises(SystemExit):
        main([*call, "--grid", "twos_complement"])
    recipe = qsim.load(file).provenance["recipe"]
    assert recipe["sparsity"] == 0.5
    with pytest.raises(SystemExit):
        main([*call, "--grid", "twos_complement", "--certify-radius", "3"])
    assert "--sparsity and --certify-radius are two ways to train" in capsys.readouterr().err
