"""Short readings of exact contributions: shares of the modalities, and of the joint terms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qfusion.explain.contributions.coalitions import Explanation


def shares(explanation: Explanation) -> np.ndarray:
    """Returns |phi_m| / sum |phi|, (..., B, M, C): the MM-SHAP share of each modality (Parcalabescu and Frank 2023).

    Where every Shapley value is zero, the shares are equal.
    """
    return shares_of(explanation.shapley, -2)


def shares_of(shapley: np.ndarray, axis: int = -1) -> np.ndarray:
    """Returns |phi_m| / sum |phi| of Shapley values whose modalities lie along an axis, in their shape; equal shares
    where all are zero."""
    size = np.abs(shapley)
    total = size.sum(axis, keepdims=True)
    return np.where(total > 0, size / np.where(total > 0, total, 1), 1 / size.shape[axis])


def joint_share(dividends: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the joint terms' part of the sizes of all terms but the baseline, (T,); 0 where all are 0."""
    single = sum((np.abs(v) for t, v in dividends.items() if t and "+" not in t), start=np.zeros(1))
    joint = sum((np.abs(v) for t, v in dividends.items() if "+" in t), start=np.zeros(1))
    total = np.asarray(single + joint)
    return np.where(total > 0, joint / np.where(total > 0, total, 1), 0.0)
