"""Every entry of every menu opens on a fresh installation, without data of others: no page shows an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qfusion.app import navigation
from tests.support.app import visit

MENUS = ("data", "output", "background")
LONG = 12  # entries of a list, such as of samples, of which the first are tried
BAR = (*MENUS, "model", "sample")
WITHOUT = ("Guided tour", "Glossary")  # no pickers


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation without downloaded data."""
    for folder in ("DATA", "IMPORTED", "RUNS", "MODELS"):
        monkeypatch.setenv(f"QFUSION_{folder}", str(tmp_path / folder.lower()))


def assert_clean(app: Any, what: str) -> None:
    assert not app.exception, f"{what}: {[each.value for each in app.exception]}"
    assert not app.error, f"{what}: {[each.value for each in app.error]}"


def test_every_model_of_the_menu_opens_with_its_data() -> None:
    app = visit("Overview", whole=False)
    options = app.selectbox(key="model").options
    assert len(options) >= 5
    for option in options:
        app.selectbox(key="model").select(option).run()
        assert_clean(app, option)
        assert not app.warning, f"{option}: {app.warning[0].value}"


@pytest.mark.parametrize("menu", MENUS)
def test_every_entry_of_a_menu_of_the_bar_opens(menu: str) -> None:
    app = visit("Overview", whole=False, model="qj-scenes")
    for option in app.selectbox(key=menu).options:
        app.selectbox(key=menu).select(option).run()
        assert_clean(app, f"{menu}: {option}")


@pytest.mark.parametrize("title", [title for title in navigation.FILES if title not in WITHOUT])
def test_every_page_and_every_entry_of_its_menus_open(title: str) -> None:
    app = visit(title, whole=False)
    assert_clean(app, title)
    menus = {box.key: box.options[:LONG] for box in app.selectbox if box.key not in BAR}
    for key, options in menus.items():
        for option in options:
            here = [box for box in app.selectbox if box.key == key and option in box.options]
            if here:  # not of a menu that another choice took away
                here[0].select(option).run()
                assert_clean(app, f"{title}, {key}: {option}")
