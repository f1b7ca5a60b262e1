"""Exact coalition values of an EntangledQCNN against the product of marginals: each absent modality drawn on its own.

A modality's n qubits are read once, and the score is linear in the 2^n probabilities of what they read. So the mean
over all N^k combinations of k absent modalities' rows is the score at their mean distributions, which no longer are
products over the qubits. Where one table fuses all modalities (at most three), at most two distributions meet: 4^n
numbers, gathered by five letters a qubit (see `rows.read_out`) into what the third modality sees. In a chain each stage
passes on the distribution of its fused qubits' bits, and an absent modality is a matrix (2^n, 2^n) on it. With n <= 10
nothing larger than 5^10 numbers (80 MB) ever stands.
"""

from __future__ import annotations

import torch
from torch import Tensor

from qfusion.explain.contributions.rows import legs, observed, one_absent, outcomes, read_out
from qfusion.models.entangled_qcnn import EntangledQCNN
from qfusion.models.fusion import fuse, probabilities
from qfusion.models.qcnn import evaluate
from qfusion.quantum.decomposition import Subset, subsets

_NUMBERS = 10_000_000  # most numbers held at once


def coalition_values(
    model: EntangledQCNN, masses: Tensor, distributions: Tensor, observables: Tensor | None = None
) -> Tensor:
    """Returns v(S) without the bias, (B, 2^M, C), in the order of `subsets`.

    Args:
        model: in double precision.
        masses: of the samples, (B, n, M).
        distributions: mean probability of every outcome of each modality's qubits, (M, 2^n).
        observables: other ones than the model's, (C, 3, ..., 3).
    """
    O = (model.observables() if observables is None else observables).double()
    phi, M = model.phi.double(), masses.shape[-1]
    game = _OneTable(O, phi, distributions) if phi.shape[1] == 1 else _Chain(O, phi, distributions)
    values = []
    for S in subsets(M):
        found = game.value(masses if S else masses[:1], S)  # told nothing, every sample is alike
        values.append(found.expand(len(masses), -1))
    return torch.stack(values, 1)


class _OneTable:
    """Up to three modalities under one table of 2^M angles."""

    def __init__(self, O: Tensor, phi: Tensor, distributions: Tensor):
        self.O, self.phi, self.distributions = O, phi, distributions
        self.M, self.n = len(distributions), len(phi)
        self._seen: dict[int, Tensor] = {}

    def value(self, masses: Tensor, S: Subset) -> Tensor:
        """Returns v(S), (B, C)."""
        rest = [m for m in range(self.M) if m not in S]
        if not rest:
            return evaluate(self.O, fuse(masses, self.phi)[0])
        if len(rest) == 1:
            return one_absent(self.O, self.phi, masses, self.distributions[rest[0]], rest[0])
        m = S[0] if S else 0
        known = outcomes(masses[..., m]) if S else self.distributions[m][None]
        return known @ self._observed(m).T

    def _observed(self, m: int) -> Tensor:
        """The observables that modality m alone sees, (C, 2^n)."""
        if m not in self._seen:
            others = [r for r in range(self.M) if r != m]
            T = self.distributions[others[0]]
            for r in others[1:]:
                T = _interleaved(T, self.distributions[r], self.n)
            self._seen[m] = observed(self.O, self.phi, T, m)
        return self._seen[m]


class _Chain:
    """More modalities, fused one after another; the state is the distribution of the fused qubits' bits so far.

    As long as all modalities so far are present it is a product, held by its masses (B, n); else it is (B, 2^n).
    """

    def __init__(self, O: Tensor, phi: Tensor, distributions: Tensor):
        self.O, self.distributions = O, distributions
        self.M, self.n, stages = len(distributions), len(phi), phi.shape[1]
        ones = torch.sin(phi / 2).square()
        # What a stage makes of the bit before (f) and of the new modality's (m): its own bit's chances, in the end 1,
        # <X>, <Z>.
        self.tables = [
            torch.stack([1 - ones[:, k], ones[:, k]], 1).view(self.n, 2, 2, 2)
            for k in range(stages - 1)
        ]
        last = phi[:, -1]
        self.tables.append(
            torch.stack([torch.ones_like(last), torch.sin(last), torch.cos(last)], 1).view(
                self.n, 3, 2, 2
            )
        )
        self._maps: dict[int, Tensor] = {}

    def value(self, masses: Tensor, S: Subset) -> Tensor:
        """Returns v(S), (B, C)."""
        return torch.cat(
            [self._chunk(chunk, S) for chunk in masses.split(max(1, _NUMBERS // 3**self.n))]
        )

    def _chunk(self, masses: Tensor, S: Subset) -> Tensor:
        B, last = len(masses), self.M - 2
        q: Tensor | None = masses[..., 0] if 0 in S else None
        T = self.distributions[:1]  # stands for the state when q does not
        for k, table in enumerate(self.tables):
            p = masses[..., k + 1]
            if k + 1 not in S:
                T = (T if q is None else outcomes(q)) @ self._map(k)
                q = None
            elif q is not None:
                fused = torch.einsum(
                    "bnp,nop->bno", probabilities(torch.stack([q, p], -1)), table.flatten(2)
                )
                if k == last:
                    return evaluate(self.O, fused)
                q = fused[..., 1]
            else:
                G = torch.einsum("nofm,bnm->bnof", table, torch.stack([1 - p, p], -1))
                T = legs(T.expand(B, -1)[:, None], G)[:, 0]
                if k == last:
                    return T @ self.O.flatten(1).T
        return T

    def _map(self, k: int) -> Tensor:
        """What a stage whose modality is absent does: (2^n, 2^n) from bits to bits, in the end (2^n, C) from bits to
        scores."""
        if k not in self._maps:
            table, mean = self.tables[k], self.distributions[k + 1][None, None]
            if k < len(self.tables) - 1:
                T = legs(mean, table.flatten(1, 2)[None])  # legs of (new bit, bit before)
                self._maps[k] = _taken_apart(T.flatten(), self.n).T
            else:
                five = torch.stack(
                    [
                        table[:, 0, 0],
                        table[:, 1, 0],
                        table[:, 1, 1],
                        table[:, 2, 0],
                        table[:, 2, 1],
                    ],
                    1,
                )
                self._maps[k] = read_out(self.O, legs(mean, five[None]), self.n).T
        return self._maps[k]


def _interleaved(first: Tensor, second: Tensor, n: int) -> Tensor:
    """The product of a tensor of n legs and one of n legs of 2, leg beside leg."""
    size = round(len(first) ** (1 / n))
    both = torch.outer(first, second).view(*(size,) * n, *(2,) * n)
    return both.permute([axis for i in range(n) for axis in (i, n + i)]).reshape(-1)


def _taken_apart(T: Tensor, n: int) -> Tensor:
    """A tensor of n legs of 2 x 2 as a matrix (2^n, 2^n)."""
    return (
        T.view((2,) * 2 * n).permute([*range(0, 2 * n, 2), *range(1, 2 * n, 2)]).reshape(2**n, 2**n)
    )
