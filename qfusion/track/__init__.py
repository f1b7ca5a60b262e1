"""Track single samples through the dynamics with QuTiP and through circuits with PennyLane. Attribution of decisions to
them is in `explain`."""

from qfusion._lazy import modules
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

__getattr__ = modules(__name__, __path__)
