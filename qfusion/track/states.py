"""What goes into and out of QuTiP: checked kets and times, Qobj with the modalities as tensor factors."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion.quantum.lindblad import System

if TYPE_CHECKING:  # QuTiP, and matplotlib with it, are loaded once something is tracked
    import qutip

# A norm off by this much puts the trace of the density matrix off by what `measures` accepts as round-off.
_NORM_TOLERANCE = 5e-8

P = ParamSpec("P")
R = TypeVar("R")


@functools.cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


def single_threaded(function: Callable[P, R]) -> Callable[P, R]:
    """Lets `function` use one BLAS thread: matrices of side 64 gain little from two, and lose ten times and more to
    their waiting for each other as soon as anything else wants the cores."""

    @functools.wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with _thread_pools().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited


def array(values: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    """Returns `values` as a NumPy array, detached from torch; bfloat16, which NumPy does not know, as float32."""
    if isinstance(values, Tensor):
        return (values.float() if values.dtype == torch.bfloat16 else values).detach().cpu().numpy()
    return np.asarray(values)


def checked_times(times: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    """Returns `times` as float64 (nT,).

    Raises:
        InvalidInput: unless they are finite, not negative and in ascending order.
    """
    t = array(times).astype(np.float64)
    check(
        t.ndim == 1 and len(t) > 0,
        f"Argument `times` must be a list of times, but has shape {t.shape}. Give linspace(0, T, 41), say.",
    )
    require_finite("times", t)
    check(
        bool((t >= 0).all()),
        f"Argument `times` must not be negative, but holds {t.min():g}. The evolution starts at 0.",
    )
    check(
        bool((np.diff(t) >= 0).all()),
        "Argument `times` must be in ascending order, but is not. Sort it.",
    )
    return t


def checked_ket(name: str, psi: Tensor | np.ndarray, D: int) -> np.ndarray:
    """Returns `psi` as complex128 (D,).

    Raises:
        InvalidInput: unless it has that shape, is finite and of unit norm.
    """
    ket = array(psi).astype(np.complex128)
    check(
        ket.shape == (D,),
        f"Argument `{name}` must have shape ({D},), but has shape {ket.shape}. Give one ket.",
    )
    require_finite(name, ket)
    norm = float(np.linalg.norm(ket))
    check(
        abs(norm - 1) <= _NORM_TOLERANCE,
        f"Argument `{name}` must have norm 1, but has norm {norm:.9g}. Divide it by its norm, in double precision.",
    )
    return ket


def as_operator(matrix: Tensor | np.ndarray, dims: Sequence[int]) -> qutip.Qobj:
    """Returns a matrix (D, D) as a QuTiP operator on the modalities."""
    import qutip

    return qutip.Qobj(array(matrix), dims=[list(dims), list(dims)])


def as_ket(psi: np.ndarray, dims: Sequence[int]) -> qutip.Qobj:
    """Returns a vector (D,) as a QuTiP ket on the modalities."""
    import qutip

    return qutip.Qobj(psi[:, None], dims=[list(dims), [1] * len(dims)])


def operators(system: System) -> tuple[qutip.Qobj, list[qutip.Qobj]]:
    """Returns H and the jump operators of `system` for QuTiP."""
    return as_operator(system.H, system.dims), [as_operator(L, system.dims) for L in system.jumps]


def dimension(system: System) -> int:
    """Returns the joint dimension D."""
    return math.prod(system.dims)
