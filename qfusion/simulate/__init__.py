"""Simulate single samples: the dynamics with QuTiP, circuits with PennyLane. Attribution of decisions to them is in
`explain`.
"""

from qfusion._lazy import modules

# checkers read it as True
TYPE_CHECKING = False
if TYPE_CHECKING:
    from qfusion.simulate.master_equation import Track, solve, to_frame, track, track_sample
    from qfusion.simulate.steady_state import Attractor, Contraction, attractor, contraction
    from qfusion.simulate.trajectories import Ensemble, Trajectory, ensemble, sample_trajectories


__all__ = [
    "Attractor",
    "Contraction",
    "Ensemble",
    "Track",
    "Trajectory",
    "attractor",
    "contraction",
    "ensemble",
    "track_sample",
    "sample_trajectories",
    "solve",
    "to_frame",
    "track",
]

_CONTENTS = {
    "Attractor": "qfusion.simulate.steady_state",
    "Contraction": "qfusion.simulate.steady_state",
    "Ensemble": "qfusion.simulate.trajectories",
    "Track": "qfusion.simulate.master_equation",
    "Trajectory": "qfusion.simulate.trajectories",
    "attractor": "qfusion.simulate.steady_state",
    "contraction": "qfusion.simulate.steady_state",
    "ensemble": "qfusion.simulate.trajectories",
    "track_sample": "qfusion.simulate.master_equation",
    "sample_trajectories": "qfusion.simulate.trajectories",
    "solve": "qfusion.simulate.master_equation",
    "to_frame": "qfusion.simulate.master_equation",
    "track": "qfusion.simulate.master_equation",
}

__getattr__ = modules(__name__, __path__, _CONTENTS)
