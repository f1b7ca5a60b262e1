"""Decision operators: the states of a modality, or of a pair, that vote for or against a decision.

They are the page Decision operators.
"""

from pathlib import Path

from qfusion.plugin import Page, Plugin

PLUGIN = Plugin(
    "operators",
    pages=(
        Page(
            "Decision operators",
            "Which states of a modality vote for or against this decision, and which real samples are near them?",
            "qfusion.plugins.operators.page:page",
            icon=":material/how_to_vote:",
            file="pages/operators.py",
            needs="qfusion.models.protocols:StateModel",
            begins_with_figure=True,
        ),
    ),
    panels={"decision operators": "qfusion.plugins.operators.panels"},
    assets=Path(__file__).parent / "assets",
)
