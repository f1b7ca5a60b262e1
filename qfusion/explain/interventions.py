"""The decision on one sample with the states of its modalities set, left out, or taken from another sample."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from qfusion._checks import check, choose
from qfusion.explain import backgrounds, coalitions, counterfactual, gradient_search
from qfusion.models import FusionModel, decisions, games, nested
from qfusion.models.encoding.input_features import Features
from qfusion.quantum.decomposition import subsets


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of a model for given modality states.

    Attributes:
        scores: (C,), with bias; with modalities left out, their mean over the background.
        dividends: (2^M, C); they add up to the scores. Those of modalities left out are zero.
        decision: see `decisions.decision`.
    """

    scores: np.ndarray
    dividends: np.ndarray
    decision: int


def outcome(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.Background,
    states: Mapping[str, Any],
    dropped: Collection[str] = (),
) -> Outcome:
    """Return scores and dividends for given modality states of one sample.

    A modality that is left out takes the background's states: the score is then the value v(S) of the coalition of the
    others, which is the sum of their dividends.

    Args:
        inputs: of one sample that fits the model; only its form counts.
        states: (1, d_m) kets or (1, n) masses of every modality, or what it comes to in another model.
        dropped: modalities that are left out.

    Raises:
        NotFound: when `dropped` names a modality that does not exist.
        InvalidInput: when a state is missing, of another form, or not normalised.
    """
    own = counterfactual.encode_samples(model, inputs)
    for name in model.modalities:
        check(
            name in states and _form(states[name]) == _form(own[name]),
            f"Argument `states` must hold `{name}` with {_form(own[name])}, but does not.",
        )
        model.algebra.check_state(name, states[name])
    explanation = remove_modalities(coalitions.explain_states(model, states, background), dropped)
    dividends, scores = explanation.dividends[0], explanation.dividends[0].sum(0)
    return Outcome(scores, dividends, decisions.decision(scores))


def _form(state: Any) -> str:
    return ", ".join(
        f"shape {tuple(entry.shape)} and {entry.dtype}" for entry in nested.nested_leaves(state)
    )


@dataclass(frozen=True, eq=False)
class Donor:
    """Nearest sample whose state of one modality would turn the decision, and the number of samples whose state would.

    Attributes:
        row: its place among the candidates; -1 where none turns the decision.
        distance: of its state, radians. scores: (C,) after the swap, from the model run again.
        turning, tried: how many candidates turn the decision, of how many.
        verified: whether the model, run again, decides otherwise.
    """

    row: int
    distance: float
    scores: np.ndarray
    turning: int
    tried: int
    verified: bool


def nearest_donor(
    model: FusionModel, states: Mapping[str, Any], modality: str, candidates: Any
) -> Donor:
    """Return the sample that turns the decision by lending its state of one modality, the nearest of all.

    Args:
        states: of the sample, (1, ...) each.
        candidates: states of the modality of others, (N, d_m) kets or (N, n) masses, or what it comes to in another
            model.
    """
    count = nested.nested_length(candidates)
    before = decisions.decision(counterfactual.score_encodings(model, states)[0])
    form = model.algebra.form(modality)
    if form is None:
        tiled = nested.nested_tiled(dict(states), count)
        scores = counterfactual.score_encodings(model, {**tiled, modality: candidates})
        difference = gradient_search.flat(candidates) - gradient_search.flat(states[modality])
        distances = torch.linalg.vector_norm(difference.nan_to_num(), dim=-1)
    else:
        scores = form.value(counterfactual.score_form(model, states, modality).detach(), candidates)
        distances = form.distance(states[modality], candidates)
    turned = torch.from_numpy(decisions.decisions(scores.numpy()) != before)
    if not bool(turned.any()):
        return Donor(-1, float("inf"), np.asarray(scores[0]) * np.nan, 0, count, False)
    row = int(torch.where(turned, distances, torch.inf).argmin())
    nearest = {**states, modality: nested.nested_part(candidates, slice(row, row + 1))}
    after = counterfactual.score_encodings(model, nearest)[0].numpy()
    return Donor(
        row,
        float(distances[row]),
        after,
        int(turned.sum()),
        count,
        decisions.decision(after) != before,
    )


def remove_modalities(
    explanation: coalitions.Explanation, missing: Collection[str]
) -> coalitions.Explanation:
    """Return the explanation of a decision in which modalities are absent: v'(S) = v(S without them), exactly.

    Dividends of what is there stay as they are, all others are 0; the prediction is the coalition value of what is
    there.

    Raises:
        NotFound: when a modality does not exist.
    """
    names, M = explanation.modalities, len(explanation.modalities)
    gone = {names.index(choose("Modality", name, names)) for name in missing}
    order = subsets(M)
    left = [order.index(tuple(m for m in subset if m not in gone)) for subset in order]
    touched = np.array([bool(gone & set(subset)) for subset in order])
    dividend = np.where(touched[:, None], 0.0, explanation.dividends)
    return replace(
        explanation,
        values=explanation.values[..., left, :],
        dividends=dividend,
        shapley=games.shapley(dividend, M),
    )
