"""The command palette: what a search lists, in which order, and how much of it."""

from __future__ import annotations

import json

import pytest

from qfusion import data
from qfusion.panels import palette
from qfusion.panels.palette import Entry
from tests.support.app import visit

ENTRIES = (
    Entry(palette.MODELS, "qj-parity", "QiNN-QJ · two digits"),
    Entry(palette.MODELS, "qcnn-parity", "Entangled QCNN · two digits"),
    Entry(palette.PAGES, "Samples", "Samples", "What did the model decide?"),
    Entry(palette.TERMS, "Parity", "Parity", "", "Whether a sum of digits is even."),
    Entry(palette.SAMPLES, "pair-0003", "pair-0003", "odd · qj"),
)


def listed(typed: str) -> list[str]:
    groups = palette.search(typed, ENTRIES).groups
    return [entry.id for group in groups.values() for entry in group]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("parity", "Parity"),  # the name itself
        ("QJ-PAR", "qj-parity"),  # ignoring case
        ("digits two", "qj-parity"),  # words in any order
        ("decide", "Samples"),  # in the line below
        ("even", "Parity"),  # in the definition
        ("pair-0", "pair-0003"),
    ],
)
def test_the_best_match_comes_first(typed: str, first: str) -> None:
    assert listed(typed)[0] == first


def test_without_words_models_and_pages_are_listed() -> None:
    assert list(palette.search("  ", ENTRIES).groups) == [palette.MODELS, palette.PAGES]


def test_every_word_must_match() -> None:
    assert listed("parity nowhere") == []


def test_results_are_limited() -> None:
    many = [Entry(group, f"a{i}", f"a{i}") for group in palette.GROUPS for i in range(500)]
    groups, total = palette.search("a", many)
    assert total == len(many)
    assert sum(map(len, groups.values())) == palette.MAX_RESULTS
    assert max(map(len, groups.values())) == palette.MAX_PER_GROUP


@pytest.mark.parametrize(
    "typed", ["<script>alert(1)</script>", "[(*+?\\", "\x00\ud800", "‮ti", "a" * 100_000, "%s{}"]
)
def test_hostile_words_are_only_searched_for(typed: str) -> None:
    palette.search(typed, ENTRIES)
    assert isinstance(list(palette.sample_entries(data.load("parity"), typed)), list)


def test_samples_are_listed_by_id_and_by_their_words() -> None:
    scenes = data.load("scenes")
    first = str(scenes.ids[0])
    assert first in [entry.id for entry in palette.sample_entries(scenes, first.upper())]
    by_words = list(palette.sample_entries(scenes, "red circle"))
    assert by_words
    assert all("red" in entry.words and "circle" in entry.words for entry in by_words)
    assert list(palette.sample_entries(scenes, "")) == []


def test_the_dialog_lists_models_and_pages() -> None:
    app = visit("Overview", whole=False, model="qj-parity")
    app.button(key="_palette").click().run()
    assert not app.exception
    shown = next(
        json.loads(element.proto.json)
        for element in app.get("bidi_component")
        if element.proto.component_name == "qfusion_palette"
    )
    groups = {group["name"]: group["entries"] for group in shown["groups"]}
    assert list(groups) == [palette.MODELS, palette.PAGES]
    assert {"key": "Pages:Glossary", "title": "Glossary"}.items() <= groups["Pages"][-1].items()
