"""Samples of a visitor on the pages, in their session and in reports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from qfusion import report
from qfusion.app import page_runs, panels
from qfusion.data import own_samples
from qfusion.study import cohorts, open_sample, opening, performance
from qfusion.study.backends.base import dividend_column
from qfusion.study.sample import build_sample
from tests.support.app import APP, FILES, plain, said, visit
from tests.support.own_samples import parity, stroke
from tests.support.third_model import PAGES


@pytest.fixture(scope="module")
def mine() -> own_samples.OwnSample:
    """A drawn left digit; the right one is of a sample of the set."""
    return own_samples.make_sample(parity(), {"left": stroke()}, "pair-0007")


def opened(title: str, mine: own_samples.OwnSample, model: str, **query: Any) -> AppTest:
    """A page of the session that made a sample."""
    app = AppTest.from_file(APP, default_timeout=90)
    app.session_state[page_runs.OWN] = (mine,)
    app.session_state["_near"] = [panels.EVERYTHING]
    if title != "Overview":
        app.switch_page(FILES[title])
    for key, value in {"model": model, "data": "parity", "sample": mine.id, **query}.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, [each.value for each in app.exception]
    return app


@pytest.mark.parametrize(
    ("title", "model"),
    [(title, "qcnn-parity" if title in ("Samples", "Circuit") else "qj-parity") for title in PAGES],
)
def test_every_page_shows_the_own_sample(
    title: str, model: str, mine: own_samples.OwnSample
) -> None:
    """And says of no truth that it is known."""
    app = opened(title, mine, model)
    words = plain(said(app))
    assert not app.error, [each.value for each in app.error]
    assert not app.warning, [each.value for each in app.warning]
    assert app.selectbox(key="sample").value == mine.id
    assert "its true class" not in words
    if title == "Samples":
        assert "no truth is known" in words
        assert "nan" not in words.split()


def test_cohorts_compare_the_own_sample_with_the_split(mine: own_samples.OwnSample) -> None:
    """With its own contributions, and without an error or an accuracy, for which the truth is needed."""
    dataset = own_samples.append_samples(parity(), [mine])
    study = opening.open_study("qj-parity", "parity").with_user_samples(dataset)
    sample = build_sample(study, dataset.row(mine.id))
    levels = performance.compare_cohort(sample)
    assert levels.own is not None
    assert mine.id not in levels.rows.index
    dividends = {term: levels.own[dividend_column(term)] for term in study.terms}
    assert dividends == {term: sample.dividends[term] for term in study.terms}
    assert levels.own["relation"] == sample.verdict.relation
    assert levels.own[cohorts.JOINT] == abs(sample.dividends["left+right"])
    ladder = performance.comparison_table(study, levels.rows, levels.inside, levels.own, "all")
    of_sample = ladder.set_index("level").loc[f"sample {mine.id}"]
    assert np.isnan(of_sample["accuracy"])
    assert np.isnan(of_sample["mean error"])
    assert of_sample["share of left"] == pytest.approx(sample.shares["left"])


@pytest.mark.parametrize(
    ("pinned", "current"), [(True, False), (False, True), (True, True)], ids=["A", "B", "both"]
)
def test_own_sample_is_pinned(pinned: bool, current: bool, mine: own_samples.OwnSample) -> None:
    """As A, as B, and as both."""
    pin, sample = (mine.id if is_own else "pair-0007" for is_own in (pinned, current))
    app = opened("Compare", mine, "qj-parity", sample=sample, pin=f"qcnn-parity/parity/{pin}")
    assert not app.error, [each.value for each in app.error]
    assert not app.warning, [each.value for each in app.warning]
    assert pin in plain(said(app))
    assert app.selectbox(key="sample").value == sample


def test_input_is_shown_with_its_decision(mine: own_samples.OwnSample) -> None:
    """The canvas cannot be drawn on here: its place is there, and the samples of the session are listed."""
    app = opened("Samples", mine, "qj-parity", own="true")
    words = plain(said(app))
    assert "Draw the left digit" in words
    assert "Draw the right digit" in words
    assert mine.id in [each.label for each in app.button]
    app.button(key="_forget_own").click().run()
    assert not app.exception
    assert app.selectbox(key="sample").value != mine.id


def test_own_sample_is_private_to_its_session(mine: own_samples.OwnSample) -> None:
    """A link to it says so and shows the default sample."""
    app = visit("Samples", whole=False, model="qj-parity", data="parity", sample=mine.id)
    assert "lives in another session" in plain(said(app))
    assert app.selectbox(key="sample").value.startswith("pair-")


def test_the_drawer_offers_no_code_for_an_own_sample(mine: own_samples.OwnSample) -> None:
    app = opened("Dynamics", mine, "qj-parity")
    app.session_state["_drawer"] = "waterfall-now"
    app.run()
    assert not app.exception
    assert any("no program or command opens it" in each.value for each in app.caption)
    assert not app.code


def test_report_states_that_truth_is_unknown(mine: own_samples.OwnSample) -> None:
    """In the words on its decision and its annotation, and that nothing opens it elsewhere."""
    token = opening.session_samples.set((mine,))
    try:
        one = open_sample("qcnn-parity", mine.id)
    finally:
        opening.session_samples.reset(token)
    words = report.sample(one).render(".html").decode()
    assert "no truth is known" in words
    assert "made by a visitor" in words
    assert "no command opens it" in words
    assert "open_sample" not in words
