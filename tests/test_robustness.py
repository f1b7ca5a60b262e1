"""Missing and corrupted modalities against brute force; noise and swaps by hand; invalid requests."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch

from qfusion import cli, explain
from qfusion.commands.common import describe_disturbance
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import counterfactual, disturbances
from qfusion.explain.disturbances import Disturbance
from qfusion.models import registry
from qfusion.training import checkpoint, checkpoint_cards, metrics

NAMES = ("a", "words", "c")


@pytest.fixture(scope="module")
def dataset() -> DataSet:
    rng = np.random.default_rng(0)
    N = 42
    words = (
        rng.normal(3, 2, size=(N, 5, 3)) * (np.arange(5) < 1 + np.arange(N)[:, None] % 5)[..., None]
    )
    ids = np.array([f"s{i}" for i in range(N)])
    return DataSet(
        name="tiny",
        title="Tiny",
        description="",
        source="",
        licence="",
        target=Target("regression", "score"),
        modalities=(
            Modality("a", rng.normal(size=(N, 4)), None, tuple("abcd")),
            Modality("words", words, 1 + np.arange(N) % 5, tuple("uvw")),
            Modality("c", rng.normal(size=(N, 2)) * [1, 10], None, ("x", "y")),
        ),
        y=rng.normal(size=N),
        ids=ids,
        split=np.array((["train"] * 4 + ["valid", "test", "test"]) * 6),
        table=pd.DataFrame(index=ids),
    )


def model_of(kind: str, dataset: DataSet, **settings):
    model = registry.build(kind, dataset.input_specs, ("score",), settings)
    model.standardise(dataset.inputs(dataset.rows("train")))
    return model.double().eval()


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("quantum-jump", {"dims": 2}),
        ("entangled-qcnn", {"elements": 3}),
        ("entangled-qcnn", {"elements": 3, "tables": "separate"}),
    ],
)
def test_absence_equals_the_mean_over_the_background(dataset, kind, settings):
    model, rows = model_of(kind, dataset, **settings), dataset.rows("test")
    found = disturbances.scores(model, dataset, rows, Disturbance(missing=("words",)))
    behind = dataset.inputs(dataset.rows("train"), torch.float64)
    for i, row in enumerate(rows[:4]):
        own = dataset.inputs([row], torch.float64)
        brute = model(
            {name: behind[name] if name == "words" else own[name].expand(24, -1) for name in NAMES}
        )
        assert found[i, 0] == pytest.approx(float(brute.detach().mean()), abs=1e-10)
    everything = disturbances.scores(model, dataset, rows, Disturbance(missing=NAMES))
    assert np.allclose(everything, float(model(behind).detach().mean()), atol=1e-10)
    assert np.allclose(
        disturbances.scores(model, dataset, rows, Disturbance()),
        metrics.predict(model, dataset, rows),
        atol=1e-12,
    )


def test_absence_and_disturbance_together(dataset):
    model, rows = model_of("quantum-jump", dataset, dims=2), dataset.rows("test")
    asked = Disturbance(missing=("a",), swapped=("c",), seed=3)
    found = disturbances.scores(model, dataset, rows, asked)
    behind = explain.background(
        model, dataset.inputs(dataset.rows("train"), torch.float64), "joint"
    )
    swapped = dataset.inputs(rows, torch.float64) | {
        "c": dataset.inputs(disturbances.donors(rows, rows, 3), torch.float64)["c"]
    }
    whole = explain.explain(model, swapped, behind)
    assert np.allclose(found, whole.values[:, whole.coalitions.index("words+c")])


def test_explanation_without_a_modality(dataset):
    model = model_of("quantum-jump", dataset, dims=2)
    inputs = dataset.inputs(dataset.rows("test"), torch.float64)
    whole = explain.explain(model, inputs, explain.background(model, inputs, "joint"))
    part = counterfactual.remove_modalities(whole, ["words"])
    assert np.allclose(part.dividends.sum(1), part.prediction)
    assert np.allclose(part.shapley.sum(1) + part.baseline, part.prediction)
    for s, name in enumerate(whole.coalitions):
        if "words" in name.split("+"):
            assert (part.dividends[:, s] == 0).all()
            rest = "+".join(n for n in name.split("+") if n != "words")
            assert np.array_equal(part.values[:, s], whole.values[:, whole.coalitions.index(rest)])
        else:
            assert np.array_equal(part.values[:, s], whole.values[:, s])
    assert np.array_equal(part.shapley[:, 1], np.zeros_like(part.shapley[:, 1]))
    assert np.array_equal(counterfactual.remove_modalities(whole, []).values, whole.values)
    with pytest.raises(NotFound, match=r"Modality 'word' does not exist\. Did you mean 'words'"):
        counterfactual.remove_modalities(whole, ["word"])


def test_missing_modalities_of_baselines_use_all_training_rows(dataset):
    model, rows = model_of("tensor", dataset), dataset.rows("test")
    found = disturbances.scores(model, dataset, rows, Disturbance(missing=("words", "a")))
    own, train = (dataset.inputs(some, torch.float64) for some in (rows, dataset.rows("train")))
    with torch.no_grad():
        each = [
            model(
                {"a": train["a"], "words": train["words"], "c": one.expand(len(train["a"]), -1)}
            ).mean(0)
            for one in own["c"]
        ]
    assert np.allclose(found, torch.stack(each).numpy(), atol=1e-10)


def test_training_mean_can_be_requested(dataset):
    model, rows = model_of("late", dataset), dataset.rows("test")
    found = disturbances.scores(model, dataset, rows, Disturbance(mean=("words", "a")))
    train = dataset.inputs(dataset.rows("train"), torch.float64)
    own = dataset.inputs(rows, torch.float64)
    mean = train["words"][0][train["words"][1]].mean(0)
    values, mask = own["words"]
    by_hand = model(
        {
            "a": train["a"].mean(0).expand(len(rows), -1),
            "words": (mean.expand_as(values), mask),
            "c": own["c"],
        }
    )
    assert np.allclose(found, by_hand.detach().numpy(), atol=1e-10)


def test_noise_has_the_stated_deviation(dataset):
    rows = np.repeat(dataset.rows("test"), 400)
    noisy = disturbances.inputs(dataset, rows, Disturbance(noise={"c": 0.5, "words": 2}))
    plain = dataset.inputs(rows, torch.float64)
    assert torch.equal(noisy["a"], plain["a"])
    train = dataset.modalities[2].values[dataset.rows("train")].astype(float)
    assert np.allclose((noisy["c"] - plain["c"]).std(0).numpy() / train.std(0), 0.5, rtol=0.05)
    added, mask = noisy["words"][0] - plain["words"][0], noisy["words"][1]
    train_steps = plain_steps(dataset)
    assert np.allclose(added[mask].std(0).numpy() / train_steps.std(0), 2, rtol=0.05)
    again = disturbances.inputs(dataset, rows, Disturbance(noise={"c": 0.5, "words": 2}))
    assert torch.equal(noisy["c"], again["c"])
    assert not torch.equal(
        noisy["c"], disturbances.inputs(dataset, rows, Disturbance(noise={"c": 0.5}, seed=1))["c"]
    )


def plain_steps(dataset: DataSet) -> np.ndarray:
    values, mask = dataset.inputs(dataset.rows("train"), torch.float64)["words"]
    return values[mask].numpy()


@pytest.mark.parametrize("seed", range(5))
def test_swaps_have_no_fixed_points(seed):
    rows = np.array([3, 5, 8, 13])
    found = disturbances.donors(rows, rows, seed)
    assert sorted(found) == sorted(rows)
    assert (found != rows).all()
    assert (
        disturbances.donors(rows[1:2], rows, seed) == found[1:2]
    )  # one sample alone gets the same


def test_many_rows_are_scored_in_pieces(dataset, monkeypatch):
    model, rows = model_of("late", dataset), dataset.rows("test")
    whole = disturbances.scores(model, dataset, rows, Disturbance(swapped=("a",)))
    monkeypatch.setattr(disturbances, "BATCH", 5)
    assert np.allclose(
        disturbances.scores(model, dataset, rows, Disturbance(swapped=("a",))), whole
    )


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (Disturbance(missing=("b",)), NotFound, "Modality 'b' does not exist"),
        (Disturbance(noise={"a": -1}), InvalidInput, r"`noise\[a\]`"),
        (Disturbance(noise={"a": float("nan")}), InvalidInput, r"`noise\[a\]`"),
        (
            Disturbance(missing=("a",), noise={"a": 1}),
            InvalidInput,
            "'a' cannot be absent and disturbed at once",
        ),
        (Disturbance(missing=("a",), mean=("a",)), InvalidInput, "'a' cannot be absent"),
        (Disturbance(seed=-1), InvalidInput, "`seed`"),
    ],
)
def test_invalid_requests_are_refused(dataset, asked, error, message):
    with pytest.raises(error, match=message):
        disturbances.inputs(dataset, dataset.rows("test"), asked)


def test_joint_disturbances_equal_single_ones(dataset):
    """Means, swaps and noise of different modalities do not meet, whatever the encoders' work is read from."""
    rows = dataset.rows("test")
    asked = Disturbance(mean=("a",), swapped=("words",), noise={"c": 1.5}, seed=4)
    assert describe_disturbance(asked) == (
        "a at its training mean, words of another sample, noise of 1.5 standard deviations on c"
    )
    assert describe_disturbance(Disturbance(missing=("a", "c"))) == "without a, without c"
    found = disturbances.inputs(dataset, rows, asked)
    for name, alone in (
        ("a", Disturbance(mean=("a",))),
        ("words", Disturbance(swapped=("words",), seed=4)),
        ("c", Disturbance(noise={"c": 1.5}, seed=4)),
    ):
        one = disturbances.inputs(dataset, rows, alone)
        for ours, theirs in zip(
            found[name] if name == "words" else [found[name]],
            one[name] if name == "words" else [one[name]],
            strict=True,
        ):
            assert torch.equal(ours, theirs)
    # noise on a swapped modality is added to the other row's features
    plain = dataset.inputs(rows, torch.float64)
    noise = disturbances.inputs(dataset, rows, Disturbance(noise={"c": 2}))["c"] - plain["c"]
    other = disturbances.inputs(dataset, rows, Disturbance(swapped=("c",)))["c"]
    both = disturbances.inputs(dataset, rows, Disturbance(swapped=("c",), noise={"c": 2}))["c"]
    assert torch.allclose(both - other, noise)
    for name in ("a", "c"):
        assert torch.equal(disturbances.inputs(dataset, rows, Disturbance())[name], plain[name])


def test_swaps_need_other_samples(dataset):
    with pytest.raises(InvalidInput, match="at least two samples, but there are 1"):
        disturbances.inputs(dataset, [3], Disturbance(swapped=("a",)))
    with pytest.raises(InvalidInput, match="`pool` must hold every row"):
        disturbances.inputs(dataset, [3], Disturbance(swapped=("a",)), pool=[4, 5])


@pytest.mark.parametrize("kind", ["quantum-jump", "concatenation"])
def test_curves(dataset, kind):
    model = model_of(kind, dataset)
    found = disturbances.robustness(model, dataset, levels=(0.0, 1.0), repeats=2)
    clean = metrics.evaluate(model, dataset, "test")
    assert found[(found["kind"] == "noise") & (found["level"] == 0)][
        "mae"
    ].tolist() == pytest.approx([clean["mae"]] * 4)
    assert set(found["modality"]) == {*NAMES, "all"}
    assert len(found) == 4 * 2 + 3 * 3
    assert np.isfinite(found["mae"]).all()
    rows, behind = (
        dataset.rows("test"),
        explain.background(model, dataset.inputs(dataset.rows("train"), torch.float64), "joint"),
    )
    some = found if kind == "concatenation" else found[found["modality"] == "a"]
    for row in some.to_dict("records"):
        name, kind_, level = row["modality"], row["kind"], row["level"]
        touched = NAMES if name == "all" else (name,)
        every = {
            "noise": [
                Disturbance(noise=dict.fromkeys(touched, level), seed=seed) for seed in range(2)
            ],
            "swapped": [Disturbance(swapped=touched, seed=seed) for seed in range(2)],
            "absent": [Disturbance(missing=touched)],
            "mean": [Disturbance(mean=touched)],
        }[kind_]
        measured = [
            metrics.score_metrics(
                disturbances.scores(model, dataset, rows, each, "train", behind),
                dataset.y[rows],
                "regression",
            )
            for each in every
        ]
        for key in ("mae", "corr"):
            assert row[key] == pytest.approx(np.mean([each[key] for each in measured]))


def test_curves_of_partial_and_whole_backgrounds(dataset):
    model, rows = model_of("concatenation", dataset), dataset.rows("test")
    behind = explain.background(
        model, dataset.inputs(dataset.rows("train"), torch.float64), "joint"
    )
    for most in (5, None):
        found = disturbances.robustness(model, dataset, levels=(), repeats=1, most=most)
        asked = found[(found["kind"] == "absent") & (found["modality"] == "c")]["mae"]
        scores = disturbances.scores(
            model, dataset, rows, Disturbance(missing=("c",)), behind=behind.subsample(most or 24)
        )
        assert asked.tolist() == pytest.approx([np.abs(scores[:, 0] - dataset.y[rows]).mean()])


def call(capsys, *words: str):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    return ended.value.code, capsys.readouterr()


def test_command_line(capsys, tmp_path, monkeypatch):
    code, said = call(
        capsys,
        "evaluate",
        "--model",
        "qj-planted",
        "--missing",
        "text",
        "--noise",
        "audio=0.5",
        "--swap",
        "vision",
        "--json",
    )
    assert code == 0
    found = json.loads(said.out)
    assert (
        found["disturbance"]
        == "without text, vision of another sample, noise of 0.5 standard deviations on audio"
    )
    _, plain = call(capsys, "evaluate", "--model", "qj-planted", "--json")
    assert json.loads(plain.out)["metrics"]["mae"] < found["metrics"]["mae"]
    assert json.loads(plain.out)["disturbance"] == "as recorded"
    _, whole = call(capsys, "explain", "--model", "qj-planted", "--sample", "p0000", "--json")
    _, part = call(
        capsys,
        "explain",
        "--model",
        "qj-planted",
        "--sample",
        "p0000",
        "--missing",
        "text",
        "--json",
    )
    assert json.loads(part.out)["prediction"] == pytest.approx(
        json.loads(whole.out)["coalitions"]["audio+vision"]
    )
    assert json.loads(part.out)["dividends"]["text+audio"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--missing", "smell"), "Modality 'smell' does not exist"),
        (("--noise", "audio"), "must have the form MODALITY=LEVEL"),
        (("--noise", "audio=loud"), "`noise[audio]` must be a number, but is 'loud'"),
        (("--noise", "audio=1e9"), "must lie between 0 and 100"),
        (("--noise", "audio=1", "--noise", "audio=2"), "names 'audio' twice"),
        (("--missing", "text", "--swap", "text"), "cannot be absent and disturbed at once"),
    ],
)
def test_invalid_calls_print_one_line(capsys, words, message):
    code, said = call(capsys, "evaluate", "--model", "qj-planted", *words)
    assert code == 1
    assert message in said.err
    assert said.err.count("\n") == 1


def test_a_baseline_is_measured_and_explained(capsys, tmp_path, dataset):
    from qfusion import data

    planted = data.load("planted")
    model = registry.build("linear", planted.input_specs, ("sentiment",), {})
    card = checkpoint_cards.make_card(
        model,
        planted,
        name="flat",
        title="Flat",
        seed=0,
        training={},
        metrics={},
        this_seed={},
        seeds=[0],
    )
    place = str(checkpoint.save(tmp_path / "flat", model, card))
    assert call(capsys, "evaluate", "--model", place, "--missing", "text", "--json")[0] == 0
    code, said = call(capsys, "explain", "--model", place, "--sample", "p0000", "--json")
    assert code == 0
    found = json.loads(said.out)
    assert found["prediction"] == pytest.approx(sum(found["dividends"].values()), abs=1e-9)
