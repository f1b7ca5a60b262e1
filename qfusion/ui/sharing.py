"""The sidebar's buttons to share what a page shows: its link, a story of the sample, and the session as a file.

The link is the address that the browser shows, in the order of its parameters, with model, data and sample also where
they are the defaults: another machine may have other defaults. The browser copies it by itself.
"""

import html
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from qfusion import _assets
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.data import own_sessions
from qfusion.errors import QFusionError, default_on_error, translate_system_errors
from qfusion.panels import decision_story
from qfusion.panels.archives import file_name
from qfusion.panels.exercise_situations import has_sample
from qfusion.panels.pickers import DATA, MODEL, SAMPLE
from qfusion.report.story_files import KINDS, render_story
from qfusion.ui import (
    dialogs,
    exercise_form,
    loading,
    page_params,
    permissions,
    reruns,
    state,
)
from qfusion.ui.notes import NOTES, page_stem
from qfusion.ui.session_file import LOAD, MAX_MB, PREFIX, Session, changes, read

_FILE, _OFFERED, _OPENED = "_session_file", "_session_offered", "_session_opened"
_KEPT, _MINUTES = 32, 10  # sessions that wait to be opened, and for how long
WAITING: OrderedDict[str, tuple[float, Session, tuple[str, ...]]] = OrderedDict()
_lock = threading.Lock()


def link_and_session(
    place: Any,
    pages: Mapping[str, str],
    made_from: Mapping[str, Mapping[str, str]],
    sample: Callable[[], Sample] | None = None,
) -> None:
    """Draw the button that copies the link, and those of stories and session files.

    Args:
        place: the container for them. pages: files by title. made_from: name and digest of the model and of the data
            that the page shows. sample: opens the one of which there is a story, where there is.
    """
    with place, st.container(key="share", gap="xsmall"):
        st.html(
            '<button type="button" id="qf-copy" class="qf-button">'
            '<span class="qf-label">Copy link</span></button>'
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
        if sample is not None:
            dialogs.dialog_button(
                "Share as story", ":material/movie:", "_story_open", _story, sample
            )
        if has_sample(page_params.current()):
            dialogs.dialog_button(
                "Share as exercise",
                ":material/school:",
                "_exercise_open",
                exercise_form.exercise_form,
            )
        dialogs.dialog_button(
            "Session", ":material/save:", "_session_open", _dialog, dict(pages), dict(made_from)
        )


_SCRIPT = _assets.asset_text("share.js")
_STORIES = {
    ".html": (
        "Page",
        "One HTML file that plays by itself, with pause and a slider, and needs no network.",
    ),
    ".mp4": ("MP4", "A video for slides and messages."),
    ".webm": ("WebM", "A video for web pages."),
    ".gif": ("GIF", "Plays wherever pictures are displayed."),
    ".svg": ("SVG", "Animated vectors, for web pages."),
}


def _story(open_sample: Callable[[], Sample]) -> None:
    """The formats, and the file."""
    sample = open_sample()
    st.markdown(
        f"An animation of ten seconds: sample {text.escape_markdown(sample.id)}, its decision, its "
        "growing terms, "
        + (
            f"and the effect of your change of the model: {text.escape_markdown(sample.tweak_text, 120)}."
            if sample.tweak_text
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
    theme = state.required_choice("Colours", ["light", "dark"], default="light", key="_story_theme")

    def make() -> bytes:
        return render_story(decision_story.build_story(sample), kind, theme)  # type: ignore[arg-type]

    st.download_button(
        "Download story",
        translate_system_errors()(make),
        f"qfusion-story-{file_name(f'{sample.name}-{sample.id}', 80)}{kind}",
        KINDS[kind],
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key=f"_story{kind}",
        help="Made on request: a page takes seconds, a video about ten.",
    )


def _dialog(pages: dict[str, str], made_from: dict[str, Mapping[str, str]]) -> None:
    st.markdown(
        "All your settings on all pages, pins, cohorts, your own samples, and names and digests of "
        "model and data, but not the data."
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
        notes=state.get(NOTES, ()),
        own=tuple(filter(None, map(own_sessions.session_record, made))),
    )
    if len(saved.own) < len(made):
        st.caption("Own samples from large files are not included. Upload them again.")
    st.download_button(
        "Save session",
        saved.text(),
        f"qfusion-session-{page_stem(pages[saved.page]) or 'overview'}.json",
        "application/json",
        on_click="ignore",
        icon=":material/save:",
        key="_save_session",
        width="stretch",
    )
    if not permissions.says_read_only("accept files"):
        given = st.file_uploader("Load session", type="json", max_upload_size=MAX_MB, key=_FILE)
        if given is not None:
            try:
                offer_session(read(given.getvalue(), pages), given.file_id, pages)
            except QFusionError as error:
                st.error(text.message(error), icon=":material/error:")


def offer_session(session: Session, given: str, pages: Mapping[str, str]) -> None:
    """Draw what a session file contains, what in it does not fit, and the link that opens it. The link opens a fresh
    session, so that nothing of this one remains.
    """
    sentence = (*session.problems, *changes(session, local_digest))
    st.markdown(
        f"A session saved on **{text.escape_markdown(session.page)}**, with "
        f"{sum(map(len, session.address.values()))} settings "
        f"on {len(session.address)} page{'s' if len(session.address) != 1 else ''}."
    )
    for words in sentence[: state.MAX_NOTICES]:
        st.warning(text.message(words), icon=":material/link_off:")
    offered, token = state.get(_OFFERED, ("", ""))
    if offered != given or token not in WAITING:
        token = wait(session, sentence, token)
    state.put(_OFFERED, (given, token))
    address = f"./{page_stem(pages[session.page])}?{LOAD}={token}"
    st.html(f'<a class="qf-button" href="{address}">Open it and replace the current session</a>')


@default_on_error(None)
def local_digest(what: str, name: str) -> str | None:
    """Digest of a model or a data set on this machine."""
    if what == "data":
        return str(loading.load_dataset(name).digest)
    return str(loading.load_model(name).card["weights_sha256"])


def wait(session: Session, lines: tuple[str, ...] = (), before: str = "") -> str:
    """Keep a session until it is opened, in place of the previous one offered to this reader, so that no reader uses
    up the space of all. Return the token that opens it, which cannot be guessed.
    """
    token = secrets.token_urlsafe(16)
    with _lock:
        WAITING.pop(before, None)
        while WAITING and (
            len(WAITING) >= _KEPT or next(iter(WAITING.values()))[0] < time.monotonic()
        ):
            WAITING.popitem(last=False)
        WAITING[token] = (time.monotonic() + 60 * _MINUTES, session, lines)
    return token


def open_loaded() -> None:
    """In a session whose address has `load=`, put the contents of that file into the address and start again, as if
    from a link.
    """
    token = st.query_params.get(LOAD)
    if token is None or state.get(_OPENED) == token:
        return
    state.put(_OPENED, token)
    until, session, sentence = WAITING.get(token, (0.0, Session(""), ()))
    if until < time.monotonic():
        state.notice("The session file of this link has expired. Load it again.")
        return
    for words in sentence:
        state.notice(words)
    for key, value in session.figure.items():
        st.session_state[key] = float(value) if key.startswith("figure.font") else value
    state.put(NOTES, session.notes)
    for record in session.own:
        try:
            with st.spinner("Restoring your samples …"):
                made = own_sessions.read_record(record)
        except QFusionError as error:
            state.notice(f"One of your samples cannot be restored: {error} It is left out.")
        else:
            state.put(reruns.OWN, (*(state.get(reruns.OWN) or ()), made))
    for page, parameters in session.address.items():
        page_params.open_params(page).link = dict(parameters)
    st.query_params.from_dict(session.address.get(session.page, {}))
    st.rerun()  # a run begins with the reader's own samples
