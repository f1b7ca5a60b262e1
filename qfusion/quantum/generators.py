"""Generators X -> sum_terms (G X + X G^+ + sum_k L_k X L_k^+) as the Chebyshev expansion applies them: 2 a for
a = (generator - x0) / w, its adjoint, and the gradient of G and L.

Three forms of the same. `LiouvillianMatrix` is the generator as one real matrix on Hermitian operators, for D up to
12, where calling BLAS costs more than its work. `DenseGenerator` is one term on all subsystems, with operators as
(d, N, d), so that a product with either side is one of matrices and nothing is copied. `LocalGenerator` is any sum of
terms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from qfusion.quantum.states import embed, takes_arrays

SMALL = 12  # largest D whose generator is one matrix: measured, beyond it the products of Whole are faster


class Form(NamedTuple):
    """One term: `subsystems`, G (d, d) and L (K, d, d) of X -> G X + X G^+ + sum_k L_k X L_k^+."""

    subsystems: tuple[int, ...]
    G: Tensor
    L: Tensor


class Scaling(NamedTuple):
    """Width of the spectrum along the imaginary axis, at least the size of its mean, and that mean."""

    w: float
    x0: float

    @staticmethod
    @torch.no_grad()
    def from_forms(forms: Sequence[Form]) -> Scaling:
        """Return an upper bound of the width and the exact mean."""
        spread = 0.0
        mean = 0.0
        for form in forms:
            levels = torch.linalg.eigvalsh(0.5j * (form.G - form.G.mH))
            spread += (levels[-1] - levels[0]).item()
            traces = torch.diagonal(form.L, dim1=-2, dim2=-1).sum(-1)
            mean += 2 * torch.trace(form.G).real.item() / len(form.G)
            mean += traces.abs().square().sum().item() / len(form.G) ** 2
        return Scaling(max(1.01 * spread, abs(mean)), mean)


class LiouvillianMatrix:
    """One real matrix that acts on operators as columns (D^2, C) of Re X + Im X. Hermitian X and real matrices are
    the same space, with the same scalar product.
    """

    def __init__(
        self,
        dims: tuple[int, ...],
        forms: Sequence[Form],
        N: int,
        hermitian: bool,
        scaling: Scaling,
    ):
        self.D, self.N, self.hermitian = math.prod(dims), N, hermitian
        # with S the generator's matrix on row-stacked X: Re S plus Im S with columns in the order of the transpose
        G, L = forms[0].G, forms[0].L
        if len(G) < self.D or len(forms) > 1:
            G = torch.stack([embed(form.G, dims, form.subsystems) for form in forms]).sum(0)
            L = torch.cat([embed(form.L, dims, form.subsystems) for form in forms])
        S = superoperator(G, L)
        self.parameters = [S.real + S.imag.view(-1, self.D, self.D).mT.flatten(1)]
        self.factor = 2 / scaling.w
        self.a = self.parameters[0].detach() * self.factor
        self.a.diagonal().sub_(self.factor * scaling.x0)

    def pack(self, X: Tensor) -> Tensor:
        """Convert operators (N, D, D) to columns (D^2, C). A non-Hermitian operator is represented by two Hermitian
        ones.
        """
        parts = X if self.hermitian else torch.cat([(X + X.mH) / 2, (X - X.mH) / 2j])
        return (parts.real + parts.imag).reshape(len(parts), -1).T.contiguous()

    def unpack(self, V: Tensor) -> Tensor:
        """(nT, D^2, C) -> (nT, N, D, D)."""
        M = V.mT.reshape(len(V), -1, self.D, self.D)
        X = torch.complex((M + M.mT) / 2, (M - M.mT) / 2)
        return X if self.hermitian else X[:, : self.N] + 1j * X[:, self.N :]

    def apply(self, before: Tensor | None, V: Tensor, keep: bool) -> tuple[Tensor, None]:
        """before + 2 a V."""
        return self.a @ V if before is None else torch.addmm(before, self.a, V), None

    def vjp(
        self, base: Tensor, b: Tensor, V: Tensor, rest: None, gradients: list[Tensor]
    ) -> Tensor:
        """base + (2 a)^+ b; adds the gradient of <b, 2 a V>."""
        gradients[0].addmm_(b, V.T, alpha=self.factor)
        return base.addmm_(self.a.T, b)


@takes_arrays
def superoperator(G: Tensor, L: Tensor) -> Tensor:
    """Return X -> G X + X G^+ + sum_k L_k X L_k^+ on row-stacked operators, (D^2, D^2): A X B is (A x B^T) vec X.

    Args:
        G: (D, D). L: (K, D, D).

    Example:
        >>> import torch
        >>> from qfusion.quantum.generators import superoperator
        >>> superoperator(torch.zeros(2, 2) + 0j, torch.zeros(0, 2, 2) + 0j).shape
        torch.Size([4, 4])
    """
    D = len(G)
    one = torch.eye(len(G), dtype=G.dtype, device=G.device)
    S = (L.flatten(1).T @ L.conj().flatten(1)).view(D, D, D, D).transpose(1, 2)  # L_ac L*_bd
    return (
        S + G[:, None, :, None] * one[:, None, :] + one[:, None, :, None] * G.conj()[:, None, :]
    ).reshape(D * D, -1)


class _SingleTerm:
    """2 a X = g X + X g^+ + sum_k l_k X l_k^+, with l_k X first on the way and b l_k first on the way back: each serves
    the gradient too. X is (d, n, d), or a `single` Hermitian operator."""

    def __init__(self, form: Form, scaling: Scaling, single: bool):
        self.factor, self.single = 2 / scaling.w, single
        self.g = (form.G * self.factor).contiguous()
        self.g.diagonal().sub_(0.5 * self.factor * scaling.x0)
        self.l = (form.L * math.sqrt(self.factor)).contiguous()
        self.g_adjoint, self.l_adjoint = self.g.mH.contiguous(), self.l.mH.contiguous()
        self.K, self.d = self.l.shape[:2]

    def apply(self, before: Tensor | None, X: Tensor, keep: bool) -> tuple[Tensor, Tensor | None]:
        """before + 2 a X, and the l_k X (K, d, n d)."""
        d = self.d
        columns = X.view(-1, d)
        rows = X.view(d, -1)
        lX = (self.l.view(self.K * d, d) @ rows).view(self.K, len(columns), d)
        if self.single:  # half of it and its adjoint: round-off that is not Hermitian would grow
            half = rows @ self.g_adjoint
            for k in range(self.K):
                half.addmm_(lX[k], self.l_adjoint[k], alpha=0.5)
            out = half.view(X.shape) if before is None else (before.view(d, d) + half).view(X.shape)
            return out + half.mH.view(X.shape) if before is None else out.add_(
                half.mH.reshape(X.shape)
            ), lX
        out = (
            columns @ self.g_adjoint
            if before is None
            else torch.addmm(before.view(-1, d), columns, self.g_adjoint)
        )
        out.view(d, -1).addmm_(self.g, rows)
        for k in range(self.K):
            out.addmm_(lX[k], self.l_adjoint[k])
        return out.view(X.shape), lX if keep else None

    def vjp(
        self, base: Tensor, b: Tensor, X: Tensor, lX: Tensor | None, gradients: list[Tensor]
    ) -> Tensor:
        """base + (2 a)^+ b; adds the gradients of <b, 2 a X>."""
        d, root = self.d, math.sqrt(self.factor)
        b_columns = b.view(-1, d)
        b_rows = b.view(d, -1)
        columns = X.view(-1, d)
        rows = X.view(d, -1)
        bl = b.new_empty(self.K, len(b_columns), d)
        for k in range(self.K):
            torch.mm(b_columns, self.l[k], out=bl[k])
        jumped = (
            self.l_adjoint.transpose(0, 1).reshape(d, self.K * d),
            bl.view(self.K * d, b_rows.shape[1]),
        )
        if self.single:
            half = torch.addmm(b_rows @ self.g, *jumped, alpha=0.5)
            gradients[0].addmm_(b_rows, rows, alpha=2 * self.factor)
            for k in range(self.K):
                gradients[1][k].addmm_(bl[k], rows, alpha=2 * root)
            return base.add_(half.view(X.shape)).add_(half.mH.reshape(X.shape))
        base.view(-1, d).addmm_(b_columns, self.g)
        base.view(d, -1).addmm_(self.g_adjoint, b_rows).addmm_(*jumped)
        lX = (self.l.view(self.K * d, d) @ rows).view(self.K, len(columns), d) if lX is None else lX
        gradients[0].addmm_(b_rows, rows.mH, alpha=self.factor).addmm_(
            b_columns.mH, columns, alpha=self.factor
        )
        for k in range(self.K):
            gradients[1][k].addmm_(bl[k].view(d, -1), rows.mH, alpha=root).addmm_(
                b_columns.mH, lX[k], alpha=root
            )
        return base


class DenseGenerator(_SingleTerm):
    """One term on all subsystems. Hermitian operators are packed two per matrix, X_1 + i X_2, and a single one is
    not packed.
    """

    def __init__(
        self,
        dims: tuple[int, ...],
        forms: Sequence[Form],
        N: int,
        hermitian: bool,
        scaling: Scaling,
    ):
        super().__init__(forms[0], scaling, hermitian and N == 1)
        self.N, self.packed = N, hermitian and N > 1
        self.parameters = [forms[0].G, forms[0].L]

    def pack(self, X: Tensor) -> Tensor:
        """(N, D, D) -> (D, n, D)."""
        return (pack_hermitian(X) if self.packed else X).transpose(0, 1).contiguous()

    def unpack(self, Y: Tensor) -> Tensor:
        """(nT, D, n, D) -> (nT, N, D, D)."""
        Y = Y.transpose(1, 2)
        if self.single:  # its gradient, too, is that of a Hermitian operator
            return (Y + Y.mH) / 2
        return unpack_hermitian(Y, self.N) if self.packed else Y


class _Layout:
    """How operators (N, D, D) are seen as (d, n, d) by the subsystems of one term."""

    def __init__(self, dims: tuple[int, ...], subsystems: tuple[int, ...], N: int):
        M = len(dims)
        rest = [m for m in range(M) if m not in subsystems]
        self.shape, self.side = (N, *dims, *dims), math.prod(dims)
        self.d = math.prod(dims[m] for m in subsystems)
        self.order = (
            *(1 + m for m in subsystems),
            0,
            *(1 + m for m in rest),
            *(1 + M + m for m in rest),
            *(1 + M + m for m in subsystems),
        )

    def pack(self, X: Tensor) -> Tensor:
        return X.reshape(self.shape).permute(self.order).reshape(self.d, -1, self.d).contiguous()

    def unpack(self, Y: Tensor) -> Tensor:
        seen = Y.reshape([self.shape[axis] for axis in self.order])
        return seen.movedim([*range(seen.ndim)], self.order).reshape(
            self.shape[0], self.side, self.side
        )


class LocalGenerator:
    """Any sum of terms; Hermitian operators stand two to a matrix."""

    def __init__(
        self,
        dims: tuple[int, ...],
        forms: Sequence[Form],
        N: int,
        hermitian: bool,
        scaling: Scaling,
    ):
        self.N, self.packed = N, hermitian and N > 1
        n = (N + 1) // 2 if self.packed else N
        self.layouts = [_Layout(dims, form.subsystems, n) for form in forms]
        self.parameters = [tensor for form in forms for tensor in (form.G, form.L)]
        means = [scaling.x0] + [0.0] * (len(forms) - 1)
        self.terms = [
            _SingleTerm(form, Scaling(scaling.w, mean), False)
            for form, mean in zip(forms, means, strict=True)
        ]

    def pack(self, X: Tensor) -> Tensor:
        """(N, D, D) -> (n, D, D)."""
        return pack_hermitian(X) if self.packed else X

    def unpack(self, Y: Tensor) -> Tensor:
        """(nT, n, D, D) -> (nT, N, D, D)."""
        return unpack_hermitian(Y, self.N) if self.packed else Y

    def apply(self, before: Tensor | None, X: Tensor, keep: bool) -> tuple[Tensor, None]:
        """before + 2 a X."""
        parts = [
            layout.unpack(term.apply(None, layout.pack(X), False)[0])
            for layout, term in zip(self.layouts, self.terms, strict=True)
        ]
        return sum(
            parts if before is None else [before, *parts],
            torch.zeros((), dtype=X.dtype, device=X.device),
        ), None

    def vjp(
        self, base: Tensor, b: Tensor, X: Tensor, rest: None, gradients: list[Tensor]
    ) -> Tensor:
        """base + (2 a)^+ b; adds the gradients of <b, 2 a X>."""
        for i, (layout, term) in enumerate(zip(self.layouts, self.terms, strict=True)):
            entered = layout.pack(b)
            base += layout.unpack(
                term.vjp(
                    torch.zeros_like(entered),
                    entered,
                    layout.pack(X),
                    None,
                    gradients[2 * i : 2 * i + 2],
                )
            )
        return base


AnyGenerator = LiouvillianMatrix | DenseGenerator | LocalGenerator


def choose(
    dims: tuple[int, ...], forms: Sequence[Form], N: int, hermitian: bool, scaling: Scaling
) -> AnyGenerator:
    """Return the form that is fastest for N operators."""
    if math.prod(dims) <= SMALL:
        return LiouvillianMatrix(dims, forms, N, hermitian, scaling)
    whole = len(forms) == 1 and len(forms[0].G) == math.prod(dims)
    return (DenseGenerator if whole else LocalGenerator)(dims, forms, N, hermitian, scaling)


def pack_hermitian(X: Tensor) -> Tensor:
    """Hermitian (C, D, D) -> (ceil(C/2), D, D) as X_1 + i X_2.

    Example:
        >>> import torch
        >>> from qfusion.quantum.generators import pack_hermitian
        >>> pack_hermitian(torch.eye(2, dtype=torch.complex128).expand(3, 2, 2)).shape
        torch.Size([2, 2, 2])
    """
    even, odd = X[0::2], X[1::2]
    if len(odd) < len(even):
        odd = torch.cat([odd, torch.zeros_like(even[:1])])
    return even + 1j * odd


def unpack_hermitian(Y: Tensor, C: int) -> Tensor:
    """(nT, ceil(C/2), D, D) -> Hermitian (nT, C, D, D)."""
    return torch.stack([(Y + Y.mH) / 2, (Y - Y.mH) / 2j], dim=2).flatten(1, 2)[:, :C]
