"""Follows single samples through the dynamics with QuTiP and through circuits with PennyLane. What a decision owes
to them is of `explain`.
"""

from qfusion._lazy import modules
from qfusion.track.dynamics import (
    Attractor,
    Contraction,
    Ensemble,
    Track,
    Trajectory,
    attractor,
    contraction,
    ensemble,
    follow,
    sample_trajectories,
    solve,
    to_frame,
    track,
)

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
