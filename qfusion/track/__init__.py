"""Follows single samples through the dynamics with QuTiP; `qfusion.track.circuit` draws and runs it with PennyLane."""

from qfusion.track.attractors import Attractor, Contraction, attractor, contraction
from qfusion.track.dynamics import (
    Ensemble,
    Track,
    Trajectory,
    agreement,
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
