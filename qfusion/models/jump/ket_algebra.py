"""Exact coalition values of models whose modality states are kets, by marginal observables.

The score is linear in every modality's state: y = Tr[O rho_1 x ... x rho_M] + b. The interventional value of a
coalition S against a background with mean state sigma is therefore exact without sampling,

    v(S) = E_background[y(x_S, x'_rest)] = <psi_S| O_S |psi_S> + b,    O_S = Tr_rest[O (1_S x sigma_rest)],

where the marginal observables O_S do not depend on the sample (interventional values: Janzing, Minorics, Bloebaum
2020).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.models.algebra import LinearAlgebra, Spectrum, StateBackground
from qfusion.models.backgrounds import Background, Group
from qfusion.models.jump.ket_forms import HermitianForm
from qfusion.models.protocols import KetStates
from qfusion.quantum import decomposition, states as quantum_states
from qfusion.quantum.checks import takes_arrays
from qfusion.quantum.states import expectation


@dataclass(frozen=True, kw_only=True)
class KetBackground(StateBackground):
    """A mean state.

    Attributes:
        sigma: density matrix (D, D), complex128.
        dims: dimension of each modality.
        groups: where samples were drawn, the mean states of `GROUPS` groups of them, (G, D, D).
    """

    sigma: Tensor
    dims: tuple[int, ...]
    groups: Tensor | None = None

    def parts(self) -> list[KetBackground]:
        assert self.groups is not None
        return [replace(self, sigma=sigma, groups=None, total=0) for sigma in self.groups]

    def numbers(self) -> Tensor:
        return self.sigma


@takes_arrays
def marginal_observables(
    observables: Tensor, background: KetBackground
) -> dict[decomposition.Subset, Tensor]:
    """Return O_S = Tr_rest[O (1_S x sigma_rest)], (C, d_S, d_S), for every subset S of the modalities.

    Args:
        observables: O_c, (C, D, D), complex128.
        background: its mean state replaces the modalities outside S.
    """
    dims, C = background.dims, len(observables)
    M = len(dims)
    marginals = {}
    for subset in decomposition.subsets(M):
        rest = [m for m in range(M) if m not in subset]
        rows = [1 + m for m in (*subset, *rest)]
        columns = [M + row for row in rows]
        sigma = quantum_states.partial_trace(background.sigma, dims, rest)
        r = len(sigma)
        d = len(background.sigma) // r
        O = observables.reshape(C, *dims, *dims).permute(0, *rows, *columns)
        marginals[subset] = torch.einsum("carbs,sr->cab", O.reshape(C, d, r, d, r), sigma)
    return marginals


@takes_arrays
def coalition_values(
    observables: Tensor, kets: Sequence[Tensor], background: KetBackground
) -> Tensor:
    """Return v(S) without the bias, (B, 2^M, C), in the order of `subsets`.

    Args:
        observables: O_c, (C, D, D), complex128.
        kets: of every modality, (B, d_m).
        background: its mean state replaces the modalities outside S.
    """
    values = []
    for subset, O in marginal_observables(observables, background).items():
        if subset:
            psi = quantum_states.product([kets[m] for m in subset])
        else:
            psi = kets[0].new_ones(len(kets[0]), 1)
        values.append(expectation(O, psi))
    return torch.stack(values, 1)


class KetAlgebra(LinearAlgebra[KetStates, KetBackground]):
    """Algebra of a model whose modality states are kets and whose observables are Hermitian matrices."""

    def make_uninformed_background(self, kind: str, label: str) -> KetBackground:
        dims = self.model.dims
        identity = torch.eye(math.prod(dims), dtype=torch.complex128)
        if kind == "mixed":
            sigma = identity / len(identity)
        else:
            sigma = quantum_states.density(identity[0])
        return KetBackground(sigma=sigma, kind=kind, size=0, label=label, dims=dims)

    def make_background(
        self,
        parts: Iterable[tuple[int, Mapping[str, Any]]],
        count: int,
        kind: str,
        label: str,
        group: Group,
    ) -> KetBackground:
        """Return the background of samples.

        Of kinds "joint", "cohort" and "contrast" sigma = mean_n rho_1(x_n) x ... x rho_M(x_n), so that Tr_S sigma
        averages over whole samples; of "product" it is the product of the modalities' mean states.
        """
        dims, is_product = self.model.dims, kind == "product"
        sizes = dims if is_product else (math.prod(dims),)
        totals = [torch.zeros(d, d, dtype=torch.complex128) for d in sizes]
        for _, encoded in parts:
            kets = {name: encoded[name].to(torch.complex128) for name in self.model.modalities}
            averaged = list(kets.values()) if is_product else [self.model.product_state(kets)]
            for total, ket in zip(totals, averaged, strict=True):
                total += ket.mT @ ket.conj()
        sums = [group.sum(torch.view_as_real(total)) for total in totals]
        means = [torch.view_as_complex(total) / count for total in sums]
        return KetBackground(
            sigma=reduce(torch.kron, means), kind=kind, size=count, label=label, dims=dims
        )

    def with_groups(
        self, background: KetBackground, make_groups: Callable[[], Sequence[KetBackground]]
    ) -> KetBackground:
        return replace(background, groups=torch.stack([group.sigma for group in make_groups()]))

    def fits(self, background: Background) -> bool:
        return isinstance(background, KetBackground) and background.dims == self.model.dims

    def expectations(
        self,
        states: Mapping[str, Any],
        background: KetBackground,
        observables: Tensor | None = None,
    ) -> Tensor:
        O = self.model.observables() if observables is None else observables
        kets = self.operator_states(states, self.model.modalities)
        return coalition_values(O.to(torch.complex128), kets, background)

    def check_state(self, name: str, state: Any) -> None:
        norm = float(torch.linalg.vector_norm(state))
        check(
            abs(norm - 1) < 1e-6,
            f"Argument `states[{name}]` must be a ket of norm 1, but has norm {norm:.3g}. Normalise it.",
        )

    def form(self, modality: str) -> HermitianForm:
        return HermitianForm(self.model.dims[self.model.modalities.index(modality)])

    def operator_states(self, states: Mapping[str, Any], names: Sequence[str]) -> list[Tensor]:
        """Return the kets of some modalities, (B, d_m) complex128 each."""
        return [states[name].to(torch.complex128) for name in names]

    def spectrum(self, background: Background, S: decomposition.Subset, output: int) -> Spectrum:
        own = self.check_background(background)
        bias = float(self.model.bias[output])
        O = self.model.observables()[output : output + 1].to(torch.complex128)
        marginals = marginal_observables(O, own)
        marginal = marginals[S][0]
        values, vectors = np.linalg.eigh(((marginal + marginal.mH) / 2).numpy())
        return Spectrum(
            values=values + bias,
            vectors=vectors,
            basis=None,
            dims=tuple(self.model.dims[m] for m in S),
            baseline=float(marginals[()].real) + bias,
            effects=None,
        )
