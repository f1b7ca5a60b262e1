"""Faithfulness: curves and correlations against cases by hand, estimators against exact values, incompatible files."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from scipy import stats

from qfusion import explain
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.explain import Explanation, disturbances, faithfulness, stability, verdicts
from qfusion.explain.coalitions import classify_relations
from qfusion.explain.findings import (
    Concern,
    Finding,
    check_deletion,
    check_joint,
    check_poor_predictions,
    check_stability,
    check_truth,
)
from qfusion.models import InputSpec, QuantumJump
from qfusion.models.coalition_algebra import dividends, shapley
from qfusion.models.inputs import values_and_mask
from qfusion.quantum.decomposition import subset_name, subsets
from qfusion.views.faithfulness import describe_readable_terms
from qfusion.views.words.reliability import describe_finding
from tests.support.coalition_problems import problem
from tests.support.entangled import model_of

NAMES = ("text", "audio", "vision")


def additive(parts: np.ndarray, names: tuple[str, ...] = NAMES, joint: float = 0.0) -> Explanation:
    """An explanation of samples whose modalities add `parts` (B, M) to a baseline of 1, and `joint` all together."""
    M = len(names)
    values = np.stack(
        [1 + parts[:, list(S)].sum(1) + joint * (len(S) == M) for S in subsets(M)], 1
    )[..., None]
    dividend = dividends(values, M)
    return Explanation(
        names,
        ("y",),
        tuple(subset_name(S, names) for S in subsets(M)),
        values,
        dividend,
        shapley(dividend, M),
        "joint",
        9,
    )


def means(inputs: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The mean of every feature of every modality, (F,), over rows and real steps."""
    parts = {name: values_and_mask(features) for name, features in inputs.items()}
    return {
        name: (values if mask is None else values[mask]).mean(0)
        for name, (values, mask) in parts.items()
    }


def test_curves_of_an_additive_game_by_hand() -> None:
    found = faithfulness.modality_curves(
        additive(np.array([[3.0, 1.0, 2.0]])), np.zeros(1, int), orders=40
    )
    assert found.shares == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert found.deletion == pytest.approx([0, 3, 5, 6])
    assert found.insertion == pytest.approx([6, 3, 1, 0])
    assert found.samples == 1
    # All six orders turn up; the best one is ours, so the gain is never negative.
    assert set(found.random_deletion[:, 1]) == {1.0, 2.0, 3.0}
    assert found.deletion_gain.min() == pytest.approx(0)
    assert found.insertion_gain.max() == pytest.approx(((5 - 3) + (3 - 1)) / 3)
    assert not found.better  # it ties with itself
    assert list(found.frame()["random_deletion_max"]) == [0, 3, 5, 6]


def test_random_orders_average_to_all_orders() -> None:
    parts = np.random.default_rng(3).normal(size=(400, 3))
    found = faithfulness.modality_curves(additive(parts, joint=0.4), np.zeros(400, int), orders=60)
    expected = np.mean(
        [
            [np.abs(parts[:, list(order[:k])].sum(1) + 0.4 * (k > 0)).mean() for k in range(4)]
            for order in itertools.permutations(range(3))
        ],
        0,
    )
    assert found.random_deletion.mean(0) == pytest.approx(expected, abs=0.02)
    assert found.better
    again = faithfulness.modality_curves(additive(parts, joint=0.4), np.zeros(400, int), orders=60)
    assert (again.random_deletion == found.random_deletion).all()  # seeded


def several(B: int = 7) -> Explanation:
    """Random coalition values of three modalities and two outputs: every term counts."""
    values = np.random.default_rng(8).normal(size=(B, 8, 2))
    terms = dividends(values, 3)
    names = tuple(subset_name(S, NAMES) for S in subsets(3))
    return Explanation(NAMES, ("y", "z"), names, values, terms, shapley(terms, 3), "joint", 9)


@pytest.mark.parametrize("probability", [False, True])
def test_curves_follow_the_order_of_each_sample(probability: bool) -> None:
    """Sample by sample and coalition by coalition, of the output that is explained."""
    explained, outputs = several(), np.array([0, 1, 1, 0, 1, 0, 0])
    found = faithfulness.modality_curves(explained, outputs, probability=probability, orders=400)
    values = explained.values
    if probability:
        values = np.exp(values) / np.exp(values).sum(-1, keepdims=True)
    by = {frozenset(S): values[:, i] for i, S in enumerate(subsets(3))}
    every = frozenset(range(3))

    def along(b: int, order: Any) -> list[list[float]]:
        firsts = [frozenset(order[:k]) for k in range(4)]
        c = outputs[b]
        return [
            [abs(by[every - first][b, c] - by[every][b, c]) for first in firsts],
            [abs(by[first][b, c] - by[every][b, c]) for first in firsts],
        ]

    ours = np.mean(
        [along(b, np.argsort(-np.abs(explained.shapley[b, :, outputs[b]]))) for b in range(7)], 0
    )
    assert found.deletion == pytest.approx(ours[0])
    assert found.insertion == pytest.approx(ours[1])
    everyone = [[along(b, order) for order in itertools.permutations(range(3))] for b in range(7)]
    for random, place in ((found.random_deletion, 0), (found.random_insertion, 1)):
        assert random.shape == (400, 4)
        assert random.mean(0) == pytest.approx(np.mean(everyone, (0, 1))[place], rel=0.05)
    assert found.samples == 7
    assert found.unit == ("probability" if probability else "score")
    table = found.frame()
    for name in ("deletion", "insertion"):
        random = getattr(found, f"random_{name}")
        assert table[name].tolist() == getattr(found, name).tolist()
        for what in ("mean", "min", "max"):
            assert table[f"random_{name}_{what}"].tolist() == getattr(random, what)(0).tolist()
    assert table["share"].tolist() == found.shares.tolist()
    areas = [np.diff(found.shares) @ (run[1:] + run[:-1]) / 2 for run in found.random_deletion]
    own = np.diff(found.shares) @ (found.deletion[1:] + found.deletion[:-1]) / 2
    assert found.deletion_gain == pytest.approx(own - np.array(areas))
    with pytest.raises(InvalidInput, match="7 samples, but has 6"):
        faithfulness.modality_curves(explained, outputs[:6])


def test_sarcastic_samples_match_the_table() -> None:
    explained = several(30)
    table = pd.DataFrame({"regime": np.where(np.arange(30) % 4 == 0, "sarcasm", "plain")})
    together = explained.dividends[::4, explained.coalitions.index("text+audio"), 0].tolist()
    wanted = sum(value < 0 for value in together) / 8, 8
    assert 0 < wanted[0] < 0.5 or 0.5 < wanted[0] < 1
    assert faithfulness.sarcasm_share(explained, table) == pytest.approx(wanted)
    assert faithfulness.sarcasm_share(explained, table.assign(regime="plain")) is None
    assert faithfulness.sarcasm_share(explained, table.drop(columns="regime")) is None
    two = additive(np.ones((30, 2)), ("text", "vision"))
    assert faithfulness.sarcasm_share(two, table) is None


def test_probabilities_are_of_the_predicted_class() -> None:
    a = additive(np.array([[2.0, 0.0, 0.0]]))
    both = Explanation(
        a.modalities,
        ("y", "z"),
        a.coalitions,
        np.concatenate([a.values, 0 * a.values], -1),
        np.concatenate([a.dividends, 0 * a.dividends], -1),
        np.concatenate([a.shapley, 0 * a.shapley], -1),
        "joint",
        9,
    )
    found = faithfulness.modality_curves(both, np.zeros(1, int), probability=True)
    p = [1 / (1 + np.exp(-score)) for score in (3.0, 1.0)]
    assert found.deletion == pytest.approx([0, p[0] - p[1], p[0] - p[1], p[0] - p[1]])
    assert found.unit == "probability"


def test_against_truth_correlates_term_by_term() -> None:
    parts = np.random.default_rng(0).normal(size=(50, 3))
    found = additive(parts)
    truth = pd.DataFrame(
        {name: np.exp(parts[:, m]) for m, name in enumerate(NAMES)}
        | {subset_name(S, NAMES): parts[:, 0] for S in subsets(3) if len(S) > 1}
    )
    compared = faithfulness.compare_with_truth(found, truth)
    assert compared.rank[:3] == pytest.approx([1, 1, 1])
    assert (compared.pearson[:3] < 1).all()
    assert compared.terms[0] == "text"
    with pytest.raises(InvalidInput, match="lacks"):
        faithfulness.compare_with_truth(found, truth.drop(columns="audio"))
    with pytest.raises(InvalidInput, match="50 rows"):
        faithfulness.compare_with_truth(found, truth.head(3))


def linear(n: int = 6) -> tuple[QuantumJump, dict]:
    torch.manual_seed(2)
    model = (
        QuantumJump({"text": InputSpec(n), "audio": InputSpec(4, True)}, ("a", "b"), dims=2)
        .double()
        .eval()
    )
    mask = torch.arange(5) < torch.tensor([5, 3, 1, 4])[:, None]
    return model, {
        "text": torch.randn(4, n, dtype=torch.float64),
        "audio": (torch.randn(4, 5, 4, dtype=torch.float64), mask),
    }


@pytest.mark.parametrize(
    "make",
    [
        linear,
        lambda: (model_of(4, 2), {f"v{m}": torch.randn(4, 3, dtype=torch.float64) for m in (0, 1)}),
    ],
    ids=["quantum-jump", "entangled-qcnn"],
)
def test_integrated_gradients_add_up_and_equal_captums(make) -> None:
    from captum.attr import IntegratedGradients

    model, inputs = make()
    baseline, outputs = means(inputs), np.array([0, 1, 1, 0])
    for name in model.modalities:
        values, mask = values_and_mask(inputs[name])
        with torch.no_grad():
            swapped = dict(inputs) | {
                name: baseline[name].expand_as(values)
                if mask is None
                else (baseline[name].expand_as(values), mask)
            }
            change = (
                (model(inputs) - model(swapped))
                .gather(1, torch.as_tensor(outputs)[:, None])[:, 0]
                .numpy()
            )
        found = disturbances.attributions(
            model, inputs, name, outputs, baseline[name], "integrated gradients"
        )
        assert found.sum(1) == pytest.approx(change, abs=0.08 * np.abs(change).max())

        def forward(x, name=name, mask=mask):  # type: ignore[no-untyped-def]
            repeat = len(x) // 4
            many = {
                key: tuple(t.repeat(repeat, *(1,) * (t.ndim - 1)) for t in v)
                if isinstance(v, tuple)
                else v.repeat(repeat, 1)
                for key, v in inputs.items()
            }
            return model(many | {name: x if mask is None else (x, mask.repeat(repeat, 1))})

        theirs = IntegratedGradients(forward).attribute(
            values,
            baselines=baseline[name].expand_as(values).contiguous(),
            target=torch.as_tensor(outputs),
            n_steps=64,
        )
        theirs = theirs if mask is None else (theirs * mask[..., None]).sum(-1)
        assert found == pytest.approx(
            theirs.detach().numpy(), abs=0.08 * float(theirs.detach().abs().max())
        )


def test_feature_curves_start_and_end_at_known_values() -> None:
    model, inputs = linear()
    baseline, outputs = means(inputs), np.zeros(4, int)
    for name in ("text", "audio"):
        found = disturbances.feature_curves(model, inputs, name, outputs, baseline[name], orders=2)
        values, mask = values_and_mask(inputs[name])
        with torch.no_grad():
            all_gone = baseline[name].expand_as(values)
            gone = model(dict(inputs) | {name: all_gone if mask is None else (all_gone, mask)})
            change = (gone - model(inputs))[:, 0].abs().mean().item()
        assert found.deletion[[0, -1]] == pytest.approx([0, change], abs=1e-10)
        assert found.insertion[[0, -1]] == pytest.approx([change, 0], abs=1e-10)
        assert found.random_deletion[:, -1] == pytest.approx([change, change], abs=1e-10)
    with pytest.raises(NotFound, match="smell"):
        disturbances.attributions(model, inputs, "smell", outputs, baseline["text"])
    with pytest.raises(NotFound, match="Ranking 'luck'"):
        disturbances.attributions(model, inputs, "text", outputs, baseline["text"], "luck")


def test_deleting_the_relevant_feature_changes_the_score() -> None:
    model, _ = linear()
    with torch.no_grad():
        model.encoders["text"].first.weight[:, 1:] = 0  # type: ignore[index, union-attr]
    inputs = {
        "text": torch.randn(60, 6, dtype=torch.float64),
        "audio": (torch.randn(60, 5, 4, dtype=torch.float64), torch.ones(60, 5, dtype=torch.bool)),
    }
    baseline = means(inputs)
    found = disturbances.feature_curves(
        model, inputs, "text", np.zeros(60, int), baseline["text"], orders=4
    )
    assert found.deletion[3:] == pytest.approx(
        np.full(5, found.deletion[-1])
    )  # the one feature goes first
    assert found.better


@pytest.mark.parametrize(
    "make",
    [
        lambda: problem(3, B=1),
        lambda: (
            model_of(3, 3),
            {f"v{m}": torch.randn(1, 3, dtype=torch.float64) for m in range(3)},
            {f"v{m}": torch.randn(5, 3, dtype=torch.float64) for m in range(3)},
        ),
    ],
    ids=["quantum-jump", "entangled-qcnn"],
)
def test_estimators_agree_with_exact_values(make) -> None:
    model, x, rows = make()
    exact = explain.explain(model, x, explain.background(model, rows, "joint"))
    before = torch.random.get_rng_state()
    found = faithfulness.compare(faithfulness.Game(model, x, rows, 1), exact, 0.01)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert [e.method for e in found] == [
        "exact (this project)",
        "brute force",
        "captum ShapleyValueSampling",
        "captum KernelShap",
    ]
    assert found[1].error < 1e-10
    assert found[1].evaluations == 8
    assert found[2].evaluations >= 25 * 3
    assert all(e.seconds > 0 for e in found)
    for e in found:  # all add up to the score, sampled or not
        assert e.shapley.sum() == pytest.approx(
            exact.prediction[0, 1] - exact.baseline[1], abs=1e-6
        )
        assert e.error == pytest.approx(np.abs(e.shapley - exact.shapley[0, :, 1]).max())
    assert list(faithfulness.frame(found, model.modalities)["coalitions_run"])[:2] == [0, 8]
    with pytest.raises(InvalidInput, match="one sample"):
        faithfulness.Game(model, rows, rows, 0)


def test_game_uses_every_background_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """v(S) row by row, whatever part of them is run at once; what is asked again is charged again."""
    model, x, rows = problem(3, B=1)
    monkeypatch.setattr(faithfulness, "CHUNK", 2)
    game = faithfulness.Game(model, x, rows, 1)
    count = len(rows[model.modalities[0]])
    wanted = []
    for S in subsets(3):
        mixed = [
            {
                name: x[name] if m in S else rows[name][i : i + 1]
                for m, name in enumerate(model.modalities)
            }
            for i in range(count)
        ]
        with torch.no_grad():
            wanted.append(np.mean([float(model(one)[0, 1]) for one in mixed]))
    assert [game.value(frozenset(S)) for S in subsets(3)] == pytest.approx(wanted)
    masks = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    assert game.forward(masks).tolist() == pytest.approx(
        [wanted[subsets(3).index((0, 2))], wanted[subsets(3).index((1,))]]
    )
    assert len(game.known) == 8
    assert len(game.charged) == 10
    exact = explain.explain(model, x, explain.background(model, rows, "joint"))
    compared = faithfulness.compare(game, exact, 12.5)
    assert (compared[0].seconds, compared[0].error, compared[0].evaluations) == (12.5, 0, 0)
    assert (compared[0].shapley == exact.shapley[0, :, 1]).all()
    assert compared[-1].evaluations == len(game.charged)
    assert compared[-1].seconds == pytest.approx(sum(game.charged))
    assert compared[1].seconds == pytest.approx(sum(s for _, s in game.known.values()))
    table = faithfulness.frame(compared, model.modalities)
    assert table["method"].tolist() == list(faithfulness.METHODS)
    for i, one in enumerate(compared):
        row = table.iloc[i]
        assert [row[f"shapley[{name}]"] for name in model.modalities] == one.shapley.tolist()
        assert (row["largest_error"], row["coalitions_run"], row["seconds"]) == (
            one.error,
            one.evaluations,
            one.seconds,
        )


def numbers(*texts: str) -> set[str]:
    return {n for text in texts for n in re.findall(r"\d[\d,]*\.?\d*", text)}


def grounded(finding: Finding) -> str:
    """The sentence of a warning whose short form and facts give no number that the sentence does not."""
    one = describe_finding(finding)
    assert one.brief
    assert one.facts
    assert numbers(one.brief, *one.facts) <= numbers(one.sentence), one
    return one.sentence


def test_terms_with_a_stable_order_are_comparable() -> None:
    """The lowest mean correlation of all is named, however the terms compare in size."""
    rng = np.random.default_rng(2)
    terms = rng.normal(size=(1500, 8)) * [0.1, 9, 1, 1, 5, 1, 1, 0.1]
    noise = np.array([0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1, 0.01])
    runs = terms + noise * rng.normal(size=(3, 1500, 8))
    runs[..., 3] = terms[:, 3] + 0.2 * rng.normal(size=(3, 1500))
    names = tuple(subset_name(S, NAMES) for S in subsets(3))
    found = stability.Stability(NAMES, names, (0, 1, 2), runs, 9, False)
    worst = min(
        np.mean(
            [stats.spearmanr(runs[a, :, i], runs[b, :, i])[0] for a, b in ((0, 1), (0, 2), (1, 2))]
        )
        for i in range(1, 8)
    )
    said = check_stability(found, np.arange(1500.0), "score")
    assert [one.severity for one in said] == ["fine", "warning"]
    text = grounded(said[0])
    assert "over 3 training seeds; least stable: vision (" in text
    assert f"rank correlation {worst:.2f} across 1,500 test samples" in text
    floor = np.median(np.std(runs[..., 1:], 0, ddof=1).max(1))
    assert f"smaller than about {floor:.2g} (score)" in grounded(said[1])
    others = replace(found, dividends=rng.normal(size=(3, 1500, 8)))
    said = check_stability(others, np.arange(1500.0), "logit")
    assert [one.severity for one in said] == ["warning"] * 3
    assert numbers(grounded(said[0])) >= {"3", "1,500", "0.8"}
    assert grounded(said[0]).count("(") == 7
    leaders = named_by_hand(others)
    agree = np.mean([(leaders[a] == leaders[b]).mean() for a, b in ((0, 1), (0, 2), (1, 2))])
    assert f"only {100 * agree:.0f}%" in grounded(said[2])


@pytest.mark.parametrize(
    ("factor", "warns"), [(1.0, False), (1.15, False), (1.3, True), (4.0, True)]
)
def test_unstable_poor_predictions_give_a_warning(factor: float, warns: bool) -> None:
    """The tenth with the largest errors against the others."""
    rng = np.random.default_rng(3)
    errors = rng.permutation(400) - 100.0
    spread = rng.uniform(0.9, 1.1, size=(400, 3)) * np.where(errors >= 260, factor, 1.0)[:, None]
    said = check_poor_predictions(spread, errors)
    assert bool(said) == warns
    if warns:
        ratio = spread[errors >= 260].mean() / spread[errors < 260].mean()
        assert f"vary {ratio:.1f} times as much" in grounded(said[0])
    assert check_poor_predictions(spread[:10], errors[:10]) == []
    few = np.where(np.arange(400) % 57 == 0, 40.0, 0.1)[:, None]  # by chance in a few samples alone
    assert check_poor_predictions(few, np.arange(400.0)) == []


def test_terms_follow_the_truth_where_the_order_agrees() -> None:
    terms = ("text", "audio", "text+audio")
    ours = np.zeros((2345, 3))

    def said(*rank: float) -> Finding:
        one = check_truth(
            faithfulness.AgainstTruth(terms, ours, ours, np.array(rank), np.array(rank))
        )
        grounded(one) if np.isfinite(rank).any() else None
        return one

    fine = said(0.95, 0.8, np.nan)
    assert fine.severity == "fine"
    assert "least: audio (rank correlation 0.80 on 2,345 test samples)" in grounded(fine)
    weak = said(0.79, 0.9, -0.3)
    assert weak.severity == "warning"
    assert "Do not take text (0.79), text + audio (-0.30) for" in grounded(weak)
    unknown = said(np.nan, np.nan, np.nan)
    assert unknown.severity == "unknown"
    assert describe_finding(unknown).facts


@pytest.mark.parametrize(("sooner", "later"), [(True, False), (False, True), (False, False)])
def test_orders_worse_than_random_are_reported(sooner: bool, later: bool) -> None:
    shares, ours = np.array([0.0, 0.3, 1.0]), np.array([0.0, 2.0, 3.0])
    deletion = ours - [[0, 1.0, 0], [0, 0.5 if sooner else 0.0, 0], [0, 0.1, 0]]
    insertion = ours[::-1] + [[0, 1.0, 0], [0, 0.3, 0], [0, 0.5 if later else -0.1, 0]]
    curves = faithfulness.Curves(shares, ours, ours[::-1], deletion, insertion, 1234, "score")
    (one,) = check_deletion(curves, "steps")
    text = grounded(one)
    assert ("deletion" in text, "insertion" in text) == (not sooner, not later)
    assert "one of 3 random orders (1,234 test samples)" in text
    two = replace(
        curves,
        shares=shares[::2],
        deletion=ours[::2],
        insertion=ours[::-2],
        random_deletion=deletion[:, ::2],
        random_insertion=insertion[:, ::2],
    )
    assert check_deletion(two, "steps") == []


def test_larger_joint_terms_are_counted_in_the_explained_output() -> None:
    explained, outputs = several(1100), np.arange(1100) % 2
    size = np.abs(explained.dividends[np.arange(1100), :, outputs])
    larger = np.mean([sum(row[4:]) > sum(row[1:4]) for row in size])
    (one,) = check_joint(explained, outputs)
    assert f"in {100 * larger:.0f}% of 1,100 test samples" in grounded(one)
    rare = additive(np.ones((40, 3)), joint=1.0)
    for count, warned in ((1, False), (2, True)):  # 5 % of them, or less
        rare.dividends[:, -1, 0] = np.where(np.arange(40) < count, 3.5, 3.0)
        assert bool(check_joint(rare, np.zeros(40, int))) == warned


def measured(noise: float = 0.05, B: int = 40, R: int = 3) -> stability.Stability:
    rng = np.random.default_rng(1)
    parts = rng.normal(size=(B, 3))
    runs = [additive(parts + noise * rng.normal(size=parts.shape), joint=0.0) for _ in range(R)]
    values = np.array([run.dividends[..., 0] for run in runs]) + 1e-3 * rng.normal(size=(R, B, 8))
    return stability.Stability(NAMES, runs[0].coalitions, tuple(range(R)), values, 9, False)


def test_stability_by_hand() -> None:
    found = measured()
    rank = found.rank_correlations()
    assert rank["text"][0] > 0.98
    assert abs(rank["text+audio"][0]) < 0.5  # noise alone
    assert rank["text"][1] <= rank["text"][0]
    assert found.spread()[:, 0].mean() == pytest.approx(0.05, rel=0.4)
    assert found.shapley == pytest.approx(found.dividends[..., 1:4], abs=0.02)
    assert found.rank_correlations("Shapley values").keys() == set(NAMES)
    leaders = named_by_hand(found)
    assert found.leader_agreement() == pytest.approx(
        np.mean([(leaders[a] == leaders[b]).mean() for a, b in ((0, 1), (0, 2), (1, 2))])
    )


def named_by_hand(found: stability.Stability) -> np.ndarray:
    """Who leads each sample by each seed, -1 for nobody: (R, B)."""
    R, B, _ = found.shapley.shape
    leads = leads_by_hand(found)
    named = np.full((R, B), -1)
    for r, b in np.ndindex(R, B):
        m = int(leads[r, b].argmax())
        baseline, *terms = found.dividends[r, b]
        own, joint = terms[:3], sum(terms[3:])
        net, size = sum(terms), sum(map(abs, terms))
        is_prior = (baseline + net) * baseline > 0 and abs(baseline) >= abs(net)
        is_joint = abs(joint) >= abs(sum(own)) and joint * net > 0
        if abs(net) < size / 8 or is_prior or is_joint:
            continue
        is_first = m == int(np.argmax(np.array(own) * np.sign(net)))
        if is_first and leads[r, b, m] >= 0.1 and found.shapley[r, b, m] * net > 0:
            named[r, b] = m
    return named


def leads_by_hand(found: stability.Stability) -> np.ndarray:
    """How far every modality's share is ahead of every other, (R, B, M)."""
    sizes = np.abs(found.shapley)
    leads = np.zeros(sizes.shape)
    for r, b, m in np.ndindex(*sizes.shape):
        share = sizes[r, b] / sizes[r, b].sum()
        leads[r, b, m] = share[m] - max(np.delete(share, m))
    return leads


def test_seed_uncertainty_by_hand() -> None:
    """Leads and terms of every sample over the seeds; the median over samples for one that was not measured."""
    found = measured(noise=0.6, B=9)
    leads = leads_by_hand(found)
    for rows in ([4, -1, 0, 8], [-1], []):
        doubt = found.doubt(np.array(rows, int))
        assert doubt.seeds == 3
        own, joint = found.dividends[..., 1:4].sum(-1), found.dividends[..., 4:].sum(-1)
        sums = np.stack([own, joint, own + joint], -1)
        for numbers, runs in (
            (doubt.lead, leads),
            (doubt.spread, found.dividends),
            (doubt.sums, sums),
        ):
            deviations = [
                [np.std(runs[:, b, i], ddof=1) for i in range(runs.shape[2])] for b in range(9)
            ]
            wanted = [np.median(deviations, 0) if b < 0 else deviations[b] for b in rows]
            assert numbers == pytest.approx(np.reshape(wanted, (len(rows), runs.shape[2])))
        scores = found.dividends.sum(-1)
        deviations = [np.std(scores[:, b], ddof=1) for b in range(9)]
        wanted = [np.median(deviations) if b < 0 else deviations[b] for b in rows]
        assert doubt.score == pytest.approx(np.array(wanted))
        check_other_seeds(found, doubt, rows)


def check_other_seeds(found: stability.Stability, doubt: verdicts.Doubt, rows: list[int]) -> None:
    """The verdicts of the other seeds, one sample and seed at a time."""
    for place, b in enumerate(rows):
        leads = []
        for r in range(3):
            one = found.dividends[r, [b]]
            relation = classify_relations(one[:, 0], one[:, 1:4], one[:, 4:])[0]
            net = np.sign(one[0, 1:].sum())
            decides = np.sign(one[0, 0]) if relation == "prior" else net
            leads.append((decides, int(np.argmax(one[0, 1:4] * net))))
            if r:
                assert doubt.relations[r - 1, place] == (relation if b >= 0 else "")
                assert doubt.same_direction[r - 1, place] == (leads[r][0] == leads[0][0])
                assert doubt.same_lead[r - 1, place] == (leads[r] == leads[0])


def test_warnings_refer_to_the_measured_rows_and_outputs() -> None:
    """Of classes the log-odds of the true one were: another one, like a row of another split, has the median; of two
    classes the other one's log-odds are the same with the opposite sign."""
    data: Any = SimpleNamespace(
        rows=lambda split: {"test": np.array([2, 5, 7])}[split],
        y=np.arange(10) % 3,
        target=SimpleNamespace(classes=(), boundary=0.0),
    )
    plain = measured(B=3)
    classes = replace(plain, of_true_class=True)
    rows = np.array([7, 0, 2, 9, 5, 6])
    for found, names, outputs, places in (
        (plain, (), np.zeros(6, int), [2, -1, 0, -1, 1, -1]),
        (classes, ("a", "b", "c"), np.array([1, 0, 2, 0, 0, 0]), [2, -1, 0, -1, -1, -1]),
        (classes, ("a", "b"), np.array([1, 0, 0, 0, 0, 0]), [2, -1, 0, -1, 1, -1]),
    ):
        data.target.classes = names
        doubt = stability.seed_doubt(found, data, rows, outputs)
        assert doubt is not None
        wanted = found.doubt(np.array(places))
        assert doubt.lead == pytest.approx(wanted.lead)
        assert doubt.spread == pytest.approx(wanted.spread)
    assert stability.seed_doubt(None, data, rows, np.zeros(6, int)) is None


def test_seeds_and_coalitions_that_do_not_fit_are_refused() -> None:
    whole = measured(B=5)
    for changes in (
        {"coalitions": whole.coalitions[:-1]},
        {"seeds": (0,), "dividends": whole.dividends[:1]},
        {"seeds": (0, 1)},
        {"dividends": whole.dividends[:2]},
        {"dividends": whole.dividends[..., :7]},
        {"dividends": whole.dividends[..., None]},
        {"dividends": whole.dividends[:, 0]},
        {"modalities": ("text", "audio")},
        {"dividends": np.where(whole.dividends > 0, np.nan, 0.0)},
    ):
        with pytest.raises(InvalidInput):
            replace(whole, **changes)


def test_rank_correlation_over_seeds_equals_scipy() -> None:
    found = measured(noise=0.5, B=12)
    constant = (np.arange(8) == 7) & (np.arange(3) == 0)[:, None, None]  # in the first seed
    found = replace(found, dividends=np.where(constant, 1.0, found.dividends))
    for what, runs, names in (
        ("contributions", found.dividends[..., 1:], found.coalitions[1:]),
        ("Shapley values", found.shapley, NAMES),
    ):
        rank = found.rank_correlations(what)
        assert tuple(rank) == names
        for i, name in enumerate(names):
            pairs = [
                0.0
                if name == "text+audio+vision" and a == 0
                else stats.spearmanr(runs[a, :, i], runs[b, :, i])[0]
                for a, b in ((0, 1), (0, 2), (1, 2))
            ]
            assert rank[name] == pytest.approx((np.mean(pairs), min(pairs)))
        assert found.spread(what) == pytest.approx(runs.std(0, ddof=1))
    with pytest.raises(NotFound, match="Terms"):
        found.terms("terms")


def test_stability_file_contains_all_measurements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = replace(measured(B=5), seeds=(4, 0, 9), of_true_class=True, background_size=77)
    path = tmp_path / "new" / "folder" / "m.seeds"
    for _ in range(2):
        stability.save(path, found, weights="w", data="d", notes={"rate": 0.1})
    card = {"weights_sha256": "w"}
    again = stability.load("m", card, "d", 5, path.with_suffix(".json"))
    for name in ("modalities", "coalitions", "seeds", "of_true_class", "background_size"):
        assert getattr(again, name) == getattr(found, name)
    assert (again.dividends == found.dividends.astype(np.float16)).all()
    with safe_open(path, "numpy") as file:
        about = json.loads(file.metadata()["about"])
    assert about["notes"] == {"rate": 0.1}
    monkeypatch.setattr(stability, "MAX_BYTES", path.stat().st_size)
    stability.load("m", card, "d", 5, path.with_suffix(".json"))
    monkeypatch.setattr(stability, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(IntegrityError, match="too large"):
        stability.load("m", card, "d", 5, path.with_suffix(".json"))


def test_stability_file_is_bound_to_its_models_and_data(tmp_path: Path) -> None:
    found, card = measured(), {"weights_sha256": "w", "training": {"epochs": 1}}
    place, card_path = tmp_path / "m.seeds", tmp_path / "m.json"
    with pytest.raises(NotFound, match=r"not measured for model 'm'.*--seeds 5"):
        stability.load("m", card, "d", 40, card_path)
    stability.save(place, found, weights="w", data="d")
    again = stability.load("m", card, "d", 40, card_path)
    assert again.dividends == pytest.approx(found.dividends, abs=2e-3)
    assert (again.modalities, again.seeds, again.background_size) == (NAMES, (0, 1, 2), 9)
    for other in (({"weights_sha256": "x"}, "d", 40), (card, "e", 40), (card, "d", 39)):
        with pytest.raises(NotFound, match="of other weights or data"):
            stability.load("m", *other, card_path)
    with pytest.raises(NotFound, match="not trained here"):
        stability.load("../m", {"weights_sha256": "x"}, "d", 40)
    for damage in (b"", b"\xff" * 100, place.read_bytes()[:-8]):
        place.write_bytes(damage)
        with pytest.raises(IntegrityError, match=r"m\.seeds"):
            stability.load("m", card, "d", 40, card_path)


@pytest.mark.parametrize("size", [1e-7, 1.0, 1e6])
def test_contributions_of_any_size_are_kept(size: float, tmp_path: Path) -> None:
    found = measured()
    found = replace(found, dividends=found.dividends * size)
    stability.save(tmp_path / "m.seeds", found, weights="w", data="d")
    again = stability.load("m", {"weights_sha256": "w"}, "d", 40, tmp_path / "m.json")
    assert again.dividends == pytest.approx(found.dividends, rel=1e-3, abs=1e-6 * size)


def test_shipped_stability_files_are_complete() -> None:
    for path in sorted(stability.FOLDER.glob("*.safetensors")):
        assert path.stat().st_size < 300_000
        with safe_open(path, "numpy") as file:
            about = json.loads(file.metadata()["about"])
        assert about["format"] == stability.FORMAT
        assert about["notes"]["first_seed_trained_anew"] >= 0


def test_warnings_follow_from_the_measurements() -> None:
    found = measured()
    errors = np.linspace(0, 1, 40)
    said = [describe_finding(c).sentence for c in check_stability(found, errors, "score")]
    assert "text + audio" in said[0]
    assert "over 3 training seeds" in said[0]
    ranks = [float(rank) for rank in re.findall(r"\((-?[\d.]+)\)", said[0])]
    assert ranks == sorted(ranks)  # the least stable term is named first
    assert len(ranks) == 4
    floor = np.median(found.spread().max(1))
    assert f"{floor:.2g} (score)" in said[1]
    worse = stability.Stability(
        NAMES,
        found.coalitions,
        found.seeds,
        found.dividends
        + np.where(
            (errors >= 0.9)[None, :, None],
            np.random.default_rng(0).normal(size=found.dividends.shape),
            0,
        ),
        9,
        False,
    )
    assert any(
        c.concern == Concern.POOR_PREDICTIONS for c in check_stability(worse, errors, "score")
    )
    parts = np.random.default_rng(5).normal(size=(200, 3))
    good = faithfulness.modality_curves(additive(parts), np.zeros(200, int))
    assert check_deletion(good, "modalities") == []
    bad = faithfulness.Curves(
        good.shares,
        good.random_deletion[0],
        good.random_insertion[0],
        np.stack([good.deletion] * 2),
        np.stack([good.insertion] * 2),
        200,
        "score",
    )
    assert check_deletion(bad, "modalities")[0].names[1:] == ("deletion", "insertion")
    alone = faithfulness.modality_curves(additive(parts, ("text",)), np.zeros(200, int))
    assert check_deletion(alone, "modalities") == []  # one modality has one order
    explained = additive(parts)
    truth = pd.DataFrame(
        {name: explained.dividends[:, i, 0] for i, name in enumerate(explained.coalitions)}
    )
    truth["text+vision"] = np.random.default_rng(6).normal(size=200)
    told = check_truth(faithfulness.compare_with_truth(explained, truth))
    assert told.severity == "warning"
    together = additive(parts, joint=50.0)
    assert "in 100% of 200" in grounded(check_joint(together, np.zeros(200, int))[0])
    assert check_joint(explained, np.zeros(200, int)) == []
    some = additive(
        np.array([[3.0, 1.0, 2.0]] * 9 + [[0.1, 0.1, 0.1]]), joint=5.0
    )  # own terms add up to 6, or to 0.3
    assert "in 10% of 10" in grounded(check_joint(some, np.zeros(10, int))[0])
    assert "text+vision" in told.ranks
    findings = [
        *check_stability(found, errors, "score"),
        *check_stability(worse, errors, "score"),
        *check_deletion(bad, "modalities"),
        told,
        *check_joint(together, np.zeros(200, int)),
        Finding(Concern.NO_TRUTH),
        Finding(Concern.OTHER_TRUTH),
    ]
    short = [describe_finding(finding) for finding in findings]
    assert all(one.brief and one.facts and len(one.brief) < len(one.sentence) for one in short)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({}, ""),
        ({"a": 0.5, "b": 0.5}, "Every term exceeds its spread over training seeds in 50%"),
        ({"a": 0.004, "a+b": 0.85}, "a \\+ b exceeds its spread over training seeds in 85% of the"),
    ],
)
def test_terms_beyond_their_spread_are_named_with_their_shares(
    shares: dict[str, float], words: str
) -> None:
    assert describe_readable_terms(shares).startswith(words)
