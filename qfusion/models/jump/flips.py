"""The nearest state of a modality, and the nearest value of an evolution parameter, that flip a decision.

Parameters are factors on the couplings H_S and on the dissipation (see `decomposition.traceless`), and the duration T.
The score is an entire function of each, so it is followed by a Chebyshev interpolant over the parameter's range (its
last coefficients estimate the error); crossings of the decision's boundary are then found on the model itself by
bracketing (Alefeld, Potra, Shi 1995). The observables at the nodes do not depend on the sample: computed once
(`table`), they serve all. Every reported change was set in the model and the model run again.

Hermitian forms <psi|A|psi> of one modality's ket, and the nearest ket at which such a form is positive.

With the other modalities fixed, "class j overtakes class k" (or "the score changes sign") reads <psi|B|psi> >= 0 for
one Hermitian d x d matrix B. The nearest state in fidelity maximises |<psi_0|psi>|^2 under it; with b_i, c_i the
eigenvalues of -B and the coefficients of psi_0 in its eigenvectors, stationarity gives psi_i ~ c_i / (1 + t b_i), and t
solves the secular equation sum_i |c_i|^2 b_i / (1 + t b_i)^2 = 0, which falls strictly on the interval where all
denominators are positive. A quadratic problem with one quadratic constraint has no duality gap (S-lemma, see Polik and
Terlaky 2007), so this is the global optimum; where psi_0 has no part in the lowest eigenvector, that part is added (the
"hard case" of More and Sorensen 1983). The distance is the Fubini-Study angle arccos |<psi_0|psi>|. No state satisfies
the inequality if and only if B has no positive eigenvalue.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import scipy
import torch
from numpy.polynomial import chebyshev
from torch import Tensor

from qfusion._checks import check
from qfusion.models.protocols import Evolution
from qfusion.models.terms import MARGIN, FlipSearch, ParameterFlip, boundaries
from qfusion.models.tweak import Tweak
from qfusion.quantum.decomposition import subset_name
from qfusion.quantum.states import expectation

TOP_FACTOR = 2.0  # largest factor on couplings and dissipation that is searched
TOP_DURATION = 3.0  # largest factor on T
NODES = 13  # of the interpolant
_FINE = 400  # points at which the interpolant is evaluated


@dataclass(frozen=True, eq=False)
class PhysicsParameter:
    """One parameter of a QiNN-QJ, with the observables at the nodes of its range.

    Attributes:
        kind, name, learned: as in `ParameterFlip`; top: the range is 0 to `top`.
        nodes: Chebyshev nodes in the range, ascending, (NODES,).
        observables: at the nodes, (NODES, C, D, D).
    """

    kind: str
    name: str
    learned: float
    top: float
    nodes: np.ndarray
    observables: Tensor


def parameter_tweak(kind: str, name: str, x: float) -> Tweak:
    """Return the tweak that sets one parameter of a QiNN-QJ to `x`."""
    if kind == "duration":
        return Tweak(duration=x)
    return Tweak(dissipations={name: x}) if kind == "dissipation" else Tweak(couplings={name: x})


@torch.no_grad()
def table(model: Evolution) -> tuple[PhysicsParameter, ...]:
    """Return all parameters of a model with time, with the observables at their nodes: NODES evolutions for each
    coupling and dissipation, one for T."""
    T = float(model.duration)
    if not model.has_evolution or T <= 0:
        return ()
    turned = [
        (kind, subset_name(s, model.modalities), 1.0, TOP_FACTOR)
        for kind, terms in zip(("coupling", "dissipation"), model.term_subsets(), strict=True)
        for s in terms
    ]
    parameters = []
    for kind, name, learned, top in (*turned, ("duration", "T", T, TOP_DURATION * T)):
        nodes = (chebyshev.chebpts1(NODES) + 1) * top / 2
        O = (
            model.observables(nodes.tolist())
            if kind == "duration"
            else torch.stack(
                [model.tweaked(parameter_tweak(kind, name, float(x))).observables() for x in nodes]
            )
        )
        parameters.append(PhysicsParameter(kind, name, learned, top, nodes, O.to(torch.complex128)))
    return tuple(parameters)


@torch.no_grad()
def nearest_changes(
    model: Evolution,
    states: Mapping[str, Tensor],
    parameters: tuple[PhysicsParameter, ...] | None = None,
) -> FlipSearch:
    """Return, for every parameter, the smallest change that flips the decision on one sample, if there is one.

    Args:
        model: in double precision and as learned.
        states: of the sample, (1, d_m) kets by modality.
        parameters: the model's `table`, to use again for many samples; None computes it.

    Raises:
        InvalidInput: when the model has a tweak, which each change would replace.
    """
    check(
        not str(model.tweak or ""),
        f"Argument `model` must be as learned, but has the tweak '{model.tweak}'. Leave that out.",
    )
    parameters = table(model) if parameters is None else parameters
    psi = model.product_state(states).to(torch.complex128)
    before = ket_scores(model, psi)
    searched = [nearest_change(model, psi, before, parameter) for parameter in parameters]
    changes = [change for change, _ in searched if change is not None]
    return FlipSearch(
        changes=tuple(sorted(changes, key=lambda change: change.size)),
        tried=len(parameters),
        resolution=max((tail for _, tail in searched), default=0.0),
        largest_factor=TOP_FACTOR,
        largest_duration=TOP_DURATION * float(model.duration),
    )


def ket_scores(model: Evolution, psi: Tensor) -> np.ndarray:
    """Return the scores (C,) of one joint ket (1, D)."""
    return (expectation(model.observables().to(psi.dtype), psi) + model.bias)[0].numpy()


def nearest_change(
    model: Evolution, psi: Tensor, before: np.ndarray, parameter: PhysicsParameter
) -> tuple[ParameterFlip | None, float]:
    """Return the smallest change of a parameter that flips the decision, or None if there is none, and the relative
    size of the last Chebyshev coefficients, which bounds the error of the interpolated scores.

    Args:
        model: in double precision and as learned.
        psi: the joint ket of the sample, (1, D).
        before: the scores of the sample, (C,).
        parameter: to change, of the model's `table`.
    """
    margin = MARGIN * max(1.0, float(np.abs(before).max()))
    learned, top = parameter.learned, parameter.top
    sampled = (
        expectation(parameter.observables.flatten(0, 1), psi)[0]
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
        return ket_scores(
            model.tweaked(parameter_tweak(parameter.kind, parameter.name, float(x))), psi
        )

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
    return ParameterFlip(
        before,
        scores(value),
        parameter.kind,
        parameter.name,
        learned,
        value,
        abs(value / learned - 1),
    ), tail


@dataclass(frozen=True)
class HermitianForm:
    """The forms <psi|A|psi> on kets of d amplitudes, as matrices (..., d, d) complex."""

    d: int
    is_exact: bool = True
    max_coalitions: int | None = None

    @property
    def probes(self) -> Tensor:
        """Kets whose values determine a form: basis states, then (|i> + |j>) and (|i> + i|j>), normalised, (d^2, d)."""
        basis = torch.eye(self.d, dtype=torch.complex128)
        pairs = [
            (basis[i] + phase * basis[j]) / 2**0.5
            for i, j in combinations(range(self.d), 2)
            for phase in (1, 1j)
        ]
        return torch.stack([*basis, *pairs])

    def assemble(self, values: Tensor) -> Tensor:
        """Return the matrices (..., d, d) of values at the probes, (d^2, ...)."""
        d = self.d
        form = torch.zeros(*values.shape[1:], d, d, dtype=torch.complex128)
        for i in range(d):
            form[..., i, i] = values[i].to(form.dtype)
        # <i + j> = (q_ii + q_jj) / 2 + Re q_ij and <i + i j> = (q_ii + q_jj) / 2 - Im q_ij
        for k, (i, j) in enumerate(combinations(range(d), 2)):
            mean = (values[i] + values[j]) / 2
            form[..., i, j] = torch.complex(values[d + 2 * k] - mean, mean - values[d + 2 * k + 1])
            form[..., j, i] = form[..., i, j].conj()
        return form

    def value(self, form: Tensor, state: Tensor) -> Tensor:
        """Return <psi|A|psi>, (B, ...), of forms (..., d, d) at kets (B, d)."""
        return torch.einsum("bi,...ij,bj->b...", state.conj(), form, state).real

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the Fubini-Study angle of kets (..., d) in radians."""
        overlap = (first.conj() * second).sum(-1)
        # arccos loses half the digits near zero distance; the rest of the second ket does not.
        rest = torch.linalg.vector_norm(second - overlap[..., None] * first, dim=-1)
        return torch.atan2(rest, overlap.abs())

    def nearest_state(self, forms: Sequence[Tensor], state: Tensor) -> tuple[Tensor | None, float]:
        """Return the nearest ket at which any form is `MARGIN`, and the largest value of any form."""
        solutions = [nearest_ket(B, state) for B in forms]
        reach = max(largest for _, largest in solutions)
        kets = [ket for ket, _ in solutions if ket is not None]
        nearest = min(kets, key=lambda ket: float(self.distance(state, ket)), default=None)
        return nearest, reach


def nearest_ket(B: Tensor, psi: Tensor) -> tuple[Tensor | None, float]:
    """Return the nearest unit ket with <B> = MARGIN (None if there is none), and the largest <B> of all kets."""
    margin = MARGIN * max(1.0, float(torch.linalg.matrix_norm(B, 2)))
    eigenvalues, vectors = torch.linalg.eigh(margin * torch.eye(len(B), dtype=B.dtype) - B)
    b = eigenvalues.numpy()
    c = (vectors.mH @ psi).numpy()
    reach = margin - float(b[0])
    w = np.abs(c) ** 2
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
        root = scipy.optimize.brentq(secular, end, 0.0, xtol=1e-14, rtol=1e-15, maxiter=300)
        amplitudes = c / denominators(root)
    else:  # the hard case: next to nothing lies along the lowest eigenvector
        amplitudes = np.where(b == b[0], 0, c / np.where(b == b[0], 1, 1 + b / size))
        missing = float((np.abs(amplitudes) ** 2 * b).sum()) / size
        amplitudes[0] = math.sqrt(max(missing, 0.0))
    state = vectors @ torch.from_numpy(amplitudes)
    return state / torch.linalg.vector_norm(state), reach
