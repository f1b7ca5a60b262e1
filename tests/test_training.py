"""Training, options and metrics; checkpoints round trip and refuse foreign files."""

from __future__ import annotations

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, log_loss

from qfusion import data, explain
from qfusion.data import DataSet, data_set
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.models import encoders
from qfusion.models.encoders import BatchNorm, Encoder
from qfusion.models.inputs import InputSpec
from qfusion.training import (
    Fit,
    Options,
    batches,
    checkpoint,
    checkpoint_cards,
    metrics,
    optimisation as decay,
    prepare,
    train,
)
from qfusion.training.batches import Group
from tests.support.trainings import QUICK, padded, same_weights, small


def test_training_learns_and_repeats_with_its_seed():
    dataset, seen = small(), []
    runs = [
        train(
            "quantum-jump",
            dataset,
            dict(dims=2),
            Options(epochs=12, batch=16, rate=6e-2),
            1,
            seen.append,
        )
        for _ in range(2)
    ]
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            runs[0].model.state_dict().values(), runs[1].model.state_dict().values(), strict=True
        )
    )
    untrained = train("quantum-jump", dataset, dict(dims=2), Options(epochs=1, rate=1e-8), 1).model
    assert (
        metrics.evaluate(runs[0].model, dataset, "train")["mae"]
        < 0.7 * metrics.evaluate(untrained, dataset, "train")["mae"]
    )
    best = min(runs[0].history, key=lambda p: p.valid_loss)
    assert runs[0].best_epoch == best.epoch
    assert metrics.evaluate(runs[0].model, dataset, "valid")["mae"] == pytest.approx(
        best.valid["mae"]
    )
    assert len(seen) == len(runs[0].history) + len(runs[1].history)


def test_classes_are_trained_with_cross_entropy():
    dataset = small(classes=3)
    found = train("quantum-jump", dataset, dict(dims=2), Options(loss="cross_entropy", **QUICK))
    assert found.model.outputs == ("a", "b", "c")
    assert set(metrics.evaluate(found.model, dataset, "test")) == {"accuracy", "f1", "nll"}
    with pytest.raises(InvalidInput, match="`loss` must be cross_entropy"):
        train("quantum-jump", dataset, {}, Options(loss="l1"))


def test_training_stops_on_request_and_by_early_stopping():
    dataset = small()
    stopped = train(
        "quantum-jump", dataset, dict(dims=2), Options(epochs=50), on_epoch=lambda p: p.epoch < 3
    )
    assert len(stopped.history) == 3
    patient = train(
        "quantum-jump", dataset, dict(dims=2), Options(epochs=500, patience=2, rate=5e-2)
    )
    assert len(patient.history) < 500
    last = train("quantum-jump", dataset, dict(dims=2), Options(epochs=5, patience=0))
    assert last.best_epoch == 5
    both = train("quantum-jump", dataset, dict(dims=2), Options(epochs=2, patience=0, refit=True))
    assert not torch.equal(
        both.model.encoders["text"].standardise.mean, last.model.encoders["text"].standardise.mean
    )


def test_trajectories_train_too():
    found = train(
        "quantum-jump",
        small(),
        dict(dims=2, dynamics="jumps", trajectories=2, steps=5),
        Options(**QUICK),
    )
    assert np.isfinite(found.history[-1].train_loss)


def trained(dataset: DataSet, **options: float) -> torch.nn.Module:
    return train(
        "quantum-jump", dataset, dict(dims=2), Options(patience=0, **QUICK, **options), 1
    ).model


def test_decay_shrinks_encoder_matrices_only():
    loose, tight = (
        dict(trained(small(), encoder_decay=decay).named_parameters()) for decay in (0.0, 20.0)
    )
    lengths = {name: (tight[name].norm() / loose[name].norm()).item() for name in loose}
    matrices = [name for name, p in loose.items() if name.startswith("encoders.") and p.ndim > 1]
    assert matrices
    assert all(lengths[name] < 0.6 for name in matrices)
    rest = [name for name in loose if not name.startswith("encoders.")]
    assert np.median([lengths[name] for name in rest]) > 0.8


def test_weight_decay_spares_truth_tables():
    """Zero angles would be the rule "never"."""
    model = prepare("entangled-qcnn", small(), dict(elements=4), Options(weight_decay=20.0)).model
    decayed = {
        id(p)
        for group in decay.parameter_groups(model, Options(weight_decay=20.0))
        if group["weight_decay"]
        for p in group["params"]
    }
    assert id(model.phi) not in decayed
    assert id(model.network.head) in decayed


@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn"])
def test_coupling_decay_converges_to_zero_coupling(kind):
    settings = dict(dims=2) if kind == "quantum-jump" else dict(elements=4)
    found = [
        train(
            kind,
            small(),
            settings,
            Options(patience=0, average=0, epochs=15, rate=4e-2, coupling_decay=decay),
            1,
        ).model
        for decay in (0.0, 20.0)
    ]
    away = [
        [(parameter - nothing).norm().item() for parameter, nothing in model.couplings()]
        for model in found
    ]
    assert len(away[0]) >= 2
    assert all(tight < 0.3 * loose for loose, tight in zip(*away, strict=True))


def test_noise_is_scaled_by_the_deviation_of_each_feature():
    values = torch.tensor([[0.0, 0.0, 5.0], [2.0, 200.0, 5.0]]).repeat(2000, 1)
    mask = torch.ones(4000, 2, dtype=torch.bool)
    mask[:, 1] = False
    inputs = {"a": values, "b": (torch.stack([values, torch.full_like(values, 1e6)], 1), mask)}
    spread = {name: torch.tensor([1.0, 100.0, 0.0]) for name in inputs}
    moved = batches.noisy(inputs, spread, 0.5)
    for change in (moved["a"] - values, moved["b"][0][:, 0] - values):
        assert torch.allclose(change.std(0), torch.tensor([0.5, 50.0, 0.0]), rtol=0.1)
    assert moved["b"][1] is mask
    state = torch.get_rng_state()
    assert batches.noisy(inputs, spread, 0.0) is inputs
    assert torch.equal(torch.get_rng_state(), state)  # trainings without noise stay what they were


@pytest.mark.parametrize("held", [batches.HELD, 0])
def test_moments_use_valid_steps_only(held, monkeypatch):
    monkeypatch.setattr(batches, "HELD", held)
    monkeypatch.setattr(data_set, "BLOCK", 7)
    dataset = padded()
    mean, deviation = batches.mean_and_std(dataset, dataset.rows("train"), "audio")
    values, mask = dataset.inputs(dataset.rows("train"), torch.float64)["audio"]
    assert torch.allclose(mean, values[mask].mean(0), rtol=1e-12)
    assert torch.allclose(deviation, values[mask].std(0, correction=0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn"])
def test_memory_mapped_rows_train_to_the_same_weights(kind, monkeypatch):
    settings = dict(dims=2) if kind == "quantum-jump" else dict(elements=4)
    held = train(kind, small(), settings, Options(patience=0, **QUICK), 1).model.state_dict()
    monkeypatch.setattr(batches, "HELD", 0)
    read = train(kind, small(), settings, Options(patience=0, **QUICK), 1).model.state_dict()
    assert all(torch.allclose(held[name], read[name], atol=1e-6) for name in held)


SAMPLED = dict(dims=2, dynamics="jumps", trajectories=2, steps=5)
NOISY = dict(patience=3, noise=0.3, coupling_decay=0.1)


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (NOISY, dict(dims=2)),
        (dict(patience=2, average=0), dict(dims=2)),
        (NOISY, SAMPLED),  # both draw
    ],
)
def test_resumed_training_reaches_the_same_weights(options, settings, tmp_path):
    def begun() -> Fit:
        return prepare(
            "quantum-jump", small(), settings, Options(epochs=6, batch=32, rate=1e-2, **options), 3
        )

    whole, parts = begun(), begun()
    while not whole.done:
        whole.epoch()
    while not parts.done:
        torch.save(parts.state(), tmp_path / "state.pt")
        parts = begun()
        parts.restore(torch.load(tmp_path / "state.pt", weights_only=True))
        assert (
            parts.epoch(lambda done, total: done < 2) is None
        )  # killed within the epoch, which then begins anew
        parts = begun()
        parts.restore(torch.load(tmp_path / "state.pt", weights_only=True))
        torch.rand(3)
        parts.epoch()
    assert [p.valid_loss for p in parts.history] == [p.valid_loss for p in whole.history]
    assert same_weights(parts.best_model(), whole.best_model())
    assert same_weights(parts.result().model, whole.result().model)


def test_a_state_of_another_model_is_refused():
    state = prepare("quantum-jump", small(), dict(dims=2)).state()
    with pytest.raises(InvalidInput, match="does not belong to this training"):
        prepare("quantum-jump", small(), dict(dims=3)).restore(state)
    with pytest.raises(InvalidInput, match="does not belong to this training"):
        prepare("quantum-jump", small(), dict(dims=2)).restore({})


def test_noise_affects_training_but_not_prediction():
    dataset = small()
    models = [trained(dataset, noise=noise) for noise in (0.0, 0.5, 0.5)]
    quiet, loud, again = (
        metrics.predict(model, dataset, dataset.rows("valid")) for model in models
    )
    assert np.array_equal(loud, again)  # the seed gives the noise too
    assert np.array_equal(loud, metrics.predict(models[1], dataset, dataset.rows("valid")))
    none = metrics.predict(models[1], dataset, np.array([], dtype=int))
    assert none.shape == (0, loud.shape[1])  # what falls to one of more processes than rows
    assert np.abs(quiet - loud).max() > 1e-3


def test_only_pictures_are_shifted():
    picture = torch.arange(12.0).reshape(3, 4)
    inputs = {"seen": picture.flatten().repeat(400, 1), "told": torch.ones(400, 5)}
    moved = batches.shift_pictures(inputs, {"seen": (3, 4)}, 1)
    assert moved["told"] is inputs["told"]
    padded = torch.nn.functional.pad(picture[None], (1, 1, 1, 1), mode="replicate")[0]
    wanted = {
        tuple(padded[i : i + 3, j : j + 4].flatten().tolist()) for i in range(3) for j in range(3)
    }
    assert {tuple(row) for row in moved["seen"].tolist()} == wanted  # all nine places
    later = batches.shift_pictures(inputs, {"seen": (3, 4)}, 1, down=False)["seen"]
    assert {tuple(row) for row in later.tolist()} == {
        tuple(padded[1:4, j : j + 4].flatten().tolist()) for j in range(3)
    }
    state = torch.get_rng_state()
    assert batches.shift_pictures(inputs, {"seen": (3, 4)}, 0) is inputs
    assert torch.equal(torch.get_rng_state(), state)  # trainings without shifts stay what they were
    with pytest.raises(InvalidInput, match="must be 0 for data without pictures"):
        trained(small(), shift=1)


def test_only_pictures_are_rotated_and_scaled():
    inputs = {"seen": torch.zeros(2000, 15 * 21), "told": torch.ones(2000, 5)}
    middle, beside = 7 * 21 + 10, 7 * 21 + 15  # five pixels to the right of the middle
    inputs["seen"][:, middle] = inputs["seen"][:, beside] = 1.0
    changed = batches.warp_pictures(inputs, {"seen": (15, 21)}, 45.0, 0.0)
    assert changed["told"] is inputs["told"]
    seen = changed["seen"].view(-1, 15, 21)
    assert torch.allclose(seen[:, 7, 10], torch.ones(2000), atol=1e-4)
    rest = seen.clone()
    rest[:, 6:9, 9:12] = 0
    down, across = torch.meshgrid(torch.arange(15.0) - 7, torch.arange(21.0) - 10, indexing="ij")
    weight = rest.sum((1, 2))
    y, x = (rest * down).sum((1, 2)) / weight, (rest * across).sum((1, 2)) / weight
    # not distorted, although the picture is not square
    assert torch.allclose(x.hypot(y), torch.full((2000,), 5.0), atol=0.4)
    angle = torch.atan2(y, x).rad2deg()
    assert float(angle.min()) < -40
    assert float(angle.max()) > 40
    assert float(angle.abs().max()) < 49
    sides = batches.warp_pictures(inputs, {"seen": (15, 21)}, 0.0, 0.2)["seen"].view(-1, 15, 21)
    place = (sides[:, 7, 12:] * across[7, 12:]).sum(1) / sides[:, 7, 12:].sum(1)
    assert 3.9 < float(place.min()) < 4.4
    assert 5.7 < float(place.max()) < 6.5
    state = torch.get_rng_state()
    assert batches.warp_pictures(inputs, {"seen": (15, 21)}, 0.0, 0.0) is inputs
    assert torch.equal(torch.get_rng_state(), state)  # trainings without stay what they were
    for option in ("turn", "stretch"):
        with pytest.raises(InvalidInput, match=f"`{option}` must be 0 for data without pictures"):
            trained(small(), **{option: 0.5})
    with pytest.raises(InvalidInput, match="`delay` must be 0 for data without spectrograms"):
        trained(data.load("digits"), loss="cross_entropy", delay=1)


def test_colour_pictures_are_augmented_like_grey_ones():
    grey = torch.randn(50, 30)
    coloured = grey[..., None].expand(-1, -1, 3).flatten(1)
    for change, amounts in ((batches.shift_pictures, (2,)), (batches.warp_pictures, (20.0, 0.2))):
        torch.manual_seed(0)
        one = change({"seen": grey}, {"seen": (5, 6)}, *amounts)["seen"]
        torch.manual_seed(0)
        three = change({"seen": coloured}, {"seen": (5, 6, 3)}, *amounts)["seen"]
        assert not torch.equal(one, grey)
        torch.testing.assert_close(three.unflatten(1, (30, 3)), one[..., None].expand(-1, -1, 3))


@pytest.mark.parametrize("kind", encoders.NORMALISED)
def test_a_normalised_encoder_keeps_rows_apart_and_predicts_row_by_row(kind: str):
    torch.manual_seed(0)
    encoder = Encoder(InputSpec(64, shape=(8, 8)), 4, hidden=16, dropout=0.0, kind=kind)
    values = 1e-3 * torch.randn(
        200, 64
    )  # hardly different: without it, what comes out hardly is either
    hidden = [part for part in encoder.modules() if isinstance(part, BatchNorm)]
    assert len(hidden) == 3
    seen: list[torch.Tensor] = []
    hidden[-1].register_forward_hook(lambda _, given, made: seen.append(made.detach()))
    for _ in range(100):
        encoder(values)
    assert torch.allclose(seen[-1].mean(0), torch.zeros(16), atol=1e-4)
    assert 0.5 < float(seen[-1].std(0).mean()) < 1.05
    one = encoder(values[:1])  # in training, too, a batch may be of one row
    encoder.eval()
    assert torch.allclose(encoder(values)[:1], encoder(values[:1]), atol=1e-6)
    assert torch.allclose(one, encoder(values[:1]), atol=1e-6)


def test_pooling_encoder_sees_every_pixel_of_odd_sizes():
    encoder = Encoder(
        InputSpec(7 * 9, shape=(7, 9)), 4, hidden=16, dropout=0.0, kind="cnn-pool"
    ).eval()
    values = torch.zeros(7 * 8, 7, 9)
    places = [(i, j) for i in range(7) for j in range(8)]
    for n, (i, j) in enumerate(places):
        values[n, i, j] = 3.0
    found = encoder.first.net[:-2](values[:, None])
    assert found.shape == (56, 16, 1, 2)
    assert bool((found.flatten(1).std(0) > 0).any())
    # hardly two places look alike
    assert (
        len(torch.unique(encoder.first(values.flatten(1)).detach().round(decimals=5), dim=0)) > 40
    )
    copied = copy.deepcopy(encoder)
    copied.load_state_dict(encoder.state_dict())
    assert torch.equal(copied(values.flatten(1)), encoder(values.flatten(1)))


@pytest.mark.parametrize("kind", ["cnn", "cnn-norm", "cnn-pool"])
def test_a_coloured_picture_is_read_by_its_three_channels(kind: str):
    torch.manual_seed(0)
    coloured = Encoder(InputSpec(8 * 9 * 3, shape=(8, 9, 3)), 4, 16, 0.0, kind=kind).eval()
    grey = Encoder(InputSpec(8 * 9, shape=(8, 9)), 4, 16, 0.0, kind=kind).eval()
    weights = grey.state_dict()
    first = "first.net.0.weight"
    for name, value in coloured.state_dict().items():
        if name == first:  # three channels of one weight each, a third of that of grey
            value.copy_(weights[first].expand(-1, 3, -1, -1) / 3)
        elif not name.startswith("standardise"):
            value.copy_(weights[name])
    values = torch.randn(20, 8 * 9)
    alike = values[..., None].expand(-1, -1, 3).flatten(1)
    torch.testing.assert_close(coloured(alike), grey(values))
    more = sum(p.numel() for p in coloured.parameters()) - sum(p.numel() for p in grey.parameters())
    assert more == 2 * 9 * 8  # two more channels through 8 windows of 3x3
    deep = InputSpec(8 * 9 * 4, shape=(8, 9, 4))  # bands are no colours
    assert isinstance(Encoder(deep, 4, kind=kind).first, torch.nn.Linear)


def test_averaged_weights_include_running_means():
    dataset = data.load("digits")
    dataset = dataclasses.replace(dataset, modalities=dataset.modalities[:1])
    options = Options(loss="cross_entropy", epochs=2, patience=0, average=0.9)
    training = prepare("late", dataset, dict(encoder="cnn-norm", hidden=8), options, 0)
    training.epoch()
    means = [
        [part.mean for part in model.modules() if isinstance(part, BatchNorm)]
        for model in (training.model, training.average.model)
    ]
    assert all(torch.equal(now, kept) and bool(now.any()) for now, kept in zip(*means, strict=True))
    state = copy.deepcopy(training.state())
    training.epoch()
    again = prepare("late", dataset, dict(encoder="cnn-norm", hidden=8), options, 0)
    again.restore(state)
    again.epoch()
    assert all(
        torch.equal(a, b) for a, b in zip(training.best.values(), again.best.values(), strict=True)
    )
    with pytest.raises(InvalidInput, match="where processes share batches"):
        prepare("late", dataset, dict(encoder="cnn-norm", hidden=8), options, 0, Group(0, 2))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(shift=1.5), InvalidInput, "`shift` must be a whole number"),
        (dict(shift=-1), InvalidInput, "`shift` must be a whole number from 0 to 256"),
        (dict(turn=181), InvalidInput, "`turn` must lie between"),
        (dict(stretch=1), InvalidInput, "`stretch` must lie between"),
        (dict(delay=0.5), InvalidInput, "`delay` must be a whole number"),
        (dict(epochs=0), InvalidInput, "`epochs` must be a whole number from 1 to 2000"),
        (dict(rate=float("nan")), InvalidInput, "`rate`"),
        (dict(noise=-1), InvalidInput, "`noise` must lie between"),
        (dict(refit=True), InvalidInput, "`patience` must be 0 with `refit`"),
        (dict(batch="many"), InvalidInput, "must be a whole number from .*, but is 'many'"),
        (dict(loss="l3"), NotFound, "Did you mean 'l1'"),
    ],
)
def test_impossible_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        Options(**options)


def test_regression_metrics_by_hand():
    truth = np.array([-3.0, -1.4, 0.0, 0.6, 2.0])
    prediction = np.array([-2.0, 0.2, 0.1, 0.4, 2.6])
    found = metrics.regression(prediction, truth)
    assert found["acc2_non0"] == 3 / 4  # the zero is left out; -1.4 is predicted positive
    assert found["acc2_has0"] == 4 / 5
    assert found["acc7"] == pytest.approx(1 / 5)  # -2/-3, 0/-1, 0/0, 0/1, 3/2
    assert found["acc5"] == pytest.approx(3 / 5)  # after clipping to 2: -2/-2, 0/-1, 0/0, 0/1, 2/2
    assert found["mae"] == pytest.approx((1 + 1.6 + 0.1 + 0.2 + 0.6) / 5)
    assert found["corr"] == pytest.approx(np.corrcoef(prediction, truth)[0, 1])
    assert metrics.regression(np.ones(3), np.arange(3.0))["corr"] == 0.0
    # rounding is no variance, and small numbers are not rounding
    assert metrics.regression(np.arange(3.0), np.full(3, 0.1))["r2"] == 0.0
    small = metrics.regression(1e-7 * (prediction + 5), 1e-7 * (truth + 5))
    assert small["corr"] == pytest.approx(found["corr"])
    assert set(found) <= set(metrics.LABELS)


@pytest.mark.parametrize(("classes", "count"), [(2, 1), (2, 40), (5, 7), (10, 300)])
def test_f1_and_log_loss_equal_scikit_learn(classes: int, count: int) -> None:
    rng = np.random.default_rng(count)
    scores, truth = rng.normal(size=(count, classes)), rng.integers(0, classes, count)
    found = metrics.classification(scores, truth)
    chosen, likely = scores.argmax(1), np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    assert found["f1"] == pytest.approx(f1_score(truth, chosen, average="macro", zero_division=0))
    assert found["nll"] == pytest.approx(log_loss(truth, likely, labels=list(range(classes))))
    y, p = scores[:, 0].round(1), scores[:, 1]
    signs, some = metrics.regression(p, y), y != 0
    assert signs["f1_has0"] == pytest.approx(
        f1_score(y >= 0, p >= 0, average="weighted", zero_division=0)
    )
    assert signs["f1_non0"] == pytest.approx(
        f1_score(y[some] > 0, p[some] > 0, average="weighted", zero_division=0)
    )


def test_classification_metrics_by_hand():
    scores = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.4, 0.3]]))
    found = metrics.classification(scores, np.array([0, 1, 2]))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["nll"] == pytest.approx(-np.log([0.7, 0.8, 0.3]).mean())


@pytest.mark.parametrize(
    ("prediction", "truth", "message"),
    [
        ([1.0], [1.0, 2.0], "must both have shape"),
        ([], [], "N > 0"),
        ([np.nan], [1.0], "`prediction` must be finite"),
    ],
)
def test_invalid_scores_are_refused(prediction, truth, message):
    with pytest.raises(InvalidInput, match=message):
        metrics.regression(np.array(prediction), np.array(truth))


@pytest.fixture
def saved(tmp_path, monkeypatch):
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path))
    dataset = small()
    result = train("quantum-jump", dataset, dict(dims=2), Options(**QUICK))
    measured = metrics.evaluate(result.model, dataset, "test")
    card = checkpoint_cards.make_card(
        result.model,
        dataset,
        name="mine",
        title="Mine",
        seed=0,
        training=result.settings(),
        metrics={"test": metrics.summary([measured])},
        this_seed={"test": measured},
        seeds=[0],
    )
    checkpoint.save(tmp_path / "mine", result.model, card)
    return tmp_path, dataset, result


def test_checkpoints_round_trip(saved):
    folder, dataset, result = saved
    assert "mine" in checkpoint_cards.available()
    for name in ("mine", folder / "mine.json", folder / "mine.safetensors"):
        found = checkpoint.load(name)
        assert (
            np.abs(
                metrics.predict(found.model, dataset, dataset.rows())
                - metrics.predict(result.model.double(), dataset, dataset.rows())
            ).max()
            < 1e-12
        )
    assert found.card["data"]["digest"] == dataset.digest
    assert found.card["parameters"]["total"] == sum(p.numel() for p in result.model.parameters())
    assert not any(p.requires_grad for p in found.model.parameters())
    assert sorted(p.name for p in folder.glob("[!.]*")) == ["mine.json", "mine.safetensors"]


def test_image_network_round_trips_with_explanations(tmp_path):
    dataset = data.load("digits")
    few = dataset.rows("test")[:20]
    made = train(
        "entangled-qcnn",
        dataset,
        dict(elements=4, hidden=8, encoder="cnn"),
        Options(loss="cross_entropy", epochs=1, rate=1e-2),
    )
    model = made.model.double().eval()
    assert any(isinstance(layer, torch.nn.Conv2d) for layer in model.encoders["pixels"].modules())
    assert not any(
        isinstance(layer, torch.nn.Conv2d) for layer in model.encoders["fourier"].modules()
    )  # no image
    card = checkpoint_cards.make_card(
        model,
        dataset,
        name="seen",
        title="Seen",
        seed=0,
        training=made.settings(),
        metrics={},
        this_seed={},
        seeds=[0],
    )
    checkpoint.save(tmp_path / "seen", model, card)
    found = checkpoint.load(tmp_path / "seen.json").model
    assert found.settings["encoder"] == "cnn"
    assert np.array_equal(
        metrics.predict(found, dataset, few), metrics.predict(model, dataset, few)
    )
    rows, inputs = dataset.rows("train"), dataset.inputs(few, dtype=torch.float64)
    before, after = (
        explain.explain(
            m, inputs, explain.background(m, dataset.inputs(rows, dtype=torch.float64), "joint")
        )
        for m in (model, found)
    )
    assert np.array_equal(before.dividends, after.dividends)
    assert np.abs(after.dividends.sum(1) - metrics.predict(found, dataset, few)).max() < 1e-10


def test_unknown_checkpoints_are_refused(saved):
    with pytest.raises(NotFound, match="Did you mean 'mine'"):
        checkpoint.load("mne")
    with pytest.raises(NotFound, match="does not exist"):
        checkpoint.load("../../etc/passwd")
    with pytest.raises(NotFound, match="does not exist"):
        checkpoint.load(saved[0] / "other.json")


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda f: (f / "mine.safetensors").write_bytes(b"x"), IntegrityError, "SHA-256 differs"),
        (lambda f: (f / "mine.safetensors").unlink(), NotFound, "are missing beside"),
        (lambda f: (f / "mine.json").write_text("{"), IntegrityError, "cannot be read as a card"),
        (
            lambda f: (f / "mine.json").write_text("[" * 100_000),
            IntegrityError,
            "cannot be read as a card",
        ),
        (lambda f: (f / "mine.json").write_text("{}"), IntegrityError, "lacks model"),
        (lambda f: edit(f, format=99), InvalidInput, "card format 99"),
        (lambda f: edit(f, model="no-such"), InvalidInput, "a model that can be built"),
        (lambda f: edit(f, settings={"dims": 3}), IntegrityError, "do not fit together"),
        (lambda f: edit(f, settings={"dims": "three"}), InvalidInput, "a model that can be built"),
        (
            lambda f: edit(f, settings={"dims": 2, "hidden": 10**9}),
            InvalidInput,
            "a model that can be built",
        ),
        (lambda f: edit(f, settings={"dims": 10**6}), InvalidInput, "a model that can be built"),
        (
            lambda f: edit(
                f,
                inputs={
                    "text": {"size": 10**12, "sequence": False},
                    "audio": {"size": 2, "sequence": False},
                },
            ),
            IntegrityError,
            "do not fit together",
        ),
        (lambda f: edit(f, settings={"dims": 1}), InvalidInput, "a model that can be built"),
        (lambda f: edit(f, inputs={"text": 3, "audio": 2}), IntegrityError, "do not fit together"),
        (lambda f: edit(f, settings=[1]), IntegrityError, "do not fit together"),
    ],
)
def test_damaged_checkpoints_are_refused(saved, damage, error, message):
    damage(saved[0])
    with pytest.raises(error, match=message):
        checkpoint.load("mine")


def edit(folder, **change):
    card = json.loads((folder / "mine.json").read_text())
    (folder / "mine.json").write_text(json.dumps({**card, **change}))
