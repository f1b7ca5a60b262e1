"""Exact contributions equal brute force over the background; laws of Shapley values; planted truth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from qfusion import explain
from qfusion.errors import InvalidInput, NotFound
from qfusion.models import QuantumJump
from qfusion.models.games import dividends, shapley
from qfusion.quantum.decomposition import subsets
from qfusion.wording.backgrounds import describe_background
from qfusion.wording.decision_changes import describe_change, describe_last_change
from qfusion.wording.markup import Markup
from qfusion.wording.verdicts import name_decision
from tests.support.coalition_problems import problem


def brute_force(model: QuantumJump, x: dict, background: dict, kind: str) -> np.ndarray:
    """v(S) by replacing absent modalities, row by row: (B, 2^M, C)."""
    names, N = model.modalities, len(next(iter(background.values())))
    picks = (
        [(n,) * len(names) for n in range(N)]
        if kind == "joint"
        else list(itertools.product(range(N), repeat=len(names)))
    )
    values = []
    for i in range(len(x[names[0]])):
        row = []
        for S in subsets(len(names)):
            mixed = {
                name: torch.stack(
                    [x[name][i] if m in S else background[name][pick[m]] for pick in picks]
                )
                for m, name in enumerate(names)
            }
            row.append(model(mixed).mean(0).detach().numpy())
        values.append(row)
    return np.array(values)


@pytest.mark.parametrize("M", [1, 2, 3, 4, 5])
def test_joint_background_equals_brute_force(M):
    model, x, rows = problem(M, B=3 if M < 5 else 1)  # 2^M evolutions a sample
    found = explain.explain(model, x, explain.background(model, rows, "joint"))
    assert np.abs(found.values - brute_force(model, x, rows, "joint")).max() < 1e-12
    assert (found.modalities, found.outputs) == (model.modalities, model.outputs)
    assert (found.background, found.background_size) == ("joint", 6)


@pytest.mark.parametrize("M", [2, 3])
def test_product_background_equals_brute_force(M):
    model, x, rows = problem(M, N=4)
    found = explain.explain(model, x, explain.background(model, rows, "product"))
    assert np.abs(found.values - brute_force(model, x, rows, "product")).max() < 1e-12


def test_mixed_and_zero_backgrounds_equal_their_states():
    model, x, _ = problem(2)
    kets = model.encode(x)
    O = model.observables()
    mixed = explain.explain(model, x, explain.background(model, kind="mixed"))
    zero = explain.explain(model, x, explain.background(model, kind="zero"))
    text = kets["text"][0]
    for found, other in (
        (mixed, torch.eye(3).double() / 3),
        (zero, torch.diag(torch.tensor([1.0, 0, 0]))),
    ):
        rho = torch.kron(torch.outer(text, text.conj()), other.to(torch.complex128))
        expected = torch.einsum("cab,ba->c", O, rho).real + model.bias
        assert np.abs(found.values[0, 1] - expected.detach().numpy()).max() < 1e-12


@pytest.mark.parametrize("kind", list(explain.KINDS))
def test_parts_add_up_to_the_score(kind):
    model, x, rows = problem(3, N=1 if kind == "contrast" else 6)
    found = explain.explain(model, x, explain.background(model, rows, kind))
    y = model(x).detach().numpy()
    assert np.abs(found.prediction - y).max() < 1e-12
    assert np.abs(found.dividends.sum(1) - y).max() < 1e-12
    assert np.abs(found.shapley.sum(1) + found.baseline - y).max() < 1e-12
    assert found.coalitions == (
        "",
        "text",
        "audio",
        "vision",
        "text+audio",
        "text+vision",
        "audio+vision",
        "text+audio+vision",
    )


def test_values_over_time_start_at_the_readout_and_end_at_the_decision():
    model, x, rows = problem(3)
    background = explain.background(model, rows, "joint")
    found = explain.explain_times(model, x, background, [0.0, 0.5, model.duration])
    whole = explain.explain(model, x, background)
    assert np.abs(found.values[-1] - whole.values).max() < 1e-12
    assert np.abs(found.baseline[-1] - whole.baseline).max() < 1e-12
    start = torch.einsum(
        "cab,nb,na->nc", model.readout(), (psi := model.product_state(model.encode(x))), psi.conj()
    ).real
    assert np.abs(found.prediction[0] - (start + model.bias).detach().numpy()).max() < 1e-12


games = st.integers(1, 4).flatmap(
    lambda M: st.tuples(st.just(M), st.lists(st.floats(-5, 5), min_size=2**M, max_size=2**M))
)


@given(games)
def test_laws_of_shapley_values(game):
    """Efficiency; linearity; a null player gets nothing; dividends reproduce the game."""
    M, numbers = game
    v = np.array(numbers)[:, None]
    order = subsets(M)
    d = dividends(v, M)
    assert np.allclose(shapley(d, M).sum(), v[-1] - v[0], atol=1e-9)
    for s, S in enumerate(order):
        assert np.allclose(
            sum(d[r] for r, R in enumerate(order) if set(R) <= set(S)), v[s], atol=1e-9
        )
    assert np.allclose(shapley(dividends(2 * v + 1, M), M), 2 * shapley(d, M), atol=1e-9)
    null = np.array([v[order.index(tuple(m for m in S if m != 0))] for S in order])
    assert np.allclose(shapley(dividends(null, M), M)[0], 0, atol=1e-9)
    symmetric = np.array([[float(len(S)) ** 2] for S in order])
    assert np.ptp(shapley(dividends(symmetric, M), M)) < 1e-9


def test_shares_of_zero_values_are_equal():
    found = explain.Explanation(
        ("a", "b", "c"),
        ("y", "z"),
        (),
        np.zeros((2, 8, 2)),
        np.zeros((2, 8, 2)),
        np.array([[[0, 2], [0, -1], [0, 1]], [[0, 0], [0, 0], [3, 0]]], dtype=float),
        "zero",
        0,
    )
    third = 1 / 3
    assert explain.shares(found).tolist() == [
        [[third, 0.5], [third, 0.25], [third, 0.25]],
        [[0, third], [0, third], [1, third]],
    ]


def test_table_of_one_output():
    model, x, rows = problem(2)
    found = explain.explain(model, x, explain.background(model, rows, "joint"))
    table = found.frame(["p", "q", "r"], output=1)
    assert list(table.columns) == [
        "prediction",
        "baseline",
        "dividend[text]",
        "dividend[audio]",
        "dividend[text+audio]",
        "shapley[text]",
        "shapley[audio]",
        "interaction[text+audio]",
    ]
    parts = table.filter(like="dividend").sum(axis=1) + table["baseline"]
    assert np.allclose(parts, table["prediction"])


def test_invalid_input_is_refused():
    model, x, rows = problem(2)
    with pytest.raises(NotFound, match="Did you mean 'joint'"):
        explain.background(model, rows, "joynt")
    with pytest.raises(InvalidInput, match="must hold the background samples"):
        explain.background(model)
    other, _, other_rows = problem(3)
    with pytest.raises(InvalidInput, match="other modalities or dimensions"):
        explain.explain(model, x, explain.background(other, other_rows, "joint"))


def strong(text: str) -> str:
    return f"<{text}>"


LOUD = Markup(str.upper, strong)


def test_onset_and_changes_are_described():
    assert describe_last_change(["p", "q", "p", "q", "q"], list("abcde"), LOUD) == (
        "The decision is q from <d> on (the end is e); before, it was p."
    )
    assert (
        describe_last_change(["q", "q"], ["a", "b"])
        == "The decision is q from the start (a) to the end (b)."
    )
    start, end = (
        {"": 0.1, "a": 0.2, "b": 0.0, "a+b": 0.0},
        {"": 0.1, "a": 0.3, "b": 0.1, "a+b": -0.4},
    )
    assert describe_change(start, end, "it", LOUD) == (
        "<Every joint term>: it raises the joint share of the contributions from 0% to 50% (A and B jointly, -0.40) "
        "and takes the score from +0.30 to +0.10."
    )
    assert describe_change(end, end | {"a+b": 0.4}, "it", LOUD) == (
        "The joint share of the contributions is 50% before and <50%> after (A and B jointly, +0.40); it "
        "takes the score from +0.10 to +0.90."
    )
    for nothing in (
        {"": 0.1, "a": 0.3},
        {"": 0.1, "a": 0.3, "b": 0.0, "a+b": 0.0},
    ):  # no joint term, or one of nothing
        assert describe_change(dict.fromkeys(nothing, 0.0), nothing, "it") == (
            "No joint terms: it takes the score from +0.00 to +0.40; the decision remains a sum over single modalities."
        )
    assert (
        describe_change(end, end, "it", LOUD)
        == "<Nothing>: it leaves every contribution unchanged."
    )
    three = {"": 0.0, "a": 0.1, "a+b": 0.2, "a+c": -0.3, "b+c": 0.1}
    assert "largest: a and c jointly, -0.30" in describe_change(
        dict.fromkeys(three, 0.0), three, "it"
    )
    small = {"": 0.0, "a": 0.1, "a+b": 0.02, "a+c": -0.04, "b+c": 0.01}
    assert "largest: a and c jointly, -0.04" in describe_change(
        dict.fromkeys(small, 0.0), small, "it"
    )
    tiny = small | {"a+b": 0.002, "a+c": -0.004, "b+c": 0.001}
    assert "none above 0.005" in describe_change(dict.fromkeys(tiny, 0.0), tiny, "it")


def test_decisions_backgrounds_and_lists_in_words():
    assert [name_decision(np.array(s), ()) for s in ([0.2], [-0.2], [0.0])] == [
        "positive",
        "negative",
        "negative",
    ]
    assert name_decision(np.array([0.1, 0.7, 0.3]), ["x", "y", "z"], LOUD) == "‘Y’"
    model, _, rows = problem(2, N=7)
    said = {
        kind: describe_background(explain.background(model, rows, kind))
        for kind in ("joint", "product")
    }
    assert said == {
        "joint": "the 7 training samples",
        "product": "the 7 training samples, each modality drawn independently",
    }
    for kind, words in {
        "mixed": "maximally mixed states (no samples)",
        "zero": "reference states (no samples)",
    }.items():
        assert describe_background(explain.background(model, kind=kind)) == words
