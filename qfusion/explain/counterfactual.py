"""The smallest change of one modality's state that turns a decision, and proof that it does.

A decision is the sign of the score where there is one (positive above zero), else the class with the largest score.

QiNN-QJ, exactly. With the other modalities fixed, "class j overtakes class k" (or "the score changes sign") reads <psi|B|psi> >= 0 for one
Hermitian d x d matrix B. The nearest state in fidelity maximises |<psi_0|psi>|^2 under it; with b_i, c_i the eigenvalues of -B and the
coefficients of psi_0 in its eigenvectors, stationarity gives psi_i ~ c_i / (1 + t b_i), and t solves the secular equation
sum_i |c_i|^2 b_i / (1 + t b_i)^2 = 0, which falls strictly on the interval where all denominators are positive. A quadratic problem
with one quadratic constraint has no duality gap (S-lemma, see Polik and Terlaky 2007), so this is the global optimum; where psi_0 has no
part in the lowest eigenvector, that part is added (the "hard case" of More and Sorensen 1983). The distance is the Fubini-Study angle
arccos |<psi_0|psi>|. No state does it if and only if B has no positive eigenvalue.

EntangledQCNN, numerically. The score is multilinear in the masses p_i = sin^2(theta_i / 2), so its largest value lies where all masses are
0 or 1: whether any state turns the decision is decided exactly. The nearest one, in the Euclidean norm of the angles theta, is found by
gradients from many starts (the iteration of Hasofer and Lind 1974, Rackwitz and Fiessler 1978, then SLSQP): the best that was found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain import forms
from qfusion.models import EntangledQCNN, FusionModel

MARGIN = 1e-6  # how far beyond the boundary, in units of the score, so that the flip is seen
_STEPS, _STARTS = 120, 12


@dataclass(frozen=True, eq=False)
class StateChange:
    """The nearest state of one modality that turns the decision, or the news that there is none.

    Attributes:
        modality: whose state changes, all others stay.
        possible: whether any state of it turns the decision; the other fields but `reach` say nothing where not.
        state: the nearest one, ket (d,) or masses (n,).
        distance: Fubini-Study angle of kets, Euclidean norm of the change of the angles theta of masses; radians.
        before, after: scores (C,); `after` from running the model with the new state.
        decision, turned: the decision before and after: a class, or 1 for a positive score and 0 for another.
        verified: whether the model, run again, decides otherwise.
        exact: whether the distance is the global optimum, or the best that was found.
        reach: how near the boundary this modality alone can come, in units of the score: >= 0 where possible.
    """

    modality: str
    possible: bool
    state: Tensor
    distance: float
    before: np.ndarray
    after: np.ndarray
    decision: int
    turned: int
    verified: bool
    exact: bool
    reach: float


def decision(scores: np.ndarray | Tensor) -> int:
    """Returns the class of the largest score; of a single score 1 where it is positive, else 0."""
    values = np.asarray(scores, dtype=float).reshape(-1)
    return int(values[0] > 0) if len(values) == 1 else int(values.argmax())


def nearest_state(model: FusionModel, states: Mapping[str, Tensor], modality: str) -> StateChange:
    """Returns the smallest change of one modality's state that turns the decision on one sample.

    Args:
        model: in double precision and eval mode.
        states: of the sample, (1, d_m) kets or (1, n) masses, as `forms.states_of` gives them.
        modality: whose state may change.

    Raises:
        NotFound: when there is no such modality.
        InvalidInput: when `states` does not hold one sample.
    """
    choose("Modality", modality, model.modalities)
    check(all(len(states[name]) == 1 for name in model.modalities), "Argument `states` must hold one sample, but holds several.")
    form = forms.score_form(model, states, modality).detach()
    own = states[modality][0]
    before = forms.scores_of(model, states)[0].numpy()
    wanted = boundaries(form, before)
    best, reach = None, -math.inf
    for boundary in wanted:
        found, room = (_ket if form.is_complex() else _masses)(boundary, own)
        reach = max(reach, room)
        if found is not None and (best is None or _distance(own, found) < _distance(own, best)):
            best = found
    exact, was = not isinstance(model, EntangledQCNN), decision(before)
    if best is None:
        return StateChange(modality, False, own, math.inf, before, before, was, was, False, exact, reach)
    after = run_again(model, {**states, modality: best[None]})
    turned = decision(after)
    return StateChange(modality, True, best, _distance(own, best), before, after, was, turned, turned != was, exact, reach)


def boundaries(form: Tensor, scores: np.ndarray) -> list[Tensor]:
    """Returns forms that are >= 0 where the decision differs from that of `scores`: one for each other class, or the sign's."""
    if len(form) == 1:
        return [form[0] * (-1.0 if decision(scores) else 1.0)]
    held = decision(scores)
    return [form[c] - form[held] for c in range(len(form)) if c != held]


def run_again(model: FusionModel, states: Mapping[str, Tensor]) -> np.ndarray:
    """Returns the scores (C,) of one sample's states by the other picture: the state evolves (QiNN-QJ), or passes the network's layers."""
    with torch.no_grad():
        if isinstance(model, EntangledQCNN):
            return model.direct_scores(states)[0].numpy()
        psi = model.product_state(states).to(torch.complex128)
        rho = model.evolve_states(psi[:, :, None] * psi[:, None, :].conj(), [model.duration])[0]
        return (torch.einsum("cab,nba->nc", model.readout().to(rho.dtype), rho).real + model.bias)[0].numpy()


def distance(first: Tensor, second: Tensor) -> Tensor:
    """Returns the distance of states (..., d) or (..., n) in radians: Fubini-Study angle of kets, norm of the angles between masses."""
    if first.is_complex():
        overlap = (first.conj() * second).sum(-1)
        # arccos loses half the digits near zero distance; the rest of the second ket does not.
        rest = torch.linalg.vector_norm(second - overlap[..., None] * first, dim=-1)
        return torch.atan2(rest, overlap.abs())
    return torch.linalg.vector_norm(angles(first) - angles(second), dim=-1)


def angles(masses: Tensor) -> Tensor:
    """Returns theta = 2 arcsin sqrt(p) in [0, pi] of masses."""
    return 2 * torch.asin(masses.clamp(0, 1).sqrt())


def _distance(first: Tensor, second: Tensor) -> float:
    return float(distance(first, second))


def _ket(B: Tensor, psi: Tensor) -> tuple[Tensor | None, float]:
    """The nearest unit ket with <B> = MARGIN (None when there is none), and the largest <B> of all kets."""
    from scipy.optimize import brentq

    wanted = MARGIN * max(1.0, float(torch.linalg.matrix_norm(B, 2)))
    eigenvalues, vectors = torch.linalg.eigh(wanted * torch.eye(len(B), dtype=B.dtype) - B)
    b, c = eigenvalues.numpy(), (vectors.mH @ psi).numpy()
    reach, w = wanted - float(b[0]), np.abs(c) ** 2
    if w @ b <= 0:
        return psi, reach
    if b[0] >= 0:
        return None, reach
    size = -b[0]

    def denominators(log_delta: float) -> np.ndarray:
        delta = math.exp(log_delta)  # 1 + t b_0: how close t is to its end, without cancellation
        return np.where(b == b[0], delta, 1 + (1 - delta) * b / size)

    def secular(log_delta: float) -> float:
        return float((w * b / denominators(log_delta) ** 2).sum())

    end = math.log(1e-13)
    if secular(end) <= 0:
        found = c / denominators(brentq(secular, end, 0.0, xtol=1e-14, rtol=1e-15, maxiter=300))
    else:  # the hard case: nothing, or next to nothing, lies along the lowest eigenvector
        found = np.where(b == b[0], 0, c / np.where(b == b[0], 1, 1 + b / size))
        found[0] = math.sqrt(max(float((np.abs(found) ** 2 * b).sum()) / size, 0.0))
    state = vectors @ torch.from_numpy(found)
    return state / torch.linalg.vector_norm(state), reach


def _masses(t: Tensor, masses: Tensor) -> tuple[Tensor | None, float]:
    """The nearest masses found with sum_b P(b) t_b = MARGIN, and the largest value of all masses."""
    n = len(masses)
    wanted = MARGIN * max(1.0, float(t.abs().max()))
    t, reach = t - wanted, float(t.max())
    start = angles(masses.double())
    if float(forms.value(t, masses[None])) >= 0:
        return masses, reach
    if reach <= wanted:
        return None, reach
    corners = math.pi * forms.patterns(n).to(t)
    good = corners[t > 0]
    nearest = good[torch.linalg.vector_norm(good - start, dim=-1).argsort()[:_STARTS]]
    generator = torch.Generator().manual_seed(0)
    random = start + torch.randn(_STARTS, n, dtype=t.dtype, generator=generator)
    tried = torch.cat([_iterate(t, start, torch.cat([start[None] + 1e-3, random, (start + nearest) / 2])), nearest])
    inside = _first_crossing(t, start, tried)
    inside = inside[torch.linalg.vector_norm(inside - start, dim=-1).argsort()[:3]]
    polished = torch.stack([_polish(t, start, each) for each in inside])
    best = polished[torch.linalg.vector_norm(polished - start, dim=-1).argmin()]
    return torch.sin(best / 2).square(), reach


def _value_and_slope(t: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        free = theta.detach().requires_grad_()
        g = forms.value(t, torch.sin(free / 2).square())
        return g.detach(), torch.autograd.grad(g.sum(), free)[0]


def _iterate(t: Tensor, start: Tensor, theta: Tensor) -> Tensor:
    """Damped steps to the nearest point of the linearised boundary, (S, n)."""
    for _ in range(_STEPS):
        g, slope = _value_and_slope(t, theta)
        aim = (((slope * (theta - start)).sum(-1) - g) / slope.square().sum(-1).clamp_min(1e-12))[:, None] * slope
        theta = theta + 0.4 * (start + aim.clamp(-math.pi, math.pi) - theta)
    return theta


def _first_crossing(t: Tensor, start: Tensor, ends: Tensor) -> Tensor:
    """Where the straight ways from the start through `ends` (S, n) first cross the boundary, by bisection; the others are left out."""
    along = torch.linspace(0, 1.5, 49, dtype=t.dtype)
    points = start + along[:, None, None] * (ends - start)
    beyond = forms.value(t, torch.sin(points.flatten(0, 1) / 2).square()).view(len(along), -1) >= 0
    crosses = beyond.any(0)
    first = beyond.int().argmax(0)[crosses]
    low, high, way = along[(first - 1).clamp_min(0)], along[first], (ends - start)[crosses]
    for _ in range(50):
        middle = (low + high) / 2
        done = forms.value(t, torch.sin((start + middle[:, None] * way) / 2).square()) >= 0
        low, high = torch.where(done, low, middle), torch.where(done, middle, high)
    return start + high[:, None] * way


def _polish(t: Tensor, start: Tensor, theta: Tensor) -> Tensor:
    """SLSQP from a point on the boundary; the point itself where that does not improve it."""
    from scipy.optimize import minimize

    x0, scale = start.numpy(), float(t.abs().max())

    def constraint(x: np.ndarray) -> float:
        return float(forms.value(t, torch.sin(torch.from_numpy(x) / 2).square()[None])) / scale

    def slope(x: np.ndarray) -> np.ndarray:
        return _value_and_slope(t, torch.from_numpy(x)[None])[1][0].numpy() / scale

    found = minimize(lambda x: ((x - x0) ** 2).sum(), theta.numpy(), jac=lambda x: 2 * (x - x0), method="SLSQP",
                     constraints=[{"type": "ineq", "fun": constraint, "jac": slope}], options={"maxiter": 200, "ftol": 1e-14})
    moved = _first_crossing(t, start, torch.from_numpy(found.x)[None])
    better = len(moved) and float(torch.linalg.vector_norm(moved[0] - start)) < float(torch.linalg.vector_norm(theta - start))
    return moved[0] if better else theta
