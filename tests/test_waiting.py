"""What a page shows while it computes: placeholders of cards, and progress that names the step that runs."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def heights(app: AppTest) -> list[str]:
    """The styles of the grey blocks on a page."""
    bodies = [str(element.proto.body) for element in app.get("html")]
    return [body.partition('style="')[2].partition('"')[0] for body in bodies if "skeleton" in body]


def two_cards() -> None:
    import streamlit as st

    from qfusion.app import page_runs

    with page_runs.placeholders({"first": 100, "second": 200}, st.columns(2)) as waiting:
        with page_runs.computing("Counting …"):
            pass
        waiting.remove("first")


def test_no_placeholder_is_left_once_all_is_computed() -> None:
    app = AppTest.from_function(two_cards, default_timeout=60).run()
    assert not app.exception
    assert heights(app) == []


def left_and_right() -> None:
    import streamlit as st

    from qfusion.app import page_runs

    cards = page_runs.Placeholders({"first": 100, "second": 200}, st.columns(2))
    with cards.show():
        st.caption("Counting …")
    if st.session_state.get("ready"):
        cards.remove("first")


def test_placeholders_stand_for_all_cards_that_are_missing() -> None:
    app = AppTest.from_function(left_and_right, default_timeout=60).run()
    assert not app.exception
    assert [height for height in heights(app) if "px" in height] == [
        "height: 100px",
        "height: 200px",
    ]
    assert [caption.value for caption in app.columns[0].caption] == ["Counting …"]
    app.session_state["ready"] = True
    app.run()
    assert [height for height in heights(app) if "px" in height] == ["height: 200px"]


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (0, "Fits: 0 of 105, in line"),
        (21, "Fits: 21 of 105, 40 s left"),
        (105, "Fits: 105 of 105; drawing …"),
    ],
)
def test_progress_names_the_step_that_runs_when_all_is_counted(done: int, words: str) -> None:
    def draw(done: int) -> None:
        from types import SimpleNamespace

        from qfusion.app import tasks

        left = None if not done else 40.0 if done < 105 else 0.0
        job: Any = SimpleNamespace(done=done, total=105, seconds_left=left)
        tasks.draw_progress(job, "Fits: {job.done} of {job.total}", ", in line", "drawing")

    app = AppTest.from_function(draw, args=(done,), default_timeout=60).run()
    assert not app.exception
    assert [bar.proto.text for bar in app.get("progress")] == [words]


def test_panels_of_the_neighbouring_samples_are_drawn_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from qfusion.app import page_context
    from qfusion.study.opening import open_study
    from qfusion.views import decision
    from qfusion.views.pages.page_state import PageState
    from qfusion.views.pages.panel import drawn

    study = open_study("qj-planted")
    context = page_context.PageContext(study, 3)
    monkeypatch.setattr(page_context, "is_busy", lambda: False)
    monkeypatch.setattr(page_context, "theme", lambda: "dark")
    monkeypatch.setattr(page_context, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(page_context, "MAX_SECONDS", 60.0)
    work = page_context.prepare_ahead(context, PageState("samples", {}), ())
    assert work is not None
    work.result()
    beside = page_context.PageContext(study, 4).tweaked_sample()
    picture = drawn(decision.shapley)(beside)
    assert "_dark" in vars(picture), "it is in the reader's theme already"
