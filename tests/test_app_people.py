"""Pages of people: a crowd by itself, and beside a model of the same clips."""

from __future__ import annotations

import pytest

from qfusion.analysis.opening import open_sample
from qfusion.panels import pages
from qfusion.report import sample_report
from tests.support.app import plain, said
from tests.support.page_visits import visit

BESIDE = "/compare?model=qj-crowd&sample=clip-0288&pin=crowd/crowd/clip-0288"


def test_compare_sets_people_beside_a_model_in_one_figure() -> None:
    page = visit(BESIDE)
    words = plain(said(page.app))
    assert "People fuse jointly more often than the model" in words
    assert {"crowd-waterfall", "crowd-agreement", "crowd-terms", "crowd-alone"} <= set(page.tables)
    assert not {"waterfall-A", "waterfall-B", "differences"} & set(page.tables)
    assert "share of votes" in page.tables["crowd-waterfall"]
    assert "| decision | anger (7 of 11 votes) | fear (softmax 0.407) |" in words
    assert "anger (acted emotion)" in words


def test_compare_offers_the_same_clip_on_both_sides() -> None:
    page = visit("/compare?model=crowd&sample=clip-0003&pin=qj-crowd/crowd-features/clip-0288")
    assert {"waterfall-A", "waterfall-B", "crowd-agreement"} <= set(page.tables)
    [button] = [one for one in page.app.button if one.key == "_same_clip"]
    button.click().run()
    assert "A and B show different clips" not in plain(said(page.app))


def test_compare_says_why_a_model_does_not_fit() -> None:
    page = visit("/compare?model=qj-planted&pin=crowd/crowd/clip-0288")
    assert "must decide among classes, as people do" in plain(said(page.app))
    assert "crowd-agreement" not in page.tables


def test_a_crowd_is_offered_beside_the_model_of_its_clips() -> None:
    page = visit("/compare?model=crowd&sample=clip-0003")
    [button] = [one for one in page.app.button if one.key == "_partner_qj-crowd"]
    button.click().run()
    assert "clip-0003 by qj-crowd" in plain(said(page.app))


@pytest.mark.parametrize("path", ["/", "/samples"])
def test_the_card_of_a_clip_shows_its_votes(path: str) -> None:
    words = plain(said(visit(f"{path}?model=crowd&sample=clip-0288").app))
    assert "| voice + face | anger, 7 of 11 | 7 of 11 |" in words
    assert "People who were shown everything" in words
    assert "truth unknown" not in words
    assert "Prediction" not in words


def test_samples_say_votes_where_people_decide() -> None:
    page = visit("/samples?model=crowd&sample=clip-0288")
    address = {"model": "crowd", "data": "crowd", "sample": "clip-0288"}
    verdict, similar = (
        pages.build_panel("Samples", name, address).title for name in ("verdict", "similar")
    )
    assert "0.64 of the votes are for ‘anger’" in verdict
    assert "named alike by most people" in similar
    assert "no truth" not in page.tables["similar"]


def test_why_fuse_groups_clips_as_the_reader_chooses() -> None:
    page = visit("/why_fuse?model=crowd")
    assert "why-crowd-groups" not in page.tables
    [by] = [one for one in page.app.selectbox if one.key == "crowd.by"]
    assert by.options == ["all clips", "acted emotion", "kind", "actor"]
    grouped = visit("/why_fuse?model=crowd&crowd.by=kind&crowd.over=clips")
    assert "crowd.by=kind" in grouped.link
    assert "crowd.over=clips" in grouped.link
    assert grouped.tables["why-crowd-groups"].startswith("kind,clips,term,mean,difference")
    other = visit("/why_fuse?model=qj-parity")
    assert not [one for one in other.app.selectbox if str(one.key).startswith("crowd.")]


def test_reports_and_tables_say_votes() -> None:
    sample = open_sample("crowd", "clip-0288")
    assert sample_report.describe_prediction(sample) == (
        "Of 11 people who were shown everything, most chose ‘anger’; 7 voted for ‘anger’, whose share of votes is "
        "explained."
    )
    address = {"model": "crowd", "data": "crowd", "sample": "clip-0288"}
    figure = pages.build_panel("Cohorts", "sample-map", address).figure
    assert "share of votes" in figure.to_json()
    assert "% of the votes" in figure.to_json()
