"""The words of the pages in plain sentences, each with its formula: under every panel, and as a page of its own.

The entries are `qfusion/assets/glossary.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from qfusion import _assets
from qfusion.quantum.measures import KINDS

FIND = "word"  # key of the search on the glossary's page


@dataclass(frozen=True)
class Entry:
    """One word: `words` in markdown, `formula` in LaTeX (empty where there is none), titles of `pages` that use it."""

    term: str
    words: str
    source: str
    pages: tuple[str, ...]
    also: tuple[str, ...] = ()
    formula: str = ""

    def holds(self, said: str) -> bool:
        """Whether `said` occurs in the term, its other names or its words, in upper or lower case."""
        wanted = said.casefold().strip()
        return any(wanted in part.casefold() for part in (self.term, self.words, *self.also))

    def markdown(self) -> str:
        """The entry as it stands under a panel."""
        return f"**{self.term}.** {self.words}" + (
            f"\n\n$$\n{self.formula}\n$$" if self.formula else ""
        )


@lru_cache(maxsize=1)
def _file() -> tuple[dict[str, Entry], dict[str, tuple[str, ...]]]:
    found = tomllib.loads(_assets.text("glossary.toml"))
    entries = (
        Entry(
            one["term"],
            one["words"],
            one["source"],
            tuple(one["pages"]),
            tuple(one.get("also", ())),
            one.get("formula", ""),
        )
        for one in found["entry"]
    )
    return {entry.term: entry for entry in entries}, {
        name: tuple(terms) for name, terms in found["panels"].items()
    }


def _known() -> dict[str, Entry]:
    """The entries of the file, and of the measures that name their source where they are registered."""
    measures = (
        Entry(
            about.title.capitalize(),
            f"The {about.title}: {about.shows}",
            about.source,
            ("Dynamics",),
            (about.short,),
        )
        for about in KINDS.values()
        if about.source
    )
    return {entry.term: entry for entry in measures} | _file()[0]


def entries() -> tuple[Entry, ...]:
    """All entries in the order of the alphabet."""
    return tuple(sorted(_known().values(), key=lambda entry: entry.term.casefold()))


def find(said: str, page: str | None = None) -> tuple[Entry, ...]:
    """Entries that hold `said`, those first whose name or other name begins with it; of one `page` alone when it is
    named."""
    held = [entry for entry in entries() if entry.holds(said) and page in (None, *entry.pages)]
    begin = said.casefold().strip()
    return tuple(
        sorted(
            held,
            key=lambda entry: (
                not any(part.casefold().startswith(begin) for part in (entry.term, *entry.also))
            ),
        )
    )


def terms_of(panel: str) -> tuple[str, ...]:
    """The words that the panel of this name needs; none for a panel that is not known."""
    known, parts = _file()[1], panel.split("-")
    if about := KINDS.get(panel.removeprefix("measure-")):
        return (about.title.capitalize(),) if about.source else known.get(panel, ())
    beginnings: Iterable[str] = ("-".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((known[name] for name in beginnings if name in known), ())


def terms(panel: str) -> str:
    """The words of a panel, each with its formula, in markdown; empty for a panel without any."""
    return "\n\n".join(_known()[term].markdown() for term in terms_of(panel))
