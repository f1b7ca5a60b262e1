"""Conversions of tensors and systems to QuTiP objects, and checks of what a solver takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion._lazy import Library
from qfusion._memory_cache import memo
from qfusion.quantum import checks, lindblad

if TYPE_CHECKING:
    import qutip
else:
    qutip = Library("qutip")


@memo(1)
def _thread_pools() -> ThreadpoolController:
    """Return the pools of threads of the libraries that are loaded by the first call."""
    return ThreadpoolController()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Context manager that limits BLAS to one thread; also used as a decorator. Matrices of side 64 gain little from
    two threads, and become ten or more times slower from threads waiting for each other as soon as anything else
    uses the cores.
    """
    with _thread_pools().limit(limits=1, user_api="blas"):
        yield


def to_numpy(values: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    """Return `values` as a NumPy array, detached from torch; bfloat16, which NumPy does not know, as float32."""
    if isinstance(values, Tensor):
        return (values.float() if values.dtype == torch.bfloat16 else values).detach().cpu().numpy()
    return np.asarray(values)


def validate_times(times: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    """Return `times` as float64 (nT,).

    Raises:
        InvalidInput: unless they are finite, not negative and in ascending order.
    """
    t = to_numpy(times).astype(np.float64)
    check(
        t.ndim == 1,
        f"Argument `times` must be a list of times, but has shape {t.shape}. Give linspace(0, T, 41), say.",
    )
    return np.array(checks.check_times(t.tolist()), dtype=np.float64)


def validate_ket(name: str, psi: Tensor | np.ndarray, D: int) -> np.ndarray:
    """Return `psi` as complex128 (D,).

    Raises:
        InvalidInput: unless it has that shape, is finite and of unit norm.
    """
    ket = to_numpy(psi).astype(np.complex128)
    check(
        ket.shape == (D,),
        f"Argument `{name}` must have shape ({D},), but has shape {ket.shape}. Give one ket.",
    )
    require_finite(name, ket)
    norm = float(np.linalg.norm(ket))
    # so much puts the trace of the density matrix off by what `measures` accepts as round-off
    check(
        abs(norm - 1) <= 5e-8,
        f"Argument `{name}` must have norm 1, but has norm {norm:.9g}. Divide it by its norm, in double precision.",
    )
    return ket


def as_operator(matrix: Tensor | np.ndarray, dims: Sequence[int]) -> qutip.Qobj:
    """Return a matrix (D, D) as a QuTiP operator on the modalities."""
    return qutip.Qobj(to_numpy(matrix), dims=[list(dims), list(dims)])


def as_ket(psi: np.ndarray, dims: Sequence[int]) -> qutip.Qobj:
    """Return a vector (D,) as a QuTiP ket on the modalities."""
    return qutip.Qobj(psi[:, None], dims=[list(dims), [1] * len(dims)])


def qutip_operators(system: lindblad.System) -> tuple[qutip.Qobj, list[qutip.Qobj]]:
    """Return H and the jump operators of `system` for QuTiP."""
    return as_operator(system.H, system.dims), [as_operator(L, system.dims) for L in system.jumps]
