"""Quantum-jump trajectories by steps: the sampled gradient is unbiased."""

from __future__ import annotations

import pytest
import torch

from qfusion.errors import InvalidInput
from qfusion.quantum import trajectories
from qfusion.quantum.states import density
from tests.test_lindblad import system


def ket(D: int) -> torch.Tensor:
    psi = torch.randn(D, dtype=torch.complex128)
    return psi / psi.norm()


def test_first_order_gradient_is_unbiased():
    """Against the exact gradient of the same discrete scheme's mean: sum over all jump patterns."""
    H, L = system(3, 2, 1.0, 1.0)
    psi, O, steps = ket(3), torch.diag(torch.tensor([1.0, -0.5, 2.0])).to(torch.complex128), 2
    scale = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)

    def maps() -> torch.Tensor:
        jumps = scale * L
        effective = -1j * H - 0.5 * (jumps.mH @ jumps).sum(0)
        return torch.cat([(torch.eye(3) + 0.05 * effective)[None], 0.05**0.5 * jumps])

    rho = density(psi)
    for _ in range(steps):
        branches = maps() @ rho @ maps().mH
        # the sampler normalises each step's draw
        rho = branches.sum(0) / torch.diagonal(branches.sum(0)).sum().real.detach()
    exact = torch.autograd.grad(torch.trace(O @ rho).real, scale)[0]
    N = 200_000
    final = trajectories.first_order(H, scale * L, psi.repeat(N, 1), 0.05 * steps, steps,
                                     torch.Generator().manual_seed(0))
    sampled = torch.autograd.grad(torch.einsum("na,ab,nb->n", final.conj(), O, final).real.mean(), scale)[0]
    assert abs(sampled - exact) < 0.02 * abs(exact) + 5e-3


def test_seeds_repeat_and_bad_steps_are_named():
    H, L = system(4, 2, 1.0, 1.0)
    psi = ket(4).repeat(5, 1)
    runs = [trajectories.first_order(H, L, psi, 1.0, 10, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*runs)
    with pytest.raises(InvalidInput, match="`steps` must be at least 1"):
        trajectories.first_order(H, L, psi, 1.0, 0)
