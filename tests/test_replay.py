"""Models stored after epochs of a training, and the cursor over them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from qfusion import runs
from qfusion.errors import InvalidInput, NotFound
from qfusion.runs import plans
from qfusion.training import checkpoint, checkpoint_cards
from tests.support.app import said, visit

SETTINGS = {"epochs": 4, "patience": 0, "batch": 256, "dims": [2, 2, 2], "hidden": 4}


def places(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Runs and models lie below a folder."""
    for name in ("RUNS", "MODELS"):
        patch.setenv(f"QFUSION_{name}", str(folder / name.lower()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a training of four epochs lies that keeps two of them."""
    folder = tmp_path_factory.mktemp("replay")
    with pytest.MonkeyPatch.context() as patch:
        places(patch, folder)
        made = runs.create_run(
            plans.make_plan("planted", "quantum-jump", SETTINGS, replay=2, title="Mine"),
            name="mine",
        )
        runs.train_run(made)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> runs.Run:
    """A copy of it of the test's own."""
    shutil.copytree(trained, tmp_path / "own")
    places(monkeypatch, tmp_path / "own")
    return runs.find_run("mine")


def test_stored_epochs_are_models_and_are_removed_with_the_model(run: runs.Run) -> None:
    assert (
        checkpoint_cards.saved_epochs("mine") == checkpoint_cards.saved_epochs("mine@2") == [2, 4]
    )
    assert checkpoint_cards.saved_epochs("qj-planted") == []
    first, last, end = (checkpoint.load(name) for name in ("mine@2", "mine@4", "mine"))
    assert first.card["name"] == "mine@2"
    assert first.card["title"] == "Mine, after epoch 2"
    assert set(first.card["metrics"]) == {"train", "valid", "test"}
    # without patience the last weights are those that are kept
    weights = [model.model.state_dict() for model in (last, end, first)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert not all(torch.equal(weights[0][key], weights[2][key]) for key in weights[0])
    valid = run.record().history[1]["valid"]
    assert first.card["this_seed"]["valid"] == pytest.approx(valid, abs=1e-5)
    checkpoint.remove("mine")
    assert not [name for name in checkpoint_cards.available() if name.startswith("mine")]


def test_epoch_names_are_reserved_and_limited(run: runs.Run) -> None:
    with pytest.raises(InvalidInput, match="letters, digits"):
        runs.create_run(run.plan, name="mine@3")
    with pytest.raises(InvalidInput, match="replay"):
        plans.make_plan("planted", "quantum-jump", {}, replay=101)
    with pytest.raises(NotFound, match="mine@3"):
        checkpoint.load("mine@3")


@pytest.mark.usefixtures("run")
def test_cursor_selects_the_model_after_an_epoch() -> None:
    app = visit("Overview", model="mine@2", data="planted")
    assert not app.exception
    cursor = app.select_slider(key="_epoch")
    assert cursor.value == "2"
    assert list(cursor.options) == ["2", "4", "end"]
    app = cursor.set_value("end").run()
    assert app.selectbox(key="model").value == "mine"
    app = app.select_slider(key="_epoch").set_value("4").run()
    assert app.selectbox(key="model").value == "mine@4"
    assert "mine@4" in said(app) or not app.error
