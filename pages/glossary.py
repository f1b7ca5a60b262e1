"""Glossary: terms of the pages, each with an explanation and its formula."""

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from qfusion.app import frame, guidance, navigation, page_runs, widgets
from qfusion.study import text
from qfusion.views.pages.params import SelectParam, TextParam

# The Glossary page: all words, searched by their names, other names and sentences, or by the page that uses them.
#
# Short, it is an index whose words open on a click; those that a search means, and all at full depth, stand open.

ANY = "any page"
MOST = 80  # characters of a search
FIRST = (  # for those who are new to the pages
    "Modality",
    "Contribution",
    "Baseline",
    "Log-odds",
    "Density matrix",
    "Hamiltonian",
    "Jump operator",
    "Entanglement",
    "Read-out",
    "Training seed",
)

SEARCH = TextParam(
    "word",
    "Search",
    "All terms are shown.",
    "Searches terms, their synonyms and definitions.",
    most=MOST,
    style={"placeholder": "entropy, share, truth table …"},
)
USED_ON = SelectParam(
    "used",
    "Used on",
    "The terms of all pages are shown.",
    values=lambda _: [
        ANY,
        *(
            title
            for title in navigation.FILES
            if any(title in entry.pages for entry in guidance.entries())
        ),
    ],
)


@page_runs.show_errors()
def page() -> None:
    """Draw the search, the open entries, and the index of the others."""
    frame.begin_page("Glossary", (SEARCH, USED_ON))
    sentence, where = widgets.row(SEARCH, USED_ON)
    entries = guidance.find_entries(sentence, None if where == ANY else where)
    if not entries:
        st.info(
            f"No term contains ‘{text.escape_markdown(sentence, MOST)}’"
            + ("." if where == ANY else f" among those of the {where} page.")
            + " Try a shorter piece of it"
            + ("." if where == ANY else ", or any page."),
            icon=":material/search_off:",
        )
        return
    st.caption(f"{len(entries)} of {len(guidance.entries())} terms.")
    if where != ANY:
        navigation.link(navigation.FILES[where], f"Open the {where} page", navigation.ICONS[where])
    opened = [  # all at full depth or where there are few, else those that are called what was said
        entry
        for entry in entries
        if guidance.shows_full_text()
        or len(entries) <= 6
        or sentence.casefold().strip() in map(str.casefold, (entry.term, *entry.also))
    ]
    if opened:
        with st.container(key="entries"):
            for entry in opened:
                with st.container(border=True, key=f"word-{entry.term}", gap="xsmall"):
                    _entry(entry)
    if len(entries) == len(guidance.entries()) and not guidance.shows_full_text():
        _first_terms(entries)
    if rest := [entry for entry in entries if entry not in opened]:
        _index(rest)


def _first_terms(entries: Sequence[guidance.Entry]) -> None:
    """Draw the terms to start with in a row, each of which opens its entry."""
    known = {entry.term: entry for entry in entries}
    with st.container(horizontal=True, vertical_alignment="center", key="first-terms"):
        st.markdown("**Start with**", width="content")
        for term in FIRST:
            with st.popover(term, type="tertiary", key=f"first-{term}"):
                _entry(known[term], "first")


def _index(entries: list[guidance.Entry]) -> None:
    """Draw names by their first letter, each of which opens its entry."""
    with st.container(key="index"):
        for letter, those in groupby(
            sorted(entries, key=lambda entry: entry.term.casefold()),
            key=lambda entry: entry.term[0].upper(),
        ):
            with st.container(key=f"letter-{letter}", gap=None):
                st.markdown(f"**{letter}**")
                for entry in those:
                    with st.popover(entry.term, type="tertiary", key=f"open-{entry.term}"):
                        _entry(entry)


def _entry(entry: guidance.Entry, place: str = "index") -> None:
    st.markdown(f"#### {entry.term}")
    st.markdown(entry.explanation())
    st.caption(
        f"Source: {entry.source}." + (f"  \nAlso: {', '.join(entry.also)}." if entry.also else "")
    )
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        gap="xxsmall",
        key=f"used-on-{place}-{entry.term}",
    ):
        st.caption("Used on", width="content")
        for title in entry.pages:
            navigation.link(navigation.FILES[title], title, navigation.ICONS[title])


page_runs.run_page(__file__, __name__)
