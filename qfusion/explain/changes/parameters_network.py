"""The terms of an EntangledQCNN and what they do: fusion of each element, modalities' say in it, blocks, pooling, head.

    fusion of element i        phi_i = pi/2 + f (phi_i - pi/2): at 0 the fused qubit ignores its modality qubits,
                               mass 1/2
    weight of modality m in it phi_ib -> its mean over bit m, f apart from it: at 0 the table ignores modality m
    convolution of a layer     angles times f: at 0 only the block's fixed gates are left (`su4`: both qubits change
                               places, which neither mixes nor entangles; so4, circuit5, 6, 13, 14: nothing)
    pooling of a layer         angles times f: at 0 the outcome turns nothing
    weight of the head         W_cj times f

Every score is linear in the vector of each fused qubit, so what one element's table does follows exactly from the slope
with respect to that vector, knock-outs included; everything behind the fusion is one observable, contracted with the
mean product of the fused qubits.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.explain.changes.parameters import SCORE, Parameter, Terms
from qfusion.explain.contributions.background import RowBackground
from qfusion.explain.network.evidence import qubit_entropy
from qfusion.models.encoders import Features
from qfusion.models.entangled_qcnn import EntangledQCNN
from qfusion.models.fusion import fuse
from qfusion.models.qcnn import evaluate, products
from qfusion.quantum.decomposition import Subset, subset_name, subsets
from qfusion.quantum.kinds import split

_NUMBERS = 4_000_000  # most numbers of one half of the products held at once
_COHORT = 24  # dividends need every pair of a sample and a background row: of a cohort so many samples, evenly spaced
_PURE = 1e-9  # of the length of a Bloch vector below 1: there entropy has no finite slope


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
        parameters = _parameters(model)
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
        found = [self._all(name) for name in targets]
        return np.array([value for value, _, _ in found]), np.stack(
            [slopes for _, slopes, _ in found], 1
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
        found = []
        for place, parameter in enumerate(self.parameters):
            factors = self.factors.clone()
            factors[place] = 0
            ahead = parameter.kind in ("fusion", "say")
            found.append(
                evaluate(
                    O if ahead else self._observables(factors),
                    fuse(masses, self._phi(factors))[0] if ahead else vectors,
                )
            )
        return (torch.stack(found) + self.model.bias.double()).numpy()

    def _all(self, target: str) -> tuple[float, np.ndarray, np.ndarray]:
        """Value, slopes (P,) and effects (P,) of one target; kept, as both questions need it."""
        kept: dict[str, Any] = self.__dict__.setdefault("_kept", {})
        if target not in kept:
            kind, inner = split(target)
            kept[target] = self._entropy(int(inner)) if kind == "entropy" else self._linear(target)
        return kept[target]

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
        kept: dict[Any, _Part] = self.__dict__.setdefault("_parts", {})
        for s in inner:
            if (s, len(few)) not in kept:
                kept[s, len(few)] = self._part(self.masses[few], s)
        parts = [kept[s, len(few)] for s in inner]
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
            pure = torch.hypot(vectors[:, 1], vectors[:, 2]).max() > 1 - _PURE
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
    from qfusion.models.fusion import JOINT_LIMIT

    if M <= JOINT_LIMIT:
        return 0, m
    return (0, m) if m < 2 else (m - 1, 1)


def _parameters(model: EntangledQCNN) -> tuple[Parameter, ...]:
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
    found = [
        Parameter(f"fusion[{i}]", f"fusion of {element[i]}", "fusion", (), 1.0) for i in range(n)
    ]
    found += [
        Parameter(f"say[{i}:{name}]", f"weight of {name} in {element[i]}", "say", (name,), 1.0)
        for name in model.modalities
        for i in range(n)
    ]
    found += [
        Parameter(
            f"convolution[{layer}]", f"convolution block of layer {layer}", "convolution", (), 1.0
        )
        for layer in range(layers)
    ]
    found += [
        Parameter(f"pooling[{layer}]", f"pooling of layer {layer}", "pooling", (), 1.0)
        for layer in range(layers)
    ]
    return (
        *found,
        *(
            Parameter(f"head[{j}]", f"head: {_feature(model, j)}", "head", (), 1.0)
            for j in range(features)
        ),
    )


def _feature(model: EntangledQCNN, j: int) -> str:
    network = model.network
    joint = 2 ** len(network.kept)
    if j < joint:
        return f"outcome {format(j, f'0{len(network.kept)}b')}"  # of the qubits that stay
    return f"⟨Z⟩ of qubit {network.measured[j - joint]}"
