"""How one modality's state enters a decision while all others stay: an exact form with few coefficients.

In QiNN-QJ every score, coalition value and dividend is a quadratic form <psi|Q|psi> of one modality's ket: d^2 real
numbers. In an EntangledQCNN it is linear in the 2^n probabilities of what the modality's qubits read: sum_b P(b) t_b
with P(b) = prod_i p_i or 1 - p_i. The coefficients are read off by explaining the states that fix them (kets |i>, |i> +
|j>, |i> + i|j>; masses 0 and 1), which holds
for every background. Where the bias enters, it is part of the form: kets have norm one and probabilities add up to one.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain.contributions.background import AnyBackground
from qfusion.explain.contributions.coalitions import explain
from qfusion.models import FusionModel, can, nested, require
from qfusion.models.encoders import Features
from qfusion.models.fusion import patterns, probabilities

MAX_COALITIONS = (
    2**14
)  # states times coalitions that are worked out for the forms of an EntangledQCNN's dividends


def with_states(model: FusionModel, states: Mapping[str, Any]) -> FusionModel:
    """Returns a model that shares this one's weights but takes every modality's state from `states`, whatever the
    features."""
    other = copy.copy(model)
    other.__dict__["encode"] = lambda inputs: dict(states)
    return other


def states_of(model: FusionModel, inputs: Mapping[str, Features]) -> dict[str, Any]:
    """Returns the modality states in double precision: kets (B, d_m), masses (B, n), or whatever the modalities come
    to."""
    with torch.no_grad():
        return doubled(model.encode(inputs))


def doubled(states: Mapping[str, Any]) -> dict[str, Any]:
    """Returns modality states in double precision, without their gradients."""
    return {name: nested.mapped(_doubled, state) for name, state in states.items()}


def _doubled(each: Tensor) -> Tensor:
    if each.is_complex():
        return each.detach().to(torch.complex128)
    return each.detach().double() if each.is_floating_point() else each.detach()


def scores_of(model: FusionModel, states: Mapping[str, Any]) -> Tensor:
    """Returns the scores (B, C), with bias, of given modality states."""
    with torch.no_grad():
        return model.scores(doubled(states))


def score_form(model: FusionModel, states: Mapping[str, Tensor], modality: str) -> Tensor:
    """Returns the scores as forms of one modality's state, the others fixed: (C, d, d) complex or (C, 2^n).

    Args:
        states: of one sample, (1, d_m) kets or (1, n) masses.
    """
    probes = _probes(model, modality)
    return _assemble(scores_of(model, _replaced(states, modality, probes)), model)


def dividend_forms(
    model: FusionModel, inputs: Mapping[str, Features], background: AnyBackground, modality: str
) -> Tensor:
    """Returns the Harsanyi dividends of one sample as forms of one modality's state: (2^M, C, d, d) complex or (2^M, C,
    2^n).

    Args:
        inputs: of one sample. background: see `background`.

    Raises:
        InvalidInput: when an EntangledQCNN has so many elements and modalities that the forms would take minutes.
    """
    choose("Modality", modality, model.modalities)
    probes = _probes(model, modality)
    work = len(probes) * 2 ** len(model.modalities)
    check(
        can(model, "kets") or work <= MAX_COALITIONS,
        f"Forms of the dividends need {work:,} coalitions here, more than {MAX_COALITIONS:,}. Ask for the score "
        "instead.",
    )
    states = _replaced(states_of(model, inputs), modality, probes)
    found = explain(with_states(model, states), inputs, background)
    return _assemble(torch.from_numpy(found.dividends), model)


def value(form: Tensor, state: Tensor) -> Tensor:
    """Returns the value of forms (..., d, d) or (..., 2^n) at states (B, d) or (B, n): (B, ...); differentiable in the
    states."""
    if form.is_complex():
        return torch.einsum("bi,...ij,bj->b...", state.conj(), form, state).real
    return torch.einsum("bk,...k->b...", probabilities(state), form)


def _replaced(states: Mapping[str, Tensor], modality: str, probes: Tensor) -> dict[str, Tensor]:
    return {
        name: probes if name == modality else state.expand(len(probes), -1)
        for name, state in states.items()
    }


def _probes(model: FusionModel, modality: str) -> Tensor:
    """The states whose values fix a form: (d^2, d) kets or (2^n, n) masses."""
    if can(model, "masses"):
        return patterns(require(model, "masses").elements).double()
    d = require(model, "kets").dims[
        model.modalities.index(choose("Modality", modality, model.modalities))
    ]
    basis = torch.eye(d, dtype=torch.complex128)
    pairs = [
        (basis[i] + phase * basis[j]) / 2**0.5
        for i, j in combinations(range(d), 2)
        for phase in (1, 1j)
    ]
    return torch.stack([*basis, *pairs])


def _assemble(values: Tensor, model: FusionModel) -> Tensor:
    """The forms from their values at the probes, (K, ...)."""
    if can(model, "masses"):
        return values.movedim(0, -1).contiguous()
    d = round(len(values) ** 0.5)
    form = torch.zeros(*values.shape[1:], d, d, dtype=torch.complex128)
    for i in range(d):
        form[..., i, i] = values[i].to(form.dtype)
    # <i + j> = (q_ii + q_jj) / 2 + Re q_ij and <i + i j> = (q_ii + q_jj) / 2 - Im q_ij
    for k, (i, j) in enumerate(combinations(range(d), 2)):
        mean = (values[i] + values[j]) / 2
        form[..., i, j] = torch.complex(values[d + 2 * k] - mean, mean - values[d + 2 * k + 1])
        form[..., j, i] = form[..., i, j].conj()
    return form
