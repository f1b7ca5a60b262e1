"""The view "H and L" of the Dynamics page: its panels and the choice of an operator."""

from qfusion.analysis import inside
from qfusion.panels import params
from qfusion.panels.dynamics_page import TIMED, VIEW
from qfusion.panels.panel import Panel
from qfusion.panels.views import drawn
from qfusion.views.generator import couplings, decay_modes, levels, operator_coefficients
from qfusion.wording.operators import name_operators

OPERATOR = params.SelectParam(
    "letters",
    "Operator",
    "H is shown.",
    "Operator that is expanded below. L1, L2, ... are those of one unravelling, as under "
    "Trajectories.",
    lambda study: name_operators(study.model),
    look="segments",
    fits=TIMED,
)
_OPEN = VIEW.is_one_of("H and L")
PANELS = {
    "couplings": Panel(drawn(couplings), fits=TIMED, opens=_OPEN),
    "levels": Panel(drawn(levels), fits=TIMED, opens=_OPEN),
    "letters": Panel(drawn(operator_coefficients), {"operator": OPERATOR}, fits=TIMED, opens=_OPEN),
    "modes": Panel(drawn(decay_modes), fits=inside.has_modes, opens=_OPEN),
}
