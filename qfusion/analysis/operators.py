"""Operators of a model, read letter by letter in the form that no gauge changes (`quantum.gauge`): what its generator
is made of, when which of its jump operators jumped, and decision operators with where samples lie on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.data.modality import split_term
from qfusion.explain import operators
from qfusion.explain.operators import Operator
from qfusion.quantum import decomposition
from qfusion.quantum.decomposition import decompose, strengths, subset_name
from qfusion.quantum.lindblad import System

MAX_MODES = 32  # dimension D up to which all D^2 eigenvalues of the generator are worked out
HAMILTONIAN, READOUT = "H", "read-out"


@dataclass(frozen=True, eq=False)
class Strengths:
    """How strong each coalition's part is.

    Attributes:
        energy: by coalition, sqrt(Tr[H_S^2] / D): the root mean square energy of H_S. Squares add up.
        rates: by coalition, sum_k Tr[L_k^A+ L_k^A] / D: its part of the jumps per time in the completely mixed state.
            They add up.
    """

    energy: dict[str, float]
    rates: dict[str, float]


def strengths_of(system: System) -> Strengths:
    """Returns the strengths of all coalitions but the empty one, whose part of H moves all levels alike."""
    D = len(system.H)
    ours = strengths(system.H, system.dims)
    theirs = strengths(system.jumps, system.dims)
    return Strengths(
        {subset_name(s, system.names): float(value) / D**0.5 for s, value in ours.items() if s},
        {
            subset_name(s, system.names): float(value.square().sum()) / D
            for s, value in theirs.items()
            if s
        },
    )


@memo(16, background=False)
def learned_strengths(study: Any) -> Strengths:
    """Returns the strengths of a study's model as it was learned."""
    return strengths_of(study.model.system())


def levels(system: System) -> tuple[np.ndarray, np.ndarray]:
    """Returns the energies of H without and with its couplings, ascending, (D,) each."""
    parts = decompose(system.H, system.dims)
    alone = torch.stack([part for subset, part in parts.items() if len(subset) <= 1]).sum(0)
    free, coupled = (torch.linalg.eigvalsh(part).numpy() for part in (alone, system.H))
    return free, coupled


def operator_names(model: Any) -> dict[str, str]:
    """The operators of a model that can be read letter by letter, by name, and what each is."""
    jumps = {
        f"L{k + 1}": "jump operator, in the canonical unravelling," for k in range(model.jump_count)
    }
    return {HAMILTONIAN: "Hamiltonian", **jumps, READOUT: "what is read at T"}


def operator(sample: Sample, system: System, name: str) -> Tensor:
    """Returns one of `operators`, (D, D), of a sample's model and its system."""
    if name == HAMILTONIAN:
        return system.H
    if name == READOUT:
        with torch.no_grad():
            result: Tensor = sample.model.readout()[sample.output].to(torch.complex128)
        return result
    return system.jumps[int(name[1:]) - 1]


@dataclass(frozen=True)
class Letter:
    """A term of an operator: the coalition on which it acts, its letters there, and its coefficient."""

    term: str
    letters: tuple[str, ...]
    value: complex

    @property
    def words(self) -> str:
        """For example "text XZ · audio IY"."""
        return " · ".join(
            f"{name} {entry}"
            for name, entry in zip(split_term(self.term), self.letters, strict=True)
        )


def largest(A: Tensor, system: System, count: int) -> tuple[list[Letter], float]:
    """Returns the largest terms of an operator without the identity, and which part of all their squares they hold."""
    names = [decomposition.basis(d)[0] for d in system.dims]
    result = decomposition.expand(A, system.dims).numpy()
    sizes = np.abs(result)
    sizes[(0,) * sizes.ndim] = 0
    order = np.argsort(-sizes, axis=None, kind="stable")[:count]
    terms = []
    for place in order:
        at = np.unravel_index(place, sizes.shape)
        acts = [m for m, letter in enumerate(at) if letter]
        if sizes[at] > 0:
            terms.append(
                Letter(
                    "+".join(system.names[m] for m in acts),
                    tuple(names[m][at[m]] for m in acts),
                    complex(result[at]),
                )
            )
    total = float((sizes**2).sum())
    return terms, float(
        (np.abs([term.value for term in terms]) ** 2).sum()
    ) / total if total else 0.0


def has_modes(subject: Any, **_: Any) -> bool:
    """Whether a sample's model has a generator that is small enough to be diagonalised."""
    study = subject.study
    return bool(study.can("time")) and int(np.prod(subject.model.dims)) <= MAX_MODES


def modes(system: System) -> np.ndarray:
    """Returns all eigenvalues of the generator of the master equation, (D^2,) complex, the slowest first.

        L rho = -i [H, rho] + sum_k (L_k rho L_k^+ - {L_k^+ L_k, rho} / 2)

    Real parts are decay rates, negative or zero; imaginary ones are frequencies.

    Raises:
        InvalidInput: when D is above MAX_MODES.
    """
    H, jumps = system.H.numpy(), system.jumps.numpy()
    D = len(H)
    check(
        D <= MAX_MODES,
        f"All eigenvalues of the generator are worked out up to D = {MAX_MODES}, but D is {D}. Look "
        "at the spectral gap under Steady state.",
    )
    one = np.eye(D)
    effective = -1j * H - np.einsum("kji,kjl->il", jumps.conj(), jumps) / 2
    # rho as its rows one after the other: A rho B becomes (A x B^T)
    result = np.kron(effective, one) + np.kron(one, effective.conj())
    for L in jumps:
        result += np.kron(L, L.conj())
    values = np.linalg.eigvals(result)
    return values[np.lexsort((values.imag, -values.real))]


# When which operator of the canonical unravelling jumped in sampled trajectories, and how often it does by the master
# equation.

RUNS = 200  # trajectories whose jumps are shown
BINS = 10  # spans of time in which jumps are counted
UNRAVELLING = (
    "This is one unravelling of the master equation, chosen by convention: its jump operators are traceless "
    "and orthogonal, numbered by their rates. Another gauge has the same master equation, but other "
    "operators, jumps and single runs."
)


@dataclass(frozen=True, eq=False)
class Records:
    """The jumps of trajectories and their rates; K jump operators.

    Attributes:
        runs: of each trajectory, sorted by its first jump, its number among all (from 0 on), the times of its jumps,
            and which operators jumped (from 0 on).
        edges: of the spans of time in which jumps are counted, (B + 1,).
        counts: jumps per trajectory and time in each span, (K, B).
        error: standard errors of these (those of a Poisson count), (K, B); NaN where none was counted, which does not
            say that the rate is 0 without error.
        times: (nT,). exact: Tr(L_k^+ L_k rho(t)), (K, nT).
    """

    runs: tuple[tuple[int, np.ndarray, np.ndarray], ...]
    edges: np.ndarray
    counts: np.ndarray
    error: np.ndarray
    times: np.ndarray
    exact: np.ndarray

    @property
    def jumps(self) -> int:
        """How many there are in all trajectories."""
        return sum(len(times) for _, times, _ in self.runs)

    @property
    def expected(self) -> float:
        """Jumps per trajectory by the master equation: the integral of all rates."""
        return float(np.trapezoid(self.exact.sum(0), self.times))


def records(sample: Sample, runs: int = RUNS) -> Records:
    """Returns the jumps of so many trajectories of a sample of a model with time and jump operators, by the canonical
    ones."""
    track, L = sample.track(runs=runs), sample.model.system().jumps.numpy()
    K, end = len(L), float(track.times[-1])
    order = sorted(range(runs), key=lambda i: (*track.trajectories[i].jump_times[:1], np.inf)[0])
    result = tuple(
        (i, track.trajectories[i].jump_times, track.trajectories[i].jump_operators) for i in order
    )
    edges = np.linspace(0, end or 1.0, BINS + 1)
    counts = np.zeros((K, BINS))
    for _, times, which in result:
        for k in range(K):
            counts[k] += np.histogram(times[which == k], edges)[0]
    per = runs * (edges[1] - edges[0])
    exact = np.einsum("kba,kbc,tca->kt", L.conj(), L, track.rho, optimize=True).real
    return Records(
        result,
        edges,
        counts / per,
        np.where(counts > 0, np.sqrt(counts), np.nan) / per,
        track.times,
        exact,
    )


# What the page of decision operators works out of a workspace: an operator and where samples lie on it. Free of
# streamlit.

WITH = " with "  # between modalities in an address: a plus sign would be read as a space


def group_labels(study: Study) -> dict[str, str]:
    """The groups whose operator is offered: what a reader picks -> name of the coalition."""
    return {WITH.join(name.split("+")): name for name in operators.offered(study.model)}


@dataclass(frozen=True, eq=False)
class Votes:
    """An operator and many samples on it.

    Attributes:
        operator: of one group and output.
        rows: of the samples, (B,).
        scores: v(S), (B,).
        most_for, most_against: weight of each sample on the two extreme eigenvectors, (B,).
        weights: mean weight on every eigenvector, (K,).
    """

    operator: Operator
    rows: np.ndarray
    scores: np.ndarray
    most_for: np.ndarray
    most_against: np.ndarray
    weights: np.ndarray

    def nearest(self, side: str, count: int = 3) -> list[int]:
        """Rows of the samples with the most weight on one extreme, "for" or "against"."""
        weight = self.most_for if side == "for" else self.most_against
        return [int(row) for row in self.rows[np.argsort(-weight, kind="stable")[:count]]]


@memo(16, says="Finding what votes for and against …")
def decision_operator(study: Study, group: str, output: int) -> Operator:
    """The operator of a group of modalities."""
    return operators.operator(study.model, study.background, group, output)


@memo(16, says="Finding what votes for and against …")
def votes(study: Study, group: str, output: int, split: str) -> Votes:
    """The operator of a group of modalities, and the samples of a split on it."""
    result = decision_operator(study, group, output)
    rows = study.dataset.rows(split)
    states = _states(study, group, rows)
    last = len(result.values) - 1
    return Votes(
        result,
        rows,
        result.scores(states),
        result.overlap(states, last),
        result.overlap(states, 0),
        result.weights(states),
    )


@dataclass(frozen=True, eq=False)
class Own:
    """One sample on an operator: v(S), weight on every eigenvector, and on the two extremes."""

    score: float
    weights: np.ndarray

    @property
    def most_for(self) -> float:
        """Weight on the eigenvector that votes most for."""
        return float(self.weights[-1])

    @property
    def most_against(self) -> float:
        """Weight on the eigenvector that votes most against."""
        return float(self.weights[0])


def own(study: Study, result: Operator, group: str, row: int) -> Own:
    """Where one sample lies."""
    states = _states(study, group, np.array([row]))
    return Own(float(result.scores(states)[0]), result.weights(states))


def operator_of(sample: Sample, group: str = "") -> Operator:
    """The operator of a group of modalities for a sample's score; of the first group that has one unless told."""
    return decision_operator(
        sample.study, group or operators.offered(sample.model)[0], sample.output
    )


def votes_of(sample: Sample, group: str = "", split: str = "test") -> tuple[Votes, Own]:
    """As `operator_of`, with the samples of a split on it, and the sample itself."""
    group = group or operators.offered(sample.model)[0]
    result = votes(sample.study, group, sample.output, split)
    return result, own(sample.study, result.operator, group, sample.row)


def _states(study: Study, group: str, rows: np.ndarray) -> Any:
    return operators.states_of(study.model, study.inputs(rows), group)
