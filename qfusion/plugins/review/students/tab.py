"""What explanations are worth to a student."""

import streamlit as st

from qfusion.app import page_context, panels
from qfusion.plugins.review.students import student_data as students
from qfusion.study import text, trust
from qfusion.study.sample import Sample


def students_tab(context: page_context.PageContext, sample: Sample) -> None:
    """Draw the curves of agreement, or why there are none."""
    study = trust.with_training_background(sample.study)
    if obstacle := students.find_obstacle(study):
        st.info(text.escape_markdown(obstacle, 600), icon=":material/info:")
        return
    panels.show(study, "students", "students-factors", columns=[1.5, 1], gap="medium", first=2)
