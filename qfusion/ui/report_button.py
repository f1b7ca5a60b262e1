"""The button that writes a report on what the page shows."""

from functools import partial

import streamlit as st

from qfusion import report
from qfusion.analysis import text
from qfusion.analysis.sample import build_sample
from qfusion.errors import translate_system_errors
from qfusion.ui import page_context, tweak_choice


def report_of_sample(context: page_context.PageContext) -> None:
    """Offer the report on the current sample, with the reader's background, output and changes of the model."""
    changed = tweak_choice.current_tweak(context.study)
    with st.popover(
        "Report", icon=":material/description:", help="A report to read, print or send"
    ):
        st.caption(
            "A report on this decision in one file that needs no network: contributions, dynamics, "
            "entropies, circuit, faithfulness, methods with equations, BibTeX. It takes about ten "
            "seconds."
            + (
                f" The report uses the model with your changes: {text.escape_markdown(changed, 120)}."
                if changed
                else ""
            )
        )
        name = text.file_name(f"{context.study.name}-{context.sample}", 80)
        with st.container(horizontal=True):
            for suffix, kind in ((".pdf", "application/pdf"), (".html", "text/html")):
                st.download_button(
                    suffix[1:].upper(),
                    data=translate_system_errors()(partial(_write, context, changed, suffix)),
                    file_name=f"qfusion-{name}{suffix}",
                    mime=kind,
                    on_click="ignore",
                    icon=":material/download:",
                    key=f"report{suffix}",
                )


def _write(context: page_context.PageContext, changed: str, suffix: str) -> bytes:
    sample = build_sample(context.explained_study, context.row, context.output_wanted, changed)
    return report.sample(sample).render(suffix)
