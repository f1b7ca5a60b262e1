"""Own terms and verdicts compared with human labels of single modalities: planted data, a synthetic CH-SIMS,
partial labels, and the pages."""

from __future__ import annotations

import html
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner

from qfusion import data
from qfusion.analysis import label_comparison, text, trust as faithful
from qfusion.analysis.opening import open_sample, open_study
from qfusion.analysis.sample import Sample
from qfusion.analysis.study_building import build_study
from qfusion.cli import app as typer_app
from qfusion.data import importing
from qfusion.data.unimodal_labels import label_conflicts, unimodal_columns
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import term_agreement, unimodal_labels as trust
from qfusion.figures import export, recipe
from qfusion.panels import label_agreement
from qfusion.training import Options, checkpoint, checkpoint_cards, metrics, train
from qfusion.wording.label_agreement import (
    describe_label_trends,
    describe_verdict_trend,
    explain_missing_labels,
)
from qfusion.wording.studies import axis_titles
from tests.support.app import plain, said, visit
from tests.support.people import M, stand_in


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in imported, and two models of it among the reader's own: one of them taught with the labels."""
    folder = tmp_path_factory.mktemp("people")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFUSION_IMPORTED", str(folder / "imported"))
        path = folder / "sims.pkl"
        path.write_bytes(pickle.dumps(stand_in(), protocol=4))
        importing.import_set([path], "stand-in")
        dataset = data.load("stand-in")
        (folder / "models").mkdir()
        for name, weight in (("simple", 0.0), ("taught", 1.0)):
            fit = train(
                "quantum-jump",
                dataset,
                {"dims": [3, 3, 2]},
                Options(epochs=12, rate=1e-2, unimodal=weight),
            )
            found = fit.checkpoint(name)
            checkpoint.save(folder / "models" / f"{name}.json", found.model, found.card)
    return folder


def short(place: Path, name: str, dataset: data.DataSet) -> checkpoint.Checkpoint:
    """A model that was hardly trained, among the reader's own."""
    options = Options(
        epochs=1, loss="l1" if dataset.target.kind == "regression" else "cross_entropy"
    )
    made = train("quantum-jump", dataset, {"dims": [2] * len(dataset.names)}, options).checkpoint(
        name
    )
    checkpoint.save(place / "models" / f"{name}.json", made.model, made.card)
    return made


def printed(words: list[str]) -> str:
    """What a command prints."""
    done = CliRunner().invoke(typer_app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(autouse=True)
def own(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(place / "imported"))
    monkeypatch.setenv("QFUSION_MODELS", str(place / "models"))


# ---- labels


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
    kept = data.imported_sets.verify_imported(
        "stand-in"
    )  # the digest is of the numbers, not of the table
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
    data.imported_sets.remove_imported("some")


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
    assert "people's labels of each modality alone" in plain(said(app))
    of = ["--model", "simple", "--data", "odd", "--sample", odd]
    assert json.loads(printed(["explain", *of, "--json"]))["sample"] == odd
    picture, report = tmp_path / "odd.svg", tmp_path / "odd.html"
    printed(["figure", *of, "--view", "over-time", "--caption", "--out", str(picture)])
    assert recipe.parse(export.read_recipe(picture.read_bytes())).address["sample"] == [odd]
    printed(["report", *of, "--out", str(report)])
    written = report.read_text(encoding="utf-8")
    assert odd in html.unescape(written)
    assert "<b>&amp;back" not in written
    data.imported_sets.remove_imported("odd")


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


def test_classes_are_not_compared_with_labels(tmp_path: Path, place: Path) -> None:
    path = tmp_path / "sims.pkl"
    path.write_bytes(pickle.dumps(stand_in(counts=(60, 20, 30)), protocol=4))
    importing.import_set([path], "classes", target="classification")
    dataset = data.load("classes")
    assert dataset.unimodal is not None
    assert dataset.unimodal_labels is None
    short(place, "of-classes", dataset)
    study = open_study("of-classes", "classes")
    assert explain_missing_labels(label_comparison.find_missing_labels(study), "S").startswith(
        "S has labels of single modalities, but its target is a class"
    )
    assert not label_agreement.has_labels(study)
    with pytest.raises(InvalidInput, match="target is a class"):
        label_agreement.rank_correlations(study)
    page = visit("Faithfulness", model="of-classes", data="classes", proof="People")
    assert "has labels of single modalities, but its target is a class" in plain(page.info[0].value)
    assert not page.exception
    data.imported_sets.remove_imported("classes")


def test_model_without_labelled_modalities_is_not_compared(place: Path) -> None:
    dataset = data.load("stand-in")
    assert dataset.unimodal is not None
    pair = replace(dataset, modalities=dataset.modalities[:2], unimodal=None)
    model = short(place, "pair", pair)
    for labelled, words in (
        (["text"], ""),
        (["vision"], "S has labels of single modalities, but not of this model's modalities"),
    ):
        study = build_study(
            "pair", model.card, model.model, replace(dataset, unimodal=dataset.unimodal[labelled])
        )
        assert explain_missing_labels(label_comparison.find_missing_labels(study), "S").startswith(
            words
        )
        assert label_agreement.has_labels(study) == (not words)


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


def test_data_without_labels_have_no_comparison() -> None:
    assert data.load("digits").unimodal_labels is None
    planted = data.load("planted")
    assert replace(planted, truth=None).unimodal_labels is None  # a column called so is not a truth
    study = open_study("qcnn-digits")
    assert not label_agreement.has_labels(study)
    with pytest.raises(InvalidInput, match="no labels of single modalities"):
        label_agreement.rank_correlations(study)


# ---- numbers


def direct(term: np.ndarray, label: np.ndarray) -> tuple[float, float, float]:
    """Rank correlation, share of equal signs and slope, by other means."""
    known = np.isfinite(label)
    x, y = term[known], label[known]
    says = y != 0
    return (
        float(spearmanr(x, y).statistic),
        float((x[says] * y[says] > 0).mean()),
        float(np.polyfit(x, y, 1)[0]),
    )


def test_planted_data_reproduce_the_truth() -> None:
    study = open_study("qj-planted")
    rows, explanation = faithful.explain_test_rows(study)
    found, table = label_comparison.compare_with_labels(study), study.dataset.table.iloc[rows]
    assert found is not None
    assert found.frame()["modality"].tolist() == list(M)
    for i, each in enumerate(found.alone):
        expected = direct(
            explanation.dividends[:, 1 + i, 0], table[f"latent_{each.name}"].to_numpy()
        )
        assert (each.rank.value, each.sign.value, each.slope.value) == pytest.approx(
            expected, abs=1e-9
        )
        assert term_agreement.rank_trend(each) is term_agreement.Trend.RISES
    hidden = np.column_stack([table[[f"latent_{name}" for name in M]], study.dataset.y[rows]])
    called = (hidden.max(1) > 0) & (hidden.min(1) < 0)
    relation = study.frame().iloc[rows]["relation"].isin(["joint", "conflict"]).to_numpy()
    rate = found.rates[trust.EITHER]
    assert rate.conflicting.value == pytest.approx(relation[called].mean())
    assert rate.others.value == pytest.approx(relation[~called].mean())
    assert rate.difference.value == pytest.approx(
        relation[called].mean() - relation[~called].mean()
    )
    assert (found.samples, found.known, found.conflicting) == (600, 600, int(called.sum()))


def test_planted_agreement_is_found_and_vanishes_after_shuffling() -> None:
    study = open_study("simple", "stand-in")
    found = label_comparison.compare_with_labels(study)
    assert found is not None
    assert all(
        term_agreement.rank_trend(each) is term_agreement.Trend.RISES for each in found.alone
    )
    assert trust.verdict_trend(found.rates[trust.EITHER]) is term_agreement.Trend.RISES
    assert [len(each.label) for each in found.alone] == [128, 160, 160]
    assert (found.samples, found.known) == (160, 128)
    rows, explanation = faithful.explain_test_rows(study)
    labels = study.dataset.unimodal_labels
    assert labels is not None
    table, clusters = labels.table.iloc[rows], study.dataset.clusters
    assert clusters is not None
    order = np.random.default_rng(5).permutation(len(rows))
    shuffled = trust.compare_with_labels(
        explanation,
        table.iloc[order].set_index(table.index),
        study.dataset.y[rows][order],
        clusters=clusters.numbers[rows],
    )
    assert all(
        term_agreement.rank_trend(each) is term_agreement.Trend.NOT_SHOWN for each in shuffled.alone
    )
    assert trust.verdict_trend(shuffled.rates[trust.EITHER]) is term_agreement.Trend.NOT_SHOWN
    assert describe_label_trends(shuffled.alone, "their labels").startswith(
        "No significant relation to their labels of"
    )
    assert describe_verdict_trend(shuffled, "their labels").startswith("No significant relation")


def test_a_second_model_is_compared_on_the_same_samples() -> None:
    study = open_study("simple", "stand-in")
    assert label_comparison.rivals(study) == ["taught"]
    other = label_comparison.second(study, "taught")
    assert (
        label_comparison.is_trained_on_labels(study),
        label_comparison.is_trained_on_labels(other),
    ) == (False, True)
    found, first, second = (
        label_comparison.closer(study, other),
        label_comparison.compare_with_labels(study),
        label_comparison.compare_with_labels(other),
    )
    assert first is not None
    assert second is not None
    for one, two in zip(first.alone, second.alone, strict=True):
        assert found[one.name].value == pytest.approx(two.rank.value - one.rank.value)
    picture = label_agreement.rank_correlations(study, other="taught")
    assert "taught had the labels as additional targets" in picture.shows
    assert set(picture.table()["model"]) == {"simple", "taught"}
    assert set(label_agreement.conflict(study, other="taught").table()["model"]) == {
        "simple",
        "taught",
    }
    for name in ("simple", "qj-planted", "never"):
        with pytest.raises(NotFound, match="Second model"):
            label_comparison.second(study, name)


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


# ---- samples and pages


def of(model: str, sample: str, dataset: str) -> Sample:
    return open_sample(model, sample, dataset)


def test_sample_is_compared_with_its_own_labels() -> None:
    found = data.load("stand-in")
    rows = found.rows("test")
    whole, part = (
        of("simple", found.ids[rows[1]], "stand-in"),
        of("simple", found.ids[rows[0]], "stand-in"),
    )
    picture = label_agreement.sample_labels(whole)
    table = picture.table()
    assert table["modality"].tolist() == list(M)
    assert table["label"].to_numpy() == pytest.approx(found.unimodal.iloc[rows[1]].to_numpy())
    assert table["own_term"].tolist() == [whole.study.dividends(whole.row, 0)[name] for name in M]
    assert "nothing is known" not in picture.shows
    lacking = label_agreement.sample_labels(part)
    assert lacking.table()["modality"].tolist() == ["audio", "vision"]
    assert "nothing is known of text" in lacking.shows
    assert "conflict" not in lacking.title
    assert not label_agreement.is_labelled(of("qcnn-digits", "digit-1571", "digits"))


def test_pages_show_the_labels() -> None:
    app = visit(
        "Faithfulness", model="simple", data="stand-in", proof="People", **{"proof.with": "taught"}
    )
    assert not app.exception
    words = plain(said(app))
    assert "Own terms rise with people's labels of text" in words
    assert "160 test samples (labelled: 128 in text)" in words
    assert "32 lack the label of a modality and are left out" in words
    assert "over 16 videos" in words
    assert "taught had the labels as additional targets" in words
    assert app.selectbox(key="proof.with").value == "taught"
    sample = visit("Samples", model="simple", data="stand-in", sample="vid00200$_$1")
    assert not sample.exception
    words = plain(said(sample))
    assert "people's label of text: " in words
    assert "people's labels of each modality alone" in words
    lacking = plain(said(visit("Samples", model="simple", data="stand-in", sample="vid00200$_$0")))
    assert "people's label of text" not in lacking
    assert "people's label of audio: " in lacking


def test_page_needs_data_with_labels() -> None:
    words = plain(said(visit("Faithfulness", proof="People")))
    assert "Own terms rise with hidden scores of text" in words
    assert "has no labels of single modalities" in plain(
        visit("Faithfulness", model="qcnn-parity", data="parity", proof="People").info[0].value
    )


def test_link_to_another_model_shows_a_notice() -> None:
    app = visit("Faithfulness", proof="People", **{"proof.with": "<img src=x>"})
    assert "Second model '<img src=x>' does not exist" in plain(app.warning[0].value)
    assert not app.exception


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
        sample="vid00200$_$1",
        pin="taught/stand-in/vid00200$_$2",
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
        sample="vid00200$_$1",
        pin="qj-planted/planted/p1671",
    )
    assert not app.exception
    table = next(each.value for each in app.markdown if "test Acc-7" in each.value)
    rows = [line for line in table.splitlines() if line.startswith("| test ")]
    assert len(rows) == 8  # MAE and correlation once for each side: clipped, and not
    assert all("–" in line for line in rows)
