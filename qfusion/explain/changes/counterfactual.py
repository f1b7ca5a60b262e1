"""The smallest change of one modality's state that turns a decision, and proof that it does.

A decision is the sign of the score where there is one (positive above zero), else the class with the largest score.

QiNN-QJ, exactly. With the other modalities fixed, "class j overtakes class k" (or "the score changes sign") reads
<psi|B|psi> >= 0 for one Hermitian d x d matrix B. The nearest state in fidelity maximises |<psi_0|psi>|^2 under it;
with b_i, c_i the eigenvalues of -B and the coefficients of psi_0 in its eigenvectors, stationarity gives psi_i ~ c_i /
(1 + t b_i), and t solves the secular equation sum_i |c_i|^2 b_i / (1 + t b_i)^2 = 0, which falls strictly on the
interval where all denominators are positive. A quadratic problem with one quadratic constraint has no duality gap
(S-lemma, see Polik and Terlaky 2007), so this is the global optimum; where psi_0 has no part in the lowest eigenvector,
that part is added (the "hard case" of More and Sorensen 1983). The distance is the Fubini-Study angle arccos
|<psi_0|psi>|. No state does it if and only if B has no positive eigenvalue.

EntangledQCNN, numerically. The score is multilinear in the masses p_i = sin^2(theta_i / 2), so its largest value lies
where all masses are 0 or 1: whether any state turns the decision is decided exactly. The nearest one, in the Euclidean
norm of the angles theta, is found by gradients from many starts (the iteration of Hasofer and Lind 1974, Rackwitz and
Fiessler 1978, then SLSQP): the best that was found.

Any other model: what a modality comes to is changed by gradients, see `search`; where none is found, there may still be
one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain.changes import forms, search
from qfusion.models import FusionModel, can, nested, require
from qfusion.models.base import in_double

MARGIN = 1e-6  # how far beyond the boundary, in units of the score, so that the flip is seen
_STEPS, _STARTS, _POLISHED = 120, 8, 6


@dataclass(frozen=True, eq=False)
class StateChange:
    """The nearest state of one modality that turns the decision, or the news that there is none.

    Attributes:
        modality: whose state changes, all others stay.
        possible: whether any state of it turns the decision; the other fields but `reach` say nothing where not.
        state: the nearest one, ket (d,), masses (n,), or numbers that the modality comes to in another model, (k,).
        distance: Fubini-Study angle of kets, Euclidean norm of the change of the angles theta of masses; radians. Of
            other numbers the Euclidean norm of their change.
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


def nearest_state(
    model: FusionModel, states: Mapping[str, Any], modality: str, ends: Any = None
) -> StateChange:
    """Returns the smallest change of one modality's state that turns the decision on one sample.

    Args:
        model: in eval mode.
        states: of the sample, (1, d_m) kets or (1, n) masses, as `forms.states_of` gives them.
        modality: whose state may change.
        ends: of a model without states, what the modality comes to in other samples, to walk to.

    Raises:
        NotFound: when there is no such modality.
        InvalidInput: when `states` does not hold one sample.
    """
    model, states = in_double(model), forms.doubled(states)
    choose("Modality", modality, model.modalities)
    check(
        all(nested.length(states[name]) == 1 for name in model.modalities),
        "Argument `states` must hold one sample, but holds several.",
    )
    if not can(model, "states"):
        return _searched(model, states, modality, ends)
    form = forms.score_form(model, states, modality).detach()
    own = states[modality][0]
    before = forms.scores_of(model, states)[0].numpy()
    found, reach = (_nearest_ket if form.is_complex() else _nearest_masses)(
        boundaries(form, before), own
    )
    best = min(found, key=lambda state: _distance(own, state), default=None)
    exact, was = can(model, "kets"), decision(before)
    if best is None:
        return StateChange(
            modality, False, own, math.inf, before, before, was, was, False, exact, reach
        )
    after = run_again(model, {**states, modality: best[None]})
    turned = decision(after)
    return StateChange(
        modality,
        True,
        best,
        _distance(own, best),
        before,
        after,
        was,
        turned,
        turned != was,
        exact,
        reach,
    )


def _searched(
    model: FusionModel, states: Mapping[str, Any], modality: str, ends: Any
) -> StateChange:
    """The nearest that gradients find, over all other decisions."""
    before = forms.scores_of(model, states)[0].numpy()
    was, own = decision(before), states[modality]
    best = search.nearest(model, states, modality, was, None if ends is None else search.flat(ends))
    if best is None:
        return StateChange(
            modality,
            False,
            search.flat(own)[0],
            math.inf,
            before,
            before,
            was,
            was,
            False,
            False,
            -math.inf,
        )
    after = forms.scores_of(model, {**states, modality: search.filled(own, best[None])})[0].numpy()
    turned = decision(after)
    return StateChange(
        modality,
        True,
        best,
        float((best - search.flat(own)[0]).norm()),
        before,
        after,
        was,
        turned,
        turned != was,
        False,
        0.0,
    )


def boundaries(form: Tensor, scores: np.ndarray) -> list[Tensor]:
    """Returns forms that are >= 0 where the decision differs from that of `scores`: one for each other class, or the
    sign's."""
    if len(form) == 1:
        return [form[0] * (-1.0 if decision(scores) else 1.0)]
    held = decision(scores)
    return [form[c] - form[held] for c in range(len(form)) if c != held]


def run_again(model: FusionModel, states: Mapping[str, Tensor]) -> np.ndarray:
    """Returns the scores (C,) of one sample's states by the other picture: the state evolves (QiNN-QJ), or passes the
    network's layers."""
    with torch.no_grad():
        return require(model, "states").direct_scores(states)[0].numpy()


def distance(first: Tensor, second: Tensor) -> Tensor:
    """Returns the distance of states (..., d) or (..., n) in radians: Fubini-Study angle of kets, norm of the angles
    between masses."""
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


def _nearest_ket(wanted: list[Tensor], psi: Tensor) -> tuple[list[Tensor], float]:
    """The nearest ket on each boundary that has one, and how far beyond any of them a ket can get."""
    every = [_ket(B, psi) for B in wanted]
    return [ket for ket, _ in every if ket is not None], max(reach for _, reach in every)


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


def _nearest_masses(wanted: list[Tensor], masses: Tensor) -> tuple[list[Tensor], float]:
    """The nearest masses found on any boundary with sum_b P(b) t_b >= MARGIN, and how far beyond any of them masses can
    get."""
    n = len(masses)
    every = torch.stack(wanted).numpy()
    margins = MARGIN * np.maximum(1.0, np.abs(every).max(1))
    reach = float(every.max())
    start, corners = angles(masses.double()).numpy(), math.pi * forms.patterns(n).double().numpy()
    rng = np.random.default_rng(0)
    shifted = every - margins[:, None]
    starts, ends = [], []  # (t, angles): where gradients begin, and corners to walk to
    for t in shifted[
        shifted.max(1) > 0
    ]:  # the largest value lies at a corner: no others can be reached
        good = corners[t > 0]
        near = good[np.linalg.norm(good - start, axis=1).argsort()[:_STARTS]]
        begin = np.concatenate(
            [start[None] + 1e-3, start + rng.standard_normal((_STARTS, n)), (start + near) / 2]
        )
        starts.append((np.repeat(t[None], len(begin), 0), begin))
        ends.append((np.repeat(t[None], len(near), 0), near))
    if not starts:
        return [], reach
    first, begin = (np.concatenate(part) for part in zip(*starts, strict=True))
    second, near = (np.concatenate(part) for part in zip(*ends, strict=True))
    t_all = np.concatenate([first, second])
    points, crossing = _first_crossing(
        t_all, start, np.concatenate([_iterate(first, start, begin), near])
    )
    t_all = t_all[crossing]
    order = np.linalg.norm(points - start, axis=1).argsort()[:_POLISHED]
    polished = [_polish(t_all[k], start, points[k]) for k in order]
    best = min(polished, key=lambda theta: float(np.linalg.norm(theta - start)))
    return [torch.from_numpy(np.sin(best / 2) ** 2)], reach


def _value_and_slope(t: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sum_b P(b) t_b of forms (S, 2^n) at angles (S, n), and its gradient (S, n): one leg after the other, and back."""
    S, n = theta.shape
    p, legs, T = np.sin(theta / 2) ** 2, [], t
    for i in reversed(range(n)):
        T = T.reshape(S, -1, 2)
        legs.append(T)
        T = T[..., 0] + (T[..., 1] - T[..., 0]) * p[:, i, None]
    value = T[:, 0]
    slope, before = np.empty_like(theta), np.ones((S, 1))
    for i in range(n):
        T = legs[n - 1 - i]
        slope[:, i] = ((T[..., 1] - T[..., 0]) * before).sum(1) * np.sin(theta[:, i]) / 2
        one = before * p[:, i, None]
        before = np.stack([before - one, one], -1).reshape(S, -1)
    return value, slope


def _iterate(t: np.ndarray, start: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Damped steps to the nearest point of the linearised boundary, (S, n)."""
    for _ in range(_STEPS):
        g, slope = _value_and_slope(t, theta)
        aim = (((slope * (theta - start)).sum(1) - g) / np.maximum((slope**2).sum(1), 1e-12))[
            :, None
        ] * slope
        step = 0.4 * (start + np.clip(aim, -math.pi, math.pi) - theta)
        theta = theta + step
        if np.abs(step).max() < 1e-8:
            break
    return theta


def _first_crossing(
    t: np.ndarray, start: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where the straight ways from the start through `ends` (S, n) first cross their boundary, by bisection, and which
    ways do, (S,)."""
    along = np.linspace(0, 1.5, 49)
    beyond = np.stack([_value_and_slope(t, start + a * (ends - start))[0] >= 0 for a in along])
    crosses: np.ndarray = np.asarray(beyond.any(0))
    if not crosses.any():
        return ends[:0], crosses
    t, way, first = t[crosses], (ends - start)[crosses], beyond.argmax(0)[crosses]
    low, high = along[np.maximum(first - 1, 0)], along[first]
    for _ in range(50):
        middle = (low + high) / 2
        done = _value_and_slope(t, start + middle[:, None] * way)[0] >= 0
        low, high = np.where(done, low, middle), np.where(done, middle, high)
    return start + high[:, None] * way, crosses


def _polish(t: np.ndarray, start: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """SLSQP from a point on the boundary; the point itself where that does not improve it."""
    from scipy.optimize import minimize

    scale = float(np.abs(t).max())
    found = minimize(
        lambda x: ((x - start) ** 2).sum(),
        theta,
        jac=lambda x: 2 * (x - start),
        method="SLSQP",
        constraints=[
            {
                "type": "ineq",
                "fun": lambda x: _value_and_slope(t[None], x[None])[0][0] / scale,
                "jac": lambda x: _value_and_slope(t[None], x[None])[1][0] / scale,
            }
        ],
        options={"maxiter": 200, "ftol": 1e-14},
    )
    moved, _ = _first_crossing(t[None], start, found.x[None])
    better = len(moved) and float(np.linalg.norm(moved[0] - start)) < float(
        np.linalg.norm(theta - start)
    )
    return moved[0] if better else theta
