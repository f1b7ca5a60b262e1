"""The score against one angle on the Circuit page: its panel and choices."""

from typing import Any

from qfusion.analysis.study import Study
from qfusion.explain.angle_response import angle_names
from qfusion.models.protocols import Circuit, EditableCircuit
from qfusion.panels import page_state, panel, params
from qfusion.panels.views import drawn
from qfusion.views import angles


def can_follow(study: Study) -> bool:
    """Return whether the model's circuit has angles that can be set, and is shown on the Circuit page."""
    return study.model.part(Circuit) is not None and bool(angle_names(study.model))


ANGLE = params.SelectParam(
    "angle",
    "Angle",
    "The one whose smallest turn changes the decision is shown.",
    "The angle of one gate, or one that the gates of a layer share, by its name in edits.",
    lambda study: angle_names(study.model),
    checked=False,
    fits=can_follow,
)
FOLD = params.SwitchParam(
    "table.angle",
    "Score against one angle",
    "It stays folded.",
    fits=panel.needs(EditableCircuit, where=can_follow),
)
CONTROLS = (ANGLE, FOLD)


def _is_open(view: page_state.PageState) -> bool:
    if view.has_part(EditableCircuit):
        return FOLD.opens(view)
    return view.get("part") == "Sensitivity"


def _fits(sample: Any, **_: Any) -> bool:
    return can_follow(sample.study)


PANELS = {"angle": panel.Panel(drawn(angles.angle), {"angle": ANGLE}, fits=_fits, opens=_is_open)}
