"""The figure drawer on a page, and safe names of its files."""

from __future__ import annotations

import re

import pytest

from qfusion.study import text
from tests.support.app import visit


def test_the_drawer_previews_a_figure_and_shows_its_code() -> None:
    app = visit("Dynamics", whole=False, model="qj-planted", sample="p2924")
    app.session_state["_drawer"] = "waterfall-now"
    app.run()
    assert not app.exception
    assert not app.error
    size = re.compile(r"SVG: 89 × \d+ mm in print, font size [\d.]+ pt\.")
    assert any(size.fullmatch(each.value) for each in app.caption)
    assert any("open_sample('qj-planted', 'p2924'" in each.value for each in app.code)
    assert any("figure --recipe" in each.value for each in app.code)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/abs/x",
        "..\\..\\x",
        "a\x00b",
        "CON",
        "",
        "...",
        "é漢<b>",
        "x" * 500,
        ".hidden",
        "-rf",
    ],
)
def test_file_names_are_safe(name: str) -> None:
    safe = text.file_name(name)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,59}", safe)
    assert ".." not in safe
