"""The conclusion of Why fuse: one sentence that grows while its parts are computed in the background."""

import streamlit as st

from qfusion.app import guidance, page_context, page_runs, streamlit_internals
from qfusion.plugins.why import summary as fusion_summary
from qfusion.plugins.why.summary_words import describe_missing, summarise_fusion
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.study.text import escape_markdown

PULSE = 2.0  # seconds between two looks at what is known


def draw_summary(context: page_context.PageContext) -> None:
    """Draw the conclusion on the model of a page and its data."""
    study = context.study
    sample = context.tweaked_sample().untweaked
    summary = fusion_summary.find_summary(study, sample)
    st.fragment(_summary, run_every=PULSE if summary.missing else None)(study, sample)


def _summary(study: Study, sample: Sample) -> None:
    """Draw what is known and begin to compute the rest, once the reader has stayed for a moment."""
    page_runs.prepare_script()
    summary = fusion_summary.find_summary(study, sample)
    is_later = streamlit_internals.is_fragment_run()
    if is_later and not summary.missing:
        st.rerun()  # it is whole, and no longer looked at again and again
    is_computing = is_later and not page_context.is_busy()
    if is_computing:
        fusion_summary.begin_missing(
            study, sample, summary.missing, streamlit_internals.session_id()
        )
    guidance.page_summary(summarise_fusion(summary, escape_markdown))
    if rest := describe_missing(summary, is_computing or not is_later):
        st.caption(rest)
