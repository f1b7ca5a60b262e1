"""The script that trains shipped models: cross-validation and cards, on a tiny data set."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import data
from qfusion.training import checkpoint, metrics
from scripts import train_models
from tests.support.trainings import small

TINY = train_models.Recipe(
    "Tiny",
    "entangled-qcnn",
    "small",
    dict(elements=4, hidden=4),
    dict(epochs=2, rate=1e-2, patience=0, refit=True, loss="cross_entropy"),
)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A data set of 120 rows and three classes in place of the real ones; the recipes are quick."""
    dataset = small(classes=3)
    monkeypatch.setattr(data, "load", lambda name: dataset)
    monkeypatch.setattr(train_models, "FUSION", {"tiny": TINY})
    monkeypatch.setattr(train_models, "RECIPES", {"qcnn-tiny": TINY})
    return dataset


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["train_models.py", *words])
    train_models.main()


def test_folds_exclude_test_rows_and_print_mean_and_error(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts, evaluate = [], metrics.evaluate

    def spy(model: Any, dataset: Any, split: str) -> Any:
        parts.append((split, dataset.rows("train"), dataset.rows("valid")))
        assert np.array_equal(dataset.rows("test"), tiny.rows("test"))
        return evaluate(model, dataset, split)

    monkeypatch.setattr(metrics, "evaluate", spy)
    run(monkeypatch, "--folds", "qcnn-tiny")
    folds = [(train, valid) for split, train, valid in parts if split == "valid"][-4:]
    assert {split for split, _, _ in parts} <= {"train", "valid"}
    everyone = tiny.rows("train+valid").tolist()
    assert sorted(np.concatenate([valid for _, valid in folds]).tolist()) == sorted(
        everyone
    )  # each row once
    for train, valid in folds:
        assert sorted([*train, *valid]) == sorted(everyone)
        shares = np.bincount(tiny.y[valid], minlength=3)
        assert shares.max() - shares.min() <= 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "qcnn-tiny accuracy",
        "qcnn-tiny f1",
        "qcnn-tiny nll",
    ]
    assert all(re.search(r": \d\.\d{4}, standard error \d\.\d{4}$", line) for line in lines)
    run(monkeypatch, "--folds", "qcnn-tiny")
    assert capsys.readouterr().out.splitlines() == lines  # the same folds, seeds and figures


def test_recipe_writes_a_card_of_all_seeds_and_first_weights(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train_models, "SEEDS", [3, 4])
    run(monkeypatch, "qcnn-tiny", "--out", str(tmp_path / "models"))
    card = json.loads((tmp_path / "models" / "qcnn-tiny.json").read_text())
    found = checkpoint.load(tmp_path / "models" / "qcnn-tiny.json")
    ours = metrics.evaluate(found.model, tiny, "test")["accuracy"]
    assert card["metrics"]["test"]["accuracy"]["values"][0] == pytest.approx(ours)
    assert len(card["metrics"]["test"]["accuracy"]["values"]) == 2
    assert "qcnn-tiny seed 4" in capsys.readouterr().out
