"""The rules of verdicts on drawn terms: each by its words, for any shift and order of modalities and classes."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from qfusion.data.coalition_terms import coalition_names
from qfusion.explain import Explanation, judge
from qfusion.explain.verdicts import Verdicts
from qfusion.models.coalition_algebra import dividends as dividends_of, shapley
from qfusion.quantum.decomposition import subsets

B = 40  # samples of a drawn game
KINDS = st.tuples(st.integers(2, 5), st.integers(0, 2**32 - 1))


def draw_values(M: int, seed: int, outputs: int) -> np.ndarray:
    """Values of the coalitions of B samples, (B, 2^M, C), of terms of all sizes with ties and zeros among them."""
    rng = np.random.default_rng(seed)
    scale = rng.choice([0.0, 0.1, 1.0, 4.0], size=(B, 2**M, 1), p=[0.05, 0.35, 0.4, 0.2])
    terms = rng.normal(size=(B, 2**M, outputs)).round(rng.integers(1, 4)) * scale
    members = [set(part) for part in subsets(M)]
    inside = np.array([[part <= whole for part in members] for whole in members])
    return np.asarray(np.einsum("ws,bsc->bwc", inside, terms))


def explain(values: np.ndarray) -> Explanation:
    """The explanation of given values of coalitions, (B, 2^M, C)."""
    M = int(np.log2(values.shape[1]))
    terms = dividends_of(values, M)
    names = tuple("abcde"[:M])
    outputs = tuple("uvw"[: values.shape[2]])
    return Explanation(
        names, outputs, coalition_names(names), values, terms, shapley(terms, M), "product", 10
    )


def log_odds(raw: np.ndarray) -> np.ndarray:
    """Each class against the mean of the others, of raw scores (..., C)."""
    C = raw.shape[-1]
    return np.asarray((C * raw - raw.sum(-1, keepdims=True)) / (C - 1))


def far_from_ties(values: np.ndarray) -> np.ndarray:
    """Samples whose rules all hold or fail by more than rounding, (B,)."""
    M = int(np.log2(values.shape[1]))
    d = dividends_of(values, M)[..., 0]
    b, own, joint = d[:, 0], d[:, 1 : M + 1], d[:, M + 1 :].sum(1)
    U, net = own.sum(1), own.sum(1) + joint
    size, ordered = np.abs(d[:, 1:]).sum(1), -np.sort(-np.abs(own), axis=1)
    phi = np.sort(np.abs(shapley(dividends_of(values, M), M)[..., 0]), axis=1)
    lead = (phi[:, -1] - phi[:, -2]) / np.where(phi.sum(1) > 0, phi.sum(1), 1)
    edges = [
        np.abs(net) - size / 8,
        np.abs(b) - np.abs(net),
        b + net,
        np.abs(joint) - np.abs(U),
        np.abs(joint) - np.abs(U) / 2,
        np.min(np.abs(np.abs(own) - ordered[:, :1] / 3), axis=1),
        ordered[:, 0] - ordered[:, 1:].sum(1),
        ordered[:, 0] - ordered[:, 1],
        lead - 0.1,
        *d.T,
    ]
    return np.asarray(np.min(np.abs(edges), axis=0) > 1e-6)


def assert_same(one: Verdicts, other: Verdicts, rows: np.ndarray) -> None:
    """Two explanations give the same verdicts on some samples."""
    for name in ("relation", "conflict", "leader"):
        assert (getattr(one, name)[rows] == getattr(other, name)[rows]).all(), name


@given(KINDS)
def test_every_relation_is_what_its_rule_says(kind: tuple[int, int]) -> None:
    M, seed = kind
    explanation = explain(draw_values(M, seed, 1))
    judged = judge(explanation)
    plain = judge(explanation, boundary=None)
    for row in range(B):
        baseline, *terms = explanation.dividends[row, :, 0]
        own, joint = terms[:M], sum(terms[M:])
        U, net, A = sum(own), sum(terms), sum(map(abs, terms))
        relation, most = judged.relation[row], max(map(abs, own))
        opposes = any(x * y < 0 and 3 * min(abs(x), abs(y)) >= most for x in own for y in own)
        assert judged.conflict[row] == opposes
        assert (relation == "undecided") == (abs(net) < A / 8)
        is_prior = (baseline + net) * baseline > 0 and abs(baseline) >= abs(net)
        assert (relation == "prior") == (is_prior and relation != "undecided")
        assert plain.relation[row] != "prior"
        if relation != "prior":
            assert plain.relation[row] == relation
        if relation == "joint":
            assert abs(joint) >= abs(U)
            assert joint * net > 0
        if relation == "correction":
            assert joint * U < 0
            assert 2 * abs(joint) >= abs(U)
        if relation in ("conflict", "dominance", "agreement"):
            assert (relation == "conflict") == opposes
        if judged.leader[row]:
            assert relation in ("correction", "conflict", "dominance", "agreement")
            first = own["abcde".index(judged.leader[row])]
            assert first * net > 0
            assert first * np.sign(net) == max(term * np.sign(net) for term in own)


@given(KINDS)
def test_verdicts_ignore_what_all_classes_share(kind: tuple[int, int]) -> None:
    """A common shift of the raw scores of every coalition and sample, as a common vector in the weights of all classes
    makes it, and the order of the classes."""
    M, seed = kind
    raw = draw_values(M, seed, 3)
    rng = np.random.default_rng(seed)
    common = 5 * rng.normal(size=(*raw.shape[:2], 1))
    outputs = rng.integers(0, 3, B)
    one = judge(explain(log_odds(raw)), outputs)
    rows = np.all([far_from_ties(log_odds(raw)[..., [c]]) for c in range(3)], axis=0)
    assert_same(one, judge(explain(log_odds(raw + common)), outputs), rows)
    order = rng.permutation(3)
    turned = judge(explain(log_odds(raw[..., order])), np.argsort(order)[outputs])
    assert_same(one, turned, rows)


@given(KINDS)
def test_verdicts_of_two_classes_are_the_same(kind: tuple[int, int]) -> None:
    M, seed = kind
    values = log_odds(draw_values(M, seed, 2))
    explanation = explain(values)
    assert_same(judge(explanation, 0), judge(explanation, 1), far_from_ties(values[..., [0]]))


@given(KINDS)
def test_verdicts_ignore_the_order_of_modalities(kind: tuple[int, int]) -> None:
    M, seed = kind
    values = draw_values(M, seed, 1)
    order = np.random.default_rng(seed).permutation(
        M
    )  # place m of the other game has modality order[m]
    places = {frozenset(part): place for place, part in enumerate(subsets(M))}
    moved = [places[frozenset(order[m] for m in part)] for part in subsets(M)]
    one, other = judge(explain(values)), judge(explain(values[:, moved]))
    names = np.array([*"abcde"[:M]])
    renamed = {"": ""} | {str(names[m]): str(names[order[m]]) for m in range(M)}
    rows = far_from_ties(values)
    assert (one.relation[rows] == other.relation[rows]).all()
    assert (one.conflict[rows] == other.conflict[rows]).all()
    assert [renamed[name] for name in other.leader[rows]] == one.leader[rows].tolist()


@pytest.mark.parametrize("boundary", [0.25, 1 / 6])
def test_a_prior_of_shares_is_measured_from_chance(boundary: float) -> None:
    """Shares of votes, whose sign says nothing: what is above one of C classes."""
    values = draw_values(2, 0, 1)
    explanation = explain(values)
    moved = explain(values + boundary)
    rows = far_from_ties(values)
    assert_same(judge(explanation), judge(moved, boundary=boundary), rows)
