"""Panels of the Dynamics page that stand beside those of `dynamics_page`, or below them."""

from qfusion.panels import panel
from qfusion.panels.dynamics_page import (
    CURSOR,
    HINTON,
    STATE_AS,
    STATE_OF,
    TIMED,
    VIEW,
    evolves_jointly,
)
from qfusion.panels.views import drawn
from qfusion.views import correlations, states, trajectories

_OPEN = VIEW.is_one_of("State")
_T = {"t": CURSOR}
PANELS = {
    "information": panel.Panel(
        drawn(correlations.information),
        _T,
        fits=evolves_jointly,
        opens=VIEW.is_one_of("Correlations"),
    ),
    "raster": panel.Panel(
        drawn(trajectories.raster),
        fits=panel.needs(where=trajectories.has_jumps),
        opens=VIEW.is_one_of("Trajectories"),
    ),
    "hinton": panel.Panel(
        drawn(states.hinton),
        {"whose": STATE_OF, **_T},
        fits=TIMED,
        opens=panel.all_open(_OPEN, STATE_AS.is_one_of(HINTON)),
    ),
    "bloch": panel.Panel(
        drawn(states.bloch), _T, fits=panel.needs(where=states.has_qubits), opens=_OPEN
    ),
    **{
        f"{part}-over-time": panel.Panel(
            drawn(states.elements_over_time), _T, {"part": part}, fits=TIMED, opens=_OPEN
        )
        for part in states.PARTS
    },
}
