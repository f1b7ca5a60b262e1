"""The evolution of one modality and the rest without correlation between them: time-dependent mean field."""

from collections.abc import Sequence

import numpy as np
import scipy
import torch
from torch import Tensor

from qfusion._checks import check

MAX_TABLE = (
    2**17
)  # numbers of a table, a sample, that is read faster than the products of `ProductSlopes` are done: measured


def evolve_mean_field(
    H: Tensor, jumps: Tensor, own: Tensor, rest: Tensor, times: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Return rho_a(t) (nT, B, d, d) and rho_b(t) (nT, B, r, r), complex128.

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
    is_small = d * d * r * r * (d * d + r * r) <= MAX_TABLE * B
    rate = TableSlopes(H, jumps, d, r) if is_small else ProductSlopes(H, jumps, d, r)

    def concatenate(*parts: np.ndarray) -> np.ndarray:
        return np.concatenate([part.reshape(-1) for part in parts])

    def slope(_: float, y: np.ndarray) -> np.ndarray:
        a = y[: B * d * d].reshape(B, d, d)
        b = y[B * d * d :].reshape(B, r, r)
        return concatenate(*rate(a, b))

    solution = scipy.integrate.solve_ivp(
        slope,
        (0.0, float(moments[-1])),
        concatenate(rate.enter(own).numpy(), rate.enter(rest).numpy()),
        "DOP853",
        t_eval=moments,
        rtol=1e-8,
        atol=1e-10,
    )
    check(
        solution.success,
        f"The evolution without correlation does not converge ({solution.message}). Lower the couplings or the "
        "duration.",
    )
    y = torch.from_numpy(np.ascontiguousarray(solution.y.T))[torch.from_numpy(places.reshape(-1))]
    return (
        rate.leave(y[:, : B * d * d].reshape(-1, B, d, d)),
        rate.leave(y[:, B * d * d :].reshape(-1, B, r, r)),
    )


class TableSlopes:
    """Slopes of both parts as one real matrix applied to the products of their numbers, for many samples or small
    parts. A Hermitian X is represented by Re X + Im X, which preserves scalar products. For part a of L(X) = K X + X
    K^+ + sum_k L_k X L_k^+

        (Tr_b L(X x Y))_ij = sum S_ij,mn,ef X_mn Y_ef,
        S_ij,mn,ef = sum_k,b L_ib,me L*_jb,nf + K_if,me delta_jn + K*_je,nf delta_im,

    and for part b the same with the parts exchanged.
    """

    def __init__(self, H: Tensor, jumps: Tensor, d: int, r: int):
        K = (-1j * H - 0.5 * (jumps.mH @ jumps).sum(0)).view(d, r, d, r)
        L = jumps.view(-1, d, r, d, r)
        a = _mean_field_terms(K, L)
        b = _mean_field_terms(K.permute(1, 0, 3, 2), L.permute(0, 2, 1, 4, 3)).permute(
            0, 1, 4, 5, 2, 3
        )
        parts = [_real(part).reshape(-1, d * d * r * r) for part in (a, b)]
        self.numbers = d * d
        self.table = torch.cat(parts).T.contiguous().numpy()

    def __call__(self, own: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        B = len(own)
        slopes = (own.reshape(B, -1, 1) * rest.reshape(B, 1, -1)).reshape(B, -1) @ self.table
        return slopes[:, : self.numbers], slopes[:, self.numbers :]

    @staticmethod
    def enter(X: Tensor) -> Tensor:
        """Hermitian matrices as real ones."""
        return X.real + X.imag

    @staticmethod
    def leave(R: Tensor) -> Tensor:
        """And back."""
        return torch.complex((R + R.mT) / 2, (R - R.mT) / 2)


def _mean_field_terms(K: Tensor, L: Tensor) -> Tensor:
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


class ProductSlopes:
    """The slopes of both parts by products of matrices. Of rho_a = sum_p w_p |p><p| the operators L_k |p> act on part b
    alone: with X_kp = (L_k |p>) rho_b,

        sum_k Tr_b L_k (rho_a x rho_b) L_k^+ = sum_kp w_p Tr_b X_kp (L_k |p>)^+,

    and for part b the same with Tr_a.
    """

    def __init__(self, H: Tensor, jumps: Tensor, d: int, r: int):
        G = (-1j * H - 0.5 * (jumps.mH @ jumps).sum(0)).view(d, r, d, r)  # G_ib,me
        L = jumps.view(-1, d, r, d, r).permute(3, 2, 0, 1, 4)  # L_k,ib,me as m, b k i e
        self.L = L.reshape(d, -1).numpy()
        self.of_a = G.permute(3, 1, 0, 2).reshape(r * r, d * d).numpy()
        self.of_b = G.permute(2, 0, 1, 3).reshape(d * d, r * r).numpy()

    def __call__(self, own: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        (B, d, _), r = own.shape, rest.shape[-1]
        w, p = np.linalg.eigh(own)
        L = (p.swapaxes(1, 2) @ self.L).reshape(B, d, r, -1)
        X, L = (L.reshape(B, -1, r) @ rest).reshape(L.shape), L.conj()

        def mean(X: np.ndarray, L: np.ndarray) -> np.ndarray:  # over p
            parts = X @ L.swapaxes(2, 3)
            return (w[:, None] @ parts.reshape(B, d, -1)).reshape(B, *parts.shape[2:]) / 2

        def split_a(X: np.ndarray) -> np.ndarray:
            return X.reshape(B, d, -1, d, r).swapaxes(2, 3).reshape(B, d, d, -1)

        a = (
            mean(split_a(X), split_a(L))
            + (rest.reshape(B, -1) @ self.of_a).reshape(own.shape) @ own
        )
        b = mean(X, L) + (own.reshape(B, -1) @ self.of_b).reshape(rest.shape) @ rest
        return a + a.conj().swapaxes(1, 2), b + b.conj().swapaxes(1, 2)

    enter = leave = staticmethod(Tensor.resolve_conj)  # as they are
