"""Terms of a model's physics with their factors, for QiNN-QJ and for the network: what `sensitivity` and its
neighbours turn.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.explain.backgrounds import Background, RowBackground
from qfusion.explain.coalitions import marginal_observables
from qfusion.explain.evidence import qubit_entropy
from qfusion.models.encoders import Features
from qfusion.models.entangled_qcnn import EntangledQCNN, fuse
from qfusion.models.qcnn import evaluate, products
from qfusion.models.quantum_jump import TimeModel, expectation
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.quantum import decomposition, measures, states
from qfusion.quantum.decomposition import Subset, subset_name, subsets
from qfusion.quantum.lindblad import Generator, Term, evolve
from qfusion.quantum.measures import split

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


T = TypeVar("T", bound="Terms")


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of a model's physics and where their factors stand, (P,)."""

    parameters: tuple[Parameter, ...]
    factors: Tensor

    def moved(self: T, place: int, value: float) -> T:
        """Returns the same with one factor changed."""
        factors, parameters = self.factors.clone(), list(self.parameters)
        factors[place] = value
        parameters[place] = parameters[place]._replace(value=value)
        return replace(self, factors=factors, parameters=tuple(parameters))


class System(Protocol):
    """What a model's physics answers; one instance holds the cohort, the background and where the factors stand."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The terms."""

    def slopes(self, targets: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Returns values (Y,) and slopes (P, Y)."""

    def effects(self, targets: Sequence[str]) -> np.ndarray:
        """Returns the effects of removal, (P, Y)."""

    def moved(self, place: int, value: float) -> System:
        """Returns the system with one factor changed."""

    def scores_without(self, inputs: Mapping[str, Features]) -> np.ndarray:
        """Returns the scores of other samples with each term removed in turn, from every output, (P, B, C)."""

    def samples(self, target: str) -> int:
        """How many samples a target is averaged over."""


# The terms of a QiNN-QJ and what they do: couplings H_S, dissipation of A, duration, measurement vectors.
#
# With factors f_S, g_A, tau, w_j (1 as learned) the generator is tau times that of sum_S f_S H_S
# and sum_A g_A L_k^A (see `quantum.gauge`) over the learned duration, and the read-out sum_j w_j
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

    model: TimeModel
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
        model: TimeModel, inputs: Mapping[str, Features], background: Background, output: int
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
        generator = decomposition.traceless(old.generator())
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
            entry.kind == "duration" and float(f) < _HAIR
            for entry, f in zip(self.parameters, self.factors, strict=True)
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
        values = np.zeros((len(self.parameters), len(targets)))
        linear = [j for j, name in enumerate(targets) if not _entangled(name)]
        weights = [
            i for i, parameter in enumerate(self.parameters) if parameter.kind == "measurement"
        ]
        for place, parameter in enumerate(self.parameters):
            if parameter.kind != "measurement" and parameter.value != 0:
                factors = self.factors.clone()
                factors[place] = 0
                values[place] = (
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
                    values[weights, j] = (-self.factors * slope)[weights].numpy()
        return values

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
        result = []
        for place, parameter in enumerate(self.parameters):
            factors = self.factors.clone()
            factors[place] = 0
            if parameter.kind == "measurement":
                result.append(p @ ((1 - apart[place - first]) * factors[first:] * W).T)
            else:
                O = self.model.weighted_readout(factors[first:] * W)
                result.append(
                    expectation(self._evolve(self._generator(factors), O, "observables"), psi)
                )
        return (torch.stack(result) + self.model.bias).numpy()

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
        result = {}
        for subset, matrix in marginal_observables(O, self.background).items():
            if subset in needed:
                rho = self.mean[subset] if subset else torch.ones(1, 1, dtype=torch.complex128)
                result[subset] = torch.einsum("ab,ba->", matrix[0], rho).real
        return result

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
    model: TimeModel, couplings: Sequence[Subset], dissipations: Sequence[Subset], still: bool
) -> tuple[Parameter, ...]:
    names, tweak = model.modalities, model.tweak or LEARNED
    learned = float(model.settings["duration"])
    result = []
    for letter, title, kind, terms, factors in (
        ("H", "H", "coupling", couplings, tweak.couplings),
        ("D", "dissipation", "dissipation", dissipations, tweak.dissipations),
    ):
        for s in terms:
            members, name = tuple(names[m] for m in s), subset_name(s, names)
            result.append(
                Parameter(
                    f"{letter}[{name}]",
                    f"{title}: {'–'.join(members)}",
                    kind,
                    members,
                    float(factors.get(name, 1.0)),
                )
            )
    if learned > 0 and not still:
        result.append(Parameter("T", "duration T", "duration", (), float(model.duration) / learned))
    return (*result, *_vector_parameters(model))


def _vector_parameters(model: TimeModel) -> Iterator[Parameter]:
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
_PURE_PARAMETERS_NETWORK = (
    1e-9  # of the length of a Bloch vector below 1: there entropy has no finite slope
)


class _Part(NamedTuple):
    """One coalition: its value, the slope and effect of every parameter of the fusion, and the mean product (3^n)."""

    value: Tensor
    slopes: Tensor
    effects: Tensor
    product: Tensor


@dataclass(frozen=True, eq=False)
class NetworkParameters(Terms):
    """An EntangledQCNN with a cohort.

    Attributes:
        masses: of the cohort, (B, n, M). rows: of the background, (N, n, M).
        independent: whether absent modalities come from different rows.
    """

    model: EntangledQCNN
    masses: Tensor
    rows: Tensor
    output: int
    independent: bool = False

    @staticmethod
    @torch.no_grad()
    def of(
        model: EntangledQCNN, inputs: Mapping[str, Features], background: RowBackground, output: int
    ) -> NetworkParameters:
        """Collects what slopes and knock-outs need."""
        encoded = model.encode(inputs)
        masses = torch.stack([encoded[name].double() for name in model.modalities], -1)
        parameters = _parameters_of_parameters_network(model)
        return NetworkParameters(
            parameters,
            torch.ones(len(parameters), dtype=torch.float64),
            model,
            masses,
            background.masses,
            output,
            background.kind == "product",
        )

    def samples(self, target: str) -> int:
        """Dividends of a cohort are followed for some samples only."""
        return min(len(self.masses), _COHORT) if target.startswith("dividend") else len(self.masses)

    def slopes(self, targets: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Values and slopes."""
        result = [self._all(name) for name in targets]
        return np.array([value for value, _, _ in result]), np.stack(
            [slopes for _, slopes, _ in result], 1
        )

    def effects(self, targets: Sequence[str]) -> np.ndarray:
        """Every term removed in turn."""
        return np.stack([self._all(name)[2] for name in targets], 1)

    @torch.no_grad()
    def scores_without(self, inputs: Mapping[str, Features]) -> np.ndarray:
        """Every term removed in turn, from all scores."""
        encoded = self.model.encode(inputs)
        masses = torch.stack([encoded[name].double() for name in self.model.modalities], -1)
        O = self._observables(self.factors)
        vectors = fuse(masses, self._phi(self.factors))[0]
        result = []
        for place, parameter in enumerate(self.parameters):
            factors = self.factors.clone()
            factors[place] = 0
            ahead = parameter.kind in ("fusion", "say")
            result.append(
                evaluate(
                    O if ahead else self._observables(factors),
                    fuse(masses, self._phi(factors))[0] if ahead else vectors,
                )
            )
        return (torch.stack(result) + self.model.bias.double()).numpy()

    def _all(self, target: str) -> tuple[float, np.ndarray, np.ndarray]:
        """Value, slopes (P,) and effects (P,) of one target; kept, as both questions need it."""
        stored: dict[str, Any] = self.__dict__.setdefault("_kept", {})
        if target not in stored:
            kind, inner = split(target)
            stored[target] = (
                self._entropy(int(inner)) if kind == "entropy" else self._linear(target)
            )
        return stored[target]

    def _linear(self, target: str) -> tuple[float, np.ndarray, np.ndarray]:
        """The score or a dividend: coalition values with signs."""
        M, bias = len(self.model.modalities), float(self.model.bias.detach()[self.output])
        check(
            target == SCORE or not self.independent,
            "Slopes of dividends against the background 'product' are not offered for an entangled-qcnn: they would "
            "need every combination of samples. Choose 'joint', or the score.",
        )
        whole = (
            tuple(range(M))
            if target == SCORE
            else next(
                s for s in subsets(M) if subset_name(s, self.model.modalities) == split(target)[1]
            )
        )
        inner = [whole] if target == SCORE else [s for s in subsets(M) if set(s) <= set(whole)]
        signs = [(-1.0) ** (len(whole) - len(s)) for s in inner]
        few = np.unique(
            np.linspace(0, len(self.masses) - 1, self.samples(target)).round().astype(int)
        )
        stored: dict[Any, _Part] = self.__dict__.setdefault("_parts", {})
        for s in inner:
            if (s, len(few)) not in stored:
                stored[s, len(few)] = self._part(self.masses[few], s)
        parts = [stored[s, len(few)] for s in inner]
        value, slopes, effects = (
            sum(sign * part[i] for sign, part in zip(signs, parts, strict=True)) for i in range(3)
        )
        product = sum(sign * part.product for sign, part in zip(signs, parts, strict=True))
        slopes, effects = self._behind(product, slopes.clone(), effects.clone())  # type: ignore[union-attr, arg-type]
        return (
            float(value) + (bias if target == SCORE or not whole else 0.0),
            slopes.numpy(),
            effects.numpy(),
        )

    def _part(self, masses: Tensor, S: Subset) -> _Part:
        """One coalition's mean over all pairs of a sample and a background row."""
        n = self.model.elements
        O = self._observable(self.factors).detach()
        left, right = 3 ** (n // 2), 3 ** (n - n // 2)
        total, product = torch.zeros(()), torch.zeros(left, right, dtype=torch.float64)
        slopes, effects = torch.zeros_like(self.factors), torch.zeros_like(self.factors)
        count = 0
        for chunk in self._pairs(masses, S, max(1, _NUMBERS // right)):
            phi = self._phi(self.factors)
            vectors = fuse(chunk, phi)[0].requires_grad_(True)
            one, two = products(vectors, range(n // 2)), products(vectors, range(n // 2, n))
            value = ((one @ O.view(left, right)) * two).sum()
            (g,) = torch.autograd.grad(value, vectors)
            with torch.no_grad():
                product += one.T @ two
            total, count = total + value.detach(), count + len(chunk)
            self._fusion(chunk, g, slopes, effects)
        return _Part(total / count, slopes / count, effects / count, product.reshape(-1) / count)

    def _pairs(self, masses: Tensor, S: Subset, size: int) -> Any:
        """Masses (R, n, M) of pairs, those in S from the sample; only as many as differ."""
        M = masses.shape[-1]
        present = torch.zeros(M, dtype=torch.bool)
        present[list(S)] = True
        if len(S) == M or not S:
            yield from (masses if S else self.rows).split(size)
            return
        for sample in masses:
            yield from torch.where(present, sample, self.rows).split(size)

    def _fusion(self, masses: Tensor, g: Tensor, slopes: Tensor, effects: Tensor) -> None:
        """Adds the sums over the chunk for the parameters of the fusion; g is the slope in the fused qubits' vectors,
        (R, n, 3)."""
        n, M = self.model.elements, len(self.model.modalities)
        names = [("fusion", None), *(("say", m) for m in range(M))]
        factors = self.factors.clone().requires_grad_(True)
        vectors = fuse(masses, self._phi(factors))[0]
        (slope,) = torch.autograd.grad((g * vectors).sum(), factors)
        slopes += slope
        with torch.no_grad():
            # parameters of one sort act on one element each, so all are removed at once
            for place, _ in enumerate(names):
                removed = self.factors.clone()
                removed[place * n : (place + 1) * n] = 0
                change = fuse(masses, self._phi(removed))[0] - vectors
                effects[place * n : (place + 1) * n] += (g * change).sum((0, 2))

    def _behind(self, product: Tensor, slopes: Tensor, effects: Tensor) -> tuple[Tensor, Tensor]:
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
                    removed = self.factors.clone()
                    removed[place] = 0
                    effects[place] = self._observable(removed) @ product - value
        return slopes, effects

    def _entropy(self, element: int) -> tuple[float, np.ndarray, np.ndarray]:
        """Mean entropy of one fused qubit."""
        n, sorts = self.model.elements, 1 + len(self.model.modalities)
        factors = self.factors.clone().requires_grad_(True)
        vectors = fuse(self.masses, self._phi(factors))[0][:, element]
        value = qubit_entropy(vectors).mean()
        (slope,) = torch.autograd.grad(value, factors)
        effects = torch.zeros_like(self.factors)
        with torch.no_grad():
            pure = torch.hypot(vectors[:, 1], vectors[:, 2]).max() > 1 - _PURE_PARAMETERS_NETWORK
            for place in range(element, n * sorts, n):
                removed = self.factors.clone()
                removed[place] = 0
                effects[place] = (
                    qubit_entropy(fuse(self.masses, self._phi(removed))[0][:, element]).mean()
                    - value
                )
                slope[place] = torch.nan if pure else slope[place]
        return float(value.detach()), slope.numpy(), effects.numpy()

    def _phi(self, factors: Tensor) -> Tensor:
        """Tables with the factors of fusion and say, (n, stages, patterns)."""
        n, M = self.model.elements, len(self.model.modalities)
        phi = self.model.phi.detach().double()
        for m in range(M):
            f = factors[n * (1 + m) : n * (2 + m), None, None]
            stage, axis = _place(m, M)
            bits = phi.shape[-1].bit_length() - 1
            table = phi[:, stage].reshape(n, *(2,) * bits)
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
        head = learned.head.detach().double()
        network.__dict__["convolution"] = learned.convolution.detach().double() * at[:layers, None]
        network.__dict__["pooling"] = (
            learned.pooling.detach().double() * at[layers : 2 * layers, None]
        )
        network.__dict__["head"] = (head if output is None else head[output : output + 1]) * at[
            2 * layers :
        ]
        return network.observables()


def _place(m: int, M: int) -> tuple[int, int]:
    """Stage and bit of a modality in the tables: all in one up to three, else newcomers of a chain."""
    from qfusion.models.entangled_qcnn import JOINT_LIMIT

    if M <= JOINT_LIMIT:
        return 0, m
    return (0, m) if m < 2 else (m - 1, 1)


def _parameters_of_parameters_network(model: EntangledQCNN) -> tuple[Parameter, ...]:
    n, layers, features = (
        model.elements,
        len(model.network.convolution),
        model.network.head.shape[1],
    )
    element = (
        [f"‘{name}’" for name in model.outputs]
        if model.elements_are_classes
        else [f"element {i}" for i in range(n)]
    )
    parameters = [
        Parameter(f"fusion[{i}]", f"fusion of {element[i]}", "fusion", (), 1.0) for i in range(n)
    ]
    parameters += [
        Parameter(f"say[{i}:{name}]", f"weight of {name} in {element[i]}", "say", (name,), 1.0)
        for name in model.modalities
        for i in range(n)
    ]
    parameters += [
        Parameter(
            f"convolution[{layer}]", f"convolution block of layer {layer}", "convolution", (), 1.0
        )
        for layer in range(layers)
    ]
    parameters += [
        Parameter(f"pooling[{layer}]", f"pooling of layer {layer}", "pooling", (), 1.0)
        for layer in range(layers)
    ]
    return (
        *parameters,
        *(
            Parameter(f"head[{j}]", f"head: {_feature(model, j)}", "head", (), 1.0)
            for j in range(features)
        ),
    )


def _feature(model: EntangledQCNN, j: int) -> str:
    network = model.network
    joint = 2 ** len(network.retained)
    if j < joint:
        return f"outcome {format(j, f'0{len(network.retained)}b')}"  # of the qubits that stay
    return f"⟨Z⟩ of qubit {network.measured[j - joint]}"
