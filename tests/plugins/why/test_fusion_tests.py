"""Tests of fusion: EMAP, loss dividends, synergies, rankings and clusters against brute force, and their sentences."""

from __future__ import annotations

import inspect
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import silhouette_score

from qfusion import data, explain
from qfusion._memory_cache import CACHE, find_result
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import backgrounds, bootstrap, coalitions, interval_ends
from qfusion.explain.backgrounds import JointEffect, joint_effect
from qfusion.explain.bootstrap import Interval
from qfusion.models import build, coalition_algebra
from qfusion.plugins.why import evidence
from qfusion.plugins.why.command import print_model_fusion
from qfusion.plugins.why.fusion import (
    contribution_ranking,
    explanation_clusters,
    fusion_tests,
    loss_attribution,
    model_fusion,
    sampled_synergy,
)
from qfusion.plugins.why.fusion.contribution_ranking import Lead
from qfusion.plugins.why.fusion.explanation_clusters import Multiplicity
from qfusion.plugins.why.fusion.loss_attribution import Importance
from qfusion.plugins.why.fusion.words import (
    describe_basins,
    describe_importance,
    describe_joint_effect,
    describe_multiplicity,
    describe_ranking,
    describe_synergies,
    fusion_record,
)
from qfusion.quantum.decomposition import subset_name, subsets
from qfusion.study import metric_gains, opening, performance, trust
from qfusion.training import checkpoint, checkpoint_cards, metrics

KINDS = ["quantum-jump", "entangled-qcnn", "state-linear", "concatenation", "jump-mean-field"]
SMALL: dict[str, dict[str, Any]] = {
    "entangled-qcnn": dict(elements=2),
    "concatenation": {},
}
NAMES = ("text", "audio", "a b")


def model_of(kind: str, M: int, outputs: int = 2) -> Any:
    torch.manual_seed(1)
    inputs = {name: {"size": 3, "sequence": False} for name in NAMES[:M]}
    settings = SMALL.get(kind, dict(dims=2)) | dict(hidden=4)
    return build(kind, inputs, tuple(map(str, range(outputs))), settings).double().eval()


def rows_of(M: int, n: int, seed: int = 0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {name: torch.randn(n, 3, dtype=torch.float64, generator=random) for name in NAMES[:M]}


@torch.no_grad()
def at(model: Any, x: Mapping[str, torch.Tensor], places: tuple[int, ...]) -> np.ndarray:
    """The score of a combination: of every modality another row."""
    return model({name: x[name][[p]] for name, p in zip(x, places, strict=True)}).numpy()[0]


def brute_emap(model: Any, x: Mapping[str, torch.Tensor], n: int, M: int) -> np.ndarray:
    """Over all n^M combinations, one forward pass each."""
    f = np.array([at(model, x, p) for p in itertools.product(range(n), repeat=M)])
    f = f.reshape(*(n,) * M, -1)
    means = [f.mean(tuple(k for k in range(M) if k != m)) for m in range(M)]
    return sum(means) - (M - 1) * f.mean(tuple(range(M)))


# EMAP.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("M", [2, 3])
def test_emap_equals_all_combinations(kind: str, M: int) -> None:
    model, x = model_of(kind, M), rows_of(M, 4)
    result = backgrounds.emap(model, x)
    if result.errors is None:
        assert np.abs(result.scores - brute_emap(model, x, 4, M)).max() < 1e-10
    else:  # three modalities of a model without states: shuffled
        assert M == 3
        assert not hasattr(model, "observables") or kind == "jump-mean-field"
    assert np.abs(result.model - np.array([at(model, x, (i,) * M) for i in range(4)])).max() < 1e-10


def test_shuffled_rows_estimate_emap_within_their_errors() -> None:
    model, x = model_of("concatenation", 3), rows_of(3, 12)
    exact = brute_emap(model, x, 12, 3)
    draws = [backgrounds.emap(model, x, seed=seed) for seed in range(40)]
    mean = np.mean([one.scores for one in draws], 0)
    error = np.std([one.scores for one in draws], 0) / math.sqrt(40)
    assert np.mean(np.abs(mean - exact) < 3 * error + 1e-12) > 0.85
    assert draws[0].errors is not None
    told = np.mean([np.sqrt((one.errors**2).mean()) for one in draws])  # type: ignore[operator]
    off = np.sqrt(np.mean([(one.scores - exact) ** 2 for one in draws]))
    assert told > 0.8 * off  # every row is taken once, which errs less than independent draws
    some = backgrounds.emap(model_of("concatenation", 2), rows_of(2, 12), most=5)
    assert some.rows == 5
    assert some.errors is not None


def test_additive_models_equal_their_emap() -> None:
    model, x = model_of("state-linear", 3), rows_of(3, 6)
    result = backgrounds.emap(model, x)
    assert np.abs(result.scores - result.model).max() < 1e-10
    for kind in ("quantum-jump", "entangled-qcnn", "concatenation"):
        alone = backgrounds.emap(model_of(kind, 1), rows_of(1, 6))
        assert np.abs(alone.scores - alone.model).max() < 1e-10
        truth = np.array([0, 1] * 3)
        worth = backgrounds.gains(
            alone, truth, metrics.classification, {"accuracy": metrics.LABELS["accuracy"]}
        )
        assert "One modality" in describe_joint_effect(alone, worth, "accuracy")


def test_own_terms_are_the_baseline_and_single_dividends() -> None:
    model, x = model_of("quantum-jump", 3), rows_of(3, 5)
    result = explain.explain(model, x, explain.background(model, rows_of(3, 7, 1), "joint"))
    own = backgrounds.own_terms(result)
    assert np.abs(own.scores - result.dividends[:, :4].sum(1)).max() < 1e-12
    assert own.rows == 7
    assert own.errors is None
    noisy = replace(result, errors=np.full(result.dividends.shape, 0.5))
    assert np.allclose(backgrounds.own_terms(noisy).errors, 1.0)  # type: ignore[arg-type]


def additive(model: np.ndarray, scores: np.ndarray) -> backgrounds.Additive:
    return backgrounds.Additive(2, model, scores, None, len(model))


def test_gains_are_differences_with_the_sign_of_better() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=80)
    right, wrong = truth[:, None] + 0.1, rng.normal(size=(80, 1))
    labels = {name: metrics.LABELS[name] for name in ("mae", "corr")}
    worth = backgrounds.gains(
        additive(right, wrong), truth, lambda s, y: metrics.plain(s[:, 0], y), labels
    )
    both = [metrics.plain(part[:, 0], truth) for part in (right, wrong)]
    assert math.isclose(worth["gain"]["mae"].value, both[1]["mae"] - both[0]["mae"])
    assert math.isclose(worth["gain"]["corr"].value, both[0]["corr"] - both[1]["corr"])
    assert worth["gain"]["mae"].low > 0
    assert joint_effect(additive(right, wrong), worth["gain"]["mae"]) == JointEffect.GAIN
    frame = bootstrap.interval_frame("metric", **worth)
    assert list(frame["metric"]) == ["mae", "corr"]
    assert frame["gain:low"][0] == worth["gain"]["mae"].low
    back = backgrounds.gains(
        additive(wrong, right), truth, lambda s, y: metrics.plain(s[:, 0], y), labels
    )
    assert joint_effect(additive(wrong, right), back["gain"]["mae"]) == JointEffect.HARM
    same = backgrounds.gains(
        additive(wrong, wrong), truth, lambda s, y: metrics.plain(s[:, 0], y), labels
    )
    assert joint_effect(additive(wrong, wrong), same["gain"]["mae"]) == JointEffect.NOT_SHOWN
    few = backgrounds.gains(
        additive(wrong[:4], right[:4]), truth[:4], lambda s, y: metrics.plain(s[:, 0], y), labels
    )
    assert joint_effect(additive(wrong[:4], right[:4]), few["gain"]["mae"]) == JointEffect.UNKNOWN
    with pytest.raises(InvalidInput, match="shape \\(80,\\)"):
        backgrounds.gains(additive(right, wrong), truth[:3], metrics.classification, labels)
    clusters = np.repeat(np.arange(4), 20)[:, None]  # four videos tell nothing
    assert not backgrounds.gains(
        additive(right, wrong),
        truth,
        lambda s, y: metrics.plain(s[:, 0], y),
        labels,
        clusters=clusters,
    )["gain"]["mae"].known


def one(value: float, half: float = 0.1, n: int = 1234) -> Interval:
    return Interval(value, value - half, value + half, n, 2000)


def test_titles_of_joint_terms_follow_their_interval() -> None:
    unknown = Interval(0.3, math.nan, math.nan, 1234, 0)
    about = "0.500 without, 0.800 with them"
    few = "(accuracy 0.500 without them, 0.800 with them, n = 1,234)"
    not_shown = "Joint terms: no significant effect on accuracy"
    for count, gain, words in (
        (1, one(0.3), "One modality has no joint terms: EMAP equals the model (accuracy 0.800)"),
        (2, unknown, f"Too few samples to tell whether joint terms help {few}"),
        (2, one(0.3), f"Joint terms improve accuracy by 0.300 (95% CI 0.200 to 0.400): {about}"),
        (2, one(-0.3), f"Joint terms worsen accuracy by 0.300 (95% CI 0.200 to 0.400): {about}"),
        (2, one(0.1), f"{not_shown} (gain +0.100, 95% CI +0.000 to +0.200): {about}"),
        (2, one(-0.1), f"{not_shown} (gain -0.100, 95% CI -0.200 to +0.000): {about}"),
        (2, one(-0.05), f"{not_shown} (gain -0.050, 95% CI -0.150 to +0.050): {about}"),
    ):  # fmt: skip
        model = backgrounds.Additive(count, np.zeros((2, 1)), np.zeros((2, 1)), None, 2)
        columns = {"model": one(0.8), "additive": one(0.5), "gain": gain}
        gains = {name: {"accuracy": interval} for name, interval in columns.items()}
        assert describe_joint_effect(model, gains, "accuracy") == words


def test_titles_of_the_loss_game_follow_its_intervals() -> None:
    game = loss_attribution.LossGame(
        "l1",
        {"x": one(0.1), "y": one(0.2), "x+y": one(0.6)},
        {"x": one(0.3), "y": one(0.7)},
        one(1.0),
        ("x", one(0.4)),
        1.5,
        0.5,
    )
    nothing = "The modalities do not reduce the absolute error significantly (by +0.100, 95% CI +0.000 to +0.200)"
    even = "No significant difference between y and x: they reduce the absolute error by 0.700 and 0.300"
    unranked = "Too few samples to rank modalities (the absolute error falls by 1.000, 1.500 to 0.500, n = 1,234)"
    value = "0.700 (95% CI 0.600 to 0.800)"
    unknown = Interval(1.0, math.nan, math.nan, 1234, 0)
    for made, words in (
        (game, f"y reduces the absolute error most: by {value} of 1.000"),
        (replace(game, ahead=("x", one(0.1))), f"{even} of 1.000"),
        (replace(game, ahead=None), f"y reduces the absolute error by {value}, from 1.500 to 0.500"),
        (replace(game, total=one(0.1)), nothing),
        (replace(game, total=unknown), unranked),
    ):  # fmt: skip
        assert describe_importance(made) == words
    frame = game.frame()
    assert frame["of"].tolist() == ["x", "y", "x+y", "x", "y"]
    assert frame["what"].tolist() == ["dividend"] * 3 + ["Shapley value"] * 2
    assert frame["loss_reduction"].tolist() == [0.1, 0.2, 0.6, 0.3, 0.7]
    assert frame["loss_reduction:low"].tolist() == pytest.approx([0, 0.1, 0.5, 0.2, 0.6])
    assert frame["loss_reduction:high"].tolist() == pytest.approx([0.2, 0.3, 0.7, 0.4, 0.8])
    assert game.order == ["y", "x"]


def test_leader_is_compared_with_the_closest_rival() -> None:
    """Losses by hand; the order of Shapley values is x, z, y, and the gap to y varies more than that to z."""
    rng = np.random.default_rng(0)
    y, own = rng.normal(size=60), {"x": 0.6, "y": 0.1, "z": 0.15}
    size = np.abs(y)
    wild = np.where(np.arange(60) % 2, 1.9, -1.5)
    off = [own["x"] * size, own["y"] * size * wild, own["z"] * size]
    v = np.stack([0 * y, *((1 - (1 - part / size)) * y for part in off), *(0 * y,) * 4], 1)
    v[:, 4] = v[:, 1] + v[:, 2]
    v[:, 5] = v[:, 1] + v[:, 3]
    v[:, 6] = v[:, 2] + v[:, 3]
    v[:, 7] = v[:, 1] + v[:, 2] + v[:, 3]
    pair = np.arange(60)[:, None] // 2
    game = loss_attribution.loss_game(values_of(v), y, "l1", resamples=40, seed=2, clusters=pair)
    loss = np.abs(v - y[:, None])
    phi = np.zeros((60, 3))
    order = {S: i for i, S in enumerate(subsets(3))}
    for way in itertools.permutations(range(3)):
        for k, m in enumerate(way):
            before, after = (order[tuple(sorted(way[:end]))] for end in (k, k + 1))
            phi[:, m] += (loss[:, before] - loss[:, after]) / 6
    first, *others = np.argsort(-phi.mean(0))
    gaps = {
        NAMES[m]: bootstrap.mean(phi[:, first] - phi[:, m], resamples=40, seed=2, clusters=pair)
        for m in others
    }
    name = min(gaps, key=lambda key: gaps[key].low)
    assert game.ahead is not None
    assert game.ahead[0] == name
    for field in ("value", "low", "high"):
        assert getattr(game.ahead[1], field) == pytest.approx(getattr(gaps[name], field))
        for m in range(3):
            mean = bootstrap.mean(phi[:, m], resamples=40, seed=2, clusters=pair)
            assert getattr(game.shapley[NAMES[m]], field) == pytest.approx(getattr(mean, field))
    assert (game.start, game.end) == pytest.approx((loss[:, 0].mean(), loss[:, 7].mean()))


def test_synergy_error_is_reported_for_the_worst_pair() -> None:
    frame = pd.DataFrame(
        {
            "pair": ["a+b", "a+c", "b+c"],
            "rows": 50,
            "draws": 4,
            "correlation": [0.9, 0.75, math.nan],
            "lowest": [0.8, 0.6, math.nan],
            "relative error": [0.1, 0.5, math.nan],
        }
    )
    assert describe_synergies(frame) == (
        "The joint term of a + c, estimated from 50 background samples, is 50% off"
    )
    assert describe_synergies(frame.iloc[2:]).startswith("No joint term of a pair varies")


def test_sampled_synergies_are_measured_by_pearson_and_by_their_error() -> None:
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(9, 8, 2)) for _ in range(4)]
    outputs = np.arange(9) % 2
    makes = [
        replace(values_of(v[..., 0]), values=v, dividends=coalition_algebra.dividends(v, 3))
        for v in values
    ]
    exact, *draws = makes
    frame = sampled_synergy.synergies(exact, draws, outputs)
    for row, place in zip(frame.to_dict("records"), (4, 5, 6), strict=True):
        truth, *others = (one.dividends[np.arange(9), place, outputs] for one in makes)
        r = [pearsonr(truth, other).statistic for other in others]
        error = np.mean([(other - truth) ** 2 for other in others]) / (truth**2).mean()
        assert row == {
            "pair": exact.coalitions[place],
            "rows": 1,
            "draws": 3,
            "correlation": pytest.approx(np.mean(r)),
            "lowest": pytest.approx(min(r)),
            "relative error": pytest.approx(error**0.5),
        }


# Loss dividends.


@pytest.mark.parametrize("loss", loss_attribution.LOSSES)
@pytest.mark.parametrize("M", [1, 2, 3])
def test_loss_dividends_equal_brute_force_and_add_up(loss: str, M: int) -> None:
    classes = loss == "cross_entropy"
    model, x, rows = (
        model_of("quantum-jump", M, 3 if classes else 1),
        rows_of(M, 12),
        rows_of(M, 5, 1),
    )
    truth = np.arange(12) % 3 if classes else np.linspace(-2, 2, 12)
    result = explain.explain(model, x, explain.background(model, rows, "joint"))
    game = loss_attribution.loss_game(result, truth, loss)
    kind = {"l1": torch.nn.L1Loss(), "mse": torch.nn.MSELoss(), "huber": torch.nn.SmoothL1Loss()}
    v = {}
    for S in subsets(M):
        mixed = {
            name: x[name].repeat_interleave(5, 0) if m in S else rows[name].repeat(12, 1)
            for m, name in enumerate(x)
        }
        with torch.no_grad():
            scores = model(mixed).unflatten(0, (12, 5)).mean(1)
        y = torch.tensor(truth)
        v[S] = float(
            torch.nn.functional.cross_entropy(scores, y) if classes else kind[loss](scores[:, 0], y)
        )
    for S in subsets(M)[1:]:
        dividend = sum(
            (-1) ** (len(S) - k) * (v[()] - v[R])
            for k in range(len(S) + 1)
            for R in itertools.combinations(S, k)
        )
        assert abs(game.dividends[subset_name(S, NAMES[:M])].value - dividend) < 1e-10
    orders = list(itertools.permutations(range(M)))
    for m in range(M):
        before = [tuple(sorted(order[: order.index(m)])) for order in orders]
        gain = np.mean([v[S] - v[tuple(sorted((*S, m)))] for S in before])
        assert abs(game.shapley[NAMES[m]].value - gain) < 1e-10
    total = v[()] - v[subsets(M)[-1]]
    assert abs(game.total.value - total) < 1e-10
    assert abs(sum(one.value for one in game.dividends.values()) - total) < 1e-10
    assert abs(sum(one.value for one in game.shapley.values()) - total) < 1e-10
    assert abs(game.start - v[()]) < 1e-10
    assert len(game.frame()) == 2**M - 1 + M


def values_of(v: np.ndarray) -> coalitions.Explanation:
    """An explanation of given coalition values (B, 2^M)."""
    M = v.shape[1].bit_length() - 1
    stand_in = SimpleNamespace(modalities=NAMES[:M], outputs=("y",), logit_scale=1.0)
    background: Any = SimpleNamespace(name="b", samples=1, spread="background")
    return coalitions.explanation_of_values(stand_in, v[..., None], background)  # type: ignore[arg-type]


def test_importance_needs_separated_intervals() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    a, b = y * 0.7, y * 0.1
    one = loss_attribution.loss_game(values_of(np.stack([0 * y, a, b, a + b], 1)), y, "l1")
    assert (one.order[0], one.importance) == ("text", Importance.FIRST)
    half = y * 0.4
    equal = loss_attribution.loss_game(
        values_of(np.stack([0 * y, half, half, 2 * half], 1)), y, "l1"
    )
    assert equal.importance == Importance.NO_DIFFERENCE
    noise = rng.normal(size=200)
    nothing = loss_attribution.loss_game(
        values_of(np.stack([0 * y, noise, noise, noise], 1)), y, "l1"
    )
    assert nothing.importance == Importance.NO_REDUCTION
    few = loss_attribution.loss_game(values_of(np.stack([0 * y, a, b, a + b], 1)[:4]), y[:4], "l1")
    assert few.importance == Importance.UNKNOWN
    alone = loss_attribution.loss_game(values_of(np.stack([0 * y, a], 1)), y, "mse")
    assert alone.importance == Importance.ONE_MODALITY
    with pytest.raises(InvalidInput, match="one value a sample"):
        loss_attribution.loss_game(values_of(np.stack([0 * y, a], 1)), y[:5], "mse")
    with pytest.raises(NotFound, match="Loss"):
        loss_attribution.loss_game(values_of(np.stack([0 * y, a], 1)), y, "hinge")


# Other people's coalition_algebra.


def test_games_of_shapiq_agree() -> None:
    from shapiq.game_theory.exact import ExactComputer

    rng = np.random.default_rng(3)
    for M in (2, 3, 4, 5):
        v = rng.normal(size=2**M)
        order = {S: i for i, S in enumerate(subsets(M))}

        def game(asked: np.ndarray, order: Any = order, v: np.ndarray = v) -> np.ndarray:
            return np.array(
                [v[order[tuple(np.flatnonzero(row).tolist())]] for row in np.atleast_2d(asked)]
            )

        dividend = coalition_algebra.dividends(v[None, :, None], M)
        exact = ExactComputer(game, n_players=M)
        theirs = exact("Moebius", M)
        for S in subsets(M):
            assert abs(theirs[S] - dividend[0, order[S], 0]) < 1e-8
        phi = exact("SV", 1)
        ours = coalition_algebra.shapley(dividend, M)[0, :, 0]
        pairs = exact("SII", 2)
        index = coalition_algebra.interaction(dividend, M)[0, ..., 0]
        for m in range(M):
            assert abs(phi[(m,)] - ours[m]) < 1e-8
        for pair in itertools.combinations(range(M), 2):
            assert abs(pairs[pair] - index[pair]) < 1e-8


def test_shapiq_agrees_on_the_unanimity_game() -> None:
    from shapiq_games.synthetic import SOUM

    game = SOUM(n=4, n_basis_games=6, random_state=1)
    asked = np.array([[int(m in S) for m in range(4)] for S in subsets(4)])
    dividend = coalition_algebra.dividends(np.asarray(game(asked))[None, :, None], 4)[0, :, 0]
    known = game.moebius_coefficients
    for S, value in zip(subsets(4), dividend, strict=True):
        assert abs(value - (known[S] if S in known.interaction_lookup else 0.0)) < 1e-8


# F_syn.


def test_synergy_of_all_rows_equals_the_dividend() -> None:
    model, x, rows = model_of("quantum-jump", 3), rows_of(3, 40), rows_of(3, 60, 1)
    outputs = np.arange(40) % 2
    exact = explain.explain(model, x, explain.background(model, rows, "joint"))
    again = sampled_synergy.synergies(exact, [exact, exact], outputs)
    assert list(again["pair"]) == ["text+audio", "text+a b", "audio+a b"]
    assert np.allclose(again["correlation"], 1)
    assert np.allclose(again["relative error"], 0)
    few = [
        explain.explain(
            model, x, explain.background(model, {k: v[s::12] for k, v in rows.items()}, "cohort")
        )
        for s in range(12)
    ]
    frame = sampled_synergy.synergies(exact, few, outputs)
    assert (frame["rows"] == 5).all()
    assert frame["lowest"].le(frame["correlation"]).all()
    assert frame["relative error"].gt(1e-3).all()
    # v(ab) - v(a) - v(b) + v(0), by hand
    v = few[0].values[np.arange(40), :, outputs]
    by_hand = v[:, 4] - v[:, 1] - v[:, 2] + v[:, 0]
    assert np.abs(by_hand - few[0].dividends[np.arange(40), 4, outputs]).max() < 1e-12
    assert "estimated from 5 background samples" in describe_synergies(frame)
    flat = explain.explain(
        model_of("state-linear", 2),
        rows_of(2, 8),
        explain.background(model_of("state-linear", 2), rows_of(2, 5), "joint"),
    )
    assert "No joint term of a pair" in describe_synergies(
        sampled_synergy.synergies(flat, [flat], outputs[:8])
    )


# Ranking.


def test_ranking_is_by_mean_size_and_separated_by_intervals() -> None:
    rng = np.random.default_rng(0)
    small, large, joint = rng.normal(size=(3, 300)) * [[0.1], [1.0], [0.5]]
    result = contribution_ranking.ranking(
        {"text": small, "audio": large, "text+audio": joint + 0.5}, ("text", "audio")
    )
    assert list(result.sizes) == ["audio", "text+audio", "text"]
    assert math.isclose(result.sizes["audio"].value, np.abs(large).mean())
    assert math.isclose(result.means["text+audio"].value, joint.mean() + 0.5)
    assert math.isclose(result.pairs["text+audio"].value, joint.mean() + 0.5)
    assert result.lead == Lead.FIRST
    # the third is smaller than the second, but less surely than the first
    third = np.where(np.arange(300) < 4, 60.0, 0.1) * np.sign(small)
    wide = contribution_ranking.ranking(
        {"text": 1.0 + 0 * small, "audio": 0.97 + 0 * small, "text+audio": third}, ("text", "audio")
    )
    assert list(wide.sizes) == ["text", "audio", "text+audio"]
    assert wide.lead == Lead.NO_DIFFERENCE
    assert describe_ranking(wide).startswith(
        "No significant difference between text and text+audio"
    )
    equal = contribution_ranking.ranking(
        {"text": large, "audio": -large, "text+audio": small}, ("text", "audio")
    )
    assert equal.lead == Lead.NO_DIFFERENCE
    few = contribution_ranking.ranking({"text": small[:3]}, ("text",))
    assert few.lead == Lead.UNKNOWN
    assert few.ahead is None
    assert list(result.frame()["coalition"]) == list(result.sizes)
    for column, part in (("size", result.sizes), ("mean", result.means)):
        for end, field in (("", "value"), (":low", "low"), (":high", "high")):
            assert result.frame()[column + end].tolist() == [
                getattr(part[name], field) for name in result.sizes
            ]
    # the same as of every column alone, over what samples share
    shared = np.arange(300)[:, None] // 5
    terms = {"text": small, "audio": large, "text+audio": joint + 0.5}
    over = contribution_ranking.ranking(terms, ("text", "audio"), shared)
    for name, values in terms.items():
        for ours, theirs in ((over.sizes, np.abs(values)), (over.means, values)):
            mean = bootstrap.mean(theirs, clusters=shared)
            for field in ("value", "low", "high"):
                assert getattr(ours[name], field) == pytest.approx(getattr(mean, field))
    assert over.ahead is not None
    assert over.ahead[0] == "text+audio"
    ahead = bootstrap.mean(np.abs(large) - np.abs(joint + 0.5), clusters=shared)
    assert (over.ahead[1].low, over.ahead[1].high) == pytest.approx((ahead.low, ahead.high))
    first = over.sizes["audio"]
    assert describe_ranking(over, str.upper) == (
        f"Largest contribution: AUDIO (mean |contribution| {first.value:.3f}, 95% CI {first.low:.3f} to "
        f"{first.high:.3f})"
    )
    with pytest.raises(InvalidInput, match="Loosen the filter"):
        contribution_ranking.ranking({"text": small[:0]}, ("text",))


def test_pairs_are_interaction_indices_of_three_modalities() -> None:
    rng = np.random.default_rng(0)
    terms = [subset_name(S, NAMES) for S in subsets(3)[1:]]
    values = rng.normal(size=(20, 7))
    result = contribution_ranking.ranking(dict(zip(terms, values.T, strict=True)), NAMES)
    index = coalition_algebra.interaction(np.pad(values, ((0, 0), (1, 0)))[..., None], 3)[
        ..., 0
    ].mean(0)
    assert math.isclose(result.pairs["text+a b"].value, index[0, 2])


# Basins.


def test_one_cluster_of_any_shape_is_rarely_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(explanation_clusters, "NULL", 500)
    rng = np.random.default_rng(0)
    for R, T in ((5, 1), (5, 3), (8, 7)):
        result = explanation_clusters.basins(rng.normal(size=(R, 100, T)) @ rng.normal(size=(T, T)))
        assert result.share.value < 0.09
    assert result.multiplicity == Multiplicity.NOT_SHOWN


def test_seeds_are_split_where_the_silhouette_is_largest() -> None:
    """Against scikit-learn's own average linkage, over all numbers of clusters that have two points each."""
    rng, several = np.random.default_rng(0), 0
    for R in (4, 5, 7, 9):
        for _ in range(8):
            points = rng.normal(size=(R, 3)) + rng.integers(0, 3, R)[:, None] * rng.normal(0, 2, 3)
            best, labels = -1.0, np.zeros(R, int)
            for count in range(2, R // 2 + 1):
                cut = AgglomerativeClustering(count, linkage="average").fit_predict(points)
                if np.bincount(cut).min() >= 2 and silhouette_score(points, cut) > best:
                    best, labels = silhouette_score(points, cut), cut
            ours, found = explanation_clusters.split(points)
            assert ours == pytest.approx(best)
            # the same clusters, numbered in the order of the points
            assert found.tolist() == pd.factorize(labels)[0].tolist()
            several += best > -1
    assert several > 8
    value, labels = explanation_clusters.split(np.ones((6, 2)))  # all alike: no cut
    assert (value, labels.tolist()) == (-1.0, [0] * 6)


def test_separated_clusters_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(explanation_clusters, "NULL", 60)
    rng = np.random.default_rng(1)
    base = np.array([3.0, 0.0, -4.0])  # of size 5
    values = base + 1e-6 * rng.normal(size=(6, 4, 3))
    for b, apart in enumerate((0.0, 0.49, 0.51, 2.0)):
        values[3:, b] += apart * np.array([0.8, 0.0, 0.6])
    result = explanation_clusters.basins(
        values
    )  # sizes of the last two change by less than a hundredth
    assert [len(set(row)) for row in result.labels.tolist()] == [1, 1, 2, 2]
    assert result.share.value == 0.5
    with pytest.raises(
        InvalidInput, match="Basins of 2 seeds or more need 4 seeds, but there are 3"
    ):
        explanation_clusters.basins(values[:3])
    assert len(explanation_clusters.basins(values[1:5]).labels[0]) == 4


def test_cluster_descriptions_have_means_and_seeds() -> None:
    values = np.array([[1.0, 2.0], [1.0, 8.0], [3.0, 3.0], [5.0, 7.0], [2.0, 6.0]])
    contrast = explanation_clusters.contrast_basins(
        np.array([0, 1, 0, 1, 2]), values, ("text", "audio"), (7, 1, 5, 3, 9)
    )
    table = pd.DataFrame(values, columns=["text", "text+audio"])
    assert describe_basins(contrast, table) == (
        "3 explanations: audio +2.50 with seeds 7, 5; audio +7.50 with seeds 1, 3; audio +6.00 with seeds 9"
    )
    same = explanation_clusters.contrast_basins(
        np.zeros(5), values, ("text", "audio"), (7, 1, 5, 3, 9)
    )
    assert describe_basins(same, table) == (
        "one group of explanations over 5 training seeds; text + audio ranges most, from +2.00 to +8.00"
    )
    for share, words in (
        (Interval(0.2, 0.1, 0.3, 400, 2000), "20.0% (95% CI 10.0% to 30.0%) of 400 samples have several explanations"),
        (Interval(0.2, 0.05, 0.3, 400, 2000), "No significant excess of samples with several explanations: 20.0% ("),
        (Interval(0.2, math.nan, math.nan, 4, 0), "Too few samples to tell how many have several explanations (n = 4)"),
    ):  # fmt: skip
        assert describe_multiplicity(
            explanation_clusters.Basins(np.zeros((4, 5)), 0.5, share)
        ).startswith(words)


def test_metrics_are_recomputed_in_every_resample() -> None:
    """Of rows that share videos, and of metrics of which less and more is better."""
    rng = np.random.default_rng(0)
    truth, video = rng.normal(size=45), np.arange(45)[:, None] // 2
    scores = [truth[:, None] + size * rng.normal(size=(45, 1)) for size in (0.5, 1.5)]
    labels = {name: metrics.LABELS[name] for name in ("corr", "mae")}
    worth = backgrounds.gains(
        additive(*scores),
        truth,
        lambda s, y: metrics.plain(s[:, 0], y),
        labels,
        resamples=30,
        seed=3,
        clusters=video,
    )
    by_hand = {
        "corr": lambda s, y: np.corrcoef(s[:, 0], y)[0, 1],
        "mae": lambda s, y: np.abs(s[:, 0] - y).mean(),
    }
    (counts,) = bootstrap.counts(45, 30, 3, video)
    every = [np.arange(45), *(np.repeat(np.arange(45), row.astype(int)) for row in counts)]
    for name, of in by_hand.items():
        model, plain = (
            np.array([of(part[rows], truth[rows]) for rows in every]) for part in scores
        )
        sign = -1 if name == "mae" else 1
        for column, values in (
            ("model", model), ("additive", plain), ("gain", sign * (model - plain)),
        ):  # fmt: skip
            one = worth[column][name]
            assert (one.value, one.low, one.high) == pytest.approx(
                (values[0], *np.quantile(values[1:], interval_ends.edges(23))), rel=1e-5
            )
            assert (one.n, one.resamples) == (45, 30)
    frame = bootstrap.interval_frame("metric", **worth)
    assert frame["metric"].tolist() == ["corr", "mae"]
    for column, part in worth.items():
        for end, field in (("", "value"), (":low", "low"), (":high", "high")):
            assert frame[column + end].tolist() == [getattr(one, field) for one in part.values()]


def test_two_clusters_are_found_and_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation_clusters, "NULL", 100)
    rng = np.random.default_rng(0)
    values = 0.05 * rng.normal(size=(5, 20, 3)) + 1.0
    values[:2, :, 1] -= 2.0
    result = explanation_clusters.basins(values)
    assert result.share.value == 1.0
    assert (result.labels == [0, 0, 1, 1, 1]).all()
    contrast = explanation_clusters.contrast_basins(
        result.labels[0], values[:, 0], ("text", "audio", "vision"), (0, 1, 2, 3, 4)
    )
    assert contrast is not None
    assert (contrast.term, contrast.seeds) == ("audio", ((0, 1), (2, 3, 4)))
    assert contrast.values[0] < 0 < contrast.values[1]
    assert result.multiplicity == Multiplicity.SEVERAL
    same = explanation_clusters.contrast_basins(
        np.zeros(5, int), values[:, 0], ("a", "b", "c"), (0, 1, 2, 3, 4)
    )
    assert same is None
    # a lone seed makes no basin, nor do basins that nearly agree
    lone = 0.05 * rng.normal(size=(5, 20, 3)) + 1.0
    lone[0, :, 1] = -9.0
    assert explanation_clusters.basins(lone).share.value == 0
    near = np.ones((5, 20, 3)) + 1e-4 * rng.normal(size=(5, 20, 3))
    near[:2] += 0.01
    assert explanation_clusters.basins(near).share.value == 0
    with pytest.raises(InvalidInput, match="need 4 seeds"):
        explanation_clusters.basins(values[:3])


# On real studies.


@pytest.mark.parametrize("name", ["qcnn-parity", "qj-planted"])
def test_panels_state_the_measurements(name: str) -> None:
    study = opening.open_study(name)
    rows, explanation = trust.explain_test_rows(study)
    emap = model_fusion.emap(study)
    assert "Joint terms" in emap.title
    assert list(emap.numbers["metric"]) == list(metric_gains.metric_labels(study.dataset))
    loss = model_fusion.loss_reduction(study)
    table = loss.numbers.set_index(["what", "of"])["loss_reduction"]
    assert math.isclose(table["dividend"].sum(), table["Shapley value"].sum(), abs_tol=1e-9)
    assert model_fusion.synergy(study).figure is None
    one = opening.open_sample(name, str(study.dataset.ids[rows[0]]))
    levels = performance.compare_cohort(one, "relation=joint" if "parity" in name else "error>0.1")
    for make in (
        model_fusion.coalition_ranking,
        model_fusion.pair_interactions,
        model_fusion.contribution_swarm,
    ):
        picture = make(levels)
        assert len(picture.numbers)
        assert picture.figure is not None
        assert "&lt;" not in str(picture.figure.layout.xaxis.title.text)
        assert "cohort" in picture.caption
    basins = model_fusion.seed_basins(one)
    assert "explanation" in basins.title
    assert len(basins.numbers) == 5
    assert len(explanation.values) == len(rows)


def test_parity_is_purely_joint_and_mosi_is_undecided() -> None:
    worth = evidence.remove_joint_terms(opening.open_study("qj-parity"))[1]["gain"]["accuracy"]
    assert worth.low > 0.4
    answer = fusion_record(opening.open_study("qj-parity"))
    assert set(answer) == {"emap", "loss", "ranking", "f_syn", "basins"}
    assert answer["ranking"]["coalitions"][0]["coalition"] == "left+right"
    assert answer["basins"]["share"]["n"] == 1200


def test_model_without_states_is_sampled(tmp_path: Any, monkeypatch: Any) -> None:
    dataset = data.load("planted")
    model = build("concatenation", dataset.input_specs, ("score",), dict(hidden=4, width=4)).eval()
    card = checkpoint_cards.make_card(
        model,
        dataset,
        name="c",
        title="c",
        seed=0,
        training={},
        metrics={},
        this_seed={},
        seeds=[0],
    )
    checkpoint.save(tmp_path / "c.json", model, card)
    # of this model alone, whose metrics nobody else asks for; what is said of them does not need sharp intervals
    monkeypatch.setitem(backgrounds.gains.__kwdefaults__, "resamples", 20)
    monkeypatch.setattr(fusion_tests, "DRAWS", 2)
    study = opening.open_study(tmp_path / "c.json")
    picture = model_fusion.emap(study)
    assert "EMAP is sampled" in picture.caption
    answer = fusion_record(study)
    assert answer["emap"]["standard_error"] > 0
    assert "not measured" in answer["basins"]["says"]


def test_predictions_form_a_data_set() -> None:
    study = opening.open_study("qj-parity")
    y = study.predicted.astype(study.dataset.y.dtype)
    predicted = replace(study.dataset, y=y)
    assert (predicted.y == study.predicted).all()
    assert predicted.digest != study.dataset.digest


def test_command_prints_json_and_words(capsys: pytest.CaptureFixture[str]) -> None:
    print_model_fusion("qj-parity", None, True)
    assert json.loads(capsys.readouterr().out)["emap"]["outcome"] == "gain"
    print_model_fusion("qj-parity", None, False)
    assert "Joint terms improve" in capsys.readouterr().out


def test_shipped_gains_are_found_without_explaining_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(study: Any) -> None:
        raise AssertionError("samples are explained")

    study = opening.open_study("qj-parity")
    CACHE.clear(inspect.unwrap(evidence.remove_joint_terms))
    monkeypatch.setattr(type(study.backend), "explain_rows", fail)
    assert find_result(evidence.remove_joint_terms, study) is not None
    summary, gains = evidence.remove_joint_terms(study, backgrounds.OWN)
    assert summary.samples == gains["gain"]["accuracy"].n
