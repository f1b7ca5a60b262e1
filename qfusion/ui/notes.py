"""Notes of the reader on what is shown: kept in the session and its file, each with the link to its view."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import streamlit as st

from qfusion.analysis import text
from qfusion.panels.pickers import SAMPLE
from qfusion.ui import page_params, state
from qfusion.ui.icon_button import icon_button
from qfusion.ui.session_file import MAX_NOTE, MAX_NOTES, Note

# Notes of the reader on what is shown: kept in the session and its file, each with the link to its view.

NOTES, _TEXT = "_notes", "_note_text"


def notes_button(page: str, files: Mapping[str, str]) -> None:
    """Draw the button that opens them.

    Args:
        page: title of the page. files: of the pages by title.
    """
    notes: tuple[Note, ...] = state.get(NOTES, ())
    with st.popover(
        f"Notes ({len(notes)})" if notes else "Note", icon=":material/edit_note:", key="notes"
    ):
        st.text_area(
            "Note on this view",
            max_chars=MAX_NOTE,
            key=_TEXT,
            height=90,
            placeholder="Your observation. It is saved with the sample, the model and all settings.",
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
                    f"[{text.escape_markdown(name)}]({_link(note, files)})  "
                    f"\n{text.escape_markdown(note.text, MAX_NOTE)}"
                )
                icon_button(
                    f"Delete note {place + 1}",
                    "delete",
                    f"_note_drop_{place}",
                    state.put,
                    NOTES,
                    notes[:place] + notes[place + 1 :],
                    type="tertiary",
                )


def _link(note: Note, files: Mapping[str, str]) -> str:
    """The view's address, in which nothing can end a link of markdown."""
    query = (
        urlencode(note.address, doseq=True, quote_via=quote).replace("(", "%28").replace(")", "%29")
    )
    return f"./{page_stem(files.get(note.page, 'app.py'))}?{query}"


def _keep(page: str) -> None:
    words = str(state.get(_TEXT, "")).strip()
    notes = state.get(NOTES, ())
    if words and len(notes) < MAX_NOTES:
        state.put(NOTES, (*notes, Note(words[:MAX_NOTE], page, page_params.shown_address())))
        state.put(_TEXT, "")


def page_stem(file: str) -> str:
    """Return the name of a page's file without its ending; empty for the first page."""
    return "" if file == "app.py" else Path(file).stem
