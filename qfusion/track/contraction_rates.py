"""How fast the dynamics makes states similar: trace distances of pairs over time, beside those of random generators."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion._lazy import Library
from qfusion.quantum import lindblad, states

if TYPE_CHECKING:
    import qutip
else:
    qutip = Library("qutip")
from qfusion.track.qutip_objects import single_threaded
from qfusion.track.steady_state import centred_generator

# How fast the dynamics makes states alike: trace distances of pairs over time, beside those of random generators.

MIXED = (
    0.25  # trace distance below which two inputs count as mixed (Levin and Peres 2017, section 4.5)
)
_ALIKE = 1e-3  # trace distance at t = 0 below which a pair says nothing of contraction


@dataclass(frozen=True)
class Contraction:
    """Trace distances of pairs of states under one generator, which no channel can raise.

    Attributes:
        times: from 0 to T, (nT,). distances: of every pair, (nT, P).
        random_rates: of generators drawn at random with as many jump operators and the same Hilbert-Schmidt norms of H
            and of the dissipator, mean over the pairs, (seeds,).
        mixing_time: when the last of the pairs, of those beyond T the three that are farthest apart there, falls below
            `MIXED`; None where it does not within a thousand T.
    """

    times: np.ndarray
    distances: np.ndarray
    random_rates: np.ndarray
    mixing_time: float | None

    @property
    def rates(self) -> np.ndarray:
        """Mean rate of each pair over [0, T], -ln(d(T) / d(0)) / T, (P,), in units of 1 / time."""
        return -np.log(np.maximum(self.distances[-1], 1e-12) / self.distances[0]) / self.times[-1]


@single_threaded()
def contraction(
    system: lindblad.System, psi: Tensor, others: Tensor, *, steps: int = 13, seeds: int = 6
) -> Contraction:
    """Return how fast a state and others become alike under `system`, to about 1e-5.

    Args:
        system: the trained physics; its duration must be above 0.
        psi: ket (D,). others: kets (P, D); those that are the same state as `psi` are left out.
        steps: times from 0 to T. seeds: random generators beside it.

    Raises:
        InvalidInput: without an evolution, or without another state.
    """
    T = float(system.duration)
    check(T > 0, f"Argument `system` must evolve for some time, but its duration is {T}. Raise it.")
    term = centred_generator(system)
    H, jumps = (part.to(torch.complex64) for part in (term.H, term.jumps))
    differences = (states.density(psi) - states.density(others.to(torch.complex128))).to(
        torch.complex64
    )
    apart = _trace_norms(differences) / 2 > _ALIKE
    check(
        bool(apart.any()),
        "Argument `others` must hold a state other than `psi`, but all are the same. Give kets of "
        "other samples.",
    )
    differences = differences[torch.from_numpy(apart)]
    times = np.linspace(0.0, T, steps)
    moved = lindblad.evolve_states(H, jumps, differences, times.tolist())
    distances = _trace_norms(moved) / 2
    ends = [
        lindblad.evolve_states(*random_generator(H, jumps, seed), differences, [T])[0]
        for seed in range(seeds)
    ]
    random_rates = [np.mean(-np.log(_trace_norms(end) / 2 / distances[0]) / T) for end in ends]
    far = np.argsort(-distances[-1])[:3].copy()  # pairs that are followed beyond T
    return Contraction(
        times,
        distances,
        np.array(random_rates),
        _mixing_time(H, jumps, moved[-1][far], times, distances.max(1)),
    )


def _trace_norms(operators: Tensor) -> np.ndarray:
    return np.asarray(torch.linalg.eigvalsh(operators).abs().sum(-1), dtype=float)


def random_generator(H: Tensor, jumps: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """A random traceless H and as many random traceless jumps, with the Hilbert-Schmidt norms of these."""
    generator = torch.Generator().manual_seed(seed)
    one = torch.eye(len(H), dtype=H.dtype)
    A = torch.randn(H.shape, dtype=H.dtype, generator=generator)
    L = torch.randn(jumps.shape, dtype=H.dtype, generator=generator)
    L = L - torch.diagonal(L, dim1=-2, dim2=-1).mean(-1)[:, None, None] * one
    A, like = (X - torch.trace(X) / len(H) * one for X in (A + A.mH, H))
    return (
        A * (torch.linalg.norm(like) / torch.linalg.norm(A)),
        L * math.sqrt(dissipator_norm(jumps) / dissipator_norm(L)) if len(L) else L,
    )


def dissipator_norm(jumps: Tensor) -> float:
    """Hilbert-Schmidt norm of X -> sum_k (L_k X L_k^+ - {L_k^+ L_k, X} / 2) for traceless L_k, (K, D, D).

    With S = sum_k L_k^+ L_k its square is sum_kl |Tr L_k^+ L_l|^2 + (D Tr S^2 + (Tr S)^2) / 2.
    """
    overlaps = torch.einsum("kab,lab->kl", jumps.conj(), jumps)
    S = (jumps.mH @ jumps).sum(0)
    square = (
        overlaps.abs().square().sum()
        + (len(S) * torch.trace(S @ S).real + torch.trace(S).real ** 2) / 2
    )
    return math.sqrt(float(square))


def _mixing_time(
    H: Tensor, jumps: Tensor, moved: Tensor, times: np.ndarray, worst: np.ndarray
) -> float | None:
    """Return the time at which the last pair falls below `MIXED`, interpolated between steps as an exponential.
    Beyond T, steps are a quarter of the time. `worst` is the largest distance at `times`, and `moved` are the
    differences at the last of them.
    """
    for i in range(1, len(times)):
        if worst[i] < MIXED:
            return _crossing(times[i - 1], times[i], worst[i - 1], worst[i])
    at = float(times[-1])
    far = float(worst[-1])
    while at < 1e3 * times[-1]:
        moved = lindblad.evolve_states(H, jumps, moved, [at / 4])[0]
        now = float((_trace_norms(moved) / 2).max())
        if now < MIXED:
            return _crossing(at, 1.25 * at, far, now)
        at, far = 1.25 * at, now
    return None


def _crossing(start: float, end: float, above: float, below: float) -> float:
    return float(np.interp(math.log(MIXED), np.log([below, above]), [end, start]))
