"""Quantum-jump trajectories of batched kets: the sampled gradient is unbiased, and waiting times have no time-step
error."""

from __future__ import annotations

import math

import pytest
import torch

from qfusion.errors import InvalidInput
from qfusion.quantum import trajectories
from qfusion.quantum.lindblad import Generator, Term, evolve
from qfusion.quantum.states import density, embed
from tests.support.lindblad_systems import system


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
    final = trajectories.sample_euler_jumps(
        Generator.dense(H, scale * L),
        psi.repeat(N, 1),
        0.05 * steps,
        steps,
        torch.Generator().manual_seed(0),
    )
    sampled = torch.autograd.grad(
        torch.einsum("na,ab,nb->n", final.conj(), O, final).real.mean(), scale
    )[0]
    assert abs(sampled - exact) < 0.02 * abs(exact) + 5e-3


def test_seeds_are_reproducible_and_invalid_steps_refused():
    H, L = system(4, 2, 1.0, 1.0)
    psi = ket(4).repeat(5, 1)
    acting = Generator.dense(H, L)
    runs = [
        trajectories.sample_euler_jumps(acting, psi, 1.0, 10, torch.Generator().manual_seed(3))
        for _ in range(2)
    ]
    assert torch.equal(*runs)
    assert trajectories.sample_euler_jumps(acting, psi, 0.1, 1).norm(
        dim=-1
    ).tolist() == pytest.approx([1.0] * 5, abs=1e-12)
    with pytest.raises(InvalidInput, match="`steps` must be at least 1"):
        trajectories.sample_euler_jumps(acting, psi, 1.0, 0)


def local(scale: float = 1.0) -> Generator:
    """Terms on pairs of three modalities, of 2, 3 and 2 levels, two jump operators each."""
    dims = (2, 3, 2)
    terms = []
    for s in ((0, 1), (1, 2)):
        H, L = system(6, 2, scale, 0.5 * scale)
        terms.append(Term(s, H, L))
    return Generator(dims, tuple(terms))


@pytest.mark.parametrize("scale", [0.0, 1.0, 4.0])
def test_waiting_times_average_to_the_master_equation_without_a_time_step_error(scale):
    """Of every population and coherence: none lies further off than what so many draws leave, at any strength."""
    acting, psi, N = local(scale), ket(12), 1000
    rho = evolve(acting, density(psi), [1.0])[0]
    final = trajectories.sample_jumps_exact(
        acting, psi.repeat(N, 1), 1.0, torch.Generator().manual_seed(1)
    )
    assert (final.norm(dim=-1) - 1).abs().max() < 1e-12
    drawn = torch.view_as_real(density(final)).flatten(1)
    error = drawn.std(0) / N**0.5
    off = (drawn.mean(0) - torch.view_as_real(rho).flatten()).abs()
    assert (off <= 4.5 * error + 1e-9).all()


def test_without_jumps_a_trajectory_is_the_unitary_evolution():
    H, _ = system(5, 1, 3.0, 0.0)
    psi = torch.stack([ket(5), ket(5)])
    acting = Generator.dense(H, torch.zeros(0, 5, 5, dtype=H.dtype))
    for duration in (0.0, 0.3, 7.0):
        expected = psi @ torch.matrix_exp(-1j * duration * H).T
        assert (
            trajectories.sample_jumps_exact(acting, psi, duration) - expected
        ).abs().max() < 1e-11


def test_jump_times_are_exponential():
    """A decaying qubit's jump times are exponential with its rate."""
    L = torch.zeros(1, 2, 2, dtype=torch.complex128)
    L[0, 0, 1] = 2.0**0.5
    acting = Generator.dense(torch.zeros(2, 2, dtype=torch.complex128), L)
    up = torch.tensor([[0.0, 1.0]], dtype=torch.complex128).repeat(4000, 1)
    for t in (0.2, 0.9):
        stays = (trajectories.sample_jumps_exact(acting, up, t)[:, 1].abs() > 0.5).double().mean()
        assert abs(stays - math.exp(-2 * t)) < 4 * (0.25 / 4000) ** 0.5


def test_each_ket_draws_from_its_own_jump_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    """|0> decays fast to |1> or |4>, |2> slowly to |3>: what cannot happen to a ket never does, in whatever company."""
    L = torch.zeros(3, 5, 5, dtype=torch.complex128)
    L[0, 1, 0], L[1, 3, 2], L[2, 4, 0] = 1.5**0.5, 0.3**0.5, 0.5**0.5
    acting = Generator.dense(torch.zeros(5, 5, dtype=torch.complex128), L)
    psi = torch.eye(5, dtype=torch.complex128)[[0, 2]].repeat(80, 1)
    random = torch.Generator().manual_seed(1)
    ends = trajectories.sample_jumps_exact(acting, psi, 3.0, random).abs().square()
    assert (ends[::2, [0, 1, 4]].sum(1) - 1).abs().max() < 1e-12
    assert (ends[1::2, 2:4].sum(1) - 1).abs().max() < 1e-12
    jumped = [ends[::2, 1].mean(), ends[::2, 4].mean(), ends[1::2, 3].mean()]
    wanted = [0.75 * (1 - math.exp(-6)), 0.25 * (1 - math.exp(-6)), 1 - math.exp(-0.9)]
    for share, p in zip(jumped, wanted, strict=True):
        assert abs(share - p) < 4 * (p * (1 - p) / 80) ** 0.5
    monkeypatch.setattr(trajectories, "MAX_NUMBERS", 1)  # one at a time
    ends = trajectories.sample_jumps_exact(acting, psi[:2], 3.0, random).abs().square()
    assert ends.shape == (2, 5)
    assert (ends.sum(1) - 1).abs().max() < 1e-12
    assert trajectories.sample_jumps_exact(acting, psi[:0], 1.0).shape == (0, 5)


def test_local_operators_act_on_their_subsystem():
    O, psi = (
        torch.randn(2, 4, 4, dtype=torch.complex128),
        torch.randn(5, 12, dtype=torch.complex128),
    )
    found = trajectories.apply_local(O, psi, (2, 3, 2), (0, 2))
    assert (found - (psi @ embed(O, (2, 3, 2), (0, 2)).mT)).abs().max() < 1e-13


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(psi=torch.zeros(2, 5, dtype=torch.complex128)), r"shape \(N, 12\)"),
        (dict(psi=torch.zeros(2, 12)), "must be complex"),
        (dict(duration=float("nan")), "must be finite"),
        (dict(duration=1e9), "below 1e6"),
    ],
)
def test_invalid_sampling_is_refused(change, words):
    given = dict(generator=local(), psi=ket(12)[None], duration=1.0) | change
    with pytest.raises(InvalidInput, match=words):
        trajectories.sample_jumps_exact(**given)
