"""Labels of single modalities in data sets: read from files, in filters, as targets, with the metrics of CH-SIMS."""

from __future__ import annotations

import html
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from qfusion import data
from qfusion.cli import app as typer_app
from qfusion.data import importing
from qfusion.data.store import manifest, reading
from qfusion.data.target_spec import label_conflicts, unimodal_columns
from qfusion.errors import InvalidInput
from qfusion.figures.files import export, recipe
from qfusion.study import text
from qfusion.study.opening import build_study, open_study
from qfusion.training import Options, checkpoint, checkpoint_cards, metrics, train
from qfusion.views.words.names import axis_titles
from tests.support.app import plain, said, visit
from tests.support.people import M, make_models, stand_in

NAN = float("nan")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    make_models(folder)
    return folder


@pytest.fixture(autouse=True)
def own(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(place / "imported"))
    monkeypatch.setenv("QFUSION_MODELS", str(place / "models"))


def printed(words: list[str]) -> str:
    """What a command prints."""
    done = CliRunner().invoke(typer_app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_labels_are_read_shown_and_usable_in_filters() -> None:
    found = data.load("stand-in")
    labels = found.unimodal_labels
    assert labels is not None
    assert (list(labels.table.columns), labels.planted, labels.description) == (
        list(M),
        False,
        "people's labels",
    )
    for name in M:
        assert np.array_equal(found.table[f"label_{name}"], labels.table[name], equal_nan=True)
    called = label_conflicts(labels.table.to_numpy(), found.y)
    words = ["unknown" if np.isnan(c) else "yes" if c else "no" for c in called]
    assert found.table["label_conflict"].tolist() == words
    assert (
        int((found.table["label_conflict"] == "unknown").sum())
        == 32
        == int(labels.table["text"].isna().sum())
    )
    assert text.column("label_text") == "people's label of text"
    frame = open_study("simple", "stand-in").frame()
    assert {"label_text", "label_audio", "label_vision", "label_conflict"} <= set(frame)
    assert axis_titles(open_study("simple", "stand-in"))["label_text"] == "people's label of text"
    kept = reading.verify_imported("stand-in")  # the digest is of the numbers, not of the table
    assert kept.digest == found.digest


def test_partial_labels_are_read_and_reported(tmp_path: Path) -> None:
    content = stand_in()
    del content["valid"]["regression_labels_A"]
    content["train"]["regression_labels_V"] = [
        None,
        np.inf,
        *content["train"]["regression_labels_V"][2:].tolist(),
    ]
    path = tmp_path / "some.pkl"
    path.write_bytes(pickle.dumps(content, protocol=4))
    report = importing.import_set([path], "some")
    words = {found.code: found.words for found in report.findings}
    assert words["unimodal"] == (
        "Targets of single modalities are kept: text, audio, vision. 32 samples have none of "
        "text; 60 samples have none of audio; 2 samples have none of vision."
    )
    labels = data.load("some").unimodal_labels
    assert labels is not None
    assert labels.table.isna().sum().tolist() == [32, 60, 2]
    assert data.load("some").target.convention == "sims"
    manifest.remove_imported("some")


def test_unusual_ids_are_shown_and_filtered(tmp_path: Path) -> None:
    content = stand_in()
    # a path, quotes, markup, a path of another system
    odd = 'a/b it\'s "so" <b>&amp;back\\slash$_$1'
    content["test"]["id"] = np.array([odd, *content["test"]["id"][1:]])
    path = tmp_path / "odd.pkl"
    path.write_bytes(pickle.dumps(content, protocol=4))
    importing.import_set([path], "odd")
    found = data.load("odd")
    assert found.clusters is not None
    assert found.clusters.labels[found.row(odd)].tolist() == [odd.partition("$_$")[0]]
    app = visit("Samples", model="simple", data="odd", sample=odd)
    assert not app.exception
    assert not app.warning
    assert app.selectbox(key="sample").value == odd
    assert any(option.startswith(odd) for option in app.selectbox(key="sample").options)
    of = ["--model", "simple", "--data", "odd", "--sample", odd]
    assert json.loads(printed(["explain", *of, "--json"]))["sample"] == odd
    picture, report = tmp_path / "odd.svg", tmp_path / "odd.html"
    printed(["figure", *of, "--view", "decision-over-time", "--caption", "--out", str(picture)])
    assert recipe.parse(export.read_recipe(picture.read_bytes())).address["sample"] == [odd]
    printed(["report", *of, "--out", str(report)])
    written = report.read_text(encoding="utf-8")
    assert odd in html.unescape(written)
    assert "<b>&amp;back" not in written
    manifest.remove_imported("odd")


def test_set_made_in_python_has_label_columns() -> None:
    planted = data.load("planted")
    whole = {
        name: getattr(planted, name)
        for name in (
            "name",
            "title",
            "description",
            "source",
            "licence",
            "modalities",
            "target",
            "y",
            "ids",
            "split",
        )
    }
    hidden = planted.table[[f"latent_{name}" for name in M]].set_axis(list(M), axis=1)
    made = data.DataSet(**whole, table=planted.table[["text"]], unimodal=hidden)
    pd.testing.assert_frame_equal(
        made.table.drop(columns="text"), unimodal_columns(hidden, planted.y)
    )
    model = checkpoint.load("qj-planted")
    assert {"label_text", "label_conflict"} <= set(
        build_study("qj-planted", model.card, model.model, made).frame()
    )
    turned = replace(made, y=-made.y)
    assert (turned.table["label_conflict"] != made.table["label_conflict"]).any()
    assert (
        turned.table["label_conflict"].tolist()
        == unimodal_columns(hidden, -made.y)["label_conflict"].tolist()
    )
    with pytest.raises(InvalidInput, match="`unimodal` must hold numbers, but has columns of"):
        replace(made, unimodal=hidden.assign(text="good"))


def test_conflict_compares_signs_and_is_unknown_without_labels() -> None:
    labels = np.array(
        [[1, -1, 0], [1, 1, 1], [0, 0, 0], [0.2, 0, 0.1], [np.nan, 1, -1], [-1, -1, 0]], float
    )
    found = label_conflicts(labels, np.array([1, -0.1, 1, 0, 1, -0.5]))
    assert found.tolist()[:4] == [1, 1, 0, 0]
    assert np.isnan(found[4])
    assert found[5] == 0
    with pytest.raises(InvalidInput, match="`labels`"):
        label_conflicts(labels, np.zeros(2))


def test_planted_scores_can_be_targets_of_single_modalities() -> None:
    planted = data.load("planted")
    rows = np.concatenate([planted.rows(part)[:40] for part in ("train", "valid", "test")])
    small = replace(
        planted,
        modalities=tuple(
            replace(
                m, values=m.values[rows], lengths=None if m.lengths is None else m.lengths[rows]
            )
            for m in planted.modalities
        ),
        y=planted.y[rows],
        ids=planted.ids[rows],
        split=planted.split[rows],
        table=planted.table.iloc[rows],
        truth=planted.truth.iloc[rows],
        clusters=None,
    )
    assert train("late", small, {}, Options(epochs=1, unimodal=1.0)).model is not None


def test_cohorts_filter_by_labels() -> None:
    app = visit(
        "Cohorts", model="simple", data="stand-in", filter="label_conflict=yes; label_audio<0"
    )
    assert not app.exception
    frame = open_study("simple", "stand-in").frame()
    inside = (
        (frame["label_conflict"] == "yes") & (frame["label_audio"] < 0) & (frame["split"] == "test")
    )
    assert f"{int(inside.sum())} of 160" in plain(said(app)).replace("*", "")


def test_synthetic_sims_uses_metrics_of_sims() -> None:
    card = checkpoint_cards.load_card("simple")
    assert list(card["metrics"]["test"]) == list(metrics.NAMES["sims"])
    study = build_study("simple", card, checkpoint.load("simple").model, data.load("stand-in"))
    assert list(study.split_metrics(np.zeros((160, 1)))) == list(metrics.NAMES["sims"])


@pytest.mark.parametrize(
    "page", ["Overview", "Dynamics", "What if", "Decision operators", "Compare"]
)
def test_pages_of_synthetic_sims_show_no_acc_7(page: str) -> None:
    app = visit(
        page,
        model="simple",
        data="stand-in",
        sample="vid00400$_$1",
        pin="taught/stand-in/vid00400$_$2",
    )
    assert not app.exception
    assert not app.error
    words = plain(said(app)) + " ".join(
        [each.label for each in app.metric]
        + [str(each.value.values.tolist()) for each in app.dataframe]
    )
    assert "Acc-7" not in words.replace(
        "Acc-2 to Acc-7", ""
    )  # which is what the glossary calls them all
    if page in ("Overview", "Dynamics", "Compare"):
        assert "Acc-2" in words.replace("Acc-2 to Acc-7", "")
        assert "non-zero" not in words


def test_metrics_of_two_conventions_are_not_subtracted() -> None:
    app = visit(
        "Compare",
        model="simple",
        data="stand-in",
        sample="vid00400$_$1",
        pin="qj-planted/planted/p1671",
    )
    assert not app.exception
    table = next(each.value for each in app.markdown if "test Acc-7" in each.value)
    rows = [line for line in table.splitlines() if line.startswith("| test ")]
    assert len(rows) == 8  # MAE and correlation once for each side: clipped, and not
    assert all("–" in line for line in rows)
