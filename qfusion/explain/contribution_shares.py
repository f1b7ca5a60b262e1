"""Shares of single modalities, and of joint terms, in exact contributions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qfusion.explain.coalitions import Explanation


def shares(explanation: Explanation) -> np.ndarray:
    """Return |phi_m| / sum |phi|, (..., B, M, C): the MM-SHAP share of each modality (Parcalabescu and Frank 2023).

    Where every Shapley value is zero, the shares are equal.
    """
    return shapley_shares(explanation.shapley, -2)


def shapley_shares(shapley: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return |phi_m| / sum |phi| of Shapley values with modalities along an axis, in the same shape. The shares are
    equal if all values are zero.
    """
    size = np.abs(shapley)
    total = size.sum(axis, keepdims=True)
    return np.where(total > 0, size / np.where(total > 0, total, 1), 1 / size.shape[axis])


def joint_share(dividends: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the joint terms' part of the sizes of all terms but the baseline, (T,); 0 where all are 0."""
    joint = sum((np.abs(v) for t, v in dividends.items() if "+" in t), start=np.zeros(1))
    total = sum((np.abs(v) for t, v in dividends.items() if t and "+" not in t), start=joint)
    return np.where(total > 0, joint / np.where(total > 0, total, 1), 0.0)
