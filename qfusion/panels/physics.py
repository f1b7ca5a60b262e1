"""Which generator term built which contribution to a decision: the choices and panels of the Dynamics page."""

from qfusion.analysis import physics_sensitivity
from qfusion.panels import params
from qfusion.panels.dynamics_page import CURSOR, TIMED, VIEW
from qfusion.panels.panel import Panel, all_open
from qfusion.panels.views import drawn
from qfusion.views.contributions_by_coupling import (
    BASELINE,
    attribution_flow,
    attribution_matrix,
    attribution_over_time,
)

BUILT_AS = params.SelectParam(
    "builtas",
    "Show as",
    "The matrix is shown.",
    values=("matrix", "over time", "flow"),
    look="segments",
    fits=TIMED,
)
BUILT_OVER = params.SelectParam(
    "builtof",
    "Samples",
    "This sample is shown.",
    "This sample, or the mean over several.",
    physics_sensitivity.cohorts,
    fits=TIMED,
)
BUILT_PART = params.SelectParam(
    "built",
    "Contribution",
    "The contribution with the largest change is shown.",
    values=lambda study: (BASELINE, *study.terms),
    fits=TIMED,
)
_OVER = {"over": BUILT_OVER}
_DECISION = VIEW.is_one_of("Decision")
BUILT = {
    "built": Panel(
        drawn(attribution_matrix),
        _OVER,
        fits=TIMED,
        opens=all_open(_DECISION, BUILT_AS.is_one_of("matrix")),
    ),
    "built-over-time": Panel(
        drawn(attribution_over_time),
        {**_OVER, "part": BUILT_PART, "t": CURSOR},
        fits=TIMED,
        opens=all_open(_DECISION, BUILT_AS.is_one_of("over time")),
    ),
    "built-flow": Panel(
        drawn(attribution_flow),
        _OVER,
        fits=TIMED,
        opens=all_open(_DECISION, BUILT_AS.is_one_of("flow")),
    ),
}
