"""Does a model fuse? EMAP, loss dividends, synergies, rankings and basins against brute force, and their sentences."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from qfusion import data, explain
from qfusion.analysis import errors, sample, trust
from qfusion.commands.samples import of_model
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import coalitions, fusing
from qfusion.models import build
from qfusion.panels import why as panels
from qfusion.quantum.decomposition import subset_name, subsets
from qfusion.training import checkpoint, metrics

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
    result = fusing.emap(model, x)
    if result.errors is None:
        assert np.abs(result.scores - brute_emap(model, x, 4, M)).max() < 1e-10
    else:  # three modalities of a model without states: shuffled
        assert M == 3
        assert not hasattr(model, "observables") or kind == "jump-mean-field"
    assert np.abs(result.model - np.array([at(model, x, (i,) * M) for i in range(4)])).max() < 1e-10


def test_shuffled_rows_come_to_emap_within_their_errors() -> None:
    model, x = model_of("concatenation", 3), rows_of(3, 12)
    exact = brute_emap(model, x, 12, 3)
    draws = [fusing.emap(model, x, seed=seed) for seed in range(100)]
    mean = np.mean([one.scores for one in draws], 0)
    error = np.std([one.scores for one in draws], 0) / math.sqrt(100)
    assert np.mean(np.abs(mean - exact) < 3 * error + 1e-12) > 0.85
    assert draws[0].errors is not None
    told = np.mean([np.sqrt((one.errors**2).mean()) for one in draws])  # type: ignore[operator]
    off = np.sqrt(np.mean([(one.scores - exact) ** 2 for one in draws]))
    assert told > 0.8 * off  # every row is taken once, which errs less than independent draws
    some = fusing.emap(model_of("concatenation", 2), rows_of(2, 12), most=5)
    assert some.rows == 5
    assert some.errors is not None


def test_an_additive_model_is_its_emap_and_one_modality_is_too() -> None:
    model, x = model_of("state-linear", 3), rows_of(3, 6)
    result = fusing.emap(model, x)
    assert np.abs(result.scores - result.model).max() < 1e-10
    for kind in ("quantum-jump", "entangled-qcnn", "concatenation"):
        alone = fusing.emap(model_of(kind, 1), rows_of(1, 6))
        assert np.abs(alone.scores - alone.model).max() < 1e-10
        truth = np.array([0, 1] * 3)
        worth = fusing.gains(
            alone, truth, metrics.classification, {"accuracy": metrics.describe["accuracy"]}
        )
        assert "One modality" in fusing.fuses(alone, worth, "accuracy", "Accuracy")


def test_own_terms_are_the_baseline_and_single_dividends() -> None:
    model, x = model_of("quantum-jump", 3), rows_of(3, 5)
    result = explain.explain(model, x, explain.background(model, rows_of(3, 7, 1)))
    own = fusing.own_terms(result)
    assert np.abs(own.scores - result.dividends[:, :4].sum(1)).max() < 1e-12
    assert own.rows == 7
    assert own.errors is None
    noisy = replace(result, errors=np.full(result.dividends.shape, 0.5))
    assert np.allclose(fusing.own_terms(noisy).errors, 1.0)  # type: ignore[arg-type]


def additive(model: np.ndarray, scores: np.ndarray) -> fusing.Additive:
    return fusing.Additive(2, model, scores, None, len(model))


def test_gains_are_differences_with_the_sign_of_better() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=80)
    right, wrong = truth[:, None] + 0.1, rng.normal(size=(80, 1))
    labels = {name: metrics.describe[name] for name in ("mae", "corr")}
    worth = fusing.gains(
        additive(right, wrong), truth, lambda s, y: metrics.plain(s[:, 0], y), labels
    )
    both = [metrics.plain(part[:, 0], truth) for part in (right, wrong)]
    assert math.isclose(worth["gain"]["mae"].value, both[1]["mae"] - both[0]["mae"])
    assert math.isclose(worth["gain"]["corr"].value, both[0]["corr"] - both[1]["corr"])
    assert worth["gain"]["mae"].low > 0
    assert fusing.fuses(additive(right, wrong), worth, "mae", "MAE").startswith("It fuses")
    frame = fusing.interval_frame("metric", **worth)
    assert list(frame["metric"]) == ["mae", "corr"]
    assert frame["gain:low"][0] == worth["gain"]["mae"].low
    back = fusing.gains(
        additive(wrong, right), truth, lambda s, y: metrics.plain(s[:, 0], y), labels
    )
    assert "do harm" in fusing.fuses(additive(wrong, right), back, "mae", "MAE")
    same = fusing.gains(
        additive(wrong, wrong), truth, lambda s, y: metrics.plain(s[:, 0], y), labels
    )
    assert "Not told" in fusing.fuses(additive(wrong, wrong), same, "mae", "MAE")
    few = fusing.gains(
        additive(wrong[:4], right[:4]), truth[:4], lambda s, y: metrics.plain(s[:, 0], y), labels
    )
    assert "Too few" in fusing.fuses(additive(wrong[:4], right[:4]), few, "mae", "MAE")
    with pytest.raises(InvalidInput, match="shape \\(80,\\)"):
        fusing.gains(additive(right, wrong), truth[:3], metrics.classification, labels)
    clusters = np.repeat(np.arange(4), 20)[:, None]  # four videos tell nothing
    assert not fusing.gains(
        additive(right, wrong),
        truth,
        lambda s, y: metrics.plain(s[:, 0], y),
        labels,
        clusters=clusters,
    )["gain"]["mae"].known


# Loss dividends.


@pytest.mark.parametrize("loss", fusing.LOSSES)
@pytest.mark.parametrize("M", [1, 2, 3])
def test_loss_dividends_equal_brute_force_and_add_up(loss: str, M: int) -> None:
    classes = loss == "cross_entropy"
    model, x, rows = (
        model_of("quantum-jump", M, 3 if classes else 1),
        rows_of(M, 12),
        rows_of(M, 5, 1),
    )
    truth = np.arange(12) % 3 if classes else np.linspace(-2, 2, 12)
    result = explain.explain(model, x, explain.background(model, rows))
    game = fusing.loss_game(result, truth, loss)
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
    stand_in = SimpleNamespace(modalities=NAMES[:M], outputs=("y",))
    return coalitions.of_values(stand_in, v[..., None], SimpleNamespace(name="b", size=1))  # type: ignore[arg-type]


def test_which_modality_matters_is_told_only_where_intervals_do() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    a, b = y * 0.7, y * 0.1
    one = fusing.loss_game(values_of(np.stack([0 * y, a, b, a + b], 1)), y, "l1")
    assert fusing.matters(one).startswith("text matters most")
    half = y * 0.4
    equal = fusing.loss_game(values_of(np.stack([0 * y, half, half, 2 * half], 1)), y, "l1")
    assert "Not told whether" in fusing.matters(equal)
    noise = rng.normal(size=200)
    nothing = fusing.loss_game(values_of(np.stack([0 * y, noise, noise, noise], 1)), y, "l1")
    assert "Not told that the modalities" in fusing.matters(nothing)
    few = fusing.loss_game(values_of(np.stack([0 * y, a, b, a + b], 1)[:4]), y[:4], "l1")
    assert "Too few" in fusing.matters(few)
    alone = fusing.loss_game(values_of(np.stack([0 * y, a], 1)), y, "mse")
    assert "alone takes" in fusing.matters(alone)
    with pytest.raises(InvalidInput, match="one value a sample"):
        fusing.loss_game(values_of(np.stack([0 * y, a], 1)), y[:5], "mse")
    with pytest.raises(NotFound, match="Loss"):
        fusing.loss_game(values_of(np.stack([0 * y, a], 1)), y, "hinge")


# Other people's games.


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

        dividend = coalitions.dividends(v[None, :, None], M)
        exact = ExactComputer(game, n_players=M)
        theirs = exact("Moebius", M)
        for S in subsets(M):
            assert abs(theirs[S] - dividend[0, order[S], 0]) < 1e-8
        phi = exact("SV", 1)
        ours = coalitions.shapley(dividend, M)[0, :, 0]
        pairs = exact("SII", 2)
        index = coalitions.interaction(dividend, M)[0, ..., 0]
        for m in range(M):
            assert abs(phi[(m,)] - ours[m]) < 1e-8
        for pair in itertools.combinations(range(M), 2):
            assert abs(pairs[pair] - index[pair]) < 1e-8


def test_shapiq_agrees_on_the_unanimity_game() -> None:
    from shapiq_games.synthetic import SOUM

    game = SOUM(n=4, n_basis_games=6, random_state=1)
    asked = np.array([[int(m in S) for m in range(4)] for S in subsets(4)])
    dividend = coalitions.dividends(np.asarray(game(asked))[None, :, None], 4)[0, :, 0]
    known = game.moebius_coefficients
    for S, value in zip(subsets(4), dividend, strict=True):
        assert abs(value - (known[S] if S in known.interaction_lookup else 0.0)) < 1e-8


# F_syn.


def test_synergy_against_all_rows_is_the_dividend_and_against_few_comes_near() -> None:
    model, x, rows = model_of("quantum-jump", 3), rows_of(3, 40), rows_of(3, 60, 1)
    outputs = np.arange(40) % 2
    exact = explain.explain(model, x, explain.background(model, rows))
    again = fusing.synergies(exact, [exact, exact], outputs)
    assert list(again["pair"]) == ["text+audio", "text+a b", "audio+a b"]
    assert np.allclose(again["correlation"], 1)
    assert np.allclose(again["relative error"], 0)
    few = [
        explain.explain(
            model, x, explain.background(model, {k: v[s::12] for k, v in rows.items()}, "cohort")
        )
        for s in range(12)
    ]
    frame = fusing.synergies(exact, few, outputs)
    assert (frame["rows"] == 5).all()
    assert frame["lowest"].le(frame["correlation"]).all()
    assert frame["relative error"].gt(1e-3).all()
    # v(ab) - v(a) - v(b) + v(0), by hand
    v = few[0].values[np.arange(40), :, outputs]
    by_hand = v[:, 4] - v[:, 1] - v[:, 2] + v[:, 0]
    assert np.abs(by_hand - few[0].dividends[np.arange(40), 4, outputs]).max() < 1e-12
    assert "F_syn with 5 rows" in fusing.nearly(frame)
    flat = explain.explain(
        model_of("state-linear", 2),
        rows_of(2, 8),
        explain.background(model_of("state-linear", 2), rows_of(2, 5)),
    )
    assert "No pair" in fusing.nearly(fusing.synergies(flat, [flat], outputs[:8]))


# Ranking.


def test_ranking_is_by_mean_size_and_told_where_intervals_do() -> None:
    rng = np.random.default_rng(0)
    small, large, joint = rng.normal(size=(3, 300)) * [[0.1], [1.0], [0.5]]
    result = fusing.ranking(
        {"text": small, "audio": large, "text+audio": joint + 0.5}, ("text", "audio")
    )
    assert list(result.sizes) == ["audio", "text+audio", "text"]
    assert math.isclose(result.sizes["audio"].value, np.abs(large).mean())
    assert math.isclose(result.means["text+audio"].value, joint.mean() + 0.5)
    assert math.isclose(result.pairs["text+audio"].value, joint.mean() + 0.5)
    assert fusing.says_most(result).startswith("audio says most")
    # the third is smaller than the second, but less surely than the first
    third = np.where(np.arange(300) < 4, 60.0, 0.1) * np.sign(small)
    wide = fusing.ranking(
        {"text": 1.0 + 0 * small, "audio": 0.97 + 0 * small, "text+audio": third}, ("text", "audio")
    )
    assert list(wide.sizes) == ["text", "audio", "text+audio"]
    assert fusing.says_most(wide).startswith("Not told whether text or text+audio says more")
    equal = fusing.ranking({"text": large, "audio": -large, "text+audio": small}, ("text", "audio"))
    assert fusing.says_most(equal).startswith("Not told whether text or audio")
    few = fusing.ranking({"text": small[:3]}, ("text",))
    assert "Too few" in fusing.says_most(few)
    assert few.ahead is None
    assert list(result.frame()["coalition"]) == list(result.sizes)
    with pytest.raises(InvalidInput, match="Loosen the filter"):
        fusing.ranking({"text": small[:0]}, ("text",))


def test_pairs_are_interaction_indices_of_three_modalities() -> None:
    rng = np.random.default_rng(0)
    terms = [subset_name(S, NAMES) for S in subsets(3)[1:]]
    values = rng.normal(size=(20, 7))
    result = fusing.ranking(dict(zip(terms, values.T, strict=True)), NAMES)
    index = coalitions.interaction(np.pad(values, ((0, 0), (1, 0)))[..., None], 3)[..., 0].mean(0)
    assert math.isclose(result.pairs["text+a b"].value, index[0, 2])


# Basins.


def test_one_basin_of_whatever_shape_is_seldom_called_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fusing, "NULL", 500)
    rng = np.random.default_rng(0)
    for R, T in ((5, 1), (5, 3), (8, 7)):
        result = fusing.basins(rng.normal(size=(R, 100, T)) @ rng.normal(size=(T, T)))
        assert result.share.value < 0.09
    assert "Not told" in fusing.basin_share(result)


def test_two_basins_are_seen_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusing, "NULL", 100)
    rng = np.random.default_rng(0)
    values = 0.05 * rng.normal(size=(5, 20, 3)) + 1.0
    values[:2, :, 1] -= 2.0
    result = fusing.basins(values)
    assert result.share.value == 1.0
    assert (result.labels == [0, 0, 1, 1, 1]).all()
    words = fusing.basin_words(
        result.labels[0], values[:, 0], ("text", "audio", "vision"), (0, 1, 2, 3, 4)
    )
    assert words.startswith("2 explanations: seeds 0, 1 say audio -")
    assert "seeds 2, 3, 4 say audio +" in words
    assert fusing.basin_share(result).startswith("Several explanations")
    same = fusing.basin_words(np.zeros(5, int), values[:, 0], ("a", "b", "c"), (0, 1, 2, 3, 4))
    assert same.startswith("one explanation over 5 seeds")
    # a lone seed makes no basin, nor do basins that nearly agree
    lone = 0.05 * rng.normal(size=(5, 20, 3)) + 1.0
    lone[0, :, 1] = -9.0
    assert fusing.basins(lone).share.value == 0
    near = np.ones((5, 20, 3)) + 1e-4 * rng.normal(size=(5, 20, 3))
    near[:2] += 0.01
    assert fusing.basins(near).share.value == 0
    with pytest.raises(InvalidInput, match="need 4 seeds"):
        fusing.basins(values[:3])


# On real studies.


@pytest.mark.parametrize("name", ["qcnn-parity", "qj-planted"])
def test_panels_say_what_was_measured(name: str) -> None:
    study = sample.open_study(name)
    rows, explanation = trust.explained(study)
    emap = panels.emap(study)
    assert "joint terms" in emap.title
    assert list(emap.table()["metric"]) == list(trust.metric_labels(study.dataset))
    loss = panels.loss(study)
    table = loss.table().set_index(["what", "of"])["loss_reduction"]
    assert math.isclose(table["dividend"].sum(), table["Shapley value"].sum(), abs_tol=1e-9)
    assert panels.synergy(study).figure is None
    one = sample.open_sample(name, str(study.dataset.ids[rows[0]]))
    levels = errors.levels_of(one, "relation=joint" if "parity" in name else "error>0.1")
    for make in (panels.ranking, panels.pairs, panels.swarm):
        picture = make(levels)
        assert len(picture.table())
        assert picture.figure is not None
        assert "cohort" in picture.shows
    basins = panels.basins(one)
    assert "explanation" in basins.title
    assert len(basins.table()) == 5
    assert len(explanation.values) == len(rows)


def test_parity_is_all_joint_and_mosi_is_not_told() -> None:
    worth = trust.without_joint(sample.open_study("qj-parity"))[1]["gain"]["accuracy"]
    assert worth.low > 0.4
    answer = trust.summary(sample.open_study("qj-parity"))
    assert set(answer) == {"emap", "loss", "ranking", "f_syn", "basins"}
    assert answer["ranking"]["coalitions"][0]["coalition"] == "left+right"
    assert answer["basins"]["share"]["n"] == 1200


def test_a_model_without_states_is_sampled_and_says_so(tmp_path: Any, monkeypatch: Any) -> None:
    dataset = data.load("planted")
    model = build("concatenation", dataset.input_specs, ("score",), dict(hidden=4, width=4)).eval()
    card = checkpoint.make_card(
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
    monkeypatch.setitem(fusing.gains.__kwdefaults__, "resamples", 20)
    monkeypatch.setattr(trust, "DRAWS", 2)
    study = sample.open_study(tmp_path / "c.json")
    picture = panels.emap(study)
    assert "EMAP is sampled" in picture.shows
    answer = trust.summary(study)
    assert answer["emap"]["standard_error"] > 0
    assert "not measured" in answer["basins"]["says"]


def test_what_a_model_predicts_is_data_like_others() -> None:
    study = sample.open_study("qj-parity")
    y = study.predicted.astype(study.dataset.y.dtype)
    predicted = replace(study.dataset, y=y)
    assert (predicted.y == study.predicted).all()
    assert predicted.digest != study.dataset.digest


def test_command_prints_json_and_words(capsys: pytest.CaptureFixture[str]) -> None:
    of_model("qj-parity", None, True)
    assert json.loads(capsys.readouterr().out)["emap"]["says"].startswith("It fuses")
    of_model("qj-parity", None, False)
    assert "It fuses" in capsys.readouterr().out
