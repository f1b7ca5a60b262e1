"""H = sum_S H_S: unique, orthogonal, traceless; against projections in a product of Gell-Mann bases."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor

from qfusion.errors import InvalidInput
from qfusion.quantum.decomposition import change, decompose, strengths, subset_name, subsets
from qfusion.quantum.states import embed, partial_trace

DIMS = [(3,), (2, 2), (3, 2), (2, 2, 2), (2, 3, 4), (2, 2, 3, 2)]


def random_operator(dims: tuple[int, ...], seed: int = 0, batch: tuple[int, ...] = ()) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    D = math.prod(dims)
    return torch.randn(*batch, D, D, dtype=torch.complex128, generator=generator)


def gell_mann(d: int) -> list[Tensor]:
    """The identity and d^2 - 1 generalised Gell-Mann matrices, of Hilbert-Schmidt norm 1."""
    basis = [torch.eye(d, dtype=torch.complex128) / math.sqrt(d)]
    for j in range(d):
        for k in range(j):
            X = torch.zeros(d, d, dtype=torch.complex128)
            X[j, k], X[k, j] = 1 / math.sqrt(2), 1 / math.sqrt(2)
            Y = torch.zeros(d, d, dtype=torch.complex128)
            Y[j, k], Y[k, j] = 1j / math.sqrt(2), -1j / math.sqrt(2)
            basis += [X, Y]
    for k in range(1, d):
        diagonal = torch.tensor([1.0] * k + [-k] + [0.0] * (d - k - 1), dtype=torch.complex128)
        basis.append(torch.diag(diagonal) / math.sqrt(k * (k + 1)))
    return basis


def by_projection(H: Tensor, dims: tuple[int, ...]) -> dict[tuple[int, ...], Tensor]:
    """H_S as the sum of the basis terms that are no identity exactly on S."""
    parts = {subset: torch.zeros_like(H) for subset in subsets(len(dims))}
    for letters in product(*(enumerate(gell_mann(d)) for d in dims)):
        term = torch.ones(1, 1, dtype=H.dtype)
        for _, letter in letters:
            term = torch.kron(term, letter)
        parts[tuple(m for m, (index, _) in enumerate(letters) if index)] += (
            term.mH @ H
        ).trace() * term
    return parts


@pytest.mark.parametrize("dims", [(3,), (2, 2), (3, 2), (2, 2, 2)])
def test_equals_the_projection_on_basis_terms(dims: tuple[int, ...]) -> None:
    H = random_operator(dims)
    expected = by_projection(H, dims)
    parts = decompose(H, dims)
    assert list(parts) == subsets(len(dims)) == list(expected)
    for subset, part in parts.items():
        assert torch.allclose(part, expected[subset], atol=1e-12), subset


@given(st.sampled_from(DIMS), st.integers(0, 10**6))
def test_laws(dims: tuple[int, ...], seed: int) -> None:
    H = random_operator(dims, seed)
    parts = decompose(H, dims)
    assert torch.allclose(sum(parts.values()), H, atol=1e-11)
    flat = torch.stack([part.flatten() for part in parts.values()])
    gram = flat.conj() @ flat.T
    assert torch.allclose(gram, torch.diag(torch.diagonal(gram)), atol=1e-9)
    for subset, part in parts.items():
        for m in subset:
            keep = [k for k in range(len(dims)) if k != m]
            assert partial_trace(part, dims, keep).abs().max() < 1e-10
        # Identity off S: the reduced operator, put back, is the part.
        outside = math.prod(d for m, d in enumerate(dims) if m not in subset)
        assert torch.allclose(
            embed(partial_trace(part, dims, subset), dims, subset) / outside
            if subset
            else part[0, 0] * torch.eye(len(H), dtype=H.dtype),
            part,
            atol=1e-10,
        )
        again = decompose(part, dims)
        assert torch.allclose(again[subset], part, atol=1e-11)


@given(st.sampled_from(DIMS), st.integers(0, 10**6))
def test_hermitian_stays_hermitian_and_norms_add_up(dims: tuple[int, ...], seed: int) -> None:
    A = random_operator(dims, seed)
    H = (A + A.mH) / 2
    for part in decompose(H, dims).values():
        assert torch.allclose(part, part.mH, atol=1e-12)
    total = sum(float(s) ** 2 for s in strengths(H, dims).values())
    assert total == pytest.approx(float(torch.linalg.matrix_norm(H)) ** 2)


def test_a_hand_computed_case() -> None:
    one, X, Z = (
        torch.eye(2, dtype=torch.complex128),
        gell_mann(2)[1] * math.sqrt(2),
        gell_mann(2)[3] * math.sqrt(2),
    )
    expected = {
        (): 3 * torch.kron(one, one),
        (0,): 0.5 * torch.kron(Z, one),
        (1,): 0 * torch.kron(one, one),
        (0, 1): 2 * torch.kron(X, Z),
    }
    parts = decompose(sum(expected.values()), (2, 2))
    for subset, part in expected.items():
        assert torch.allclose(parts[subset], part, atol=1e-14)


def test_batched_equals_looped_and_gradients_pass() -> None:
    dims = (2, 3)
    H = random_operator(dims, batch=(2, 3))
    together = decompose(H, dims)
    for subset, part in together.items():
        assert torch.equal(part[1, 2], decompose(H[1, 2], dims)[subset])
    H = random_operator(dims).requires_grad_()
    assert torch.autograd.gradcheck(lambda H: tuple(strengths(H, dims).values()), (H,))


def test_change() -> None:
    dims = (2, 3)
    H = random_operator(dims)
    parts = decompose(H, dims)
    changed = H + change(H, dims, {(0, 1): 0.5, (1,): 0.0})
    assert torch.allclose(changed, parts[()] + parts[(0,)] + 0.5 * parts[(0, 1)], atol=1e-13)
    assert torch.equal(H + change(H, dims, {(0, 1): 1.0}), H)
    with pytest.raises(
        InvalidInput, match=r"ascending subsets of range\(2\), but has \[\(1, 0\)\]"
    ):
        change(H, dims, {(1, 0): 2.0})


def test_names() -> None:
    assert [subset_name(s, ("text", "audio")) for s in subsets(2)] == [
        "",
        "text",
        "audio",
        "text+audio",
    ]


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ((2, 2), r"shape \(..., 4, 4\) for dims \(2, 2\), but has shape \(6, 6\)"),
        ((), "positive integers"),
        ((6, 0), "positive integers"),
    ],
)
def test_invalid_dimensions_are_refused(dims: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        decompose(random_operator((2, 3)), dims)
