"""Explanations on the pages: brief or full words, facts as small labels, the conclusion at the head of a page, and
the terms of the glossary."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal
from zlib import crc32

import msgspec
import streamlit as st
from latex2mathml.converter import convert
from markdown_it import MarkdownIt

from qfusion import plugin
from qfusion._memory_cache import memo
from qfusion._sentences import true_minus
from qfusion.app import state
from qfusion.quantum.measure_kinds import KINDS
from qfusion.study import text
from qfusion.views.pages.params import SelectParam
from qfusion.views.words.names import measures_with_entries

WORDS, BRIEF, FULL = "words", "brief", "full"
DEPTH = SelectParam(
    WORDS,
    "Explanations",
    "Explanations are brief.",
    "Brief: a title, a figure, and an (i) with its explanation. Full: all explanations are on "
    "the page.",
    (BRIEF, FULL),
    look="segments",
)


def shows_full_text() -> bool:
    """Whether all words stand on the page."""
    return bool(state.get(WORDS) == FULL)


def aside(words: str) -> None:
    """Draw a remark that need not be read each time: behind an (i), or as a line if all texts are shown on the page."""
    if shows_full_text():
        st.caption(true_minus(words))
    else:
        with (
            st.container(key=f"about-aside-{crc32(words.encode())}"),
            st.popover("About", icon=":material/info:", type="tertiary"),
        ):
            st.caption(true_minus(words))


def help(words: str) -> str | None:
    """The help of a widget, where not all words stand on the page."""
    return None if shows_full_text() else true_minus(words)


def help_line(words: str) -> None:
    """Draw the text of a widget's `help` as a line below the widget, if all texts are on the page."""
    if shows_full_text():
        st.caption(true_minus(words))


def line(short: str, whole: str) -> None:
    """A line, its whole sentence behind an (i) or in its place."""
    st.markdown(true_minus(whole if shows_full_text() else short), help=help(whole))


def help_expander(label: str, open: bool = False) -> None:
    """Fold what follows in the same container behind this line in a narrow window. The answer then stays on the first
    screen. In wide windows nothing is drawn.

    Args:
        label: of the line, a plain text of ours. open: whether it is unfolded from now on.
    """
    once = f"_unfolded-{label}"
    state.put(once, open := open or bool(state.get(once)))
    st.html(
        f'<details class="qf-fold"{" open" if open else ""}><summary>{label}</summary></details>'
    )


def title(words: str, more: str, level: Literal[2, 3] = 2) -> None:
    """Draw a title with its explanation, displayed as by `aside`."""
    (st.header if level == 2 else st.subheader)(true_minus(words), anchor=False, help=help(more))
    help_line(more)


def page_summary(sentence: str, explanation: str = "") -> None:
    """Draw the conclusion of a page.

    Args:
        sentence: the conclusion, as Markdown.
        explanation: of its numbers, as Markdown: behind an (i), or below where all texts are on the page.
    """
    with st.container(key="take-home"):
        st.markdown(true_minus(sentence), help=help(explanation) if explanation else None)
        if explanation:
            help_line(explanation)


def chips(key: str, facts: Iterable[str]) -> None:
    """Draw plain texts, each as a label; nothing without any.

    Args:
        key: of the container, after `chips-`. facts: may come from data.
    """
    shown = [text.escape_markdown(fact, 120) for fact in facts if fact]
    if shown:
        st.container(key=f"chips-{key}", width="content").markdown(
            " ".join(f":gray-badge[{fact}]" for fact in shown), width="content"
        )


_MARKDOWN = MarkdownIt(
    "commonmark", {"html": False}
)  # what stands in the words as HTML is shown as text


@memo(256)
def render_markdown(markdown: str) -> str:
    """Return the HTML of a text whose formulas are enclosed in pairs of dollar signs."""
    return "".join(
        str(convert(part.strip().replace(r"\arg", r"\operatorname{arg}"), display="block"))
        if i % 2
        else _MARKDOWN.render(part)
        for i, part in enumerate(markdown.split("$$"))
    )


# The words of the pages in plain sentences, each with its formula: under every panel, and as a page of its own.
#
# The entries are `qfusion/assets/glossary.toml`.


@dataclass(frozen=True)
class Entry:
    """One word: `words` in Markdown, `formula` in LaTeX (empty if there is none), titles of `pages` that use it."""

    term: str
    words: str
    source: str
    pages: tuple[str, ...]
    also: tuple[str, ...] = ()
    formula: str = ""

    def explanation(self) -> str:
        """Return the words and the formula as markdown."""
        return self.words + (f"\n\n$$\n{self.formula}\n$$" if self.formula else "")

    def markdown(self) -> str:
        """Return the entry as markdown, as shown under a panel."""
        return f"**{self.term}.** {self.explanation()}"


@memo(1)
def read_entries() -> tuple[dict[str, Entry], dict[str, tuple[str, ...]]]:
    """Return the entries of the glossary by term, and the terms that each panel uses by the name of the panel."""
    terms: dict[str, Entry] = {}
    panels: dict[str, tuple[str, ...]] = {}
    for record in plugin.read_assets("glossary.toml"):
        terms |= {one.term: one for one in msgspec.convert(record["entry"], list[Entry])}
        panels |= msgspec.convert(record["panels"], dict[str, tuple[str, ...]])
        shown_terms = record.get("pages", {})  # of the core, by page of a plugin
        for page, names in shown_terms.items():
            for name in names:
                terms[name] = replace(terms[name], pages=(*terms[name].pages, page))
    return terms, panels


def _all_entries() -> dict[str, Entry]:
    """The entries of the file, and of the measures that name their source where they are registered."""
    measures = (
        Entry(
            KINDS[kind].title.capitalize(),
            f"The {KINDS[kind].title}: {words.caption}",
            words.source,
            ("Dynamics",),
            (KINDS[kind].short,),
        )
        for kind, words in measures_with_entries().items()
    )
    return {entry.term: entry for entry in measures} | read_entries()[0]


def entries() -> tuple[Entry, ...]:
    """Return all entries in alphabetical order."""
    return tuple(sorted(_all_entries().values(), key=lambda entry: entry.term.casefold()))


def find_entries(words: str, page: str | None = None) -> tuple[Entry, ...]:
    """Return the entries that contain `words`, ignoring case. Entries whose name or alternative name begins with
    them come first. If `page` is given, only its entries are returned.
    """
    wanted = words.casefold().strip()
    matching = (
        entry
        for entry in entries()
        if page in (None, *entry.pages)
        and any(wanted in part.casefold() for part in (entry.term, entry.words, *entry.also))
    )
    return tuple(
        sorted(
            matching,
            key=lambda entry: (
                not any(part.casefold().startswith(wanted) for part in (entry.term, *entry.also))
            ),
        )
    )


def panel_terms(panel: str) -> tuple[str, ...]:
    """The words that the panel of this name needs; none for a panel that is not known."""
    known, parts = read_entries()[1], panel.split("-")
    measure = panel.removeprefix("measure-")
    if measure in measures_with_entries():
        return (KINDS[measure].title.capitalize(),)
    if measure in KINDS:
        return known.get(panel, ())
    beginnings = ("-".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((known[name] for name in beginnings if name in known), ())


def definitions(panel: str) -> str:
    """The words of a panel, each with its formula, in markdown; empty for a panel without any."""
    return "\n\n".join(_all_entries()[term].markdown() for term in panel_terms(panel))
