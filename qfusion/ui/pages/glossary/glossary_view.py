"""The Glossary page: all words, searched by their names, other names and sentences, or by the page that uses them."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis import text
from qfusion.panels.core.allowed import Allowed, options
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import PAGES, link
from qfusion.ui.panel import glossary
from qfusion.ui.panel.glossary import Entry

ON = "used"  # the page whose words are shown
ANY = "any page"
FILES = {title: (file, icon) for pages in PAGES.values() for file, title, icon in pages}


def allowed() -> dict[str, Allowed]:
    """What a link may say about this page's widgets."""
    return {ON: options("Page", [ANY, *_pages()], "The words of all pages are shown.")}


def _pages() -> list[str]:
    used = {page for entry in glossary.entries() for page in entry.pages}
    return [title for title in FILES if title in used]


def page() -> None:
    """Search, and the words in two columns."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        said = st.text_input("Search", max_chars=80, placeholder="entropy, share, truth table …",
                             help="Looks in the words, in their other names and in what is said of them.",
                             **state.bound(glossary.FIND))
        where = st.selectbox("Used on", [ANY, *_pages()], **state.bound(ON))
    found = glossary.find(said or "", None if where == ANY else where)
    if not found:
        st.info(f"No word here holds ‘{text.plain(said, 80)}’"
                + ("." if where == ANY else f" among those of the {where} page.") + " Try a shorter piece of it"
                + ("." if where == ANY else ", or any page."), icon=":material/search_off:")
        return
    st.caption(f"{len(found)} of {len(glossary.entries())} words.")
    if where != ANY:
        file, icon = FILES[where]
        link(file, f"Open the {where} page", icon)
    with st.container(key="entries"):
        for entry in found:
            _entry(entry)


def _entry(entry: Entry) -> None:
    with st.container(border=True, key=f"word-{entry.term}", gap="xsmall"):
        st.markdown(f"#### {entry.term}")
        st.markdown(entry.words + (f"\n\n$$\n{entry.formula}\n$$" if entry.formula else ""))
        st.caption(f"Source: {entry.source}.  \nUsed on: {', '.join(entry.pages)}."
                   + (f"  \nAlso: {', '.join(entry.also)}." if entry.also else ""))
