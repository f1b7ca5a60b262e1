"""Every page that shows a model opens with each shipped model, one after another."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from qfusion.study import trust
from qfusion.training import checkpoint_cards
from tests.support import exporting
from tests.support.app import FILES, visit
from tests.support.third_model import PAGES

WALK = PAGES
PATIENCE = (
    600  # seconds for a page: all of its panels, whose results are computed for the first time
)


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures on few rows: whether a page opens does not depend on their number."""
    monkeypatch.setattr(trust, "INSIDE", 4)
    exporting.few_rows(monkeypatch)


def walk(model: str) -> None:
    """Opens the pages in the order of the menu, as by clicks in it."""
    app = visit(WALK[0], model=model)
    for title in WALK[1:]:
        app.switch_page(FILES[title]).run(timeout=PATIENCE)
        assert_opens(app, title)


def assert_opens(app: AppTest, title: str) -> None:
    assert app.title[0].value == title
    for problems in (app.exception, app.error):
        assert not problems, (title, [problem.value for problem in problems])


@pytest.mark.parametrize("model", sorted(checkpoint_cards.available()))
def test_every_page_opens_with_a_shipped_model(model: str) -> None:
    try:
        walk(model)
    except AssertionError as error:
        if "is not available" in str(error):
            pytest.skip(f"the data of {model} are not here")
        raise
