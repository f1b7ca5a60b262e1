"""What stands below the first screen is drawn once it comes near it, by a button that a script presses or a reader."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from qfusion.ui import panels, reruns
from scripts import visits
from tests import charts
from tests.test_app_pages import visit


def waiting(app: AppTest) -> set[str]:
    return {
        key.removeprefix("_later-")
        for button in app.button
        if (key := button.key or "").startswith("_later-")
    }


def drawn(app: AppTest) -> set[str]:
    return {key.removeprefix("figure-") for key in charts.figures(app)}


def come(app: AppTest, *names: str) -> None:
    """Brings parts near the screen, all at a time: they alone are drawn; and draws the page once more."""
    for name in names:
        app.button(key=f"_later-{name}").click()
    app.run()
    assert not app.exception
    assert not app.title
    assert not waiting(app)
    app.run()


def test_the_first_screen_alone_is_drawn_and_the_rest_once_it_comes_near() -> None:
    app = visit("Dynamics", whole=False, model="qj-parity")
    assert "decision-over-time" in drawn(app)
    assert {"cut", "built"} <= waiting(app)
    come(app, "cut", "built")
    assert {"decision-over-time", "cut", "built"} <= drawn(app)
    slider = next(one for one in app.slider if str(one.key).startswith("H."))
    slider.set_value(0.5).run()
    assert {"decision-over-time", "cut", "built"} <= drawn(app)


def test_the_last_that_came_near_are_drawn_at_once_and_those_whose_widgets_the_address_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(panels, "_MOST_NEAR", 1)
    app = visit("Dynamics", whole=False, model="qj-parity")
    for name in ("built", "cut", "waterfall-now"):
        come(app, name)
    assert waiting(app) & {"built", "cut", "waterfall-now"} == {"cut"}


def test_a_session_draws_ahead_what_its_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    without: list[Any] = []
    monkeypatch.setattr(reruns, "prepare_ahead", lambda *words: without.append(words[-1]))
    visit("Samples", whole=False, model="qj-parity")
    assert {"shapley", "entropies"} <= without[-1]
    assert "waterfall" not in without[-1]


PLACES = """() => [...document.querySelectorAll('[class*="st-key-later-"]')].map(
  place => /st-key-later-(\\S+)/.exec(place.className)[1])"""


@pytest.mark.browser
def test_scrolling_draws_what_comes_near_in_the_place_kept_for_it(page: Any, server: Any) -> None:
    visits.open_page(page, f"{server.url}/dynamics?model=qj-parity")
    assert "built" in page.evaluate(PLACES)
    assert page.locator(".st-key-figure-decision-over-time .main-svg").count()
    page.locator(".st-key-later-built").scroll_into_view_if_needed()
    page.wait_for_selector(".st-key-figure-built .main-svg")
    visits.still(page)
    # far from it again, another sample: its place is as high as it was
    height = page.locator(".st-key-panel-built").bounding_box()["height"]
    page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    page.evaluate("() => qfusionWhole()")  # as before printing
    assert page.evaluate(PLACES) == []
    page.locator(".st-key-_next button:visible").first.click()
    visits.still(page)
    assert page.locator(".st-key-panel-built").bounding_box()["height"] == pytest.approx(
        height, abs=40
    )
    # a place may stand on the page before its button does
    page.evaluate(
        """() => {
      const place = document.createElement('div');
      place.className = 'st-key-later-late';
      place.style.height = '10px';
      document.querySelector('[data-testid=stMain] h1').append(place);
      setTimeout(() => {
        const button = document.createElement('button');
        button.onclick = () => { window.late = true; place.remove(); };
        place.append(button);
      }, 500);
    }"""
    )
    page.wait_for_function("() => window.late")
