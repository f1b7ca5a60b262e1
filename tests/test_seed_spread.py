"""The spread over training seeds of a reader's own model: trained by the command and the page, kept beside it."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qfusion
from qfusion import _read_only, cli, data
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import stability
from qfusion.explain.stability import SeedsState
from qfusion.study import jobs, seeds, trust
from qfusion.study.opening import open_study
from qfusion.training import checkpoint, checkpoint_cards
from tests.support import importable
from tests.support.app import plain, said, visit

SETTINGS = {"dims": 2, "hidden": 4, "jumps": 1, "measurements": 4}
CHANGED = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Folders of this module's own, with a set whose class is the XOR of two sensors."""
    root = tmp_path_factory.mktemp("seeds")
    with pytest.MonkeyPatch.context() as patch:
        importable.import_sensors(root, patch)
        yield root


def train(*words: str) -> None:
    """Runs the command with small settings."""
    with pytest.raises(SystemExit, match="0"):
        cli.main(["train", *words, "--json"])


def train_new(name: str, *words: str, epochs: int = 2) -> None:
    train("--data", "sensors", "--name", name, *CHANGED, "--set", f"epochs={epochs}", *words)


def expected_dividends(seed: int, epochs: int = 2) -> np.ndarray:
    """Contributions (test rows, 2^M) to the log-odds of the true class, by a study of a model trained for this."""
    dataset = data.load("sensors")
    trained = qfusion.train("quantum-jump", dataset, SETTINGS, {"epochs": epochs}, seed)
    study = open_study(trained.checkpoint("reference"), dataset)
    rows = dataset.rows("test")
    values = np.asarray(study.explanation.dividends)[np.isin(study.explained_rows, rows)]
    return values[np.arange(len(rows)), :, dataset.y[rows]]


def test_command_trains_other_seeds_and_keeps_their_spread(place: Path, capsys: Any) -> None:
    train_new("spread", "--seed", "3", "--seeds", "3")
    assert json.loads(capsys.readouterr().out)["seeds"] == [3, 4, 5]
    study = open_study("spread", "sensors")
    measured = stability.load_measured("spread", study.card, study.dataset, study.card_path)
    assert measured is not None
    assert measured.of_true_class
    for seed, values in zip(measured.seeds, measured.dividends, strict=True):
        assert values == pytest.approx(expected_dividends(seed), rel=2e-3, abs=1e-3)
    rows = study.dataset.rows("test")
    doubt = study.seed_uncertainty(rows, study.predicted[rows])
    assert doubt is not None
    assert doubt.seeds == 3
    assert study.seeds_state == SeedsState.MEASURED


def test_seeds_of_a_rival_are_explained_as_on_pages(place: Path, capsys: Any) -> None:
    words = ["--data", "sensors", "--name", "rival", "--model", "concatenation"]
    train(*words, "--set", "epochs=1", "--set", "hidden=4", "--seeds", "2")
    study = open_study("rival", "sensors")
    measured = trust.load_stability(study)
    rows, explanation = trust.explain_test_rows(study)
    expected = explanation.dividends[np.arange(len(rows)), :, study.dataset.y[rows]]
    assert measured.dividends[0] == pytest.approx(expected, rel=2e-3, abs=1e-3)
    assert measured.background_size == study.explanation_background.samples
    assert np.abs(measured.dividends[1] - expected).max() > 1e-2


def test_finished_run_is_measured_without_training_it_again(place: Path, capsys: Any) -> None:
    train_new("later")
    assert json.loads(capsys.readouterr().out)["seeds"] == [0]
    before = open_study("later", "sensors")
    rows = before.dataset.rows("test")
    assert before.seeds_state == SeedsState.ONE_TRAINING
    assert before.seed_uncertainty(rows, before.predicted[rows]) is None
    relations = before.frame()["relation"]
    weights = before.card["weights_sha256"]
    train("--resume", "later", "--seeds", "2")
    record = json.loads(capsys.readouterr().out)
    assert record["seeds"] == [0, 1]
    assert record["metrics"] == before.card["this_seed"]
    after = open_study("later", "sensors")
    assert after.card["weights_sha256"] == weights
    assert after.seeds_state == SeedsState.MEASURED
    assert after.seed_uncertainty(rows, after.predicted[rows]) is not None
    judged = after.explained_verdicts()
    assert after.frame()["relation"].tolist() == after.scatter(judged.relation).tolist()
    assert len(relations) == len(after.frame())  # of the same samples, before and after


def test_known_seeds_are_not_trained_again(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    train_new("stepwise")
    result, dataset = checkpoint.load("stepwise"), data.load("sensors")
    trained: list[int] = []

    def train_two(card: Any, dataset: Any, seed: int, *more: Any) -> Any:
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(seed)
        return train_seed(card, dataset, seed, *more)

    train_seed = seeds.train_seed
    monkeypatch.setattr(seeds, "train_seed", train_two)
    with pytest.raises(KeyboardInterrupt):
        seeds.measure_seeds(result, dataset, 5)
    assert trained == [1, 2]
    count = len(dataset.rows("test"))
    kept = stability.load("stepwise", result.card, dataset.digest, count, result.path)
    assert kept.seeds == (0, 1, 2)
    trained.clear()
    measured = seeds.measure_seeds(result, dataset, 4)
    assert trained == [3]
    assert measured.seeds == (0, 1, 2, 3)
    assert measured.dividends[:3] == pytest.approx(kept.dividends, abs=2e-3)
    monkeypatch.setattr(seeds, "train_seed", None)
    assert seeds.measure_seeds(result, dataset, 3).seeds == measured.seeds


def test_runs_that_differ_in_the_seed_alone_are_taken(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for seed in range(2):
        train_new(f"many-{seed}", "--seed", str(seed))
    train_new("many-2", "--seed", "2", epochs=1)
    trained: list[int] = []
    train_seed = seeds.train_seed

    def count(card: Any, dataset: Any, seed: int, *more: Any) -> Any:
        trained.append(seed)
        return train_seed(card, dataset, seed, *more)

    monkeypatch.setattr(seeds, "train_seed", count)
    measured = seeds.measure_seeds(checkpoint.load("many-0"), data.load("sensors"), 3)
    assert trained == [2]  # the run of this seed had another number of epochs
    assert measured.dividends[1] == pytest.approx(expected_dividends(1), abs=1e-4)


def test_models_before_the_end_of_their_training_are_refused(place: Path, capsys: Any) -> None:
    train_new("replayed", "--replay", "2")
    dataset = data.load("sensors")
    early = checkpoint.load("replayed@1")
    assert early.card["training"][checkpoint_cards.STOPPED] == 1
    with pytest.raises(InvalidInput, match="after epoch 1, before its training ended"):
        seeds.measure_seeds(early, dataset, 2)
    assert checkpoint_cards.STOPPED not in checkpoint.load("replayed").card["training"]


def test_unsuitable_data_are_refused_before_training(place: Path, capsys: Any) -> None:
    dataset = data.load("sensors")
    card = {
        "model": "quantum-jump",
        "training": {"epochs": 1},
        "data": {"name": "sensors", "digest": dataset.digest},
    }
    seeds.require_measurable(dataset, 5, card)
    unknown = replace(dataset, target=replace(dataset.target, known=False))
    with pytest.raises(InvalidInput, match="true class"):
        seeds.require_measurable(unknown, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stability, "MAX_BYTES", 400)
        with pytest.raises(InvalidInput, match="100 are kept at most"):
            seeds.require_measurable(dataset, 5)
    for change, words in (
        ({"training": {}}, "not trained here"),
        ({"data": {"name": "sensors", "digest": "x"}}, "the data that the model was trained on"),
    ):
        with pytest.raises(InvalidInput, match=words):
            seeds.require_measurable(dataset, 5, card | change)
    for count in (1, 21):
        with pytest.raises(InvalidInput, match="seeds"):
            seeds.require_measurable(dataset, count)


def test_combinations_of_options_are_refused(place: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", "--data", "sensors", "--seeds", "1"])
    assert stop.value.code != 0
    assert "--seeds" in capsys.readouterr().err


def test_spread_is_removed_with_the_model(place: Path, capsys: Any) -> None:
    train_new("gone", "--seeds", "2")
    card = checkpoint.load("gone").path
    assert card is not None
    assert (card.parent / "gone.seeds").is_file()
    checkpoint.remove("gone")
    assert not list(card.parent.glob("gone*"))
    train_new("gone.2")
    study = open_study("gone.2", "sensors")
    with pytest.raises(NotFound, match="--seeds 5"):
        trust.load_stability(study)


def test_folder_of_a_training_has_its_spread(place: Path, capsys: Any) -> None:
    folder = place / "outside"
    words = ["--data", "sensors", "--out", str(folder), *CHANGED, "--set", "epochs=1"]
    train(*words, "--seeds", "2")
    study = open_study(folder, "sensors")
    assert study.seeds_state == SeedsState.MEASURED
    assert study.seeds_path == folder / "model.seeds"


def test_models_that_were_not_trained_have_no_seeds() -> None:
    assert stability.seeds_state(None, {"training": {}}) == SeedsState.NOT_TRAINED
    assert stability.seeds_state(None, {}) == SeedsState.NOT_TRAINED
    assert open_study("qj-planted").seeds_state == SeedsState.MEASURED
    assert "models of your own" in seeds.find_obstacle(open_study("qj-planted"))


def test_page_trains_other_seeds(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Here, and not in a process of its own."""
    train_new("viewed")
    go = threading.Event()

    def here(work: Callable[..., None], words: list[str], *_: object) -> None:
        go.wait(60)
        work(*words)

    monkeypatch.setattr(seeds, "run_in_process", here)
    monkeypatch.setattr(seeds, "SEEDS", 2)
    study = open_study("viewed", "sensors")
    address = {"model": "viewed", "data": "sensors", "proof": "Training seeds"}
    with monkeypatch.context() as patch:
        patch.setattr(_read_only, "is_read_only", lambda: True)
        page = visit("Faithfulness", whole=False, **address)
        assert "does not train other seeds" in said(page)
        assert "_seeds_train" not in {button.key for button in page.button}
    page = visit("Faithfulness", whole=False, **address)
    button = page.button(key="_seeds_train")
    assert re.fullmatch(r"Train 1 more seed \(about .+\)", button.label)
    button.click().run()
    assert not page.exception
    assert page.button(key="_seeds_cancel")
    go.set()
    job = jobs.find_job(seeds.seeds_key(study))
    assert job is not None
    while job.is_active:
        time.sleep(0.1)
    assert job.state == jobs.State.DONE, job.problem
    page.run()
    assert not page.exception
    words = plain(said(page))
    assert "Least stable" in words or "equally stable" in words
    assert "Two seeds name the same modality" in words
    assert "_seeds_train" not in {button.key for button in page.button}
