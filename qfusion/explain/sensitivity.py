"""What physics did it: derivatives and knock-outs of a decision, term by term of the model's physics.

Every term has a factor: 1 as learned, 0 when it is taken out. Of a target y (the score, one dividend, an entanglement
measure; for one sample or the mean over several) there is the slope dy/df where the factors stand, and the effect y(f =
0) - y(f) of removing the term. The slope is local, the effect is not: where y bends between 0 and f the two may differ,
even in sign. `Response` follows y on the way; the mean slope on it, times -f, is the effect (fundamental theorem of
calculus).

Slopes are exact, by reverse mode through the evolution (its backward is in `quantum.chebyshev`) or the network's
observables. The mean slope on the way from 0 is that of integrated gradients (Sundararajan, Taly, Yan 2017, equation
1), here along one term.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain import backgrounds, coalitions, evidence
from qfusion.models import Features, FusionModel, TimeModel, base, can, ket_model, qcnn, require
from qfusion.models.entangled_qcnn import EntangledQCNN
from qfusion.models.time_model import physics_terms
from qfusion.models.truth_tables import JOINT_LIMIT, fuse
from qfusion.models.tweak import LEARNED
from qfusion.quantum import decomposition, states
from qfusion.quantum.lindblad import Generator, Term, evolve

# The terms with their factors, for QiNN-QJ and for the network.

SCORE = "score"
# entanglement is followed sample by sample: the mean over a cohort takes at most so many, evenly spaced
ENTANGLEMENT_SAMPLES = 12


class Parameter(NamedTuple):
    """One term of the physics.

    Attributes:
        key: such as "H[text+audio]", "D[text+audio]", "T", "W[5]"; counted from 1 where readers count, as on the pages.
        title: in plain words.
        kind: "coupling", "dissipation", "duration", "measurement"; "fusion", "say", "convolution", "pooling", "head".
        modalities: that it is about; empty when about none in particular.
        value: factor where it stands now, 1 as learned.
    """

    key: str
    title: str
    kind: str
    modalities: tuple[str, ...]
    value: float


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of a model's physics and where their factors stand, (P,)."""

    parameters: tuple[Parameter, ...]
    factors: Tensor

    def moved(self, place: int, value: float) -> Self:
        """Returns the same with one factor changed."""
        parameters = list(self.parameters)
        parameters[place] = parameters[place]._replace(value=value)
        return replace(self, factors=self._with(place, value), parameters=tuple(parameters))

    def _with(self, places: int | slice, value: float) -> Tensor:
        """The factors, some of them changed."""
        factors = self.factors.clone()
        factors[places] = value
        return factors


def _inside(target: str, names: tuple[str, ...]) -> dict[decomposition.Subset, float]:
    """The coalitions that a score or dividend is made of, the largest last, with their signs."""
    everything = decomposition.subsets(len(names))
    if target == SCORE:
        return {everything[-1]: 1.0}
    whole = next(
        s for s in everything if decomposition.subset_name(s, names) == states.split(target)[1]
    )
    return {s: (-1.0) ** (len(whole) - len(s)) for s in everything if set(s) <= set(whole)}


def _spread(count: int, most: int) -> np.ndarray:
    """Places of at most so many of some samples, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


# The terms of a QiNN-QJ and what they do: couplings H_S, dissipation of A, duration, measurement vectors.
#
# With factors f_S, g_A, tau, w_j (1 as learned) the generator is tau times that of sum_S f_S H_S
# and sum_A g_A L_k^A (see `decomposition.traceless`) over the learned duration, and the read-out sum_j w_j
# W_cj |v_j><v_j| (x 1). Scaling the generator by tau is the same as evolving for tau T, and the
# dissipator is of second order in the g_A, so
#
#     T dy/dT = sum_S f_S dy/df_S + 1/2 sum_A g_A dy/dg_A
#
# (Euler: time is the sum of all that acts in it). y is linear in w_j, so its knock-out is its
# slope. Score and dividends are Tr[O_c(T) R] with fixed operators R: one evolution and one reverse
# pass, whatever the number of samples.

# The evolution holds sqrt(tau) L_k, whose slope in tau is 0/0 at 0. y is smooth in tau itself, so the slope is taken a
# hair above: off by 1e-12 times the curvature, while products keep their relative precision.
_HAIR = 1e-12
# an eigenvalue below, or a Bloch vector that is less short of 1: entropy has no finite slope
_PURE = 1e-9


@dataclass(frozen=True, eq=False)
class JumpParameters(Terms):
    """A QiNN-QJ with a cohort.

    Attributes:
        model: without tweak; its weights are constants here.
        couplings, dissipations: which H_S and which dissipation there are, by subset.
        generator: as learned.
        mean: mean state (d_S, d_S) of the cohort by subset. kets: of the samples whose entanglement is followed, (B',
            D).
    """

    model: TimeModel
    couplings: tuple[decomposition.Subset, ...]
    dissipations: tuple[decomposition.Subset, ...]
    generator: Generator
    background: backgrounds.Background
    output: int
    count: int
    mean: Mapping[decomposition.Subset, Tensor]
    kets: Tensor

    @staticmethod
    @torch.no_grad()
    def of(
        model: TimeModel,
        inputs: Mapping[str, Features],
        background: backgrounds.Background,
        output: int,
    ) -> JumpParameters:
        """Collects what slopes and knock-outs need."""
        plain = copy.copy(model)
        plain.tweak, plain.duration = None, model.learned_duration
        names = model.modalities
        couplings, dissipations = physics_terms(model)
        parameters = _parameters(model, couplings, dissipations)
        generator = decomposition.traceless(plain.generator())
        encoded = model.encode(inputs)
        kets = [encoded[name].to(torch.complex128) for name in names]
        count = len(kets[0])
        joint = {
            s: states.product([kets[m] for m in s]) for s in decomposition.subsets(len(kets)) if s
        }
        few = _spread(count, ENTANGLEMENT_SAMPLES)
        return JumpParameters(
            parameters,
            torch.tensor([parameter.value for parameter in parameters], dtype=torch.float64),
            plain,
            couplings,
            dissipations,
            generator,
            background,
            output,
            count,
            {s: psi.mT @ psi.conj() / count for s, psi in joint.items()},
            states.product([ket[few] for ket in kets]),
        )

    def samples(self, target: str) -> int:
        """Entanglement is followed for some samples only."""
        return len(self.kets) if _entangled(target) else self.count

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
        """Each term removed in turn; the read-out is linear in its vectors, whose effects follow from the slopes."""
        before = torch.stack(self._values(self.factors, targets)[0])
        straight = -self.factors.numpy()[:, None] * slopes
        values = np.where([_entangled(name) for name in targets], 0.0, straight)
        for place, parameter in enumerate(self.parameters):
            if parameter.kind != "measurement":
                after = torch.stack(self._values(self._with(place, 0), targets)[0])
                values[place] = (after - before).numpy()
        return values

    @torch.no_grad()
    def scores_without(self, inputs: Mapping[str, Features]) -> np.ndarray:
        """Every term removed in turn, from all scores."""
        psi = self.model.product_state(self.model.encode(inputs)).to(torch.complex128)
        W = self.model.W.double()
        J = W.shape[1]

        def expectations(factors: Tensor, weights: Tensor) -> Tensor:
            O = self.model.weighted_readout(weights)
            return ket_model.expectation(
                self._evolve(self._generator(factors), O, "observables"), psi
            )

        p = expectations(
            self.factors, torch.eye(J, dtype=torch.float64)
        )  # <v_j|rho(T)|v_j>, (N, J)
        scores = []
        for place, parameter in enumerate(self.parameters):
            factors = self._with(place, 0)
            weights = factors[-J:] * W
            scores.append(
                p @ weights.T if parameter.kind == "measurement" else expectations(factors, weights)
            )
        return (torch.stack(scores) + self.model.bias).numpy()

    def _values(self, factors: Tensor, targets: Sequence[str]) -> tuple[list[Tensor], list[Tensor]]:
        """The targets (scalars), and for each which slopes are finite, (P,)."""
        generator, names = self._generator(factors), self.model.modalities
        linear = {name: _inside(name, names) for name in targets if not _entangled(name)}
        coalition = self._coalitions(generator, factors, linear) if linear else {}
        if len(linear) < len(targets):
            rho = self._evolve(generator, states.density(self.kets), "states")
        values, known = [], []
        for name in targets:
            if name in linear:
                parts = torch.stack([sign * coalition[s] for s, sign in linear[name].items()])
                value, finite = parts.sum(), torch.tensor(True)
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
        n, m = len(self.couplings), len(self.dissipations)
        acting = decomposition.scaled(
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
        if self.model.still or self.model.duration == 0:
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
        for subset, matrix in coalitions.marginal_observables(O, self.background).items():
            if any(subset in parts for parts in targets.values()):
                rho = self.mean[subset] if subset else torch.ones(1, 1, dtype=torch.complex128)
                values[subset] = torch.einsum("ab,ba->", matrix[0], rho).real
        return values

    def _entanglement(self, rho: Tensor, target: str) -> tuple[Tensor, Tensor]:
        """Mean over the samples followed. Entropy has no finite slope where a modality's state lacks a level;
        negativity bends where a pure state becomes mixed, so it has none in the dissipation there."""
        kind, name = states.split(target)
        m = self.model.modalities.index(name)
        if kind == "negativity":
            pure = float(states.purity(rho.detach()).max()) > 1 - _PURE
            finite = torch.tensor(
                [not (pure and parameter.kind == "dissipation") for parameter in self.parameters]
            )
            return states.logarithmic_negativity(rho, self.model.dims, (m,)).mean(), finite
        part = states.partial_trace(rho, self.model.dims, (m,))
        still = torch.tensor([parameter.kind == "measurement" for parameter in self.parameters])
        return states.von_neumann_entropy(part).mean(), still | (
            torch.linalg.eigvalsh(part.detach()).min() > _PURE
        )


def _entangled(target: str) -> bool:
    return states.split(target)[0] in ("entropy", "negativity")


def _parameters(
    model: TimeModel,
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
        parameters += [
            Parameter(
                f"{letter}[{'+'.join(members)}]",
                f"{title}: {'–'.join(members)}",
                kind,
                members,
                float(factors.get("+".join(members), 1.0)),
            )
            for members in (tuple(names[m] for m in s) for s in terms)
        ]
    if learned > 0 and not model.still:
        parameters.append(
            Parameter("T", "duration T", "duration", (), float(model.duration) / learned)
        )
    # a measurement vector is W[j], or W[text,j] where it measures the state of one modality
    for s, v in model.measurement_vectors().items():
        about = () if len(s) == len(names) > 1 else (names[s[0]],)
        parameters += [
            Parameter(
                f"W[{','.join([*about, str(j)])}]",
                " of ".join([f"measurement vector {j}", *about]),
                "measurement",
                about,
                1.0,
            )
            for j in range(1, len(v) + 1)
        ]
    return tuple(parameters)


# The terms of an EntangledQCNN and what they do: fusion of each element, modalities' say in it, blocks, pooling, head.
#
#     fusion of element i        phi_i = pi/2 + f (phi_i - pi/2): at 0 the fused qubit ignores its modality qubits,
#                                mass 1/2
#     weight of modality m in it phi_ib -> its mean over bit m, f apart from it: at 0 the table ignores modality m
#     convolution of a layer     angles times f: at 0 only the block's fixed gates are left (`su4`: both qubits change
#                                places, which neither mixes nor entangles; so4, circuit5, 6, 13, 14: nothing)
#     pooling of a layer         angles times f: at 0 the outcome turns nothing
#     weight of the head         W_cj times f
#
# Every score is linear in the vector of each fused qubit, so what one element's table does follows
# exactly from the slope with respect to that vector, knock-outs included; everything behind the
# fusion is one observable, contracted with the mean product of the fused qubits.

_NUMBERS = 4_000_000  # most numbers of one half of the products held at once
_COHORT = 24  # dividends need every pair of a sample and a background row: of a cohort so many samples, evenly spaced


Answer = tuple[float, np.ndarray, np.ndarray]  # value, slopes (P,) and effects (P,) of a target


@dataclass(frozen=True, eq=False)
class NetworkParameters(Terms):
    """An EntangledQCNN with a cohort.

    Attributes:
        masses: of the cohort, (B, n, M). rows: of the background, (N, n, M).
        distributions: where absent modalities are drawn each on its own, the mean probability over the rows of every
            outcome of each modality's qubits, (M, 2^n); else None.
    """

    model: EntangledQCNN
    masses: Tensor
    rows: Tensor
    output: int
    distributions: Tensor | None = None
    answers: dict[str, Answer] = field(default_factory=dict, init=False)
    parts: dict[tuple[decomposition.Subset, int], tuple[Tensor, ...]] = field(
        default_factory=dict, init=False
    )

    @staticmethod
    @torch.no_grad()
    def of(
        model: EntangledQCNN,
        inputs: Mapping[str, Features],
        background: backgrounds.RowBackground,
        output: int,
    ) -> NetworkParameters:
        """Collects what slopes and knock-outs need."""
        parameters = _network_parameters(model)
        return NetworkParameters(
            parameters,
            torch.ones(len(parameters), dtype=torch.float64),
            model,
            _masses(model, inputs),
            background.masses,
            output,
            background.distributions if background.kind == "product" else None,
        )

    def samples(self, target: str) -> int:
        """Dividends of a cohort are followed for some samples only."""
        return min(len(self.masses), _COHORT) if target.startswith("dividend") else len(self.masses)

    def slopes(self, targets: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Values and slopes."""
        values, slopes, _ = zip(*map(self._answer, targets), strict=True)
        return np.array(values), np.stack(slopes, 1)

    def effects(self, targets: Sequence[str], _: np.ndarray) -> np.ndarray:
        """Every term removed in turn."""
        return np.stack([self._answer(name)[2] for name in targets], 1)

    @torch.no_grad()
    def scores_without(self, inputs: Mapping[str, Features]) -> np.ndarray:
        """Every term removed in turn, from all scores."""
        masses = _masses(self.model, inputs)
        O = self._observables(self.factors)
        vectors = fuse(masses, self._phi(self.factors))[0]
        removed = (self._with(place, 0) for place in range(len(self.parameters)))
        scores = [
            qcnn.evaluate(O, fuse(masses, self._phi(factors))[0])
            if parameter.kind in ("fusion", "say")
            else qcnn.evaluate(self._observables(factors), vectors)
            for parameter, factors in zip(self.parameters, removed, strict=True)
        ]
        return (torch.stack(scores) + self.model.bias.double()).numpy()

    def _answer(self, target: str) -> Answer:
        """The answer for one target, worked out once, as both questions need it."""
        if target not in self.answers:
            kind, element = states.split(target)
            self.answers[target] = (
                self._entropy(int(element)) if kind == "entropy" else self._linear(target)
            )
        return self.answers[target]

    def _linear(self, target: str) -> Answer:
        """The score or a dividend: coalition values with signs."""
        signs = _inside(target, self.model.modalities)
        few = _spread(len(self.masses), self.samples(target))
        for s in signs:
            if (s, len(few)) not in self.parts:
                self.parts[s, len(few)] = self._part(self.masses[few], s)
        value, slopes, effects, product = (
            sum((sign * self.parts[s, len(few)][i] for s, sign in signs.items()), torch.zeros(()))
            for i in range(4)
        )
        if target == SCORE or len(signs) == 1:  # the baseline
            value = value + self.model.bias.detach()[self.output].double()
        self._behind(product, slopes, effects)
        return float(value), slopes.numpy(), effects.numpy()

    def _part(self, masses: Tensor, S: decomposition.Subset) -> tuple[Tensor, ...]:
        """One coalition's mean over samples and background: its value, the slope and effect of every parameter of the
        fusion, and the mean product (3^n)."""
        if self.distributions is None or len(S) == masses.shape[-1]:
            return self._over_pairs(masses, S)
        return self._over_combinations(masses, S, self.distributions)

    def _over_combinations(
        self, masses: Tensor, S: decomposition.Subset, distributions: Tensor
    ) -> tuple[Tensor, ...]:
        """`_part` over all combinations of a sample and a background row of each absent modality.

        The value is linear in the table of every element and stage. So the derivatives by the tables, summed over the
        samples, say what any change of the tables does, removed terms included.
        """
        n, O = self.model.elements, self._observable(self.factors).detach()
        factors = self.factors.clone().requires_grad_(True)
        tables = coalitions.stage_tables(self._phi(factors))
        derivatives = [torch.zeros_like(table) for table in tables]
        product = torch.zeros_like(O)
        samples = masses if S else masses[:1]  # told nothing, every sample is alike
        for sample in samples:
            own = [table.detach().requires_grad_(True) for table in tables]
            one = coalitions.mean_product(own, distributions, {m: sample[:, m] for m in S})
            for derivative, part in zip(
                derivatives, torch.autograd.grad(O @ one, own), strict=True
            ):
                derivative += part / len(samples)
            product += one.detach() / len(samples)
        (slopes,) = torch.autograd.grad(tables, factors, derivatives)
        effects = torch.zeros_like(self.factors)
        with torch.no_grad():
            for first in range(0, n * (1 + masses.shape[-1]), n):
                sort = slice(first, first + n)  # one term of each element, all removed at once
                removed = coalitions.stage_tables(self._phi(self._with(sort, 0)))
                changes = [
                    (derivative * (after - before)).flatten(1).sum(1)
                    for derivative, after, before in zip(derivatives, removed, tables, strict=True)
                ]
                # Without its fusion, the last stage of an element ignores what it reads, and so all stages before.
                effects[sort] = changes[-1] if first == 0 else torch.stack(changes).sum(0)
        return O @ product, slopes, effects, product

    def _over_pairs(self, masses: Tensor, S: decomposition.Subset) -> tuple[Tensor, ...]:
        """`_part` over all pairs of a sample and a background row."""
        n = self.model.elements
        O = self._observable(self.factors).detach()
        left, right = 3 ** (n // 2), 3 ** (n - n // 2)
        total, product = torch.zeros(()), torch.zeros(left, right, dtype=torch.float64)
        slopes, effects = torch.zeros_like(self.factors), torch.zeros_like(self.factors)
        factors = self.factors.clone().requires_grad_(True)
        count = 0
        for chunk in self._pairs(masses, S, max(1, _NUMBERS // right)):
            vectors = fuse(chunk, self._phi(factors))[0]
            one, two = (
                qcnn.products(vectors, range(n // 2)),
                qcnn.products(vectors, range(n // 2, n)),
            )
            value = ((one @ O.view(left, right)) * two).sum()
            g, slope = torch.autograd.grad(value, (vectors, factors))
            total, count = total + value.detach(), count + len(chunk)
            with torch.no_grad():
                product += one.T @ two
                slopes += slope
                # parameters of one sort, fusion and the weight of each modality, act on one element each: removed at
                # once
                for first in range(0, n * (1 + masses.shape[-1]), n):
                    sort = slice(first, first + n)
                    change = fuse(chunk, self._phi(self._with(sort, 0)))[0] - vectors
                    effects[sort] += (g * change).sum((0, 2))
        return total / count, slopes / count, effects / count, product.reshape(-1) / count

    def _pairs(self, masses: Tensor, S: decomposition.Subset, size: int) -> Iterator[Tensor]:
        """Masses (R, n, M) of pairs, those in S from the sample; only as many as differ."""
        present = torch.tensor([m in S for m in range(masses.shape[-1])])
        if present.all() or not S:
            yield from (masses if S else self.rows).split(size)
            return
        for sample in masses:
            yield from torch.where(present, sample, self.rows).split(size)

    def _behind(self, product: Tensor, slopes: Tensor, effects: Tensor) -> None:
        """Adds what is behind the fusion: blocks, pooling, head."""
        factors = self.factors.clone().requires_grad_(True)
        value = self._observable(factors) @ product
        (slope,) = torch.autograd.grad(value, factors)
        slopes += slope
        with torch.no_grad():
            for place, parameter in enumerate(self.parameters):
                if parameter.kind == "head":  # linear
                    effects[place] = -self.factors[place] * slope[place]
                elif parameter.kind in ("convolution", "pooling"):
                    effects[place] = self._observable(self._with(place, 0)) @ product - value

    def _entropy(self, element: int) -> Answer:
        """Mean entropy of one fused qubit."""
        n, sorts = self.model.elements, 1 + len(self.model.modalities)
        factors = self.factors.clone().requires_grad_(True)
        vectors = fuse(self.masses, self._phi(factors))[0][:, element]
        value = evidence.qubit_entropy(vectors).mean()
        (slope,) = torch.autograd.grad(value, factors)
        effects = torch.zeros_like(self.factors)
        with torch.no_grad():
            pure = torch.hypot(vectors[:, 1], vectors[:, 2]).max() > 1 - _PURE
            for place in range(element, n * sorts, n):
                removed = fuse(self.masses, self._phi(self._with(place, 0)))[0][:, element]
                effects[place] = evidence.qubit_entropy(removed).mean() - value
                slope[place] = torch.nan if pure else slope[place]
        return float(value.detach()), slope.numpy(), effects.numpy()

    def _phi(self, factors: Tensor) -> Tensor:
        """Tables with the factors of fusion and say, (n, stages, patterns)."""
        n, M = self.model.elements, len(self.model.modalities)
        phi = self.model.phi.detach().double()
        for m in range(M):
            f = factors[n * (1 + m) : n * (2 + m), None, None]
            # up to three modalities are the bits of one stage; else newcomers of a chain are the last of theirs
            stage, axis = (0, m) if m < 2 or M <= JOINT_LIMIT else (m - 1, 1)
            table = phi[:, stage].reshape(n, *(2,) * (phi.shape[-1].bit_length() - 1))
            mean = table.mean(1 + axis, keepdim=True).expand_as(table).reshape(n, 1, -1)
            scaled = mean + f * (phi[:, stage : stage + 1] - mean)
            phi = torch.cat([phi[:, :stage], scaled, phi[:, stage + 1 :]], 1)
        return torch.pi / 2 + factors[:n, None, None] * (phi - torch.pi / 2)

    def _observable(self, factors: Tensor) -> Tensor:
        """The observable of the output, (3^n,)."""
        return self._observables(factors, self.output)[0].reshape(-1)

    def _observables(self, factors: Tensor, output: int | None = None) -> Tensor:
        """The observables of one output or all, (C, 3, ..., 3), with the factors of blocks, pooling and head."""
        network, learned = copy.copy(self.model.network), self.model.network
        network._parameters = {}
        at = factors[self.model.elements * (1 + len(self.model.modalities)) :]
        layers = len(learned.convolution)
        head = learned.head if output is None else learned.head[output : output + 1]
        network.convolution = learned.convolution.detach().double() * at[:layers, None]  # type: ignore[assignment]
        network.pooling = learned.pooling.detach().double() * at[layers : 2 * layers, None]  # type: ignore[assignment]
        network.head = head.detach().double() * at[2 * layers :]  # type: ignore[assignment]
        return network.observables()


def _masses(model: EntangledQCNN, inputs: Mapping[str, Features]) -> Tensor:
    """Masses of samples, (B, n, M)."""
    encoded = model.encode(inputs)
    return torch.stack([encoded[name].double() for name in model.modalities], -1)


def _network_parameters(model: EntangledQCNN) -> tuple[Parameter, ...]:
    network, n = model.network, model.elements
    element = (
        [f"‘{name}’" for name in model.outputs]
        if model.elements_are_classes
        else [f"element {i}" for i in range(n)]
    )
    k = len(network.retained)  # the qubits that stay, whose outcomes the head reads together
    features = [
        *(f"outcome {format(j, f'0{k}b')}" for j in range(2**k)),
        *(f"⟨Z⟩ of qubit {q}" for q in network.measured),
    ]
    layers = range(len(network.convolution))
    titles = {
        "fusion": [f"fusion of {name}" for name in element],
        "convolution": [f"convolution block of layer {layer}" for layer in layers],
        "pooling": [f"pooling of layer {layer}" for layer in layers],
        "head": [f"head: {feature}" for feature in features],
    }
    parameters = [
        Parameter(f"{kind}[{i}]", title, kind, (), 1.0)
        for kind, named in titles.items()
        for i, title in enumerate(named)
    ]
    weights = [
        Parameter(f"say[{i}:{name}]", f"weight of {name} in {element[i]}", "say", (name,), 1.0)
        for name in model.modalities
        for i in range(n)
    ]
    return (*parameters[:n], *weights, *parameters[n:])


# Slopes and knock-outs of targets.


@dataclass(frozen=True)
class Sensitivity:
    """Slopes and knock-outs of P terms on Y targets.

    Attributes:
        parameters: the terms.
        targets: names: "score", "dividend[text+audio]", "dividend[]" (baseline), "entropy[text]", "negativity[text]",
            ...
        values: of the targets as they stand, (Y,).
        slopes: dy/df, per unit of the factor, (P, Y); not a number where the slope is infinite (see `note`).
        effects: y with the term removed less y as it stands, (P, Y).
        samples: how many each target is averaged over, (Y,).
        background: kind, and size, of the dividends' background.
        note: where a slope does not exist, why; else "".
    """

    parameters: tuple[Parameter, ...]
    targets: tuple[str, ...]
    values: np.ndarray
    slopes: np.ndarray
    effects: np.ndarray
    samples: np.ndarray
    background: str
    background_size: int
    note: str = ""

    @property
    def straight(self) -> np.ndarray:
        """What removal would do if y went on as its slope says, (P, Y): -f dy/df."""
        return -np.array([parameter.value for parameter in self.parameters])[:, None] * self.slopes

    def agrees(self) -> np.ndarray:
        """Whether slope and knock-out say the same sign, (P, Y)."""
        return np.sign(self.straight) == np.sign(self.effects)

    def column(self, target: str) -> int:
        """Place of a target."""
        return self.targets.index(choose("Target", target, self.targets))

    def frame(self, target: str) -> pd.DataFrame:
        """Returns one row a term: title, factor, change of the target for -10 % of what was learned, effect of removal,
        agreement."""
        j = self.column(target)
        return pd.DataFrame(
            {
                "term": [parameter.title for parameter in self.parameters],
                "key": [parameter.key for parameter in self.parameters],
                "kind": [parameter.kind for parameter in self.parameters],
                "factor": [parameter.value for parameter in self.parameters],
                "slope": self.slopes[:, j],
                "ten_percent_weaker": -0.1 * self.slopes[:, j],
                "removed": self.effects[:, j],
                "same_sign": self.agrees()[:, j],
            }
        )


@dataclass(frozen=True)
class Response:
    """A target on the way from a removed term to where it stands, at both ends and Gauss-Legendre nodes between.

    Attributes:
        parameter: the term.
        factors: ascending from 0 to the parameter's value, (n,). values, slopes: there, (n,).
        effect: y(0) - y(value). mean_slope: by quadrature over the nodes; times -value it is the effect, up to the
            quadrature's error.
    """

    parameter: Parameter
    factors: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    effect: float
    mean_slope: float


def target_names(model: FusionModel) -> tuple[str, ...]:
    """Returns what can be asked of a model: the score, every dividend, entanglement."""
    modalities = model.modalities
    names = [
        SCORE,
        *(
            f"dividend[{decomposition.subset_name(s, modalities)}]"
            for s in decomposition.subsets(len(modalities))
        ),
    ]
    if can(model, "terms") and can(model, "rules"):
        names += [f"entropy[{i}]" for i in range(require(model, "rules").elements)]
    elif can(model, "terms"):
        kinds = ("entropy", "negativity") if len(modalities) > 1 else ("entropy",)
        names += [f"{kind}[{name}]" for kind in kinds for name in modalities]
    return tuple(names)


def sensitivity(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.AnyBackground,
    *,
    output: int = 0,
    targets: Sequence[str] | None = None,
) -> Sensitivity:
    """Returns slopes and knock-outs of every term, for the mean over the given samples.

    Slopes are exact: one reverse pass a target through the exact computation. The mean over samples costs what one
    sample costs, but for entanglement (see ENTANGLEMENT_SAMPLES) and dividends of an EntangledQCNN.

    Args:
        model: in eval mode; a tweaked model stands where its tweak puts it.
        inputs: features of B samples.
        background: see `background`.
        output: whose score.
        targets: of `target_names`; None for all.

    Raises:
        InvalidInput, NotFound: when the background, output or a target does not fit the model.
    """
    terms = system(model, inputs, background, output)
    names = _checked(model, targets)
    values, slopes = terms.slopes(names)
    return Sensitivity(
        terms.parameters,
        names,
        values,
        slopes,
        terms.effects(names, slopes),
        np.array([terms.samples(name) for name in names]),
        background.kind,
        background.size,
        "The state is pure there, where entropy starts with infinite slope and negativity bends: neither has a "
        "derivative."
        if np.isnan(slopes).any()
        else "",
    )


def response(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.AnyBackground,
    key: str,
    target: str = SCORE,
    *,
    output: int = 0,
    nodes: int = 6,
) -> Response:
    """Returns a target on the way from a removed term to where it stands.

    Args:
        key: of the parameter; other arguments as for `sensitivity`.
        nodes: of the Gauss-Legendre quadrature between the ends.
    """
    terms = system(model, inputs, background, output)
    _checked(model, [target])
    keys = [parameter.key for parameter in terms.parameters]
    place = keys.index(choose("Term", key, keys))
    parameter = terms.parameters[place]
    check(
        parameter.value != 0,
        f"Term {key!r} is removed already: nothing lies between. Turn it up first.",
    )
    t, w = np.polynomial.legendre.leggauss(nodes)
    shares = np.concatenate([[0.0], (t + 1) / 2, [1.0]])
    along = [
        terms.moved(place, float(parameter.value * share)).slopes([target]) for share in shares
    ]
    values, slopes = np.array([v[0] for v, _ in along]), np.array([s[place, 0] for _, s in along])
    return Response(
        parameter,
        parameter.value * shares,
        values,
        slopes,
        float(values[0] - values[-1]),
        float(w / 2 @ slopes[1:-1]),
    )


def half_way(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.AnyBackground,
    target: str = SCORE,
    *,
    output: int = 0,
) -> np.ndarray:
    """Returns what the slope at half of each factor says that its removal does, -f dy/df at f / 2, (P,).

    The middle of the way stands for the mean slope on it up to third order, where the slope at its end does to second
    order only. Arguments as for `sensitivity`.
    """
    terms = system(model, inputs, background, output)
    _checked(model, [target])
    slopes = terms.slopes([target])[1][:, 0]
    for place, term in enumerate(terms.parameters):
        if term.kind not in ("measurement", "head") and term.value != 0:  # these are linear
            slopes[place] = terms.moved(place, term.value / 2).slopes([target])[1][place, 0]
    return -np.array([term.value for term in terms.parameters]) * slopes


def system(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.AnyBackground,
    output: int = 0,
) -> JumpParameters | NetworkParameters:
    """Returns the physics of a model with everything that slopes and knock-outs need."""
    model = base.in_double(model)
    check(
        0 <= output < len(model.outputs),
        f"Argument `output` must lie between 0 and {len(model.outputs) - 1}, but is {output}.",
    )
    own = backgrounds.fitting(require(model, "terms"), background)
    if can(model, "rules"):
        return NetworkParameters.of(require(model, "rules"), inputs, own, output)
    return JumpParameters.of(require(model, "time"), inputs, own, output)


def _checked(model: FusionModel, targets: Sequence[str] | None) -> tuple[str, ...]:
    known = target_names(model)
    return known if targets is None else tuple(choose("Target", name, known) for name in targets)
