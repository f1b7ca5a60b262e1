"""What explanations are worth to a student."""

from qfusion.app import page_context, panels
from qfusion.study import trust
from qfusion.study.sample import Sample


def students_tab(context: page_context.PageContext, sample: Sample) -> None:
    """Draw the curves of agreement."""
    study = trust.with_training_background(sample.study)
    panels.show(study, "students", "students-factors", columns=[1.5, 1], gap="medium", first=2)
