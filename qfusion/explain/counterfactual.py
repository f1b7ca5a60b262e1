"""The smallest change of one modality's state that flips a decision, and the decision with states set or left out.

A decision is the sign of the score where there is one (positive above zero), else the class with the largest score.
Where the scores are forms of the modality's state (`models.coalition_algebra.ModalityForm`), the nearest state is found
on these: for kets exactly (`models.jump.flips`), for masses by gradients from many starts
(`models.network.truth_tables`). Of any other model the modality's encoding is changed by gradients, see
`counterfactual`; where none is found, there may still be one. Every reported change is verified by running the model.

The nearest change of one modality's encoding that flips the decision of any model, by gradients.

With z the numbers of a modality's encoding, all others fixed, "class j overtakes class k" (or "the score changes sign")
reads g(z) >= 0. The nearest z in the Euclidean norm is searched for by `boundaries.linearised_steps`. Points beyond the
boundary are reached on a straight line, so that the result turns the decision; encodings of other samples that do are
end points, too. The result is the best that was found: whether any features have such an encoding is not known.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain import backgrounds, coalitions
from qfusion.models import Features, FusionModel, base, coalition_algebra, evaluation, terms
from qfusion.models.coalition_algebra import ModalityForm
from qfusion.models.inputs import Background
from qfusion.models.jump.flips import HermitianForm
from qfusion.models.network.truth_tables import MultilinearForm
from qfusion.models.protocols import StateModel, missing_part
from qfusion.models.terms import MARGIN, DecisionFlip, boundaries, decision, linearised_steps
from qfusion.quantum.decomposition import subsets


def nearest_state(
    model: FusionModel, states: Mapping[str, Any], modality: str, ends: Any = None
) -> StateChange:
    """Return the smallest change of one modality's state that turns the decision on one sample.

    Args:
        model: in eval mode.
        states: of the sample, one row each, as `encode_samples` returns them.
        modality: the one whose state may change.
        ends: encodings of the modality in other samples, from which a search by gradients starts, too.

    Raises:
        NotFound: when there is no such modality.
        InvalidInput: when `states` does not hold one sample.
    """
    model = base.to_double(model)
    states = detach_double(states)
    choose("Modality", modality, model.modalities)
    check(
        all(evaluation.nested_length(states[name]) == 1 for name in model.modalities),
        "Argument `states` must hold one sample, but holds several.",
    )
    form = model.algebra.form(modality)
    if form is None:
        return _nearest_encoding(model, states, modality, ends)
    return _nearest_on_form(model, states, modality, form)


@dataclass(frozen=True, eq=False)
class StateChange(DecisionFlip):
    """Nearest state of one modality that flips the decision, or the finding that no such state exists.

    Attributes:
        modality: the one whose state changes; all others stay.
        possible: whether any state of it turns the decision; the other fields but `reach` have no meaning where not.
        state: the nearest one, ket (d,), masses (n,), or the numbers of an encoding, (k,).
        distance: Fubini-Study angle of kets, Euclidean norm of the change of the angles theta of masses; radians. Of an
            encoding the Euclidean norm of its change.
        exact: whether the distance is the global optimum, or the best that was found.
        reach: how near the boundary this modality alone can come, in units of the score: >= 0 where possible.
    """

    modality: str
    possible: bool
    state: Tensor
    distance: float
    exact: bool
    reach: float


def _nearest_on_form(
    model: FusionModel, states: Mapping[str, Tensor], modality: str, form: ModalityForm
) -> StateChange:
    before = score_encodings(model, states)[0].numpy()
    own = states[modality][0]
    matrices = score_form(model, states, modality).detach()
    best, reach = form.nearest_state(boundaries(matrices, before), own)
    if best is None:
        return StateChange(before, before, modality, False, own, math.inf, form.is_exact, reach)
    with torch.no_grad():
        after = model.algebra.reference_scores({**states, modality: best[None]})[0].numpy()
    size = float(form.distance(own, best))
    return StateChange(before, after, modality, True, best, size, form.is_exact, reach)


def _nearest_encoding(
    model: FusionModel, states: Mapping[str, Any], modality: str, ends: Any
) -> StateChange:
    before = score_encodings(model, states)[0].numpy()
    own = flatten_state(states[modality])[0]
    known = None if ends is None else flatten_state(ends)
    best = nearest(model, states, modality, decision(before), known)
    if best is None:
        return StateChange(before, before, modality, False, own, math.inf, False, -math.inf)
    turning = {**states, modality: fill_state(states[modality], best[None])}
    after = score_encodings(model, turning)[0].numpy()
    size = float((best - own).nan_to_num().norm())
    return StateChange(before, after, modality, True, best, size, False, 0.0)


@torch.no_grad()
def encode_samples(model: FusionModel, inputs: Mapping[str, Features]) -> dict[str, Any]:
    """Return the encodings of the modalities in double precision: kets (B, d_m), masses (B, n), or others."""
    return detach_double(model.encode(inputs))


@torch.no_grad()
def score_encodings(model: FusionModel, states: Mapping[str, Any]) -> Tensor:
    """Return the scores (B, C), with bias, of given encodings."""
    return model.scores(detach_double(states))


def detach_double(states: Mapping[str, Any]) -> dict[str, Any]:
    """Return encodings in double precision, without their gradients."""
    return evaluation.nested_mapped(_detach_double, dict(states))


def _detach_double(entry: Tensor) -> Tensor:
    if entry.is_complex():
        return entry.detach().to(torch.complex128)
    return entry.detach().double() if entry.is_floating_point() else entry.detach()


def score_form(model: FusionModel, states: Mapping[str, Tensor], modality: str) -> Tensor:
    """Return the scores as forms of one modality's state, with the other states fixed: (C, d, d) complex or (C, 2^n).

    Args:
        model: one whose scores are forms of the modality's state.
        states: of one sample, (1, d_m) kets or (1, n) masses.
        modality: the one whose state varies.
    """
    form = _form(model, modality)
    return form.assemble(score_encodings(model, _insert_probes(states, modality, form.probes)))


def dividend_forms(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: Background,
    modality: str,
) -> Tensor:
    """Return the Harsanyi dividends of one sample as forms of one modality's state.

    Args:
        model, modality: see `score_form`.
        inputs: of one sample.
        background: of the same model.

    Returns:
        Forms (2^M, C, d, d) complex or (2^M, C, 2^n).

    Raises:
        InvalidInput: when an EntangledQCNN has so many elements and modalities that the forms would take minutes.
    """
    form = _form(model, modality)
    probes = form.probes
    count, most = len(probes) * 2 ** len(model.modalities), form.max_coalitions
    check(
        most is None or count <= most,
        f"Forms of the dividends need {count:,} coalitions here, more than {most or 0:,}. Ask for the score instead.",
    )
    states = _insert_probes(encode_samples(model, inputs), modality, probes)
    dividends = coalitions.explain_states(model, states, background).dividends
    return form.assemble(torch.from_numpy(dividends))


def value(form: Tensor, state: Tensor) -> Tensor:
    """Return the values (B, ...) of forms of kets (..., d, d) or masses (..., 2^n) at states (B, d) or (B, n)."""
    return _modality_form(form, state).value(form, state)


def distance(first: Tensor, second: Tensor) -> Tensor:
    """Return the distance of kets (..., d) or masses (..., n) in radians: Fubini-Study angle, or norm of the angles.

    Example:
        >>> import torch
        >>> from qfusion.explain.counterfactual import distance
        >>> distance(torch.tensor([1.0, 0.0]) + 0j, torch.tensor([0.0, 1.0]) + 0j)
        tensor(1.5708)
    """
    return _modality_form(first, first).distance(first, second)


def _modality_form(numbers: Tensor, state: Tensor) -> ModalityForm:
    size = state.shape[-1]
    return HermitianForm(size) if numbers.is_complex() else MultilinearForm(size)


def _form(model: FusionModel, modality: str) -> ModalityForm:
    choose("Modality", modality, model.modalities)
    form = model.algebra.form(modality)
    if form is None:
        raise missing_part(model, StateModel)
    return form


def _insert_probes(
    states: Mapping[str, Tensor], modality: str, probes: Tensor
) -> dict[str, Tensor]:
    return {
        name: probes if name == modality else state.expand(len(probes), -1)
        for name, state in states.items()
    }


STEPS = 30  # of the iteration
DAMPING = 0.5  # share of each step that is taken
BISECTIONS = 40  # on each line to a point beyond the boundary
NEAREST = 8  # end points that are used
KEPT = 32  # points beyond the boundary before which it is searched for


def flatten_state(state: Any) -> Tensor:
    """Return the numbers of a state, (B, k); masks are not among them."""
    return torch.cat(
        [
            entry.flatten(1)
            for entry in evaluation.nested_leaves(state)
            if entry.is_floating_point()
        ],
        1,
    )


def fill_state(state: Any, numbers: Tensor) -> Any:
    """Return a state of the same form with other numbers, (B, k); masks are those of the state, of one row for all."""
    leaves = (entry for entry in evaluation.nested_leaves(state) if entry.is_floating_point())
    parts = iter(numbers.split([entry[0].numel() for entry in leaves], 1))

    def fill(entry: Tensor) -> Tensor:
        if not entry.is_floating_point():
            return entry.expand(len(numbers), *entry.shape[1:])
        return next(parts).reshape(-1, *entry.shape[1:])

    return evaluation.nested_mapped(fill, state)


def nearest(
    model: FusionModel,
    states: Mapping[str, Any],
    modality: str,
    was: int,
    ends: Tensor | None = None,
) -> Tensor | None:
    """Return the numbers (k,) nearest to the sample's own that turn the decision; None where none were found.

    Args:
        states: of one sample. modality: whose numbers may change; those that are missing (NaN) stay so.
        was: the sample's decision, as of `counterfactual.decision`.
        ends: numbers to walk to besides, (E, k): the NEAREST of them that turn the decision are.
    """
    own, C = flatten_state(states[modality]), len(model.outputs)
    missing, own = own[0].isnan(), own.nan_to_num()

    def beyond(numbers: Tensor, others: Tensor | None = None) -> Tensor:
        """Return how far each row is beyond the decision boundary, (B,): towards any other decision, or towards the
        one in `others` for each row.
        """
        count = len(numbers)
        wide = evaluation.nested_mapped(
            lambda entry: entry.expand(count, *entry.shape[1:]), dict(states)
        )
        known = numbers.masked_fill(missing, torch.nan)
        scores = model.scores({**wide, modality: fill_state(states[modality], known)})
        if C == 1:
            return scores[:, 0] * (-1.0 if was else 1.0) - MARGIN
        lead = (
            scores.index_fill(1, torch.tensor([was]), -torch.inf).amax(1)
            if others is None
            else scores[torch.arange(count), others]
        )
        return lead - scores[:, was] - MARGIN

    others = (
        torch.tensor([c for c in range(C) if c != was])
        if C > 1
        else torch.zeros(1, dtype=torch.long)
    )
    steps = linearised_steps(
        lambda numbers: beyond(numbers, others), own, own.expand(len(others), -1), STEPS, DAMPING
    )
    points = torch.cat([own + 1.05 * (here - own) for here in steps])  # a little beyond
    with torch.no_grad():
        if ends is not None:
            ends = ends.masked_fill(missing, 0)
            ends = ends[ends.isfinite().all(1)]
            turning = ends[beyond(ends) > 0]
            points = torch.cat([points, turning[(turning - own).norm(dim=1).argsort()[:NEAREST]]])
        points = points[torch.isfinite(points).all(1)]
        points = points[beyond(points) > 0] if len(points) else points
        points = points[(points - own).norm(dim=1).argsort()[:KEPT]]
        if not len(points):
            return None
        low = own.new_zeros(len(points), 1)
        high = own.new_ones(len(points), 1)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            over = beyond(own + middle * (points - own))[:, None] > 0
            low = torch.where(over, low, middle)
            high = torch.where(over, middle, high)
        reached = own + high * (points - own)
        return reached[int((reached - own).norm(dim=1).argmin())].masked_fill(missing, torch.nan)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of a model for given modality states.

    Attributes:
        scores: (C,), with bias; with modalities left out, their mean over the background.
        dividends: (2^M, C); they add up to the scores. Those of modalities left out are zero.
        decision: see `terms.decision`.
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
    own = encode_samples(model, inputs)
    for name in model.modalities:
        check(
            name in states and _describe_encoding(states[name]) == _describe_encoding(own[name]),
            f"Argument `states` must hold `{name}` with {_describe_encoding(own[name])}, but does not.",
        )
        model.algebra.check_state(name, states[name])
    explanation = remove_modalities(coalitions.explain_states(model, states, background), dropped)
    dividends, scores = explanation.dividends[0], explanation.dividends[0].sum(0)
    return Outcome(scores, dividends, terms.decision(scores))


def _describe_encoding(state: Any) -> str:
    return ", ".join(
        f"shape {tuple(entry.shape)} and {entry.dtype}" for entry in evaluation.nested_leaves(state)
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
    count = evaluation.nested_length(candidates)
    before = terms.decision(score_encodings(model, states)[0])
    form = model.algebra.form(modality)
    if form is None:
        tiled = evaluation.nested_tiled(dict(states), count)
        scores = score_encodings(model, {**tiled, modality: candidates})
        difference = flatten_state(candidates) - flatten_state(states[modality])
        distances = torch.linalg.vector_norm(difference.nan_to_num(), dim=-1)
    else:
        scores = form.value(score_form(model, states, modality).detach(), candidates)
        distances = form.distance(states[modality], candidates)
    turned = torch.from_numpy(terms.decisions(scores.numpy()) != before)
    if not bool(turned.any()):
        return Donor(-1, float("inf"), np.asarray(scores[0]) * np.nan, 0, count, False)
    row = int(torch.where(turned, distances, torch.inf).argmin())
    nearest = {**states, modality: evaluation.nested_part(candidates, slice(row, row + 1))}
    after = score_encodings(model, nearest)[0].numpy()
    return Donor(
        row,
        float(distances[row]),
        after,
        int(turned.sum()),
        count,
        terms.decision(after) != before,
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
        shapley=coalition_algebra.shapley(dividend, M),
    )
