"""When does the decision leave the single modalities, and does entanglement move then? Free of streamlit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

KINDS = ("dividends", "Shapley values")


def joint_share(dividends: Mapping[str, np.ndarray]) -> np.ndarray:
    """The joint terms' part of the sizes of all terms but the baseline, (T,); 0 where all are 0."""
    single = sum((np.abs(v) for t, v in dividends.items() if t and "+" not in t), start=np.zeros(1))
    joint = sum((np.abs(v) for t, v in dividends.items() if "+" in t), start=np.zeros(1))
    total = np.asarray(single + joint)
    return np.where(total > 0, joint / np.where(total > 0, total, 1), 0.0)


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
