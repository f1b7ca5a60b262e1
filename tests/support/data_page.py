"""Actions on the Data page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, [e.value for e in app.exception]
    return app
