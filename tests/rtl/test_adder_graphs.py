"""Adder graphs multiply with exactly the matrix they were made for, in widths that are exact and reached."""

from pathlib import Path

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

import qsim
from qsim_rtl.gateware.unrolled.adders import Adders
from qsim_rtl.unrolled.digits import signed_digits
from qsim_rtl.unrolled.graph import AdderGraph, Node, Term
from qsim_rtl.unrolled.products import layer_graph
from qsim_rtl.unrolled.sharing import adder_graph
from qsim_rtl.unrolled.staircase import cheapest_staircase

ROOT = Path(__file__).parents[2]


def matrices(rows=6, columns=6, reach=40):
    shape = st.tuples(st.integers(1, rows), st.integers(1, columns))
    return shape.flatmap(
        lambda s: st.lists(
            st.lists(st.integers(-reach, reach), min_size=s[1], max_size=s[1]), min_size=s[0], max_size=s[0]
        )
    ).map(lambda rows: np.array(rows, np.int64))


def test_signed_digits_of_every_small_number():
    numbers = np.arange(-600, 601)
    digits = signed_digits(numbers).astype(int)
    assert ((digits << np.arange(digits.shape[1])).sum(1) == numbers).all()
    assert not (digits[:, 1:] * digits[:, :-1]).any()  # no two neighbours


@settings(max_examples=60, deadline=None)
@given(matrices())
def test_a_graph_is_its_matrix(matrix):
    graph = adder_graph(matrix)
    assert (graph.matrix() == matrix).all()
    for number, node in enumerate(graph.nodes, graph.inputs):
        assert max(node.left.value, node.right.value) < number
        assert node.left.sign > 0 or node.right.sign > 0
    plain = np.abs(signed_digits(matrix).astype(int)).sum((1, 2))
    assert len(graph.nodes) <= (plain - 1).clip(0).sum()


def test_the_same_matrix_gives_the_same_graph():
    matrix = np.random.default_rng(0).integers(-9, 10, (20, 15))
    assert adder_graph(matrix) == adder_graph(matrix.copy())


def test_ranges_are_reached():
    graph = adder_graph(np.array([[3, -5, 1], [3, -5, 0]]))
    rows = np.stack(np.meshgrid(*[range(4)] * 3), -1).reshape(-1, 3)
    values = rows @ graph.coefficients.T
    assert graph.ranges(0, 3) == [*zip(values.min(0).tolist(), values.max(0).tolist(), strict=True)]


@pytest.mark.parametrize(("name", "most"), [("digits-step-q1", 1330), ("digits-relu-q4", 2660)])
def test_layers_of_trained_models_share(name, most):
    """At most 1.1 times the adders of da4ml 0.6.0 for the same first layers, 1,207 and 2,419."""
    model = qsim.load(ROOT / f"models/{name}.safetensors")
    graph = layer_graph(model.layers[0], model.code_range(0))
    assert (graph.matrix() == model.layers[0].weights).all()
    assert len(graph.nodes) <= most


def outputs_of(adders, rows):
    """What the gateware gives for rows of inputs, one a cycle."""
    got = []

    async def drive(ctx):
        for sent in range(len(rows) + adders.latency):
            for i, value in enumerate(rows[min(sent, len(rows) - 1)]):
                ctx.set(getattr(adders, f"x{i}"), int(value))
            if sent >= adders.latency:
                got.append([ctx.get(getattr(adders, f"y{j}")) for j in range(len(adders.graph.outputs))])
            await ctx.tick()

    simulator = Simulator(adders)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
    return np.array(got)


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize(("low", "high"), [(0, 7), (-8, 7)])
@pytest.mark.parametrize("seed", range(4))
def test_adders_give_the_product(levels, low, high, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-25, 26, (5, 6)) * (rng.random((5, 6)) < 0.8)
    matrix[seed] = 0
    rows = rng.integers(low, high + 1, (40, 6))
    rows[0], rows[1] = low, high
    adders = Adders(adder_graph(matrix), low, high, levels)
    assert (outputs_of(adders, rows) == rows @ matrix.T).all()


def test_a_wrong_node_is_noticed():
    graph = adder_graph(np.array([[3, 5], [7, -2]]))
    node = graph.nodes[0]
    wrong = Node(node.left, Term(node.right.value, node.right.shift + 1, node.right.sign))
    broken = AdderGraph(graph.inputs, (wrong, *graph.nodes[1:]), graph.outputs)
    assert (broken.matrix() != graph.matrix()).any()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 900), st.integers(-3000, 3000), st.integers(1, 60))
def test_a_staircase_counts_its_thresholds(count, numerator, first, denominator):
    thresholds = [first + -(-k * numerator // denominator) for k in range(count)]
    form = cheapest_staircase(thresholds)
    if form is None:
        return
    ends = range(thresholds[0] - 50, thresholds[-1] + 50)
    for acc in ends:
        wanted = sum(t <= acc for t in thresholds)
        assert min(max((acc * form.slope + form.offset) >> form.shift, 0), count) == wanted


def test_even_thresholds_have_a_staircase_and_uneven_ones_none():
    assert cheapest_staircase([10 * k for k in range(1, 256)]) is not None
    assert cheapest_staircase([1, 2, 50, 51, 99]) is None
