"""The form that adds recordings of a folder to an imported data set."""

from pathlib import Path

import streamlit as st

from qfusion import _read_only
from qfusion._checks import check
from qfusion._sentences import count
from qfusion.app import guidance, page_runs, state
from qfusion.data.data_set import DataSet
from qfusion.plugins.recordings import clip_join, clips
from qfusion.study import text

FOLDER, TABLE = "_join_folder", "_join_table"


def recordings(dataset: DataSet) -> None:
    """Draw which samples have a recording. A reader on the server's machine also gets a form to join a folder of
    recordings.
    """
    joined = clips.coverage(dataset.name) if clip_join.is_joinable(dataset) else None
    may_join = not _read_only.is_read_only()
    if joined is None and not (may_join and clip_join.is_joinable(dataset)):
        return
    with st.expander("Recordings", icon=":material/movie:", expanded=joined is not None):
        if joined is None:
            guidance.aside(
                "Recordings of the samples (videos, sounds or pictures) can be linked. They are then played "
                "beside their explanations. Files are not copied."
            )
        else:
            own, every = map(sum, zip(*joined.splits.values(), strict=True))
            st.markdown(f"**{own:,} of {every:,} samples have a recording.**")
            for line in joined.lines():
                st.markdown(f"- {text.message(line)}")
        if may_join:
            with st.form("_join_form", border=False):
                st.text_input(
                    "Folder of recordings",
                    key=FOLDER,
                    help="On the server's machine. Files are named by the samples' ids, as `<id>.mp4` or MMSA's "
                    "`Raw/<video>/<clip>.mp4`. Words are read from .srt, .vtt or .TextGrid files beside them.",
                )
                st.text_input(
                    "Table of id, path, start and end (CSV), for files with other names",
                    key=TABLE,
                    help="Paths are relative to the folder. Start and end, in seconds, select a part of a file.",
                )
                if st.form_submit_button("Join", icon=":material/join:"):
                    with page_runs.show_errors():
                        _join(dataset)


def _join(dataset: DataSet) -> None:
    _read_only.check_allowed("join recordings")
    folder, table = (str(state.get(key) or "").strip() for key in (FOLDER, TABLE))
    check(bool(folder), "Name the folder of the recordings.")
    with st.status("Reading the recordings …") as shown:

        def tell(done: float, total: float, name: str) -> None:
            shown.update(
                label=f"{done:,.0f} of {total:,.0f} files: {text.escape_markdown(name, 60)}"
            )

        joined = clip_join.join_recordings(
            dataset, Path(folder), Path(table).expanduser() if table else None, tell
        )
    joined_to = count(sum(number for number, _ in joined.splits.values()), "sample")
    state.put(
        state.DATA_MESSAGE,
        f"Linked recordings to {joined_to} of **{text.escape_markdown(dataset.name)}**.",
    )
    st.rerun(scope="app")
