"""Evolution of two parts of a system that are kept uncorrelated: each feels the other's state alone (time-dependent
mean field).

    d rho_a/dt = Tr_b L(rho_a x rho_b),    d rho_b/dt = Tr_a L(rho_a x rho_b)

It is what evolving for a time dt and cutting all correlation, again and again, comes to as dt -> 0. The equations are
not linear in the state, so they are integrated step by step, by the method of order 8 of Dormand and Prince with its
own control of the error (Hairer, Norsett, Wanner 1993), for many samples at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy
import torch
from torch import Tensor

from qfusion.errors import InvalidInput

RELATIVE, ABSOLUTE = 1e-8, 1e-10  # tolerances of the integrator
_SMALL = (
    2**17
)  # numbers of a table, a sample, that is read faster than the products of `_Rate` are done: measured


def evolve(
    H: Tensor, jumps: Tensor, own: Tensor, rest: Tensor, times: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Returns rho_a(t) (nT, B, d, d) and rho_b(t) (nT, B, r, r), complex128.

    Args:
        H: Hamiltonian (d r, d r), part a first. jumps: jump operators (K, d r, d r).
        own: states rho_a(0), (B, d, d). rest: states rho_b(0), (B, r, r).
        times: ascending, not negative.

    Raises:
        InvalidInput: when the integration does not succeed.
    """
    own, rest = (part.detach().to(torch.complex128) for part in (own, rest))
    B, d, r = len(own), own.shape[-1], rest.shape[-1]
    moments, places = np.unique(np.asarray(times, dtype=float), return_inverse=True)
    if moments[-1] == 0:
        return own.expand(len(times), B, d, d), rest.expand(len(times), B, r, r)
    rate = (_Table if d * d * r * r * (d * d + r * r) <= _SMALL * B else _Rate)(H, jumps, d, r)

    def slope(_: float, y: np.ndarray) -> np.ndarray:
        return np.concatenate(
            [part.reshape(-1).numpy() for part in rate(*_parts(torch.from_numpy(y), B, d, r))]
        )

    start = np.concatenate(
        [part.reshape(-1).numpy() for part in (rate.enter(own), rate.enter(rest))]
    )
    found = scipy.integrate.solve_ivp(
        slope,
        (0.0, float(moments[-1])),
        start,
        "DOP853",
        t_eval=moments,
        rtol=RELATIVE,
        atol=ABSOLUTE,
    )
    if not found.success:
        raise InvalidInput(
            f"The evolution without correlation does not converge ({found.message}). Lower the couplings or the "
            "duration."
        )
    y = torch.from_numpy(np.ascontiguousarray(found.y.T))[torch.from_numpy(places.reshape(-1))]
    return (
        rate.leave(y[:, : B * d * d].reshape(-1, B, d, d)),
        rate.leave(y[:, B * d * d :].reshape(-1, B, r, r)),
    )


def _parts(y: Tensor, B: int, d: int, r: int) -> tuple[Tensor, Tensor]:
    return y[: B * d * d].reshape(B, d, d), y[B * d * d :].reshape(B, r, r)


class _Table:
    """The slopes of both parts as one real matrix on the products of their numbers, for many samples or small parts: a
    Hermitian X stands as Re X + Im X, which keeps scalar products. For part a of L(X) = K X + X K^+ + sum_k L_k X L_k^+

        (Tr_b L(X x Y))_ij = sum S_ij,mn,ef X_mn Y_ef,
        S_ij,mn,ef = sum_k,b L_ib,me L*_jb,nf + K_if,me delta_jn + K*_je,nf delta_im,

    and for part b the same with the parts exchanged.
    """

    def __init__(self, H: Tensor, jumps: Tensor, d: int, r: int):
        K = (-1j * H - 0.5 * (jumps.mH @ jumps).sum(0)).view(d, r, d, r)
        L = jumps.view(-1, d, r, d, r)
        a = _seen(K, L)
        b = _seen(K.permute(1, 0, 3, 2), L.permute(0, 2, 1, 4, 3)).permute(0, 1, 4, 5, 2, 3)
        self.numbers = d * d
        self.table = torch.cat(
            [each.reshape(-1, d * d * r * r) for each in (_real(a), _real(b))]
        ).T.contiguous()

    def __call__(self, own: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
        B = len(own)
        found = (own.reshape(B, -1, 1) * rest.reshape(B, 1, -1)).view(B, -1) @ self.table
        return found[:, : self.numbers], found[:, self.numbers :]

    @staticmethod
    def enter(X: Tensor) -> Tensor:
        """Hermitian matrices as real ones."""
        return X.real + X.imag

    @staticmethod
    def leave(R: Tensor) -> Tensor:
        """And back."""
        return torch.complex((R + R.mT) / 2, (R - R.mT) / 2)


def _seen(K: Tensor, L: Tensor) -> Tensor:
    """S_ij,mn,ef of the first part, (d, d, d, d, r, r)."""
    one = torch.eye(K.shape[0], dtype=K.dtype)
    return (
        torch.einsum("kibme,kjbnf->ijmnef", L, L.conj())
        + torch.einsum("ifme,jn->ijmnef", K, one)
        + torch.einsum("jenf,im->ijmnef", K.conj(), one)
    )


def _real(S: Tensor) -> Tensor:
    """S_ij,mn,ef on Hermitian matrices, as real ones."""
    half = (1 + 1j) / 2  # Re X + Im X = R is X = half R + half* R^T
    S = half * S + half.conjugate() * S.transpose(2, 3)
    S = half * S + half.conjugate() * S.transpose(4, 5)
    return S.real + S.imag


class _Rate:
    """The slopes of both parts by products of matrices: (rho_a x rho_b) (G^+, all L_k^+), one part after the other,
    then of sum_k L_k (X L_k^+) what each part sees."""

    def __init__(self, H: Tensor, jumps: Tensor, d: int, r: int):
        G = -1j * H - 0.5 * (jumps.mH @ jumps).sum(0)
        self.d, self.r, self.K = d, r, len(jumps)
        self.right = torch.cat([G.mH, *jumps.mH], 1).view(d, -1)
        L = jumps.view(-1, d, r, d * r)
        self.left = L.permute(1, 0, 2, 3).reshape(d, -1), L.permute(2, 0, 1, 3).reshape(r, -1)

    def __call__(self, own: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
        B, d, r, K = len(own), self.d, self.r, self.K
        half = (own.reshape(B * d, d) @ self.right).view(B, d, r, -1)
        Z = (rest[:, None] @ half).view(B, d, r, 1 + K, d, r)
        a, b = torch.einsum("ijbnb->ijn", Z[:, :, :, 0]), torch.einsum("iajan->ijn", Z[:, :, :, 0])
        a, b = a + a.mH, b + b.mH
        if K:
            Z = Z[:, :, :, 1:]  # (B, c, e, k, a, b)
            a = a + (self.left[0] @ Z.permute(3, 5, 1, 2, 0, 4).reshape(-1, B * d)).view(
                d, B, d
            ).transpose(0, 1)
            b = b + (self.left[1] @ Z.permute(3, 4, 1, 2, 0, 5).reshape(-1, B * r)).view(
                r, B, r
            ).transpose(0, 1)
        return (a + a.mH) / 2, (b + b.mH) / 2

    @staticmethod
    def enter(X: Tensor) -> Tensor:
        """As it is."""
        return X

    leave = enter
