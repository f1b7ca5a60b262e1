"""The button that writes a report on what the reader looks at."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from qfusion import report
from qfusion.analysis import text
from qfusion.analysis.sample import sample_of
from qfusion.errors import provided
from qfusion.explain.cohorts import Part
from qfusion.report import about_cohort
from qfusion.ui.door import turns
from qfusion.ui.frame import sliders
from qfusion.ui.frame.shell import Here

KINDS = {".pdf": ("PDF", "application/pdf"), ".html": ("HTML", "text/html")}


def of_sample(here: Here) -> None:
    """Offers the report on the current sample, with the reader's background, output and changes of the model."""
    work, row, asked = here.work, here.row, here.asked
    changed = sliders.current_tweak(work)
    says = (
        f" The model is taken as you have changed it: {text.plain(changed, 120)}."
        if changed
        else ""
    )
    _offer(
        f"{work.name}-{here.sample}",
        f"All about this decision in one file that needs no network: contributions, dynamics, entropies, "
        f"circuit, faithfulness, methods with equations, BibTeX. It takes about ten seconds.{says}",
        lambda suffix: report.sample(sample_of(work, row, asked, changed)).written(suffix),
    )


def of_cohort(here: Here, table: Any, parts: Sequence[Part], name: str) -> None:
    """Offers the report on the cohort in force."""
    work = here.work
    _offer(
        f"{work.name}-cohort",
        "All about this cohort in one file that needs no network: shares and types with intervals, "
        "contributions, entanglement, members, faithfulness, methods with equations, BibTeX. It takes about ten "
        "seconds.",
        lambda suffix: report.cohort(about_cohort.members(work, table, parts, name)).written(
            suffix
        ),
    )


def _offer(name: str, says: str, make: Callable[[str], bytes]) -> None:
    file = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:80]
    with st.popover(
        "Report", icon=":material/description:", help="A report to read, print or send"
    ):
        st.caption(says)
        with st.container(horizontal=True):
            for suffix, (label, kind) in KINDS.items():
                st.download_button(
                    label,
                    data=turns.in_turn(provided()(partial(make, suffix))),
                    file_name=f"qfusion-{file}{suffix}",
                    mime=kind,
                    on_click="ignore",
                    icon=":material/download:",
                    key=f"report{suffix}",
                )
