"""Options of training: schedules, class weights, precision, unimodal targets, rate search, sampled dynamics."""

from __future__ import annotations

import copy
import multiprocessing
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist

from qfusion.data import DataSet, load
from qfusion.errors import InvalidInput, NotFound
from qfusion.training import (
    Fit,
    Options,
    loop,
    metrics,
    prepare,
    train,
)
from qfusion.training.batches import Group
from qfusion.training.optimisation import Heads, compute_loss, mixed_precision
from tests.support.annotated_sets import annotated
from tests.support.trainings import padded, same_weights, small

FORK = multiprocessing.get_context("fork")


def whole(fit: Fit) -> Fit:
    while not fit.done:
        fit.epoch()
    return fit


def of_four_epochs(**changed: Any) -> Fit:
    options = Options(epochs=4, batch=32, rate=1e-2, patience=0, **changed)
    return prepare("quantum-jump", annotated(), dict(dims=2), options, 3)


@pytest.fixture(scope="module")
def default_losses() -> list[float]:
    """Of a training with no option changed, epoch by epoch."""
    return [p.valid_loss for p in whole(of_four_epochs()).history]


@pytest.mark.parametrize(
    "changed",
    [
        dict(schedule="constant"),
        dict(precision="mixed"),
        dict(unimodal=0.3, schedule="onecycle", precision="double", noise=0.2),
    ],
    ids=lambda changed: "-".join(map(str, changed.values())),
)
def test_training_with_any_option_resumes_exactly(changed, default_losses, tmp_path):
    def begun() -> Fit:
        return of_four_epochs(**changed)

    expected, parts = whole(begun()), begun()
    while not parts.done:
        parts.epoch()
        torch.save(parts.state(), tmp_path / "state.pt")
        parts = begun()
        parts.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    assert [p.valid_loss for p in parts.history] == [p.valid_loss for p in expected.history]
    assert [p.rate for p in parts.history] == [p.rate for p in expected.history]
    assert same_weights(parts.best_model(), expected.best_model())
    assert default_losses != [p.valid_loss for p in expected.history]


def test_state_is_a_copy_and_fits_have_their_own_generator():
    def begun() -> Fit:
        return prepare("late", small(), dict(hidden=4, dropout=0.5), Options(epochs=3, batch=8), 3)

    one, other = begun(), begun()
    one.epoch()
    state = one.state()
    one.epoch()
    other.restore(state)
    other.epoch()
    assert same_weights(one.model, other.model)
    models = [copy.deepcopy(other.model) for _ in range(2)]
    for number, model in enumerate(models):
        torch.manual_seed(number)
        loop.fit(model, small(), Options(epochs=1, batch=8), 5)
    assert same_weights(*models)


@pytest.mark.parametrize("name", ["batch", "epochs", "patience", "shift"])
def test_integer_options_are_checked(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"`{name}` must be a whole number from .*, but is 2.5"):
        Options(**{name: 2.5})


def test_schedules_match_their_names():
    def at_ends(schedule: str) -> list[float]:
        return [
            p.rate
            for p in whole(
                prepare(
                    "late",
                    small(),
                    dict(hidden=4),
                    Options(epochs=10, rate=1e-2, schedule=schedule),
                )
            ).history
        ]

    assert at_ends("constant") == [1e-2] * 10
    one, cosine = at_ends("onecycle"), at_ends("cosine")
    assert max(one) == pytest.approx(1e-2, rel=0.2)
    assert one.index(max(one)) in (1, 2)
    assert one[-1] < 1e-4
    assert cosine == sorted(cosine, reverse=True)


def skewed() -> DataSet:
    dataset = small(3)
    return replace(
        dataset, y=np.where((dataset.y == 0) & (np.arange(len(dataset)) % 8 != 0), 1, dataset.y)
    )


def test_balanced_weights_by_hand():
    dataset = skewed()
    fit = prepare(
        "concatenation",
        dataset,
        {},
        Options(loss="cross_entropy", class_weights="balanced", epochs=1),
    )
    y = dataset.y[dataset.rows("train")]
    counts = np.bincount(y)
    assert counts.max() > 3 * counts.min()
    assert fit.weights.tolist() == pytest.approx(len(y) / (3 * counts))
    scores = torch.randn(len(y), 3, dtype=torch.float64)
    by_hand = [-scores[n].log_softmax(0)[c] / counts[c] / 3 for n, c in enumerate(y)]
    found = compute_loss(scores, torch.as_tensor(y), "cross_entropy", fit.weights.double())
    assert float(found) == pytest.approx(float(sum(by_hand)), rel=1e-6)
    rare, recalls = counts.argmin(), []
    for weights in ("none", "balanced"):
        options = Options(
            loss="cross_entropy", class_weights=weights, epochs=30, rate=1e-2, patience=0
        )
        model = train("concatenation", dataset, dict(dropout=0.0), options, 1).model
        recalls.append(
            (metrics.predict(model, dataset, dataset.rows("train")).argmax(1) == rare)[
                y == rare
            ].mean()
        )
    assert recalls[1] > recalls[0]


def test_a_class_without_a_training_row_cannot_be_weighted():
    dataset = small(3)
    y = dataset.y.copy()
    y[dataset.rows("train")] %= 2
    with pytest.raises(InvalidInput, match=r"none of \['c'\]. Use 'none'"):
        prepare(
            "linear",
            replace(dataset, y=y),
            {},
            Options(loss="cross_entropy", class_weights="balanced"),
        )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            dict(schedule="cosin"),
            NotFound,
            "Value of `schedule` 'cosin' does not exist. Did you mean 'cosine'",
        ),
        (dict(precision="half"), NotFound, "Value of `precision`"),
        (
            dict(class_weights="balanced"),
            InvalidInput,
            "`class_weights` must be 'none' unless classes",
        ),
        (dict(unimodal=-1), InvalidInput, "`unimodal` must lie between"),
        (dict(class_weights="even"), NotFound, "Value of `class_weights`"),
    ],
)
def test_impossible_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        Options(**options)


def test_unimodal_heads_are_trained_and_discarded():
    dataset = annotated()
    options = Options(epochs=40, rate=2e-2, patience=0, unimodal=1.0)
    fit = prepare("concatenation", dataset, dict(dropout=0.0), options, 1)
    rows = torch.arange(len(fit.rows))

    def error() -> float:
        with torch.no_grad():
            return float(fit.heads.loss(fit.heads.eval()(fit.rows.take(rows)[0])[1], rows, rows))

    before = error()
    whole(fit)
    assert error() < 0.3 * before
    assert (
        fit.best_model().state_dict().keys()
        == prepare("concatenation", dataset).model.state_dict().keys()
    )


def test_missing_targets_are_ignored():
    dataset = annotated()
    fit = prepare("linear", dataset, {}, Options(unimodal=1.0))
    scores, rows = torch.randn(5, 2, 1), torch.tensor([0, 1, 2, 3, 4])
    targets = dataset.unimodal.to_numpy()[dataset.rows("train")][rows]
    by_hand = np.mean(
        [
            np.mean(
                [
                    abs(float(scores[n, m, 0]) - targets[n, m])
                    for n in range(5)
                    if np.isfinite(targets[n, m])
                ]
            )
            for m in range(2)
        ]
    )
    assert float(fit.heads.loss(scores, rows, rows)) == pytest.approx(by_hand)
    nothing = torch.tensor(
        [
            n
            for n, target in enumerate(dataset.unimodal.to_numpy()[dataset.rows("train")])
            if np.isnan(target[0])
        ]
    )
    scores.requires_grad_()
    fit.heads.loss(scores[: len(nothing)], nothing[:5], nothing[:5]).backward()
    assert torch.isfinite(scores.grad).all()
    assert not scores.grad[:, 0].any()


@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn", "mult", "late"])
@pytest.mark.parametrize(
    "changed", [dict(unimodal=0.5), dict(precision="mixed"), dict(precision="double")]
)
def test_every_kind_trains_with_unimodal_targets(kind, changed):
    settings = {"quantum-jump": dict(dims=2), "entangled-qcnn": dict(elements=4)}.get(kind, {})
    options = dict(epochs=2, batch=32, patience=0, loss="cross_entropy", class_weights="balanced")
    found = train(kind, annotated(3), settings, Options(**options, **changed))
    assert np.isfinite([p.valid_loss for p in found.history]).all()
    wanted = torch.float64 if "double" in changed.values() else torch.float32
    assert {p.dtype for p in found.model.parameters()} == {wanted}


def test_sequences_train_in_mixed_precision():
    assert np.isfinite(
        train("quantum-jump", padded(), dict(dims=3), Options(epochs=2, precision="mixed"))
        .history[-1]
        .valid_loss
    )


def test_models_without_targets_or_encoders_are_refused():
    with pytest.raises(
        InvalidInput,
        match="`unimodal` must be 0 for data set 'small', which has no targets of single modalities",
    ):
        prepare("linear", small(), {}, Options(unimodal=1.0))
    with pytest.raises(InvalidInput, match="no encoder for each modality"):
        Heads(torch.nn.Linear(1, 1), annotated(), np.arange(4), "l1", 0)
    with (
        pytest.raises(InvalidInput, match="has no encoders"),
        mixed_precision(torch.nn.Linear(1, 1), torch.device("cpu")),
    ):
        pass
    dataset = annotated(3)
    with pytest.raises(InvalidInput, match="must be numbers of classes, 0 to 2"):
        prepare(
            "linear",
            replace(dataset, unimodal=dataset.unimodal + 0.5),
            {},
            Options(loss="cross_entropy", unimodal=1.0),
        )
    empty = annotated()
    with pytest.raises(InvalidInput, match="training rows have no such target"):
        prepare(
            "linear", replace(empty, unimodal=empty.unimodal * np.nan), {}, Options(unimodal=1.0)
        )


def test_only_encoders_use_bfloat16():
    model, seen = prepare("quantum-jump", small(), dict(dims=2)).model, {}
    inputs = small().inputs([0, 1, 2])
    model.encoders["text"].last.register_forward_hook(
        lambda _, __, output: seen.update(inside=output.dtype)
    )
    model.encoders["text"].register_forward_hook(
        lambda _, __, output: seen.update(before=output.dtype)
    )
    exact = model.eval()(inputs)
    with mixed_precision(model, torch.device("cpu")):
        rough = model(inputs)
    assert seen["inside"] == torch.bfloat16
    assert rough.dtype == torch.float32
    assert (
        0 < float((rough - exact).detach().abs().max()) < 0.05 * float(exact.detach().abs().max())
    )
    with pytest.raises(InvalidInput), mixed_precision(model, torch.device("cpu")):
        model({"text": inputs["text"]})
    assert not torch.is_autocast_enabled("cpu")
    assert torch.equal(model(inputs), exact)  # nothing is left hooked


def test_mixed_precision_differs_less_than_seeds():
    """Predictions on planted's test rows differ from those in single precision by less than those of two seeds do."""
    dataset = load("planted")
    rows = dataset.rows("test")

    def predicted(seed: int, precision: str) -> np.ndarray:
        options = Options(epochs=2, batch=256, rate=5e-3, patience=0, precision=precision)
        return metrics.predict(
            train("quantum-jump", dataset, dict(dims=2, hidden=8), options, seed).model,
            dataset,
            rows,
        )[:, 0]

    single = [predicted(seed, "single") for seed in (0, 1)]
    difference = np.sqrt(((predicted(0, "mixed") - single[0]) ** 2).mean())
    assert 0 < difference < 0.5 * np.sqrt(((single[1] - single[0]) ** 2).mean())


def _member(rank: int, path: str, changed: dict) -> None:
    dist.init_process_group("gloo", init_method=f"file://{path}", rank=rank, world_size=2)
    dataset = annotated(3)
    dataset = replace(dataset, y=skewed().y)
    fit = whole(
        prepare("quantum-jump", dataset, dict(dims=2), Options(**changed), 1, Group(rank, 2))
    )
    if rank == 0:
        torch.save(
            [fit.best_model().state_dict(), [p.valid_loss for p in fit.history]], f"{path}.found"
        )
    dist.barrier()
    # a fork that ends in order waits now and then for a thread that it has not got
    os._exit(0)


@pytest.mark.parametrize(
    "changed",
    [dict(class_weights="balanced"), dict(unimodal=0.7), dict(schedule="onecycle")],
    ids=lambda changed: next(iter(changed)),
)
def test_two_processes_train_like_one(changed, tmp_path):
    # 80 rows in batches of 79: shares of 40 and 39 rows, then of one row and none
    options = dict(
        epochs=5,
        batch=79,
        rate=1e-2,
        patience=0,
        loss="cross_entropy",
        precision="double",
        **changed,
    )
    members = [
        FORK.Process(target=_member, args=(rank, str(tmp_path / "store"), options))
        for rank in range(2)
    ]
    for member in members:
        member.start()
    for member in members:
        member.join(60)
    assert [member.exitcode for member in members] == [0, 0]
    dataset = replace(annotated(3), y=skewed().y)
    one = whole(prepare("quantum-jump", dataset, dict(dims=2), Options(**options), 1))
    weights, valid = torch.load(tmp_path / "store.found", weights_only=True)
    assert valid == pytest.approx([p.valid_loss for p in one.history], rel=1e-9)
    assert all(
        torch.allclose(weights[name], value, atol=1e-9)
        for name, value in one.best_model().state_dict().items()
    )
