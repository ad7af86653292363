"""The judge: it accepts what is shown, refuses every lie, and no fault in it goes unnoticed."""

from __future__ import annotations

import copy
import gzip
import json
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_boxes import cases, changed, images_around
from tight_claims import Pair, tight

import qsim
from qsim import Model
from qsim.certification import checker
from qsim.certification.branch import Effort
from qsim.certification.certificate import certificate_of, packed
from qsim.certification.ladder import Certifier
from qsim.certification.network import plain
from qsim_rtl.proofs.fault import planted

MODELS = Path(__file__).parents[2] / "models"
FIELDS = ["format", "version", "model", "image", "codes", "label", "radius", "verdict", "rung", "nodes"]
FIELDS += ["proof", "checksum"]


@cache
def proved() -> Pair:
    """A digit whose proof has splits, cuts and multipliers."""
    model = qsim.load(MODELS / "digits-step-q4.safetensors")
    codes, labels = qsim.data.digits("test")
    certifier = Certifier(model)
    for row in range(len(codes)):
        finding = certifier.decide(codes[row].astype(np.int64), int(labels[row]), 2, Effort(200))
        proof = json.dumps(finding.proof)
        if finding.verdict == "robust" and "split" in proof and "cuts" in proof:
            made = certificate_of(model, row, codes[row], int(labels[row]), 2, finding)
            return plain(model), json.loads(json.dumps(made))
    raise AssertionError("no digit needs branch and bound")


def says(pair: Pair, judge: ModuleType = checker) -> str:
    """The verdict of a judge, or `refused`."""
    network, certificate = pair
    try:
        return says_of(judge.Network(network), certificate, judge)
    except Exception:  # what is malformed may raise anything
        return "refused"


def says_of(network: checker.Network, certificate: dict[str, Any], judge: ModuleType = checker) -> str:
    try:
        return judge.check(network, packed(certificate))
    except Exception:
        return "refused"


def nodes(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """All nodes of a tree."""
    return [
        tree,
        *(node for side in ("below", "above", "rest") if side in tree for node in nodes(tree[side])),
    ]


def test_a_proof_is_accepted() -> None:
    assert sorted(FIELDS) == sorted(proved()[1])
    assert says(proved()) == "robust"


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_is_changed_unseen(field: str) -> None:
    network, certificate = proved()
    assert says((network, {**certificate, field: "else"})) == "refused"
    assert says((network, {name: value for name, value in certificate.items() if name != field})) == "refused"


def test_every_changed_number_of_a_proof_is_seen() -> None:
    network, certificate = proved()
    for rival in certificate["proof"]:
        for i, node in enumerate(nodes(certificate["proof"][rival])):
            forged = copy.deepcopy(certificate)
            copied = nodes(forged["proof"][rival])[i]
            if "split" in node:
                copied["split"][2] += 1
            elif node:
                copied["multipliers"][0][0] += 1
            else:
                copied["scale"] = 2
            assert says((network, forged)) == "refused"


def largest(certificate: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The rival whose tree has most nodes, and these."""
    trees = certificate["proof"]
    rival = max(trees, key=lambda rival: len(nodes(trees[rival])))
    return rival, nodes(trees[rival])


def drop_a_leaf(certificate: dict[str, Any]) -> None:
    node = next(node for node in largest(certificate)[1] if "split" in node)
    del node["below"]


def take_one_side(certificate: dict[str, Any]) -> None:
    rival, found = largest(certificate)
    certificate["proof"][rival] = found[0]["below"]


def turn_multipliers(certificate: dict[str, Any]) -> None:
    for node in largest(certificate)[1]:
        if "multipliers" in node:
            node["multipliers"] = [[-3 * alpha for alpha in row] for row in node["multipliers"]]


def deepen_a_cut(certificate: dict[str, Any]) -> None:
    for node in largest(certificate)[1]:
        for cut in node.get("cuts", []):
            cut[1] += 10**6 if cut[2] else -(10**6)


def turn_a_cut(certificate: dict[str, Any]) -> None:
    for node in largest(certificate)[1]:
        for cut in node.get("cuts", []):
            cut[2] = not cut[2]


def leave_nothing_after_cuts(certificate: dict[str, Any]) -> None:
    for node in largest(certificate)[1]:
        if "cuts" in node:
            del node["rest"]


def move_a_split(certificate: dict[str, Any]) -> None:
    for node in largest(certificate)[1]:
        if "split" in node:
            node["split"][2] += 10**6


def negative_scale(certificate: dict[str, Any]) -> None:
    for node in largest(certificate)[1]:
        if "scale" in node:
            node["scale"] = -node["scale"]


def half_a_threshold(certificate: dict[str, Any]) -> None:
    largest(certificate)[1][0]["split"][2] += 0.5


def strike_a_rival(certificate: dict[str, Any]) -> None:
    del certificate["proof"][largest(certificate)[0]]


def another_label(certificate: dict[str, Any]) -> None:
    certificate["label"] = (certificate["label"] + 1) % 10


def a_wider_radius(certificate: dict[str, Any]) -> None:
    certificate["radius"] += 1


def another_model(certificate: dict[str, Any]) -> None:
    certificate["model"] = "0" * 64


def nothing_is_broken(certificate: dict[str, Any]) -> None:
    certificate.update(verdict="broken", witness=certificate["codes"])


def broken_far_away(certificate: dict[str, Any]) -> None:
    certificate.update(verdict="broken", witness=[16 - code for code in certificate["codes"]])


def no_such_label(certificate: dict[str, Any]) -> None:
    """Counted from the end, as Python would, it is a class that the proof is for."""
    certificate["label"] -= 10


def certain(certificate: dict[str, Any]) -> None:
    certificate["verdict"] = "certain"


LIES = [drop_a_leaf, take_one_side, turn_multipliers, move_a_split, negative_scale, half_a_threshold]
LIES += [deepen_a_cut, turn_a_cut, leave_nothing_after_cuts]
LIES += [
    strike_a_rival,
    another_label,
    no_such_label,
    a_wider_radius,
    another_model,
    nothing_is_broken,
    broken_far_away,
    certain,
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_is_refused_even_with_a_fitting_checksum(lie: Any) -> None:
    network, certificate = copy.deepcopy(proved())
    lie(certificate)
    assert says((network, changed(certificate))) == "refused"


def test_a_truncated_file_is_refused() -> None:
    network, certificate = proved()
    whole, judge = packed(certificate), checker.Network(network)
    assert checker.check(judge, whole) == "robust"
    for file in (b"", *(whole[:length] for length in (1, len(whole) // 2, len(whole) - 1)), b"[1, 2]"):
        with pytest.raises((OSError, EOFError, ValueError)):
            checker.check(judge, file)
    with pytest.raises(AttributeError):
        checker.check(judge, gzip.compress(b"[1, 2]"))


def test_a_changed_network_is_another() -> None:
    network, certificate = copy.deepcopy(proved())
    network["tensors"]["layers.0.weights"][1][0] ^= 2
    assert says((network, certificate)) == "refused"


def trees(model: Model) -> st.SearchStrategy[dict[str, Any]]:
    """Any proof that fits a model: splits anywhere, multipliers of any size."""
    widths = [model.inputs, *(layer.outputs for layer in model.layers[:-1])]
    rows = st.tuples(*(st.lists(st.integers(-50, 50), min_size=w, max_size=w) for w in widths[1:]))
    leaf = st.just({}) | st.builds(
        lambda m, s: {"scale": s, "multipliers": list(m)}, rows, st.integers(1, 99)
    )
    places = [(layer, unit) for layer, width in enumerate(widths) for unit in range(width)]

    def cut(part: Any) -> Any:
        where = st.tuples(st.sampled_from(places), st.integers(-100, 100))
        return st.builds(lambda w, a, b: {"split": [*w[0], w[1]], "below": a, "above": b}, where, part, part)

    def narrow(part: Any) -> Any:
        cuts = st.lists(
            st.tuples(
                st.integers(0, widths[1] - 1),
                st.integers(-100, 100),
                st.booleans(),
                st.integers(-50, 50),
            ).map(list),
            max_size=3,
        )
        fields = {"scale": st.integers(1, 99), "multipliers": rows.map(list), "cuts": cuts, "rest": part}
        return st.fixed_dictionaries(fields)

    deep = len(widths) > 1
    return st.recursive(leaf, lambda part: cut(part) | narrow(part) if deep else cut(part), max_leaves=4)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_proof_whatever_shows_what_is_false(data: st.DataObject) -> None:
    model, image, radius = data.draw(cases())
    broken = set(range(model.classes)) & set(model.predict(images_around(model, image, radius)).tolist())
    network, labels = checker.Network(plain(model)), set(range(model.classes))
    false = sorted(labels if len(broken) > 1 else labels - broken)
    label = data.draw(st.sampled_from(false))
    finding = Certifier(model).decide(image, label, radius, Effort(100))
    rivals = [str(rival) for rival in labels - {label}]
    lie = certificate_of(model, 0, image, label, radius, finding)
    proof = {rival: data.draw(trees(model)) for rival in rivals}
    made = changed({**lie, "verdict": "robust", "proof": proof})
    assert says_of(network, made) == "refused"


def honest(judge: ModuleType) -> bool:
    """Whether a judge accepts all of the true and none of the false."""
    true, false = tight()
    return all(says(pair, judge) == pair[1]["verdict"] for pair in true) and all(
        says(pair, judge) == "refused" for pair in false
    )


def test_the_judge_is_honest_where_it_is_tight() -> None:
    assert honest(checker)


FAULTS = [
    ("Network.__init__", "[-1, *bias]", "[0, *bias]"),
    ("Network.__init__", "self.low + span - 1", "self.low + span - 2"),
    ("Network.__init__", "-(span // 2)", "-(span // 2) + 1"),
    ("Network.narrowed", "bisect_right(t, a)", "bisect_right(t, a + 1)"),
    ("Network.narrowed", "bisect_right(t, z)", "bisect_right(t, z - 1)"),
    ("Network.narrowed", "b - least", "b - 1 - least"),
    ("Network.narrowed", "b + least", "b + 1 + least"),
    ("Network.narrowed", "range(layer, len(self.layers))", "range(layer, min(layer + 2, len(self.layers)))"),
    ("least", "low if f > 0 else high", "high if f > 0 else low"),
    ("part", "alpha * bias + min", "min"),
    ("part", "- alpha * z", "+ alpha * z"),
    ("part", "*inside, *(t - 1 for t in inside)", "*inside"),
    ("part", "*ends, *inside,", "*ends,"),
    ("part", "[*ends, *inside", "[*inside, ends[1]"),
    ("side_of", "threshold - 1", "threshold - 2"),
    ("side_of", "max(ends[0], threshold)", "max(ends[0], threshold + 1)"),
    ("prove", "low > high", "low >= high"),
    ("prove", "('below', 'above')", "('below',)"),
    ("prove", "scale * margin[1]", "margin[1]"),
    ("prove", "bound + least(f, cell[0]) > most", "bound > most"),
    ("prove", "bound + least(f, cell[0]) > most", "bound + least(f, cell[0]) >= most"),
    ("prove", "cuts or bound + least", "True or bound + least"),
    ("prove", "bound - parts[unit] + gone > most", "bound - parts[unit] + gone >= most"),
    ("prove", "bound - parts[unit] + gone", "bound + gone"),
    ("prove", "(alpha - alphas[unit]) * w", "alpha * w"),
    ("prove", "+ least(turned, cell[0])", "+ least(f, cell[0])"),
    ("prove", "threshold, not above", "threshold, above"),
    ("prove", "network.narrowed(cell, 1, [cut[:3] for cut in cuts])", "[cell[0][:0]]"),
    ("check", "x - radius", "x - radius + 1"),
    ("check", "min(x + radius, network.high)", "x + radius"),
    ("check", "0 if rival < label else -1", "-1"),
    ("check", "(tie - c) %", "(tie - c + 1) %"),
    ("check", "!= label", "== label"),
]


@pytest.mark.parametrize(("symbol", "text", "broken"), FAULTS, ids=lambda value: value)
def test_a_fault_in_the_judge_is_noticed(symbol: str, text: str, broken: str) -> None:
    source = Path(checker.__file__).read_text()
    faulty = ModuleType("faulty")
    exec(compile(planted(source, symbol, text, broken), "faulty", "exec"), faulty.__dict__)
    assert not honest(faulty)
