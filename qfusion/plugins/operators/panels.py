"""The page of decision operators: its choices and its panels."""

from typing import Any

from qfusion.models.protocols import StateModel
from qfusion.plugins.operators import sample_votes
from qfusion.plugins.operators.views import (
    AMONG,
    EXTREMES,
    GROUP,
    HAS_STATES,
    element_effects,
    extreme_eigenstate,
    extreme_plane,
    outcome_patterns,
    spectrum,
)
from qfusion.study.sample import Sample
from qfusion.views.pages import page_state, samples
from qfusion.views.pages.panel import make_panel, panels, variants
from qfusion.views.samples import sample_curve

NEAREST = 4  # samples that are shown on each side


def has_kets(sample: Sample, group: str = "", **_: Any) -> bool:
    """Return whether the operator's eigenstates are kets, which can be drawn."""
    return (
        sample.study.model.part(StateModel) is not None
        and sample_votes.group_operator(sample, group).vectors is not None
    )


def has_patterns(sample: Sample, group: str = "", **_: Any) -> bool:
    """Return whether the operator acts on outcome patterns."""
    return sample.study.model.part(StateModel) is not None and not has_kets(sample, group)


def _nearest_curve_names(view: page_state.PageState, sample: Sample) -> list[str]:
    """Return the ends of the names of the curves of the samples nearest to both extremes."""
    if not sample.study.model.part(StateModel):
        return []
    result = sample_votes.group_votes(sample, GROUP(view) or "", AMONG(view) or "test")[0]
    names: list[str] = []
    for side in ("for", "against"):
        rows = [row for row, *_ in result.nearest(side, NEAREST)]
        names += samples.curve_names(sample.study, rows, f"{side}-card", result.operator.modalities)
    return names


PANELS = {
    **panels(spectrum, {"along": extreme_plane}, fits=HAS_STATES),
    **panels(
        variants(extreme_eigenstate, "state-{}", side=EXTREMES),
        fits=has_kets,
    ),
    **panels({"patterns": outcome_patterns, "effects": element_effects}, fits=has_patterns),
}
NAMED = {
    "content-": make_panel(
        sample_curve, rest=samples.parse_curve_name, endings=_nearest_curve_names
    )
}
