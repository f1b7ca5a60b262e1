"""How fast states of inputs converge, and the steady state, against QuTiP and cases by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import qutip
import torch

from qfusion.errors import InvalidInput
from qfusion.models.tweak import LEARNED
from qfusion.quantum import measures
from qfusion.quantum.lindblad import System, evolve_states
from qfusion.quantum.states import density
from qfusion.simulate import attractor, contraction
from qfusion.simulate.steady_state import MIXED, Contraction, dissipator_norm
from qfusion.study import evolution
from qfusion.study.opening import open_sample, open_study
from qfusion.views import dynamics as views
from qfusion.views.dynamics import describe_attractor


def system(D: int, seed: int = 0, loss: float = 0.3, duration: float = 1.0) -> System:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(D, D, dtype=torch.complex128, generator=generator)
    L = torch.randn(2, D, D, dtype=torch.complex128, generator=generator)
    return System((A + A.mH) / 4, loss * L / math.sqrt(D), (D,), ("text",), duration)


def kets(count: int, D: int, seed: int = 1) -> torch.Tensor:
    psi = torch.randn(
        count, D, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed)
    )
    return psi / psi.norm(dim=-1, keepdim=True)


def pairs_with(
    rates: list[float], random: list[float], mixing_time: float | None = 3.0
) -> Contraction:
    times = np.linspace(0, 2, 5)
    return Contraction(times, 0.9 * np.exp(-np.outer(times, rates)), np.array(random), mixing_time)


@pytest.mark.parametrize(
    ("rates", "random", "words"),
    [
        ([0.5, 0.7], [0.1, 0.2], "faster than under each of 2"),
        ([0.01, 0.03], [0.1, 0.2], "slower than under each of 2"),
        ([0.1, 0.2], [0.1, 0.2], "within the range of 2"),
        ([0.2], [0.1, 0.2], "within the range of 2"),
    ],
)
def test_contraction_compared_with_random_generators(
    rates: list[float], random: list[float], words: str
) -> None:
    """`faster than under each of n random generators` only where the mean rate is above that of every one, `slower`
    below every one, else `within the range`; what is left at T is d(T) / d(0)."""
    pairs = pairs_with(rates, random)
    said = views.describe_random_comparison(pairs)
    assert words in said
    left = np.exp(-2 * np.array(rates))
    for value in (left.mean(), left.min(), left.max()):
        assert f"{value:.1%}" in said
    assert views.describe_random_comparison(None) == ""


@pytest.mark.parametrize(
    ("mixing_time", "words"), [(3.0, "from t = 3 on, 1.5 T"), (None, "not all closer")]
)
def test_mixing_sentence(mixing_time: float | None, words: str) -> None:
    """`The last of these pairs is closer than 0.25 from t = m on` only where it was seen to be; else that it is not."""
    assert words in views.describe_mixing_time(pairs_with([0.1], [0.1], mixing_time), 2.0)
    assert views.describe_mixing_time(None, 2.0) == ""


@pytest.mark.parametrize("seed", range(4))
def test_mixing_time_covers_the_slowest_pair(seed: int) -> None:
    """The mixing time: shortly before it some pair is farther than 1/4, shortly after it none is."""
    physics, psi = system(6, seed, loss=0.4 + 0.4 * seed), kets(4, 6, seed)
    found = contraction(physics, psi[0], psi[1:])
    assert found.mixing_time is not None
    rho = density(psi)
    for factor, inside in ((0.97, False), (1.03, True)):
        at = evolve_states(physics.H, physics.jumps, rho, [factor * found.mixing_time])[0]
        assert bool((measures.trace_distance(at[:1], at[1:]).max() < MIXED) == inside)


def test_monotone_trace_distance_is_not_reported_as_a_finding() -> None:
    """That a state comes closer to the steady state holds under any channel: distances never grow, whatever the
    generator, and the panel says that this is no finding."""
    for seed in (0, 4):
        physics, psi = system(5, seed, loss=0.1 + 0.3 * seed), kets(5, 5, seed)
        found = contraction(physics, psi[0], psi[1:], seeds=2)
        still = contraction(replace(physics, jumps=physics.jumps[:0]), psi[0], psi[1:], seeds=1)
        assert np.ptp(still.distances, 0) == pytest.approx(0, abs=1e-5)  # nothing dissipates
        assert (np.diff(found.distances, axis=0) <= 1e-5).all()
        assert (found.random_rates > 0).all()
        rho = evolve_states(
            physics.H, physics.jumps, density(psi[0]), np.linspace(0, 3, 9).tolist()
        )
        assert (np.diff(attractor(physics, rho).distance) <= 1e-9).all()
    assert "no finding" in views.distance(open_sample("qj-parity", "pair-6601")).limits


def test_contraction_equals_that_of_exact_states() -> None:
    """Distances between pairs equal QuTiP's, to single precision; the same state is no pair."""
    physics, psi = system(4, 3), kets(3, 4)
    found = contraction(physics, psi[0], torch.cat([psi[1:], psi[:1]]), seeds=1)
    assert found.distances.shape[1] == 2
    ends = [
        qutip.mesolve(
            qutip.Qobj(physics.H.numpy()),
            qutip.ket2dm(qutip.Qobj(ket.numpy())),
            [0, 1.0],
            [qutip.Qobj(L.numpy()) for L in physics.jumps],
            options={"atol": 1e-10, "rtol": 1e-10},
        ).states[-1]
        for ket in psi
    ]
    wanted = [qutip.tracedist(ends[0], end) for end in ends[1:]]
    assert found.distances[-1] == pytest.approx(wanted, abs=1e-5)
    with pytest.raises(InvalidInput, match="a state other than `psi`"):
        contraction(physics, psi[0], psi[:1])


def test_random_generators_have_the_stated_norms() -> None:
    """`the same Hilbert-Schmidt norms of H and of the dissipator`: the norm is that of the superoperator."""
    from qfusion.simulate.steady_state import random_generator

    physics = system(4, 2)
    L = physics.jumps - torch.diagonal(physics.jumps, dim1=-2, dim2=-1).mean(-1)[
        :, None, None
    ] * torch.eye(4)
    S, one = (L.mH @ L).sum(0), torch.eye(4, dtype=L.dtype)
    whole = (
        sum(torch.kron(each, each.conj()) for each in L)
        - (torch.kron(S, one) + torch.kron(one, S.conj())) / 2
    )
    assert dissipator_norm(L) == pytest.approx(float(torch.linalg.norm(whole)), rel=1e-12)
    H, jumps = random_generator(physics.H, L, 5)
    assert dissipator_norm(jumps) == pytest.approx(dissipator_norm(L), rel=1e-9)
    traceless = physics.H - torch.trace(physics.H) / 4 * one
    assert float(torch.linalg.norm(H)) == pytest.approx(
        float(torch.linalg.norm(traceless)), rel=1e-9
    )


def test_readout_at_the_steady_state_is_one_number() -> None:
    """Of a shipped model: late read-outs of all test samples agree, those at T spread as said."""
    study = open_study("qj-parity")
    rows = study.dataset.rows("test")
    settled = evolution.steady_state_of(study, int(rows[0]), LEARNED)
    assert settled.attractor.unique
    with torch.no_grad():
        late = study.model.observables([60 / settled.attractor.gap])[0]
    scores = study.backend.observable_scores(rows, late, study.model.bias)
    assert np.ptp(scores, axis=0).max() < 1e-8
    assert settled.spread[1] == pytest.approx(
        study.scores[rows[: evolution.MOST_SPREAD]].std(0), rel=1e-6
    )


def test_several_steady_states_are_not_described_as_forgetting() -> None:
    """`Every start ends in one steady state` only where the gap is above zero."""
    Z = torch.diag(torch.tensor([1.0, -1.0], dtype=torch.complex128))
    several = attractor(System(Z, Z[None], (2,), ("text",)))
    assert "several steady states" in describe_attractor(several)
    assert "Every initial state" not in describe_attractor(several)
    assert "long run" in describe_attractor(attractor(system(4)))


@pytest.mark.parametrize("seed", range(6))
def test_asymptotic_rate(seed: int) -> None:
    """The gap is what the last of a deviation decays with: of systems above those that are diagonalised, compared with
    all eigenvalues, whether the slowest oscillates or not."""
    physics = system(18, seed, loss=(0.05, 0.3, 1.0)[seed % 3])
    found = attractor(physics)
    values = qutip.liouvillian(
        qutip.Qobj(physics.H.numpy()), [qutip.Qobj(L.numpy()) for L in physics.jumps]
    ).eigenenergies()
    assert found.gap == pytest.approx(np.sort(-values.real)[1], rel=1e-2)
    assert found.residual < 1e-12


def test_the_steady_state_of_the_shipped_large_model() -> None:
    """Residual and rates that stand on the page, at D = 64; samples approach faster within T than the gap says."""
    sample = open_sample("qj-planted", "p1671")
    settled = views.long_time_limit(sample)
    assert settled.attractor.residual < 1e-12
    assert settled.attractor.gap == pytest.approx(0.01027, rel=5e-3)
    distance = settled.attractor.distance
    within_T = math.log(distance[0] / distance[evolution.STEPS]) / float(sample.model.duration)
    assert within_T > 4 * settled.attractor.gap
    lead = views.distance(sample).lead
    assert f"{within_T:.3g} up to T" in lead
