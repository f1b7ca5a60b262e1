"""The button that writes a report on what the page shows."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from qfusion import report
from qfusion.analysis import text
from qfusion.analysis.sample import build_sample
from qfusion.errors import translate_system_errors
from qfusion.explain.cohort_filters import Part
from qfusion.panels import archives
from qfusion.ui import page_context, tweak_choice


def report_of_sample(context: page_context.PageContext) -> None:
    """Offer the report on the current sample, with the reader's background, output and changes of the model."""
    changed = tweak_choice.current_tweak(context.study)
    _offer(
        f"{context.study.name}-{context.sample}",
        "A report on this decision in one file that needs no network: contributions, dynamics, "
        "entropies, circuit, faithfulness, methods with equations, BibTeX. It takes about ten "
        "seconds."
        + (
            f" The report uses the model with your changes: {text.escape_markdown(changed, 120)}."
            if changed
            else ""
        ),
        lambda suffix: report.sample(
            build_sample(context.explained_study, context.row, context.output_wanted, changed)
        ).render(suffix),
    )


def report_of_cohort(
    context: page_context.PageContext, table: Any, parts: Sequence[Part], name: str
) -> None:
    """Offer the report on the cohort in force."""
    _offer(
        f"{context.study.name}-cohort",
        "A report on this cohort in one file that needs no network: shares and types with intervals, "
        "contributions, entanglement, members, faithfulness, methods with equations, BibTeX. It "
        "takes about ten seconds.",
        lambda suffix: report.cohort(
            report.cohort_report.select_members(
                context.explained_study, table, parts, name, context.output_wanted
            )
        ).render(suffix),
    )


def _offer(name: str, says: str, make: Callable[[str], bytes]) -> None:
    with st.popover(
        "Report", icon=":material/description:", help="A report to read, print or send"
    ):
        st.caption(says)
        with st.container(horizontal=True):
            for suffix, kind in ((".pdf", "application/pdf"), (".html", "text/html")):
                st.download_button(
                    suffix[1:].upper(),
                    data=translate_system_errors()(partial(make, suffix)),
                    file_name=f"qfusion-{archives.file_name(name, 80)}{suffix}",
                    mime=kind,
                    on_click="ignore",
                    icon=":material/download:",
                    key=f"report{suffix}",
                )
