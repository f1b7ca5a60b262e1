"""The terms of an EntangledQCNN and their factors: fusion of each element, weights, blocks, pooling, head.

    fusion of element i        phi_i = pi/2 + f (phi_i - pi/2): at 0 the fused qubit ignores its modality qubits,
                               mass 1/2
    weight of modality m in it phi_ib -> its mean over bit m, f times the deviation from it: at 0 the table ignores
                               modality m
    convolution of a layer     angles times f: at 0 only the block's fixed gates are left (`su4`: both qubits change
                               places, which neither mixes nor entangles; so4, circuit5, 6, 13, 14: nothing)
    pooling of a layer         angles times f: at 0 the outcome turns nothing
    weight of the head         W_cj times f

Every score is linear in the vector of each fused qubit, so the effect of one element's table follows exactly from the
slope with respect to that vector, knock-outs included; everything after the fusion is one observable, contracted with
the mean product of the fused qubits.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from qfusion.models.inputs import Features
from qfusion.models.network import contractions, mass_algebra, qcnn, truth_tables
from qfusion.models.network.mass_algebra import MassBackground
from qfusion.models.network.truth_tables import JOINT_LIMIT, fuse
from qfusion.models.protocols import TruthTables
from qfusion.models.terms import (
    PURE,
    SCORE,
    Parameter,
    Terms,
    coalition_signs,
    spread_places,
)
from qfusion.quantum import decomposition, measure_kinds

_NUMBERS = 4_000_000  # most numbers of one half of the products held at once
_COHORT = 24  # dividends need every pair of a sample and a background row: of a cohort so many samples, evenly spaced


Answer = tuple[float, np.ndarray, np.ndarray]  # value, slopes (P,) and effects (P,) of a target


@dataclass(frozen=True, eq=False)
class NetworkTerms(Terms):
    """An EntangledQCNN with a cohort.

    Attributes:
        masses: of the cohort, (B, n, M). rows: of the background, (N, n, M).
        distributions: where absent modalities are drawn each on its own, the mean probability over the rows of every
            outcome of each modality's qubits, (M, 2^n); else None.
    """

    model: TruthTables
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
        model: TruthTables,
        inputs: Mapping[str, Features],
        background: MassBackground,
        output: int,
    ) -> NetworkTerms:
        """Collect the data that slopes and knock-outs need."""
        parameters = _network_parameters(model)
        return NetworkTerms(
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
        """Return the changes of the targets when each term is removed in turn."""
        return np.stack([self._answer(name)[2] for name in targets], 1)

    @torch.no_grad()
    def scores_without(self, inputs: Mapping[str, Features]) -> np.ndarray:
        """Return all scores with every term removed in turn."""
        masses = _masses(self.model, inputs)
        O = self._observables(self.factors)
        vectors = fuse(masses, self._phi(self.factors))[0]
        removed = (self.with_factor(place, 0) for place in range(len(self.parameters)))
        scores = []
        for parameter, factors in zip(self.parameters, removed, strict=True):
            if parameter.kind in ("fusion", "say"):
                fused = fuse(masses, self._phi(factors))[0]
                scores.append(qcnn.evaluate(O, fused))
            else:
                scores.append(qcnn.evaluate(self._observables(factors), vectors))
        return (torch.stack(scores) + self.model.bias.double()).numpy()

    def _answer(self, target: str) -> Answer:
        """Return the answer for one target. It is computed once, because both questions need it."""
        if target not in self.answers:
            kind, element = measure_kinds.split_column(target)
            self.answers[target] = (
                self._entropy(int(element)) if kind == "entropy" else self._linear(target)
            )
        return self.answers[target]

    def _linear(self, target: str) -> Answer:
        """The score or a dividend: coalition values with signs."""
        signs = coalition_signs(target, self.model.modalities)
        few = spread_places(len(self.masses), self.samples(target))
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
        """Return one coalition's mean over samples and background: its value, the slope and effect of every
        parameter of the fusion, and the mean product (3^n).
        """
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
        tables = contractions.stage_tables(self._phi(factors))
        derivatives = [torch.zeros_like(table) for table in tables]
        product = torch.zeros_like(O)
        samples = masses if S else masses[:1]  # told nothing, every sample is alike
        for sample in samples:
            own = [table.detach().requires_grad_(True) for table in tables]
            one = mass_algebra.mean_product(own, distributions, {m: sample[:, m] for m in S})
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
                removed = contractions.stage_tables(self._phi(self.with_factor(sort, 0)))
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
        left = 3 ** (n // 2)
        right = 3 ** (n - n // 2)
        total = torch.zeros(())
        product = torch.zeros(left, right, dtype=torch.float64)
        slopes = torch.zeros_like(self.factors)
        effects = torch.zeros_like(self.factors)
        factors = self.factors.clone().requires_grad_(True)
        count = 0
        for chunk in self._pairs(masses, S, max(1, _NUMBERS // right)):
            vectors = fuse(chunk, self._phi(factors))[0]
            one = qcnn.products(vectors, range(n // 2))
            two = qcnn.products(vectors, range(n // 2, n))
            value = ((one @ O.view(left, right)) * two).sum()
            g, slope = torch.autograd.grad(value, (vectors, factors))
            total = total + value.detach()
            count = count + len(chunk)
            with torch.no_grad():
                product += one.T @ two
                slopes += slope
                # parameters of one sort, fusion and the weight of each modality, act on one element each: removed at
                # once
                for first in range(0, n * (1 + masses.shape[-1]), n):
                    sort = slice(first, first + n)
                    change = fuse(chunk, self._phi(self.with_factor(sort, 0)))[0] - vectors
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
        """Add the slopes and effects of the parts behind the fusion: blocks, pooling, head."""
        factors = self.factors.clone().requires_grad_(True)
        value = self._observable(factors) @ product
        (slope,) = torch.autograd.grad(value, factors)
        slopes += slope
        with torch.no_grad():
            for place, parameter in enumerate(self.parameters):
                if parameter.kind == "head":  # linear
                    effects[place] = -self.factors[place] * slope[place]
                elif parameter.kind in ("convolution", "pooling"):
                    effects[place] = self._observable(self.with_factor(place, 0)) @ product - value

    def _entropy(self, element: int) -> Answer:
        """Mean entropy of one fused qubit."""
        n, sorts = self.model.elements, 1 + len(self.model.modalities)
        factors = self.factors.clone().requires_grad_(True)
        vectors = fuse(self.masses, self._phi(factors))[0][:, element]
        value = truth_tables.fused_entropy(vectors).mean()
        (slope,) = torch.autograd.grad(value, factors)
        effects = torch.zeros_like(self.factors)
        with torch.no_grad():
            pure = torch.hypot(vectors[:, 1], vectors[:, 2]).max() > 1 - PURE
            for place in range(element, n * sorts, n):
                removed = fuse(self.masses, self._phi(self.with_factor(place, 0)))[0][:, element]
                effects[place] = truth_tables.fused_entropy(removed).mean() - value
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


def _masses(model: TruthTables, inputs: Mapping[str, Features]) -> Tensor:
    """Masses of samples, (B, n, M)."""
    encoded = model.encode(inputs)
    return torch.stack([encoded[name].double() for name in model.modalities], -1)


def _network_parameters(model: TruthTables) -> tuple[Parameter, ...]:
    network, n = model.network, model.elements
    element = (
        [f"‘{name}’" for name in model.outputs]
        if model.elements_are_classes
        else [f"element {i}" for i in range(n)]
    )
    k = len(network.retained)  # qubits whose outcomes the head reads together
    features = [
        *(f"outcome {format(j, f'0{k}b')}" for j in range(2**k)),
        *(f"⟨Z⟩ of qubit {q}" for q in network.read_singly),
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
