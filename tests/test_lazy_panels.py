"""Panels below the first screen are drawn once they come near it. tests/test_browser_figures.py tests scrolling."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.support import charts
from tests.support.app import visit


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


def test_panels_below_the_screen_are_drawn_on_demand() -> None:
    app = visit("Dynamics", whole=False, model="qj-parity")
    assert "decision-over-time" in drawn(app)
    assert {"waterfall-now", "built"} <= waiting(app)
    come(app, "waterfall-now", "built")
    assert {"decision-over-time", "waterfall-now", "built"} <= drawn(app)
    slider = next(one for one in app.slider if str(one.key).startswith("H."))
    slider.set_value(0.5).run()
    assert {"decision-over-time", "waterfall-now", "built"} <= drawn(app)
