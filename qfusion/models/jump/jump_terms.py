"""The terms of an evolution and their factors: couplings H_S, dissipation of A, duration, measurement vectors.

With factors f_S, g_A, tau, w_j (1 as learned) the generator is tau times that of sum_S f_S H_S and sum_A g_A L_k^A (see
`decomposition.traceless`) over the learned duration, and the read-out sum_j w_j W_cj |v_j><v_j| (x 1). Scaling the
generator by tau is the same as evolving for tau T, and the dissipator is of second order in the g_A, so

    T dy/dT = sum_S f_S dy/df_S + 1/2 sum_A g_A dy/dg_A

(Euler: time is the sum of all that acts in it). y is linear in w_j, so its knock-out is its slope. Score and dividends
are Tr[O_c(T) R] with fixed operators R: one evolution and one reverse pass, whatever the number of samples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qfusion.models.inputs import Features
from qfusion.models.jump.kets import KetBackground, marginal_observables
from qfusion.models.protocols import Evolution
from qfusion.models.terms import (
    PURE,
    SCORE,
    Parameter,
    Terms,
    coalition_signs,
    spread_places,
)
from qfusion.models.tweak import LEARNED
from qfusion.quantum import decomposition, measure_kinds, measures, states
from qfusion.quantum.lindblad import Generator, Term, evolve
from qfusion.quantum.states import expectation

# entanglement is followed sample by sample: the mean over a cohort takes at most so many, evenly spaced
ENTANGLEMENT_SAMPLES = 12


# The evolution holds sqrt(tau) L_k, whose slope in tau is 0/0 at 0. y is smooth in tau itself, so the slope is taken a
# hair above: off by 1e-12 times the curvature, while products keep their relative precision.
_HAIR = 1e-12


@dataclass(frozen=True, eq=False)
class JumpTerms(Terms):
    """A QiNN-QJ with a cohort.

    Attributes:
        model: without tweak; its weights are constants here.
        couplings, dissipations: which H_S and which dissipation there are, by subset.
        generator: as learned.
        mean: mean state (d_S, d_S) of the cohort by subset. kets: of the samples whose entanglement is followed, (B',
            D).
    """

    model: Evolution
    couplings: tuple[decomposition.Subset, ...]
    dissipations: tuple[decomposition.Subset, ...]
    generator: Generator
    background: KetBackground
    output: int
    count: int
    mean: Mapping[decomposition.Subset, Tensor]
    kets: Tensor

    @staticmethod
    @torch.no_grad()
    def of(
        model: Evolution,
        inputs: Mapping[str, Features],
        background: KetBackground,
        output: int,
    ) -> JumpTerms:
        """Collect the data that slopes and knock-outs need."""
        plain = model.untweaked()
        names = model.modalities
        couplings, dissipations = model.term_subsets()
        parameters = _parameters(model, couplings, dissipations)
        generator = decomposition.traceless(plain.generator())
        encoded = model.encode(inputs)
        kets = [encoded[name].to(torch.complex128) for name in names]
        count = len(kets[0])
        joint = {
            s: states.product([kets[m] for m in s]) for s in decomposition.subsets(len(kets)) if s
        }
        few = spread_places(count, ENTANGLEMENT_SAMPLES)
        factors = torch.tensor([parameter.value for parameter in parameters], dtype=torch.float64)
        moments = {s: psi.mT @ psi.conj() / count for s, psi in joint.items()}
        few_kets = states.product([ket[few] for ket in kets])
        return JumpTerms(
            parameters,
            factors,
            plain,
            couplings,
            dissipations,
            generator,
            background,
            output,
            count,
            moments,
            few_kets,
        )

    def samples(self, target: str) -> int:
        """Entanglement is followed for some samples only."""
        return len(self.kets) if _is_entanglement(target) else self.count

    def slopes(self, targets: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Reverse mode, one pass a target."""
        acting = [
            entry.kind == "duration" and float(f) < _HAIR
            for entry, f in zip(self.parameters, self.factors, strict=True)
        ]
        factors = torch.where(torch.tensor(acting), _HAIR, self.factors).requires_grad_(True)
        values, known = self._values(factors, targets)
        gradients = []
        for value, finite in zip(values, known, strict=True):
            gradient = torch.zeros_like(factors)
            if value.requires_grad:
                (gradient,) = torch.autograd.grad(
                    value, factors, retain_graph=True, materialize_grads=True
                )
            gradients.append(torch.where(finite, gradient, math.nan))
        if any(acting):
            with torch.no_grad():
                values = self._values(self.factors, targets)[0]
        return torch.stack(values).detach().numpy(), torch.stack(gradients, 1).numpy()

    @torch.no_grad()
    def effects(self, targets: Sequence[str], slopes: np.ndarray) -> np.ndarray:
        """Return the effect of removing each term in turn. The read-out is linear in its vectors, so the effects of
        the vectors follow from the slopes.
        """
        before = torch.stack(self._values(self.factors, targets)[0])
        straight = -self.factors.numpy()[:, None] * slopes
        values = np.where([_is_entanglement(name) for name in targets], 0.0, straight)
        for place, parameter in enumerate(self.parameters):
            if parameter.kind != "measurement":
                after = torch.stack(self._values(self.with_factor(place, 0), targets)[0])
                values[place] = (after - before).numpy()
        return values

    @torch.no_grad()
    def scores_without(self, inputs: Mapping[str, Features]) -> np.ndarray:
        """Return all scores with every term removed in turn."""
        psi = self.model.product_state(self.model.encode(inputs)).to(torch.complex128)
        W = self.model.W.double()
        J = W.shape[1]

        def expectations(factors: Tensor, weights: Tensor) -> Tensor:
            O = self.model.weighted_readout(weights)
            return expectation(self._evolve(self._generator(factors), O, "observables"), psi)

        p = expectations(
            self.factors, torch.eye(J, dtype=torch.float64)
        )  # <v_j|rho(T)|v_j>, (N, J)
        scores = []
        for place, parameter in enumerate(self.parameters):
            factors = self.with_factor(place, 0)
            weights = factors[-J:] * W
            scores.append(
                p @ weights.T if parameter.kind == "measurement" else expectations(factors, weights)
            )
        return (torch.stack(scores) + self.model.bias).numpy()

    def _values(self, factors: Tensor, targets: Sequence[str]) -> tuple[list[Tensor], list[Tensor]]:
        """The targets (scalars), and for each which slopes are finite, (P,)."""
        generator, names = self._generator(factors), self.model.modalities
        linear = {
            name: coalition_signs(name, names) for name in targets if not _is_entanglement(name)
        }
        coalition = self._coalitions(generator, factors, linear) if linear else {}
        if len(linear) < len(targets):
            rho = self._evolve(generator, states.density(self.kets), "states")
        values, known = [], []
        for name in targets:
            if name in linear:
                parts = torch.stack([sign * coalition[s] for s, sign in linear[name].items()])
                value = parts.sum()
                finite = torch.tensor(True)
                if name == SCORE or len(parts) == 1:  # the baseline
                    value = value + float(self.model.bias.detach()[self.output])
            else:
                value, finite = self._entanglement(rho, name)
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
        n = len(self.couplings)
        m = len(self.dissipations)
        acting = decomposition.scale_generator(
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
        if not self.model.has_evolution or self.model.duration == 0:
            return X
        return evolve(generator, X, [self.model.duration], picture)[0]

    def _coalitions(
        self,
        generator: Generator,
        factors: Tensor,
        targets: Mapping[str, Mapping[decomposition.Subset, float]],
    ) -> dict[decomposition.Subset, Tensor]:
        """v(S) of the cohort's mean without the bias, for the subsets that the targets are made of."""
        W = self.model.W[self.output].detach().double()
        weighted = self.model.weighted_readout((factors[-len(W) :] * W)[None])
        O = self._evolve(generator, weighted, "observables")
        values = {}
        for subset, matrix in marginal_observables(O, self.background).items():
            if any(subset in parts for parts in targets.values()):
                rho = self.mean[subset] if subset else torch.ones(1, 1, dtype=torch.complex128)
                values[subset] = torch.einsum("ab,ba->", matrix[0], rho).real
        return values

    def _entanglement(self, rho: Tensor, target: str) -> tuple[Tensor, Tensor]:
        """Mean over the samples followed. Entropy has no finite slope where a modality's state lacks a level;
        negativity bends where a pure state becomes mixed, so it has none in the dissipation there."""
        kind, name = measure_kinds.split_column(target)
        m = self.model.modalities.index(name)
        if kind == "negativity":
            pure = float(measures.purity(rho.detach()).max()) > 1 - PURE
            finite = torch.tensor(
                [not (pure and parameter.kind == "dissipation") for parameter in self.parameters]
            )
            return measures.logarithmic_negativity(rho, self.model.dims, (m,)).mean(), finite
        part = states.partial_trace(rho, self.model.dims, (m,))
        still = torch.tensor([parameter.kind == "measurement" for parameter in self.parameters])
        return measures.von_neumann_entropy(part).mean(), still | (
            torch.linalg.eigvalsh(part.detach()).min() > PURE
        )


def _is_entanglement(target: str) -> bool:
    return measure_kinds.split_column(target)[0] in ("entropy", "negativity")


def _parameters(
    model: Evolution,
    couplings: Sequence[decomposition.Subset],
    dissipations: Sequence[decomposition.Subset],
) -> tuple[Parameter, ...]:
    names, tweak = model.modalities, model.tweak or LEARNED
    learned = model.learned_duration
    parameters = []
    for letter, title, kind, terms, factors in (
        ("H", "H", "coupling", couplings, tweak.couplings),
        ("D", "dissipation", "dissipation", dissipations, tweak.dissipations),
    ):
        for subset in terms:
            members = tuple(names[m] for m in subset)
            term = "+".join(members)
            parameter = Parameter(
                f"{letter}[{term}]",
                f"{title}: {' + '.join(members)}",
                kind,
                members,
                float(factors.get(term, 1.0)),
            )
            parameters.append(parameter)
    if learned > 0 and model.has_evolution:
        parameters.append(
            Parameter("T", "duration T", "duration", (), float(model.duration) / learned)
        )
    # a measurement vector is W[j], or W[text,j] where it measures the state of one modality
    for s, v in model.measurement_vectors().items():
        about = () if len(s) == len(names) > 1 else (names[s[0]],)
        for j in range(1, len(v) + 1):
            parameter = Parameter(
                f"W[{','.join([*about, str(j)])}]",
                " of ".join([f"measurement vector {j}", *about]),
                "measurement",
                about,
                1.0,
            )
            parameters.append(parameter)
    return tuple(parameters)
