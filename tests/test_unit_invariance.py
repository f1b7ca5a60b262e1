"""Units of features and targets affect neither predictions nor training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.models import FusionModel, registry
from qfusion.training import Options, loop, metrics, prepare, train
from qfusion.training.batches import Group
from qfusion.training.optimisation import loss_factor, target_unit
from tests.support.small_models import model_of, rows_of
from tests.support.trainings import same_weights, small

SHORT = Options(epochs=6, batch=32, rate=1e-2)
SHORT_CLASSES = SHORT.replace(loss="cross_entropy")


def with_units(dataset: DataSet, factors: dict[str, np.ndarray]) -> DataSet:
    """The same data with the columns of each modality multiplied by factors (F,)."""
    return replace(
        dataset,
        modalities=[
            replace(m, values=(m.values * factors[m.name]).astype(np.float32))
            for m in dataset.modalities
        ],
    )


def factors_of(dataset: DataSet, seed: int) -> dict[str, np.ndarray]:
    """Factors between 1e-6 and 1e6, one for every column."""
    random = np.random.default_rng(seed)
    return {m.name: 10.0 ** random.uniform(-6, 6, m.values.shape[-1]) for m in dataset.modalities}


def with_target(dataset: DataSet, factor: float) -> DataSet:
    """The same data with the target in another unit."""
    low, high = dataset.target.range
    target = replace(dataset.target, range=(low * factor, high * factor))
    return replace(dataset, y=dataset.y * factor, target=target)


def scores_of(model: FusionModel, dataset: DataSet) -> np.ndarray:
    return metrics.predict(model, dataset, np.arange(len(dataset.ids)))


# Features.


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn", "late", "mult"])
def test_rescaled_columns_do_not_change_scores(kind: str, seed: int) -> None:
    dataset = small(3)
    other = with_units(dataset, factors_of(dataset, seed))
    expected, found = (
        scores_of(prepare(kind, data, {}, SHORT_CLASSES).model.double(), data)
        for data in (dataset, other)
    )
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_training_is_invariant_under_feature_units() -> None:
    dataset, options = small(3), SHORT_CLASSES.replace(precision="double")
    expected, found = (
        scores_of(train("concatenation", data, {}, options).model, data)
        for data in (
            dataset,
            with_units(dataset, {m.name: np.float64(2.0**-18) for m in dataset.modalities}),
        )
    )
    assert found == pytest.approx(expected, abs=1e-6)


def test_constant_columns_have_scale_one() -> None:
    dataset = small(3)
    values = dataset.modalities[1].values.copy()
    values[:, 0] = 1234.5
    values[:, 1] = np.float32(1e6) + np.arange(len(values)) % 2 * np.float32(0.0625)
    constant = replace(
        dataset, modalities=[dataset.modalities[0], replace(dataset.modalities[1], values=values)]
    )
    model = prepare("late", constant, {}, SHORT_CLASSES).model
    scale = model.encoders[constant.modalities[1].name].standardise.scale
    assert scale[:2].tolist() == [1, 1]
    assert np.isfinite(scores_of(model, constant)).all()


# Targets.


@pytest.mark.parametrize("kind", registry.names())
def test_rescaling_multiplies_every_score(kind: str) -> None:
    model = model_of(kind, 3)
    inputs = rows_of(model, 5, 0)
    with torch.no_grad():
        model.bias.fill_(0.7)
        before = model(inputs)
        assert model.rescale(8.0)
        assert model(inputs).numpy() == pytest.approx(8 * before.numpy(), rel=1e-9)


@pytest.mark.parametrize("loss", ["l1", "mse", "huber"])
@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn", "concatenation", "linear"])
def test_power_of_two_target_units_scale_scores_exactly(kind: str, loss: str) -> None:
    dataset, options = small(), SHORT.replace(loss=loss)
    one, other = (train(kind, with_target(dataset, unit), {}, options) for unit in (1.0, 2.0**11))
    assert (scores_of(other.model, dataset) == 2.0**11 * scores_of(one.model, dataset)).all()
    factor = loss_factor(loss, 2.0**11)
    for first, second in zip(one.history, other.history, strict=True):
        assert second.valid_loss == factor * first.valid_loss
        assert second.train_loss == pytest.approx(factor * first.train_loss)


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 7.0, 1e3, 1e6])
def test_regression_quality_is_unit_invariant(factor: float) -> None:
    dataset = small()
    options = SHORT.replace(epochs=30)
    good, same = (
        metrics.evaluate(train("concatenation", data, {}, options).model, data, "train")["r2"]
        for data in (dataset, with_target(dataset, factor))
    )
    assert good > 0.5
    assert same == pytest.approx(good, abs=0.05)


def test_the_unit_is_a_power_of_two_near_the_deviation() -> None:
    assert target_unit(np.array([0.0, 2.0])) == 1
    assert target_unit(np.array([0.0, 3000.0])) == 2048
    assert target_unit(np.array([0.0, 0.003])) == 2.0**-9
    assert target_unit(np.full(5, 4.2)) == 1


def test_training_in_units_resumes_exactly(tmp_path) -> None:
    dataset = with_target(small(), 500.0)

    def begun():
        return prepare("quantum-jump", dataset, dict(dims=2), SHORT, 3)

    whole, parts = begun(), begun()
    while not whole.done:
        whole.epoch()
    while not parts.done:
        torch.save(parts.state(), tmp_path / "state.pt")
        parts = begun()
        parts.restore(torch.load(tmp_path / "state.pt", weights_only=True))
        parts.epoch()
    assert same_weights(parts.best_model(), whole.best_model())
    assert same_weights(whole.best_model(), whole.result().model)


def test_a_state_in_other_units_is_refused() -> None:
    state = prepare("late", small(), {}, SHORT).state()
    with pytest.raises(InvalidInput, match="does not belong to this training"):
        prepare("late", with_target(small(), 100.0), {}, SHORT).restore(state)


def test_models_without_units_are_read() -> None:
    model = model_of("concatenation", 2)
    weights = {key: value for key, value in model.state_dict().items() if key != "unit"}
    again = registry.rebuild(model.kind, model.input_specs, model.outputs, model.settings, weights)
    assert float(again.unit) == 1
    inputs = rows_of(model, 3, 0)
    assert torch.equal(again.eval()(inputs), model(inputs))


# The linear model is at the minimum of its loss.


def flat(dataset: DataSet, rows: np.ndarray) -> np.ndarray:
    """Standardised features of all modalities, side by side."""
    values = np.hstack([m.values[rows].astype(float) for m in dataset.modalities])
    training = np.hstack(
        [m.values[dataset.rows("train")].astype(float) for m in dataset.modalities]
    )
    return np.clip((values - training.mean(0)) / training.std(0), -5, 5)


def test_linear_classifier_equals_logistic_regression() -> None:
    dataset = small(3)
    rows = dataset.rows("train")
    options = Options(loss="cross_entropy", weight_decay=0.01, epochs=30)
    found = train("linear", dataset, {}, options)
    reference = LogisticRegression(C=1 / (0.01 * len(rows)), tol=1e-8, max_iter=1000)
    reference.fit(flat(dataset, rows), dataset.y[rows])
    scores = torch.as_tensor(scores_of(found.model, dataset)).softmax(1).numpy()
    everything = np.arange(len(dataset.ids))
    assert scores == pytest.approx(reference.predict_proba(flat(dataset, everything)), abs=2e-3)
    assert len(found.history) < 30  # it ends at the minimum


@pytest.mark.parametrize("unit", [1.0, 1024.0])
def test_linear_regressor_equals_ridge_regression(unit: float) -> None:
    dataset = with_target(small(), unit)
    rows, everything = dataset.rows("train"), np.arange(len(dataset.ids))
    options = Options(loss="mse", weight_decay=0.1, epochs=30)
    found = scores_of(train("linear", dataset, {}, options).model, dataset)[:, 0]
    reference = Ridge(alpha=0.1 * len(rows) / 2).fit(flat(dataset, rows), dataset.y[rows])
    expected = reference.predict(flat(dataset, everything))
    assert found == pytest.approx(expected, abs=1e-3 * unit)


def test_linear_model_does_not_depend_on_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = small(3)
    options = SHORT_CLASSES.replace(class_weights="balanced", precision="double")
    expected = scores_of(train("linear", dataset, {}, options).model, dataset)
    monkeypatch.setattr(loop, "CHUNK", 17)
    assert scores_of(train("linear", dataset, {}, options).model, dataset) == pytest.approx(
        expected, abs=1e-6
    )


def test_random_draws_occur_once_per_epoch() -> None:
    options = SHORT_CLASSES.replace(noise=0.3, patience=0)
    first, again = (train("linear", small(3), {}, options, seed=1) for _ in range(2))
    assert same_weights(first.model, again.model)
    losses = [progress.train_loss for progress in first.history]
    assert len(losses) == options.epochs
    assert len(set(losses)) == len(losses)


def test_convex_model_is_trained_in_one_process() -> None:
    with pytest.raises(InvalidInput, match="in one process, but there are 2"):
        prepare("linear", small(), {}, SHORT, group=Group(0, 2))
