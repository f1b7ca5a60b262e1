"""A session as a file: what its pages show, settings of figures, and the reader's notes.

    {"kind": "qfusion session", "version": 1, "page": "Dynamics",
     "address": {"Dynamics": {"model": "qj-planted", "T": "0.6", "cohort": [...]}, "Samples": {...}},
     "figure": {"figure.size": "double"}, "notes": [{"text": ..., "page": "Samples", "address": {...}}],
     "made_from": {"model": {"name": ..., "digest": ...}, "data": {...}},
     "software": {"qfusion": ...}}

A file may come from anywhere. It is read as text, piece by piece. What does not fit is named and left out; the values
go through the rules of links on their page.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qfusion import __version__
from qfusion._checks import check, choose
from qfusion.analysis import text
from qfusion.data import own_sessions
from qfusion.errors import collect_errors, translate_errors
from qfusion.figures.export_style import ExportStyle

KIND, VERSION = "qfusion session", 1
MAX_BYTES, MAX_MB = 3_000_000, 3
MAX_KEYS, MAX_VALUES, MAX_KEY, MAX_VALUE, MAX_SETTINGS = 300, 60, 120, 20_000, 40
PREFIX = "figure."  # of the settings of exported figures
MAX_NOTES, MAX_NOTE = 100, 2_000
_REMEDY, _CHOOSE = "Save the session again.", "Choose the file that ‘Save session’ wrote."


@dataclass(frozen=True)
class Note:
    """Note of the reader on a view: the text, the title of its page and the page's address."""

    text: str
    page: str
    address: Mapping[str, list[str]]


@dataclass(frozen=True)
class Session:
    """Saved contents of a session.

    Attributes:
        page: title of the page it was saved on.
        address: for each page, by its title, all values of each parameter.
        figure: settings of exported figures. made_from: name and digest of model and data.
        notes: the reader's.
        problems: what of the file does not fit and was left out.
        own: what the visitor's own samples were made of, see `data.own_sessions.session_record`; checked when the
        session is opened.
    """

    page: str
    address: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    figure: Mapping[str, Any] = field(default_factory=dict)
    made_from: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    own: tuple[Any, ...] = ()

    def text(self) -> str:
        """The session as JSON, the same for the same session."""
        notes = [
            {"text": note.text, "page": note.page, "address": _single(note.address)}
            for note in self.notes
        ]
        record = {
            "kind": KIND,
            "version": VERSION,
            "page": self.page,
            "address": {page: _single(values) for page, values in self.address.items()},
            "figure": self.figure,
            "made_from": self.made_from,
            "software": {"qfusion": __version__},
            **({"notes": notes} if notes else {}),
            **({"own": self.own} if self.own else {}),
        }
        return json.dumps(record, indent=1, sort_keys=True, allow_nan=False)


def _single(parameters: Mapping[str, list[str]]) -> dict[str, Any]:
    return {key: values[0] if len(values) == 1 else values for key, values in parameters.items()}


def read(data: bytes, pages: Iterable[str]) -> Session:
    """Return a session from a file.

    Args:
        pages: titles of the pages there are.

    Raises:
        InvalidInput, NotFound: when it is no session at all, too large, of another version, or of a page that does not
            exist.
    """
    check(
        len(data) <= MAX_BYTES,
        f"The file has {len(data):,} bytes, and a session has at most {MAX_BYTES:,}. {_CHOOSE}",
    )
    with translate_errors(
        "The file is not a session: it is not JSON in UTF-8",
        _CHOOSE,
        *(ValueError, RecursionError),
        why="{words:.60}",
    ):
        record = json.loads(data.decode("utf-8"))
        # half a character, `\\ud800`, could neither be shown nor stand in an address
        json.dumps(record, ensure_ascii=False).encode("utf-8")
    check(
        isinstance(record, dict) and record.get("kind") == KIND,
        f"The file is JSON, but not a {KIND}. {_CHOOSE}",
    )
    version = record.get("version")
    check(
        version == VERSION and not isinstance(version, bool),
        f"The session has version {str(version)[:20]!r}, and this qfusion ({__version__}) reads version {VERSION}. "
        + (
            f"Open it with qfusion {str(_part(record, 'software', []).get('qfusion', 'of a later date'))[:20]}."
            if isinstance(version, int | float) and version > VERSION
            else _REMEDY
        ),
    )
    known, words = list(pages), []
    page = record.get("page")
    check(
        isinstance(page, str),
        f"Part `page` of the session must be a text, but is {str(page)[:60]!r}. {_REMEDY}",
    )
    choose("Page", str(page), known)
    parts = (
        "kind",
        "version",
        "page",
        "address",
        "figure",
        "notes",
        "made_from",
        "software",
        "own",
    )
    if strange := [key for key in record if key not in parts]:
        words.append(
            f"{text.quote_names(strange)} of the file {'are' if len(strange) > 1 else 'is'} unknown and "
            "left out."
        )
    address = {}
    for title, parameters in _part(record, "address", words).items():
        if title not in known:
            words.append(
                f"The file holds a page `{title[:40]}` that does not exist. It is left out."
            )
        elif isinstance(parameters, dict):
            address[title] = _parameters(title, parameters, words)
        else:
            words.append(f"The entry of {title} in the file is not an object. It is left out.")
    return Session(
        str(page),
        address,
        _settings(_part(record, "figure", words), words),
        _origin(_part(record, "made_from", words)),
        notes=_notes(record.get("notes", []), known, words),
        problems=tuple(words),
        own=tuple(made[: own_sessions.MOST]) if isinstance(made := record.get("own"), list) else (),
    )


def _part(result: Mapping[str, Any], name: str, lines: list[str]) -> dict[str, Any]:
    part = result.get(name, {})
    if isinstance(part, dict):
        return part
    lines.append(f"Part `{name}` of the file is not an object. It is left out.")
    return {}


def _parameters(page: str, result: Mapping[str, Any], lines: list[str]) -> dict[str, list[str]]:
    """The parameters of one page that have the form of an address."""
    texts = {key: [values] if isinstance(values, str) else values for key, values in result.items()}
    fitting = dict([entry for entry in texts.items() if _stands(*entry)][:MAX_KEYS])
    if strange := [key for key in result if key not in fitting]:
        lines.append(
            f"On {page}, {text.quote_names(strange)} cannot be part of a link. "
            f"{'They are' if len(strange) > 1 else 'It is'} left out."
        )
    return fitting


def _stands(key: str, values: Any) -> bool:
    """Whether an address may hold a parameter."""
    return (
        isinstance(values, list)
        and 0 < len(values) <= MAX_VALUES
        and 0 < len(key) <= MAX_KEY
        and key != LOAD
        and not key.startswith(("_", "embed"))
        and all(isinstance(value, str) and len(value) <= MAX_VALUE for value in values)
    )


def _notes(result: Any, pages: list[str], lines: list[str]) -> tuple[Note, ...]:
    """The notes that are texts on pages there are."""
    notes: list[Note] = []
    for one in result if isinstance(result, list) else [None]:
        words, page, address = (
            one.get(key) if isinstance(one, dict) else None for key in ("text", "page", "address")
        )
        if (
            isinstance(words, str)
            and 0 < len(words.strip()) <= MAX_NOTE
            and page in pages
            and isinstance(address, dict)
            and len(notes) < MAX_NOTES
        ):
            notes.append(Note(words.strip(), str(page), _parameters(str(page), address, lines)))
        else:
            lines.append(
                "A note of the file has no text, is too long, or is of no page. It is left out."
            )
    return tuple(notes)


def _settings(result: Mapping[str, Any], lines: list[str]) -> dict[str, Any]:
    fitting: dict[str, Any] = {}
    for key, value in list(result.items())[:MAX_SETTINGS]:
        plain = isinstance(value, str | bool | int) or (
            isinstance(value, float) and math.isfinite(value)
        )
        with collect_errors(lines, f"Setting `{key[:40]}` of figures is left out"):
            check(key.startswith(PREFIX) and plain, "It is not a setting of figures.")
            name, _, size = key.removeprefix(PREFIX).partition(".")
            ExportStyle.parse({name: value} | ({"size": size} if size else {}))
            fitting[key] = value
    return fitting


def _origin(result: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return names and digests, if they are texts of a valid length."""
    return {
        what: {
            key: part[key]
            for key in ("name", "digest")
            if isinstance(part.get(key), str) and len(part[key]) <= 200
        }
        for what in ("model", "data")
        if isinstance(part := result.get(what), dict)
    }


def changes(session: Session, digest_of: Callable[[str, str], str | None]) -> list[str]:
    """Return the differences from the time when the session was saved, one sentence each.

    Args:
        digest_of: of "model" or "data" and a name; None when there is none of that name.
    """
    words = []
    for what, title, other in (
        ("model", "Model", "has been retrained"),
        ("data", "Data set", "has changed"),
    ):
        name, saved = (session.made_from.get(what, {}).get(key, "") for key in ("name", "digest"))
        now = digest_of(what, name) if name else saved
        if now is None:
            words.append(f"{title} '{name[:80]}' is not on this machine. Another one is shown.")
        elif saved and now and now != saved:
            words.append(
                f"{title} '{name[:80]}' {other} since the session was saved: its numbers differ."
            )
    return words


# The sidebar's "Copy link", and sessions saved to and loaded from a file. Drawn by the frame of every page.
#
# The link is the address that the browser shows, in the order of its parameters, with the names of
# model, data and sample also where they are the usual ones: another machine may have other models.
# The browser copies it by itself; a click does not come here.

LOAD = "load"
