"""Reviews: ten checks of a reviewer, and what explanations teach students.

They are two tabs of Faithfulness and the commands `check` and `simulatability`.
"""

from pathlib import Path

from qfusion.plugin import Command, Plugin, Tab

PLUGIN = Plugin(
    "review",
    requires=("why",),
    commands={
        "check": Command(
            "qfusion.plugins.review.command:check",
            [
                "check qj-mosi",
                "check qj-mosi --claim acc2_non0=0.79 --resource entanglement",
                "check my-model --data my-data --rival plain-network --seed-model my-model-1 --seed-model my-model-2",
            ],
        ),
        "simulatability": Command(
            "qfusion.plugins.review.students.command:simulatability",
            ["simulatability qj-planted", "simulatability qj-mosi qcnn-digits --json"],
        ),
    },
    panels={"faithfulness": "qfusion.plugins.review.panels"},
    tabs=(
        Tab(
            "faithfulness",
            "Students",
            "qfusion.plugins.review.students.tab:students_tab",
            fits="qfusion.plugins.review.students.student_curves:can_teach",
        ),
        Tab("faithfulness", "Referee", "qfusion.plugins.review.referee_tab:referee_tab"),
    ),
    assets=Path(__file__).parent / "assets",
)
