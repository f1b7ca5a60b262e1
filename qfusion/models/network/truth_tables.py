"""Fusion by soft truth tables, and the nearest angle of a table, or masses of a modality, that flip a decision.

Modality m gives element i the mass p_mi = sin^2(theta_mi / 2): the probability of 1 of its qubit RY(theta_mi)|0>. A
fused qubit is turned by RY(phi_ib) for each outcome pattern b of the modality qubits, which are then left out. Its
state is

    <Z> = sum_b P_i(b) cos phi_ib,   <X> = sum_b P_i(b) sin phi_ib,   mass of 1 = sum_b P_i(b) sin^2(phi_ib / 2),

where P_i(b) is the product of the masses: phi in {0, pi} gives Boolean rules (AND is Dempster's conjunctive rule on
plausibilities, OR the disjunctive one; arXiv 2401.01392, 2410.08949). More than three modalities are fused one after
another, so that the cost is linear in M.

The smallest change of one truth-table angle of an EntangledQCNN that flips the decision on a sample.

Every score is a + b cos(phi) + c sin(phi) in each angle phi, exactly, so the nearest crossing has a closed form. Every
reported change was set in the model and the model run again.

Multilinear forms of one modality's masses, and the nearest masses at which such a form is positive.

A score is multilinear in the masses p_i = sin^2(theta_i / 2), so its largest value lies where all masses are 0 or 1:
whether any state turns the decision is decided exactly. The nearest one, in the Euclidean norm of the angles theta, is
found by gradients from many starts (`boundaries.linearised_steps`, then SLSQP): the best that was found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy
import torch
from torch import Tensor

from qfusion.models.protocols import TruthTables
from qfusion.models.terms import MARGIN, FlipSearch, ParameterFlip, boundaries, linearised_steps
from qfusion.quantum import states

RULES: dict[str, Callable[[Tensor], Tensor]] = {
    "and": lambda ones: (ones == ones.max()).double(),
    "or": lambda ones: (ones > 0).double(),
    "mean": lambda ones: ones / ones.max(),
    "majority": lambda ones: (
        (2 * ones > ones.max()).double() + 0.5 * (2 * ones == ones.max()).double()
    ),
}
JOINT_LIMIT = 3  # modalities that share one table of 2^M angles; more are chained


def patterns(M: int) -> Tensor:
    """Return all outcome patterns of M qubits, (2^M, M), the first modality slowest.

    Example:
        >>> from qfusion.models.network.truth_tables import patterns
        >>> patterns(2).tolist()
        [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * M).view(2**M, M)


def rule_angles(rule: str, M: int) -> Tensor:
    """Return the angles of a named rule for one table on M modalities, (2^M,), radians in [0, pi].

    "mean" turns by pi times the share of ones, so that its mass is a smooth, monotone mean.

    Example:
        >>> from qfusion.models.network.truth_tables import rule_angles
        >>> rule_angles("and", 2).round(decimals=4)
        tensor([0.0000, 0.0000, 0.0000, 3.1416], dtype=torch.float64)
    """
    return math.pi * RULES[rule](patterns(M).sum(1).double())


def stage_sizes(M: int) -> list[int]:
    """Return how many qubits control each fused qubit: one joint table up to three modalities, then pairs in a
    chain.

    Example:
        >>> from qfusion.models.network.truth_tables import stage_sizes
        >>> stage_sizes(2), stage_sizes(5)
        ([2], [2, 2, 2, 2])
    """
    return [M] if M <= JOINT_LIMIT else [2] * (M - 1)


def named_angles(rule: str, M: int) -> Tensor:
    """Return the angles of a named rule over all stages, (stages, patterns)."""
    if M <= JOINT_LIMIT:
        return rule_angles(rule, M)[None]
    if rule != "mean":
        return rule_angles(rule, 2).repeat(M - 1, 1)
    # masses weigh the newcomer 1 / count against the mean so far
    masses = [[0.0, 1 / count, 1 - 1 / count, 1.0] for count in range(2, M + 1)]
    return 2 * torch.asin(torch.tensor(masses, dtype=torch.float64).sqrt())


def separate_angles(turns: Tensor) -> Tensor:
    """Return the tables of separate rotations, one for each modality: phi_b = pi / 2 + a_0 + sum_m b_m a_m.

    Args:
        turns: a_0 and one angle for each qubit that controls the stage, (n, stages, 1 + k).

    Returns:
        Angles (n, stages, 2^k).
    """
    return math.pi / 2 + turns[..., :1] + turns[..., 1:] @ patterns(turns.shape[-1] - 1).to(turns).T


def nearest_turns(phi: Tensor) -> Tensor:
    """Return the separate rotations, (..., 1 + k), whose tables are nearest to phi (..., 2^k). Tables that are a
    mean in the angle are matched exactly.
    """
    bits = patterns((phi.shape[-1] - 1).bit_length()).to(phi)
    design = torch.cat([torch.ones_like(bits[:, :1]), bits], 1)
    return (phi - math.pi / 2) @ torch.linalg.pinv(design).T


def probabilities(masses: Tensor) -> Tensor:
    """Return the probability of every outcome pattern, (..., 2^k), of independent qubits with masses (..., k).

    Example:
        >>> import torch
        >>> from qfusion.models.network.truth_tables import probabilities
        >>> probabilities(torch.tensor([[0.5, 1.0]]))
        tensor([[0.0000, 0.5000, 0.0000, 0.5000]])
    """
    return states.product(torch.stack([1 - masses, masses], -1).unbind(-2))


def fuse(masses: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
    """Return the fused qubits' vectors and the fused mass after each stage.

    Args:
        masses: p_mi, (..., n, M).
        phi: angles, (n, stages, patterns).

    Returns:
        Vectors (1, <X>, <Z>) of the last fused qubits, (..., n, 3), and masses (..., n, stages).
    """
    controls = phi.shape[-1].bit_length() - 1
    P = probabilities(masses[..., :controls])
    fused: list[Tensor] = []
    for stage, table in enumerate(torch.sin(phi / 2).square().unbind(1)):
        if stage:
            P = probabilities(torch.stack([fused[-1], masses[..., stage + 1]], -1))
        fused.append((P * table).sum(-1))
    x, z = ((P * values[:, -1]).sum(-1) for values in (torch.sin(phi), torch.cos(phi)))
    return torch.stack([torch.ones_like(x), x, z], -1), torch.stack(fused, -1)


def named_rules(M: int) -> tuple[str, ...]:
    """Return the named rules for M modalities: the majority of two is the mean, and a chain has none.

    Example:
        >>> from qfusion.models.network.truth_tables import named_rules
        >>> named_rules(3)
        ('and', 'or', 'mean', 'majority')
    """
    return tuple(rule for rule in RULES if rule != "majority" or M == 3)


def nearest_rule(phi: Tensor, M: int) -> list[tuple[str, float]]:
    """Return for every element the named rule with the nearest table of masses, and the root mean square distance (0
    to 1).

    Args:
        phi: angles, (n, stages, patterns).
        M: number of modalities.
    """
    masses = torch.sin(phi.double() / 2).square()
    named = named_rules(M)
    tables = torch.stack([torch.sin(named_angles(rule, M) / 2).square() for rule in named])
    least = (masses[:, None] - tables.to(masses.device)).square().mean((2, 3)).sqrt().min(1)
    return [
        (named[place], distance)
        for distance, place in zip(least.values.tolist(), least.indices.tolist(), strict=True)
    ]


def fused_entropy(vectors: Tensor) -> Tensor:
    """Return the von Neumann entropy of qubits with vectors (1, <X>, <Z>), (..., 3), in nats.

    It is the entanglement of a fused qubit with the qubits that it was fused from, as these are together in a pure
    state.

    Example:
        >>> import torch
        >>> from qfusion.models.network.truth_tables import fused_entropy
        >>> round(fused_entropy(torch.tensor([1.0, 0.0, 0.0])).item(), 4)
        0.6931
    """
    r = torch.hypot(vectors[..., 1], vectors[..., 2]).clamp(max=1)
    return -(torch.xlogy((1 + r) / 2, (1 + r) / 2) + torch.xlogy((1 - r) / 2, (1 - r) / 2))


@torch.no_grad()
def nearest_changes(model: TruthTables, states: Mapping[str, Tensor]) -> FlipSearch:
    """Return, for every angle, the smallest change that flips the decision on one sample, if there is one.

    Args:
        model: in double precision.
        states: of the sample, (1, n) masses by modality.
    """
    phi = model.phi.detach().double()
    before = model.scores(states)[0].numpy()
    margin = MARGIN * max(1.0, float(np.abs(before).max()))
    places, waves = angle_waves(model, states)
    changes = []
    for wave, place in zip(waves, places, strict=True):
        turn = nearest_turn(boundaries(wave, before), margin)
        if turn is None:
            continue
        after = model.with_angles(_turned(phi, place, turn)).scores(states)[0].numpy()
        name = ".".join(map(str, place))
        learned = float(phi[place])
        changes.append(
            ParameterFlip(before, after, "angle", name, learned, learned + turn, abs(turn))
        )
    return FlipSearch(
        tuple(sorted(changes, key=lambda change: change.size)),
        len(places),
        0.0,
    )


@torch.no_grad()
def angle_waves(
    model: TruthTables, states: Mapping[str, Tensor]
) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """Return the places of all angles, and each score as a function of a turn of each of them.

    Args:
        model: in double precision. states: of one sample, (1, n) masses by modality.

    Returns:
        P places (element, stage, pattern), and mean, cosine and sine of the turn, (P, C, 3).
    """
    phi = model.phi.detach().double()
    masses = torch.stack([states[name] for name in model.modalities], -1)[0]
    places = list(np.ndindex(*phi.shape))
    thirds = (0.0, 2 * math.pi / 3, -2 * math.pi / 3)
    vectors = [fuse(masses, _turned(phi, place, third))[0] for place in places for third in thirds]
    scores = (model.read(torch.stack(vectors)) + model.bias).numpy().reshape(len(places), 3, -1)
    mean = scores.mean(1)  # score = mean + cosine cos(turn) + sine sin(turn)
    cosine = scores[:, 0] - mean
    sine = (scores[:, 1] - scores[:, 2]) / math.sqrt(3)
    return places, np.stack([mean, cosine, sine], -1)


def _turned(phi: Tensor, place: tuple[int, ...], turn: float) -> Tensor:
    other = phi.clone()
    other[place] += turn
    return other


def nearest_turn(leads: Sequence[np.ndarray], margin: float) -> float | None:
    """The smallest turn of an angle after which a decision leads by `margin`; of each mean, cosine and sine of its
    lead."""
    turns = []
    for mean, cosine, sine in leads:
        size = math.hypot(cosine, sine)
        peak = math.atan2(sine, cosine)
        if size <= 1e-12 or margin - mean > size:
            continue  # never reaches it
        half = math.acos(max(min((margin - mean) / size, 1.0), -1.0))  # within `half` of the peak
        turns += [math.remainder(peak + side * half, 2 * math.pi) for side in (-1, 1)]
    return min(turns, key=abs) if turns else None


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
    """Return theta = 2 arcsin sqrt(p) in [0, pi] of masses.

    Example:
        >>> import torch
        >>> from qfusion.models.network.truth_tables import angles
        >>> angles(torch.tensor([0.0, 0.5, 1.0])).round(decimals=4)
        tensor([0.0000, 1.5708, 3.1416])
    """
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
