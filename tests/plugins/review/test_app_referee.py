"""The tab Referee of the Faithfulness page, by Streamlit's test runner."""

from __future__ import annotations

import time
from typing import Any

from tests.support.app import visit


def checked(**query: Any) -> Any:
    """Opens the tab and waits until the checks are made."""
    app = visit("Faithfulness", proof="Referee", **{"proof.check": "true"}, **query)
    for _ in range(120):
        if any("fault" in each.value for each in app.markdown if each.value.startswith("####")):
            break
        time.sleep(1)
        app.run()
    assert not app.exception
    return app


def test_ten_checks_are_shown_with_their_sentences() -> None:
    app = checked(**{"proof.reported": "acc2_non0=0.99", "proof.claimed": "entanglement"})
    shown = " ".join(each.value for each in app.markdown)
    assert "2 faults in ten checks" in shown
    assert "none of 5 seeds reaches" in shown
    assert "though claimed: entanglement" in shown
    sentences = next(each.value for each in app.code)
    assert len(sentences.splitlines()) == 10


def test_a_figure_that_does_not_exist_is_refused() -> None:
    query = {"proof.check": "true", "proof.reported": "accuracy=0.9"}
    app = visit("Faithfulness", proof="Referee", **query)
    assert not app.exception
    assert any("accuracy" in each.value for each in [*app.error, *app.warning, *app.info])
