"""Choice of the background on the pages: picker, links and the resulting numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from qfusion import data, explain
from qfusion.errors import InvalidInput
from qfusion.study import opening
from qfusion.study.opening import explained_model, open_sample, open_study
from qfusion.study.sample import Sample
from qfusion.training import checkpoint, checkpoint_cards
from qfusion.views import network
from qfusion.views.words.decisions import describe_baseline
from tests.support.app import FILES, headline_of, plain, said, visit

MODELS = {"planted": "qj-planted", "parity": "qcnn-parity"}
WORDS = {
    "training set": "the mean over the {:,} training samples",
    "product of marginals": "the mean over the {:,} training samples, each modality drawn",
    "nothing known": "maximally mixed states (no samples)",
    "reference state": "reference states (no samples)",
}


@pytest.fixture(params=list(MODELS))
def source(request: pytest.FixtureRequest) -> str:
    """A data set of each system."""
    return str(request.param)


ON_PLANTED = pytest.mark.parametrize("source", ["planted"], indirect=True)


def open_study_shared(source: str) -> Any:
    return open_study(MODELS[source], source)


@pytest.mark.parametrize(
    ("source", "choice"),
    [*(("planted", choice) for choice in WORDS), ("parity", "product of marginals")],
    indirect=["source"],
)
def test_every_background_is_used_and_named_on_the_page(source: str, choice: str) -> None:
    """The waterfall's dividends are the library's against that background, and the panel says which it is, with its
    size."""
    study = open_study_shared(source)
    sample = str(study.dataset.ids[study.dataset.rows("test")[3]])
    app = visit("Samples", whole=False, data=source, sample=sample, background=choice)
    assert not app.warning
    assert app.selectbox(key="background").value == choice
    found = checkpoint.load(MODELS[source])
    behind = study.dataset.inputs(
        study.dataset.rows(checkpoint_cards.training_split(found.card)), dtype=torch.float64
    )
    model = explained_model(found.model, study.dataset)
    background = explain.background(model, behind, opening.BACKGROUNDS[choice])
    row = study.dataset.row(sample)
    exact = explain.explain(model, study.dataset.inputs([row], dtype=torch.float64), background)
    terms = exact.dividends[0, :, int(study.predicted[row])]
    joint = terms[1 + len(exact.modalities) :].sum()
    words = plain(said(app))
    headline = headline_of(exact, terms)
    assert headline.lower() in words.lower() or f"joint terms sum to {joint:+.2f}" in words
    count = len(study.dataset.rows(checkpoint_cards.training_split(found.card)))
    assert WORDS[choice].format(count) in plain(said(app))


@pytest.mark.parametrize(
    ("title", "source"),
    [
        ("Overview", "planted"),
        ("Samples", "parity"),
        ("Dynamics", "planted"),
        ("Dynamics", "parity"),
        ("Circuit", "parity"),
    ],
    indirect=["source"],
)
def test_every_page_compares_with_one_other_sample(source: str, title: str) -> None:
    other = str(data.load(source).ids[5])
    asked = title == "Dynamics" and source == "planted"  # what its later panels compare with
    app = visit(title, whole=asked, data=source, background="one other sample", contrast=other)
    assert not app.error
    assert not app.warning
    assert app.selectbox(key="contrast").value == other
    if asked or title in ("Overview", "Samples"):
        assert f"Baseline: the score of sample {other}." in plain(said(app))
    if title == "Circuit" and source == "parity":
        shown = visit(
            title, data=source, background="one other sample", contrast=other, part="Fusion rules"
        )
        assert f"Baseline: the score of sample {other}." in plain(said(shown))


@ON_PLANTED
def test_contrast_is_kept_when_the_page_changes(
    source: str,
) -> None:
    """The picker changes what a panel compares with, goes along to the next page, and comes back; as by clicks."""
    other = str(data.load(source).ids[5])
    app = visit("Samples", whole=False, data=source)
    count = len(
        open_study_shared(source).dataset.rows(
            checkpoint_cards.training_split(checkpoint.load(MODELS[source]).card)
        )
    )
    usual = WORDS[opening.DEFAULT_BACKGROUND].format(count)
    assert usual in plain(said(app))
    app.selectbox(key="background").select("one other sample").run()
    app.selectbox(key="contrast").select(other).run()
    assert f"Baseline: the score of sample {other}." in plain(said(app))
    assert usual not in plain(said(app))
    app.switch_page(FILES["Dynamics"]).run()
    assert app.selectbox(key="contrast").value == other
    app.selectbox(key="background").select(opening.DEFAULT_BACKGROUND).run()
    app.switch_page(FILES["Samples"]).run()
    app.run()  # the first run of a page after another may end before its panels
    assert usual in plain(said(app))
    assert not app.exception
    assert not app.warning


@ON_PLANTED
def test_links_accept_background_names_of_the_command_line(source: str) -> None:
    app = visit("Samples", whole=False, data=source, background="product")
    assert app.selectbox(key="background").value == "product of marginals"
    assert not app.warning


def test_contrast_defaults_to_an_example_sample(source: str) -> None:
    study = open_study_shared(source)
    row = int(study.dataset.rows("test")[3])
    app = visit(
        "Samples",
        whole=False,
        data=source,
        sample=str(study.dataset.ids[row]),
        background="contrast",
    )
    other = study.dataset.row(app.selectbox(key="contrast").value)
    assert other != row
    if study.classes:
        assert study.predicted[other] == np.argsort(study.scores[row])[-2]
    else:
        assert abs(study.scores[other, 0] - study.scores[row, 0]) > np.std(study.scores)


@ON_PLANTED
def test_contrast_with_itself_shows_a_notice(source: str) -> None:
    sample = str(data.load(source).ids[5])
    app = visit(
        "Samples",
        whole=False,
        data=source,
        sample=sample,
        background="one other sample",
        contrast=sample,
    )
    assert "so every contribution is 0" in plain(said(app))
    assert not app.error


@pytest.mark.parametrize("bad", ["moon", "<script>alert(1)</script>", "joint " * 400, "=1+1", ""])
def test_unknown_background_shows_a_notice(bad: str) -> None:
    app = visit("Samples", whole=False, data="planted", background=bad)
    assert app.selectbox(key="background").value == opening.DEFAULT_BACKGROUND
    assert len(app.warning) == 1
    assert "The default background is used" in plain(app.warning[0].value)


def test_unknown_contrast_shows_a_notice() -> None:
    app = visit(
        "Samples", whole=False, data="planted", background="one other sample", contrast="**nobody**"
    )
    assert "In the link, contrast" in plain(app.warning[0].value).replace("`", "")
    assert app.selectbox(key="contrast").value in set(data.load("planted").ids)
    assert not app.error


def test_contrast_of_another_data_set_is_dropped() -> None:
    """The link's contrast is kept while the data stay; another data set has other samples."""
    app = visit(
        "Samples", whole=False, data="planted", background="one other sample", contrast="p0007"
    )
    app.selectbox(key="data").select("parity").run()
    assert not app.exception
    assert app.selectbox(key="model").value == "qcnn-parity"
    assert app.selectbox(key="contrast").value in set(data.load("parity").ids)


def test_study_with_another_background_shares_everything_else(source: str) -> None:
    study = open_study_shared(source)
    for choice, kind in opening.BACKGROUNDS.items():
        sample = str(study.dataset.ids[0]) if kind == "contrast" else ""
        other = opening.with_background(study, kind, sample)
        assert other is opening.with_background(study, kind, sample), choice
        assert (other is study) == (kind == "product")
        assert other.scores is study.scores
        assert other.model is study.model
        assert other.memo_key(False) == study.memo_key(False)
        assert (other.memo_key() == study.memo_key()) == (kind == "product")
    row = int(study.dataset.rows("test")[0])
    before = study.dividends(row)
    contrast = opening.with_background(study, "contrast", str(study.dataset.ids[3]))
    assert contrast.dividends(row) != before
    assert contrast.dividends(row)[""] == pytest.approx(
        study.scores[3, int(study.predicted[row])], abs=1e-9
    )
    assert study.dividends(row) == before
    cohort = explain.background(
        study.model, study.dataset.inputs(range(7), dtype=torch.float64), "cohort", label="seven"
    )
    seven = study.with_background(cohort)
    assert seven.dividends(row)[""] == pytest.approx(
        study.scores[:7, int(study.predicted[row])].mean(), abs=1e-9
    )
    assert (
        describe_baseline(seven.background)
        == "Baseline: the mean over the 7 samples of the cohort ‘seven’."
    )
    assert len({w.memo_key() for w in (study, contrast, seven)}) == 3


def test_the_sample_shown_first_does_not_depend_on_the_background() -> None:
    first = visit("Samples", whole=False, data="planted").selectbox(key="sample").value
    assert (
        visit("Samples", whole=False, data="planted", background="nothing known")
        .selectbox(key="sample")
        .value
        == first
    )


@pytest.mark.parametrize("where", ["Dynamics", "Circuit"])
def test_network_decision_is_shown_by_layer(where: str) -> None:
    """Where time is for the other system: the terms at each place between the layers, ending at the decision itself."""
    study = open_study_shared("parity")
    row = int(study.dataset.rows("test")[3])
    query = {"part": "Entropies"} if where == "Circuit" else {}
    app = visit(
        where,
        whole=False,
        data="parity",
        sample=str(study.dataset.ids[row]),
        background="nothing known",
        **query,
    )
    assert not app.error
    words = plain(said(app))
    against = opening.with_background(study, "mixed")
    found, c = Sample(against, row).path_explanation, int(study.predicted[row])
    assert found.moments[0] == "input"
    assert found.dividends[-1, 0, :, c] == pytest.approx(
        list(against.dividends(row).values()), abs=1e-9
    )
    terms = {term: found.dividends[:, 0, i, c] for i, term in enumerate(found.coalitions)}
    assert network.describe_takeover(found.moments, terms) in words
    assert "Compared with maximally mixed states (no samples)." in words


def test_edited_tables_change_the_layers() -> None:
    study = open_study_shared("parity")
    row = int(study.dataset.rows("test")[3])
    assert (
        np.abs(
            Sample(study, row, 0, "all:and").path_explanation.values
            - Sample(study, row).path_explanation.values
        ).max()
        > 1e-3
    )


def test_time_from_which_joint_terms_dominate() -> None:
    moments = ("input", "a", "b")
    single, rising = np.array([1.0, 1.0, 1.0]), np.array([0.0, 2.0, 2.0])
    assert (
        network.describe_takeover(moments, {"": rising, "x": single, "x+y": rising})
        == "In size, joint terms lead from “a” (joint share 67% at the end)"
    )
    assert (
        network.describe_takeover(moments, {"x": single, "x+y": rising[::-1]})
        == "At the end single modalities lead in size (joint share 0%)"
    )
    table = network.layer_table(
        moments,
        {"": rising, "x": single},
        {network.JOINT: single, network.MUTUAL: rising},
    )
    assert list(table.columns) == [
        "moment",
        "dividend[baseline]",
        "dividend[x]",
        "entropy",
        "mutual_information",
    ]


def test_default_contrast_follows_the_sample() -> None:
    """Nobody chose it, and the address does not hold it: a link opens what was shown."""
    study = open_study("qj-parity", "parity")
    app = visit("Overview", whole=False, model="qj-parity", background="one other sample")
    for _ in range(2):
        app.button(key="_next").click().run()
    row = study.dataset.row(app.selectbox(key="sample").value)
    assert app.selectbox(key="contrast").value == opening.default_contrast(study, row)


def test_default_choices_follow_the_sample() -> None:
    """A default that differs from sample to sample is followed; what a reader chose stays."""

    def page() -> None:
        import streamlit as st

        from qfusion.app import widgets
        from qfusion.study.opening import open_study
        from qfusion.views import dynamics

        study = open_study("qj-planted", "planted")
        widgets.draw(dynamics.QUANTITY, study, default=st.session_state.usual)

    app = AppTest.from_function(page, default_timeout=60)
    app.session_state.usual = "vision"
    app.run()
    for usual in ("text", "audio"):
        app.session_state.usual = usual
        assert app.run().selectbox(key="quantity").value == usual
    app.selectbox(key="quantity").set_value("vision").run()
    app.session_state.usual = "text"
    assert app.run().selectbox(key="quantity").value == "vision"


def test_empty_cohort_shows_a_notice() -> None:
    with pytest.raises(InvalidInput, match="`members`: no sample passes 'none:error>9'"):
        open_sample("qj-parity", "pair-0003", background="cohort", members="none:error>9")
