"""Names of modalities and data sets with two adjacent underscores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import qfusion
from qfusion import data
from qfusion.app import figure
from qfusion.data import importing
from qfusion.training import checkpoint, checkpoint_cards
from tests.support.app import visit

MODEL = "my__model"


@pytest.mark.parametrize(
    "name", ["figure-deletion-audio__mfcc", "_own-my__set-left", "a_", "player-__x__y", "__"]
)
def test_component_keys_contain_no_two_underscores(name: str) -> None:
    key = figure.component_key(name)
    assert "__" not in key
    assert not key.endswith("_")
    assert figure.component_key(key) == key
    assert key != figure.component_key(name.replace("__", "_") + "x")


def test_keys_with_two_underscores_stay_distinct() -> None:
    for name in ("figure-waterfall", "figure-entropy[text+audio]", "_own-parity-left"):
        assert figure.component_key(name) == name
    names = ["a__b", "a-b", "a_b", "a___b", "a__b_", "-a__b"]
    assert len({figure.component_key(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("views", "title"),
    [
        (("audio__mfcc", "vision__hog"), "Faithfulness"),
        (("a__b__c", "v__2"), "Samples"),
        (("x__1", "w___2"), "Faithfulness"),
    ],
)
def test_page_with_two_underscores_in_names_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, views: tuple[str, str], title: str
) -> None:
    for place in ("MODELS", "IMPORTED", "CACHE"):
        monkeypatch.setenv(f"QFUSION_{place}", str(tmp_path / place.lower()))
    rng, y = np.random.default_rng(0), np.arange(60) % 2
    np.savez(
        tmp_path / "set.npz",
        **{view: rng.normal(size=(60, 4)) + y[:, None] for view in views},
        y=y,
        split=np.array(["train", "valid", "test"])[np.arange(60) % 3],
    )
    importing.import_set([tmp_path / "set.npz"], "my__set")
    dataset = data.load("my__set")
    assert set(dataset.names) == set(views)
    result = qfusion.train("linear", dataset, options={"epochs": 1})
    (tmp_path / "models").mkdir(exist_ok=True)
    made = result.checkpoint(MODEL)
    checkpoint.save(checkpoint_cards.folders()[-1] / MODEL, made.model, made.card)
    app = visit(title, model=MODEL)
    assert not app.error
