"""Short readings of exact contributions: shares of the modalities and how they relate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qfusion.explain.contributions.coalitions import Explanation

RELATIONS: dict[str, str] = {
    "dominance": "One modality's own part outweighs all others together.",
    "conflict": "The two largest own parts point in opposite directions and neither dominates.",
    "complement": "The modalities point the same way, or what they say only together decides.",
}


def shares(explanation: Explanation) -> np.ndarray:
    """Returns |phi_m| / sum |phi|, (..., B, M, C): the MM-SHAP share of each modality (Parcalabescu and Frank 2023).

    Where every Shapley value is zero, the shares are equal.
    """
    size = np.abs(explanation.shapley)
    total = size.sum(-2, keepdims=True)
    return np.where(total > 0, size / np.where(total > 0, total, 1), 1 / size.shape[-2])


def relation(explanation: Explanation, output: int = 0) -> np.ndarray:
    """Returns "dominance", "conflict" or "complement" per sample, in the spirit of M2Lens (Wang et al. 2021).

    Dominance: the largest unimodal dividend exceeds the sum of the other unimodal ones in size. Conflict: it does not,
    and the two largest have opposite signs. Complement: otherwise.
    """
    M = len(explanation.modalities)
    own = explanation.dividends[..., 1:M + 1, output]
    size = np.abs(own)
    order = np.argsort(-size, axis=-1)
    first = np.take_along_axis(own, order[..., :1], -1)[..., 0]
    second = np.take_along_axis(own, order[..., 1:2], -1)[..., 0] if M > 1 else np.zeros_like(first)
    dominant = 2 * size.max(-1) > size.sum(-1)
    return np.where(dominant, "dominance", np.where(first * second < 0, "conflict", "complement"))


def joint_share(dividends: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the joint terms' part of the sizes of all terms but the baseline, (T,); 0 where all are 0."""
    single = sum((np.abs(v) for t, v in dividends.items() if t and "+" not in t), start=np.zeros(1))
    joint = sum((np.abs(v) for t, v in dividends.items() if "+" in t), start=np.zeros(1))
    total = np.asarray(single + joint)
    return np.where(total > 0, joint / np.where(total > 0, total, 1), 0.0)
