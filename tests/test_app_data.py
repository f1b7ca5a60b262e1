"""The Data page: every set, import by path, repairs with consent, and permissions."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from qfusion import _read_only, data
from qfusion.app import requests
from qfusion.app.forms import data_import
from qfusion.app.samples import contents
from qfusion.data import importing, registry
from qfusion.data.store import manifest
from qfusion.runs import list_runs, plans
from tests.support import importable
from tests.support.app import offered_ids, plain, said, visit
from tests.support.data_page import press


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of imported sets for every test."""
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))
    return tmp_path / "imported"


def examine(path: Path) -> AppTest:
    """The page after a file was named by its path and examined."""
    app = visit("Data")
    app.segmented_control(key="_import_from").set_value(data_import.PATH).run()
    app.text_input(key="_import_path").set_value(str(path))
    return press(app, "Examine")


@pytest.mark.parametrize("name", ["planted", "digits", "parity3"])
def test_a_set_is_shown_with_its_numbers(name: str) -> None:
    app = visit("Data", set=name)
    assert not app.error
    assert not app.warning
    found = data.load(name)
    words = plain(said(app))
    assert found.digest[:12] in words
    assert f"{len(found):,}" in words
    assert (
        " / ".join(f"{len(found.rows(split)):,}" for split in ("train", "valid", "test")) in words
    )
    assert re.search("Counts do not tell|The parts may differ", said(app))
    listed = app.dataframe[0].value
    available = [source.name for source in registry.available() if source.available]
    assert listed["name"].tolist() == available


def test_unknown_data_set_shows_a_notice() -> None:
    app = visit("Data", whole=False, set="<img src=x>")
    assert "Data set '<img src=x>' does not exist" in plain(app.warning[0].value)
    assert app.selectbox(key="set").value == "scenes"


def test_file_is_examined_repaired_and_saved(tmp_path: Path) -> None:
    content = importable.mmsa()
    content["train"]["audio"][2, 0, 1] = np.nan
    app = examine(importable.write_mmsa(tmp_path / "mine.pkl", content))
    assert not app.error
    assert "1 values are NaN and 0 infinite" in plain(
        said(app)
    ) or "1 value is NaN and 0 infinite" in plain(said(app))
    offered = [box.label for box in app.checkbox]
    assert len(offered) == 3
    app.text_input(key="_import_name").set_value("mine").run()
    press(app, "Save data set")
    assert "The set cannot be imported as it is: audio:" in plain(app.error[0].value)
    assert "mine" not in data.names()
    app.checkbox(key="_repair_fill-zero").check().run()
    press(app, "Save data set")
    assert "Saved mine with 70 samples" in plain(app.toast[0].value).replace("**", "")
    assert app.selectbox(key="set").value == "mine"
    assert data.load("mine").modalities[1].values[2, 0, 1] == 0
    assert "fill-zero: 1 value of audio" in plain(said(app))
    assert list(manifest.imported_root().glob(".draft-*")) == []
    other = visit("Samples", data="mine")
    assert "Data set 'mine' has no model yet. Train one on the Train page" in plain(
        other.error[0].value
    )
    assert "mine" in offered_ids(other, "data")
    assert visit("Train", train="mine").selectbox(key="new.data").value == "mine"


def test_default_name_of_a_set_is_that_of_its_file(tmp_path: Path) -> None:
    app = examine(importable.write_mmsa(tmp_path / "my mine.2.pkl", importable.mmsa()))
    assert app.text_input(key="_import_name").value == "my-mine-2"
    app.text_input(key="_import_name").set_value("other").run()
    assert press(app, "Examine").text_input(key="_import_name").value == "other"
    app.text_input(key="_import_path").set_value(str(importable.tables(tmp_path / "tables")))
    assert press(app, "Examine").text_input(key="_import_name").value == "tables"
    press(app, "Discard")


def test_a_hostile_file_and_words_are_shown_literally(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pkl"
    bad.write_bytes(b"cposix\nsystem\n(S'touch never'\ntR.")
    app = examine(bad)
    assert "asks for `posix.system`, which is refused" in plain(app.error[0].value)
    place = importable.tables(tmp_path / "t", label=["**a**", "<b>", ":smile:"] * 20)
    app = examine(place)
    assert "\\*\\*a\\*\\*" in said(app)
    app.text_input(key="_import_name").set_value("../up").run()
    press(app, "Save data set")
    assert "Argument `name` must begin" in plain(app.error[0].value)
    press(app, "Discard")
    assert list(manifest.imported_root().glob(".draft-*")) == []


def test_columns_of_one_table_are_assigned_and_imported(tmp_path: Path) -> None:
    frame = importable.single_table().rename(columns={"label": "q1"})
    frame["<b>**x**"] = 1.0
    path = tmp_path / "mine.csv"
    frame.to_csv(path, index=False, sep=";")
    app = examine(path)
    assert app.selectbox(key="_import_label").value is None
    assert "Not examined" in app.warning[0].value  # the reason stands at the column, once
    assert not app.error
    assert "mine.csv must have a column of labels" in plain(said(app)).replace("`", "")
    assert "2 columns: `text_0`, `text_1`" in plain(said(app))
    assert app.dataframe[1].value.shape == (5, 9)
    app.selectbox(key="_import_label").set_value("q1").run()
    app.text_input(key="_import_modality_columns_1").set_value("audio.*, text_9").run()
    assert "'text_9' does not exist. Did you mean" in plain(said(app))
    app.text_input(key="_import_modality_columns_1").set_value("audio.*, text_1").run()
    app.text_input(key="_import_modality_name_1").set_value("voice").run()
    assert "2 columns: `text_1`, `audio.x`" in plain(said(app))
    app = press(app, "Examine")
    assert not app.error
    assert "60 samples (36 train, 12 valid, 12 test)" in plain(said(app))
    app.multiselect(key="_import_ids").set_value([]).run()  # a report on other roles is out of date
    assert "60 samples" not in plain(said(app))
    press(press(app, "Examine"), "Save data set")
    stored = data.load("mine")
    assert stored.names == ("text", "voice")
    assert stored.ids[0] == "sample-0001"
    assert not [box for box in app.selectbox if box.key == "_import_label"]


def test_modalities_of_one_table_are_added_and_removed(tmp_path: Path) -> None:
    importable.single_table().drop(columns="audio.x").to_csv(tmp_path / "mine.csv", index=False)
    app = examine(tmp_path / "mine.csv")
    assert "All features are read as one modality, text" in plain(said(app))
    app = press(app, "Add a modality")
    app.text_input(key="_import_modality_name_2").set_value("person")
    app.text_input(key="_import_modality_columns_2").set_value("age").run()
    app.button(key="_import_modality_drop_1").click().run()
    app = press(app, "Examine")
    assert not app.error
    assert app.dataframe[-1].value["modality"].tolist() == ["text", "person"]
    press(app, "Discard")


def test_missing_path_and_oversized_file_show_a_notice(tmp_path: Path) -> None:
    assert (
        "There is nothing to examine yet"
        in press(visit("Data", whole=False), "Examine").error[0].value
    )
    large = tmp_path / "large.pkl"
    with large.open("wb") as file:
        file.truncate(3 * 1024**3)
    assert "has 3.0 GiB, and at most 2 are read from this page. Use the command line" in plain(
        examine(large).error[0].value
    )


def test_removed_name_can_be_used_again(tmp_path: Path) -> None:
    path = importable.write_mmsa(tmp_path / "m.pkl")
    importing.import_set([path], "mine")
    first = data.load("mine").digest
    app = visit("Data", whole=False, set="mine")
    assert first[:12] in said(app)
    importable.write_mmsa(path, seed=3)
    importing.import_set([path], "mine", replace=True)
    app.run()
    assert data.load("mine").digest[:12] in said(app)
    press(app, "Yes, remove it")
    assert "mine was removed" in app.toast[0].value
    assert "mine" not in data.names()
    assert app.selectbox(key="set").value == "scenes"


def test_both_systems_train_on_an_imported_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setenv("QFUSION_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(plans, "launch_run", lambda run, events=False: begun.append(run.name))
    importing.import_set([importable.write_mmsa(tmp_path / "m.pkl")], "mine")
    app = press(visit("Data", whole=False, set="mine"), "Train both systems on it")
    assert begun == ["quantum-jump-mine", "entangled-qcnn-mine"]
    assert [run.plan.data for run in list_runs()] == ["mine", "mine"]
    assert "Both systems are being trained on mine" in plain(app.toast[0].value).replace("**", "")
    assert not app.error
    # of sets that are shipped there are models, and a server that only shows trains nothing
    labels = [button.label for button in visit("Data", whole=False, set="planted").button]
    assert "Train both systems on it" not in labels


def test_read_only_server_imports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_read_only, "is_read_only", lambda: True)
    app = visit("Data", whole=False)
    assert "read-only and does not import data" in plain(app.info[0].value)
    assert not [button for button in app.button if button.label == "Examine"]


def test_upload_names_contain_no_path(tmp_path: Path) -> None:
    class Upload:
        """Stands in for Streamlit's uploaded file."""

        def __init__(self, name: str):
            self.name = name

        def getbuffer(self) -> bytes:
            return b"x"

    (tmp_path / "upload").mkdir()
    paths = [
        requests.save_upload(Upload(name), tmp_path / "upload", "file")
        for name in ("../../etc/a.csv", "..\\b.csv", ".hidden", "x" * 300 + ".pkl")
    ]
    assert all(path.parent == tmp_path / "upload" and path.is_file() for path in paths)
    assert [path.name for path in paths[:3]] == ["a.csv", "b.csv", "hidden"]
    assert paths[3].suffix == ".pkl"


@pytest.mark.parametrize(("start", "timed"), [(1.0, True), ("0:12", False)])
def test_sample_facts_are_shown_for_every_table(
    start: object, timed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions: list[str] = []
    monkeypatch.setattr(contents.st, "caption", captions.append)
    dataset = SimpleNamespace(
        table=pd.DataFrame({"start": [start], "end": [2.0]}),
        target=SimpleNamespace(name="score"),
        split=["test"],
        names=("picture",),
        is_own=lambda row: False,
    )
    dataset.table["latent_picture"], dataset.table["picture_item"] = -0.5, "p7"
    here: Any = SimpleNamespace(study=SimpleNamespace(dataset=dataset))
    contents.draw_facts(here, 0)
    planted, details = captions
    assert planted.replace("\\", "") == "Planted truth: picture −0.50"
    assert ("Segment: 1.0 s to 2.0 s" in details) == timed
    assert "p7" not in details


def test_the_limit_of_uploads_is_the_configured_one() -> None:
    assert st.get_option("server.maxUploadSize") == 200
