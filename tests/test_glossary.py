"""The glossary: complete entries, entries for every panel, numbers in words."""

from __future__ import annotations

import html
import re

import numpy as np

from qfusion.app import guidance, navigation
from qfusion.views.pages import catalogue as programs
from qfusion.views.words import rules

TITLES = {title for pages in navigation.PAGES.values() for _, title, _ in pages}


def names() -> dict[str, str]:
    """Names of all panels, of several that begin alike their beginning, with the page that shows each.

    Those of measures that are added have their words beside the measure, see tests/test_extending.py.
    """
    parts = {page: programs.page_parts(page) for page in programs.PAGES}
    found = {panel: page for page, one in parts.items() for panel in one.panels}
    return found | {
        start.rstrip("-"): page
        for page, one in parts.items()
        for start in one.families
        if start != "measure-"
    }


def test_every_panel_has_glossary_entries() -> None:
    found = names()
    assert len(found) > 60
    assert not {name: file for name, file in found.items() if not guidance.panel_terms(name)}


def test_longest_prefix_determines_the_entries() -> None:
    assert "Fubini-Study angle" in guidance.panel_terms("what-if-state-text")
    assert guidance.panel_terms("what-if-now") == guidance.panel_terms("what-if")
    assert guidance.panel_terms("waterfallish") == guidance.panel_terms("") == ()


def test_entries_become_safe_html_with_formulas() -> None:
    hostile = guidance.render_markdown(
        "<img src=x onerror=alert(1)> [go](javascript:alert(1)) **<b>**"
    )
    assert "<img" not in hostile
    assert "<b>" not in hostile
    assert "href" not in hostile
    for entry in guidance.entries():
        drawn = guidance.render_markdown(entry.markdown())
        assert f"<strong>{entry.term}." in html.unescape(drawn)
        assert drawn.count("<math ") == bool(entry.formula)
        assert "\\" not in drawn, entry.term


def test_entries_are_whole_sentences_with_sources_and_pages_that_exist() -> None:
    entries = guidance.entries()
    assert len({entry.term.casefold() for entry in entries}) == len(entries)
    for entry in entries:
        assert re.fullmatch(r".+[.:]", entry.words), entry.term
        assert 8 <= len(entry.words.split()) <= 70, entry.term
        assert entry.source, entry.term
        assert entry.pages, entry.term
        assert set(entry.pages) <= TITLES, entry.term
        assert entry.formula.count("{") == entry.formula.count("}"), entry.term
        opened, closed = (
            sum(entry.formula.count(f"\\{size}{side}") for size in ("big", "Big")) for side in "lr"
        )
        assert opened == closed, entry.term


def test_panels_name_entries_that_exist_and_every_entry_can_be_reached() -> None:
    known = {entry.term for entry in guidance.entries()}
    named = {term for terms in guidance.read_entries()[1].values() for term in terms}
    assert named <= known
    # The others are on the glossary's page, or on those of plugins.
    assert len(known - named) < 15


def test_search_covers_names_synonyms_and_texts() -> None:
    assert guidance.find_entries("neg")[0].term == "Logarithmic negativity"
    assert guidance.find_entries("LINDBLAD operator")[0].term == "Jump operator"
    assert "Harsanyi dividend" in [entry.term for entry in guidance.find_entries("sarcasm")]
    assert guidance.find_entries("") == guidance.entries()
    assert guidance.find_entries("<script>[(*") == ()
    assert all("Train" in entry.pages for entry in guidance.find_entries("", "Train"))


def test_numbers_are_written_in_words() -> None:
    assert rules.list_numbers(["text", ""], [0.41, -0.1], "+.2f") == "text +0.41, baseline -0.10"
    many = rules.list_numbers([f"a{n}" for n in range(20)], np.arange(20), ".0f")
    assert many.startswith("largest of 20: a19 19, a18 18, ")
    assert many.count(",") == rules.MAX_NUMBERS - 1
    assert (
        rules.list_curves({"text": np.array([0, 0.5]), "": np.array([1, 2])})
        == "text from 0.00 to 0.50, all together from 1.00 to 2.00"
    )
    assert (
        rules.list_pairs("ab", [0, 0], [0.1, 0.9]) == "b 0.90 (before 0.00), a 0.10 (before 0.00)"
    )
    assert rules.list_coherences(np.array([[0.5, 0.3j], [-0.3j, 0.5]]), "01").endswith(
        "off the diagonal is 0.30, between 0 and 1"
    )
