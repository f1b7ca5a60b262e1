"""Own terms and verdicts compared with human labels of single modalities: planted data, a synthetic CH-SIMS, and the
pages."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from qfusion import data
from qfusion.data import importing
from qfusion.data.store import manifest
from qfusion.errors import InvalidInput, NotFound
from qfusion.plugins.people.labels import (
    label_comparison,
    panels as label_agreement,
    term_agreement,
    unimodal_labels as trust,
)
from qfusion.plugins.people.labels.words import (
    describe_label_trends,
    describe_verdict_trend,
    explain_missing_labels,
)
from qfusion.study import trust as faithful
from qfusion.study.opening import build_study, open_sample, open_study
from qfusion.study.sample import Sample
from tests.support.app import plain, said, visit
from tests.support.people import M, keep_short_model, make_models, stand_in

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


def test_classes_are_not_compared_with_labels(tmp_path: Path, place: Path) -> None:
    path = tmp_path / "sims.pkl"
    path.write_bytes(pickle.dumps(stand_in(counts=(60, 20, 30)), protocol=4))
    importing.import_set([path], "classes", target="classification")
    dataset = data.load("classes")
    assert dataset.unimodal is not None
    assert dataset.unimodal_labels is None
    keep_short_model(place, "of-classes", dataset)
    study = open_study("of-classes", "classes")
    assert explain_missing_labels(label_comparison.find_missing_labels(study), "S").startswith(
        "S has labels of single modalities, but its target is a class"
    )
    assert not label_agreement.has_labels(study)
    with pytest.raises(InvalidInput, match="target is a class"):
        label_agreement.rank_correlations(study)
    page = visit("Faithfulness", model="of-classes", data="classes", proof="People")
    assert "People" not in {tab.label for tab in page.tabs}
    assert not page.exception
    manifest.remove_imported("classes")


def test_model_without_labelled_modalities_is_not_compared(place: Path) -> None:
    dataset = data.load("stand-in")
    assert dataset.unimodal is not None
    pair = replace(dataset, modalities=dataset.modalities[:2], unimodal=None)
    model = keep_short_model(place, "pair", pair)
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


def test_data_without_labels_have_no_comparison() -> None:
    assert data.load("digits").unimodal_labels is None
    planted = data.load("planted")
    assert replace(planted, truth=None).unimodal_labels is None  # a column called so is not a truth
    study = open_study("qcnn-digits")
    assert not label_agreement.has_labels(study)
    with pytest.raises(InvalidInput, match="no labels of single modalities"):
        label_agreement.rank_correlations(study)


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
    assert "taught had the labels as additional targets" in picture.caption
    assert set(picture.numbers["model"]) == {"simple", "taught"}
    assert set(label_agreement.conflict(study, other="taught").numbers["model"]) == {
        "simple",
        "taught",
    }
    for name in ("simple", "qj-planted", "never"):
        with pytest.raises(NotFound, match="Second model"):
            label_comparison.second(study, name)


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
    table = picture.numbers
    assert table["modality"].tolist() == list(M)
    assert table["label"].to_numpy() == pytest.approx(found.unimodal.iloc[rows[1]].to_numpy())
    assert table["own_term"].tolist() == [whole.study.dividends(whole.row, 0)[name] for name in M]
    assert "nothing is known" not in picture.caption
    lacking = label_agreement.sample_labels(part)
    assert lacking.numbers["modality"].tolist() == ["audio", "vision"]
    assert "nothing is known of text" in lacking.caption
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
    assert "over 32 videos" in words
    assert "taught had the labels as additional targets" in words
    assert app.selectbox(key="proof.with").value == "taught"
    sample = visit("Samples", model="simple", data="stand-in", sample="vid00400$_$1")
    assert not sample.exception
    words = plain(said(sample))
    assert "People's label of text: " in words
    assert "people's labels of each modality alone" in words
    lacking = plain(said(visit("Samples", model="simple", data="stand-in", sample="vid00400$_$0")))
    assert "People's label of text" not in lacking
    assert "People's label of audio: " in lacking


def test_page_needs_data_with_labels() -> None:
    words = plain(said(visit("Faithfulness", proof="People")))
    assert "Own terms rise with hidden scores of text" in words


def test_link_to_another_model_shows_a_notice() -> None:
    app = visit("Faithfulness", proof="People", **{"proof.with": "<img src=x>"})
    assert "Second model '<img src=x>' does not exist" in plain(app.warning[0].value)
    assert not app.exception
