"""How one modality's state enters a decision while all others stay, as an exact form with few coefficients, and
what follows from it: the smallest change of one modality that turns the decision, and the search for it among
real samples; and the smallest turn of one parameter of physics that does.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise
from typing import Any, TypeVar

import numpy as np
import scipy
import torch
from numpy.polynomial import chebyshev
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain import backgrounds, coalitions
from qfusion.models import (
    EntangledQCNN,
    Features,
    FusionModel,
    TimeModel,
    Tweak,
    base,
    can,
    ket_model,
    nested,
    require,
    truth_tables,
)
from qfusion.models.time_model import physics_terms
from qfusion.quantum.decomposition import subset_name

A = TypeVar("A", Tensor, np.ndarray)
MARGIN = 1e-6  # how far beyond the boundary, in units of the score, so that the flip is seen
MAX_COALITIONS = (
    2**14
)  # states times coalitions that are worked out for the forms of an EntangledQCNN's dividends


@torch.no_grad()
def states_of(model: FusionModel, inputs: Mapping[str, Features]) -> dict[str, Any]:
    """Returns the modality states in double precision: kets (B, d_m), masses (B, n), or whatever the modalities come
    to."""
    return doubled(model.encode(inputs))


def doubled(states: Mapping[str, Any]) -> dict[str, Any]:
    """Returns modality states in double precision, without their gradients."""
    return nested.nested_mapped(_doubled, dict(states))


def _doubled(entry: Tensor) -> Tensor:
    if entry.is_complex():
        return entry.detach().to(torch.complex128)
    return entry.detach().double() if entry.is_floating_point() else entry.detach()


@torch.no_grad()
def scores_of(model: FusionModel, states: Mapping[str, Any]) -> Tensor:
    """Returns the scores (B, C), with bias, of given modality states."""
    return model.scores(doubled(states))


def score_form(model: FusionModel, states: Mapping[str, Tensor], modality: str) -> Tensor:
    """Returns the scores as forms of one modality's state, the others fixed: (C, d, d) complex or (C, 2^n).

    Args:
        states: of one sample, (1, d_m) kets or (1, n) masses.
    """
    return _assemble(scores_of(model, _replaced(states, modality, _probes(model, modality))), model)


def dividend_forms(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.AnyBackground,
    modality: str,
) -> Tensor:
    """Returns the Harsanyi dividends of one sample as forms of one modality's state: (2^M, C, d, d) complex or (2^M, C,
    2^n).

    Args:
        inputs: of one sample. background: see `background`.

    Raises:
        InvalidInput: when an EntangledQCNN has so many elements and modalities that the forms would take minutes.
    """
    probes = _probes(model, modality)
    count = len(probes) * 2 ** len(model.modalities)
    check(
        can(model, "kets") or count <= MAX_COALITIONS,
        f"Forms of the dividends need {count:,} coalitions here, more than {MAX_COALITIONS:,}. Ask for the score "
        "instead.",
    )
    states = _replaced(states_of(model, inputs), modality, probes)
    return _assemble(
        torch.from_numpy(coalitions.explain_states(model, states, background).dividends), model
    )


def value(form: Tensor, state: Tensor) -> Tensor:
    """Returns the value of forms (..., d, d) or (..., 2^n) at states (B, d) or (B, n): (B, ...); differentiable in the
    states."""
    if form.is_complex():
        return torch.einsum("bi,...ij,bj->b...", state.conj(), form, state).real
    return torch.einsum("bk,...k->b...", truth_tables.probabilities(state), form)


def _replaced(states: Mapping[str, Tensor], modality: str, probes: Tensor) -> dict[str, Tensor]:
    return {
        name: probes if name == modality else state.expand(len(probes), -1)
        for name, state in states.items()
    }


def _probes(model: FusionModel, modality: str) -> Tensor:
    """The states whose values fix a form: (d^2, d) kets or (2^n, n) masses."""
    choose("Modality", modality, model.modalities)
    if can(model, "masses"):
        return truth_tables.patterns(require(model, "masses").elements).double()
    d = require(model, "kets").dims[model.modalities.index(modality)]
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


# The smallest change of what one modality comes to that turns the decision of any model, by gradients: the best that
# was found.
#
# With z the numbers that a modality comes to, all others fixed, "class j overtakes class k" (or
# "the score changes sign") reads g(z) >= 0. The nearest z in the Euclidean norm is looked for by
# the iteration of Hasofer and Lind (1974) and Rackwitz and Fiessler (1978): the point of the
# linearised boundary that is nearest to the sample. What lies beyond the boundary is walked to on a
# straight line, so that what is returned turns the decision; samples whose own numbers do are ends,
# too. Nothing is said of whether any features give such numbers.

STEPS, DAMPING, BISECTIONS = 30, 0.5, 40
NEAREST, KEPT = 8, 32  # ends that are walked to; points that the boundary is looked for before


def flat(state: Any) -> Tensor:
    """Returns the numbers of a state, (B, k); masks are not among them."""
    return torch.cat(
        [entry.flatten(1) for entry in nested.nested_leaves(state) if entry.is_floating_point()], 1
    )


def filled(state: Any, numbers: Tensor) -> Any:
    """Returns a state of the same form with other numbers, (B, k); masks are those of the state, of one row for all."""
    leaves = (entry for entry in nested.nested_leaves(state) if entry.is_floating_point())
    parts = iter(numbers.split([entry[0].numel() for entry in leaves], 1))

    def fill(entry: Tensor) -> Tensor:
        if not entry.is_floating_point():
            return entry.expand(len(numbers), *entry.shape[1:])
        return next(parts).reshape(-1, *entry.shape[1:])

    return nested.nested_mapped(fill, state)


def nearest(
    model: FusionModel,
    states: Mapping[str, Any],
    modality: str,
    was: int,
    ends: Tensor | None = None,
) -> Tensor | None:
    """Returns the numbers (k,) nearest to the sample's own that turn the decision; None where none were found.

    Args:
        states: of one sample. modality: whose numbers may change.
        was: the sample's decision, as of `counterfactual.decision`.
        ends: numbers to walk to besides, (E, k): the NEAREST of them that turn the decision are.
    """
    own, C = flat(states[modality]), len(model.outputs)

    def beyond(numbers: Tensor, others: Tensor | None = None) -> Tensor:
        """How far the decision is another, or one of each row, (B,)."""
        count = len(numbers)
        wide = nested.nested_mapped(
            lambda entry: entry.expand(count, *entry.shape[1:]), dict(states)
        )
        scores = model.scores({**wide, modality: filled(states[modality], numbers)})
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
    steps = _steps(
        lambda numbers: beyond(numbers, others), own, own.expand(len(others), -1), STEPS, DAMPING
    )
    points = torch.cat([own + 1.05 * (here - own) for here in steps])  # a little beyond
    with torch.no_grad():
        if ends is not None:
            turning = ends[beyond(ends) > 0]
            points = torch.cat([points, turning[(turning - own).norm(dim=1).argsort()[:NEAREST]]])
        points = points[torch.isfinite(points).all(1)]
        points = points[beyond(points) > 0] if len(points) else points
        points = points[(points - own).norm(dim=1).argsort()[:KEPT]]
        if not len(points):
            return None
        low, high = own.new_zeros(len(points), 1), own.new_ones(len(points), 1)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            over = beyond(own + middle * (points - own))[:, None] > 0
            low, high = torch.where(over, low, middle), torch.where(over, middle, high)
        reached = own + high * (points - own)
        return reached[int((reached - own).norm(dim=1).argmin())]


def _steps(
    margin: Callable[[Tensor], Tensor],
    own: Tensor,
    here: Tensor,
    count: int,
    damping: float,
    most: float = math.inf,
) -> Iterator[Tensor]:
    """Yields points (T, k), each a damped step nearer to where the linearised boundary, of a margin (T,) of 0, is
    nearest to a sample; `most` is how far from it any number goes."""
    for _ in range(count):
        at = here.detach().requires_grad_()
        value = margin(at)
        (slope,) = torch.autograd.grad(value.sum(), at)
        with torch.no_grad():
            size = slope.square().sum(1, keepdim=True).clamp_min(1e-12)
            way = ((slope * (at - own)).sum(1, keepdim=True) - value[:, None]) / size * slope
            step = damping * (own + way.clamp(-most, most) - at)
            here = at + step
        yield here
        if float(step.abs().max()) < 1e-8:
            return


# The smallest change of one modality's state that turns a decision, and proof that it does.
#
# A decision is the sign of the score where there is one (positive above zero), else the class with the largest score.
#
# QiNN-QJ, exactly. With the other modalities fixed, "class j overtakes class k" (or "the score changes sign") reads
# <psi|B|psi> >= 0 for one Hermitian d x d matrix B. The nearest state in fidelity maximises |<psi_0|psi>|^2 under it;
# with b_i, c_i the eigenvalues of -B and the coefficients of psi_0 in its eigenvectors,
# stationarity gives psi_i ~ c_i / (1 + t b_i), and t solves the secular equation sum_i |c_i|^2 b_i
# / (1 + t b_i)^2 = 0, which falls strictly on the interval where all denominators are positive. A
# quadratic problem with one quadratic constraint has no duality gap (S-lemma, see Polik and Terlaky
# 2007), so this is the global optimum; where psi_0 has no part in the lowest eigenvector, that part
# is added (the "hard case" of More and Sorensen 1983). The distance is the Fubini-Study angle
# arccos |<psi_0|psi>|. No state does it if and only if B has no positive eigenvalue.
#
# EntangledQCNN, numerically. The score is multilinear in the masses p_i = sin^2(theta_i / 2), so its largest value lies
# where all masses are 0 or 1: whether any state turns the decision is decided exactly. The nearest
# one, in the Euclidean norm of the angles theta, is found by gradients from many starts (the
# iteration of Hasofer and Lind 1974, Rackwitz and Fiessler 1978, then SLSQP): the best that was
# found.
#
# Any other model: what a modality comes to is changed by gradients, see `search`; where none is
# found, there may still be one.

_STEPS, _STARTS, _POLISHED = 120, 8, 6


@dataclass(frozen=True, eq=False)
class Turn:
    """A change that is to turn a decision.

    Attributes:
        before, after: scores (C,); `after` from running the model with the change.
    """

    before: np.ndarray
    after: np.ndarray

    @property
    def decision(self) -> int:
        """The decision before: a class, or 1 for a positive score and 0 for another."""
        return decision(self.before)

    @property
    def turned(self) -> int:
        """The decision after."""
        return decision(self.after)

    @property
    def verified(self) -> bool:
        """Whether the model, run again, decides otherwise."""
        return self.turned != self.decision


@dataclass(frozen=True, eq=False)
class StateChange(Turn):
    """The nearest state of one modality that turns the decision, or the news that there is none.

    Attributes:
        modality: whose state changes, all others stay.
        possible: whether any state of it turns the decision; the other fields but `reach` say nothing where not.
        state: the nearest one, ket (d,), masses (n,), or numbers that the modality comes to in another model, (k,).
        distance: Fubini-Study angle of kets, Euclidean norm of the change of the angles theta of masses; radians. Of
            other numbers the Euclidean norm of their change.
        exact: whether the distance is the global optimum, or the best that was found.
        reach: how near the boundary this modality alone can come, in units of the score: >= 0 where possible.
    """

    modality: str
    possible: bool
    state: Tensor
    distance: float
    exact: bool
    reach: float


def decision(scores: np.ndarray | Tensor) -> int:
    """Returns the class of the largest score; of a single score 1 where it is positive, else 0."""
    return int(decisions(np.asarray(scores, dtype=float).reshape(-1)))


def decisions(scores: np.ndarray) -> np.ndarray:
    """Returns the decision of every row of scores (..., C), see `decision`."""
    return np.asarray(scores[..., 0] > 0 if scores.shape[-1] == 1 else scores.argmax(-1)).astype(
        int
    )


TIE = 1e-12  # of the largest score: a smaller difference is rounding


def tied(scores: np.ndarray | Tensor) -> bool:
    """Returns whether several classes have the same largest score, so that none of them is decided for."""
    return len(leading(scores)) > 1


def leading(scores: np.ndarray | Tensor) -> list[int]:
    """Returns the classes with the largest score: several where they are equal to rounding."""
    values = np.asarray(scores, dtype=float).reshape(-1)
    least = values.max() - TIE * max(1.0, float(np.abs(values).max()))
    return [int(place) for place in np.flatnonzero(values >= least)]


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
    model, states = base.in_double(model), doubled(states)
    choose("Modality", modality, model.modalities)
    check(
        all(nested.nested_length(states[name]) == 1 for name in model.modalities),
        "Argument `states` must hold one sample, but holds several.",
    )
    before = scores_of(model, states)[0].numpy()
    exact, linear = can(model, "kets"), can(model, "states")
    if linear:
        own, form = states[modality][0], score_form(model, states, modality).detach()
        nearby, reach = (_nearest_ket if exact else _nearest_masses)(boundaries(form, before), own)
        best = min(nearby, key=lambda state: float(distance(own, state)), default=None)
    else:
        own, ends = flat(states[modality])[0], None if ends is None else flat(ends)
        best = nearest(model, states, modality, decision(before), ends)
        reach = -math.inf if best is None else 0.0
    if best is None:
        return StateChange(before, before, modality, False, own, math.inf, exact, reach)
    if linear:  # by the other picture: the state evolves (QiNN-QJ), or passes the network's layers
        size, turning = float(distance(own, best)), {**states, modality: best[None]}
        with torch.no_grad():
            after = require(model, "states").direct_scores(turning)[0].numpy()
    else:
        size = float((best - own).norm())
        turning = {**states, modality: filled(states[modality], best[None])}
        after = scores_of(model, turning)[0].numpy()
    return StateChange(before, after, modality, True, best, size, exact, reach)


def boundaries(form: A, scores: np.ndarray) -> list[A]:
    """Returns forms that are >= 0 where the decision differs from that of `scores`: one for each other class, or the
    sign's.

    Args:
        form: of the scores, or such scores themselves, (C, ...).
    """
    held = decision(scores)
    if len(form) == 1:
        return [form[0] * (-1.0 if held else 1.0)]
    return [form[c] - form[held] for c in range(len(form)) if c != held]


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


def _nearest_ket(forms: list[Tensor], psi: Tensor) -> tuple[list[Tensor], float]:
    """The nearest ket on each boundary that has one, and how far beyond any of them a ket can get."""
    every = [_ket(B, psi) for B in forms]
    return [ket for ket, _ in every if ket is not None], max(reach for _, reach in every)


def _ket(B: Tensor, psi: Tensor) -> tuple[Tensor | None, float]:
    """The nearest unit ket with <B> = MARGIN (None when there is none), and the largest <B> of all kets."""
    margin = MARGIN * max(1.0, float(torch.linalg.matrix_norm(B, 2)))
    eigenvalues, vectors = torch.linalg.eigh(margin * torch.eye(len(B), dtype=B.dtype) - B)
    b, c = eigenvalues.numpy(), (vectors.mH @ psi).numpy()
    reach, w = margin - float(b[0]), np.abs(c) ** 2
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
        places = c / denominators(
            scipy.optimize.brentq(secular, end, 0.0, xtol=1e-14, rtol=1e-15, maxiter=300)
        )
    else:  # the hard case: nothing, or next to nothing, lies along the lowest eigenvector
        places = np.where(b == b[0], 0, c / np.where(b == b[0], 1, 1 + b / size))
        places[0] = math.sqrt(max(float((np.abs(places) ** 2 * b).sum()) / size, 0.0))
    state = vectors @ torch.from_numpy(places)
    return state / torch.linalg.vector_norm(state), reach


def _nearest_masses(forms: list[Tensor], masses: Tensor) -> tuple[list[Tensor], float]:
    """The nearest masses found on any boundary with sum_b P(b) t_b >= MARGIN, and how far beyond any of them masses can
    get."""
    n = len(masses)
    every = torch.stack(forms).numpy()
    margins = MARGIN * np.maximum(1.0, np.abs(every).max(1))
    reach = float(every.max())
    start, corners = (
        angles(masses.double()).numpy(),
        math.pi * truth_tables.patterns(n).double().numpy(),
    )
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
    *_, theta = _steps(
        partial(_values, first),
        torch.from_numpy(start),
        torch.from_numpy(begin),
        _STEPS,
        0.4,
        math.pi,
    )
    points, crossing = _first_crossing(t_all, start, np.concatenate([theta.numpy(), near]))
    t_all = t_all[crossing]
    order = np.linalg.norm(points - start, axis=1).argsort()[:_POLISHED]
    best = min(
        [_polish(t_all[k], start, points[k]) for k in order],
        key=lambda theta: float(np.linalg.norm(theta - start)),
    )
    return [torch.from_numpy(np.sin(best / 2) ** 2)], reach


def _values(t: np.ndarray, theta: Tensor) -> Tensor:
    """sum_b P(b) t_b of forms (S, 2^n) at angles (S, n)."""
    return (truth_tables.probabilities(torch.sin(theta / 2) ** 2) * torch.from_numpy(t)).sum(-1)


def _first_crossing(
    t: np.ndarray, start: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where the straight ways from the start through `ends` (S, n) first cross their boundary, by bisection, and which
    ways do, (S,)."""
    along = np.linspace(0, 1.5, 49)
    beyond = np.stack(
        [_values(t, torch.from_numpy(start + a * (ends - start))).numpy() >= 0 for a in along]
    )
    crosses: np.ndarray = np.asarray(beyond.any(0))
    t, way, first = t[crosses], (ends - start)[crosses], beyond.argmax(0)[crosses]
    low, high = along[np.maximum(first - 1, 0)], along[first]
    for _ in range(50):
        middle = (low + high) / 2
        done = _values(t, torch.from_numpy(start + middle[:, None] * way)).numpy() >= 0
        low, high = np.where(done, low, middle), np.where(done, middle, high)
    return start + high[:, None] * way, crosses


def _polish(t: np.ndarray, start: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """SLSQP from a point on the boundary; the point itself where that does not improve it."""
    scale = float(np.abs(t).max())

    def margin(angles: Tensor) -> Tensor:
        return _values(t, angles) / scale

    result = scipy.optimize.minimize(
        lambda x: ((x - start) ** 2).sum(),
        theta,
        jac=lambda x: 2 * (x - start),
        method="SLSQP",
        constraints=[
            {
                "type": "ineq",
                "fun": lambda x: float(margin(torch.from_numpy(x))),
                "jac": lambda x: torch.autograd.functional.jacobian(
                    margin, torch.from_numpy(x)
                ).numpy(),
            }
        ],
        options={"maxiter": 200, "ftol": 1e-14},
    )
    moved, _ = _first_crossing(t[None], start, result.x[None])
    better = len(moved) and float(np.linalg.norm(moved[0] - start)) < float(
        np.linalg.norm(theta - start)
    )
    return moved[0] if better else theta


# The smallest turn of one parameter of physics that turns the decision on a sample, all others as learned.
#
# QiNN-QJ: factors on the couplings H_S and on the dissipation (see `decomposition.traceless`), and the
# duration T. The score is an entire function of each, so it is followed by a Chebyshev interpolant
# over the parameter's range (its last coefficients tell how well); crossings of the decision's
# boundary are then found on the model itself by bracketing (Alefeld, Potra, Shi 1995). The
# observables at the nodes do not depend on the sample: worked out once (`table`), they serve all.
#
# EntangledQCNN: the angles phi of the fusion's truth tables. Every score is a + b cos(phi) + c
# sin(phi) in each of them, exactly, so the nearest crossing has a closed form.
#
# Every turn that is reported was set in the model and the model run again.

TOP_FACTOR, TOP_DURATION = (
    2.0,
    3.0,
)  # ranges that are searched: factors on couplings and dissipation, on T
NODES = 13
_FINE = 400  # places of the interpolant that are looked at


@dataclass(frozen=True, eq=False)
class ParameterChange(Turn):
    """The nearest setting of one parameter that turns the decision.

    Attributes:
        kind: "coupling", "dissipation", "duration" or "angle".
        name: a coalition such as "text+audio"; "T"; or "element.stage.pattern",
            numbers from 0.
        learned, value: before and after: a factor, T itself, or radians.
        size: |value / learned - 1|, or the change in radians of an angle.
    """

    kind: str
    name: str
    learned: float
    value: float
    size: float


@dataclass(frozen=True, eq=False)
class Search:
    """What came of turning every parameter.

    Attributes:
        changes: the nearest turn of each parameter that has one, smallest first.
        tried: how many parameters were turned.
        ranges: over what, in words.
        resolution: for interpolated parameters the largest relative size of the last coefficients; 0 for closed forms.
    """

    changes: tuple[ParameterChange, ...]
    tried: int
    ranges: str
    resolution: float


@dataclass(frozen=True, eq=False)
class PhysicsParameter:
    """One parameter of a QiNN-QJ and the observables at the nodes of its range.

    Attributes:
        kind, name, learned: as in `ParameterChange`; top: the range is 0 to `top`.
        nodes: Chebyshev nodes in the range, ascending, (NODES,).
        observables: at the nodes, (NODES, C, D, D).
    """

    kind: str
    name: str
    learned: float
    top: float
    nodes: np.ndarray
    observables: Tensor


def tweak_of(kind: str, name: str, x: float) -> Tweak:
    """Returns what a QiNN-QJ takes to set one of its parameters to `x`."""
    if kind == "duration":
        return Tweak(duration=x)
    return Tweak(dissipations={name: x}) if kind == "dissipation" else Tweak(couplings={name: x})


@torch.no_grad()
def table(model: TimeModel) -> tuple[PhysicsParameter, ...]:
    """Returns all parameters of a model with time, with the observables at their nodes: NODES evolutions for each
    coupling and dissipation, one for T."""
    T = float(model.duration)
    if model.still or T <= 0:
        return ()
    turned = [
        (kind, subset_name(s, model.modalities), 1.0, TOP_FACTOR)
        for kind, terms in zip(("coupling", "dissipation"), physics_terms(model), strict=True)
        for s in terms
    ]
    parameters = []
    for kind, name, learned, top in (*turned, ("duration", "T", T, TOP_DURATION * T)):
        nodes = (chebyshev.chebpts1(NODES) + 1) * top / 2
        O = (
            model.observables(nodes.tolist())
            if kind == "duration"
            else torch.stack(
                [model.tweaked(tweak_of(kind, name, float(x))).observables() for x in nodes]
            )
        )
        parameters.append(PhysicsParameter(kind, name, learned, top, nodes, O.to(torch.complex128)))
    return tuple(parameters)


@torch.no_grad()
def nearest_parameters(
    model: FusionModel,
    states: Mapping[str, Tensor],
    parameters: tuple[PhysicsParameter, ...] | None = None,
) -> Search:
    """Returns for every parameter the smallest turn that changes the decision on one sample, where there is one.

    Args:
        model: as learned, one with time without a tweak.
        states: of the sample, (1, d_m) kets or (1, n) masses, as `states_of` gives them.
        parameters: of a QiNN-QJ, its `table`, to use again for many samples; None works it out.

    Raises:
        InvalidInput: when a model with time has a tweak, in whose place each turn would stand.
    """
    model = base.in_double(model)
    if can(require(model, "terms"), "rules"):
        return _angles(require(model, "rules"), states)
    moving = require(model, "time")
    check(
        not str(moving.tweak or ""),
        f"Argument `model` must be as learned, but has the tweak '{moving.tweak}'. Leave that out.",
    )
    parameters = table(moving) if parameters is None else parameters
    psi = moving.product_state(states).to(torch.complex128)
    before = _scores(moving, psi)
    turned = [_turn(moving, psi, before, parameter) for parameter in parameters]
    changes = [change for change, _ in turned if change is not None]
    return Search(
        tuple(sorted(changes, key=lambda change: change.size)),
        len(parameters),
        f"couplings and dissipation × 0 to {TOP_FACTOR:g}, T from 0 to "
        f"{TOP_DURATION * float(moving.duration):g}",
        max((tail for _, tail in turned), default=0.0),
    )


def _scores(model: TimeModel, psi: Tensor) -> np.ndarray:
    return (ket_model.expectation(model.observables().to(psi.dtype), psi) + model.bias)[0].numpy()


def _turn(
    model: TimeModel, psi: Tensor, before: np.ndarray, parameter: PhysicsParameter
) -> tuple[ParameterChange | None, float]:
    margin = MARGIN * max(1.0, float(np.abs(before).max()))
    learned, top = parameter.learned, parameter.top
    sampled = (
        ket_model.expectation(parameter.observables.flatten(0, 1), psi)[0]
        .view(len(parameter.nodes), -1)
        .numpy()
        + model.bias.numpy()
    )
    coefficients = chebyshev.chebfit(2 * parameter.nodes / top - 1, sampled, NODES - 1)
    tail = float(np.abs(coefficients[-2:]).max() / max(np.abs(coefficients).max(), 1e-300))
    places = np.unique(np.r_[np.linspace(0, top, _FINE), learned])
    lead = np.max(boundaries(chebyshev.chebval(2 * places / top - 1, coefficients), before), 0)
    own = int(np.searchsorted(places, learned))
    far = 2 * margin  # beyond the margin by more than the interpolant's error
    brackets = []
    for way in (range(own, len(places)), range(own, -1, -1)):
        brackets += [(places[a], places[b]) for a, b in pairwise(way) if lead[b] > far][:1]

    def scores(x: float) -> np.ndarray:
        return _scores(model.tweaked(tweak_of(parameter.kind, parameter.name, float(x))), psi)

    def gap(x: float) -> float:
        return float(max(boundaries(scores(x), before))) - margin

    turns: list[float] = []
    for inner, outer in sorted(brackets, key=lambda bracket: abs(bracket[0] - learned)):
        if turns and abs(inner - learned) > abs(turns[0] - learned):
            break  # the other side is farther
        if gap(outer) > 0:
            turns.append(
                scipy.optimize.toms748(gap, *sorted((inner, outer)), xtol=1e-12 * top, rtol=1e-14)
                if gap(inner) < 0
                else inner
            )
    if not turns:
        return None, tail
    value = float(min(turns, key=lambda x: abs(x - learned)))
    value += math.copysign(2e-7 * top, value - learned)  # on the far side of the root
    value = min(max(value, 0.0), top)
    return ParameterChange(
        before,
        scores(value),
        parameter.kind,
        parameter.name,
        learned,
        value,
        abs(value / learned - 1),
    ), tail


def _angles(model: EntangledQCNN, states: Mapping[str, Tensor]) -> Search:
    phi = model.phi.detach().double()
    before = model.scores(states)[0].numpy()
    margin = MARGIN * max(1.0, float(np.abs(before).max()))
    masses = torch.stack([states[name] for name in model.modalities], -1)[0]
    places = list(np.ndindex(*phi.shape))

    def turned(place: tuple[int, ...], angle: float) -> Tensor:
        other = phi.clone()
        other[place] += angle
        return other

    thirds = (0.0, 2 * math.pi / 3, -2 * math.pi / 3)
    vectors = [
        truth_tables.fuse(masses, turned(place, third))[0] for place in places for third in thirds
    ]
    scores = (model.read(torch.stack(vectors)) + model.bias).numpy().reshape(len(places), 3, -1)
    mean = scores.mean(1)  # score = mean + cosine cos(turn) + sine sin(turn)
    cosine, sine = scores[:, 0] - mean, (scores[:, 1] - scores[:, 2]) / math.sqrt(3)
    changes = []
    for wave, place in zip(np.stack([mean, cosine, sine], -1), places, strict=True):
        turn = _nearest_turn(boundaries(wave, before), margin)
        if turn is None:
            continue
        after = model.with_angles(turned(place, turn)).scores(states)[0].numpy()
        name, learned = ".".join(map(str, place)), float(phi[place])
        changes.append(
            ParameterChange(before, after, "angle", name, learned, learned + turn, abs(turn))
        )
    return Search(
        tuple(sorted(changes, key=lambda change: change.size)),
        len(places),
        "every angle of the truth tables, all the way round",
        0.0,
    )


def _nearest_turn(leads: Sequence[np.ndarray], margin: float) -> float | None:
    """The smallest turn of an angle after which a decision leads by `margin`; of each mean, cosine and sine of its
    lead."""
    turns = []
    for mean, cosine, sine in leads:
        size, peak = math.hypot(cosine, sine), math.atan2(sine, cosine)
        if size <= 1e-12 or margin - mean > size:
            continue  # never reaches it
        half = math.acos(max(min((margin - mean) / size, 1.0), -1.0))  # within `half` of the peak
        turns += [math.remainder(peak + side * half, 2 * math.pi) for side in (-1, 1)]
    return min(turns, key=abs) if turns else None
