"""The card at the head of a page: a sample's content and the model's decision on it."""

import streamlit as st

from qfusion.analysis.sample import Sample
from qfusion.analysis.text import escape_markdown
from qfusion.ui import page_context, sample_content
from qfusion.views.words.answers import DecisionSummary, Outcome, summarize_decision

BADGES = {
    Outcome.RIGHT: ":green-badge[:material/check: correct]",
    Outcome.WRONG: ":red-badge[:material/close: wrong]",
    Outcome.UNKNOWN: ":gray-badge[truth unknown]",
}


def hero_card(
    context: page_context.PageContext, *, details: bool = False, key: str = "card"
) -> None:
    """Draw the content of the current sample beside the decision on it.

    Args:
        context: the reader's picks.
        details: whether to add the facts of the data set's table.
        key: tells figures of one sample apart that a page shows twice.
    """
    sample = context.tweaked_sample()
    with st.container(border=True, key="hero"):
        content, decision = st.columns([1.25, 1], gap="medium", vertical_alignment="center")
        with content:
            sample_content.sample_content(context, details=details, key=key)
        with decision:
            _draw_decision(summarize_decision(sample), _name_decision(sample))


def _name_decision(sample: Sample) -> str:
    if sample.classes:
        return "Decision"
    unit = escape_markdown(sample.unit)
    return f"Prediction, {unit}" if sample.study.reads_features else f"Measured, {unit}"


def _draw_decision(summary: DecisionSummary, name: str) -> None:
    """Draw what is decided, the answer, large, and its numbers below."""
    with st.container(key="hero-decision", gap="xsmall"):
        st.caption(name)
        st.markdown(f"**{summary.answer}** {BADGES.get(summary.outcome, '')}")
        with st.container(horizontal=True, gap="medium", key="hero-facts"):
            for fact in summary.facts:
                st.markdown(
                    f":small[{fact.name}]  \n**{fact.value}**",
                    help=fact.help or None,
                    width="content",
                )
