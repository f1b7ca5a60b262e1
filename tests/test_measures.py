"""Measures by law, on known states, and against QuTiP."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import qutip
import torch
from hypothesis import given, strategies as st
from torch import Tensor

from qfusion.errors import InvalidInput
from qfusion.quantum import circuits, decomposition, measure_kinds, measures, states
from qfusion.quantum.decomposition import PAULIS, decompose
from qfusion.quantum.states import density, embed, partial_trace, partial_transpose, product

DIMS = [(2, 2, 2), (2, 3), (2, 3, 4), (4,), (2, 2, 2, 2)]
NAMES = ("text", "audio", "vision", "extra")


def random_state(
    dims: tuple[int, ...], rank: int | None = None, seed: int = 0, batch: tuple[int, ...] = ()
) -> Tensor:
    """A random density matrix of the given rank (full by default)."""
    generator = torch.Generator().manual_seed(seed)
    D = math.prod(dims)
    A = torch.randn(*batch, D, rank or D, dtype=torch.complex128, generator=generator)
    rho = A @ A.mH
    return rho / torch.diagonal(rho, dim1=-2, dim2=-1).sum(-1).real[..., None, None]


def random_unitary(d: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(d, d, dtype=torch.complex128, generator=generator))[0]


def ket(*amplitudes: float) -> Tensor:
    return torch.tensor(amplitudes, dtype=torch.complex128)


def as_qobj(rho: Tensor, dims: tuple[int, ...]) -> qutip.Qobj:
    return qutip.Qobj(rho.numpy(), dims=[list(dims), list(dims)])


BELL = density(ket(1, 0, 0, 1) / math.sqrt(2))
GHZ = density(ket(1, 0, 0, 0, 0, 0, 0, 1) / math.sqrt(2))
W = density(ket(0, 1, 1, 0, 1, 0, 0, 0) / math.sqrt(3))
CLASSICAL = torch.diag(ket(0.5, 0, 0, 0.5))


def test_known_states() -> None:
    log2, close = math.log(2), 1e-12
    assert measures.von_neumann_entropy(BELL).item() == pytest.approx(0, abs=close)
    assert measures.mutual_information(BELL, (2, 2), (0,), (1,)).item() == pytest.approx(
        2 * log2, abs=close
    )
    assert measures.mutual_information(CLASSICAL, (2, 2), (0,), (1,)).item() == pytest.approx(
        log2, abs=close
    )
    assert measures.logarithmic_negativity(BELL, (2, 2), (0,)).item() == pytest.approx(1, abs=close)
    assert measures.logarithmic_negativity(CLASSICAL, (2, 2), (0,)).item() == 0
    assert measures.total_correlation(GHZ, (2, 2, 2)).item() == pytest.approx(3 * log2, abs=close)
    assert measures.logarithmic_negativity(GHZ, (2, 2, 2), (1,)).item() == pytest.approx(
        1, abs=close
    )
    # A GHZ state without one qubit is classical; a W state stays entangled.
    assert measures.mutual_information(GHZ, (2, 2, 2), (0,), (2,)).item() == pytest.approx(
        log2, abs=close
    )
    assert measures.purity(W).item() == pytest.approx(1, abs=close)
    assert measures.logarithmic_negativity(W, (2, 2, 2), (0,)).item() == pytest.approx(
        math.log2(1 + 2 * math.sqrt(2) / 3), abs=close
    )


def test_mean_of_a_measure_is_over_modalities_or_pairs() -> None:
    rho, dims = random_state((2, 3, 2), batch=(4,)), (2, 3, 2)
    states = measure_kinds.States(rho, dims)
    own = [measures.von_neumann_entropy(partial_trace(rho, dims, (m,))) for m in range(3)]
    assert torch.allclose(measure_kinds.KINDS["entropy"].mean(states), torch.stack(own).mean(0))
    both = [measures.mutual_information(rho, dims, (a,), (b,)) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert torch.allclose(
        measure_kinds.KINDS["mutual_information"].mean(states), torch.stack(both).mean(0)
    )
    assert torch.allclose(
        measure_kinds.KINDS["total_correlation"].mean(states), measures.total_correlation(rho, dims)
    )
    axes = [
        (measure_kinds.KINDS[name].axis, measure_kinds.KINDS[name].short_axis)
        for name in ("negativity", "purity")
    ]
    assert axes == [
        ("logarithmic negativity (bits)", "log-negativity (bits)"),
        ("purity Tr ρ² (1 = pure)", "purity"),
    ]
    alone = measure_kinds.States(random_state((3,), batch=(4,)), (3,))
    assert torch.equal(
        measure_kinds.KINDS["mutual_information"].mean(alone), torch.zeros(4, dtype=torch.float64)
    )


@pytest.mark.parametrize("d", [2, 3, 8])
def test_maximally_mixed(d: int) -> None:
    rho = torch.eye(d, dtype=torch.complex128) / d
    assert measures.von_neumann_entropy(rho).item() == pytest.approx(math.log(d), abs=1e-12)
    assert measures.von_neumann_entropy(rho, base=2).item() == pytest.approx(
        math.log2(d), abs=1e-12
    )
    assert measures.purity(rho).item() == pytest.approx(1 / d, abs=1e-12)


@pytest.mark.parametrize("p", [0.0, 0.2, 1 / 3, 0.5, 0.9, 1.0])
def test_werner_negativity(p: float) -> None:
    rho = p * BELL + (1 - p) * torch.eye(4, dtype=torch.complex128) / 4
    expected = math.log2(1 + 2 * max(0.0, (3 * p - 1) / 4))
    assert measures.logarithmic_negativity(rho, (2, 2), (1,)).item() == pytest.approx(
        expected, abs=1e-12
    )


def test_product_states_have_no_correlation() -> None:
    kets = [
        torch.nn.functional.normalize(torch.randn(5, d, dtype=torch.complex128), dim=-1)
        for d in (2, 3, 4)
    ]
    rho = density(product(kets))
    for value in (
        measures.von_neumann_entropy(rho),
        measures.total_correlation(rho, (2, 3, 4)),
        measures.logarithmic_negativity(rho, (2, 3, 4), (1,)),
        measures.entanglement_entropy(product(kets), (2, 3, 4), 2),
    ):
        assert value.shape == (5,)
        assert value.abs().max() < 1e-12


@given(st.sampled_from(DIMS), st.integers(1, 4), st.integers(0, 10**6))
def test_bounds_and_subadditivity(dims: tuple[int, ...], rank: int, seed: int) -> None:
    over_time = measure_kinds.measures_over_time(
        random_state(dims, rank, seed)[None], dims, NAMES[: len(dims)]
    )
    m = {key: value[0] for key, value in over_time.columns().items()}
    D, slack = math.prod(dims), 1e-10
    assert -slack <= m["entropy"] <= math.log(min(rank, D)) + slack
    assert 1 / min(rank, D) - slack <= m["purity"] <= 1 + slack
    for d, name in zip(dims, NAMES, strict=False):
        assert -slack <= m[f"entropy[{name}]"] <= math.log(d) + slack
        assert 1 / d - slack <= m[f"purity[{name}]"] <= 1 + slack
    if len(dims) == 1:
        assert set(m) == {"entropy[text]", "entropy", "purity[text]", "purity"}
        return
    assert m["total_correlation"] >= -slack
    for (a, d_a), (b, d_b) in pairwise(zip(NAMES, dims, strict=False)):
        information = m[f"mutual_information[{a}:{b}]"]
        pair = m[f"entropy[{a}+{b}]"] if len(dims) > 2 else m["entropy"]
        assert -slack <= information <= 2 * math.log(min(d_a, d_b)) + slack
        assert abs(m[f"entropy[{a}]"] - m[f"entropy[{b}]"]) - slack <= pair  # Araki and Lieb
        assert 0 <= m[f"negativity[{a}]"] <= math.log2(min(d_a, D // d_a)) + slack


@given(st.lists(st.text("[]:a01 -=,", min_size=1, max_size=4), min_size=1, max_size=3, unique=True))
def test_measures_stay_distinct_for_any_modality_names(names: list[str]) -> None:
    dims = (2,) * len(names)
    found = measure_kinds.measures_over_time(random_state(dims, 2)[None], dims, names)
    plain = measure_kinds.measures_over_time(random_state(dims, 2)[None], dims, NAMES[: len(dims)])
    called = dict(zip(NAMES, names, strict=False))
    assert {each.kind for each in found} <= set(measure_kinds.KINDS)
    for ours, theirs in zip(found, plain, strict=True):
        assert (ours.kind, ours.part) == (theirs.kind, tuple(called[name] for name in theirs.part))
        assert found.by_part(ours.kind)[ours.part] is ours.values
        assert ours.values == theirs.values
        assert measure_kinds.column_name(ours.kind, ours.part) in found.columns()
    assert list(found.single("purity")) == [*names, ""]
    assert list(found.columns())[: len(names)] == [f"entropy[{name}]" for name in names]


@given(st.sampled_from(DIMS[:3]), st.integers(0, 10**6))
def test_measures_are_invariant_under_local_unitaries(dims: tuple[int, ...], seed: int) -> None:
    rho = random_state(dims, 2, seed)
    U = torch.ones(1, 1, dtype=torch.complex128)
    for m, d in enumerate(dims):
        U = torch.kron(U, random_unitary(d, seed + m))
    turned = torch.stack([rho, U @ rho @ U.mH])
    for key, value in (
        measure_kinds.measures_over_time(turned, dims, NAMES[: len(dims)]).columns().items()
    ):
        assert value[0] == pytest.approx(value[1], abs=1e-10), key


@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("rank", [1, 2, None])
def test_every_measure_equals_qutip(dims: tuple[int, ...], rank: int | None) -> None:
    rho, names = random_state(dims, rank, seed=7), NAMES[: len(dims)]
    ours = measure_kinds.measures_over_time(rho[None], dims, names).columns()
    q, M = as_qobj(rho, dims), len(dims)
    S = {(m,): qutip.entropy_vn(q.ptrace([m])) for m in range(M)}
    expected = {f"entropy[{names[m]}]": S[(m,)] for m in range(M)} | {
        "entropy": qutip.entropy_vn(q)
    }
    pairs = [(a, b) for a in range(M) for b in range(a + 1, M)]
    S |= {pair: qutip.entropy_vn(q.ptrace(list(pair))) for pair in pairs}
    if M > 2:
        expected |= {f"entropy[{names[a]}+{names[b]}]": S[(a, b)] for a, b in pairs}
    if M > 1:
        transposes = [qutip.partial_transpose(q, [int(k == m) for k in range(M)]) for m in range(M)]
        expected |= {
            f"negativity[{name}]": math.log2(np.abs(t.eigenenergies()).sum())
            for name, t in zip(names, transposes, strict=True)
        }
        expected |= {
            f"mutual_information[{names[a]}:{names[b]}]": S[(a,)] + S[(b,)] - S[(a, b)]
            for a, b in pairs
        }
        expected["total_correlation"] = sum(S[(m,)] for m in range(M)) - expected["entropy"]
    expected |= {f"purity[{names[m]}]": q.ptrace([m]).purity() for m in range(M)} | {
        "purity": q.purity()
    }
    assert list(ours) == list(expected)
    for key, value in expected.items():
        assert ours[key] == pytest.approx([value], abs=1e-9), key


def test_negativity_equals_qutips_own() -> None:
    rho = random_state((2, 3, 4), 2)
    value = measures.logarithmic_negativity(rho, (2, 3, 4), (1,)).item()
    # QuTiP takes the root of the squared matrix, which costs half the digits.
    assert value == pytest.approx(
        qutip.negativity(as_qobj(rho, (2, 3, 4)), 1, logarithmic=True), abs=1e-7
    )


def test_distances_equal_qutip() -> None:
    rho, sigma = random_state((5,), 3, 1), random_state((5,), None, 2)
    q, s = as_qobj(rho, (5,)), as_qobj(sigma, (5,))
    # QuTiP takes roots
    assert measures.fidelity(rho, sigma).item() == pytest.approx(
        qutip.fidelity(q, s) ** 2, abs=1e-8
    )
    assert measures.trace_distance(rho, sigma).item() == pytest.approx(
        qutip.tracedist(q, s), abs=1e-9
    )


@given(st.integers(0, 10**6))
def test_laws_of_the_distances(seed: int) -> None:
    rho, sigma = random_state((2, 3), 2, seed), random_state((2, 3), None, seed + 1)
    F, T = measures.fidelity(rho, sigma).item(), measures.trace_distance(rho, sigma).item()
    assert measures.fidelity(sigma, rho).item() == pytest.approx(F, abs=1e-10)
    assert 1 - math.sqrt(F) - 1e-10 <= T <= math.sqrt(1 - F) + 1e-10  # Fuchs and van de Graaf
    assert measures.fidelity(rho, rho).item() == pytest.approx(1, abs=1e-10)
    assert measures.trace_distance(rho, rho).item() == 0


def test_pure_fidelity_is_the_squared_overlap() -> None:
    a, b = (
        torch.nn.functional.normalize(torch.randn(6, dtype=torch.complex128), dim=-1)
        for _ in range(2)
    )
    overlap = (a.conj() @ b).abs().item()
    assert measures.fidelity(density(a), density(b)).item() == pytest.approx(overlap**2, abs=1e-12)


@pytest.mark.parametrize("subsystem", [0, 1, 2, (1,), (0, 1), (2, 0), (0, 1, 2)])
def test_entanglement_entropy_equals_the_reduced_entropy(
    subsystem: int | tuple[int, ...],
) -> None:
    dims = (2, 3, 4)
    psi = torch.nn.functional.normalize(torch.randn(3, 24, dtype=torch.complex128), dim=-1)
    group = (subsystem,) if isinstance(subsystem, int) else subsystem
    by_trace = measures.von_neumann_entropy(partial_trace(density(psi), dims, group)).numpy()
    assert measures.entanglement_entropy(psi, dims, subsystem).numpy() == pytest.approx(
        by_trace, abs=1e-12
    )


@pytest.mark.parametrize("subsystem", [3, -1, (0, 0), (1, 3)])
def test_unknown_subsystem_is_refused(subsystem: int | tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="Argument `subsystem` must lie between 0 and 2"):
        measures.entanglement_entropy(
            torch.ones(24, dtype=torch.complex128) / 24**0.5, (2, 3, 4), subsystem
        )


def test_entropies_of_bloch_vectors() -> None:
    vectors = np.array([[0, 0, 1], [0, 0, 0], [0.3, -0.2, 0.4], [0.6, 0, 0.8 + 1e-12]])
    states = (
        torch.eye(2) + torch.einsum("na,aij->nij", torch.as_tensor(vectors) + 0j, PAULIS[1:])
    ) / 2
    spectra = torch.linalg.eigvalsh(states).clamp_min(0)
    assert measures.qubit_entropy(vectors) == pytest.approx(
        -torch.xlogy(spectra, spectra).sum(-1).numpy(), abs=1e-10
    )


def test_batched_equals_looped() -> None:
    rho = random_state((2, 3), batch=(2, 3))
    together = measures.mutual_information(rho, (2, 3), (0,), (1,), base=2)
    alone = [
        [measures.mutual_information(r, (2, 3), (0,), (1,), base=2).item() for r in row]
        for row in rho
    ]
    assert together.numpy() == pytest.approx(np.array(alone), abs=1e-12)


@pytest.mark.parametrize(
    "measure",
    [
        measures.von_neumann_entropy,
        measures.purity,
        lambda rho: measures.total_correlation(rho, (2, 2)),
        lambda rho: measures.logarithmic_negativity(rho, (2, 2), (0,)),
    ],
)
def test_gradients(measure) -> None:  # type: ignore[no-untyped-def]
    def of_factor(A: Tensor) -> Tensor:
        rho = A @ A.mH
        return measure(rho / torch.trace(rho).real)

    A = torch.randn(4, 4, dtype=torch.complex128, requires_grad=True)
    assert torch.autograd.gradcheck(of_factor, (A,))


def test_the_entropy_of_a_pure_state_has_a_finite_gradient() -> None:
    rho = GHZ.clone().requires_grad_()
    measures.von_neumann_entropy(rho).backward()
    assert rho.grad is not None
    assert torch.isfinite(torch.view_as_real(rho.grad)).all()


BAD = torch.diag(ket(1.2, -0.2))


@pytest.mark.parametrize(
    ("rho", "message"),
    [
        (BAD, "positive semi-definite, but has the eigenvalue -0.2"),
        (2 * torch.eye(2, dtype=torch.complex128), "trace 1, but is off by 3"),
        (torch.tensor([[0.5, 0.1], [0.0, 0.5]], dtype=torch.complex128), "Hermitian, but differs"),
        (torch.full((2, 2), torch.nan, dtype=torch.complex128), "finite, but has 4 NaN"),
        (torch.ones(3, 2, dtype=torch.complex128), r"shape \(..., D, D\), but has shape \(3, 2\)"),
    ],
)
def test_invalid_states_are_refused(rho: Tensor, message: str) -> None:
    for measure in (measures.von_neumann_entropy, measures.purity):
        with pytest.raises(InvalidInput, match=message):
            measure(rho)


def test_invalid_arguments_are_refused() -> None:
    with pytest.raises(InvalidInput, match="disjoint"):
        measures.mutual_information(BELL, (2, 2), (0,), (0, 1))
    with pytest.raises(InvalidInput, match=r"shape \(nT, 8, 8\)"):
        measure_kinds.measures_over_time(BELL[None], (2, 2, 2), NAMES[:3])
    with pytest.raises(InvalidInput, match="2 different names"):
        measure_kinds.measures_over_time(BELL[None], (2, 2), ("text", "text"))
    with pytest.raises(InvalidInput, match="equal sides"):
        measures.fidelity(BELL, GHZ)
    with pytest.raises(InvalidInput, match="`psi` must have trace 1"):
        measures.entanglement_entropy(ket(1, 1, 0, 0), (2, 2), 0)
    with pytest.raises(InvalidInput, match="`base`"):
        measures.von_neumann_entropy(BELL, base=1)
    with pytest.raises(InvalidInput, match="eigenvalue"):
        measure_kinds.measures_over_time(BAD[None], (2,), ("text",))


EYE = torch.eye(4, dtype=torch.complex128)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (lambda: product([]), "must hold at least one ket"),
        (lambda: partial_trace(EYE, (2, 2), (2,)), "distinct subsystems between 0 and 1"),
        (lambda: partial_trace(EYE, (2, 2), (-1,)), "distinct subsystems between 0 and 1"),
        (lambda: partial_trace(EYE, (2, 2), (1, 1)), "distinct subsystems"),
        (
            lambda: partial_trace(EYE, (2, 3), (0,)),
            r"shape \(..., 6, 6\) for dims \(2, 3\), but has shape \(4, 4\)",
        ),
        (lambda: partial_trace(EYE[0], (4,), (0,)), r"shape \(..., 4, 4\)"),
        (
            lambda: partial_transpose(EYE, (2, 2), (2,)),
            "`subsystems` must hold distinct subsystems",
        ),
        (lambda: embed(EYE, (2, 2, 2), (0,)), r"shape \(..., 2, 2\) for dims \(2,\)"),
        (lambda: embed(EYE, (2, 2), (0, 2)), "`subsystems` must hold distinct subsystems"),
        (lambda: decomposition.basis(0), "must be a dimension from 1, but is 0"),
        (lambda: decomposition.basis(2.5), "must be a dimension from 1"),
        (lambda: decomposition.expand(EYE[:, :2], (2, 2)), r"shape \(4, 4\)"),
        (
            lambda: decomposition.transfer_matrix(torch.eye(8, dtype=torch.complex128)),
            "one or two qubits, but has side 8",
        ),
        (lambda: measures.entanglement_entropy(EYE[0], (2, 2), 2), "between 0 and 1, but is 2"),
        (
            lambda: measures.entanglement_entropy(EYE[0], (2, 2), (0, 0)),
            "`subsystem` must lie between",
        ),
        (lambda: measures.entanglement_entropy(EYE[0], (2, 3), 0), r"shape \(..., 6\)"),
        (lambda: measures.mutual_information(BELL, (2, 2), (), (1,)), "non-empty"),
        (lambda: measures.mutual_information(BELL, (2, 2), (0,), ()), "non-empty"),
        (lambda: measure_kinds.measures_over_time(BELL, (2, 2), NAMES[:2]), r"shape \(nT, 4, 4\)"),
        (
            lambda: measure_kinds.measures_over_time(BELL[None], (2, 2), NAMES[:3]),
            "2 different names",
        ),
        (lambda: states.check_times([]), "ascending, finite and not negative, but is \\[\\]"),
        (lambda: states.check_times([0.0, math.inf]), "finite"),
        (
            lambda: states.check_operators(EYE[:2], EYE[None]),
            r"`H` must have shape \(D, D\), but has shape \(2, 4\)",
        ),
        (lambda: states.check_operators(EYE[None], EYE[None]), r"`H` must have shape \(D, D\)"),
        (lambda: states.check_operators(EYE, EYE), r"`jumps` must have shape \(K, 4, 4\)"),
        (
            lambda: states.check_operators(EYE, EYE[None].to(torch.complex64)),
            "complex of one dtype",
        ),
        (lambda: states.check_operators(EYE, math.inf * EYE[None]), "must be finite"),
        (lambda: decompose(EYE, ()), "must hold positive integers"),
        (lambda: decompose(EYE, (0, 4)), "must hold positive integers"),
        (
            lambda: circuits.unitary("ttn", torch.zeros(3)),
            r"must have shape \(2,\), but has shape \(3,\)",
        ),
    ],
)
def test_values_beyond_the_tolerance_are_refused(
    unchecked_shapes: None, asked: Callable[[], object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        asked()


def test_values_within_the_tolerance_are_accepted() -> None:
    assert measures.von_neumann_entropy(EYE / 4, base=1.5).item() == pytest.approx(
        math.log(4) / math.log(1.5)
    )
    assert states.check_times([0, 0, 1]) == [0.0, 0.0, 1.0]
    states.require_state("rho", EYE[None][:0])  # no states at all
    states.check_operators(EYE[:1, :1], torch.zeros(0, 1, 1, dtype=torch.complex128))
    assert decomposition.basis(1)[0] == ("I",)
    assert partial_trace(EYE, (2, 2), ()).item() == 4
    a = measures.entanglement_entropy(ket(1, 0, 0, 1) / math.sqrt(2), (2, 2), 1)
    assert a.item() == pytest.approx(math.log(2))


def test_round_off_below_zero_is_accepted() -> None:
    rho = torch.diag(ket(1 + 1e-12, -1e-12))
    assert measures.von_neumann_entropy(rho).item() == pytest.approx(0, abs=1e-11)
