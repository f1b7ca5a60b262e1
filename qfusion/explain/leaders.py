"""The modality that leads a decision.

A modality leads by its share |phi_m| / sum |phi| of the Shapley values (MM-SHAP, Parcalabescu and Frank 2023). It is
named only where it is `LEAD` ahead of every other modality, and by more than one standard deviation over training
seeds, where these were measured.
"""

from collections.abc import Mapping

import numpy as np

from qfusion.explain import contribution_shares
from qfusion.explain.relations import classify_relations
from qfusion.models import games

LEAD = 0.1  # of the shares, by which a modality leads


def find_leaders(
    dividends: np.ndarray, M: int, spread: np.ndarray | float = 0.0, by_sign: bool = True
) -> np.ndarray:
    """Return the number of the modality that leads each of B samples, or -1 where none is named, (B,).

    Args:
        dividends: of one output, the baseline first, (B, 2^M). M: modalities.
        spread: of each modality's lead over training seeds, (B, M), see `verdicts.Doubt.lead`.
        by_sign: see `relations.classify_relations`.
    """
    baseline, own, joint = dividends[:, 0], dividends[:, 1 : M + 1], dividends[:, M + 1 :]
    shares = contribution_shares.shapley_shares(games.shapley(dividends[..., None], M)[..., 0])
    needed = np.broadcast_to(np.maximum(LEAD, spread), shares.shape)
    decided = classify_relations(baseline, own, joint, by_sign) != "undecided"
    return named_leaders(shares, needed, decided)


def named_leaders(shares: np.ndarray, needed: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """Return the number of the modality that leads each of B samples, or -1 where none is named, (B,).

    Args:
        shares: of the Shapley values, (B, M). needed: the lead that each modality needs to be named, (B, M).
        decided: whether the modalities decide at all, and not the baseline, bool (B,).
    """
    place = shares.argmax(1)
    every = np.arange(len(shares))
    ahead = lead_margins(shares)[every, place] >= needed[every, place]
    return np.where(ahead & decided, place, -1)


def lead_margins(values: np.ndarray) -> np.ndarray:
    """Return how far every modality's share is ahead of the largest other one, (..., M) of shares (..., M).

    A single modality is ahead by its whole share.
    """
    if values.shape[-1] == 1:
        return values
    ordered = np.sort(values, axis=-1)
    best, second = ordered[..., -1:], ordered[..., -2:-1]
    return values - np.where(values == best, second, best)


def leading_modality(means: Mapping[str, float]) -> str:
    """Return the modality whose mean share is at least `LEAD` ahead of every other one's, or "" if there is none."""
    values = np.array(list(means.values()), dtype=float)
    place = int(np.argmax(np.nan_to_num(values, nan=-1.0)))
    return list(means)[place] if lead_margins(values)[place] >= LEAD else ""
