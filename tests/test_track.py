"""Tracking against torch, QuTiP, and analytically solvable dynamics."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import qutip
import torch
from torch import Tensor

from qfusion.errors import InvalidInput
from qfusion.quantum.lindblad import System, evolve_states
from qfusion.quantum.states import density, product
from qfusion.simulate import attractor, ensemble, sample_trajectories, solve, to_frame, track
from qfusion.views.dynamics import describe_attractor

NAMES = ("text", "audio", "vision")
SIZES = [(2, 2, 2), (3, 3, 3), (4, 4, 4)]
TIMES = [0.0, 0.25, 0.5, 0.75, 1.0]
Z, LOWER = torch.diag(torch.tensor([1.0, -1.0])), torch.tensor([[0.0, 1.0], [0.0, 0.0]])


def random_system(
    dims: tuple[int, ...], K: int = 3, seed: int = 0, strength: float = 2.0, loss: float = 0.8
) -> System:
    generator = torch.Generator().manual_seed(seed)
    D = math.prod(dims)
    A = torch.randn(D, D, dtype=torch.complex128, generator=generator)
    L = torch.randn(K, D, D, dtype=torch.complex128, generator=generator)
    H = A + A.mH
    return System(
        strength * H / torch.linalg.matrix_norm(H, 2),
        loss * L / math.sqrt(4 * D),
        dims,
        NAMES[: len(dims)],
        1.0,
    )


def random_ket(dims: tuple[int, ...], seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    kets = [torch.randn(d, dtype=torch.complex128, generator=generator) for d in dims]
    return product([ket / ket.norm() for ket in kets])


def system_of(H: Tensor, jumps: list[Tensor], duration: float = 1.0) -> System:
    D = len(H)
    L = (
        torch.stack(jumps).to(torch.complex128)
        if jumps
        else torch.zeros(0, D, D, dtype=torch.complex128)
    )
    return System(H.to(torch.complex128), L, (D,), ("text",), duration)


def measured_by_qutip(rho: np.ndarray, dims: tuple[int, ...]) -> dict[str, float]:
    """Every measure of one state with QuTiP's functions alone."""
    q = qutip.Qobj(rho, dims=[list(dims)] * 2)
    S = [qutip.entropy_vn(q.ptrace([m])) for m in range(3)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    out = {f"entropy[{NAMES[m]}]": S[m] for m in range(3)} | {"entropy": qutip.entropy_vn(q)}
    out |= {f"entropy[{NAMES[a]}+{NAMES[b]}]": qutip.entropy_vn(q.ptrace([a, b])) for a, b in pairs}
    for m in range(3):
        transposed = qutip.partial_transpose(q, [int(k == m) for k in range(3)])
        out[f"negativity[{NAMES[m]}]"] = math.log2(np.abs(transposed.eigenenergies()).sum())
    out |= {
        f"mutual_information[{NAMES[a]}:{NAMES[b]}]": qutip.entropy_mutual(q.ptrace([a, b]), 0, 1)
        for a, b in pairs
    }
    out["total_correlation"] = sum(S) - out["entropy"]
    return (
        out
        | {f"purity[{NAMES[m]}]": q.ptrace([m]).purity() for m in range(3)}
        | {"purity": q.purity()}
    )


@pytest.mark.parametrize("dims", SIZES)
def test_torch_equals_qutip_in_state_and_measures(dims: tuple[int, ...]) -> None:
    system, psi = random_system(dims), random_ket(dims)
    tracked = track(system, psi, TIMES, rtol=1e-11)
    ours = evolve_states(system.H, system.jumps, density(psi), TIMES)
    assert np.abs(ours.numpy() - tracked.rho).max() < 1e-8
    for at, rho in enumerate(ours.numpy()):
        expected = measured_by_qutip(rho, dims)
        assert list(expected) == list(tracked.measures.columns())
        for key, value in expected.items():
            assert tracked.measures.columns()[key][at] == pytest.approx(value, abs=1e-7), (key, at)


@pytest.mark.parametrize("dims", SIZES)
def test_the_looser_default_agrees_too(dims: tuple[int, ...]) -> None:
    system, psi = random_system(dims), random_ket(dims)
    ours = evolve_states(system.H, system.jumps, density(psi), [1.0])
    assert np.abs(ours.numpy() - solve(system, psi, [0, 1])[-1:]).max() < 1e-8


def test_decay_of_one_qubit() -> None:
    gamma, t = 0.7, np.linspace(0, 3, 7)
    system = system_of(0.5 * Z, [math.sqrt(gamma) * LOWER], 3.0)
    tracked = track(system, torch.tensor([0.6, 0.8], dtype=torch.complex128), t)
    assert tracked.populations[:, 1] == pytest.approx(0.64 * np.exp(-gamma * t), abs=1e-7)
    # The coherence turns with H and decays at half the rate.
    assert tracked.rho[:, 0, 1] == pytest.approx(0.48 * np.exp(-gamma * t / 2 - 1j * t), abs=1e-7)


def test_without_jumps_the_joint_state_stays_pure() -> None:
    system, psi = random_system((2, 3), K=0), random_ket((2, 3))
    tracked = track(system, psi, TIMES, trajectories=2)
    assert tracked.measures.by_part("purity")[()] == pytest.approx(np.ones(5), abs=1e-6)
    assert tracked.ensemble is not None
    assert tracked.ensemble.populations == pytest.approx(tracked.populations, abs=1e-6)
    assert not tracked.ensemble.populations_error.any()
    for key, value in tracked.trajectories[0].measures.columns().items():
        assert value == pytest.approx(tracked.measures.columns()[key], abs=1e-5)


def test_any_times() -> None:
    system, psi = random_system((2, 2)), random_ket((2, 2))
    full = solve(system, psi, [0, 0.25, 0.5])
    assert solve(system, psi, [0.25, 0.5, 0.5]) == pytest.approx(full[[1, 2, 2]], abs=1e-8)
    assert solve(system, psi, [0.0]) == pytest.approx(density(psi).numpy()[None], abs=1e-12)
    runs = sample_trajectories(system, psi, [0.0, 0.0], 2)
    assert runs[0].populations == pytest.approx(
        np.abs(psi.numpy()) ** 2 * np.ones((2, 1)), abs=1e-12
    )


def test_the_table() -> None:
    system, psi = random_system((2, 2, 2)), random_ket((2, 2, 2))
    frame = to_frame(track(system, psi, TIMES))
    assert list(frame)[:5] == ["t", "entropy[text]", "entropy[audio]", "entropy[vision]", "entropy"]
    assert frame["t"].tolist() == TIMES
    assert not frame.isna().any().any()
    assert not any(
        "negativity" in key for key in to_frame(track(system, psi, TIMES, negativity=False))
    )


def test_trajectories_average_to_the_master_equation() -> None:
    system, psi = random_system((2, 2, 2), loss=1.5), random_ket((2, 2, 2))
    times = [0.5, 1.0]
    mean = ensemble(sample_trajectories(system, psi, times, 800, seed=3), 3)
    expected = track(system, psi, times).populations
    assert (np.abs(mean.populations - expected) <= 4 * mean.populations_error).all()
    jumps = np.trapezoid(
        [
            torch.einsum(
                "kba,kbc,tca->tk",
                system.jumps.conj(),
                system.jumps,
                evolve_states(system.H, system.jumps, density(psi), [t]),
            ).real.numpy()[0]
            for t in np.linspace(0, 1, 41)
        ],
        dx=1 / 40,
        axis=0,
    )
    assert mean.jumps == pytest.approx(jumps, abs=4 * math.sqrt(jumps.max() / 800))


def test_trajectory_is_reproducible_and_has_consistent_jumps() -> None:
    system, psi = random_system((4, 4, 4), loss=1.5), random_ket((4, 4, 4))
    few, more = (sample_trajectories(system, psi, TIMES, n, seed=5) for n in (2, 4))
    for one, same in zip(few, more, strict=False):
        assert one.jump_times.tolist() == same.jump_times.tolist()
        assert (one.populations == same.populations).all()
    assert {len(run.jump_times) for run in sample_trajectories(system, psi, TIMES, 4, seed=6)} != {
        0
    }
    for run in more:
        assert list(run.measures.columns()) == [
            "entropy[text]",
            "entropy[audio]",
            "entropy[vision]",
        ]
        assert run.populations.sum(1) == pytest.approx(np.ones(5))
        assert len(run.jump_times) == len(run.jump_operators)
        assert (np.diff(run.jump_times) > 0).all()
        assert set(run.jump_operators) <= {0, 1, 2}
        # Up to the first jump the state follows the deterministic, no-jump evolution.
        quiet = [t for t in TIMES if not len(run.jump_times) or t < run.jump_times[0]]
        G = -1j * system.H - (system.jumps.mH @ system.jumps).sum(0) / 2
        for at, t in enumerate(quiet):
            ket = torch.linalg.matrix_exp(G * t) @ psi
            assert run.populations[at] == pytest.approx(
                (ket.abs() ** 2 / ket.norm() ** 2).numpy(), abs=1e-6
            )


def test_states_at_jumps_equal_qutips() -> None:
    """Just before and after each jump, entropies are those of QuTiP's propagators along the record of the run."""
    dims = (2, 3)
    system, psi = random_system(dims, loss=2.5), random_ket(dims)
    H, *jumps = (
        qutip.Qobj(matrix.numpy(), dims=[[*dims]] * 2) for matrix in (system.H, *system.jumps)
    )
    drift = -1j * H - sum(L.dag() * L for L in jumps) / 2
    runs = sample_trajectories(system, psi, TIMES, 6, seed=1)
    assert max(len(run.jump_times) for run in runs) > 1
    for run in runs:
        ket, clock = qutip.Qobj(psi.numpy(), dims=[[*dims], [1, 1]]), 0.0
        wanted = []
        for when, which in zip(run.jump_times, run.jump_operators, strict=True):
            before = ((drift * (when - clock)).expm() * ket).unit()
            ket, clock = (jumps[which] * before).unit(), when
            wanted.append([qutip.entropy_vn(state.ptrace(0)) for state in (before, ket)])
        # along the record the last state is the solver's own
        last = ((drift * (TIMES[-1] - clock)).expm() * ket).unit()
        assert run.populations[-1] == pytest.approx(np.abs(last.full()[:, 0]) ** 2, abs=1e-5)
        found = zip(
            run.before_jumps.single("entropy")["text"],
            run.after_jumps.single("entropy")["text"],
            strict=True,
        )
        assert np.array([*found]).ravel() == pytest.approx(np.array(wanted).ravel(), abs=1e-9)
        times, _ = run.curve("entropy", "text")
        assert len(times) == len(TIMES) + 2 * len(run.jump_times)
        assert (np.diff(times) >= 0).all()


def test_only_possible_jumps_occur() -> None:
    system = system_of(0 * Z, [0 * Z, math.sqrt(5.0) * LOWER], 4.0)
    for run in sample_trajectories(
        system, torch.tensor([0, 1], dtype=torch.complex128), [0.0, 4.0], 5
    ):
        assert run.jump_operators.tolist() == [1]
        assert run.populations[-1] == pytest.approx([1, 0], abs=1e-8)


@pytest.mark.parametrize("dims", SIZES[:2])
@pytest.mark.parametrize("loss", [0.05, 1.0])
def test_steady_state_equals_qutips(dims: tuple[int, ...], loss: float) -> None:
    system = random_system(dims, loss=loss)
    found = attractor(system)
    reference = qutip.steadystate(
        qutip.Qobj(system.H.numpy()), [qutip.Qobj(L.numpy()) for L in system.jumps]
    )
    assert found.steady == pytest.approx(reference.full(), abs=1e-9)
    assert found.residual < 1e-13
    assert found.unique


@pytest.mark.parametrize(
    ("way", "dims", "loss", "seed"),
    [
        *(
            ("diagonalised", *each)
            for each in (
                ((2, 2, 2), 0.05, 0),
                ((2, 2, 2), 1.0, 2),
                ((3, 3, 2), 0.2, 1),
                ((3, 3, 2), 1.0, 3),
            )
        ),
        ("iterated", (3, 2, 2), 0.2, 1),
        ("iterated", (3, 3, 2), 1.0, 3),
    ],
)
def test_gap_equals_that_of_the_superoperator(
    way: str, dims: tuple[int, ...], loss: float, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "iterated":
        monkeypatch.setattr(sys.modules["qfusion.simulate.steady_state"], "MAX_DENSE", 0)
    system = random_system(dims, loss=loss, seed=seed)
    generator = qutip.liouvillian(
        qutip.Qobj(system.H.numpy()), [qutip.Qobj(L.numpy()) for L in system.jumps]
    )
    rates = np.sort(-generator.eigenenergies().real)
    found = attractor(system)
    assert found.gap == pytest.approx(rates[1], rel=1e-5 if way == "diagonalised" else 5e-3)
    assert abs(found.gap - rates[1]) <= 10 * found.gap_error + 1e-9


def test_attractor_of_a_large_system() -> None:
    """One of a side beyond which the generator is not diagonalised."""
    system = random_system((3, 3, 3), loss=1.0)
    found = attractor(system)
    assert found.residual < 1e-13
    # After many relaxation times every start is there, and the last of the way shrinks at the rate of the gap.
    far = evolve_states(
        system.H, system.jumps, density(random_ket((3, 3, 3))), [10 / found.gap, 11 / found.gap]
    )
    distance = attractor(system, far).distance
    assert distance is not None
    assert distance[1] < 1e-4
    assert math.log(distance[0] / distance[1]) == pytest.approx(1, rel=0.1)


def test_distance_falls_to_zero() -> None:
    system, psi = random_system((2, 2, 2), loss=1.5), random_ket((2, 2, 2))
    found = attractor(system, track(system, psi, [0, 1, 2, 4, 40]).rho)
    assert found.distance is not None
    assert (np.diff(found.distance) < 0).all()  # a channel never tells states apart better
    assert 0 <= found.distance[-1] < 1e-6


def test_attractor_with_a_dark_state_and_a_cycle() -> None:
    decays = attractor(system_of(0.5 * Z, [LOWER]))
    assert decays.steady == pytest.approx(np.diag([1, 0]), abs=1e-10)
    assert decays.gap == pytest.approx(0.5)  # the coherence, at half the rate of the population
    pumped = attractor(system_of(0 * Z, [LOWER, 2 * LOWER.T]))
    assert pumped.steady == pytest.approx(np.diag([0.2, 0.8]), abs=1e-10)


def test_attractor_that_is_not_unique() -> None:
    still = attractor(random_system((2, 2), K=0), np.eye(4)[None] / 4)
    assert still.steady is None
    assert still.distance is None
    assert (still.gap, still.unique) == (0.0, False)
    assert "unitary" in describe_attractor(still)
    dephasing = attractor(system_of(Z, [Z]))
    assert (dephasing.gap, dephasing.unique) == (pytest.approx(0, abs=1e-9), False)
    assert dephasing.residual < 1e-12
    # A jump that is a multiple of the identity does nothing.
    assert attractor(system_of(Z, [torch.eye(2)])).steady is None


KET = torch.tensor([1, 0], dtype=torch.complex128)


@pytest.mark.parametrize(
    ("psi", "times", "message"),
    [
        (KET, [0, 0.5, 0.2], "`times` must be ascending, finite and not negative"),
        (KET, [-1, 0.5], r"`times` must be ascending, finite and not negative, but is \[-1"),
        (KET, [0, math.nan], "`times` must be ascending, finite"),
        (KET, [], r"`times` must be ascending, finite and not negative, but is \[\]"),
        (
            torch.ones(3) / math.sqrt(3),
            [0, 1],
            r"`psi0` must have shape \(2,\), but has shape \(3,\)",
        ),
        (2 * KET, [0, 1], "`psi0` must have norm 1, but has norm 2"),
        (math.nan * KET, [0, 1], "`psi0` must be finite"),
    ],
)
def test_invalid_input_is_refused(psi: Tensor, times: list[float], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        track(system_of(Z, [LOWER]), psi, times)


def test_invalid_times_and_seeds_are_refused() -> None:
    system = system_of(Z, [LOWER])
    with pytest.raises(InvalidInput, match="`times` must be a list of times"):
        track(system, KET, np.zeros((1, 2)))
    with pytest.raises(InvalidInput, match="`trajectories` must be a whole number"):
        track(system, KET, TIMES, trajectories=-1)
    with pytest.raises(InvalidInput, match="`seed` must be a whole number"):
        track(system, KET, TIMES, trajectories=1, seed=-1)
    with pytest.raises(InvalidInput, match="`rtol` must lie between"):
        track(system, KET, TIMES, rtol=0)
    with pytest.raises(InvalidInput, match=r"`rho` must have shape \(nT, 2, 2\)"):
        attractor(system, np.eye(3))
    with pytest.raises(InvalidInput, match="at least two"):
        ensemble(sample_trajectories(system, KET, TIMES, 1))
    with pytest.raises(InvalidInput, match="Hermitian"):
        system_of(LOWER, [LOWER])
    with pytest.raises(InvalidInput, match=r"finite|Hermitian"):
        system_of(math.nan * Z, [LOWER])
