"""Faithfulness: curves and correlations against hand-made cases, estimators against the exact values, files that do not
fit."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open

from qfusion import explain
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.explain import Explanation, attribution, faithfulness, stability
from qfusion.explain.coalitions import dividends, shapley
from qfusion.models import InputSpec, QuantumJump
from qfusion.quantum.decomposition import subset_name, subsets
from tests.entangled import model_of
from tests.test_explain import problem

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
    parts = {name: attribution.split(features) for name, features in inputs.items()}
    return {
        name: (values if mask is None else values[mask]).mean(0)
        for name, (values, mask) in parts.items()
    }


def test_curves_of_an_additive_game_on_paper() -> None:
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


def test_random_orders_average_to_what_all_orders_give() -> None:
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


def test_probabilities_are_those_of_the_class() -> None:
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
    compared = faithfulness.against_truth(found, truth)
    assert compared.rank[:3] == pytest.approx([1, 1, 1])
    assert (compared.pearson[:3] < 1).all()
    assert compared.terms[0] == "text"
    with pytest.raises(InvalidInput, match="lacks"):
        faithfulness.against_truth(found, truth.drop(columns="audio"))
    with pytest.raises(InvalidInput, match="50 rows"):
        faithfulness.against_truth(found, truth.head(3))


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
        values, mask = attribution.split(inputs[name])
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
        found = attribution.attributions(
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


def test_feature_curves_start_and_end_where_they_must() -> None:
    model, inputs = linear()
    baseline, outputs = means(inputs), np.zeros(4, int)
    for name in ("text", "audio"):
        found = attribution.feature_curves(model, inputs, name, outputs, baseline[name], orders=2)
        values, mask = attribution.split(inputs[name])
        with torch.no_grad():
            all_gone = baseline[name].expand_as(values)
            gone = model(dict(inputs) | {name: all_gone if mask is None else (all_gone, mask)})
            change = (gone - model(inputs))[:, 0].abs().mean().item()
        assert found.deletion[[0, -1]] == pytest.approx([0, change], abs=1e-10)
        assert found.insertion[[0, -1]] == pytest.approx([change, 0], abs=1e-10)
        assert found.random_deletion[:, -1] == pytest.approx([change, change], abs=1e-10)
    with pytest.raises(NotFound, match="smell"):
        attribution.attributions(model, inputs, "smell", outputs, baseline["text"])
    with pytest.raises(NotFound, match="Ranking 'luck'"):
        attribution.attributions(model, inputs, "text", outputs, baseline["text"], "luck")


def test_taking_away_what_counts_moves_a_model_that_reads_one_feature() -> None:
    model, _ = linear()
    with torch.no_grad():
        model.encoders["text"].first.weight[:, 1:] = 0  # type: ignore[index, union-attr]
    inputs = {
        "text": torch.randn(60, 6, dtype=torch.float64),
        "audio": (torch.randn(60, 5, 4, dtype=torch.float64), torch.ones(60, 5, dtype=torch.bool)),
    }
    baseline = means(inputs)
    found = attribution.feature_curves(
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
def test_estimators_beside_the_exact_values(make) -> None:
    model, x, rows = make()
    exact = explain.explain(model, x, explain.background(model, rows))
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
    leaders = np.abs(found.shapley).argmax(-1)
    assert found.leader_agreement() == pytest.approx(
        np.mean([(leaders[a] == leaders[b]).mean() for a, b in ((0, 1), (0, 2), (1, 2))])
    )


def test_a_stability_file_is_read_only_for_what_it_was_measured_with(tmp_path: Path) -> None:
    found, card = measured(), {"weights_sha256": "w"}
    with pytest.raises(NotFound, match="not measured for model 'm'"):
        stability.load("m", card, "d", 40, tmp_path)
    stability.save(tmp_path / "m.safetensors", found, weights="w", data="d")
    again = stability.load("m", card, "d", 40, tmp_path)
    assert again.dividends == pytest.approx(found.dividends, abs=2e-3)
    assert (again.modalities, again.seeds, again.background_size) == (NAMES, (0, 1, 2), 9)
    for other in (({"weights_sha256": "x"}, "d", 40), (card, "e", 40), (card, "d", 39)):
        with pytest.raises(NotFound, match="of other weights or data"):
            stability.load("m", *other, tmp_path)
    with pytest.raises(NotFound):
        stability.load("../m", {"weights_sha256": "x"}, "d", 40, tmp_path)
    for damage in (b"", b"\xff" * 100, (tmp_path / "m.safetensors").read_bytes()[:-8]):
        (tmp_path / "m.safetensors").write_bytes(damage)
        with pytest.raises(IntegrityError, match=r"m\.safetensors"):
            stability.load("m", card, "d", 40, tmp_path)


def test_shipped_stability_files_are_whole() -> None:
    for path in sorted(stability.FOLDER.glob("*.safetensors")):
        assert path.stat().st_size < 300_000
        with safe_open(path, "numpy") as file:
            about = json.loads(file.metadata()["about"])
        assert about["format"] == stability.FORMAT
        assert about["notes"]["first_seed_against_shipped"] < 1e-3, (
            f"{path.stem}: trained anew, the first seed gives another model"
        )


def test_cautions_follow_from_what_was_measured() -> None:
    found = measured()
    errors = np.linspace(0, 1, 40)
    said = [c.sentence for c in faithfulness.of_stability(found, errors, "score")]
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
        "where the prediction is poor" in c.sentence
        for c in faithfulness.of_stability(worse, errors, "score")
    )
    parts = np.random.default_rng(5).normal(size=(200, 3))
    good = faithfulness.modality_curves(additive(parts), np.zeros(200, int))
    assert faithfulness.of_deletion(good, "modalities") == []
    bad = faithfulness.Curves(
        good.shares,
        good.random_deletion[0],
        good.random_insertion[0],
        np.stack([good.deletion] * 2),
        np.stack([good.insertion] * 2),
        200,
        "score",
    )
    assert "taking away and giving back" in faithfulness.of_deletion(bad, "modalities")[0].sentence
    alone = faithfulness.modality_curves(additive(parts, ("text",)), np.zeros(200, int))
    assert faithfulness.of_deletion(alone, "modalities") == []  # one modality has one order
    explained = additive(parts)
    truth = pd.DataFrame(
        {name: explained.dividends[:, i, 0] for i, name in enumerate(explained.coalitions)}
    )
    truth["text+vision"] = np.random.default_rng(6).normal(size=200)
    told = faithfulness.of_truth(faithfulness.against_truth(explained, truth))
    assert told[0].kind == "warning"
    together = additive(parts, joint=50.0)
    assert "in 100% of 200" in faithfulness.of_joint(together, np.zeros(200, int))[0].sentence
    assert faithfulness.of_joint(explained, np.zeros(200, int)) == []
    some = additive(
        np.array([[3.0, 1.0, 2.0]] * 9 + [[0.1, 0.1, 0.1]]), joint=5.0
    )  # own terms add up to 6, or to 0.3
    assert "in 10% of 10" in faithfulness.of_joint(some, np.zeros(10, int))[0].sentence
    assert "text + vision" in told[0].sentence
    short = [
        *faithfulness.of_stability(found, errors, "score"),
        *faithfulness.of_stability(worse, errors, "score"),
        *faithfulness.of_deletion(bad, "modalities"),
        *told,
        *faithfulness.of_joint(together, np.zeros(200, int)),
        faithfulness.no_truth(),
        faithfulness.no_truth(of_others=True),
    ]
    assert all(one.brief and one.facts and len(one.brief) < len(one.sentence) for one in short)
