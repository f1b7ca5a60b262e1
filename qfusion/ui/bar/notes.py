"""Notes of the reader on what is shown: kept in the session and its file, each with the link to its view."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import streamlit as st

from qfusion.analysis import text
from qfusion.panels.address import GUIDES
from qfusion.ui.frame import state
from qfusion.ui.frame.sessions import MAX_NOTE, MAX_NOTES, Note

_NOTES, _TEXT = "_notes", "_note_text"


def kept() -> tuple[Note, ...]:
    """The notes of this session."""
    return tuple(state.get(_NOTES, ()))


def put(notes: tuple[Note, ...]) -> None:
    """Replaces them, as by a session file."""
    state.put(_NOTES, notes)


def draw(page: str, files: Mapping[str, str]) -> None:
    """Draws the button that opens them.

    Args:
        page: title of the page. files: of the pages by title.
    """
    notes = kept()
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
            with st.container(horizontal=True, vertical_alignment="center", key=f"note-{place}"):
                st.markdown(
                    f"[{text.plain(_named(note))}]({_link(note, files)})  \n{text.plain(note.text, MAX_NOTE)}"
                )
                st.button(
                    "",
                    key=f"_note_drop_{place}",
                    icon=":material/delete:",
                    type="tertiary",
                    help="Delete it",
                    on_click=_drop,
                    args=(place,),
                )


def _named(note: Note) -> str:
    return " · ".join([note.page, *note.address.get(state.SAMPLE, [])[:1]])


def _link(note: Note, files: Mapping[str, str]) -> str:
    """The view's address, in which nothing can end a link of markdown."""
    stem = Path(files.get(note.page, "app.py")).stem
    return f"./{'' if stem == 'app' else stem}?{urlencode(note.address, doseq=True, quote_via=quote)}".replace(
        "(", "%28"
    ).replace(")", "%29")


def _keep(page: str) -> None:
    words = str(state.get(_TEXT, "")).strip()
    if words and len(kept()) < MAX_NOTES:
        here = {key: values for key, values in state.address().items() if key not in GUIDES}
        always = {key: [str(value)] for key, value in state.get(state.KEPT, {}).items()}
        put((*kept(), Note(words[:MAX_NOTE], page, always | here)))
        state.put(_TEXT, "")


def _drop(place: int) -> None:
    put(tuple(note for at, note in enumerate(kept()) if at != place))
