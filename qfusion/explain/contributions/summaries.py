"""Short readings of exact contributions: shares of the modalities, and of the joint terms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qfusion.explain.contributions.coalitions import Explanation


def shares(explanation: Explanation) -> np.ndarray:
    """Returns |phi_m| / sum |phi|, (..., B, M, C): the MM-SHAP share of each modality (Parcalabescu and Frank 2023).

    Where every Shapley value is zero, the shares are equal.
    """
    size = np.abs(explanation.shapley)
    total = size.sum(-2, keepdims=True)
    return np.where(total > 0, size / np.where(total > 0, total, 1), 1 / size.shape[-2])


def joint_share(dividends: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the joint terms' part of the sizes of all terms but the baseline, (T,); 0 where all are 0."""
    single = sum((np.abs(v) for t, v in dividends.items() if t and "+" not in t), start=np.zeros(1))
    joint = sum((np.abs(v) for t, v in dividends.items() if "+" in t), start=np.zeros(1))
    total = np.asarray(single + joint)
    return np.where(total > 0, joint / np.where(total > 0, total, 1), 0.0)
