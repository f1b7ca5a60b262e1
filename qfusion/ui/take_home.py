"""The conclusion at the head of a page: one sentence, larger than the text below it."""

import streamlit as st

from qfusion._sentences import true_minus
from qfusion.ui import guidance


def take_home(sentence: str, explanation: str = "") -> None:
    """Draw the conclusion of a page.

    Args:
        sentence: the conclusion, as Markdown.
        explanation: of its numbers, as Markdown: behind an (i), or below where all texts are on the page.
    """
    with st.container(key="take-home"):
        st.markdown(true_minus(sentence), help=guidance.help(explanation) if explanation else None)
        if explanation:
            guidance.help_line(explanation)
