"""The terms of a QiNN-QJ and what they do: couplings H_S, dissipation of A, duration, measurement vectors.

With factors f_S, g_A, tau, w_j (1 as learned) the generator is tau times that of sum_S f_S H_S and sum_A g_A L_k^A (see
`quantum.gauge`) over the learned duration, and the read-out sum_j w_j W_cj |v_j><v_j| (x 1). Scaling the generator by
tau is the same as evolving for tau T, and the dissipator is of second order in the g_A, so

    T dy/dT = sum_S f_S dy/df_S + 1/2 sum_A g_A dy/dg_A

(Euler: time is the sum of all that acts in it). y is linear in w_j, so its knock-out is its slope. Score and dividends
are Tr[O_c(T) R] with fixed operators R: one evolution and one reverse pass, whatever the number of samples.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qfusion.explain.changes.parameters import ENTANGLEMENT_SAMPLES, SCORE, Parameter, Terms
from qfusion.explain.contributions.background import Background
from qfusion.explain.contributions.coalitions import marginal_observables
from qfusion.models.encoders import Features
from qfusion.models.quantum_jump import QuantumJump, expectation
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.quantum import gauge, measures, states
from qfusion.quantum.decomposition import Subset, subset_name, subsets
from qfusion.quantum.kinds import split
from qfusion.quantum.lindblad import Generator, Term, evolve

# The evolution holds sqrt(tau) L_k, whose slope in tau is 0/0 at 0. y is smooth in tau itself, so the slope is taken a
# hair above: off by 1e-12 times the curvature, while products keep their relative precision.
_HAIR = 1e-12
_PURE = 1e-9  # an eigenvalue below: entropy has no finite slope


@dataclass(frozen=True, eq=False)
class JumpParameters(Terms):
    """A QiNN-QJ with a cohort.

    Attributes:
        model: without tweak; its weights are constants here.
        couplings, dissipations: which H_S and which dissipation there are, by subset.
        generator: as learned, with the rates that an old tweak sets.
        mean: mean state (d_S, d_S) of the cohort by subset. kets: of the samples whose entanglement is followed, (B',
            D).
    """

    model: QuantumJump
    couplings: tuple[Subset, ...]
    dissipations: tuple[Subset, ...]
    generator: Generator
    background: Background
    output: int
    count: int
    mean: Mapping[Subset, Tensor]
    kets: Tensor

    @staticmethod
    @torch.no_grad()
    def of(
        model: QuantumJump, inputs: Mapping[str, Features], background: Background, output: int
    ) -> JumpParameters:
        """Collects what slopes and knock-outs need."""
        plain = copy.copy(model)
        plain.tweak, plain.duration = None, float(model.settings["duration"])
        names, M = model.modalities, len(model.dims)
        still = model.settings["evolution"] == "none"
        body = 0 if still else max(map(len, model.subsystems))
        terms = tuple(s for s in subsets(M) if 0 < len(s) <= body)
        dissipations = terms if model.jump_count else ()
        couplings = (
            terms if len(model.A) or dissipations else ()
        )  # without learned H, traceless L_k still have one
        parameters = _parameters(model, couplings, dissipations, still)
        old = copy.copy(plain)
        old.tweak = None if model.tweak is None else Tweak(rates=model.tweak.rates)
        generator = gauge.traceless(old.generator())
        encoded = model.encode(inputs)
        kets = [encoded[name].to(torch.complex128) for name in names]
        count = len(kets[0])
        mean = {s: _mean_state(states.product([kets[m] for m in s])) for s in subsets(M) if s}
        few = np.unique(
            np.linspace(0, count - 1, min(count, ENTANGLEMENT_SAMPLES)).round().astype(int)
        )
        factors = torch.tensor([parameter.value for parameter in parameters], dtype=torch.float64)
        return JumpParameters(
            parameters,
            factors,
            plain,
            couplings,
            dissipations,
            generator,
            background,
            output,
            count,
            mean,
            states.product([ket[few] for ket in kets]),
        )

    def samples(self, target: str) -> int:
        """Entanglement is followed for some samples only."""
        return len(self.kets) if _entangled(target) else self.count

    def slopes(self, targets: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Reverse mode, one pass a target."""
        acting = [
            each.kind == "duration" and float(f) < _HAIR
            for each, f in zip(self.parameters, self.factors, strict=True)
        ]
        factors = torch.where(torch.tensor(acting), _HAIR, self.factors).requires_grad_(True)
        values, known = self._values(factors, targets)
        gradients = []
        for value, finite in zip(values, known, strict=True):
            (gradient,) = (
                torch.autograd.grad(value, factors, retain_graph=True, allow_unused=True)
                if value.requires_grad
                else (None,)
            )
            gradient = torch.zeros_like(factors) if gradient is None else gradient
            gradients.append(torch.where(finite, gradient, math.nan))
        if any(acting):
            with torch.no_grad():
                values = self._values(self.factors, targets)[0]
        return torch.stack(values).detach().numpy(), torch.stack(gradients, 1).numpy()

    @torch.no_grad()
    def effects(self, targets: Sequence[str]) -> np.ndarray:
        """Each term removed in turn; the read-out is linear in its vectors, so these need no evolution."""
        before = torch.stack(self._values(self.factors, targets)[0])
        found = np.zeros((len(self.parameters), len(targets)))
        linear = [j for j, name in enumerate(targets) if not _entangled(name)]
        weights = [
            i for i, parameter in enumerate(self.parameters) if parameter.kind == "measurement"
        ]
        for place, parameter in enumerate(self.parameters):
            if parameter.kind != "measurement" and parameter.value != 0:
                factors = self.factors.clone()
                factors[place] = 0
                found[place] = (
                    torch.stack(self._values(factors, targets)[0]).numpy() - before.numpy()
                )
        if linear and weights:
            with torch.enable_grad():
                g = self.factors.clone().requires_grad_(True)
                ends = self._values(
                    torch.cat([self.factors[: -len(weights)], g[-len(weights) :]]),
                    [targets[j] for j in linear],
                )[0]
                for j, value in zip(linear, ends, strict=True):
                    (slope,) = torch.autograd.grad(value, g, retain_graph=True)
                    found[weights, j] = (-self.factors * slope)[weights].numpy()
        return found

    @torch.no_grad()
    def scores_without(self, inputs: Mapping[str, Features]) -> np.ndarray:
        """Every term removed in turn, from all scores."""
        psi = self.model.product_state(self.model.encode(inputs)).to(torch.complex128)
        W = self.model.W.double()
        first = len(self.factors) - W.shape[1]
        apart = torch.eye(W.shape[1], dtype=torch.float64)
        pulled = self._evolve(
            self._generator(self.factors), self.model.weighted_readout(apart), "observables"
        )
        p = expectation(pulled, psi)  # <v_j|rho(T)|v_j>, (N, J)
        found = []
        for place, parameter in enumerate(self.parameters):
            factors = self.factors.clone()
            factors[place] = 0
            if parameter.kind == "measurement":
                found.append(p @ ((1 - apart[place - first]) * factors[first:] * W).T)
            else:
                O = self.model.weighted_readout(factors[first:] * W)
                found.append(
                    expectation(self._evolve(self._generator(factors), O, "observables"), psi)
                )
        return (torch.stack(found) + self.model.bias).numpy()

    def _values(self, factors: Tensor, targets: Sequence[str]) -> tuple[list[Tensor], list[Tensor]]:
        """The targets (scalars), and for each which slopes are finite, (P,)."""
        generator = self._generator(factors)
        linear = [name for name in targets if not _entangled(name)]
        coalition = self._coalitions(generator, factors, linear) if linear else {}
        rho = self._rho(generator) if len(linear) < len(targets) else factors
        values, known = [], []
        for name in targets:
            if _entangled(name):
                value, finite = self._entanglement(rho, name)
            else:
                value, finite = self._dividend(coalition, name), torch.tensor(True)
            values.append(value)
            known.append(finite)
        return values, known

    def _generator(self, factors: Tensor) -> Generator:
        """tau (sum_S f_S H_S, sum_A g_A L_k^A)."""
        tau = next(
            (
                factors[i]
                for i, parameter in enumerate(self.parameters)
                if parameter.kind == "duration"
            ),
            torch.ones((), dtype=factors.dtype),
        )
        n, m = len(self.couplings), len(self.dissipations)
        acting = gauge.scaled(
            self.generator,
            dict(zip(self.couplings, factors[:n], strict=True)),
            dict(zip(self.dissipations, factors[n : n + m], strict=True)),
        )
        return Generator(
            acting.dims,
            tuple(
                Term(term.subsystems, tau * term.H, tau.sqrt() * term.jumps)
                for term in acting.terms
            ),
        )

    def _evolve(self, generator: Generator, X: Tensor, picture: str) -> Tensor:
        if self.model.settings["evolution"] == "none" or self.model.duration == 0:
            return X
        return evolve(generator, X, [self.model.duration], picture)[0]

    def _coalitions(
        self, generator: Generator, factors: Tensor, targets: Sequence[str]
    ) -> dict[Subset, Tensor]:
        """v(S) of the cohort's mean without the bias, for the subsets that the targets need."""
        model = self.model
        W = model.W[self.output].detach().double()
        O = self._evolve(
            generator, model.weighted_readout((factors[-len(W) :] * W)[None]), "observables"
        )
        needed = {s for name in targets for s in self._inside(name)}
        found = {}
        for subset, matrix in marginal_observables(O, self.background).items():
            if subset in needed:
                rho = self.mean[subset] if subset else torch.ones(1, 1, dtype=torch.complex128)
                found[subset] = torch.einsum("ab,ba->", matrix[0], rho).real
        return found

    def _inside(self, target: str) -> list[Subset]:
        """The coalitions that a score or dividend is made of."""
        M = len(self.model.dims)
        if target == SCORE:
            return [tuple(range(M))]
        whole = next(
            s for s in subsets(M) if subset_name(s, self.model.modalities) == split(target)[1]
        )
        return [s for s in subsets(M) if set(s) <= set(whole)]

    def _dividend(self, coalition: Mapping[Subset, Tensor], target: str) -> Tensor:
        bias = float(self.model.bias.detach()[self.output])
        parts = self._inside(target)
        if target == SCORE:
            return coalition[parts[0]] + bias
        whole = parts[-1]
        total = torch.stack([(-1.0) ** (len(whole) - len(s)) * coalition[s] for s in parts]).sum()
        return total if whole else total + bias

    def _rho(self, generator: Generator) -> Tensor:
        return self._evolve(generator, states.density(self.kets), "states")

    def _entanglement(self, rho: Tensor, target: str) -> tuple[Tensor, Tensor]:
        """Mean over the samples followed. Entropy has no finite slope where a modality's state lacks a level;
        negativity bends where a pure state becomes mixed, so it has none in the dissipation there."""
        kind, name = split(target)
        m = self.model.modalities.index(name)
        if kind == "negativity":
            pure = float(measures.purity(rho.detach()).max()) > 1 - _PURE
            finite = torch.tensor(
                [not (pure and parameter.kind == "dissipation") for parameter in self.parameters]
            )
            return measures.logarithmic_negativity(rho, self.model.dims, (m,)).mean(), finite
        part = states.partial_trace(rho, self.model.dims, (m,))
        still = torch.tensor([parameter.kind == "measurement" for parameter in self.parameters])
        return measures.von_neumann_entropy(part).mean(), still | (
            torch.linalg.eigvalsh(part.detach()).min() > _PURE
        )


def _entangled(target: str) -> bool:
    return split(target)[0] in ("entropy", "negativity")


def _mean_state(kets: Tensor) -> Tensor:
    return kets.mT @ kets.conj() / len(kets)


def _parameters(
    model: QuantumJump, couplings: Sequence[Subset], dissipations: Sequence[Subset], still: bool
) -> tuple[Parameter, ...]:
    names, tweak = model.modalities, model.tweak or LEARNED
    learned = float(model.settings["duration"])
    found = []
    for letter, title, kind, terms, factors in (
        ("H", "H", "coupling", couplings, tweak.couplings),
        ("D", "dissipation", "dissipation", dissipations, tweak.dissipations),
    ):
        for s in terms:
            members, name = tuple(names[m] for m in s), subset_name(s, names)
            found.append(
                Parameter(
                    f"{letter}[{name}]",
                    f"{title}: {'–'.join(members)}",
                    kind,
                    members,
                    float(factors.get(name, 1.0)),
                )
            )
    if learned > 0 and not still:
        found.append(Parameter("T", "duration T", "duration", (), float(model.duration) / learned))
    return (*found, *_vector_parameters(model))


def _vector_parameters(model: QuantumJump) -> Iterator[Parameter]:
    """One for every measurement vector: W[j], or W[text,j] where it measures the state of one modality."""
    for s, v in model.measurement_vectors().items():
        of = "" if len(s) == len(model.dims) > 1 else model.modalities[s[0]]
        for j in range(1, len(v) + 1):
            yield Parameter(
                f"W[{of},{j}]" if of else f"W[{j}]",
                f"measurement vector {j}{f' of {of}' if of else ''}",
                "measurement",
                (of,) if of else (),
                1.0,
            )
