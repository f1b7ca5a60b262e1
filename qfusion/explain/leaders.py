"""The modality that leads a decision.

A modality leads where the verdict is about single modalities, its own term is the largest in the direction of the
decision, and its share |phi_m| / sum |phi| of the Shapley values (MM-SHAP, Parcalabescu and Frank 2023) is `LEAD`
ahead of every other modality's, and by more than `SPREADS` standard deviations over training seeds, where these were
measured. Verdict and share then name the same modality.
"""

from collections.abc import Mapping

import numpy as np

from qfusion.explain import coalitions
from qfusion.explain.relations import Relation, classify_relations
from qfusion.models import games

LEAD = 0.1  # of the shares, by which a modality leads
SPREADS = 2.0  # standard deviations over training seeds, below which a number is not read
_BY_MODALITY = [relation.value for relation in Relation if relation.names_modalities]


def find_leaders(dividends: np.ndarray, M: int, boundary: float | None = 0.0) -> np.ndarray:
    """Return the number of the modality that leads each of B samples by one model, or -1 where none does, (B,).

    Args:
        dividends: of one output, the baseline first, (B, 2^M). M: modalities.
        boundary: see `relations.classify_relations`.
    """
    baseline = dividends[:, 0]
    own = dividends[:, 1 : M + 1]
    joint = dividends[:, M + 1 :]
    shapley = games.shapley(dividends[..., None], M)[..., 0]
    relation = classify_relations(baseline, own, joint, boundary)
    return named_leaders(shapley, dividends[:, 1:], relation, needed_lead(0.0, shapley))


def needed_lead(spread: np.ndarray | float, shapley: np.ndarray) -> np.ndarray:
    """Return the lead in Shapley shares that each modality needs to be named, (B, M).

    Args:
        spread: of each modality's lead over training seeds, (B, M). shapley: Shapley values, (B, M).
    """
    return np.broadcast_to(np.maximum(LEAD, SPREADS * np.asarray(spread)), shapley.shape)


def named_leaders(
    shapley: np.ndarray, terms: np.ndarray, relation: np.ndarray, needed: np.ndarray
) -> np.ndarray:
    """Return the number of the modality that leads each of B samples, or -1 where none is named, (B,).

    Args:
        shapley: Shapley values, (B, M). terms: all dividends but the baseline, own terms first, (B, 2^M - 1).
        relation: of `relations.RELATIONS`, (B,). needed: see `needed_lead`, (B, M).
    """
    M, every = shapley.shape[1], np.arange(len(shapley))
    shares = coalitions.shapley_shares(shapley)
    place = shares.argmax(1)
    direction = np.sign(terms.sum(1))
    is_ahead = lead_margins(shares)[every, place] >= needed[every, place]
    is_first = place == leading_terms(terms[:, :M], direction)
    agrees = shapley[every, place] * direction > 0
    named = np.isin(relation, _BY_MODALITY) & is_ahead & is_first & agrees
    return np.where(named, place, -1)


def leading_terms(own: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return the number of the largest own term in the direction of the decision, (B,).

    Args:
        own: terms of single modalities, (B, M). direction: sign of the sum of all terms, (B,).
    """
    return np.asarray((own * direction[:, None]).argmax(1))


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
