"""Track single samples through the dynamics with QuTiP and through circuits with PennyLane. Attribution of decisions to
them is in `explain`."""

from qfusion._lazy import modules

# checkers read it as True
TYPE_CHECKING = False
if TYPE_CHECKING:
    from qfusion.track.contraction_rates import Contraction, contraction
    from qfusion.track.master_equation import Track, follow, solve, to_frame, track
    from qfusion.track.monte_carlo import Ensemble, Trajectory, ensemble, sample_trajectories
    from qfusion.track.steady_state import Attractor, attractor


__all__ = [
    "Attractor",
    "Contraction",
    "Ensemble",
    "Track",
    "Trajectory",
    "attractor",
    "contraction",
    "ensemble",
    "follow",
    "sample_trajectories",
    "solve",
    "to_frame",
    "track",
]

_CONTENTS = {
    "Attractor": "qfusion.track.steady_state",
    "Contraction": "qfusion.track.contraction_rates",
    "Ensemble": "qfusion.track.monte_carlo",
    "Track": "qfusion.track.master_equation",
    "Trajectory": "qfusion.track.monte_carlo",
    "attractor": "qfusion.track.steady_state",
    "contraction": "qfusion.track.contraction_rates",
    "ensemble": "qfusion.track.monte_carlo",
    "follow": "qfusion.track.master_equation",
    "sample_trajectories": "qfusion.track.monte_carlo",
    "solve": "qfusion.track.master_equation",
    "to_frame": "qfusion.track.master_equation",
    "track": "qfusion.track.master_equation",
}

__getattr__ = modules(__name__, __path__, _CONTENTS)
