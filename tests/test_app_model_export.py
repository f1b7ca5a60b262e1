"""The dialog "Export model": formats of both systems, the tweak of the page, and saving the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qfusion import _read_only, model_export
from qfusion.training import checkpoint
from tests.support.app import offered_ids, plain, said, visit

PLACES = [
    ("Overview", {"model": "qj-planted"}, "as trained"),
    (
        "Dynamics",
        {"model": "qj-planted", "sample": "p0031", "H.text-audio": "0.5"},
        "tweaked: H.text-audio=0.5",
    ),
    (
        "Circuit",
        {"model": "qcnn-parity", "sample": "pair-0004", "part": "Fusion rules", "phi": "all:and"},
        "tweaked: all:and",
    ),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path))
    return tmp_path


def opened(title: str, query: dict[str, str]) -> Any:
    app = visit(title, whole=title == "Overview", **query)  # where it stands below
    app.button(key="_model_out").click().run()
    assert not app.exception
    return app


@pytest.mark.parametrize(
    ("title", "query", "words"),
    PLACES,
    ids=[f"{title} {query['model']}" for title, query, _ in PLACES],
)
def test_dialog_offers_available_formats_of_the_tweaked_model(
    title: str, query: dict[str, str], words: str
) -> None:
    app = opened(title, query)
    assert words in plain(said(app))
    found = checkpoint.load(query["model"])
    assert app.radio(key="_out.format").options == [
        each.title
        for name, each in model_export.FORMATS.items()
        if not model_export.unsupported_reason(name, found)
    ]
    assert "Not for this model: " + (
        "OpenQASM 3" if query["model"] == "qj-planted" else "QuTiP objects"
    ) in plain(said(app))
    assert app.button(key="_keep_model").disabled == (words == "as trained")


def test_tweaked_model_is_saved_under_an_unused_name(folder: Path) -> None:
    app = opened(*PLACES[-1][:2])
    app.text_input(key="_out.name").set_value("../mine")
    app.button(key="_keep_model").click().run()
    assert "A model's name must be" in plain(app.error[0].value)
    assert not list(folder.iterdir())
    app.text_input(key="_out.name").set_value("mine")
    app.button(key="_keep_model").click().run()
    assert not app.error
    assert checkpoint.load("mine").card["made_from"]["tweak"] == "all:and"
    assert "Saved as mine" in plain(app.toast[0].value)
    assert "mine" in offered_ids(app, "model")
    other = visit("Samples", whole=False, model="mine", sample="pair-0004")
    assert other.selectbox(key="model").value == "mine"
    assert not other.error


def test_read_only_server_saves_no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_read_only, "is_read_only", lambda: True)
    app = opened(*PLACES[1][:2])
    assert "_keep_model" not in [each.key for each in app.button]
