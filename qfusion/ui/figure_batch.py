"""Many figures at once as a zip, from the figure drawer: all of the page, or one for every sample of a cohort."""

import io
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.explain import cohort_filters
from qfusion.figures.export_style import ExportStyle
from qfusion.figures.recipe import Recipe
from qfusion.panels import archives, pages
from qfusion.ui import saved, state, streamlit_internals

# Many figures at once as a zip, from the figure drawer: all of this page, or this one for every sample of a cohort.

PAGE, COHORT = "All figures of this page", "This figure for every sample of a cohort"
_DONE, _WHICH, _SAVED, _FILTER, _MOST = (
    "_batch.done",
    "_batch.which",
    "_batch.saved",
    "_batch.filter",
    "_batch.most",
)
_RUN, _TYPED = "_batch.run", "entered below"


def figure_batch(recipe: Recipe, style: ExportStyle) -> None:
    """Draw the choice of what is written, the progress of writing it, and the download of the file.

    Args:
        recipe: of the panel whose drawer this is. style: of all figures.
    """
    of_sample = pages.scope_name(recipe.page, recipe.panel) in archives.SAMPLE_SCOPES
    which = st.radio(
        "Figures", [PAGE, COHORT] if of_sample else [PAGE], key=_WHICH, label_visibility="collapsed"
    )
    filter, most = _cohort() if which == COHORT else ("", archives.DEFAULT_FILES)
    wanted = (recipe.page, recipe.panel, str(recipe.address), which, filter, most, str(style))
    with st.container(horizontal=True):
        pressed = st.button(
            "Create the zip file", type="primary", icon=":material/folder_zip:", key="batch-make"
        )
        place = st.container()
    try:
        if pressed:
            jobs = (
                archives.jobs_of_page(recipe.page, recipe.address)
                if which == PAGE
                else archives.jobs_of_cohort(
                    recipe.page, recipe.panel, recipe.address, filter, most
                )
            )
            out = io.BytesIO()
            state.put(_RUN, _Run(wanted, out, archives.zip_steps(jobs, style, out)))
        if running := state.get(_RUN):
            _advance(running, wanted)
    except QFusionError as error:
        state.put(_RUN, None)
        st.error(text.message(error), icon=":material/error:")
        return
    done = state.get(_DONE)
    if done and done[0] == wanted:
        _, content, figures = done
        failed = [figure for figure in figures if "error" in figure]
        letters = dict.fromkeys(figure["letters"] for figure in figures if "letters" in figure)
        size = (
            f"{len(content) / 1e6:.1f} MB"
            if len(content) > 1e6
            else f"{max(1, len(content) // 1000)} kB"
        )
        place.download_button(
            f"Download {len(figures) - len(failed)} figures, {size}",
            content,
            f"qfusion-{archives.file_name(recipe.page)}-figures.zip",
            "application/zip",
            on_click="ignore",
            icon=":material/download:",
            key="batch-file",
        )
        for figure in failed[:5]:
            st.warning(
                text.message(
                    f"{figure.get('sample') or figure['panel']} is left out: {figure['error']}"
                ),
                icon=":material/warning:",
            )
        for line in [*letters][:2]:
            st.warning(text.message(line), icon=":material/font_download_off:")
    st.caption("With the numbers of each as CSV and a manifest of all recipes.")


def _cohort() -> tuple[str, int]:
    """The filter, saved or typed, and how many samples at most."""
    filters = {
        cohort.name: cohort_filters.format_conditions(cohort.parts)
        for cohort in saved.saved_cohorts()
    }
    chosen = _TYPED
    if filters:
        chosen = st.selectbox(
            "Cohort", [_TYPED, *filters], format_func=text.escape_markdown, key=_SAVED
        )
    if chosen == _TYPED:
        filter = st.text_input(
            "Filter",
            placeholder="relation=conflict; error>1",
            key=_FILTER,
            max_chars=400,
            help="A filter as on the Cohorts page; empty selects all samples of the test split.",
        )
    else:
        filter = filters.get(chosen or "", "")
    most = st.number_input("Max samples", 1, archives.MAX_FILES, archives.DEFAULT_FILES, key=_MOST)
    return filter, int(most)


@dataclass
class _Run:
    """A zip file in progress: the request, the output, and the remaining figures."""

    wanted: tuple[object, ...]
    out: io.BytesIO
    steps: Generator[archives.WriteStep, None, dict[str, Any]]
    at: archives.WriteStep = (0, 1, "…")


def _advance(run: _Run, wanted: tuple[object, ...]) -> None:
    """Write figures for a moment and has the dialog drawn again, which is when a click on Cancel is heard; another
    choice ends it too."""
    if run.wanted != wanted:
        state.put(_RUN, None)
        return
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="bottom"):
        bar = st.progress(0.0, "Finding the figures …")
        st.button(
            "Cancel",
            key="batch-cancel",
            icon=":material/close:",
            on_click=state.put,
            args=(_RUN, None),
        )
    in_turns = streamlit_internals.is_fragment_run()
    until = time.monotonic() + 0.7  # seconds of writing before the dialog is drawn again
    while True:
        done, count, name = run.at
        bar.progress(done / count, f"{done + 1} of {count}: {text.escape_markdown(name, 60)}")
        try:
            run.at = next(run.steps)
        except StopIteration as end:
            manifest = end.value
            break
        if in_turns and time.monotonic() > until:
            st.rerun(scope="fragment")
    place.empty()
    state.put(_RUN, None)
    state.put(_DONE, (wanted, run.out.getvalue(), manifest["figures"]))
