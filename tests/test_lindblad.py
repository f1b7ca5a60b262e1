"""The propagator against the matrix exponential of the superoperator, laws of quantum channels, and its gradients."""

from __future__ import annotations

import functools
import math

import jaxtyping
import pytest
import torch
from hypothesis import given, strategies as st

from qfusion.errors import InvalidInput
from qfusion.quantum import generators, lindblad
from qfusion.quantum.lindblad import Generator, Term
from qfusion.quantum.states import density
from tests.support.lindblad_systems import superoperator, system

# D, K, strength of H, strength of L: weak and strong dissipation, none, no Hamiltonian, long steps
PROBLEMS = [
    (8, 3, 1.0, 0.5),
    (8, 3, 1.0, 3.0),
    (8, 3, 0.0, 1.0),
    (8, 0, 2.0, 1.0),
    (12, 2, 30.0, 0.1),
    (6, 2, 0.01, 5.0),
]
TIMES = [0.0, 0.3, 1.0, 2.5]


@pytest.fixture(params=["one matrix", "products"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each form of a small generator: as one matrix, as it is used, and by products, as those of large ones are."""
    if request.param == "products":
        monkeypatch.setattr(generators, "SMALL", 0)


def operators(N: int, D: int, hermitian: bool) -> torch.Tensor:
    X = torch.randn(N, D, D, dtype=torch.complex128)
    return X + X.mH if hermitian else X


def test_shapes_are_checked_with_every_kind_of_call() -> None:
    """Where calls of a kind are known to be right, others are not taken for right."""
    H, L = system(2, 1, 1.0, 1.0)
    for _ in range(2):
        assert lindblad.evolve_states(H, L, H, [1.0]).shape == (1, 2, 2)
        with pytest.raises(jaxtyping.TypeCheckError, match="checking the parameters"):
            lindblad.evolve_states(H, L[0], H, [1.0])


def test_only_a_single_global_term_is_applied_densely() -> None:
    """A generator of several terms needs every one of them."""
    D = 2 * generators.SMALL

    def form(side: int, *subsystems: int) -> generators.Form:
        return generators.Form(
            subsystems,
            torch.zeros(side, side, dtype=torch.complex128),
            torch.zeros(1, side, side, dtype=torch.complex128),
        )

    whole, part, scaling = form(D, 0, 1), form(2, 0), generators.Scaling(1.0, 0.0)
    kinds = [
        type(generators.choose((2, D // 2), forms, 1, True, scaling))
        for forms in ([whole], [whole, part], [part])
    ]
    assert kinds == [
        generators.DenseGenerator,
        generators.LocalGenerator,
        generators.LocalGenerator,
    ]
    assert isinstance(
        generators.choose((2, 1), [form(2, 0, 1)], 1, True, scaling), generators.LiouvillianMatrix
    )


def test_the_width_and_mean_of_a_generator() -> None:
    """Of X -> G X + X G^+ + sum_k L_k X L_k^+, whose matrix has its trace and eigenvalues."""
    generator = torch.Generator().manual_seed(1)
    G, *L = torch.randn(4, 3, 3, dtype=torch.complex128, generator=generator)
    form = generators.Form((0,), G, torch.stack(L))
    one = torch.eye(3, dtype=torch.complex128)
    matrix = (
        torch.kron(G, one)
        + torch.kron(one, G.conj())
        + sum(torch.kron(each, each.conj()) for each in L)
    )
    found = generators.Scaling.from_forms([form])
    assert found.x0 == pytest.approx(float(torch.trace(matrix).real) / 9)
    still = generators.Scaling.from_forms(
        [generators.Form((0,), G - G.mH, torch.zeros(0, 3, 3, dtype=torch.complex128))]
    )
    levels = torch.linalg.eigvals(
        torch.kron(G - G.mH, one) + torch.kron(one, (G - G.mH).conj())
    ).imag
    assert still.w == pytest.approx(1.01 * float(levels.max()))
    assert still.x0 == pytest.approx(0, abs=1e-12)
    assert generators.Scaling.from_forms([form, form]).x0 == pytest.approx(2 * found.x0)


@functools.cache
def exponential(problem: tuple[int, int, float, float], t: float) -> torch.Tensor:
    """Of the generator of a problem, as a matrix on operators: once for all that is compared with it."""
    return torch.matrix_exp(superoperator(*system(*problem)) * t)


@pytest.mark.parametrize("problem", PROBLEMS)
# one, an even and an odd number of those that are packed in pairs; one and several of the others
@pytest.mark.parametrize(
    ("N", "hermitian"), [(1, True), (2, True), (5, True), (1, False), (5, False)]
)
@pytest.mark.usefixtures("way")
def test_equals_the_matrix_exponential_in_both_pictures(problem, N, hermitian):
    H, L = system(*problem)
    X, D = operators(N, len(H), hermitian), len(H)
    for picture, function in (
        ("states", lindblad.evolve_states),
        ("observables", lindblad.evolve_observables),
    ):
        found = function(H, L, X, TIMES)
        for t, Y in zip(TIMES, found, strict=True):
            U = exponential(problem, t)
            expected = ((U if picture == "states" else U.mH) @ X.reshape(N, -1).T).T.reshape(
                N, D, D
            )
            assert (Y - expected).abs().max() < 1e-12 * X.abs().max() * D


@pytest.mark.usefixtures("way")
def test_single_precision_error_is_bounded():
    for problem in PROBLEMS:
        H, L = system(*problem)
        X = operators(1, len(H), True)
        exact = lindblad.evolve_observables(H, L, X, [1.0])
        single = lindblad.evolve_observables(
            H.to(torch.complex64), L.to(torch.complex64), X.to(torch.complex64), [1.0]
        )
        assert (single - exact).abs().max() < 2e-5 * X.norm()


@pytest.mark.parametrize("N", [1, 3])
@pytest.mark.parametrize("hermitian", [True, False])
@pytest.mark.usefixtures("way")
def test_gradients_equal_finite_differences(N, hermitian):
    D, jumps = (3, 1) if N == 1 and hermitian else (4, 2)  # few entries where each is moved
    A, L = system(D, jumps, 1.0, 0.7)
    X = torch.randn(N, D, D, dtype=torch.complex128)

    def function(A, L, X):
        return lindblad.evolve_states((A + A.mH) / 2, L, X + X.mH if hermitian else X, [0.2, 3.0])

    # entry by entry where that is fast, else along random directions
    assert torch.autograd.gradcheck(
        function, [t.requires_grad_() for t in (A, L, X)], fast_mode=N > 1 or not hermitian
    )


@pytest.mark.usefixtures("way")
def test_gradients_pass_through_several_steps():
    A, L = system(2, 1, 20.0, 3.0)  # strong: the propagator takes several steps
    X = operators(1, 2, True)
    assert torch.autograd.gradcheck(
        lambda A, L: lindblad.evolve_observables((A + A.mH) / 2, L, X, [0.8]),
        [A.requires_grad_(), L.requires_grad_()],
        atol=1e-5,
    )


@pytest.mark.usefixtures("way")
def test_zero_generator_has_a_gradient_and_nan_is_refused():
    X = operators(1, 3, True)
    zero = [t.requires_grad_() for t in system(3, 1, 0.0, 0.0)]
    assert torch.autograd.gradcheck(
        lambda A, L: lindblad.evolve_observables((A + A.mH) / 2, L, X, [1.0]), zero
    )
    with pytest.raises(InvalidInput, match="does not converge"):
        lindblad.evolve_observables(*system(3, 1, 1.0, 1.0), X * math.inf, [1.0])


@pytest.mark.usefixtures("way")
def test_local_terms_equal_their_dense_sum_with_gradients():
    dims, pairs = (2, 3, 2), [(0, 1), (1, 2), (0, 2)]
    parts = [system(dims[a] * dims[b], 2, 1.0, 0.6, seed=a + b) for a, b in pairs]
    leaves = [t.requires_grad_() for part in parts for t in part]
    X = operators(3, 12, True)

    def generator() -> Generator:
        return Generator(
            dims,
            tuple(
                Term(s, (H + H.mH) / 2, L)
                for s, H, L in zip(pairs, leaves[::2], leaves[1::2], strict=True)
            ),
        )

    local = lindblad.evolve(generator(), X, TIMES, "observables")
    whole = generator()
    dense = lindblad.evolve_observables(whole.hamiltonian(), whole.jump_operators(), X, TIMES)
    assert (local - dense).abs().max() < 1e-12 * X.norm()
    weights = torch.randn_like(local)
    for a, b in zip(
        torch.autograd.grad((local * weights).real.sum(), leaves, retain_graph=True),
        torch.autograd.grad((dense * weights).real.sum(), leaves),
        strict=True,
    ):
        assert (a - b).abs().max() < 1e-10


def test_long_evolution_reaches_the_steady_state() -> None:
    """The kernel of the superoperator, whatever there was in the beginning; a large system is refused, see below."""
    H, L = system(3, 2, 0.5, 0.7)
    rho = density(torch.randn(2, 3, dtype=torch.complex128))
    rho = rho / torch.einsum("kaa->k", rho)[:, None, None]
    values, vectors = torch.linalg.eig(superoperator(H, L))
    steady = vectors[:, values.abs().argmin()].reshape(3, 3)
    steady = steady / torch.trace(steady)
    after = lindblad.evolve_states(H, L, rho, [1e5, 1e7])
    assert (after - steady).abs().max() < 1e-8
    now = lindblad.evolve_observables(H, L, H, [1e7])[0]
    assert (now - torch.trace(H @ steady) * torch.eye(3)).abs().max() < 1e-8


def test_evolution_is_invariant_under_units_of_time() -> None:
    """It is linear: large and small operators evolve alike."""
    H, L = system(4, 2, 1.0, 0.5)
    X = operators(1, 4, False)
    whole = lindblad.evolve_states(H, L, X, [0.5, 3.0])
    for scale in (1e-9, 1e9):
        scaled = lindblad.evolve_states(H, L, scale * X, [0.5, 3.0]) / scale
        assert (scaled - whole).abs().max() < 1e-11


@pytest.mark.parametrize("picture", ["states", "observables"])
def test_truncation_error_meets_the_tolerance(picture: str) -> None:
    """And no smaller than that by many orders: what is not asked for is not worked out."""
    H, L = system(4, 2, 1.0, 0.5)
    X = operators(1, 4, True)
    run = lindblad.evolve_states if picture == "states" else lindblad.evolve_observables
    exact = run(H, L, X, [2.0])
    for tolerance in (1e-2, 1e-5, 1e-9):
        error = float((run(H, L, X, [2.0], tolerance) - exact).norm() / X.norm())
        assert 1e-6 * tolerance < error < 10 * tolerance


@given(
    D=st.integers(2, 6),
    K=st.integers(0, 3),
    h=st.floats(0, 5),
    l=st.floats(0, 2),
    t=st.floats(0, 4),
    seed=st.integers(0, 99),
)
def test_evolution_is_a_quantum_channel(D, K, h, l, t, seed):
    """Complete positivity (Choi matrix), trace preservation and Hermiticity, for random systems and times."""
    H, L = system(D, K, h, l, seed)
    basis = torch.eye(D * D, dtype=torch.complex128).reshape(D * D, D, D)  # |i><j|
    images = lindblad.evolve_states(H, L, basis, [t])[0]
    choi = (
        images.reshape(D, D, D, D).permute(0, 2, 1, 3).reshape(D * D, D * D)
    )  # sum_ij |i><j| x Phi(|i><j|)
    assert (choi - choi.mH).abs().max() < 1e-10
    assert torch.linalg.eigvalsh((choi + choi.mH) / 2).min() > -1e-10
    traces = torch.diagonal(images, dim1=-2, dim2=-1).sum(-1).reshape(D, D)
    assert (traces - torch.eye(D)).abs().max() < 1e-10
    rho = lindblad.evolve_states(H, L, density(torch.randn(1, D, dtype=torch.complex128)), [t])[0]
    assert (rho - rho.mH).abs().max() < 1e-10 * D
    unit = lindblad.evolve_observables(H, L, torch.eye(D, dtype=torch.complex128), [t])[0]
    assert (unit - torch.eye(D)).abs().max() < 1e-10


def test_pictures_agree_on_expectations():
    H, L = system(8, 3, 1.0, 0.8)
    O, rho = operators(5, 8, True), density(torch.randn(4, 8, dtype=torch.complex128))
    heisenberg = torch.einsum("tcab,nba->tcn", lindblad.evolve_observables(H, L, O, TIMES), rho)
    schroedinger = torch.einsum("cab,tnba->tcn", O, lindblad.evolve_states(H, L, rho, TIMES))
    assert (heisenberg - schroedinger).abs().max() < 1e-11 * rho.abs().max() * 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(times=[1.0, 0.5]), "ascending"),
        (dict(times=[-1.0]), "not negative"),
        (dict(times=[math.nan]), "finite"),
        (dict(H=torch.tensor([[0, 1], [0, 0]], dtype=torch.complex128)), "must be Hermitian"),
        (dict(jumps=torch.zeros(1, 3, 3, dtype=torch.complex128)), r"must have shape \(K, 2, 2\)"),
        (dict(jumps=torch.full((1, 2, 2), math.nan, dtype=torch.complex128)), "NaN"),
        (dict(rho=torch.zeros(3, 3, dtype=torch.complex128)), r"must have shape \(..., 2, 2\)"),
        (dict(H=torch.zeros(2, 2)), "must be complex"),
    ],
)
def test_invalid_input_is_refused(unchecked_shapes, change, message):
    good = dict(
        H=torch.zeros(2, 2, dtype=torch.complex128),
        jumps=torch.zeros(1, 2, 2, dtype=torch.complex128),
        rho=torch.eye(2, dtype=torch.complex128),
        times=[1.0],
    )
    with pytest.raises(InvalidInput, match=message):
        lindblad.evolve_states(**{**good, **change})


@pytest.mark.parametrize("picture", ["states", "observables"])
def test_generator_equals_the_rate_of_change(picture):
    H, L = system(8, 2, 1.0, 0.5)
    local = Generator(
        (2, 2, 2), (Term((0, 2), *system(4, 1, 1.0, 0.5)), Term((1,), *system(2, 0, 1.0, 0.0)))
    )
    for generator in (Generator.dense(H, L), local):
        X, h = operators(3, 8, False), 1e-3
        ahead, far = lindblad.evolve(generator, X, [h, 2 * h], picture)
        before = lindblad.act(generator, X, picture)
        assert torch.allclose(before, (4 * ahead - far - 3 * X) / (2 * h), atol=1e-4)
        assert torch.allclose(before[1], lindblad.act(generator, X[1], picture))
    with pytest.raises(InvalidInput, match="picture"):
        lindblad.act(local, X, "dreams")
    with pytest.raises(InvalidInput, match=r"\(\.\.\., 8, 8\)"):
        lindblad.act(local, X[..., :4, :4], picture)
    with pytest.raises(InvalidInput, match="at least one term"):
        Generator((2, 2, 2), ())
