"""What qfusion builds on, for reports, docs and BibTeX: one entry a source, nothing in it but what is certain.

>>> text("harsanyi1963")
'J. C. Harsanyi. A simplified bargaining model for the n-person cooperative game. International Economic Review 4(2),
194-220, 1963.'
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from qfusion import _files
from qfusion._checks import choose

_SPECIAL = {
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}


@dataclass(frozen=True)
class Source:
    """One source.

    Attributes:
        kind: of the BibTeX entry. authors: "First Last" each; empty for software that names none.
        title: as printed. year: of publication. where: journal, book or publisher with volume and pages, as a reader
            sees it.
        fields: the same for BibTeX, such as journal, volume, pages, doi, eprint.
    """

    kind: str
    authors: tuple[str, ...]
    title: str
    year: int
    where: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it is found, or an empty text."""
        if "doi" in self.fields:
            return f"https://doi.org/{self.fields['doi']}"
        return (
            f"https://arxiv.org/abs/{self.fields['eprint']}"
            if "eprint" in self.fields
            else self.fields.get("url", "")
        )


def _read(
    kind: str, authors: list[str], title: str, year: int, fields: dict[str, str], where: str = ""
) -> Source:
    """A source of citations.toml."""
    number = f"({fields['number']})" if "number" in fields else ""
    pages = fields.get("pages", "").replace("--", "-")
    place = (
        f"{fields['journal']} {fields['volume']}{number}, {pages}"
        if "journal" in fields
        else fields.get("publisher", fields.get("url", ""))
    )
    arxiv = [f"arXiv:{fields['eprint']}"] if "eprint" in fields else []
    return Source(
        kind,
        tuple(authors),
        title,
        year,
        where or ". ".join([*([place] if place else []), *arxiv]),
        fields | ({"archiveprefix": "arXiv"} if arxiv else {}),
    )


SOURCES = {
    key: _read(**result)
    for key, result in tomllib.loads(_files.asset_text("citations.toml")).items()
}


def source(key: str) -> Source:
    """Returns a source by its key.

    Raises:
        NotFound: when there is none.
    """
    return SOURCES[choose("Source", key, SOURCES)]


def text(key: str) -> str:
    """Returns a source as a line of a reference list."""
    result = source(key)
    *first, last = result.authors
    who = f"{', '.join(first)} and {last}" if first else last
    return f"{who}. {result.title}. {result.where}, {result.year}."


def bibtex(keys: Iterable[str] | None = None) -> str:
    """Returns BibTeX entries, of all sources unless keys are given.

    >>> print(bibtex(["shafer1976"]))
    @book{shafer1976,
      author = {Glenn Shafer},
      title = {{A Mathematical Theory of Evidence}},
      year = {1976},
      publisher = {Princeton University Press},
    }
    """
    return "\n\n".join(_entry(key) for key in (SOURCES if keys is None else keys))


def _entry(key: str) -> str:
    result = source(key)
    values = {
        "author": " and ".join(map(_escaped, result.authors)),
        "title": f"{{{_escaped(result.title)}}}",
        "year": str(result.year),
    }
    values |= {
        name: value if name in ("url", "doi", "eprint") else _escaped(value)
        for name, value in result.fields.items()
    }
    return "\n".join(
        [
            f"@{result.kind}{{{key},",
            *(f"  {name} = {{{value}}}," for name, value in values.items()),
            "}",
        ]
    )


def _escaped(value: str) -> str:
    return re.sub(r"[&%$#_{}~^\\]", lambda result: _SPECIAL[result[0]], value)
