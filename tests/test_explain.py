"""Contributions add up, over time too; laws of Shapley values; tables and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from qfusion import explain
from qfusion.errors import InvalidInput, NotFound
from qfusion.models.coalition_algebra import dividends, shapley
from qfusion.quantum.decomposition import subsets
from qfusion.views.words.decisions import describe_background
from tests.support.coalition_problems import problem


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


def test_backgrounds_are_described():
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
