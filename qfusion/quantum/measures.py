"""Measures of mixedness, correlation and entanglement of states of several modalities."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.states import (
    apart,
    partial_trace,
    partial_transpose,
    require_state,
    takes_arrays,
)


def spectral_entropy(eigenvalues: Tensor) -> Tensor:
    """-sum x log x over the last axis, zero (also in the gradient) where x <= 0.

    Example:
        >>> import torch
        >>> from qfusion.quantum.measures import spectral_entropy
        >>> round(spectral_entropy(torch.tensor([0.5, 0.5])).item(), 4)
        0.6931
    """
    x = torch.where(eigenvalues > 0, eigenvalues, torch.ones_like(eigenvalues))
    return -(x * x.log()).sum(-1)


def convert_base(nats: Tensor, base: float | None) -> Tensor:
    """Return amounts of information, given in nats, in units of log(base).

    Example:
        >>> import torch
        >>> from qfusion.quantum.measures import convert_base
        >>> convert_base(torch.tensor(2.0).log(), 2)
        tensor(1.)
    """
    if base is None:
        return nats
    check(
        base > 1, f"Argument `base` must be above 1, but is {base}. Use 2 for bits, None for nats."
    )
    return nats / math.log(base)


@takes_arrays
def von_neumann_entropy(rho: Tensor, *, base: float | None = None) -> Tensor:
    """Return S(rho) = -Tr rho log rho, shape (...).

    Args:
        rho: density matrices (..., D, D).
        base: of the logarithm; None for nats, 2 for bits.

    Raises:
        InvalidInput: when `rho` is not a state.

    Example:
        >>> import torch
        >>> round(von_neumann_entropy(torch.eye(4, dtype=torch.complex128) / 4, base=2).item(), 12)
        2.0
    """
    return convert_base(spectral_entropy(require_state("rho", rho)), base)


@takes_arrays
def purity(rho: Tensor) -> Tensor:
    """Return Tr rho^2, shape (...), between 1/D and 1.

    Raises:
        InvalidInput: when `rho` is not a state.

    Example:
        >>> import torch
        >>> from qfusion.quantum.measures import purity
        >>> purity(torch.eye(2, dtype=torch.complex128) / 2)
        tensor(0.5000, dtype=torch.float64)
    """
    require_state("rho", rho.detach())
    return purity_of_state(rho)


def purity_of_state(rho: Tensor) -> Tensor:
    """Return the purity Tr rho^2 of density matrices (..., D, D).

    Example:
        >>> import torch
        >>> from qfusion.quantum.measures import purity_of_state
        >>> purity_of_state(torch.diag(torch.tensor([1.0, 0.0])) + 0j)
        tensor(1.)
    """
    return (rho.conj() * rho).real.sum((-2, -1))


@takes_arrays
def mutual_information(
    rho: Tensor,
    dims: Sequence[int],
    a: Sequence[int],
    b: Sequence[int],
    *,
    base: float | None = None,
) -> Tensor:
    """Return I(a:b) = S(a) + S(b) - S(ab), shape (...), between 0 and 2 min(log d_a, log d_b).

    Args:
        rho: density matrices (..., D, D).
        dims: dimensions of the subsystems, product D.
        a: subsystems of the one side.
        b: subsystems of the other side, none of them in `a`.
        base: of the logarithm; None for nats.

    Raises:
        InvalidInput: when `rho` is not a state, or the sides overlap, are empty or do not exist.

    Example:
        >>> import torch
        >>> from qfusion.quantum.measures import mutual_information
        >>> bell = torch.tensor([1.0, 0, 0, 1], dtype=torch.float64) / 2**0.5
        >>> rho = torch.outer(bell, bell) + 0j
        >>> round(mutual_information(rho, (2, 2), [0], [1], base=2).item(), 6)
        2.0
    """
    check(
        len(a) > 0 and len(b) > 0 and not set(a) & set(b),
        f"Arguments `a` and `b` must be two disjoint, non-empty groups of subsystems, but are {tuple(a)} and "
        f"{tuple(b)}. Name each subsystem once.",
    )
    both, *sides = (
        von_neumann_entropy(partial_trace(rho, dims, part)) for part in ((*a, *b), a, b)
    )
    return convert_base(sum(sides, start=-both), base)


@takes_arrays
def total_correlation(rho: Tensor, dims: Sequence[int], *, base: float | None = None) -> Tensor:
    """Return sum_m S(rho_m) - S(rho), shape (...), zero exactly for product states.

    Raises:
        InvalidInput: when `rho` is not a state or does not fit `dims`.

    Example:
        >>> import torch
        >>> from qfusion.quantum.measures import total_correlation
        >>> bell = torch.tensor([1.0, 0, 0, 1], dtype=torch.float64) / 2**0.5
        >>> round(total_correlation(torch.outer(bell, bell) + 0j, (2, 2), base=2).item(), 6)
        2.0
    """
    singles = (von_neumann_entropy(partial_trace(rho, dims, (m,))) for m in range(len(dims)))
    return convert_base(sum(singles, start=-von_neumann_entropy(rho)), base)


@takes_arrays
def logarithmic_negativity(
    rho: Tensor, dims: Sequence[int], subsystems: Sequence[int], *, base: float = 2
) -> Tensor:
    """Return log ||rho^{T_s}||_1 of `subsystems` against the rest, shape (...), in bits by default.

    It is zero for separable states, and for entangled ones whose partial transpose is positive.

    Source: Vidal and Werner (2002), Phys. Rev. A 65, 032314, eq. 6.

    Raises:
        InvalidInput: when `rho` is not a state, does not fit `dims`, or a subsystem does not exist.

    Example:
        >>> import torch
        >>> from qfusion.quantum.measures import logarithmic_negativity
        >>> bell = torch.tensor([1.0, 0, 0, 1], dtype=torch.float64) / 2**0.5
        >>> round(logarithmic_negativity(torch.outer(bell, bell) + 0j, (2, 2), [0]).item(), 6)
        1.0
    """
    swapped = partial_transpose(rho, dims, subsystems)
    require_state("rho", rho.detach())
    return convert_base(log_trace_norm(torch.linalg.eigvalsh(swapped)), base)


def log_trace_norm(eigenvalues: Tensor) -> Tensor:
    """Return log sum |x|, computed from 1 + 2 sum of the absolute negative eigenvalues. There is no cancellation
    near zero, and the result is exactly 0 if no eigenvalue is negative.

    Example:
        >>> import torch
        >>> from qfusion.quantum.measures import log_trace_norm
        >>> log_trace_norm(torch.tensor([0.75, 0.5, -0.25])).exp()
        tensor(1.5000)
    """
    return torch.log1p(2 * (-eigenvalues).clamp(min=0).sum(-1))


@takes_arrays
def fidelity(rho: Tensor, sigma: Tensor) -> Tensor:
    """Return F = (Tr sqrt(sqrt(rho) sigma sqrt(rho)))^2, shape (...): the squared convention (QuTiP gives its root).

    Leading axes broadcast. It is evaluated as the squared trace norm of sqrt(rho) sqrt(sigma); gradients do not exist
    where a state has equal eigenvalues.

    Source: Jozsa (1994), J. Mod. Opt. 41, 2315.

    Raises:
        InvalidInput: when one of them is not a state or their shapes differ.

    Example:
        >>> import torch
        >>> from qfusion.quantum.measures import fidelity
        >>> mixed = torch.eye(2, dtype=torch.complex128) / 2
        >>> round(fidelity(mixed, torch.diag(torch.tensor([1.0, 0.0])).to(mixed)).item(), 6)
        0.5
    """
    _check_pair(rho, sigma)
    return torch.linalg.svdvals(_root("rho", rho) @ _root("sigma", sigma)).sum(-1).square()


def _root(name: str, rho: Tensor) -> Tensor:
    require_state(name, rho.detach())
    x, V = torch.linalg.eigh(rho)
    # The root turns round-off of 1e-17 into 3e-9, so what is below round-off counts as zero before it is taken.
    x = torch.where(x > x.shape[-1] * torch.finfo(x.dtype).eps, x, torch.zeros_like(x))
    return (V * x.sqrt()[..., None, :]) @ V.mH


@takes_arrays
def trace_distance(rho: Tensor, sigma: Tensor) -> Tensor:
    """Return ||rho - sigma||_1 / 2, shape (...), between 0 and 1. Leading axes broadcast.

    Raises:
        InvalidInput: when one of them is not a state or their shapes differ.

    Example:
        >>> import torch
        >>> from qfusion.quantum.measures import trace_distance
        >>> mixed = torch.eye(2, dtype=torch.complex128) / 2
        >>> round(trace_distance(mixed, torch.diag(torch.tensor([1.0, 0.0])).to(mixed)).item(), 6)
        0.5
    """
    _check_pair(rho, sigma)
    require_state("rho", rho.detach())
    require_state("sigma", sigma.detach())
    return torch.linalg.eigvalsh(rho - sigma).abs().sum(-1) / 2


def _check_pair(rho: Tensor, sigma: Tensor) -> None:
    check(
        rho.shape[-2:] == sigma.shape[-2:],
        f"Arguments `rho` and `sigma` must have equal sides, but have shapes {tuple(rho.shape)} and "
        f"{tuple(sigma.shape)}. Compare states of the same system.",
    )


@takes_arrays
def entanglement_entropy(
    psi: Tensor, dims: Sequence[int], subsystem: int | Sequence[int], *, base: float | None = None
) -> Tensor:
    """Return the entropy of `subsystem` in the pure states `psi`: its entanglement with the rest, shape (...).

    Args:
        psi: unit kets (..., D).
        dims: dimensions of the subsystems, product D.
        subsystem: which one, or a group of several.
        base: of the logarithm; None for nats.

    Raises:
        InvalidInput: when `psi` does not fit `dims`, is not of unit norm, or the subsystem does not exist.

    Example:
        >>> import torch
        >>> from qfusion.quantum.measures import entanglement_entropy
        >>> bell = torch.tensor([1.0, 0, 0, 1], dtype=torch.complex128) / 2**0.5
        >>> round(entanglement_entropy(bell, (2, 2), 0, base=2).item(), 6)
        1.0
    """
    D = math.prod(dims)
    check(
        psi.ndim >= 1 and psi.shape[-1] == D,
        f"Argument `psi` must have shape (..., {D}) for dims {tuple(dims)}, but has shape {tuple(psi.shape)}. "
        "Give kets of the joint system.",
    )
    group = (subsystem,) if isinstance(subsystem, int) else tuple(subsystem)
    check(
        len(set(group)) == len(group) and all(0 <= m < len(dims) for m in group),
        f"Argument `subsystem` must lie between 0 and {len(dims) - 1}, but is {subsystem}. Number subsystems from 0, "
        "leftmost first.",
    )
    A = apart(psi, dims, group)
    A = A if A.shape[-2] <= A.shape[-1] else A.mT  # both sides have one spectrum
    return convert_base(spectral_entropy(require_state("psi", A @ A.mH)), base)


def qubit_entropy(bloch: np.ndarray) -> np.ndarray:
    """Return the entropies, (...) nats, of qubits with Bloch vectors (..., 3).

    Example:
        >>> import numpy as np
        >>> from qfusion.quantum.measures import qubit_entropy
        >>> qubit_entropy(np.array([[0.0, 0.0, 0.0]])).round(4).tolist()
        [0.6931]
    """
    high = (1 + np.minimum(np.linalg.norm(bloch, axis=-1), 1)) / 2
    low = 1 - high
    return -(high * np.log(high) + low * np.log(np.where(low > 0, low, 1)))
