"""Hermitian matrices as real parameters: d x d real numbers for a d x d matrix, of which each one acts.

    Re H_ij = E_ij   for i <= j        (on the diagonal and above it)
    Im H_ij = E_ji   for i < j         (below it)

A free complex matrix A with H = (A + A^+) / 2 would have twice as many parameters, and half of them would do nothing.
Weights of models that were kept in that form are read by `accept_complex`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


def compose(entries: Tensor) -> Tensor:
    """Returns the Hermitian matrices H of their entries E.

    Args:
        entries: (..., d, d), real.

    Returns:
        (..., d, d), complex of the same precision.
    """
    above = entries.triu(1)
    below = entries.tril(-1)
    real = entries.triu() + above.mT
    imaginary = below.mT - below
    return torch.complex(real, imaginary)


def entries_of(H: Tensor) -> Tensor:
    """Returns the entries E, real, of Hermitian matrices: the inverse of `compose`; both (..., d, d)."""
    return H.real.triu() + H.imag.triu(1).mT


def draw(*shape: int, scale: float) -> nn.Parameter:
    """Returns the entries of random Hermitian matrices as a parameter.

    They are those of (A + A^+) / 2, where both parts of every entry of A are Gaussian.

    Args:
        shape: (..., d, d).
        scale: standard deviation of the real and of the imaginary parts of A.
    """
    A = torch.view_as_complex(torch.randn(*shape, 2) * scale)
    return nn.Parameter(entries_of((A + A.mH) / 2))


def hermitian_part(A: Tensor) -> Tensor:
    """Returns (A + A^+) / 2 of complex matrices (..., d, d)."""
    return (A + A.mH) / 2


def accept_complex(module: nn.Module, names: Sequence[str], part: Any = hermitian_part) -> None:
    """Makes a module read weights in which its Hermitian matrices still were free complex ones, (..., d, d, 2).

    Args:
        module: whose parameters hold entries.
        names: of these parameters, or of the lists in which they stand.
        part: from such a complex matrix to the Hermitian one that acted.
    """
    module.register_load_state_dict_pre_hook(partial(_convert, tuple(names), part))


def _convert(
    names: Sequence[str],
    part: Any,
    module: nn.Module,
    state: dict[str, Tensor],
    prefix: str,
    *_: Any,
) -> None:
    """Replaces in `state` what is complex by the entries of what acted."""
    own: Mapping[str, Tensor] = dict(module.named_parameters())
    for name, parameter in own.items():
        weights = state.get(prefix + name)
        if weights is None or name.partition(".")[0] not in names:
            continue
        if weights.shape == (*parameter.shape, 2):
            complex_one = torch.view_as_complex(weights.contiguous())
            state[prefix + name] = entries_of(part(complex_one)).contiguous()
