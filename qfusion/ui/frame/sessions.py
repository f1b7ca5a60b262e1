"""A session as a file: what all pages show, written as their addresses would say it. Free of streamlit.

    {"kind": "qfusion session", "version": 1, "page": "Dynamics",
     "address": {"Dynamics": {"model": "qj-planted", "T": "0.6", "cohort": [...]}, "Samples": {...}},
     "figure": {"figure.size": "double"}, "notes": [{"text": ..., "page": "Samples", "address": {...}}],
     "made_from": {"model": {"name": ..., "digest": ...}, "data": {...}},
     "software": {"qfusion": ...}}

A file comes from anywhere. It is read as text, piece by piece; what does not fit is named and left out; the values go
through the rules that links go through, on the page that they are for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qfusion import __version__
from qfusion._checks import check, choose
from qfusion.analysis import text
from qfusion.errors import InvalidInput, QFusionError

KIND, VERSION = "qfusion session", 1
MAX_BYTES = 200_000
MAX_KEYS, MAX_VALUES, MAX_KEY, MAX_VALUE, MAX_SETTINGS = 300, 60, 120, 20_000, 40
PREFIX = "figure."  # of the settings of exported figures
MAX_NOTES, MAX_NOTE = 100, 2_000
_PARTS = ("kind", "version", "page", "address", "figure", "notes", "made_from", "software")
_REMEDY, _CHOOSE = "Save the session again.", "Choose the file that ‘Save session’ wrote."


@dataclass(frozen=True)
class Note:
    """What the reader wrote of a view: the words, the title of its page and the page's address."""

    text: str
    page: str
    address: Mapping[str, list[str]]


@dataclass(frozen=True)
class Session:
    """What is kept of a session.

    Attributes:
        page: title of the page it was saved on.
        address: for each page, by its title, all values of each parameter.
        figure: settings of exported figures. made_from: name and digest of model and data.
        notes: the reader's.
        said: what of the file does not fit and was left out.
    """

    page: str
    address: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    figure: Mapping[str, Any] = field(default_factory=dict)
    made_from: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()

    def text(self) -> str:
        """The session as JSON, the same for the same session."""
        address = {page: _single(parameters) for page, parameters in self.address.items()}
        notes = [
            {"text": each.text, "page": each.page, "address": _single(each.address)}
            for each in self.notes
        ]
        found = {
            "kind": KIND,
            "version": VERSION,
            "page": self.page,
            "address": address,
            "figure": self.figure,
            "made_from": self.made_from,
            "software": {"qfusion": __version__},
        }
        if notes:
            found["notes"] = notes
        return json.dumps(found, indent=1, sort_keys=True, allow_nan=False)


def _single(parameters: Mapping[str, list[str]]) -> dict[str, Any]:
    return {key: values[0] if len(values) == 1 else values for key, values in parameters.items()}


def read(
    data: bytes, pages: Iterable[str], setting: Callable[[str, Any], object] | None = None
) -> Session:
    """Returns a session from a file.

    Args:
        pages: titles of the pages there are.
        setting: raises a QFusionError for a setting of figures, by key and value, that does not fit.

    Raises:
        InvalidInput, NotFound: when it is no session at all, too large, of another version, or of a page that does not
            exist.
    """
    check(
        len(data) <= MAX_BYTES,
        f"The file has {len(data):,} bytes, and a session has at most {MAX_BYTES:,}. {_CHOOSE}",
    )
    try:
        found = json.loads(data.decode("utf-8"))
        # half a character, `\\ud800`, could neither be shown nor stand in an address
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"The file is not a session: it is not JSON in UTF-8 ({str(error)[:60]!r}). {_CHOOSE}"
        ) from error
    check(
        isinstance(found, dict) and found.get("kind") == KIND,
        f"The file is JSON, but not a {KIND}. {_CHOOSE}",
    )
    version = found.get("version")
    check(
        version == VERSION and not isinstance(version, bool),
        f"The session has version {str(version)[:20]!r}, and this qfusion ({__version__}) reads version {VERSION}. "
        + (
            f"Open it with qfusion {str(_part(found, 'software', []).get('qfusion', 'of a later date'))[:20]}."
            if isinstance(version, int | float) and version > VERSION
            else _REMEDY
        ),
    )
    known, said = list(pages), []
    page = found.get("page")
    check(
        isinstance(page, str),
        f"Part `page` of the session must be a text, but is {str(page)[:60]!r}. {_REMEDY}",
    )
    choose("Page", str(page), known)
    strange = [key for key in found if key not in _PARTS]
    if strange:
        said.append(
            f"{text.named(strange)} of the file {'are' if len(strange) > 1 else 'is'} not known here and left out."
        )
    address = {}
    for title, parameters in _part(found, "address", said).items():
        if title not in known:
            said.append(
                f"The file holds a page `{title[:40]}` that does not exist. It is left out."
            )
        elif isinstance(parameters, dict):
            address[title] = _parameters(title, parameters, said)
        else:
            said.append(f"What the file says of {title} is not an object. It is left out.")
    return Session(
        str(page),
        address,
        _settings(_part(found, "figure", said), setting, said),
        _origin(_part(found, "made_from", said)),
        notes=_notes(found.get("notes", []), known, said),
        said=tuple(said),
    )


def _part(found: Mapping[str, Any], name: str, said: list[str]) -> dict[str, Any]:
    part = found.get(name, {})
    if isinstance(part, dict):
        return part
    said.append(f"Part `{name}` of the file is not an object. It is left out.")
    return {}


def _parameters(page: str, found: Mapping[str, Any], said: list[str]) -> dict[str, list[str]]:
    """The parameters of one page that have the form of an address."""
    fitting: dict[str, list[str]] = {}
    strange: list[str] = []
    for key, values in found.items():
        texts = [values] if isinstance(values, str) else values
        fits = (
            isinstance(texts, list)
            and 0 < len(texts) <= MAX_VALUES
            and 0 < len(key) <= MAX_KEY
            and key != "load"
            and not key.startswith(("_", "embed"))
            and all(isinstance(v, str) and len(v) <= MAX_VALUE for v in texts)
        )
        if fits and len(fitting) < MAX_KEYS:
            fitting[key] = [str(text) for text in texts]
        else:
            strange.append(key)
    if strange:
        said.append(
            f"On {page}, {text.named(strange)} cannot stand in an address. "
            f"{'They are' if len(strange) > 1 else 'It is'} left out."
        )
    return fitting


def _notes(found: Any, pages: list[str], said: list[str]) -> tuple[Note, ...]:
    """The notes that are texts on pages there are."""
    kept: list[Note] = []
    for one in found if isinstance(found, list) else [None]:
        words, page, address = (
            one.get(key) if isinstance(one, dict) else None for key in ("text", "page", "address")
        )
        if (
            isinstance(words, str)
            and 0 < len(words.strip()) <= MAX_NOTE
            and page in pages
            and isinstance(address, dict)
            and len(kept) < MAX_NOTES
        ):
            kept.append(Note(words.strip(), str(page), _parameters(str(page), address, said)))
        else:
            said.append(
                "A note of the file has no text, is too long, or is of no page. It is left out."
            )
    return tuple(kept)


def _settings(
    found: Mapping[str, Any], setting: Callable[[str, Any], object] | None, said: list[str]
) -> dict[str, Any]:
    fitting: dict[str, Any] = {}
    for key, value in list(found.items())[:MAX_SETTINGS]:
        plain = isinstance(value, str | bool | int) or (
            isinstance(value, float) and math.isfinite(value)
        )
        try:
            check(key.startswith(PREFIX) and plain, "It is not a setting of figures.")
            if setting is not None:
                setting(key, value)
        except QFusionError as error:
            said.append(f"Setting `{key[:40]}` of figures: {error} It is left out.")
        else:
            fitting[key] = value
    return fitting


def _origin(found: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Names and digests, where they are texts of a fitting length."""
    return {
        what: {
            key: part[key]
            for key in ("name", "digest")
            if isinstance(part.get(key), str) and len(part[key]) <= 200
        }
        for what in ("model", "data")
        if isinstance(part := found.get(what), dict)
    }


def changes(session: Session, digest_of: Callable[[str, str], str | None]) -> list[str]:
    """Returns what is no longer as it was when the session was saved, a sentence each.

    Args:
        digest_of: of "model" or "data" and a name; None when there is none of that name.
    """
    words = []
    for what, title, other in (
        ("model", "Model", "has been trained anew"),
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
