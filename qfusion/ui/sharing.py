"""What a page shows, for elsewhere: its link, the session as a file with the reader's notes, and what figures are made
from, for their recipes.

A session is written as the addresses of its pages would say it:

    {"kind": "qfusion session", "version": 1, "page": "Dynamics",
     "address": {"Dynamics": {"model": "qj-planted", "T": "0.6", "cohort": [...]}, "Samples": {...}},
     "figure": {"figure.size": "double"}, "notes": [{"text": ..., "page": "Samples", "address": {...}}],
     "made_from": {"model": {"name": ..., "digest": ...}, "data": {...}},
     "software": {"qfusion": ...}}

A file comes from anywhere. It is read as text, piece by piece; what does not fit is named and left out; the values go
through the rules that links go through, on the page that they are for.
"""

import html
import json
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import streamlit as st

from qfusion import __version__, _files
from qfusion._checks import check, choose
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.data import own_sessions
from qfusion.errors import (
    QFusionError,
    collect_errors,
    default_on_error,
    translate_errors,
    translate_system_errors,
)
from qfusion.figures.export_style import ExportStyle
from qfusion.figures.recipe import Recipe, digest_of, software
from qfusion.panels import story
from qfusion.panels.archives import file_name
from qfusion.panels.panel import PanelFigure
from qfusion.panels.pickers import DATA, MODEL, SAMPLE
from qfusion.report.story import KINDS
from qfusion.ui import access, page_params, reruns, state

KIND, VERSION = "qfusion session", 1
MAX_BYTES, MAX_MB = 3_000_000, 3
MAX_KEYS, MAX_VALUES, MAX_KEY, MAX_VALUE, MAX_SETTINGS = 300, 60, 120, 20_000, 40
PREFIX = "figure."  # of the settings of exported figures
MAX_NOTES, MAX_NOTE = 100, 2_000
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
    """Returns a session from a file.

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
            f"{text.named(strange)} of the file {'are' if len(strange) > 1 else 'is'} not known here and left out."
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
            words.append(f"What the file says of {title} is not an object. It is left out.")
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
            f"On {page}, {text.named(strange)} cannot stand in an address. "
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
    """Names and digests, where they are texts of a fitting length."""
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


# Notes of the reader on what is shown: kept in the session and its file, each with the link to its view.

_NOTES, _TEXT = "_notes", "_note_text"


def notes_button(page: str, files: Mapping[str, str]) -> None:
    """Draws the button that opens them.

    Args:
        page: title of the page. files: of the pages by title.
    """
    notes: tuple[Note, ...] = state.get(_NOTES, ())
    with st.popover(
        f"Notes ({len(notes)})" if notes else "Note", icon=":material/edit_note:", key="notes"
    ):
        st.text_area(
            "Note on this view",
            max_chars=MAX_NOTE,
            key=_TEXT,
            height=90,
            placeholder="What do you see? It is kept with the sample, the model and all settings.",
        )
        st.button(
            "Save note",
            key="_note_keep",
            icon=":material/add:",
            on_click=_keep,
            args=(page,),
            disabled=len(notes) >= MAX_NOTES,
        )
        for place, note in enumerate(notes):
            name = " · ".join([note.page, *note.address.get(SAMPLE.key, [])[:1]])
            with st.container(horizontal=True, vertical_alignment="center", key=f"note-{place}"):
                st.markdown(
                    f"[{text.plain(name)}]({_link(note, files)})  \n{text.plain(note.text, MAX_NOTE)}"
                )
                st.button(
                    "",
                    key=f"_note_drop_{place}",
                    icon=":material/delete:",
                    type="tertiary",
                    help="Delete it",
                    on_click=state.put,
                    args=(_NOTES, notes[:place] + notes[place + 1 :]),
                )


def _link(note: Note, files: Mapping[str, str]) -> str:
    """The view's address, in which nothing can end a link of markdown."""
    query = (
        urlencode(note.address, doseq=True, quote_via=quote).replace("(", "%28").replace(")", "%29")
    )
    return f"./{_stem(files.get(note.page, 'app.py'))}?{query}"


def _keep(page: str) -> None:
    words = str(state.get(_TEXT, "")).strip()
    notes = state.get(_NOTES, ())
    if words and len(notes) < MAX_NOTES:
        state.put(_NOTES, (*notes, Note(words[:MAX_NOTE], page, page_params.shown_address())))
        state.put(_TEXT, "")


# The sidebar's "Copy link", and sessions saved to and loaded from a file. Drawn by the frame of every page.
#
# The link is the address that the browser shows, in the order of its parameters, with the names of
# model, data and sample also where they are the usual ones: another machine may have other models.
# The browser copies it by itself; a click does not come here.

LOAD = "load"
_FILE, _OFFERED, _OPENED = "_session_file", "_session_offered", "_session_opened"
_KEPT, _MINUTES = 32, 10  # sessions that wait to be opened, and for how long
_waiting: OrderedDict[str, tuple[float, Session, tuple[str, ...]]] = OrderedDict()
_lock = threading.Lock()


def link_and_session(
    place: Any,
    pages: Mapping[str, str],
    made_from: Mapping[str, Mapping[str, str]],
    sample: Callable[[], Sample] | None = None,
) -> None:
    """Draws the button that copies the link, and those of stories and session files.

    Args:
        place: the container for them. pages: files by title. made_from: name and digest of the model and of the data
            that the page shows. sample: opens the one of which there is a story, where there is.
    """
    with place, st.container(key="share", gap="xsmall"):
        st.html(
            '<button type="button" id="qf-copy" class="qf-button">'
            '<span class="qf-label">Copy link</span></button>'
        )
        if sample is not None:
            reruns.dialog_button(
                "Share as story", ":material/movie:", "_story_open", _story, sample
            )
        reruns.dialog_button(
            "Session", ":material/save:", "_session_open", _dialog, dict(pages), dict(made_from)
        )
        # where the browser says what became of the click; its script is the same on every page and knows nothing of
        # the reader
        always = {
            key: value
            for key, value in state.get(page_params.PICKED, {}).items()
            if key in (MODEL.key, DATA.key, SAMPLE.key) and MODEL.key in st.session_state
        }
        # in characters; servers, proxies and mail programs commonly take no more
        link = html.escape(json.dumps({"always": always, "longest": 8_000}))
        st.html(
            f'<div id="qf-link" data-link="{link}"><p id="qf-said" role="status" hidden></p>'
            '<input id="qf-field" type="text" readonly hidden aria-label="Link to this view" spellcheck="false"></div>'
            f"<script>{_SCRIPT}</script>",
            unsafe_allow_javascript=True,
        )


_SCRIPT = _files.asset_text("share.js")
_STORIES = {
    ".html": (
        "Page",
        "One HTML file: plays by itself, with pause and a slider, without a network.",
    ),
    ".mp4": ("MP4", "A video for slides and messages."),
    ".webm": ("WebM", "The same for the web."),
    ".gif": ("GIF", "Plays wherever pictures are shown."),
    ".svg": ("SVG", "Vectors that move, for web pages."),
}


def _story(open_sample: Callable[[], Sample]) -> None:
    """The formats, and the file."""
    sample = open_sample()
    st.markdown(
        f"Ten seconds to show to others: sample {text.plain(sample.id)}, the decision on it, its terms as they grow, "
        + (
            f"and what your change of the model makes of them: {text.plain(sample.changed, 120)}."
            if sample.changed
            else "and what happens when the most influential term is removed. If you have changed the model, the story "
            "shows your change."
        )
    )
    chosen = st.radio(
        "Format",
        list(_STORIES),
        format_func=lambda kind: _STORIES[kind][0],
        captions=[says for _, says in _STORIES.values()],
        key="_story_kind",
    )
    kind = chosen or ".html"  # where a message says none, which no browser sends
    theme = state.one_of("Colours", ["light", "dark"], default="light", key="_story_theme")

    def make() -> bytes:
        return story.story(sample).written(kind, theme)  # type: ignore[arg-type]

    st.download_button(
        "Download story",
        access.in_turn(translate_system_errors()(make)),
        f"qfusion-story-{file_name(f'{sample.name}-{sample.id}', 80)}{kind}",
        KINDS[kind],
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key=f"_story{kind}",
        help="It is made when you press: a page takes seconds, a video some ten.",
    )


def _dialog(pages: dict[str, str], made_from: dict[str, Mapping[str, str]]) -> None:
    st.markdown(
        "Everything you have set, on all pages, with pins, cohorts, samples of your own, and names and digests of "
        "model and data; not the data."
    )
    made = state.get(reruns.OWN) or ()
    saved = Session(
        str(state.get(page_params.PAGE)),
        page_params.all_pages(),
        {  # settings of exported figures
            str(key): value
            for key, value in st.session_state.items()
            if str(key).startswith(PREFIX) and isinstance(value, str | bool | int | float)
        },
        made_from,
        notes=state.get(_NOTES, ()),
        own=tuple(filter(None, map(own_sessions.session_record, made))),
    )
    if len(saved.own) < len(made):
        st.caption("Own samples made of large files are not in it: give them again.")
    st.download_button(
        "Save session",
        saved.text(),
        f"qfusion-session-{_stem(pages[saved.page]) or 'overview'}.json",
        "application/json",
        on_click="ignore",
        icon=":material/save:",
        key="_save_session",
        width="stretch",
    )
    if not access.says_read_only("take files"):
        given = st.file_uploader("Load session", type="json", max_upload_size=MAX_MB, key=_FILE)
        if given is not None:
            try:
                _offer(read(given.getvalue(), pages), given.file_id, pages)
            except QFusionError as error:
                st.error(text.message(error), icon=":material/error:")


def _offer(session: Session, given: str, pages: Mapping[str, str]) -> None:
    """What is in a file, what of it does not fit, and the way there: a fresh session, so that nothing of this one stays
    behind."""
    sentence = (*session.problems, *changes(session, _digest))
    st.markdown(
        f"A session saved on **{text.plain(session.page)}**, with {sum(map(len, session.address.values()))} settings "
        f"on {len(session.address)} page{'s' if len(session.address) != 1 else ''}."
    )
    for words in sentence[: state.MAX_NOTICES]:
        st.warning(text.message(words), icon=":material/link_off:")
    offered, token = state.get(_OFFERED, ("", ""))
    if offered != given or token not in _waiting:
        token = wait(session, sentence, token)
    state.put(_OFFERED, (given, token))
    st.html(
        f'<a class="qf-button" href="./{_stem(pages[session.page])}?{LOAD}={token}">Open it instead of what you have '
        "here</a>"
    )


def _stem(file: str) -> str:
    return "" if file == "app.py" else Path(file).stem


@default_on_error(None)
def _digest(what: str, name: str) -> str | None:
    """Digest of a model or a data set on this machine."""
    if what == "data":
        return str(reruns.dataset(name).digest)
    return str(reruns.loaded(name).card["weights_sha256"])


def wait(session: Session, lines: tuple[str, ...] = (), before: str = "") -> str:
    """Keeps a session until it is opened, in place of the one that this reader was offered before, so that nobody takes
    the room of all; returns the word to open it by, which cannot be guessed."""
    token = secrets.token_urlsafe(16)
    with _lock:
        _waiting.pop(before, None)
        while _waiting and (
            len(_waiting) >= _KEPT or next(iter(_waiting.values()))[0] < time.monotonic()
        ):
            _waiting.popitem(last=False)
        _waiting[token] = (time.monotonic() + 60 * _MINUTES, session, lines)
    return token


def open_loaded() -> None:
    """In a session that an address begins with `load=`, puts what that file holds into the address and begins again: as
    by a link."""
    token = st.query_params.get(LOAD)
    if token is None or state.get(_OPENED) == token:
        return
    state.put(_OPENED, token)
    until, session, sentence = _waiting.get(token, (0.0, Session(""), ()))
    if until < time.monotonic():
        state.notice(
            "The session file that this address opens is no longer at hand. Load it again."
        )
        return
    for words in sentence:
        state.notice(words)
    for key, value in session.figure.items():
        st.session_state[key] = float(value) if key.startswith("figure.font") else value
    state.put(_NOTES, session.notes)
    for record in session.own:
        try:
            with access.waiting("Making your samples again …"):
                made = own_sessions.read_record(record)
        except QFusionError as error:
            state.notice(f"A sample of your own cannot be made again: {error} It is left out.")
        else:
            state.put(reruns.OWN, (*(state.get(reruns.OWN) or ()), made))
    for page, parameters in session.address.items():
        page_params.open_params(page).link = dict(parameters)
    st.query_params.from_dict(session.address.get(session.page, {}))
    st.rerun()  # a run begins with the reader's own samples


# What the figures of a page are made from, for their recipes.

ORIGIN = "_made_from"  # models, data and sample of this page, set by its frame


def recipe_of(picture: PanelFigure) -> Recipe:
    """The recipe of a panel on the page as it stands."""
    return Recipe(
        page=str(state.get(page_params.PAGE, "")).lower(),
        panel=picture.name,
        address=page_params.shown_address(),
        made_from=dict(state.get(ORIGIN, {})),
        software=software(),
        numbers=digest_of(picture.table()),
    )
