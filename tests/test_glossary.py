"""The glossary: whole entries, and words for every panel that the pages draw; figures in words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np

from qfusion.panels import spoken
from qfusion.ui.frame import shell
from qfusion.ui.panel import glossary

ROOMS = [Path(__file__).resolve().parents[1] / "qfusion" / name for name in ("ui", "panels")]
TITLES = {title for pages in shell.PAGES.values() for _, title, _ in pages}
# Panels whose name is put together from variables: what it can be.
MADE = {"faithfulness.py": ("deletion-modalities", "insertion-features-text"), "layers.py": ("cuts", "mutual"),
        "panels.py": (),  # draws what it is given
        "dynamics.py": ("mutual-information", "negativity", "purity"), "building.py": ("built", "built-over-time", "built-flow")}


def names() -> dict[str, str]:
    """Beginnings of the names of all panels in the code, with the file that draws each."""
    found = {name: file for file, made in MADE.items() for name in made}
    for path in (path for room in ROOMS for path in room.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(call, ast.Call) and ast.unparse(call.func) in ("panels.panel", "panels.footer", "Picture")):
                continue
            if isinstance(call.args[0], ast.Attribute):
                continue  # a picture of a builder is drawn
            name = call.args[0].values[0] if isinstance(call.args[0], ast.JoinedStr) else call.args[0]
            if isinstance(name, ast.Constant):
                found[str(name.value).rstrip("-")] = path.name
            else:
                assert path.name in MADE, f"{path.name} draws a panel of a name that is made: add what it can be to MADE"
    return found


def test_every_panel_has_words() -> None:
    found = names()
    assert len(found) > 60
    assert not {name: file for name, file in found.items() if not glossary.terms_of(name)}


def test_the_longest_beginning_counts() -> None:
    assert "Fubini-Study angle" in glossary.terms_of("what-if-state-text")
    assert glossary.terms_of("what-if-now") == glossary.terms_of("what-if")
    assert glossary.terms_of("waterfallish") == glossary.terms_of("") == ()


def test_entries_are_whole_sentences_with_sources_and_pages_that_exist() -> None:
    entries = glossary.entries()
    assert len({entry.term.casefold() for entry in entries}) == len(entries)
    for entry in entries:
        assert re.fullmatch(r".+[.:]", entry.words), entry.term
        assert 8 <= len(entry.words.split()) <= 70, entry.term
        assert entry.source, entry.term
        assert entry.pages, entry.term
        assert set(entry.pages) <= TITLES, entry.term
        assert entry.formula.count("{") == entry.formula.count("}"), entry.term
        opened, closed = (sum(entry.formula.count(f"\\{size}{side}") for size in ("big", "Big")) for side in "lr")
        assert opened == closed, entry.term


def test_panels_name_entries_that_exist_and_every_entry_can_be_reached() -> None:
    known = {entry.term for entry in glossary.entries()}
    named = {term for terms in glossary._file()[1].values() for term in terms}
    assert named <= known
    assert len(known - named) < 10  # the others are on the glossary's page alone


def test_the_search_reads_names_other_names_and_sentences() -> None:
    assert glossary.find("neg")[0].term == "Logarithmic negativity"
    assert glossary.find("LINDBLAD operator")[0].term == "Jump operator"
    assert "Harsanyi dividend" in [entry.term for entry in glossary.find("sarcasm")]
    assert glossary.find("") == glossary.entries()
    assert glossary.find("<script>[(*") == ()
    assert all("Sweeps" in entry.pages for entry in glossary.find("", "Sweeps"))


def test_numbers_are_said_in_words() -> None:
    assert spoken.listed(["text", ""], [0.41, -0.1], "+.2f") == "text +0.41, baseline -0.10"
    many = spoken.listed([f"a{n}" for n in range(20)], np.arange(20), ".0f", most=2)
    assert many == "largest of 20: a19 19, a18 18"
    assert spoken.lines({"text": np.array([0, 0.5]), "": np.array([1, 2])}) == "text from 0.00 to 0.50, all together from 1.00 to 2.00"
    assert spoken.pairs("ab", [0, 0], [0.1, 0.9]) == "b 0.90 (before 0.00), a 0.10 (before 0.00)"
    assert spoken.off_diagonal(np.array([[0.5, 0.3j], [-0.3j, 0.5]]), "01").endswith("off the diagonal is 0.30, between 0 and 1")
