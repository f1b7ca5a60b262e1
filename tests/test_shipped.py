"""Shipped checkpoints: card metrics equal the weights and reach their thresholds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from qfusion import data, explain
from qfusion.explain.coalitions import joint_share
from qfusion.training import checkpoint, checkpoint_cards, metrics
from tests.support import shipped_cards


@pytest.fixture(scope="module")
def planted_model(planted):
    return checkpoint.load("qj-planted")


def test_all_shipped_models_exist():
    assert {"qj-scenes", "qcnn-scenes", "qj-planted", "qj-mosi", "qcnn-digits"} <= set(
        checkpoint_cards.available()
    )


@pytest.mark.parametrize("name", ["qj-scenes", "qcnn-scenes", "qj-planted", "qj-mosi"])
def test_card_metrics_equal_the_weights(name, request):
    found = checkpoint.load(name)
    source = found.card["data"]["name"]
    dataset = data.load("scenes") if source == "scenes" else request.getfixturevalue(source)
    assert found.card["data"]["digest"] == dataset.digest, (
        "the data changed: run scripts/train_models.py"
    )
    measured = metrics.evaluate(found.model, dataset, "test")
    assert measured == pytest.approx(found.card["this_seed"]["test"], abs=2e-3)
    spread = found.card["metrics"]["test"]
    assert all(len(m["values"]) == len(found.card["seeds"]) >= 5 for m in spread.values())
    assert all(m["mean"] == pytest.approx(np.mean(m["values"])) for m in spread.values())


def test_mosi_reaches_its_threshold_over_seeds():
    """Beside a concatenation network on the same features: .779, .946, .624."""
    spread = checkpoint.load("qj-mosi").card["metrics"]["test"]
    assert spread["acc2_non0"]["mean"] >= 0.775
    assert spread["mae"]["mean"] <= 0.93
    assert spread["corr"]["mean"] >= 0.63


def test_scene_models_use_joint_terms_as_in_truth():
    found, dataset = checkpoint.load("qj-scenes"), data.load("scenes")
    assert min(found.card["metrics"]["test"]["accuracy"]["values"]) >= 0.95
    network = checkpoint_cards.load_card("qcnn-scenes")
    assert network["metrics"]["test"]["accuracy"]["mean"] >= 0.95
    assert (
        network["opening"] == found.card["opening"]
    )  # so that Compare has both beside each other at once
    assert dataset.known_ids([found.card["opening"]])
    model, rows = found.model, dataset.rows("test")
    behind = explain.background(
        model, dataset.inputs(dataset.rows("train"), torch.float64), "joint"
    )
    result = explain.explain(model, dataset.inputs(rows, torch.float64), behind)
    terms = dict(zip(result.coalitions, result.dividends[:, :, 0].T, strict=True))
    truth = dataset.truth.iloc[rows]["picture+question"].to_numpy()
    assert np.corrcoef(terms["picture+question"], truth)[0, 1] > 0.8
    del terms[""]
    assert joint_share(terms).mean() > 0.8


def test_planted_score_and_contributions_are_recovered(planted, planted_model):
    rows = planted.rows("test")
    ceiling = 1 - planted.noise_variance / planted.y[rows].var()
    assert metrics.evaluate(planted_model.model, planted, "test")["r2"] >= 0.9 * ceiling
    background = explain.background(
        planted_model.model, planted.inputs(planted.rows("train"), torch.float64), "joint"
    )
    found = explain.explain(planted_model.model, planted.inputs(rows, torch.float64), background)
    truth = planted.truth.iloc[rows]
    for s, name in enumerate(found.coalitions):
        if name:
            least, rank = {0: (0.95, 0.95), 1: (0.85, 0.85), 2: (0.7, 0.0)}[name.count("+")]
            assert np.corrcoef(found.dividends[:, s, 0], truth[name])[0, 1] > least, name
            assert spearmanr(found.dividends[:, s, 0], truth[name]).statistic > rank, name
    sarcasm = (planted.table["regime"].to_numpy() == "sarcasm")[rows]
    together = found.dividends[sarcasm, found.coalitions.index("text+audio"), 0]
    assert (together < 0).mean() >= 0.95


def test_planted_contributions_equal_brute_force_over_the_whole_training_set(
    planted, planted_model
):
    """One sample, by really replacing absent modalities with those of every training row."""
    model, row = planted_model.model, planted.rows("test")[0]
    rows = planted.inputs(planted.rows("train"), torch.float64)
    one = planted.inputs([row], torch.float64)
    found = explain.explain(model, one, explain.background(model, rows, "joint"))
    kets, own = model.encode(rows), model.encode(one)
    O = model.observables()
    for s, name in enumerate(found.coalitions):
        present = name.split("+")
        mixed = model.product_state(
            {m: own[m].expand_as(kets[m]) if m in present else kets[m] for m in model.modalities}
        )
        expected = torch.einsum("cab,nb,na->nc", O, mixed, mixed.conj()).real.mean(0) + model.bias
        assert np.abs(found.values[0, s] - expected.numpy()).max() < 1e-10
    assert np.abs(found.dividends[0].sum(0) - model(one)[0].numpy()).max() < 1e-10


def test_qcnn_card_and_threshold():
    """The card of every seed reaches the bar in the mean, the weights are those of the first, and the head is as small
    as said."""
    found = checkpoint.load("qcnn-digits")
    shipped_cards.check_card(found, data.load("digits"), 0.98)
    shipped_cards.check_small_head(found, data.load("digits"))
