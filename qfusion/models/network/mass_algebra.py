"""The algebra of an EntangledQCNN: its scores are multilinear in the masses of every modality.

Marginal observables of an EntangledQCNN: functions of the outcome patterns of at most two modalities.

A modality reaches the fusion through the outcomes of its qubits only, so a marginal observable is diagonal: a table of
scores over the outcome patterns {0, 1}^n, whose basis states are the eigenvectors.

Exact coalition values of an EntangledQCNN against the product of marginals: absent modalities are independent.

A modality's n qubits are read once, and the score is linear in the 2^n probabilities of their outcomes. So the mean
over all N^k combinations of k absent modalities' rows is the score at their mean distributions, which are no longer
products over the qubits. Where one table fuses all modalities (at most three), at most two distributions meet: 4^n
numbers, gathered by five letters a qubit (see `contract_readout`) into the observable of the third modality. In a
chain each stage passes on the distribution of its fused qubits' bits, and an absent modality is a matrix (2^n, 2^n) on
it. With n <= 10 no tensor is larger than 5^10 numbers (80 MB).

That serves every sample. For a few samples, and for derivatives, `mean_product` costs less: the factors of each half of
the qubits are multiplied out, and the halves meet through the distributions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.models.coalition_algebra import LinearAlgebra, Spectrum, StateBackground
from qfusion.models.inputs import GROUPS, Background, Group
from qfusion.models.network import contractions, qcnn
from qfusion.models.network.contractions import (
    FEW_SAMPLES,
    MAX_SEPARATE_MODALITIES,
    chunk_length,
    contract_readout,
    exchange_groups,
    mode_product,
    order_by_mask,
    pull_back_joint,
    pull_back_rows,
    scores_without_one,
    stage_tables,
)
from qfusion.models.network.qcnn import evaluate
from qfusion.models.network.truth_tables import MultilinearForm, fuse, patterns, probabilities
from qfusion.models.protocols import MassStates
from qfusion.quantum import decomposition

MAX_PATTERNS = 2**20  # outcome patterns of a pair of modalities whose values are computed


@dataclass(frozen=True, kw_only=True)
class MassBackground(StateBackground):
    """The masses of background samples: scores are multilinear in them, but not in a mean state of all modalities.

    Attributes:
        masses: per sample, element and modality, (N, n, M) double.
    """

    masses: Tensor

    def parts(self) -> list[MassBackground]:
        return [
            replace(self, masses=self.masses[group::GROUPS], total=0) for group in range(GROUPS)
        ]

    @cached_property
    def distributions(self) -> Tensor:
        """Mean probability of every outcome of each modality's qubits, (M, 2^n), as kind "product" needs it."""
        _, n, M = self.masses.shape
        sums = [
            torch.stack([probabilities(chunk[..., m]).sum(0) for m in range(M)])
            for chunk in self.masses.split(chunk_length(2**n))
        ]
        return torch.stack(sums).sum(0) / len(self.masses)

    def numbers(self) -> Tensor:
        return self.masses


class MassAlgebra(LinearAlgebra[MassStates, MassBackground]):
    """The algebra of a model that fuses masses by truth tables and reads the fused qubits by a network."""

    def make_uninformed_background(self, kind: str, label: str) -> MassBackground:
        # No evidence leaves every qubit on the equator, which is as good as maximally mixed to a control.
        shape = (1, self.model.elements, len(self.model.modalities))
        half = torch.full(shape, 0.5, dtype=torch.float64)
        return MassBackground(masses=half, kind=kind, size=0, label=label)

    def make_background(
        self,
        parts: Iterable[tuple[int, Mapping[str, Any]]],
        count: int,
        kind: str,
        label: str,
        group: Group,
    ) -> MassBackground:
        own = {number: self._masses(encoded) for number, encoded in parts}
        in_order = [part for _, part in sorted(group.collected(own).items())]
        return MassBackground(masses=torch.cat(in_order), kind=kind, size=count, label=label)

    def fits(self, background: Background) -> bool:
        shape = self.model.elements, len(self.model.modalities)
        return isinstance(background, MassBackground) and background.masses.shape[1:] == shape

    def expectations(
        self,
        states: Mapping[str, Any],
        background: MassBackground,
        observables: Tensor | None = None,
    ) -> Tensor:
        masses = self._masses(states)
        if background.kind == "product":
            distributions = background.distributions
            return marginal_values(self.model, masses, distributions, observables)
        return contractions.row_values(self.model, masses, background.masses, observables)

    def check_state(self, name: str, state: Any) -> None:
        check(
            bool(((state >= 0) & (state <= 1)).all()),
            f"Argument `states[{name}]` must hold masses in [0, 1], but does not.",
        )

    def form(self, modality: str) -> MultilinearForm:
        return MultilinearForm(self.model.elements)

    def operator_groups(self) -> list[decomposition.Subset]:
        """Return the single modalities, and the pairs if at most two others are averaged over."""
        M = len(self.model.modalities)
        with_pairs = M <= 4 and 4**self.model.elements <= MAX_PATTERNS
        sizes = (1, 2) if with_pairs else (1,)
        return [S for S in decomposition.subsets(M) if len(S) in sizes]

    def operator_states(self, states: Mapping[str, Any], names: Sequence[str]) -> list[Tensor]:
        """Return the probabilities of the outcomes of some modalities' qubits, (B, 2^n) each."""
        return [probabilities(states[name].double()) for name in names]

    def spectrum(self, background: Background, S: decomposition.Subset, output: int) -> Spectrum:
        own = self.check_background(background)
        bias = float(self.model.bias[output])
        O = self.model.observables()[output].double()
        distributions = own.distributions if own.kind == "product" else None
        return spectrum(O, self.model.phi.double(), own.masses, distributions, S, bias)

    def _masses(self, states: Mapping[str, Any]) -> Tensor:
        """Return the masses of all modalities side by side, (B, n, M)."""
        return torch.stack([states[name].double() for name in self.model.modalities], -1)


def spectrum(
    O: Tensor,
    phi: Tensor,
    masses: Tensor,
    distributions: Tensor | None,
    S: decomposition.Subset,
    bias: float,
) -> Spectrum:
    """Return the marginal observable of at most two modalities.

    Args:
        O: observable of one output, (3, ..., 3).
        phi: angles of the tables, (n, stages, patterns).
        masses: of the background's samples, (N, n, M).
        distributions: mean probability of every outcome of each modality's qubits, (M, 2^n), where the background's
            modalities are independent; else None.
        S: the modalities.
        bias: of the output.
    """
    n = len(phi)
    is_independent = distributions is not None
    table = _table(O, phi, masses, distributions, S)
    weights = _pattern_probabilities(masses, S, is_independent)
    # Only where S is independent of the rest is the mean over its patterns in the background the mean score.
    if is_independent:
        mean = table @ weights
    else:
        mean = qcnn.evaluate(O[None], fuse(masses, phi)[0]).mean()
    order = torch.argsort(table, stable=True)
    return Spectrum(
        values=(table[order] + bias).numpy(),
        vectors=None,
        basis=order.numpy(),
        dims=(2**n,) * len(S),
        baseline=float(mean) + bias,
        effects=_effects(table, weights, len(S), n),
    )


def pad_to_pair(distributions: Sequence[Tensor], count: int) -> tuple[Tensor, Tensor]:
    """Return probabilities (B, 2^n) of at most two modalities as those of two; a missing one has a single outcome."""
    certain = torch.ones(count, 1, dtype=torch.float64)
    left, right, *_ = *distributions, certain, certain
    return left, right


def _pattern_probabilities(masses: Tensor, S: Sequence[int], is_independent: bool) -> Tensor:
    """Return the mean probability over samples of every outcome pattern of at most two modalities, (2^(n |S|),)."""
    left, right = pad_to_pair([probabilities(masses[..., m]) for m in S], len(masses))
    if is_independent:
        return (left.mean(0)[:, None] * right.mean(0)).flatten()
    return (left.T @ right / len(masses)).flatten()


def _effects(table: Tensor, weights: Tensor, count: int, n: int) -> np.ndarray:
    """Return the mean change when one bit turns from 0 to 1 and all others are as in the background, (count, n)."""
    changes = []
    for q in range(count * n):
        values = table.view(2**q, 2, -1)
        weight = weights.view(2**q, 2, -1).sum(1)
        changes.append(float(((values[:, 1] - values[:, 0]) * weight).sum()))
    return np.array(changes).reshape(count, n)


def _table(
    O: Tensor,
    phi: Tensor,
    masses: Tensor,
    distributions: Tensor | None,
    S: decomposition.Subset,
) -> Tensor:
    """Return the score without bias of every outcome pattern of the modalities in S, (2^(n |S|),).

    The others are averaged over the background. The factors of the first and of the second half of the qubits are
    multiplied for the outcomes of S and of the rest, and meet weighted by the probability of the rest's outcomes.
    """
    n, M = masses.shape[1:]
    rest = [m for m in range(M) if m not in S]
    if len(rest) > 2 and distributions is not None:
        return pull_back_marginals(O[None], phi, distributions, S[0])[0]
    if len(rest) > 2:
        return pull_back_rows(O[None], phi, masses, S[0])[0]
    s = 2 ** len(S)
    r = 2 ** len(rest)
    k = n // 2
    factors = fuse(patterns(M).double()[:, None].expand(-1, n, -1), phi)[0]
    factors = factors.view((2,) * M + (n, 3)).permute(*S, *rest, M, M + 1).reshape(s, r, n, 3)
    left = _products(factors[:, :, :k])  # (s^k, r^k, 3^k)
    right = _products(factors[:, :, k:])
    # Patterns are ordered by modality outside, and by qubit here.
    weights = _pattern_probabilities(masses, rest, distributions is not None)
    by_qubit = exchange_groups(weights.view((2,) * (len(rest) * n)), len(rest), n)
    # (s^(n-k), r^k 3^(n-k)), averaged over the rest's outcomes in the second half
    right = (by_qubit.reshape(r**k, r ** (n - k)) @ right).flatten(1)
    table = (left @ O.reshape(3**k, 3 ** (n - k))).flatten(1) @ right.T
    return exchange_groups(table.reshape((2,) * (len(S) * n)), n, len(S)).flatten()


def _products(factors: Tensor) -> Tensor:
    """Return products over some qubits of factors (s, r, k, 3): (s^k, r^k, 3^k)."""
    product = factors.new_ones(1, 1, 1)
    for factor in factors.unbind(2):
        joined = torch.einsum("prw,qsv->pqrswv", product, factor)
        product = joined.flatten(4).flatten(2, 3).flatten(0, 1)
    return product


Value = Callable[[Tensor, decomposition.Subset], Tensor]
"""From masses (B, n, M) and a coalition S to v(S) without the bias, (B, C)."""


def marginal_values(
    model: MassStates, masses: Tensor, distributions: Tensor, observables: Tensor | None = None
) -> Tensor:
    """Return v(S) without the bias, (B, 2^M, C), in the order of `subsets`.

    Args:
        model: in double precision.
        masses: of the samples, (B, n, M).
        distributions: mean probability of every outcome of each modality's qubits, (M, 2^n).
        observables: other ones than the model's, (C, 3, ..., 3).
    """
    O = (model.observables() if observables is None else observables).double()
    phi, M = model.phi.double(), masses.shape[-1]
    if len(masses) <= FEW_SAMPLES and M <= MAX_SEPARATE_MODALITIES:
        value = sample_by_sample(O, phi, distributions)
    elif phi.shape[1] == 1:
        value = _one_table(O, phi, distributions)
    else:
        return chain_marginals(O, phi, masses, distributions)
    values = []
    for S in decomposition.subsets(M):
        own = masses if S else masses[:1]  # the baseline is the same for all samples
        values.append(value(own, S).expand(len(masses), -1))
    return torch.stack(values, 1)


def sample_by_sample(O: Tensor, phi: Tensor, distributions: Tensor) -> Value:
    """Return the values of a few samples, of any number of modalities."""
    tables, words = stage_tables(phi), O.flatten(1)

    def value(masses: Tensor, S: decomposition.Subset) -> Tensor:
        if len(S) == len(distributions):
            return evaluate(O, fuse(masses, phi)[0])
        products = [
            mean_product(tables, distributions, {m: sample[:, m] for m in S}) for sample in masses
        ]
        return torch.stack([words @ product for product in products])

    return value


def mean_product(
    tables: Sequence[Tensor], distributions: Tensor, present: Mapping[int, Tensor]
) -> Tensor:
    """Return the mean product of all qubits' factors (1, <X>, <Z>), (3^n,), with independent absent modalities.

    It is linear in the distribution of each modality, and in the table of each qubit and stage; v(S) is its scalar
    product with an observable. It can be differentiated in all of them.

    Args:
        tables: of the stages, see `stage_tables`.
        distributions: probability of every outcome of each modality's qubits, (M, 2^n).
        present: masses (n,) of the sample's modalities in S, by number.
    """
    read: list[
        Tensor
    ] = []  # distributions of the bits of a stage that are still to be averaged over
    m = 0
    for table in tables:
        while table.ndim - 2 > len(read):
            if m in present:
                zero, one = table.unbind(2 + len(read))
                mass = present[m].view(-1, *(1,) * (zero.ndim - 1))
                table = zero + mass * (one - zero)
            else:
                read.append(distributions[m])
            m += 1
        read = [average_table(table, read)]
    return read[0]


def average_table(table: Tensor, read: Sequence[Tensor]) -> Tensor:
    """Return the mean product over all qubits of a table (n, out, 2, ..., 2), (out^n,).

    Args:
        table: of one stage, see `contractions.stage_tables`.
        read: distributions (2^n,) of the bits that it reads.
    """
    k = len(table) // 2
    one = table.new_ones((1,) * (table.ndim - 1))
    left = reduce(torch.kron, table[:k].unbind(), one)
    right = reduce(torch.kron, table[k:].unbind(), one)
    # The first half's bits are summed over, and the second half's become the last axes.
    for distribution in read:
        left = torch.tensordot(left, distribution.reshape(left.shape[1], -1), ([1], [0]))
    return (left.reshape(len(left), -1) @ right.reshape(len(right), -1).T).flatten()


def pull_back_marginals(O: Tensor, phi: Tensor, distributions: Tensor, m: int) -> Tensor:
    """Return the observables of modality m's outcomes against the product of marginals, (C, 2^n).

    The mean score is linear in the modality's distribution, and its derivative is the value of each outcome.

    Args:
        O: of the factors, (C, 3, ..., 3).
        phi: angles, (n, stages, 2^k).
        distributions: mean probability of every outcome of each modality's qubits, (M, 2^n).
        m: the modality.
    """
    with torch.enable_grad():
        own = distributions.detach().clone().requires_grad_(True)
        values = O.detach().flatten(1) @ mean_product(stage_tables(phi.detach()), own, {})
        slopes = [torch.autograd.grad(value, own, retain_graph=True)[0] for value in values]
    return torch.stack([slope[m] for slope in slopes])


def _one_table(O: Tensor, phi: Tensor, distributions: Tensor) -> Value:
    """Return the values of any number of samples, of up to three modalities under one table of 2^M angles."""
    M, n = len(distributions), len(phi)

    @cache
    def observables(m: int) -> Tensor:
        """Return the observables of modality m's outcomes, (C, 2^n), which are kept for this call alone."""
        others = distributions[[r for r in range(M) if r != m]]
        if len(others) == 1:
            return pull_back_joint(O, phi, others[0], m)
        both = torch.outer(*others).view((2,) * 2 * n)
        by_qubit = exchange_groups(both, 2, n).reshape(-1)
        return pull_back_joint(O, phi, by_qubit, m)

    def value(masses: Tensor, S: decomposition.Subset) -> Tensor:
        rest = [m for m in range(M) if m not in S]
        if not rest:
            return evaluate(O, fuse(masses, phi)[0])
        if len(rest) == 1:
            return scores_without_one(O, phi, masses, distributions[rest[0]], rest[0])
        if S:
            return probabilities(masses[..., S[0]]) @ observables(S[0]).T
        return distributions[:1] @ observables(0).T

    return value


def chain_marginals(O: Tensor, phi: Tensor, masses: Tensor, distributions: Tensor) -> Tensor:
    """Return the values of all coalitions of samples (B, n, M) in a chain of stages, (B, 2^M, C)."""
    n, M = masses.shape[1:]
    steps = _absent_stages(O, phi, distributions)
    half = 2 ** (M - 1)
    held = half * 2**n + min(half * 3**n, contractions.MAX_NUMBERS)
    parts = [
        _marginals_of_some(O, phi, chunk, distributions[0], steps)
        for chunk in masses.split(chunk_length(held))
    ]
    return torch.cat(parts)[:, order_by_mask(M)]


def _marginals_of_some(
    O: Tensor, phi: Tensor, masses: Tensor, first: Tensor, steps: Sequence[Tensor]
) -> Tensor:
    """Return the values of all coalitions, in the order of their bit masks, (B, 2^M, C).

    Args:
        masses: (B, n, M). first: distribution of the first modality where it is absent, (2^n,).
        steps: of `_absent_stages`.
    """
    B, n = masses.shape[:2]
    tables = stage_tables(phi)
    last = len(tables) - 1
    # distributions of the fused qubits' bits by coalition of the modalities so far
    T = torch.stack([first.expand(B, -1), probabilities(masses[..., 0])], 1)
    for stage, table in enumerate(tables):
        p = masses[..., stage + 1]
        G = torch.einsum("nofm,bnm->bnof", table, torch.stack([1 - p, p], -1))
        if stage < last:
            present = mode_product(T, G)
        else:
            some = T.split(chunk_length(B * 3**n), 1)
            present = torch.cat([mode_product(part, G) @ O.flatten(1).T for part in some], 1)
        T = torch.cat([T @ steps[stage], present], 1)
    T[:, -1] = evaluate(O, fuse(masses, phi)[0])
    return T


def _absent_stages(O: Tensor, phi: Tensor, distributions: Tensor) -> list[Tensor]:
    """Return the matrix of each stage whose modality is absent.

    It is (2^n, 2^n), from the fused bits before to those after; of the last stage (2^n, C), from bits to scores.
    """
    n, tables = (
        len(phi),
        stage_tables(phi),
    )  # axes of a table: output, bit before, bit of the new modality
    steps = []
    for table, distribution in zip(tables[:-1], distributions[1:-1], strict=True):
        T = mode_product(distribution[None, None], table.flatten(1, 2)[None])  # by (after, before)
        steps.append(exchange_groups(T.reshape((2,) * 2 * n), n, 2).reshape(2**n, -1).T)
    letters = tables[-1][:, [0, 1, 1, 2, 2], [0, 0, 1, 0, 1]]
    gathered = mode_product(distributions[-1][None, None], letters[None])
    steps.append(contract_readout(O, gathered, n).T)
    return steps
