"""The form of the Data page that joins a folder of recordings to a set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qfusion import data
from qfusion.data import importing
from qfusion.plugins.recordings import form
from tests.support import importable, recordings
from tests.support.app import plain, said, visit
from tests.support.data_page import press


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of imported sets for every test."""
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))


def test_recordings_are_joined_by_their_folder(tmp_path: Path) -> None:
    importing.import_set([importable.tables(tmp_path / "tables")], "mine")
    ids = data.load("mine").ids
    (tmp_path / "clips").mkdir()
    recordings.write(tmp_path / "clips" / f"{ids[0]}.wav", None, np.ones(16_000, np.float32) / 2)
    app = visit("Data", whole=False, set="mine")
    app.text_input(key=form.FOLDER).set_value(str(tmp_path / "gone"))
    press(app, "Join")
    assert "cannot be opened" in plain(app.error[0].value)
    app.text_input(key=form.FOLDER).set_value(str(tmp_path / "clips"))
    press(app, "Join")
    assert not app.error
    assert "Linked recordings to 1 sample of **mine**" in plain(app.toast[0].value)
    assert f"1 of {len(ids)} samples have a recording" in plain(said(app))
    clip = data.load("mine").clip_of(0)
    assert clip is not None
    assert clip.kind == "audio"
