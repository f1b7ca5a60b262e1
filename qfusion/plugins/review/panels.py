"""Panels of the tabs Students and Referee on Faithfulness."""

from qfusion.plugins.review import referee
from qfusion.plugins.review.students.student_curves import (
    can_learn,
    can_teach,
    student_curves,
    student_factors,
)
from qfusion.views.pages import panel
from qfusion.views.pages.faithfulness import PROOF

_REVIEWED = panel.all_open(PROOF.is_one_of(referee.VIEW), referee.RUN.opens)
_TAUGHT = PROOF.is_one_of("Students")
CONTROLS = referee.CONTROLS
PANELS = {
    "referee-checks": panel.Panel(referee.referee, referee.OPTIONS, opens=_REVIEWED, scope="study"),
    "referee-modalities": panel.Panel(
        referee.working_modalities, fits=referee.is_reviewed, opens=_REVIEWED, scope="study"
    ),
    "students": panel.Panel(student_curves, fits=can_teach, opens=_TAUGHT, scope="study"),
    "students-factors": panel.Panel(student_factors, fits=can_learn, opens=_TAUGHT, scope="study"),
}
