"""When does the decision leave the single modalities, and does entanglement move then? Free of streamlit."""

from __future__ import annotations

import numpy as np

from qfusion.explain.summaries import joint_share as joint_share

KINDS = ("dividends", "Shapley values")


def leaves_at(share: np.ndarray) -> int | None:
    """The first place from which on the joint terms outweigh the single ones for good, or None."""
    wins = share > 0.5
    if not wins[-1]:
        return None
    losing = np.flatnonzero(~wins)
    return int(losing[-1]) + 1 if len(losing) else 0


def done_by(values: np.ndarray, place: int) -> float | None:
    """How much of its way from the first to the last value a series has gone by a place; None where it hardly moves."""
    way = float(values[-1] - values[0])
    return None if abs(way) < 1e-3 else float(values[place] - values[0]) / way
