"""The guided tour: every step opens its page with its sample, the end restores the view, invalid steps show a
notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from qfusion import data
from qfusion.app import guidance, navigation
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.study.opening import open_study
from qfusion.study.sample import Sample
from qfusion.views.pages import catalogue
from tests.support.app import plain, said, visit

STEPS = navigation.steps()
NAMED = {step.name: step for step in STEPS}
SHAPES = NAMED["A question that no picture answers alone"]


def card(app: AppTest) -> str:
    return next(
        (plain(str(words.value)) for words in app.markdown if "Guided tour, step" in words.value),
        "",
    )


def walk(app: AppTest, title: str, **query: str) -> AppTest:
    """Goes to a page in the same session, as a link inside the app does."""
    app.switch_page("app.py" if title == "Overview" else navigation.FILES[title])
    for key in list(app.query_params):
        del app.query_params[key]
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app


def test_every_step_frames_a_part_of_its_page() -> None:
    for step in STEPS:
        kind, _, name = step.look.partition("-")
        assert kind in ("panel", "own", "fold"), step.name
        if kind == "panel":
            assert catalogue.is_named(step.title.lower(), name), step.name


def test_sarcastic_sample_matches_its_description() -> None:
    study = open_study("qj-planted", "planted")
    wanted = NAMED["A sarcastic sample: kind words, cold voice"].sets["sample"]
    row = study.dataset.row(wanted)
    assert data.load("planted").table.iloc[row]["regime"] == "sarcasm"
    assert study.dataset.split[row] == "test"
    terms = study.dividends(row)
    assert terms["text"] > 0.2
    assert terms["audio"] < -0.2
    assert terms["text+audio"] < -0.2


def test_picture_question_sample_matches_its_description() -> None:
    study = open_study("qj-scenes", "scenes")
    row = study.dataset.row(SHAPES.sets["sample"])
    told = study.dataset.table.iloc[row]
    assert told["question"].rstrip("?") in SHAPES.words
    assert (told["left_shape"], study.dataset.split[row]) == ("blue triangle", "test")
    assert study.classes[int(study.predicted[row])] == "yes"
    terms = study.dividends(row, int(study.predicted[row]))
    joint, alone = abs(terms["picture+question"]), abs(terms["picture"]) + abs(terms["question"])
    assert joint > 9 * alone
    learned, still = (Sample(study, row, 0, each) for each in (LEARNED, Tweak(duration=0.0)))
    assert round(learned.metrics["accuracy"], 2) == 0.97
    assert 0.45 < still.metrics["accuracy"] < 0.55
    assert (
        abs(still.path_dividends["picture+question"]).max() < 1e-4
    )  # a T of 0 is drawn as one of 1e-6


@pytest.mark.parametrize("at", range(1, len(STEPS) + 1))
def test_every_step_opens_directly_with_its_sample_and_view(at: int) -> None:
    step = STEPS[at - 1]
    app = visit(step.title, whole=False, tour=str(at))
    assert not app.error
    assert not app.warning
    words = card(app)
    assert f"step {at} of {len(STEPS)}: {step.name}" in words
    assert plain(step.words.split(":")[0].replace("*", "")) in words.replace("*", "")
    for key in ("model", "data", "sample"):
        if key in step.sets and step.title != "Data":
            assert app.selectbox(key=key).value == step.sets[key]
    if "above" in step.sets:
        assert "Log-negativity and contributions over time" in said(app)
        assert app.segmented_control(key="above").value == "entanglement"


def test_end_of_the_tour_restores_the_previous_view() -> None:
    app = visit("Samples", whole=False, sample="p0031")
    app = walk(app, "Overview", tour="2")
    assert "step 2" in card(app)
    assert app.selectbox(key="sample").value == SHAPES.sets["sample"]
    app = walk(app, "Circuit", tour="6")
    assert app.selectbox(key="model").value == "qcnn-digits"
    assert app.selectbox(key="sample").value == STEPS[5].sets["sample"]
    app = walk(app, "What if", tour="7")
    assert app.selectbox(key="model").value == "qj-planted"
    app = walk(app, "Cohorts")
    assert f"step 7 of {len(STEPS)}** is on the What if page" in card(app)
    app = walk(app, "Samples", tour="end")
    assert not card(app)
    assert app.selectbox(key="sample").value == "p0031"
    assert "tour" not in app.query_params


@pytest.mark.parametrize("wrong", ["0", "99", "-1", "drei", "<script>", "1.5", "9" * 300])
def test_unknown_step_shows_a_notice(wrong: str) -> None:
    app = visit("Data", whole=False, tour=wrong)
    assert not card(app)
    assert not app.exception
    assert "Tour step" in plain(app.warning[0].value)


def test_overview_offers_the_tour_once() -> None:
    app = visit("Overview", whole=False)
    assert "New here?" in said(app)
    app.button(key="_no_tour").click().run()
    assert "New here?" not in said(app)
    assert not app.exception


def test_tour_and_glossary_have_pages() -> None:
    words = plain(said(visit("Guided tour", whole=False)))
    assert all(step.name in words for step in STEPS)
    app: Any = visit("Glossary", whole=False, word="negativity", used="Dynamics")
    assert "Logarithmic negativity" in said(app)
    assert "Epoch" not in said(app)
    app.text_input(key="word").input("no such <b>word</b>").run()
    assert "No term contains" in plain(app.info[0].value)


def standing(app: AppTest) -> list[str]:
    """Words of the glossary that stand open."""
    return [
        str(words.value).removeprefix("#### ")
        for words in app.main.markdown
        if words.value.startswith("#### ") and words.value.removeprefix("#### ") not in folded(app)
    ]


def folded(app: AppTest) -> list[str]:
    """Words of the glossary that open on a click."""
    return [block.proto.popover.label for block in app.get("popover")]


def test_glossary_link_opens_its_entry() -> None:
    app: Any = visit("Glossary", whole=False, word="Share")
    assert not app.warning
    assert app.text_input(key="word").value == "Share"
    assert standing(app) == ["Share"]  # that is its name; the others only speak of it
    assert "Shapley value" in folded(app)
    app = visit("Glossary", whole=False, word="purity")
    assert standing(app) == ["Purity"]
    assert not set(folded(app)) & {entry.term for entry in guidance.entries()}
    terms = [entry.term for entry in guidance.entries()]
    assert standing(visit("Glossary", whole=False, words="full")) == terms
    app = visit("Glossary", whole=False)
    assert not standing(app)
    assert set(terms) <= set(folded(app))
    assert "at most 80 characters" in plain(
        visit("Glossary", whole=False, word="x" * 81).warning[0].value
    )


def test_tour_page_lists_its_steps() -> None:
    assert all(4 <= len(step.sees.split()) <= 14 for step in STEPS)
    short, full = (
        plain(said(visit("Guided tour", whole=False, words=words))) for words in ("brief", "full")
    )
    assert all(step.sees in short and plain(step.words) in full for step in STEPS)


def test_empty_filter_shows_a_notice_and_can_be_cleared() -> None:
    app = visit("Samples", whole=False, find="no such words", sample="p0031")
    assert "No sample passes these filters" in app.info[0].value
    app.button(key="_clear_filters").click().run()
    assert not app.info
    assert "600 of 600 test samples pass" in said(app)
    assert app.selectbox(key="sample").value == "p0031"


def test_unavailable_page_has_a_title_and_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path))
    (tmp_path / "broken.json").write_text('{"name": ')
    app = visit("Dynamics", whole=False, model="broken")
    assert app.title[0].value == "Dynamics"
    assert "broken.json cannot be read as a card" in plain(app.error[0].value)
