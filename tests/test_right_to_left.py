"""Titles in print whose words run from right to left: what stands beside the words keeps its place, as in a text that
is read from left to right."""

from __future__ import annotations

import pytest

from plotly_print import words
from plotly_print.words import TextStyle
from qfusion.figures.files import export, export_style
from tests.support.exported_figures import waterfall

STYLE = TextStyle(10, (0, 0, 0, 1))
# a title as it is made, and its pieces as they stand from left to right
TITLES = {
    "an Arabic id": ("مرحبا 3: 50% a* 0.193 by m", ["مرحبا", " 3: 50% a* 0.193 by m"]),
    "a Hebrew id": ("שלום: +0.40 (late)", ["שלום", ": +0.40 (late)"]),
    "a Persian class": ("p7: ‘مثبت’ -1.25 by m", ["p7: ‘", "مثبت", "’ -1.25 by m"]),
    "two words": ("שלום עולם #2 is yes", ["שלום עולם", " #2 is yes"]),
    "words with a number among them": ("שלום 3 עולם: yes", ["שלום 3 עולם", ": yes"]),
    "two places": ("از a به", ["از", " a ", "به"]),
    "words of data": ("\u2068id مرحبا\u2069: 2 of 3", ["id مرحبا", ": 2 of 3"]),
    "a mark on a Latin letter": ("caf\u0065\u0301 שלום", ["caf\u0065\u0301 ", "שלום"]),
}


@pytest.mark.parametrize("what", TITLES)
def test_right_to_left_words_are_isolated(what: str) -> None:
    title, pieces = TITLES[what]
    (line,) = words.plain(title, STYLE).lines
    assert [run.text for run in words.visual(line)] == pieces
    assert [run.text for run in words.read(title, STYLE).lines[0]] == pieces


@pytest.mark.parametrize("title", ["مرحبا 3", "שלום!", "50% +0.4", "by late: 3", ""])
def test_title_of_one_direction_is_unchanged(title: str) -> None:
    assert words.isolated(title) == title


@pytest.mark.parametrize("title", ["مرحبا 3: 50% by m", "שלום: yes", "x of سلام -1"])
def test_html_figures_isolate_right_to_left_words(title: str) -> None:
    style = export_style.ExportStyle(format="html", title=True, caption=True)
    page = export.render_page(waterfall(), style, title=title, caption=title, recipe="")
    assert page.decode().count(words.isolated(title)) == 2
