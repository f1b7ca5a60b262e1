"""Follows single samples through the dynamics with QuTiP; `qfusion.track.circuit` draws and runs it with PennyLane."""

from qfusion.track.attractor import Attractor, attractor
from qfusion.track.contraction import Contraction, contraction
from qfusion.track.dynamics import Track, agreement, follow, solve, to_frame, track
from qfusion.track.trajectories import Ensemble, Trajectory, ensemble, sample_trajectories

__all__ = [
    "Attractor",
    "Contraction",
    "Ensemble",
    "Track",
    "Trajectory",
    "agreement",
    "attractor",
    "contraction",
    "ensemble",
    "follow",
    "sample_trajectories",
    "solve",
    "to_frame",
    "track",
]
