"""Many figures at once as a zip, from the figure drawer: all of this page, or this one for every sample of a cohort."""

from __future__ import annotations

import io
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.explain import cohorts
from qfusion.figures.recipe import ExportStyle, Recipe
from qfusion.panels import pages
from qfusion.ui.door import turns
from qfusion.ui.frame import state, stored

PAGE, COHORT = "All figures of this page", "This figure for every sample of a cohort"
_DONE, _WHICH, _SAVED, _FILTER, _MOST = (
    "_batch.done",
    "_batch.which",
    "_batch.saved",
    "_batch.filter",
    "_batch.most",
)
_RUN, _TYPED = "_batch.run", "typed below"
_TURN = 0.7  # seconds of writing before the dialog is drawn again


def view(recipe: Recipe, style: ExportStyle, left: DeltaGenerator, right: DeltaGenerator) -> None:
    """What is written, its making with progress, and the file.

    Args:
        recipe: of the panel whose drawer this is. style: of all figures.
        left, right: where the files are made, and where their style is chosen.
    """
    with left:
        _files(recipe, style)


def _files(recipe: Recipe, style: ExportStyle) -> None:
    of_sample = pages.subject_of(recipe.page, recipe.panel) in pages.OF_SAMPLE
    which = st.radio(
        "Figures", [PAGE, COHORT] if of_sample else [PAGE], key=_WHICH, label_visibility="collapsed"
    )
    filter, most = _cohort() if which == COHORT else ("", pages.USUAL_FILES)
    wanted = (recipe.page, recipe.panel, str(recipe.address), which, filter, most, str(style))
    with st.container(horizontal=True):
        pressed = st.button(
            "Make the zip", type="primary", icon=":material/folder_zip:", key="batch-make"
        )
        place = st.container()
    try:
        if pressed:
            jobs = (
                pages.jobs_of_page(recipe.page, recipe.address)
                if which == PAGE
                else pages.jobs_of_cohort(recipe.page, recipe.panel, recipe.address, filter, most)
            )
            out = io.BytesIO()
            state.put(_RUN, _Run(wanted, out, pages.zip_steps(jobs, style, out)))
        if running := state.get(_RUN):
            _go_on(running, wanted)
    except QFusionError as error:
        _cancel()
        st.error(text.message(error), icon=":material/error:")
        return
    done = state.get(_DONE)
    if done and done[0] == wanted:
        _, content, count, failed, letters = done
        size = (
            f"{len(content) / 1e6:.1f} MB"
            if len(content) > 1e6
            else f"{max(1, len(content) // 1000)} kB"
        )
        label = f"Download {count} figures, {size}"
        with place:
            st.download_button(
                label,
                content,
                f"{_stem(recipe)}.zip",
                "application/zip",
                on_click="ignore",
                icon=":material/download:",
                key="batch-file",
            )
        for name, reason in failed[:5]:
            st.warning(text.message(f"{name} is left out: {reason}"), icon=":material/warning:")
        for line in letters[:2]:
            st.warning(text.message(line), icon=":material/font_download_off:")
    st.caption("With the numbers of each as CSV and a manifest of all recipes.")


def _cohort() -> tuple[str, int]:
    """The filter, saved or typed, and how many samples at most."""
    saved = {each.name: cohorts.written(each.parts) for each in stored.saved()}
    chosen = (
        st.selectbox("Cohort", [_TYPED, *saved], format_func=text.plain, key=_SAVED)
        if saved
        else _TYPED
    )
    filter = saved.get(chosen or "", "")
    if chosen == _TYPED:
        filter = st.text_input(
            "Filter",
            placeholder="relation=conflict; error>1",
            key=_FILTER,
            max_chars=400,
            help="As on the Cohorts page. Without one, all samples of the test split.",
        )
    most = st.number_input("Max samples", 1, pages.MAX_FILES, pages.USUAL_FILES, key=_MOST)
    return filter, int(most)


@dataclass
class _Run:
    """A zip that is being written: what was asked for, where it goes, and the figures that are left."""

    wanted: tuple[object, ...]
    out: io.BytesIO
    steps: Generator[pages.WriteStep, None, dict[str, Any]]
    at: pages.WriteStep = (0, 1, "…")


def _cancel() -> None:
    state.put(_RUN, None)


def _go_on(run: _Run, wanted: tuple[object, ...]) -> None:
    """Writes figures for a moment and has the dialog drawn again, which is when a click on Cancel is heard; another
    choice ends it too."""
    if run.wanted != wanted:
        _cancel()
        return
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="bottom"):
        bar = st.progress(0.0, "Finding the figures …")
        st.button("Cancel", key="batch-cancel", icon=":material/close:", on_click=_cancel)
    context = get_script_run_ctx()
    in_turns = context is not None and bool(context.fragment_ids_this_run)
    until = time.monotonic() + _TURN
    while True:
        done, count, name = run.at
        bar.progress(done / count, f"{done + 1} of {count}: {text.plain(name, 60)}")
        with turns.waiting(""):
            try:
                run.at = next(run.steps)
            except StopIteration as end:
                manifest = end.value
                break
        if in_turns and time.monotonic() > until:
            st.rerun(scope="fragment")
    place.empty()
    _cancel()
    entries = manifest["figures"]
    failed = [
        (str(entry.get("sample") or entry["panel"]), str(entry["error"]))
        for entry in entries
        if "error" in entry
    ]
    state.put(
        _DONE,
        (
            wanted,
            run.out.getvalue(),
            len(entries) - len(failed),
            failed,
            [*dict.fromkeys(entry["letters"] for entry in entries if "letters" in entry)],
        ),
    )


def _stem(recipe: Recipe) -> str:
    return f"qfusion-{pages.file_name(recipe.page)}-figures"
