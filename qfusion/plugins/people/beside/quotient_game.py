"""The game of groups of modalities: each group takes part as a whole (the quotient game of Owen 1977).

A model of text, audio and video stands beside people who heard a voice, which holds words and sound, or saw a face:
voice is the group of text and audio. The value of a coalition of groups is that of all modalities in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import softmax

from qfusion._checks import check
from qfusion._sentences import listed
from qfusion.data.coalition_terms import coalition_names
from qfusion.explain.coalitions import Explanation
from qfusion.models import coalition_algebra


def group_modalities(
    explanation: Explanation,
    groups: Mapping[str, Sequence[str]],
    outputs: np.ndarray,
    as_probabilities: bool = False,
) -> Explanation:
    """Return the contributions of groups of modalities to one output of every sample.

    Args:
        explanation: of B samples.
        groups: the modalities of each group, by its name; every modality is in one of them.
        outputs: number of the explained output of every sample, (B,).
        as_probabilities: the value of a coalition is the softmax of its scores, a number from 0 to 1, not the score.

    Raises:
        InvalidInput: when a modality is in no group, or in several.
    """
    names = [name for group in groups.values() for name in group]
    check(
        sorted(names) == sorted(explanation.modalities) and all(map(len, groups.values())),
        f"Groups must hold each of {listed(list(explanation.modalities))} once, but hold {listed(names) or 'none'}.",
    )
    places = _places(explanation.modalities, groups)
    rows = np.arange(len(explanation.values))
    scores = softmax(explanation.logits, -1) if as_probabilities else explanation.values
    values = scores[rows, :, outputs][:, places, None]
    dividends = coalition_algebra.dividends(values, len(groups))
    errors = None
    is_whole = len(groups) == len(explanation.modalities) and not as_probabilities
    if explanation.errors is not None and is_whole:
        errors = explanation.errors[rows, :, outputs][:, places, None]
    return Explanation(
        modalities=tuple(groups),
        outputs=("explained output",),
        coalitions=coalition_names(tuple(groups)),
        values=values,
        dividends=dividends,
        shapley=coalition_algebra.shapley(dividends, len(groups)),
        background=explanation.background,
        background_size=explanation.background_size,
        errors=errors,
        logit_scale=explanation.logit_scale,
    )


def _places(modalities: tuple[str, ...], groups: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Return the place of the coalition of all modalities in each coalition of groups, (2^G,)."""
    of_coalition = {
        frozenset(np.flatnonzero(inside).tolist()): place
        for place, inside in enumerate(coalition_algebra.members(len(modalities)))
    }
    members = [[modalities.index(name) for name in group] for group in groups.values()]
    places = []
    for inside in coalition_algebra.members(len(groups)):
        union = frozenset(m for g in np.flatnonzero(inside) for m in members[g])
        places.append(of_coalition[union])
    return np.array(places)
