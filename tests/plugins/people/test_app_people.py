"""Pages of people: a crowd by itself, and beside a model of the same clips."""

from __future__ import annotations

import pytest

from qfusion.views.pages import catalogue
from tests.support.app import plain, said
from tests.support.page_visits import visit

VIEW = "compare.view=People+and+model"
BESIDE = f"/compare?model=qj-crowd&sample=clip-0288&pin=crowd/crowd/clip-0288&{VIEW}"


def test_compare_sets_people_beside_a_model_in_one_figure() -> None:
    page = visit(BESIDE)
    words = plain(said(page.app))
    assert "People fuse jointly more often than the model" in words
    assert {"crowd-waterfall", "crowd-agreement", "crowd-terms", "crowd-alone"} <= set(page.tables)
    assert "share of votes" in page.tables["crowd-waterfall"]


def test_compare_offers_the_same_clip_on_both_sides() -> None:
    page = visit(
        f"/compare?model=crowd&sample=clip-0003&pin=qj-crowd/crowd-features/clip-0288&{VIEW}"
    )
    assert "crowd-agreement" in page.tables
    assert "crowd-waterfall" not in page.tables
    [button] = [one for one in page.app.button if one.key == "_same_clip"]
    button.click().run()
    assert "A and B show different clips" not in plain(said(page.app))


def test_compare_says_why_a_model_does_not_fit() -> None:
    page = visit(f"/compare?model=qj-planted&pin=crowd/crowd/clip-0288&{VIEW}")
    assert "must decide among classes, as people do" in plain(said(page.app))
    assert "crowd-agreement" not in page.tables


def test_a_crowd_is_offered_beside_the_model_of_its_clips() -> None:
    page = visit(f"/compare?model=crowd&sample=clip-0003&{VIEW}")
    [button] = [one for one in page.app.button if one.key == "_partner_qj-crowd"]
    button.click().run()
    assert "clip-0003 by qj-crowd" in plain(said(page.app))


@pytest.mark.parametrize("path", ["/", "/samples"])
def test_the_card_of_a_clip_says_what_was_measured(path: str) -> None:
    app = visit(f"{path}?model=crowd&sample=clip-0288").app
    words = plain("\n".join([said(app), *(tile.label for tile in app.metric)]))
    assert "Measured, share of votes for the acted emotion" in words
    assert "truth unknown" not in words
    assert "Prediction" not in words


def test_samples_show_the_votes_of_people() -> None:
    page = visit("/samples?model=crowd&sample=clip-0288")
    assert "7 of 11 voted for ‘anger’, more than for any other class" in plain(said(page.app))
    assert "voice+face,anger,7,7,11" in page.tables["clip-votes"]
    address = {"model": "crowd", "data": "crowd", "sample": "clip-0288"}
    assert "Share of votes +0.64" in catalogue.build_panel("Samples", "verdict", address).title
    assert "over raters" in catalogue.build_panel("Samples", "waterfall", address).caption
    assert "clip-votes" not in visit("/samples?model=qj-crowd&sample=clip-0288").tables


def test_the_tab_people_groups_clips_as_the_reader_chooses() -> None:
    page = visit("/faithfulness?model=crowd&proof=People")
    assert "who are shown everything choose the acted emotion" in plain(said(page.app))
    assert {"crowd-contributions", "crowd-information"} <= set(page.tables)
    assert "crowd-groups" not in page.tables
    [by] = [one for one in page.app.selectbox if one.key == "crowd.by"]
    assert by.options == ["all clips", "acted emotion", "kind", "actor"]
    grouped = visit("/faithfulness?model=crowd&proof=People&crowd.by=kind&crowd.over=clips")
    assert "crowd.by=kind" in grouped.link
    assert "crowd.over=clips" in grouped.link
    assert grouped.tables["crowd-groups"].startswith("kind,clips,term,mean,difference")
    other = visit("/faithfulness?model=qj-parity&proof=People")
    assert not [one for one in other.app.selectbox if str(one.key).startswith("crowd.")]


def test_tables_say_votes() -> None:
    address = {"model": "crowd", "data": "crowd", "sample": "clip-0288"}
    figure = catalogue.build_panel("Cohorts", "sample-map", address).figure
    assert "share of votes" in figure.to_json()


def test_tabs_without_anything_to_show_are_hidden() -> None:
    names = {tab.label for tab in visit("/faithfulness?model=crowd").app.tabs}
    assert "People" in names
    assert "Students" not in names
    app = visit(
        "/faithfulness?model=qj-parity&proof=People"
    ).app  # data without labels of modalities
    assert "People" not in {tab.label for tab in app.tabs}
    assert app.session_state["proof"] == "Deletion"
    words = said(visit("/faithfulness?model=qj-parity&proof=Referee").app)
    assert "fault" not in words
    assert "not run" not in words
