"""Sources that qfusion builds on, for reports, docs and BibTeX: one verified entry per source.

>>> text("harsanyi1963")
'J. C. Harsanyi. A simplified bargaining model for the n-person cooperative game. International Economic Review 4(2),
194-220, 1963.'
"""

from collections.abc import Iterable
from typing import Any

from qfusion import plugin
from qfusion._checks import choose
from qfusion._sentences import listed

_SPECIAL = str.maketrans(
    {
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
)


# By key: the kind of the BibTeX entry; authors, "First Last" each; title as printed; year; `fields` of BibTeX, such as
# journal, volume, pages, doi, eprint; and `where` it stands for a reader, unless that follows from the fields.
SOURCES: dict[str, dict[str, Any]] = {
    key: entry for record in plugin.read_assets("citations.toml") for key, entry in record.items()
}


def source(key: str) -> dict[str, Any]:
    """Return a source by its key.

    Raises:
        NotFound: when there is none.
    """
    return SOURCES[choose("Source", key, SOURCES)]


def url(key: str) -> str:
    """Return where a source is found, or an empty text."""
    fields = source(key)["fields"]
    if "doi" in fields:
        return f"https://doi.org/{fields['doi']}"
    return (
        f"https://arxiv.org/abs/{fields['eprint']}" if "eprint" in fields else fields.get("url", "")
    )


def _where(entry: dict[str, Any]) -> str:
    """Journal, book or publisher with volume and pages, as a reader sees it."""
    fields = entry["fields"]
    place = fields.get("publisher", fields.get("url", ""))
    if "journal" in fields:
        number = f"({fields['number']})" if "number" in fields else ""
        place = f"{fields['journal']} {fields['volume']}{number}, " + fields.get(
            "pages", ""
        ).replace("--", "-")
    arxiv = f"arXiv:{fields['eprint']}" if "eprint" in fields else ""
    return entry.get("where") or ". ".join(filter(None, [place, arxiv]))


def text(key: str) -> str:
    """Return a source as a line of a reference list."""
    entry = source(key)
    return f"{listed(entry['authors'])}. {entry['title']}. {_where(entry)}, {entry['year']}."


def bibtex(keys: Iterable[str] | None = None) -> str:
    """Return BibTeX entries, of all sources unless keys are given.

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
    entry = source(key)
    values = {
        "author": " and ".join(entry["authors"]).translate(_SPECIAL),
        "title": f"{{{entry['title'].translate(_SPECIAL)}}}",
        "year": str(entry["year"]),
        **{
            name: value if name in ("url", "doi", "eprint") else value.translate(_SPECIAL)
            for name, value in entry["fields"].items()
        },
    }
    if "eprint" in values:
        values["archiveprefix"] = "arXiv"
    return "\n".join(
        [
            f"@{entry['kind']}{{{key},",
            *(f"  {name} = {{{value}}}," for name, value in values.items()),
            "}",
        ]
    )
