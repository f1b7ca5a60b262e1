"""What explanations are worth to a student."""

import streamlit as st

from qfusion.analysis import simulatability as students, text
from qfusion.analysis.study import Study
from qfusion.ui import guidance, page_context, panels


def students_tab(context: page_context.PageContext, study: Study) -> None:
    """Draw the curves of agreement, or why there are none."""
    guidance.aside(
        "A small student learns to predict the decisions of this model, from inputs alone and with explanations beside "
        "them. If explanations help, it needs fewer samples for the same agreement. When it is asked, it sees inputs "
        "alone."
    )
    if obstacle := students.find_obstacle(study):
        st.info(text.escape_markdown(obstacle, 600), icon=":material/info:")
        return
    panels.show(study, context.theme, "students", first=1)
