"""Numbers of generators equal those of LiouScope, qthermo, QuTiP and brute force, also of defective generators."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import liouscope
import numpy as np
import pytest
import qthermo
import qutip
import scipy.linalg
import torch
from liouscope.core import lindblad as liouscope_lindblad
from liouscope.diagnostics import mpemba, nonnormality, spectral, transient

from qfusion import cli, simulate
from qfusion.errors import InvalidInput
from qfusion.plugins.generator import (
    crossings,
    entropy_production,
    generator_modes,
    mode_shares,
    nearest_generators,
    non_normality,
    real_generators,
    summary,
    symmetries,
)
from qfusion.plugins.systems import lindblad_systems
from qfusion.quantum import decomposition, lindblad, states
from qfusion.study import opening

NEAR = 1e-8
X, Y, Z = qutip.sigmax().full(), qutip.sigmay().full(), qutip.sigmaz().full()
LOWER = np.array([[0, 0], [1, 0]], complex)  # from the first basis state to the second
Physics = tuple[np.ndarray, np.ndarray]


def random_physics(D: int, K: int, seed: int, strength: float = 1.0) -> Physics:
    """H and L_k with normal entries."""
    rng = np.random.default_rng(seed)
    H = rng.standard_normal((D, D)) + 1j * rng.standard_normal((D, D))
    L = rng.standard_normal((K, D, D)) + 1j * rng.standard_normal((K, D, D))
    return (H + H.conj().T) / 2, strength * L / math.sqrt(D)


def random_state(D: int, seed: int, pure: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((D, 1 if pure else D)) + 1j * rng.standard_normal((D, 1 if pure else D))
    rho = A @ A.conj().T
    return rho / np.trace(rho).real


def defective_physics() -> Physics:
    """Resonance fluorescence at its exceptional point, Omega = gamma / 4: a Jordan block of two at -3 gamma / 4."""
    return 0.125 * X, LOWER[None]


def direct(H: np.ndarray, L: np.ndarray) -> np.ndarray:
    """The generator on row-stacked operators, written out."""
    one = np.eye(len(H))
    out = -1j * (np.kron(H, one) - np.kron(one, H.T))
    for k in L:
        S = k.conj().T @ k
        out += np.kron(k, k.conj()) - np.kron(S, one) / 2 - np.kron(one, S.T) / 2
    return out


GENERATORS: dict[str, Callable[[], Physics]] = {
    "random, D = 2": lambda: random_physics(2, 1, 0),
    "random, D = 3": lambda: random_physics(3, 2, 1),
    "random, D = 4": lambda: random_physics(4, 3, 2, 0.3),
    "strong, D = 3": lambda: random_physics(3, 3, 3, 4.0),
    "defective": defective_physics,
    "degenerate": lambda: (np.zeros((3, 3), complex), np.eye(9, dtype=complex).reshape(9, 3, 3)),
    "unitary": lambda: (random_physics(3, 0, 4)[0], np.zeros((0, 3, 3), complex)),
}


@pytest.fixture(params=list(GENERATORS))
def physics(request: pytest.FixtureRequest) -> Physics:
    return GENERATORS[request.param]()


def test_matrix_on_traceless_operators_acts_as_the_generator(physics: Physics) -> None:
    H, L = physics
    A = real_generators.real_generator(H, L + 0.3 * np.eye(len(H)))  # of any trace
    shifted = L + 0.3 * np.eye(len(H))
    D = len(H)
    difference = random_state(D, 1) - random_state(D, 2)
    v = real_generators.to_coordinates(difference)
    assert np.allclose(real_generators.to_operators(v), difference, atol=1e-14)
    assert v @ v == pytest.approx(np.trace(difference @ difference).real)
    moved = (direct(H, shifted) @ difference.ravel()).reshape(D, D)
    assert np.allclose(real_generators.to_operators(A @ v), moved, atol=1e-12)
    assert A.dtype == float


def test_eigenvalues_are_those_of_qutip_and_liouscope(physics: Physics) -> None:
    H, L = physics
    modes = generator_modes.find_modes(real_generators.real_generator(H, L))
    whole = qutip.liouvillian(qutip.Qobj(H), [qutip.Qobj(k) for k in L])
    expected = liouscope.build_liouvillian(H, list(L))
    assert np.allclose(whole.full(), expected)
    ours = np.append(modes.values, 0.0)
    close = NEAR if not modes.is_defective.any() else 1e-7  # which rounding moves by its root
    for values in (scipy.linalg.eigvals(expected), whole.eigenenergies()):
        distances = np.abs(ours[:, None] - values)
        rows, columns = scipy.optimize.linear_sum_assignment(distances)
        assert distances[rows, columns].max() < close
    if len(L) and not np.allclose(modes.rates[0], 0):
        gap = spectral.liouvillian_gap(scipy.linalg.eigvals(expected), atol=1e-6)
        assert modes.rates[0] == pytest.approx(gap, abs=close)


def test_measures_of_non_normality_equal_liouscope_and_brute_force(physics: Physics) -> None:
    H, L = physics
    A = real_generators.real_generator(H, L)
    form = non_normality.schur_form(A)
    assert form.departure == pytest.approx(nonnormality.henrici_eta_n(A), abs=NEAR)
    squares = (A**2).sum() - (np.abs(form.values) ** 2).sum()
    assert form.departure**2 == pytest.approx(squares, abs=1e-7 * (1 + (A**2).sum()))
    assert non_normality.numerical_abscissa(A) == pytest.approx(
        transient.numerical_abscissa(A), abs=NEAR
    )
    times = [0.0, 0.1, 0.7, 2.0, 5.0]
    norms = non_normality.propagator_norms(H, L, times)
    brute = [np.linalg.norm(scipy.linalg.expm(t * A), 2) for t in times]
    assert np.abs(norms - brute).max() < NEAR
    assert norms.max() == pytest.approx(
        transient.trans_amplitude_ratio(A, t_grid=np.array(times)), abs=NEAR
    )
    for z in (0.3 + 0.2j, 1.0, 0.01 + 1j):
        inverse = np.linalg.inv(z * np.eye(len(A)) - A)
        assert form.resolvent_norm(z) == pytest.approx(np.linalg.norm(inverse, 2), rel=NEAR)


def test_measures_of_whole_generators_equal_liouscope(physics: Physics) -> None:
    """Complex, with the zero eigenvalue, in the other convention of stacking."""
    H, L = physics
    whole = liouscope.build_liouvillian(H, list(L))
    form = non_normality.schur_form(whole)
    assert form.departure == pytest.approx(nonnormality.henrici_eta_n(whole), abs=NEAR)
    assert non_normality.numerical_abscissa(whole) == pytest.approx(
        transient.numerical_abscissa(whole), abs=NEAR
    )


@pytest.mark.parametrize("name", ["random, D = 2", "random, D = 3", "defective", "strong, D = 3"])
def test_kreiss_constant_is_at_least_liouscopes_and_bounds_growth(name: str) -> None:
    H, L = GENERATORS[name]()
    A = real_generators.real_generator(H, L)
    form = non_normality.schur_form(A)
    top = float(form.values.real.max())
    sigmas = np.geomspace(1e-3, max(1.0, abs(form.values.real.min()) + 1), 6)
    reach = max(1.0, np.abs(form.values.imag).max() + 1)
    grid = non_normality.pseudospectrum(form, sigmas + top, np.linspace(-reach, reach, 7))
    theirs = nonnormality.kreiss_constant(A, n_sigma=6, n_omega=7)
    is_right = sigmas + top > 0  # of the imaginary axis, where theirs looks
    assert (sigmas * grid)[:, is_right].max() == pytest.approx(theirs, rel=NEAR)
    ours = non_normality.kreiss_constant(form, real_steps=20, imag_steps=13)
    times = np.linspace(0, 20, 400)
    growth = max(np.linalg.norm(scipy.linalg.expm(t * A), 2) for t in times)
    assert 1 <= ours.constant <= growth + 1e-9
    assert growth <= ours.upper
    brute = max(
        s * form.resolvent_norm(complex(s, y))
        for s in np.geomspace(1e-3, 30, 40)
        for y in np.linspace(0, reach, 25)
    )
    assert ours.constant >= brute * (1 - 1e-3)


def test_condition_numbers_equal_liouscopes_petermann_factors() -> None:
    for seed in range(6):
        A = real_generators.real_generator(*random_physics(3, 2, seed))
        modes = generator_modes.find_modes(A)
        values, factors = nonnormality.petermann_factors(A)
        for value, condition in zip(modes.values, modes.condition, strict=True):
            place = np.abs(values - value).argmin()
            assert condition**2 == pytest.approx(factors[place], rel=NEAR)
        assert np.allclose(modes.left.conj().T @ modes.right, np.eye(len(A)), atol=1e-9)
        rebuilt = modes.right @ np.diag(modes.values) @ modes.left.conj().T
        assert np.allclose(rebuilt, A, atol=1e-9)


def test_a_defective_eigenvalue_has_an_infinite_condition_number() -> None:
    H, L = defective_physics()
    A = real_generators.real_generator(H, L)
    modes = generator_modes.find_modes(A)
    assert modes.is_defective.sum() == 2
    assert modes.values[modes.is_defective] == pytest.approx(-0.75, abs=1e-12)
    assert modes.condition[~modes.is_defective] == pytest.approx(1.0)
    # the projector on the block is still exact, and commutes
    P = np.stack([modes.project(e, modes.is_defective) for e in np.eye(3)], axis=1)
    assert np.allclose(P @ P, P, atol=1e-12)
    assert np.allclose(P @ A, A @ P, atol=1e-12)
    assert np.trace(P) == pytest.approx(2)
    # beside the exceptional point it is finite, and large
    beside = generator_modes.find_modes(real_generators.real_generator(H * (1 + 1e-4), L))
    assert np.isfinite(beside.condition).all()
    assert beside.condition.max() > 30


@pytest.mark.parametrize("size", [2, 3, 4])
def test_jordan_blocks_are_defective_and_equal_eigenvalues_are_not(size: int) -> None:
    rng = np.random.default_rng(size)
    Q = np.linalg.qr(rng.standard_normal((size + 3, size + 3)))[0]
    jordan = np.diag([-1.0] * size + [-2.0, -3.0, -4.0]) + np.diag(
        [0.7] * (size - 1) + [0.0] * 3, 1
    )
    modes = generator_modes.find_modes(Q @ jordan @ Q.T)
    assert modes.is_defective.sum() == size
    assert modes.values[modes.is_defective] == pytest.approx(-1.0, abs=1e-6)
    diagonal = np.diag([-1.0] * size + [-2.0, -3.0, -4.0])
    S = np.eye(size + 3) + 0.4 * rng.standard_normal((size + 3, size + 3)) / math.sqrt(size + 3)
    modes = generator_modes.find_modes(S @ diagonal @ np.linalg.inv(S))
    assert not modes.is_defective.any()
    projector = S[:, :size] @ np.linalg.inv(S)[:size]
    assert modes.condition[0] == pytest.approx(np.linalg.norm(projector, 2), rel=NEAR)
    with pytest.raises(InvalidInput, match="all or none of equal eigenvalues"):
        modes.project(np.eye(size + 3)[0], np.arange(size + 3) == 0)


def test_overlap_with_the_slowest_mode_equals_liouscopes() -> None:
    H, L = random_physics(3, 2, 7)
    rho, whole = random_state(3, 8), liouscope.build_liouvillian(H, list(L))
    steady = liouscope_lindblad.steady_state(whole)
    modes = generator_modes.find_modes(real_generators.real_generator(H, L))
    c = modes.overlaps(real_generators.to_coordinates(rho - steady))[0]
    # on all operators the left vector has a part along the identity, by which it is zero on the steady state
    left = modes.left[:, 0]
    identity = -(left.conj() @ real_generators.to_coordinates(steady)) * math.sqrt(3)
    size = math.sqrt(np.linalg.norm(left) ** 2 + abs(identity) ** 2)
    assert abs(c) / size == pytest.approx(mpemba.overlap_c1(whole, rho), abs=NEAR)


def test_numerical_range_contains_eigenvalues_and_touches_the_abscissa() -> None:
    A = real_generators.real_generator(*random_physics(3, 2, 9))
    boundary = non_normality.numerical_range(A, 90)
    assert boundary.real.max() == pytest.approx(non_normality.numerical_abscissa(A))
    for angle in np.linspace(0, 2 * np.pi, 90, endpoint=False):
        direction = np.exp(-1j * angle)
        furthest = (direction * np.linalg.eigvals(A)).real.max()
        assert furthest <= (direction * boundary).real.max() + 1e-9


def test_stability_radius_is_the_gap_of_normal_matrices_and_less_of_others() -> None:
    normal = non_normality.schur_form(np.diag([-0.4, -1.0, -2.0]))
    assert non_normality.stability_radius(normal) == pytest.approx(0.4)
    A = real_generators.real_generator(*random_physics(3, 2, 10))
    form = non_normality.schur_form(A)
    gap = -form.values.real.max()
    brute = min(
        np.linalg.svd(1j * y * np.eye(len(A)) - A, compute_uv=False)[-1]
        for y in np.linspace(-6, 6, 4001)
    )
    radius = non_normality.stability_radius(form)
    assert radius == pytest.approx(brute, rel=1e-3)
    assert radius < gap


def test_large_matrices_use_iteration_and_give_the_same() -> None:
    rng = np.random.default_rng(11)
    A = rng.standard_normal((450, 450)) / 20 - 2 * np.eye(450)
    form = non_normality.schur_form(A)
    z = 0.1 + 0.3j
    inverse = np.linalg.inv(z * np.eye(450) - A)
    assert form.resolvent_norm(z) == pytest.approx(np.linalg.norm(inverse, 2), rel=1e-8)
    expected = np.linalg.eigvalsh((A + A.T) / 2)[-1]
    assert non_normality.numerical_abscissa(A) == pytest.approx(expected, abs=1e-9)
    H, L = random_physics(8, 2, 12)
    matrix = real_generators.real_generator(H, L)
    norm = np.linalg.norm(scipy.linalg.expm(0.4 * matrix), 2)
    assert non_normality.propagator_norms(H, L, [0.4])[0] == pytest.approx(norm, abs=NEAR)


@pytest.mark.parametrize("norm", mode_shares.NORMS)
@pytest.mark.parametrize("name", ["random, D = 3", "random, D = 4", "defective"])
def test_shares_of_modes_add_up_and_their_rates_are_the_measured_one(name: str, norm: str) -> None:
    H, L = GENERATORS[name]()
    D = len(H)
    system = lindblad.System(torch.from_numpy(H), torch.from_numpy(L), (D,), ("a",), 1.0)
    A = real_generators.real_generator(H, L)
    modes = generator_modes.find_modes(A)
    steady = qutip.steadystate(qutip.Qobj(H), [qutip.Qobj(k) for k in L]).full()
    differences = np.stack([random_state(D, seed, pure=seed < 2) - steady for seed in range(4)])
    bands = mode_shares.rate_bands(modes, (1.5, 3.0))
    result = mode_shares.split_rates(system, modes, bands, differences, np.linspace(0, 1, 5), norm)
    assert np.abs(result.shares.sum(-1) - 1).max() < 1e-9
    later = (scipy.linalg.expm(direct(H, L)) @ differences.reshape(4, -1).T).T.reshape(4, D, D)
    order = "nuc" if norm == "trace" else "fro"
    ends = [np.linalg.norm(X, order) for X in later]
    assert np.abs(result.distances[:, -1] - ends).max() < 1e-9
    starts = [np.linalg.norm(X, order) for X in differences]
    assert np.allclose(result.total, -np.log(np.array(ends) / starts))
    assert result.error.max() < (5e-3 if norm == "trace" else 1e-9)
    if len(bands) > 1:  # each band by itself, with a matrix exponential
        part = modes.project(real_generators.to_coordinates(differences).T, bands[1].chosen)
        moved = real_generators.to_operators((scipy.linalg.expm(A) @ part).T)
        dual = (
            [_sign(X) for X in later] if norm == "trace" else [X / np.linalg.norm(X) for X in later]
        )
        brute = [np.trace(S @ X).real / size for S, X, size in zip(dual, moved, ends, strict=True)]
        assert np.abs(result.shares[:, -1, 1] - brute).max() < 1e-8


def _sign(X: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(X)
    return (vectors * np.sign(values)) @ vectors.conj().T


def test_orthogonal_modes_explain_the_rate_of_a_normal_generator() -> None:
    H, L = 0.3 * Z, 0.5 * Z[None]  # dephasing about the axis of H is normal
    system = lindblad.System(torch.from_numpy(H), torch.from_numpy(L), (2,), ("a",), 1.0)
    modes = generator_modes.find_modes(real_generators.real_generator(H, L))
    difference = (random_state(2, 1) - random_state(2, 2))[None]
    bands = mode_shares.rate_bands(modes, (2.0,))
    measured = mode_shares.split_rates(
        system, modes, bands, difference, [0, 1], "hilbert-schmidt"
    ).total
    vectors = real_generators.to_coordinates(difference).T
    assert mode_shares.orthogonal_rate(modes, vectors, 1.0) == pytest.approx(measured)


def test_the_slowest_mode_dominates_from_the_time_that_is_named() -> None:
    H, L = random_physics(3, 2, 13, 0.5)
    A = real_generators.real_generator(H, L)
    modes = generator_modes.find_modes(A)
    x = real_generators.to_coordinates(random_state(3, 1) - random_state(3, 2))
    at = mode_shares.dominance_time(modes, x[:, None])[0]
    assert 0 < at < np.inf
    slow = modes.project(x, mode_shares.slowest_modes(modes))
    for t in (at, 2 * at):
        whole, own = (np.linalg.norm(scipy.linalg.expm(t * A) @ v) for v in (x, slow))
        rest = np.linalg.norm(scipy.linalg.expm(t * A) @ (x - slow))
        assert own >= rest * (1 - 1e-5)
        assert whole > 0
    without = (x - slow)[:, None]
    assert mode_shares.dominance_time(modes, without)[0] > 10 * at


def test_crossings_are_pairs_whose_order_is_reversed() -> None:
    distances = np.array([[1.0, 0.6, 0.1], [0.9, 0.5, 0.2], [0.5, 0.4, 0.3]])
    assert crossings.find_crossings(distances) == (
        crossings.Crossing(0, 1, 2),
        crossings.Crossing(0, 2, 2),
        crossings.Crossing(1, 2, 2),
    )
    assert crossings.find_crossings(np.ones((3, 2))) == ()
    with pytest.raises(InvalidInput, match="several times"):
        crossings.find_crossings(np.ones((3, 1)))
    with pytest.raises(InvalidInput, match="must not be negative"):
        crossings.find_crossings(-np.ones((3, 2)))


def test_entropy_production_is_never_negative() -> None:
    lowest = 0.0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        D = int(rng.integers(2, 6))
        H, L = random_physics(D, int(rng.integers(1, 4)), seed, float(rng.choice([0.2, 1.0, 3.0])))
        system = lindblad.System(torch.from_numpy(H), torch.from_numpy(L), (D,), ("a",))
        steady = simulate.attractor(system).steady
        assert steady is not None
        if entropy_production.lacks_full_rank(steady):
            continue
        rho = random_state(D, seed, pure=bool(seed % 2))
        times = [0, 1e-9, 1e-6, 1e-3, 0.1, 0.5, 1, 3, 10, 30]
        result = entropy_production.entropy_production(H, L, rho, steady, times)
        lowest = min(lowest, result.rates.min(), np.diff(result.produced).min())
    assert lowest >= -1e-12


def test_entropy_production_is_the_slope_of_qutips_relative_entropy() -> None:
    H, L = random_physics(3, 2, 20)
    steady = qutip.steadystate(qutip.Qobj(H), [qutip.Qobj(k) for k in L])
    times = [0.0, 0.3, 0.3 + 1e-5, 0.8, 0.8 + 1e-5]
    rho = random_state(3, 21, pure=True)
    result = entropy_production.entropy_production(H, L, rho, steady.full(), times)
    evolved = lindblad.evolve_states(
        torch.from_numpy(H), torch.from_numpy(L), torch.from_numpy(rho), times
    ).numpy()
    for place, state in enumerate(evolved):
        state = (state + state.conj().T) / 2
        theirs = qutip.entropy_relative(qutip.Qobj(state), steady)
        assert result.relative[0, place] == pytest.approx(theirs, abs=NEAR)
    for place in (1, 3):
        slope = (result.relative[0, place] - result.relative[0, place + 1]) / 1e-5
        middle = result.rates[0, place : place + 2].mean()
        assert slope == pytest.approx(middle, rel=1e-5)
    assert result.rates[0, 0] == np.inf  # of a pure state
    assert result.total[0] == pytest.approx(result.relative[0, 0] - result.relative[0, -1])


def test_entropy_production_of_a_thermal_qubit_is_qthermos() -> None:
    temperature, gamma, H = 0.7, 0.4, 0.5 * Z
    ratio = math.exp(-1 / temperature)  # of the rates up and down, over an energy of 1
    L = np.stack([math.sqrt(gamma) * LOWER, math.sqrt(gamma * ratio) * LOWER.conj().T])
    thermal = qthermo.thermal_state(H, temperature)
    for pure in (True, False):
        rho, times = random_state(2, 30, pure), [0.0, 0.5, 2.0]
        result = entropy_production.entropy_production(H, L, rho, thermal, times)
        end = lindblad.evolve_states(
            torch.from_numpy(H), torch.from_numpy(L), torch.from_numpy(rho), times
        )[-1].numpy()
        heat = np.trace(H @ (end - rho)).real
        theirs = qthermo.entropy_production(rho, end, heat, temperature)
        assert result.total[0] == pytest.approx(theirs, abs=NEAR)
    assert thermal == pytest.approx(
        qutip.steadystate(qutip.Qobj(H), [qutip.Qobj(k) for k in L]).full(), abs=1e-9
    )


def test_entropy_production_needs_a_steady_state_of_full_rank() -> None:
    H, L = 0.1 * Z, LOWER[None]  # everything ends in one pure state
    rho = random_state(2, 31)
    dark = np.diag([0, 1]).astype(complex)
    assert "lacks full rank" in entropy_production.lacks_full_rank(dark)
    with pytest.raises(InvalidInput, match="lacks full rank"):
        entropy_production.entropy_production(H, L, rho, dark, [0, 1])
    with pytest.raises(InvalidInput, match="must be stationary"):
        entropy_production.entropy_production(H, L, rho, np.eye(2) / 2, [0, 1])
    with pytest.raises(InvalidInput, match="must have trace 1"):
        entropy_production.entropy_production(H, L, 2 * rho, np.eye(2) / 2, [0, 1])


def test_symmetries_of_blocks_copies_and_nothing() -> None:
    rng = np.random.default_rng(40)
    U = np.linalg.qr(rng.standard_normal((5, 5)) + 1j * rng.standard_normal((5, 5)))[0]
    (H1, L1), (H2, L2) = random_physics(3, 2, 41), random_physics(2, 2, 42)
    H = U @ scipy.linalg.block_diag(H1, H2) @ U.conj().T
    L = np.stack(
        [U @ scipy.linalg.block_diag(a, b) @ U.conj().T for a, b in zip(L1, L2, strict=True)]
    )
    blocks = symmetries.strong_symmetries(H, L)
    assert blocks.count == 1
    assert blocks.residual < 1e-12
    projector = U[:, :3] @ U[:, :3].conj().T
    inside = np.einsum("sab,ba->s", blocks.operators, projector).real
    assert (inside**2).sum() == pytest.approx(3)  # the projector on a block lies in their span

    H1, L1 = random_physics(3, 2, 43)
    copies = symmetries.strong_symmetries(np.kron(H1, np.eye(2)), np.kron(L1, np.eye(2)))
    assert copies.count == 3  # all operators of the idle qubit
    assert symmetries.strong_symmetries(*random_physics(6, 1, 44)).count == 0
    assert symmetries.strong_symmetries(*GENERATORS["unitary"]()).count == 2
    nothing = np.zeros((3, 3), complex), np.zeros((0, 3, 3), complex)
    assert symmetries.strong_symmetries(*nothing).count == 8


@pytest.mark.parametrize("name", ["random, D = 3", "unitary", "degenerate", "defective"])
def test_conserved_quantities_have_constant_means(name: str) -> None:
    H, L = GENERATORS[name]()
    modes = generator_modes.find_modes(real_generators.real_generator(H, L))
    result = symmetries.conserved_quantities(H, L, modes)
    kernel = scipy.linalg.null_space(direct(H, L).conj().T, rcond=1e-9).shape[1]
    assert result.count == kernel - 1
    assert result.residual < 1e-10
    gram = np.einsum("iab,jba->ij", result.operators, result.operators).real
    assert np.allclose(gram, np.eye(kernel), atol=1e-10)
    assert symmetries.strong_symmetries(H, L).count <= result.count


def test_dephasing_keeps_populations_and_they_are_a_strong_symmetry() -> None:
    H, L = 0.4 * Z, 0.3 * Z[None]
    modes = generator_modes.find_modes(real_generators.real_generator(H, L))
    assert symmetries.conserved_quantities(H, L, modes).count == 1
    assert symmetries.strong_symmetries(H, L).count == 1
    # a weak symmetry alone: two ways down from one level conserve nothing that commutes with both
    swap = np.array([[0, 1], [1, 0]], complex)
    assert symmetries.strong_symmetries(0 * swap, np.stack([X, Z])).count == 0


@pytest.mark.parametrize("dims", [(2, 2), (2, 3), (3, 2, 2)])
def test_nearest_generators_are_nearest(dims: tuple[int, ...]) -> None:
    D = math.prod(dims)
    H, L = random_physics(D, 3, D)
    whole = direct(H, L)
    hamiltonian = nearest_generators.nearest_hamiltonian(H, L)
    local = nearest_generators.nearest_local(H, L, dims)
    for one in (hamiltonian, local):
        brute = np.linalg.norm(whole - direct(one.H, one.jumps))
        assert one.distance == pytest.approx(brute, rel=1e-9)
        assert one.norm == pytest.approx(np.linalg.norm(whole))
        assert one.norm == pytest.approx(nearest_generators.generator_norm(H, L))
    rng = np.random.default_rng(0)
    for _ in range(40):
        other = local.jumps * (1 + 0.02 * rng.standard_normal(len(local.jumps)))[:, None, None]
        assert np.linalg.norm(whole - direct(local.H, other)) >= local.distance - 1e-9
        H_random = random_physics(D, 0, int(rng.integers(10**6)))[0]
        moved = np.linalg.norm(whole - direct(hamiltonian.H + 0.01 * H_random, L[:0]))
        assert moved >= hamiltonian.distance - 1e-9
    # the local one is a sum over modalities: every jump operator acts on one of them
    parts = [
        decomposition.decompose(torch.from_numpy(local.jumps), dims)[(m,)] for m in range(len(dims))
    ]
    own = torch.stack([part.abs().amax((1, 2)) > 1e-9 for part in parts]).sum(0)
    assert bool((own <= 1).all())
    assert np.allclose(sum(part.numpy() for part in parts), local.jumps, atol=1e-12)


def test_nearest_local_of_a_local_generator_is_itself() -> None:
    (H1, L1), (H2, L2) = random_physics(2, 1, 50), random_physics(3, 2, 51)
    H = np.kron(H1, np.eye(3)) + np.kron(np.eye(2), H2)
    L = np.concatenate([[np.kron(k, np.eye(3)) for k in L1], [np.kron(np.eye(2), k) for k in L2]])
    local = nearest_generators.nearest_local(H, L, (2, 3))
    assert local.relative < 1e-7
    assert np.allclose(direct(local.H, local.jumps), direct(H, L), atol=1e-6)
    # the same in another gauge
    mixed = scipy.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    gauged = np.einsum("kl,lab->kab", mixed, L)
    other = nearest_generators.nearest_local(H, gauged, (2, 3))
    assert other.relative < 1e-7


def test_fewest_jump_operators() -> None:
    _, L = random_physics(4, 2, 60)
    traceless = L - np.trace(L, axis1=1, axis2=2)[:, None, None] / 4 * np.eye(4)
    redundant = np.concatenate([L, 2 * L[:1] + 0.5 * np.eye(4), 3 * np.eye(4)[None]])
    ranks = nearest_generators.jump_ranks(redundant)
    assert len(ranks.rates) == 4
    assert ranks.needed == 2
    assert ranks.shares[1] == pytest.approx(1)
    total = (np.abs(traceless) ** 2).sum() + 4 * (np.abs(traceless[0]) ** 2).sum()
    assert ranks.rates.sum() == pytest.approx(total)
    assert nearest_generators.jump_ranks(np.eye(3)[None] + 0j).needed == 0
    assert nearest_generators.jump_ranks(np.zeros((0, 3, 3), complex)).needed == 0


def test_bad_input_is_named() -> None:
    one = np.zeros((1, 1), complex), np.zeros((0, 1, 1), complex)
    with pytest.raises(InvalidInput, match=r"dimension 2 to 64.*but the dimension is 1"):
        real_generators.real_generator(*one)
    with pytest.raises(InvalidInput, match="must have side 2 at least"):
        non_normality.propagator_norms(*one, [1.0])
    big = np.zeros((512, 512), complex), np.zeros((0, 512, 512), complex)
    with pytest.raises(InvalidInput, match=r"dimension 2 to 64.*but the dimension is 512"):
        real_generators.real_generator(*big)
    with pytest.raises(InvalidInput, match="must have shape"):
        generator_modes.find_modes(np.zeros((2, 3)))
    with pytest.raises(InvalidInput, match="`A`"):
        generator_modes.find_modes(np.full((2, 2), np.nan))
    with pytest.raises(InvalidInput, match="must be Hermitian"):
        real_generators.to_coordinates(np.array([[0, 1], [0, 0]]))
    with pytest.raises(InvalidInput, match=r"D\^2 - 1 coordinates"):
        real_generators.to_operators(np.zeros(5))
    with pytest.raises(InvalidInput, match="positive real part"):
        non_normality.kreiss_constant(non_normality.schur_form(np.eye(2)))


def test_structure_of_a_system_of_dimension_512_is_found() -> None:
    rng = np.random.default_rng(70)
    H = np.diag(rng.standard_normal(512)).astype(complex)
    L = np.zeros((1, 512, 512), complex)
    L[0, 0, 2] = 1.0
    nearest = nearest_generators.nearest_hamiltonian(H, L)
    assert nearest.distance == pytest.approx(nearest_generators.generator_norm(np.zeros_like(H), L))
    assert nearest_generators.jump_ranks(L).needed == 1
    with pytest.raises(
        InvalidInput, match="at most 64 strong symmetries to hold them, but has 511"
    ):
        symmetries.strong_symmetries(H, L)
    assert symmetries.strong_symmetries(random_physics(512, 0, 71)[0], L).count == 0


# Inputs at which a first version failed


def depolarizing(D: int, rate: float) -> Physics:
    """All differences of states decay at one rate, at different frequencies."""
    units = np.eye(D * D, dtype=complex).reshape(D * D, D, D)
    return np.diag(7.0 * rate * np.arange(D)) + 0j, math.sqrt(rate / D) * units


@pytest.mark.parametrize("rate", [1 / 3, 0.1, 1e-6, 1e-10])
def test_bands_hold_every_mode_in_any_unit_of_time(rate: float) -> None:
    modes = generator_modes.find_modes(real_generators.real_generator(*depolarizing(3, rate)))
    (band,) = mode_shares.rate_bands(modes, (2.0, 5.0))
    assert band.count == 8  # all of them are the slowest, whatever their frequency
    H, L = random_physics(3, 2, 80)
    counts = [
        [band.count for band in mode_shares.rate_bands(generator_modes.find_modes(A), (2.0, 5.0))]
        for A in (
            real_generators.real_generator(H, L),
            real_generators.real_generator(rate * H, math.sqrt(rate) * L),
        )
    ]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("D", [3, 5, 6, 7])
def test_multiples_of_the_identity_do_nothing(D: int) -> None:
    turn = np.linalg.qr(random_physics(D, 0, 81)[0])[0]
    one = turn @ turn.conj().T
    assert nearest_generators.jump_ranks((0.3 + 0.7j) * one[None]).needed == 0
    assert not real_generators.real_generator(3 * one, 0.7 * one[None]).any()
    assert symmetries.strong_symmetries(3 * one, 0.7 * one[None]).count == D**2 - 1


def test_generators_without_dissipation_have_all_numbers() -> None:
    for H in (np.zeros((2, 2), complex), random_physics(21, 0, 82)[0]):
        study = lindblad_systems.open_system(H, T=1.0, dims=(len(H),), name="unitary")
        spectrum = summary.describe_spectrum(study)
        assert spectrum.kreiss == 1
        assert spectrum.gap == 0  # not a rounding error that decays
        assert spectrum.conserved == spectrum.symmetries > 0


def test_distances_below_rounding_are_not_measured() -> None:
    H, L = Z, np.stack([LOWER, 0.5 * LOWER.T])
    study = lindblad_systems.open_system(H, L, T=1000.0, dims=(2,), name="damped")
    shares = summary.share_modes(study)
    assert shares.is_cut
    assert shares.duration < 20
    assert shares.rate == pytest.approx(1.25, rel=1e-6)  # of populations, not ln(10^16) / 1000
    assert np.isfinite(shares.parts).all()
    modes = summary.find_modes(study)
    with pytest.raises(InvalidInput, match="only rounding is left"):
        mode_shares.split_rates(
            study.model.system(), modes, mode_shares.rate_bands(modes, (2.0,)), Z[None], [0, 1000.0]
        )


def test_samples_in_the_steady_state_have_no_distance() -> None:
    study = lindblad_systems.open_system(Z, LOWER[None], T=1.0, dims=(2,), name="decay")
    assert summary.share_modes(study).samples == 1
    with pytest.raises(InvalidInput, match="start in the steady state"):
        summary.share_modes_of(study, np.array([1]))


def test_modes_that_do_not_add_up_are_refused() -> None:
    lower = np.diag(np.sqrt(np.arange(1, 16)), 1).astype(complex)
    H, L = lower.conj().T @ lower, lower[None]
    modes = generator_modes.find_modes(real_generators.real_generator(H, L))
    ends = np.zeros((1, 16, 16), complex)
    ends[0, -1, -1], ends[0, 0, 0] = 1, -1
    system = lindblad.System(torch.as_tensor(H), torch.as_tensor(L), (16,), ("light",))
    with pytest.raises(InvalidInput, match="too far from normal to divide distances"):
        mode_shares.split_rates(system, modes, mode_shares.rate_bands(modes, (2.0,)), ends, [0, 1])


@pytest.mark.parametrize("turn", range(4))
def test_entropy_production_of_a_dark_state_is_finite(turn: int) -> None:
    """No jump leaves it, so that the flow into empty states is zero, up to rounding."""
    U = np.linalg.qr(random_physics(2, 0, turn)[0])[0] if turn else np.eye(2)
    H, L, dark = (U @ M @ U.conj().T for M in (0.5 * X, LOWER, np.diag([0.0, 1.0])))
    steady = qutip.steadystate(qutip.Qobj(H), [qutip.Qobj(L)]).full()
    made = entropy_production.entropy_production(H, L[None], dark, steady, [0, 1e-6, 1e-4, 1e-2])
    slope = -np.diff(made.relative[0, 2:]) / (1e-2 - 1e-4)
    assert made.rates[0, :3] == pytest.approx([0.8608] * 3, abs=1e-3)
    assert slope == pytest.approx(made.rates[0, 2:].mean(), rel=1e-2)
    bright = np.eye(2) - dark
    made = entropy_production.entropy_production(H, L[None], bright, steady, [0, 1])
    assert np.isinf(made.rates[0, 0])


def test_a_mode_without_overlap_never_dominates() -> None:
    study = lindblad_systems.open_system(*defective_physics(), T=2.0, dims=(2,), name="point")
    assert summary.share_modes(study).dominance == -1
    modes = generator_modes.find_modes(np.diag([-1.0, -2.0, -3.0]))
    assert np.isinf(mode_shares.dominance_time(modes, np.array([[1e-17], [1.0], [0.0]])))[0]


def test_dominance_holds_for_turning_pairs_and_equal_eigenvalues() -> None:
    """The pair is elliptic, so that its part is small at times."""
    A = np.zeros((5, 5))
    A[:2, :2] = [[-1.0, 9.0], [-1.0, -1.0]]
    A[2:, 2:] = np.diag([-2.0, -2.0, -5.0])
    Q = np.random.default_rng(83).standard_normal((5, 5))
    A = Q @ A @ np.linalg.inv(Q)
    modes = generator_modes.find_modes(A)
    slowest = mode_shares.slowest_modes(modes)
    vectors = np.random.default_rng(84).standard_normal((5, 4))
    for p, start in enumerate(mode_shares.dominance_time(modes, vectors)):
        own = modes.project(vectors, slowest)[:, p]
        for t in start * (1 + 1e-6) + np.linspace(0, 8, 400):
            step = scipy.linalg.expm(t * A)
            assert (
                np.linalg.norm(step @ own) >= np.linalg.norm(step @ (vectors[:, p] - own)) * 0.999
            )


def test_many_equal_eigenvalues_take_one_schur_form() -> None:
    """Four equal qubits have 34 eigenvalues, of up to 24 modes; it took a Schur form for each."""
    one = [np.eye(2**k) for k in range(5)]
    H = sum(np.kron(np.kron(one[k], 0.2 * X + 0.5 * Z), one[3 - k]) for k in range(4))
    L = np.stack([np.kron(np.kron(one[k], LOWER), one[3 - k]) for k in range(4)])
    A = real_generators.real_generator(H, L)
    modes = generator_modes.find_modes(A)
    assert len(set(modes.groups)) == 34
    assert not modes.is_defective.any()
    some = modes.groups == np.bincount(modes.groups).argmax()
    projector = modes.project(np.eye(len(A)), some)
    assert np.abs(projector @ projector - projector).max() < 1e-9
    assert np.abs(A @ projector - projector @ A).max() < 1e-9


def test_the_drawn_numerical_range_contains_all_eigenvalues() -> None:
    """The boundary points of a normal generator miss corners."""
    turn = np.linalg.qr(random_physics(4, 0, 85)[0])[0]
    H, L = (turn @ np.diag(d) @ turn.conj().T for d in ([0, 1, 2.5, 4], [1, 0.3, -0.2, 2.0]))
    study = lindblad_systems.open_system(H, L[None], T=1.0, dims=(2, 2), name="dephasing")
    spectrum = summary.describe_spectrum(study)
    corners = spectrum.range_real + 1j * spectrum.range_imag
    sides = np.roll(corners, -1) - corners
    for value in spectrum.real + 1j * spectrum.imag:
        assert ((sides.conj() * (value - corners)).imag >= -1e-5 * np.abs(corners).max() ** 2).all()
    assert spectrum.gap == 0
    assert spectrum.conserved == spectrum.symmetries == 3


def test_shares_are_measured_at_the_end_of_the_evolution() -> None:
    study = opening.open_study("qj-parity")
    shares = summary.share_modes(study)
    place = int(np.flatnonzero(np.isclose(shares.times, shares.duration))[0])
    assert shares.shares_at_end == pytest.approx(shares.shares[place])


def test_a_system_too_large_for_modes_is_explained_without(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    H, L = random_physics(66, 2, 86, 0.1)
    study = lindblad_systems.open_system(H / 10, L, T=1.0, dims=(6, 11), name="large")
    monkeypatch.setattr("qfusion.study.open_study", lambda *_: study)
    with pytest.raises(SystemExit) as ended:
        cli.main(["generator", "--model", "large", "--json"])
    assert not ended.value.code
    record = json.loads(capsys.readouterr().out)
    assert record["spectrum"] is None
    assert "2 to 64" in record["says"][0]
    assert record["strong_symmetries"] == 0
    assert record["jump_operators"]["needed"] == 2
    assert record["generators"][1]["distance"] > 0


# Studies


def test_the_gap_of_a_shipped_model_and_its_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["generator", "--model", "qj-parity", "--sample", "pair-6601", "--json"])
    assert not ended.value.code
    record = json.loads(capsys.readouterr().out)
    study = opening.open_study("qj-parity")
    attractor = simulate.attractor(study.model.system())
    assert record["spectrum"]["gap"] == pytest.approx(attractor.gap, rel=1e-6)
    shares = record["shares"]
    assert sum(shares["parts"]) == pytest.approx(shares["rate"], abs=2 * shares["error"] + 1e-4)
    assert np.abs(np.sum(shares["shares"], axis=1) - 1).max() < 1e-4
    entropy = record["entropy"]
    assert entropy["integral"] == pytest.approx(entropy["closed"], rel=1e-3)
    assert -1 not in shares["high"]
    assert min(rate for rate in entropy["rates"] if rate is not None) >= -1e-12
    learned = record["generators"][0]
    accuracy = study.split_metrics(study.scores[study.dataset.rows("test")])["accuracy"]
    assert learned["metric"][0] == pytest.approx(accuracy)
    assert record["jump_operators"]["needed"] == 3
    assert len(record["says"]) >= 12
    assert all(sentence.endswith(".") for sentence in record["says"])


def test_a_lone_system_is_explained_without_truth(capsys: pytest.CaptureFixture[str]) -> None:
    H, L = defective_physics()
    study = lindblad_systems.open_system(H, L, T=2.0, dims=(2,), name="fluorescence")
    spectrum = summary.describe_spectrum(study)
    assert spectrum.defective == 2
    shares = summary.share_modes(study)
    assert shares.orthogonal_rate == -1
    simpler = summary.simplify(study)
    assert simpler.metric == ""
    assert [one.name for one in simpler.generators] == ["learned", "local", "Hamiltonian", "none"]
    assert simpler.generators[1].distance < 1e-7  # a single modality is local
    entropy = summary.produce_entropy(study, 0)
    assert entropy.reason == ""
    unitary = lindblad_systems.open_system(H, T=2.0, dims=(2,), name="rabi")
    assert "Nothing dissipates" in summary.produce_entropy(unitary, 0).reason
    with pytest.raises(InvalidInput, match=r"unique steady state.*nothing dissipates"):
        summary.share_modes(unitary)
    assert summary.describe_spectrum(unitary).conserved == 1


def test_tweaks_change_the_generator() -> None:
    study = opening.open_study("qj-parity")
    weaker = summary.find_attractor(study, "D.left=0.5,D.right=0.5,D.left-right=0.5")
    assert weaker.gap < summary.find_attractor(study).gap
    none = summary.simplify(study, "D.left=0,D.right=0,D.left-right=0")
    assert none.ranks.needed == 0
    hamiltonian = none.generators[2]
    assert hamiltonian.distance == pytest.approx(0, abs=1e-12)
    assert hamiltonian.change == pytest.approx(0, abs=1e-9)


def test_models_without_an_evolution_are_refused() -> None:
    study = opening.open_study("qcnn-digits")
    assert not summary.evolves(study)
    with pytest.raises(InvalidInput, match="to study its generator"):
        summary.simplify(study)


def test_kets_of_samples_are_states() -> None:
    study = opening.open_study("qj-parity")
    rho = states.density(study.backend.kets(study.dataset.rows("test")[:3]).to(torch.complex128))
    assert torch.allclose(torch.einsum("naa->n", rho).real, torch.ones(3, dtype=torch.float64))


PAGE = Path(__file__).resolve().parents[3] / "docs" / "plugins" / "generator.md"


def test_programs_of_the_page_run(capsys: pytest.CaptureFixture[str]) -> None:
    programs = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert [name for name, _ in programs] == ["fluorescence.py", "shares.py"]
    for name, code in programs:
        exec(compile(code, name, "exec"), {"__name__": "__main__"})
    lines = capsys.readouterr().out
    assert "inf inf" in lines
    assert "near the spectral gap" in lines


def test_the_command_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    command, *_ = re.findall(r"^    python -m qfusion (\S.*)$", PAGE.read_text(), re.MULTILINE)
    with pytest.raises(SystemExit) as ended:
        cli.main(command.split())
    assert not ended.value.code
    assert "Trace distance to the steady state by modes" in capsys.readouterr().out
