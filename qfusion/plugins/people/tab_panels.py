"""The panels and choices of the tab People of Faithfulness: votes of people who are the model, or labels that people
gave to single modalities beside a model's own terms."""

from qfusion.plugins.people.crowd import crowd_summary, panels as crowd
from qfusion.plugins.people.labels import panels as labels
from qfusion.study.opening import rivals
from qfusion.views.pages import faithfulness, panel, params

PEOPLE = "People"
OTHER = params.SelectParam(
    "proof.with",
    "Second model",
    "None is compared.",
    "A second model of the same data, such as one trained with the labels as additional targets "
    "(`unimodal`).",
    rivals,
    empty=True,
    style={"placeholder": "none", "width": 320},
)
CONTROLS = (OTHER, *crowd.CONTROLS)
_OPEN = faithfulness.PROOF.is_one_of(PEOPLE)
PANELS = {
    "people-alone": panel.Panel(
        labels.rank_correlations,
        {"other": OTHER},
        fits=labels.has_labels,
        opens=_OPEN,
        scope="study",
    ),
    "people-conflict": panel.Panel(
        labels.conflict, {"other": OTHER}, fits=labels.has_labels, opens=_OPEN, scope="study"
    ),
    "people-calibration": panel.Panel(
        labels.calibration, fits=labels.has_labels, opens=_OPEN, scope="study"
    ),
    "crowd-contributions": panel.Panel(
        crowd.crowd_contributions,
        {"over": crowd.OVER},
        fits=lambda study, **_: crowd_summary.has_votes(study),
        opens=_OPEN,
        scope="study",
    ),
    "crowd-groups": panel.Panel(
        crowd.group_contributions,
        {"by": crowd.BY, "over": crowd.OVER},
        fits=crowd.can_group,
        opens=_OPEN,
        scope="study",
    ),
    "crowd-information": panel.Panel(
        crowd.vote_information, fits=crowd.has_information, opens=_OPEN, scope="study"
    ),
}
