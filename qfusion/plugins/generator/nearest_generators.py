"""The nearest simpler generators: purely Hamiltonian, local, and with fewer jump operators.

With traceless L_k and H, the Hamiltonian and the dissipative part of a generator are unique and orthogonal as
superoperators (Hilbert-Schmidt; Breuer and Petruccione 2002, 3.2), and

    |[H, .]|^2 = 2 D |H|^2,
    |D_C|^2    = |C|_F^2 + (D Tr S^2 + (Tr S)^2) / 2,    C_ij = sum_k <F_i, L_k> <F_j, L_k>*,   S = sum_k L_k^+ L_k

for a basis F_i of traceless operators, Tr[F_i^+ F_j] = delta_ij. C is the Kossakowski matrix (Gorini, Kossakowski,
Sudarshan 1976). Its rank is the least number of jump operators.

- The nearest purely Hamiltonian generator keeps H; its distance is |D_C|.
- A local generator is a sum of Lindblad generators of single modalities. The nearest one keeps the parts H_m of H that
  act on one modality (`decomposition`). Its dissipators have Kossakowski matrices C_m >= 0 of single modalities, the
  minimum of a convex quadratic function, found by projected gradients with momentum (Beck and Teboulle 2009). They
  differ from the blocks of C: with the parts of the L_k that act on several modalities their decay is lost as well, and
  local decay replaces as much of it as it can.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum import decomposition
from qfusion.quantum.states import embed

STEPS = 20_000  # of the projected gradients, at most
CONVERGED = 1e-12  # change of the distance relative to the generator's norm, at which they end
ROUNDING = 1e-14  # norm of jump operators relative to those given, below which they are none
RANK = 1e-9  # eigenvalue of the Kossakowski matrix, relative to the largest, below which a jump operator is none


@dataclass(frozen=True, eq=False)
class NearestGenerator:
    """A simpler generator near a given one.

    Attributes:
        H: Hamiltonian (D, D), traceless. jumps: jump operators (K, D, D), traceless; K may be 0.
        distance: Hilbert-Schmidt norm of the difference of the generators, as superoperators. norm: of the given one.
    """

    H: np.ndarray
    jumps: np.ndarray
    distance: float
    norm: float

    @property
    def relative(self) -> float:
        """Distance divided by the norm of the given generator, from 0 to 1; 0 where that is zero."""
        return self.distance / self.norm if self.norm > 0 else 0.0


@dataclass(frozen=True, eq=False)
class JumpRanks:
    """How many jump operators a dissipator needs.

    Attributes:
        rates: eigenvalues of the Kossakowski matrix beyond zero, descending, (R,): Tr[L^+ L] of each canonical jump
            operator.
        needed: how many of them exceed `RANK` of the largest.
    """

    rates: np.ndarray
    needed: int

    @property
    def shares(self) -> np.ndarray:
        """Share of the sum of all rates that the leading ones carry, (R,), ascending to 1."""
        total = self.rates.sum()
        return np.cumsum(self.rates) / total if total > 0 else np.ones_like(self.rates)


def generator_norm(H: np.ndarray | Tensor, jumps: np.ndarray | Tensor) -> float:
    """Return the Hilbert-Schmidt norm of a generator as a superoperator, in any gauge."""
    H0, L = _traceless(H, jumps)
    return math.hypot(_hamiltonian_norm(H0), _dissipator_norm(L))


def nearest_hamiltonian(H: np.ndarray | Tensor, jumps: np.ndarray | Tensor) -> NearestGenerator:
    """Return the nearest generator without dissipation."""
    H0, L = _traceless(H, jumps)
    return NearestGenerator(H0, L[:0], _dissipator_norm(L), generator_norm(H0, L))


def nearest_local(
    H: np.ndarray | Tensor, jumps: np.ndarray | Tensor, dims: Sequence[int]
) -> NearestGenerator:
    """Return the nearest sum of Lindblad generators of single modalities.

    Args:
        H: Hamiltonian (D, D). jumps: jump operators (K, D, D). dims: dimensions of the modalities.

    Raises:
        InvalidInput: when operators and dimensions do not fit.
    """
    H0, L = _traceless(H, jumps)
    dims = tuple(int(d) for d in dims)
    singles = [(m,) for m in range(len(dims))]
    parts = decomposition.decompose(torch.from_numpy(H0), dims)
    local_H = sum((parts[m].numpy() for m in singles), start=np.zeros_like(H0))
    problem = _LocalDissipators(L, dims)
    blocks = problem.solve()
    local_jumps = problem.jump_operators(blocks)
    distance = math.hypot(_hamiltonian_norm(H0 - local_H), problem.distance(blocks))
    return NearestGenerator(local_H, local_jumps, distance, generator_norm(H0, L))


def jump_ranks(jumps: np.ndarray | Tensor) -> JumpRanks:
    """Return the eigenvalues of the Kossakowski matrix of jump operators (K, D, D), and its rank."""
    jumps = np.asarray(jumps)
    check(
        jumps.ndim == 3 and jumps.shape[1] == jumps.shape[2],
        f"Argument `jumps` must have shape (K, D, D), but has shape {jumps.shape}.",
    )
    _, L = _traceless(np.zeros(jumps.shape[1:], dtype=complex), jumps)
    flat = L.reshape(len(L), L.shape[1] ** 2)
    # the matrix of Tr[L_k^+ L_l] has the same eigenvalues beyond zero
    rates = np.clip(np.linalg.eigvalsh(flat.conj() @ flat.T), 0, None)[::-1]
    top = float(rates.max(initial=0.0))
    # of a multiple of the identity, which does nothing, rounding leaves a part without trace
    rounding = (ROUNDING * float(np.linalg.norm(jumps))) ** 2
    if top <= rounding:
        return JumpRanks(np.zeros_like(rates), 0)
    return JumpRanks(rates, int((rates > max(RANK * top, rounding)).sum()))


def _traceless(H: np.ndarray | Tensor, jumps: np.ndarray | Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return H and jump operators of the same generator, all without trace."""
    term = decomposition.dense_traceless(H, jumps).terms[0]
    H0 = np.asarray(term.H)
    return H0 - np.trace(H0).real / len(H0) * np.eye(len(H0)), np.asarray(term.jumps)


def _hamiltonian_norm(H: np.ndarray) -> float:
    return math.sqrt(2 * len(H)) * float(np.linalg.norm(H))


def _dissipator_norm(L: np.ndarray) -> float:
    overlaps = np.einsum("kab,lab->kl", L.conj(), L)
    S = np.einsum("kba,kbc->ac", L.conj(), L)
    D = L.shape[-1]
    square = (np.abs(overlaps) ** 2).sum() + (D * np.trace(S @ S) + np.trace(S) ** 2).real / 2
    return math.sqrt(max(float(square), 0.0))


class _LocalDissipators:
    """The distance of a dissipator to sums of dissipators of single modalities, as a function of their Kossakowski
    matrices C_m, in orthonormal bases f_i of traceless operators of the modalities:

        |D - sum_m D_m|^2 = |C|^2 - sum_m |B_m|^2 + sum_m |B_m - C_m|^2
                            + D/2 |S - sum_m S_m|^2 + 1/2 (Tr S - sum_m Tr S_m)^2,

    with the blocks B_m of C, S_m = sum_ij C_m,ij f_j^+ f_i d_m / D, and Tr S_m = Tr C_m.

    Args:
        L: traceless jump operators (K, D, D). dims: dimensions of the modalities.
    """

    def __init__(self, L: np.ndarray, dims: tuple[int, ...]) -> None:
        self.L, self.dims, self.D = L, dims, math.prod(dims)
        self.S = np.einsum("kba,kbc->ac", L.conj(), L)
        self.bases, self.blocks, self.decays = [], [], []
        S_parts = decomposition.decompose(torch.from_numpy(self.S), dims)
        L_parts = decomposition.decompose(torch.from_numpy(L), dims) if len(L) else {}
        for m, d in enumerate(dims):
            f = decomposition.basis(d)[1][1:].numpy() / math.sqrt(d)
            self.bases.append(f)
            own = _on_modality(L_parts[(m,)].numpy(), dims, m) if len(L) else np.zeros((0, d, d))
            # <F_i, L_k> for F_i = f_i x 1 / sqrt(D / d)
            numbers = np.einsum("iab,kab->ik", f.conj(), own) * math.sqrt(self.D / d)
            self.blocks.append(numbers @ numbers.conj().T)
            self.decays.append(_on_modality(S_parts[(m,)].numpy()[None], dims, m)[0])
        self.trace = float(np.trace(self.S).real)
        overlaps = np.einsum("kab,lab->kl", L.conj(), L)
        self.rest = float((np.abs(overlaps) ** 2).sum()) - sum(
            float((np.abs(B) ** 2).sum()) for B in self.blocks
        )
        local = sum(
            float((np.abs(s) ** 2).sum()) * self.D / d
            for s, d in zip(self.decays, dims, strict=True)
        )
        whole = float((np.abs(self.S) ** 2).sum()) - self.trace**2 / self.D
        self.rest += self.D / 2 * (whole - local)

    def decay(self, C: np.ndarray, m: int) -> np.ndarray:
        """Traceless part (d, d) of S_m on its modality."""
        f, d = self.bases[m], self.dims[m]
        if not len(f):
            return np.zeros((d, d), dtype=complex)
        S = np.einsum("ij,jba,ibc->ac", C, f.conj(), f, optimize=True) * d / self.D
        return S - np.trace(S) / d * np.eye(d)

    def square(self, blocks: Sequence[np.ndarray]) -> float:
        """Squared distance."""
        missing = self.trace - sum(float(np.trace(C).real) for C in blocks)
        total = self.rest + missing**2
        for m, C in enumerate(blocks):
            total += float((np.abs(self.blocks[m] - C) ** 2).sum())
            difference = self.decays[m] - self.decay(C, m)
            total += self.D**2 / (2 * self.dims[m]) * float((np.abs(difference) ** 2).sum())
        return total

    def distance(self, blocks: Sequence[np.ndarray]) -> float:
        """Distance of the dissipators."""
        return math.sqrt(max(self.square(blocks), 0.0))

    def gradient(self, blocks: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Half of the gradient by each C_m."""
        missing = self.trace - sum(float(np.trace(C).real) for C in blocks)
        out = []
        for m, C in enumerate(blocks):
            f = self.bases[m]
            difference = self.decay(C, m) - self.decays[m]
            # <f_j^+ f_i, difference> for every i, j
            products = np.einsum("iba,jbc,ca->ij", f.conj(), f, difference, optimize=True)
            out.append(C - self.blocks[m] + self.D / 2 * products - missing * np.eye(len(f)))
        return out

    def solve(self) -> list[np.ndarray]:
        """Return the C_m of the least distance."""
        norm = max(_dissipator_norm(self.L), 1e-300)
        blocks = [C.copy() for C in self.blocks]
        if not len(self.L):
            return blocks
        step = 1 / self._largest_curvature()
        ahead = [C.copy() for C in blocks]
        momentum = 1.0
        last = self.square(blocks)
        for _ in range(STEPS):
            gradient = self.gradient(ahead)
            fresh = [_positive(C - step * g) for C, g in zip(ahead, gradient, strict=True)]
            now = self.square(fresh)
            if now > last:  # restart of the momentum (O'Donoghue and Candes 2015)
                if momentum == 1.0:
                    break
                ahead, momentum = [C.copy() for C in blocks], 1.0
                continue
            following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
            ahead = [
                C + (momentum - 1) / following * (C - before)
                for C, before in zip(fresh, blocks, strict=True)
            ]
            change = math.sqrt(
                sum(float((np.abs(a - b) ** 2).sum()) for a, b in zip(fresh, blocks, strict=True))
            )
            blocks, momentum, last = fresh, following, now
            if change <= CONVERGED * norm:
                break
        return blocks

    def _largest_curvature(self) -> float:
        """Largest eigenvalue of the quadratic form, by power iteration."""
        zero = [np.zeros_like(C) for C in self.blocks]
        offset = self.gradient(zero)
        random = np.random.default_rng(0)
        C = [_positive(random.standard_normal(B.shape) + np.eye(len(B))) for B in self.blocks]
        value = 1.0
        for _ in range(60):
            size = math.sqrt(sum(float((np.abs(c) ** 2).sum()) for c in C))
            C = [c / size for c in C]
            moved = [g - o for g, o in zip(self.gradient(C), offset, strict=True)]
            value = math.sqrt(sum(float((np.abs(g) ** 2).sum()) for g in moved))
            C = moved
        return 1.05 * value

    def jump_operators(self, blocks: Sequence[np.ndarray]) -> np.ndarray:
        """Return jump operators (K, D, D) of Kossakowski matrices, each on one modality."""
        operators = []
        top = max((float(np.linalg.eigvalsh(C)[-1]) for C in blocks if len(C)), default=0.0)
        for m, C in enumerate(blocks):
            if not len(C) or top <= 0:
                continue
            rates, vectors = np.linalg.eigh(C)
            for rate, v in zip(rates, vectors.T, strict=True):
                if rate > 1e-12 * top:
                    own = np.einsum("i,iab->ab", v, self.bases[m]) * math.sqrt(
                        rate * self.dims[m] / self.D
                    )
                    operators.append(embed(torch.from_numpy(own), self.dims, (m,)).numpy())
        return np.stack(operators) if operators else np.zeros((0, self.D, self.D), dtype=complex)


def _positive(C: np.ndarray) -> np.ndarray:
    """Return the nearest positive semidefinite matrix."""
    if not len(C):
        return C
    values, vectors = np.linalg.eigh((C + C.conj().T) / 2)
    return (vectors * np.clip(values, 0, None)) @ vectors.conj().T


def _on_modality(X: np.ndarray, dims: tuple[int, ...], m: int) -> np.ndarray:
    """Return operators (K, D, D) that act on one modality only as matrices (K, d, d), by the mean over the others."""
    a = math.prod(dims[:m])
    d = dims[m]
    b = math.prod(dims[m + 1 :])
    blocks = X.reshape(len(X), a, d, b, a, d, b)
    return np.einsum("kaibajb->kij", blocks) / (a * b)
