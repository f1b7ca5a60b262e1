"""Multilinear forms of one modality's masses, and the nearest masses at which such a form is positive.

A score is multilinear in the masses p_i = sin^2(theta_i / 2), so its largest value lies where all masses are 0 or 1:
whether any state turns the decision is decided exactly. The nearest one, in the Euclidean norm of the angles theta, is
found by gradients from many starts (`boundaries.linearised_steps`, then SLSQP): the best that was found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy
import torch
from torch import Tensor

from qfusion.models.decisions import MARGIN, linearised_steps
from qfusion.models.network.truth_tables import patterns, probabilities

MAX_COALITIONS = 2**14  # probes times coalitions whose values are computed for forms of dividends
_STEPS = 120  # of the gradient search
_STARTS = 8  # corners, and random points, that the search starts from for each boundary
_POLISHED = 6  # points that SLSQP improves


@dataclass(frozen=True)
class MultilinearForm:
    """The forms sum_b P(b) t_b on masses of n elements, as values t (..., 2^n) of the outcome patterns."""

    n: int
    is_exact: bool = False

    @property
    def max_coalitions(self) -> int | None:
        """Maximum number of probes times coalitions whose values are computed."""
        return MAX_COALITIONS

    @property
    def probes(self) -> Tensor:
        """Masses whose values determine a form: all patterns of 0 and 1, (2^n, n)."""
        return patterns(self.n).double()

    def assemble(self, values: Tensor) -> Tensor:
        """Return the forms (..., 2^n) of values at the probes, (2^n, ...)."""
        return values.movedim(0, -1).contiguous()

    def value(self, form: Tensor, state: Tensor) -> Tensor:
        """Return sum_b P(b) t_b, (B, ...), of forms (..., 2^n) at masses (B, n)."""
        return torch.einsum("bk,...k->b...", probabilities(state), form)

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the Euclidean norm of the difference of the angles theta of masses (..., n), in radians."""
        return torch.linalg.vector_norm(angles(first) - angles(second), dim=-1)

    def nearest_state(self, forms: Sequence[Tensor], state: Tensor) -> tuple[Tensor | None, float]:
        """Return the nearest masses found with sum_b P(b) t_b >= MARGIN for any form, and the largest value of any."""
        n = len(state)
        values = torch.stack(list(forms)).numpy()
        reach = float(values.max())
        margins = MARGIN * np.maximum(1.0, np.abs(values).max(1))
        shifted = values - margins[:, None]
        start = angles(state.double()).numpy()
        corners = math.pi * patterns(n).double().numpy()
        random = np.random.default_rng(0)
        starts, ends = [], []  # (t, angles): starts of the gradient search, and corners to walk to
        for t in shifted[shifted.max(1) > 0]:  # others are negative at every corner, so everywhere
            good = corners[t > 0]
            near = good[np.linalg.norm(good - start, axis=1).argsort()[:_STARTS]]
            drawn = start + random.standard_normal((_STARTS, n))
            begin = np.concatenate([start[None] + 1e-3, drawn, (start + near) / 2])
            starts.append((np.repeat(t[None], len(begin), 0), begin))
            ends.append((np.repeat(t[None], len(near), 0), near))
        if not starts:
            return None, reach
        first, begin = (np.concatenate(part) for part in zip(*starts, strict=True))
        second, near = (np.concatenate(part) for part in zip(*ends, strict=True))
        *_, theta = linearised_steps(
            partial(_values, first),
            torch.from_numpy(start),
            torch.from_numpy(begin),
            _STEPS,
            0.4,
            math.pi,
        )
        t_all = np.concatenate([first, second])
        points, crossing = first_crossing(t_all, start, np.concatenate([theta.numpy(), near]))
        t_all = t_all[crossing]
        order = np.linalg.norm(points - start, axis=1).argsort()[:_POLISHED]
        polished = [polish_point(t_all[k], start, points[k]) for k in order]
        best = min(polished, key=lambda theta: float(np.linalg.norm(theta - start)))
        return torch.from_numpy(np.sin(best / 2) ** 2), reach


def angles(masses: Tensor) -> Tensor:
    """Return theta = 2 arcsin sqrt(p) in [0, pi] of masses."""
    return 2 * torch.asin(masses.clamp(0, 1).sqrt())


def _values(t: np.ndarray, theta: Tensor) -> Tensor:
    """Return sum_b P(b) t_b of forms (S, 2^n) at angles (S, n)."""
    return (probabilities(torch.sin(theta / 2) ** 2) * torch.from_numpy(t)).sum(-1)


def first_crossing(
    t: np.ndarray, start: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return where the straight lines from the start through `ends` (S, n) first cross their boundary, by bisection,
    and which lines do, (S,)."""
    along = np.linspace(0, 1.5, 49)
    beyond = np.stack(
        [_values(t, torch.from_numpy(start + a * (ends - start))).numpy() >= 0 for a in along]
    )
    crosses: np.ndarray = np.asarray(beyond.any(0))
    t = t[crosses]
    way = (ends - start)[crosses]
    first = beyond.argmax(0)[crosses]
    low, high = along[np.maximum(first - 1, 0)], along[first]
    for _ in range(50):
        middle = (low + high) / 2
        done = _values(t, torch.from_numpy(start + middle[:, None] * way)).numpy() >= 0
        low = np.where(done, low, middle)
        high = np.where(done, middle, high)
    return start + high[:, None] * way, crosses


def polish_point(t: np.ndarray, start: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Return the result of SLSQP from a point on the boundary; the point itself where that does not improve it."""
    scale = float(np.abs(t).max())

    def margin(angles: Tensor) -> Tensor:
        return _values(t, angles) / scale

    def margin_gradient(x: np.ndarray) -> np.ndarray:
        return torch.autograd.functional.jacobian(margin, torch.from_numpy(x)).numpy()

    constraint = {
        "type": "ineq",
        "fun": lambda x: float(margin(torch.from_numpy(x))),
        "jac": margin_gradient,
    }
    result = scipy.optimize.minimize(
        lambda x: ((x - start) ** 2).sum(),
        theta,
        jac=lambda x: 2 * (x - start),
        method="SLSQP",
        constraints=[constraint],
        options={"maxiter": 200, "ftol": 1e-14},
    )
    moved, _ = first_crossing(t[None], start, result.x[None])
    if not len(moved):
        return theta
    is_nearer = np.linalg.norm(moved[0] - start) < np.linalg.norm(theta - start)
    return moved[0] if is_nearer else theta
