"""Models whose modality states evolve in time: a `protocols.Evolution`, and ways to compute the scores with their
costs.

    observables   O_c(T) once, whatever the batch: Tr[O_c(T) rho_0]
    states        rho(T) of every sample, where there are fewer of them than observables
    trajectories  the mean over sampled quantum-jump trajectories of every sample, with its standard error, where a
                  D x D matrix costs too much
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from qfusion._checks import check, choose
from qfusion.models.base import Points
from qfusion.models.inputs import Background, Features
from qfusion.models.jump import flips
from qfusion.models.jump.jump_terms import JumpTerms
from qfusion.models.jump.kets import KetModel
from qfusion.models.protocols import Circuit, Evolution, KetStates, Physics, StateModel
from qfusion.models.terms import FlipSearch
from qfusion.models.tweak import Tweak
from qfusion.quantum import decomposition, generators, lindblad, measures, states, trajectories
from qfusion.quantum.states import expectation

METHODS = ("observables", "states", "trajectories")
SAMPLED = 256  # trajectories of a sample that is predicted
MAX_DIMENSION = 4096  # where D x D matrices are held
_APPLICATIONS = 30  # of a generator, of the sizes that are learned, in one evolution


class PropagationReason(Enum):
    """Why scores are computed as they are."""

    REQUESTED = "requested"
    TOO_LARGE = "too large for matrices"
    CHEAPER_SAMPLED = "sampling is cheaper"
    FEWER_STATES = "fewer states than observables"
    OBSERVABLES = "observables serve all samples"


@dataclass(frozen=True)
class Propagation:
    """How the scores of a batch are computed.

    Attributes:
        method: of METHODS.
        reason: why by this method.
        dimension: D of the joint state.
        rows, outputs: number of samples and of observables.
        terms: number of terms of the generator.
        is_small: whether the generator is one real matrix.
        ratio: cost of evolving the states over that of the observables.
        operations, memory: floating-point operations and bytes of the exact evolution; 0 where they are not needed.
        sampled_operations: floating-point operations of sampled trajectories.
    """

    method: str
    reason: PropagationReason
    dimension: int
    rows: int
    outputs: int
    terms: int = 0
    is_small: bool = False
    ratio: float = 0.0
    operations: float = 0.0
    memory: float = 0.0
    sampled_operations: float = 0.0


@dataclass(frozen=True)
class Estimate:
    """Scores of samples with how far off they may be.

    Attributes:
        scores: (B, C). errors: standard errors of them, (B, C); 0 where nothing was sampled.
        trajectories: of each sample; 0 where nothing was sampled.
    """

    scores: Tensor
    errors: Tensor
    trajectories: int


class TimeModel(KetModel):
    """Model whose product state of the modalities evolves under a generator for a duration. Each score is linear in
    probabilities of measurement vectors at its end, or at any time before.

    A subclass says the generator and the vectors.

    Attributes:
        duration: T, in units of 1 / energy (hbar = 1), tweaked or learned.
        tweak: what is changed of what was learned; None where nothing is.
        subsystems: the modalities of every term of the generator.
        A, L: parameters of every term's Hamiltonian and of its jump operators; empty where there are none. Of QiNN-QJ
            they are the real entries of H, see `models.jump.kets`, and the L_k as (K, d, d, 2) reals.
        W: weights of the probabilities in the scores, (C, all vectors).
        has_evolution: whether anything evolves.
        samples: whether scores are means over sampled trajectories while training; `settings` then say of how many
            `trajectories` in how many `steps`.
        method: method of computing scores: one of METHODS, or "auto".

    `settings` hold the learned `duration`.
    """

    parts = frozenset({StateModel, KetStates, Evolution, Circuit, Physics})
    family = "evolution"
    entanglement_is_slow = True
    duration: float
    tweak: Tweak | None = None
    subsystems: list[decomposition.Subset]
    A: nn.ParameterList
    L: nn.ParameterList
    W: nn.Parameter
    has_evolution: bool = True
    samples: bool = False
    method: str = "auto"

    @abstractmethod
    def generator(self) -> lindblad.Generator:
        """Return the generator with the learned (and tweaked) Hamiltonian and jump operators, differentiable."""

    @abstractmethod
    def measurement_vectors(self) -> dict[decomposition.Subset, Tensor]:
        """Return the unit vectors v_mj (J, d) of each state that is read, by its modalities: (m,) of one, all of the
        joint state."""

    def head_parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters with one row for each output."""
        return ("W", "bias")

    @property
    def learned_duration(self) -> float:
        """T as learned, whatever the tweak."""
        return float(self.settings["duration"])

    @property
    def jump_count(self) -> int:
        """Number of jump operators over all terms."""
        return sum(len(L) for L in self.L)

    def _whole(self) -> lindblad.Generator:
        """The generator where D x D matrices can be held."""
        D = math.prod(self.dims)
        check(
            D <= MAX_DIMENSION,
            f"This model has D = {D:,}: beyond {MAX_DIMENSION:,} there are no matrices of D x D "
            "to evolve, explain or draw. Use `estimate`, which samples trajectories, or a model of lower `dims`.",
        )
        return self.generator()

    def weighted_readout(self, weights: Tensor) -> Tensor:
        """Return sum_j weights_cj |v_j><v_j| x 1, (C, D, D), for weights (C, all vectors in the order of
        `measurement_vectors`)."""
        vectors = self.measurement_vectors()
        parts = []
        state_weights = _weights_by_state(weights, vectors)
        for (subset, v), w in zip(vectors.items(), state_weights, strict=True):
            observables = torch.einsum("cj,ja,jb->cab", w.to(v.dtype), v, v.conj())
            parts.append(states.embed(observables, self.dims, subset))
        return torch.stack(parts).sum(0)

    def readout(self) -> Tensor:
        """Return O_c = sum_j W_cj |v_j><v_j| (times 1 on the subsystems that are not read) before evolution, (C, D,
        D).
        """
        return self.weighted_readout(self.W)

    def observables(self, times: Sequence[float] | None = None) -> Tensor:
        """Return O_c(T), (C, D, D), or O_c(t) at the given times, (nT, C, D, D): y_c = Tr[O_c rho_0] + b_c."""
        if times is None:
            return self.observables([self.duration])[0]
        return self._evolve(self._whole(), self.readout(), times, "observables")

    def evolve_states(self, rho: Tensor, times: Sequence[float]) -> Tensor:
        """Return rho(t), (nT, ..., D, D), of operators (..., D, D)."""
        return self._evolve(self._whole(), rho, times, "states")

    def _evolve(
        self, generator: lindblad.Generator, operators: Tensor, times: Sequence[float], picture: str
    ) -> Tensor:
        return (
            operators.expand(len(times), *operators.shape)
            if not self.has_evolution
            else lindblad.evolve(generator, operators, times, picture)
        )

    def forward(self, inputs: Mapping[str, Features]) -> Tensor:
        """Return the scores, (B, C)."""
        psi = self.product_state(self.encode(inputs))
        learning = torch.is_grad_enabled()
        method = self.propagation(len(psi), learning).method
        if self.samples or (method == "trajectories" and learning):
            return self.sampled(psi, self.settings["trajectories"]) + self.bias
        if method == "trajectories":
            return self._estimated(psi, SAMPLED, 0).scores
        if method == "states":
            rho = self.evolve_states(states.density(psi), [self.duration])[0]
            return torch.einsum("cab,nba->nc", self.readout(), rho).real + self.bias
        return expectation(self.observables(), psi) + self.bias

    def with_method(self, method: str) -> Self:
        """Return a model that shares this one's weights and computes scores by the given method, one of METHODS,
        or by the cheapest ("auto"). This model is unchanged.

        Raises:
            NotFound: when there is no such method.
        """
        other = copy.copy(self)
        other.method = choose("Method", method, ("auto", *METHODS))
        return other

    def propagation(self, rows: int, gradient: bool = False) -> Propagation:
        """Return how the scores of so many samples are computed: in the cheapest method, or the requested one.

        Args:
            rows: number of samples.
            gradient: whether for training, where iterates are held.
        """
        D = math.prod(self.dims)
        outputs = len(self.outputs)
        if self.method != "auto":
            return Propagation(self.method, PropagationReason.REQUESTED, D, rows, outputs)
        if D > MAX_DIMENSION:
            return Propagation("trajectories", PropagationReason.TOO_LARGE, D, rows, outputs)
        is_small = D <= generators.SMALL
        # floating-point operations and bytes of one evolution
        sides = [math.prod(self.dims[m] for m in s) for s in self.subsystems]
        jumps = [len(L) for L in self.L] or [0] * len(sides)
        per_matrix = sum(8 * D**2 * d * (2 + 2 * K) for d, K in zip(sides, jumps, strict=True))
        if is_small:
            per_matrix = 2 * D**4
        by_states = 2 * rows < outputs
        count = _packed_matrices(D, rows if by_states else outputs)
        operations = _APPLICATIONS * count * per_matrix
        memory = 16 * D**2 * count * (_APPLICATIONS * gradient + 6)
        sampled = rows * SAMPLED * _APPLICATIONS * sum(8 * D * d for d in sides)
        # sampling is considered from minutes on a core on, or so much memory
        is_expensive = operations > 3e12 or memory > 8 * 2**30
        if is_expensive and sampled < operations:
            method, reason = "trajectories", PropagationReason.CHEAPER_SAMPLED
        elif by_states:
            method, reason = "states", PropagationReason.FEWER_STATES
        else:
            method, reason = "observables", PropagationReason.OBSERVABLES
        return Propagation(
            method,
            reason,
            D,
            rows,
            outputs,
            terms=len(sides),
            is_small=is_small,
            ratio=_packed_matrices(D, rows) / _packed_matrices(D, outputs),
            operations=operations,
            memory=memory,
            sampled_operations=sampled,
        )

    @torch.no_grad()
    def estimate(
        self, inputs: Mapping[str, Features], trajectories: int = SAMPLED, seed: int = 0
    ) -> Estimate:
        """Return scores as means over sampled trajectories without a time-step error, with their standard errors:
        for dimensions where the exact scores of `forward` cost too much.

        Args:
            inputs: as of `forward`.
            trajectories: of each sample, at least 2.
            seed: of the trajectories.

        Raises:
            InvalidInput: when `trajectories` is below 2 or inputs do not fit.
        """
        check(
            isinstance(trajectories, int) and trajectories >= 2,
            f"Argument `trajectories` must be a whole number from 2, but is {trajectories!r}. A standard error needs "
            "a spread.",
        )
        return self._estimated(self.product_state(self.encode(inputs)), trajectories, seed)

    def _estimated(self, psi: Tensor, count: int, seed: int) -> Estimate:
        generator = self.generator()
        random = torch.Generator().manual_seed(seed)
        scores, errors = psi.real.new_empty(2, len(psi), len(self.outputs))
        for row, ket in enumerate(psi):  # one after the other: its kets are as many as fit
            read = self._read(
                trajectories.sample_jumps_exact(
                    generator, ket.repeat(count, 1), self._until, random
                )
            )
            scores[row], errors[row] = read.mean(0) + self.bias, read.std(0) / count**0.5
        return Estimate(scores, errors, count)

    @property
    def _until(self) -> float:
        return self.duration if self.has_evolution else 0.0

    def _read(self, psi: Tensor) -> Tensor:
        """sum_j W_cj <psi|v_j><v_j|psi> of kets (N, D), (N, C), without a D x D matrix."""
        vectors, parts = self.measurement_vectors(), []
        for (s, v), w in zip(vectors.items(), _weights_by_state(self.W, vectors), strict=True):
            amplitudes = v.conj() @ states.apart(psi, self.dims, s)  # <v_j|psi> on what is not read
            parts.append(amplitudes.abs().square().sum(-1) @ w.to(psi.real.dtype).T)
        return torch.stack(parts).sum(0)

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the scores of given kets, (B, C). Here the states evolve, while `observables` evolves the readout."""
        psi = self.product_state(states).to(self.W.dtype.to_complex())
        rho = self.evolve_states(psi[:, :, None] * psi[:, None, :].conj(), [self.duration])[0]
        return torch.einsum("cab,nba->nc", self.readout(), rho).real + self.bias

    def points(self, count: int = 2) -> Points:
        """Return so many times from 0 to T."""
        times = np.linspace(0.0, max(float(self.duration), 1e-6), count).tolist()
        return Points("time", tuple(times), tuple(f"t = {t:.2f}" for t in times))

    def sampled(self, psi: Tensor, count: int) -> Tensor:
        """Return the scores without bias from the mean over `count` quantum-jump trajectories, (B, C); random,
        unbiased gradient."""
        final = trajectories.sample_euler_jumps(
            self.generator(), psi.repeat(count, 1), self._until, self.settings["steps"]
        )
        return self._read(final).view(count, len(psi), -1).mean(0)

    @torch.no_grad()
    def parameter_norms(self) -> dict[str, float]:
        """Return the Frobenius norms of H and of all jump operators over sqrt(D)."""
        if Evolution not in self.parts:
            return {}
        system = self.system()
        size = len(system.H) ** 0.5
        jumps = torch.linalg.vector_norm(torch.linalg.matrix_norm(system.jumps))
        return {
            "norm.H": float(torch.linalg.matrix_norm(system.H)) / size,
            "norm.L": float(jumps) / size,
        }

    def entanglement(self, encodings: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the logarithmic negativity between every modality and the others at T, (B,) bits each."""
        if Evolution not in self.parts:
            return {}
        psi = self.product_state(encodings)
        rho = self.evolve_states(states.density(psi), [self.duration])[0]
        rho = (rho + rho.mH) / 2
        return {
            name: measures.logarithmic_negativity(rho, self.dims, [m])
            for m, name in enumerate(self.modalities)
        }

    @torch.no_grad()
    def system(self) -> lindblad.System:
        """Return the physics, detached and in double precision, in a form that is independent of the gauge of the
        learned parameters. H has no trace and belongs to traceless L_k, which are orthogonal and ordered by their
        rates, see `decomposition.traceless`.
        """
        dtype = torch.complex128
        terms = [
            lindblad.Term(t.subsystems, t.H.to(dtype), t.jumps.to(dtype))
            for t in self._whole().terms
        ]
        generator = decomposition.traceless(lindblad.Generator(self.dims, tuple(terms)))
        H = generator.hamiltonian()
        energy = torch.diagonal(H).mean() * torch.eye(len(H), dtype=dtype, device=H.device)
        return lindblad.System(
            H - energy,
            decomposition.canonical_jump_operators(generator.jump_operators()),
            self.dims,
            self.modalities,
            self.duration,
        )

    def untweaked(self) -> Self:
        """Return a model that shares this one's weights, as learned."""
        other = copy.copy(self)
        other.tweak = None
        other.duration = self.learned_duration
        return other

    def term_subsets(
        self,
    ) -> tuple[tuple[decomposition.Subset, ...], tuple[decomposition.Subset, ...]]:
        """Return the couplings H_S and the dissipation that the model has, by subset of its modalities."""
        body = max(map(len, self.subsystems)) if self.has_evolution else 0
        terms = tuple(s for s in decomposition.subsets(len(self.dims)) if 0 < len(s) <= body)
        dissipations = terms if self.jump_count else ()
        # Without a learned H, traceless L_k still have one.
        couplings = terms if len(self.A) or dissipations else ()
        return couplings, dissipations

    def entanglement_targets(self) -> tuple[str, ...]:
        """Return the entropies, and between several modalities the negativities."""
        kinds = ("entropy", "negativity") if len(self.modalities) > 1 else ("entropy",)
        return tuple(f"{kind}[{name}]" for kind in kinds for name in self.modalities)

    def terms(
        self, inputs: Mapping[str, Features], background: Background, output: int
    ) -> JumpTerms:
        """Return couplings, dissipation, duration and measurement vectors, with everything that slopes and knock-outs
        need.
        """
        return JumpTerms.of(self, inputs, self.algebra.check_background(background), output)

    def nearest_changes(self, states: Mapping[str, Tensor], known: Any = None) -> FlipSearch:
        """Return the smallest changes of couplings, dissipation and duration; `known` is a `flips.table`."""
        return flips.nearest_changes(self, states, known)

    def parse_tweak(self, tweak: Tweak | str) -> Tweak:
        """Return a tweak of this model, given as text or not, in the one form that equal tweaks have; its `str` is its
        text.

        Raises:
            InvalidInput, NotFound: when it names a coupling or dissipation that does not exist, or a number is out of
                range.
        """
        return Tweak.parse(tweak, self) if isinstance(tweak, str) else tweak.fit(self)

    def tweaked(self, tweak: Tweak | str) -> Self:
        """Return a model that shares this one's weights, with couplings, dissipation or duration changed. This model is
        unchanged.

        Raises:
            InvalidInput, NotFound: as for `parse_tweak`.
        """
        other = copy.copy(self)
        other.tweak = self.parse_tweak(tweak)
        other.duration = self.duration if other.tweak.duration is None else other.tweak.duration
        return other


def _weights_by_state(
    weights: Tensor, vectors: Mapping[decomposition.Subset, Tensor]
) -> tuple[Tensor, ...]:
    """Return the weights (C, J) of each state that is read, from those of all vectors."""
    return weights.split([len(v) for v in vectors.values()], 1)


def _packed_matrices(dimension: int, count: int) -> int:
    """Return how many matrices are evolved for so many Hermitian ones: two share a complex matrix where D is large."""
    if dimension <= generators.SMALL or count == 1:
        return count
    return math.ceil(count / 2)
