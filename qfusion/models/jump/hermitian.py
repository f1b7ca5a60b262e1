"""Hermitian matrices as real parameters: d x d real numbers for a d x d matrix, of which each one acts.

    Re H_ij = E_ij   for i <= j        (on the diagonal and above it)
    Im H_ij = E_ji   for i < j         (below it)

A free complex matrix A with H = (A + A^+) / 2 would have twice as many parameters, and half of them would do nothing.
"""

import torch
from torch import Tensor, nn


def compose(entries: Tensor) -> Tensor:
    """Return the Hermitian matrices H of their entries E.

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


def hermitian_entries(H: Tensor) -> Tensor:
    """Return the entries E, real, of Hermitian matrices: the inverse of `compose`; both (..., d, d)."""
    return H.real.triu() + H.imag.triu(1).mT


def draw(*shape: int, scale: float) -> nn.Parameter:
    """Return the entries of random Hermitian matrices as a parameter.

    They are those of (A + A^+) / 2, where both parts of every entry of A are Gaussian.

    Args:
        shape: (..., d, d).
        scale: standard deviation of the real and of the imaginary parts of A.
    """
    A = torch.view_as_complex(torch.randn(*shape, 2) * scale)
    return nn.Parameter(hermitian_entries((A + A.mH) / 2))
