"""The terms of the pages in plain sentences, each with its formula: below every panel, and as a page of its own.

The entries are in `qfusion/assets/glossary.toml`.
"""

from dataclasses import dataclass, replace

import msgspec
from latex2mathml.converter import convert
from markdown_it import MarkdownIt

from qfusion import plugin
from qfusion._memory_cache import memo
from qfusion.quantum.measure_kinds import KINDS
from qfusion.views.words.names import measures_with_entries

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

    def markdown(self) -> str:
        """Return the entry as markdown, as shown under a panel."""
        return f"**{self.term}.** {self.words}" + (
            f"\n\n$$\n{self.formula}\n$$" if self.formula else ""
        )


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
            f"The {KINDS[kind].title}: {words.shows}",
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
