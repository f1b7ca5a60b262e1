"""The page of decision operators: its choices and its panels."""

from typing import Any

from qfusion.data.row_splits import SPLITS
from qfusion.models.protocols import StateModel
from qfusion.study import operators
from qfusion.study.sample import Sample
from qfusion.views.operators import (
    EXTREMES,
    UPS,
    element_effects,
    extreme_eigenstate,
    extreme_plane,
    outcome_patterns,
    spectrum,
)
from qfusion.views.pages import page_state, params, samples
from qfusion.views.pages.panel import Panel, drawn, needs
from qfusion.views.samples import sample_curve

NEAREST = 4  # samples that are shown on each side


def has_kets(sample: Sample, group: str = "", **_: Any) -> bool:
    """Return whether the operator's eigenstates are kets, which can be drawn."""
    return (
        sample.study.model.part(StateModel) is not None
        and operators.group_operator(sample, group).vectors is not None
    )


def has_patterns(sample: Sample, group: str = "", **_: Any) -> bool:
    """Return whether the operator acts on outcome patterns."""
    return sample.study.model.part(StateModel) is not None and not has_kets(sample, group)


def _nearest_curve_names(view: page_state.PageState, sample: Sample) -> list[str]:
    """Return the ends of the names of the curves of the samples nearest to both extremes."""
    if not sample.study.model.part(StateModel):
        return []
    result = operators.group_votes(sample, GROUP(view) or "", AMONG(view) or "test")[0]
    names: list[str] = []
    for side in ("for", "against"):
        rows = result.nearest(side, NEAREST)
        names += samples.curve_names(sample.study, rows, f"{side}-card", result.operator.modalities)
    return names


_STATES = needs(StateModel)
GROUP = params.SelectParam(
    "votes",
    "Modality or pair",
    "The first modality is shown.",
    "The modalities whose states vote; all others are averaged over the background.",
    operators.group_labels,
    look="segments",
    meanings=lambda label: label.replace(operators.WITH, "+"),
    present=lambda label: label.replace(" with ", operators.WITH),
    fits=_STATES,
)
AMONG = params.SelectParam(
    "among",
    "Among the samples for",
    "The test samples are shown.",
    "The samples among which the nearest ones are searched.",
    SPLITS,
    default="test",
    look="segments",
    fits=_STATES,
)
UP = params.SelectParam(
    "against",
    "y axis",
    "The weight against is shown.",
    "The weight of a sample on the state that votes most against, or the output with these modalities alone known.",
    UPS,
    look="segments",
    fits=_STATES,
)
CONTROLS = (GROUP, AMONG, UP)
_GROUP = {"group": GROUP}
_AMONG = {**_GROUP, "split": AMONG}
OPERATORS = {
    "spectrum": Panel(drawn(spectrum), _AMONG, fits=_STATES),
    "along": Panel(drawn(extreme_plane), {**_AMONG, "up": UP}, fits=_STATES),
    **{
        f"state-{side}": Panel(drawn(extreme_eigenstate), _GROUP, {"side": side}, fits=has_kets)
        for side in EXTREMES
    },
    "patterns": Panel(drawn(outcome_patterns), _GROUP, fits=has_patterns),
    "effects": Panel(drawn(element_effects), _GROUP, fits=has_patterns),
}
NAMED = {
    "content-": Panel(
        drawn(sample_curve),
        rest=samples.parse_curve_name,
        endings=_nearest_curve_names,
    )
}
