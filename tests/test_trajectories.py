"""Quantum-jump trajectories: their mean is the master equation, and the sampled gradient is unbiased."""

from __future__ import annotations

import pytest
import torch

from qfusion.errors import InvalidInput
from qfusion.quantum import lindblad, trajectories
from qfusion.quantum.states import density
from tests.test_lindblad import system


def ket(D: int) -> torch.Tensor:
    psi = torch.randn(D, dtype=torch.complex128)
    return psi / psi.norm()


@pytest.mark.parametrize("D", [8, 27, 64])
def test_mean_of_2000_waiting_time_trajectories_is_the_master_equation(D):
    H, L = system(D, 3, 1.0, 1.0)
    psi, times = ket(D), [0.0, 0.4, 1.0]
    found = trajectories.waiting_time(H, L, psi.repeat(2000, 1), times, torch.Generator().manual_seed(1))
    populations = found.kets.abs().square()
    exact = torch.diagonal(lindblad.evolve_states(H, L, density(psi), times), dim1=-2, dim2=-1).real
    error = populations.std(1) / 2000**0.5
    assert ((populations.mean(1) - exact).abs() <= 4 * error + 1e-12).all()
    assert sum(map(len, found.jump_times)) > 500


def test_jumps_of_a_decaying_qubit_follow_the_exponential_law():
    """One excited level with rate gamma: exactly one jump, at exponentially distributed times, into the ground state."""
    gamma, N = 2.0, 4000
    H = torch.zeros(2, 2, dtype=torch.complex128)
    L = gamma**0.5 * torch.tensor([[[0, 1], [0, 0]]], dtype=torch.complex128)
    excited = torch.tensor([0, 1], dtype=torch.complex128)
    found = trajectories.waiting_time(H, L, excited.repeat(N, 1), [20.0], torch.Generator().manual_seed(0))
    assert all(len(t) == 1 for t in found.jump_times)
    times = torch.tensor([t[0] for t in found.jump_times])
    assert abs(times.mean() - 1 / gamma) < 4 / gamma / N**0.5
    assert abs((times > 1 / gamma).double().mean() - torch.exp(torch.tensor(-1.0))) < 4 * 0.5 / N**0.5
    assert (found.kets[0, :, 0].abs() - 1).abs().max() < 1e-12


def test_without_jump_operators_every_trajectory_is_the_unitary_one():
    H, L = system(6, 0, 1.0, 0.0)
    psi = ket(6)
    found = trajectories.waiting_time(H, L, psi.repeat(3, 1), [0.5, 2.0])
    exact = torch.linalg.matrix_exp(-2j * H) @ psi
    assert (found.kets[1] - exact).abs().max() < 1e-10
    assert found.jump_times == [[], [], []]


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
        rho = branches.sum(0) / torch.diagonal(branches.sum(0)).sum().real.detach()  # the sampler normalises each step's draw
    exact = torch.autograd.grad(torch.trace(O @ rho).real, scale)[0]
    N = 200_000
    final = trajectories.first_order(H, scale * L, psi.repeat(N, 1), 0.05 * steps, steps, torch.Generator().manual_seed(0))
    sampled = torch.autograd.grad(torch.einsum("na,ab,nb->n", final.conj(), O, final).real.mean(), scale)[0]
    assert abs(sampled - exact) < 0.02 * abs(exact) + 5e-3


def test_seeds_repeat_and_bad_steps_are_named():
    H, L = system(4, 2, 1.0, 1.0)
    psi = ket(4).repeat(5, 1)
    runs = [trajectories.waiting_time(H, L, psi, [1.0], torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(runs[0].kets, runs[1].kets)
    assert runs[0].jump_times == runs[1].jump_times
    with pytest.raises(InvalidInput, match="`steps` must be at least 1"):
        trajectories.first_order(H, L, psi, 1.0, 0)
