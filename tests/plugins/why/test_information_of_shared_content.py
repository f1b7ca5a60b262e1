"""Information of data whose rows share content: what is held out together, and what remains."""

from __future__ import annotations

import numpy as np
import pytest

from qfusion import data
from qfusion.explain import bootstrap
from qfusion.plugins.why.information import (
    baseline_predictions,
    information,
    label_leak,
    prediction_task,
)
from qfusion.plugins.why.information.words import describe_evaluation, describe_information
from tests.plugins.why.support import few_trees

Features = dict[str, np.ndarray]


def pairs_of_pictures(
    pictures: int = 800, kinds: int = 8, noise: float = 0.0
) -> tuple[Features, np.ndarray, np.ndarray]:
    """A set like SHAPES: every picture shows some kinds of things, and stands twice, with a question after a kind that
    it shows and with one after a kind that it does not. Returns features, answers, and the pictures' numbers."""
    rng = np.random.default_rng(0)
    shown = rng.integers(0, 2, (pictures, kinds))
    shown[:, :2] = 1, 0
    shown = rng.permuted(shown, axis=1)
    question = np.array([[rng.choice(np.flatnonzero(row == k)) for k in (1, 0)] for row in shown])
    picture, answer = np.repeat(np.arange(pictures), 2), np.tile([1, 0], pictures)
    seen = (shown + 0.1 * rng.normal(size=shown.shape))[picture]
    order = rng.permutation(len(answer))
    features = {
        "picture": (seen + noise * rng.normal(size=seen.shape))[order],
        "question": np.eye(kinds)[question.ravel()][order],
    }
    return features, answer[order], picture[order]


def estimated(
    features: Features, y: np.ndarray
) -> tuple[baseline_predictions.Predictions, information.Estimate]:
    """What is worked out of features by few trees and small networks."""
    with pytest.MonkeyPatch.context() as patch:
        few_trees(patch)
        predictions = baseline_predictions.Predictions(
            prediction_task.task_from_features(features, y)
        )
        return predictions, information.estimate_from_predictions(predictions, "pairs")


def tells_nothing(one: bootstrap.Interval) -> bool:
    """Whether bits are 0 as far as their interval goes, and near 0."""
    return abs(one.value) < 0.02 and one.low <= 0 <= one.high


@pytest.fixture(scope="module", params=[0.0, 1e-7], ids=["equal", "nearly equal"])
def balanced(request: pytest.FixtureRequest) -> information.Estimate:
    """What is worked out of balanced pairs, whose pictures are the same or differ by rounding."""
    return estimated(*pairs_of_pictures(noise=request.param)[:2])[1]


def test_halves_of_balanced_pairs_are_uninformative(balanced: information.Estimate) -> None:
    for estimator in balanced.by.values():
        for name in ("picture", "question"):
            assert tells_nothing(estimator.alone[name]), (estimator.estimator, name)
            assert tells_nothing(estimator.unique[name]), (estimator.estimator, name)
    assert balanced.main.synergy.low > 0.5
    assert balanced.main.total.low > 0.5
    words = describe_information(balanced)
    assert words.startswith("Small models find at least 0.")
    assert "only by" not in words.split("Estimators disagree")[0]
    assert balanced.baselines.models[baseline_predictions.SINGLE] == baseline_predictions.BASE
    assert any(
        "1,600 rows hold 800 different of picture" in note
        for note in describe_evaluation(balanced.baselines.evaluation)
    )


def test_twins_of_held_out_rows_are_not_trained_on() -> None:
    for noise in (0.0, 1e-7):
        features, y, picture = pairs_of_pictures(noise=noise)
        task = prediction_task.task_from_features(features, y)
        assert task.different == {"picture": 800, "question": 8}
        for learn, ask, _ in task.splits():
            assert not set(picture[learn]) & set(picture[ask])
            assert len(learn) + len(ask) == len(y)


def test_repeated_pictures_and_questions_are_all_predicted() -> None:
    """Every question is asked of two pictures, and every picture has two questions: one long chain, which no fold
    holds. All rows are predicted, by models that saw neither their picture nor their question."""
    rng = np.random.default_rng(0)
    count = 300
    question, picture = (
        np.tile(np.arange(count), 2),
        np.concatenate([rng.permutation(count), rng.permutation(count)]),
    )
    features = {
        "picture": rng.normal(size=(count, 5))[picture],
        "question": rng.normal(size=(count, 4))[question],
    }
    task = prediction_task.task_from_features(features, np.repeat([1, 0], count))
    assert len(task.predicted) == 2 * count
    for learn, ask, _ in task.splits():
        assert not set(picture[learn]) & set(picture[ask])
        assert not set(question[learn]) & set(question[ask])
        assert len(learn) > count
    assert task.clusters is not None
    assert task.clusters.shape == (2 * count, 2)


def test_copies_with_the_same_label_do_not_predict_each_other() -> None:
    """Labels are tossed, and every row stands three times."""
    rng = np.random.default_rng(0)
    row = np.repeat(np.arange(200), 3)
    features = {
        name: rng.normal(size=(200, 4))[row] + 1e-7 * rng.normal(size=(600, 4)) for name in "ab"
    }
    _, result = estimated(features, rng.integers(0, 2, 200)[row])
    assert result.main.total.low <= 0
    assert result.finding == information.Finding.NOT_SHOWN


def test_statements_about_picture_pairs_are_uninformative_alone() -> None:
    """A set like NLVR2: a statement stands with four pictures, true of two, in the same order every time."""
    rng = np.random.default_rng(1)
    statement, y = np.repeat(np.arange(250), 4), np.tile([0, 1, 0, 1], 250)
    kind = rng.integers(0, 3, 250)[statement]
    pictures = rng.normal(size=(1000, 3))
    rows = np.arange(1000)
    pictures[rows, kind] = np.abs(pictures[rows, kind]) * np.where(y, 1, -1)
    words = np.concatenate([np.eye(3)[kind], rng.normal(size=(250, 3))[statement]], 1)
    _, result = estimated({"statement": words, "pictures": pictures}, y)
    for estimator in result.by.values():
        assert tells_nothing(estimator.alone["statement"])
    assert result.main.total.low > 0.3


def test_learner_below_chance_is_reported_and_excluded() -> None:
    """Twelve questions, each with as many yes as no: who remembers more yes of one predicts yes where more no is left.
    They are values, of which there are few, and are not held out."""
    rng = np.random.default_rng(0)
    question, y = np.repeat(np.arange(12), 10), np.tile([0, 1], 60)
    features = {"picture": rng.normal(size=(120, 3)), "question": np.eye(12)[question]}
    predictions, result = estimated(features, y)
    assert ("question", label_leak.LINEAR) in result.below_chance
    assert any(
        "linear on question" in note for note in describe_evaluation(result.baselines.evaluation)
    )
    kind, outputs = predictions.predict_best(["question"])
    assert kind == baseline_predictions.BASE
    assert np.ptp(outputs, axis=0).max() == 0
    assert tells_nothing(result.main.alone["question"])


def test_questions_about_scenes_are_uninformative_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them has as many answers yes as no."""
    few_trees(monkeypatch)
    result = information.estimate(data.load("scenes"), rows=2000)
    assert tells_nothing(result.main.alone["question"])
    assert tells_nothing(result.main.unique["question"])
    assert result.different["question"] < 150
