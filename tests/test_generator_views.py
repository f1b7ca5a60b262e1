"""Views of H and the jump operators: basis coefficients against PennyLane, modes against QuTiP, levels and
strengths against NumPy; panels and page."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import qutip
import torch

from qfusion.errors import InvalidInput, NotFound
from qfusion.figures import generator_charts
from qfusion.quantum import decomposition
from qfusion.quantum.lindblad import System
from qfusion.study import operators
from qfusion.study.opening import open_sample
from qfusion.views import generator
from tests.support.app import plain, said, visit


def hermitian(D: int, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    A = torch.randn(D, D, dtype=torch.complex128)
    return (A + A.mH) / 2


def system(dims: tuple[int, ...], jumps: int = 2) -> System:
    D = math.prod(dims)
    return System(
        hermitian(D),
        0.5 * torch.stack([hermitian(D, k + 1) + 1j * hermitian(D, k + 9) for k in range(jumps)]),
        dims,
        tuple("abcdef"[: len(dims)]),
    )


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 8])
def test_a_basis_is_orthogonal_and_hermitian(d: int) -> None:
    names, P = decomposition.basis(d)
    assert len(names) == len(set(names)) == d * d
    assert set(names[0]) == {"I"}
    assert torch.allclose(P, P.mH)
    gram = torch.einsum("aij,bij->ab", P.conj(), P)
    assert torch.allclose(gram, d * torch.eye(d * d, dtype=gram.dtype), atol=1e-12)


def test_basis_names_state_the_coupled_levels() -> None:
    assert decomposition.basis(3)[0] == ("I", "S12", "A12", "S13", "A13", "S23", "A23", "D1", "D2")
    assert decomposition.basis(4)[0][:6] == ("II", "IX", "IY", "IZ", "XI", "XX")
    names = decomposition.basis(11)[0]
    assert (names[1], names[2], names[-11], names[-10]) == ("S1,2", "A1,2", "A10,11", "D1")


@pytest.mark.parametrize("dims", [(2,), (2, 2), (4, 2), (3, 2), (2, 3, 4), (5, 3)])
def test_basis_terms_sum_to_the_operator(dims: tuple[int, ...]) -> None:
    A = system(dims).jumps[0]
    found = decomposition.expand(A, dims)
    total = torch.zeros_like(A)
    for at in np.ndindex(*found.shape):
        matrix = torch.ones(1, 1, dtype=A.dtype)
        for m, letter in enumerate(at):
            matrix = torch.kron(matrix, decomposition.basis(dims[m])[1][letter].contiguous())
        total += found[at] * matrix
    assert torch.allclose(total, A, atol=1e-12)
    assert float((found.abs() ** 2).sum()) == pytest.approx(
        float(torch.trace(A.mH @ A).real) / len(A)
    )


def test_pauli_coefficients_equal_pennylane() -> None:
    dims, H = (4, 2), hermitian(8)
    coefficients, words = qml.pauli_decompose(H.numpy(), hide_identity=False, pauli=False).terms()
    theirs = {}
    for value, word in zip(coefficients, words, strict=True):
        names = dict.fromkeys(range(3), "I")
        for factor in word.operands if hasattr(word, "operands") else [word]:
            names[factor.wires[0]] = {"Identity": "I", "PauliX": "X", "PauliY": "Y", "PauliZ": "Z"}[
                factor.name
            ]
        theirs[names[0] + names[1], names[2]] = float(np.real(value))
    found, (first, _), (second, _) = (
        decomposition.expand(H, dims),
        decomposition.basis(4),
        decomposition.basis(2),
    )
    ours = {
        (a, b): float(found[i, j].real) for i, a in enumerate(first) for j, b in enumerate(second)
    }
    assert ours == pytest.approx({key: theirs.get(key, 0.0) for key in ours}, abs=1e-12)
    with pytest.raises(InvalidInput, match="`A` must have shape"):
        decomposition.expand(H, (2, 2))


@pytest.mark.parametrize("dims", [(2, 2), (2, 3)])
def test_modes_equal_those_of_the_qutip_liouvillian(dims: tuple[int, ...]) -> None:
    made = system(dims)
    theirs = qutip.liouvillian(
        qutip.Qobj(made.H.numpy()), [qutip.Qobj(L.numpy()) for L in made.jumps]
    )
    wanted, found = np.linalg.eigvals(theirs.full()), operators.modes(made)
    assert np.abs(found[:, None] - wanted[None]).min(1).max() < 1e-9
    assert np.abs(found[:, None] - wanted[None]).min(0).max() < 1e-9
    assert np.all(np.diff(found.real) <= 1e-12)
    assert abs(found[0]) < 1e-9  # the steady state
    with pytest.raises(InvalidInput, match="up to D = 32, but D is 64"):
        operators.modes(system((4, 4, 4), 1))


def test_strengths_and_levels() -> None:
    made = system((2, 3))
    D, (energies, rates) = 6, operators.coalition_strengths(made)
    trace = torch.trace(made.H).real / D
    rest = made.H - trace * torch.eye(D)
    assert sum(value**2 for value in energies.values()) == pytest.approx(
        float(torch.trace(rest @ rest).real) / D
    )
    rest = [L - torch.trace(L) / D * torch.eye(D) for L in made.jumps]
    assert sum(rates.values()) == pytest.approx(
        sum(float(torch.trace(L.mH @ L).real) / D for L in rest)
    )
    free, coupled = operators.levels(made)
    assert np.allclose(coupled, np.linalg.eigvalsh(made.H.numpy()))
    # A sum of parts of single modalities has as levels the sums of theirs.
    a = np.einsum("ikjk->ij", made.H.numpy().reshape(2, 3, 2, 3)) / 3
    b = np.einsum("kikj->ij", made.H.numpy().reshape(2, 3, 2, 3)) / 2
    sums = np.add.outer(np.linalg.eigvalsh(a), np.linalg.eigvalsh(b)).ravel() - float(trace)
    assert np.allclose(free, np.sort(sums))


@pytest.fixture(scope="module")
def sample() -> Any:
    return open_sample("qj-parity", "pair-6601")


def test_panels_of_the_generator(sample: Any) -> None:
    graph = generator.couplings(sample)
    table = graph.table
    assert list(table["modalities"]) == ["left", "right", "left+right"]
    made = sample.model.system()
    assert table["energy_of_H"].iloc[2] == pytest.approx(
        operators.coalition_strengths(made)[0]["left+right"]
    )
    assert any(
        trace.text and trace.text[0] == f"{table['energy_of_H'].iloc[2]:.2g}"
        for trace in graph.figure.data
    )
    assert "couples left and right most" in graph.title
    without = open_sample("qj-parity", sample.id, tweak="H.left-right=0")
    assert generator.couplings(without).title == "H has no couplings"
    assert generator.levels(without).title == "Couplings do not change the levels"
    ladder = generator.levels(sample).table
    assert np.allclose(ladder["energy_with_couplings"], np.linalg.eigvalsh(made.H.numpy()))
    for name in operators.operator_symbols(sample.model):
        picture = generator.operator_coefficients(sample, operator=name)
        frame = picture.table
        sizes = np.hypot(frame["real"], frame["imaginary"])
        assert len(frame) == generator.MAX_LETTERS
        assert list(sizes) == sorted(sizes, reverse=True)
        if name in ("H", "read-out"):
            assert np.abs(frame["imaginary"]).max() < 1e-12
    readout = generator.operator_coefficients(sample, operator="read-out").table
    assert set(readout["modalities"]) <= {"left", "right"}  # a local read-out has no joint letters
    with pytest.raises(NotFound, match="L9"):
        generator.operator_coefficients(sample, operator="L9")
    plane = generator.decay_modes(sample)
    assert len(plane.table) == 16**2
    assert plane.figure.layout.shapes[0].x0 == pytest.approx(-np.sort(plane.table["rate"])[1])
    assert not operators.has_modes(open_sample("qj-planted", "p0000"))


def test_hostile_names_are_escaped_and_invalid_arrays_refused() -> None:
    names = ("<b>a</b>", "b", "c", "d")
    parts = {
        "H": {"<b>a</b>": 1.0, "b": 0.5, "<b>a</b>+b": 0.3, "b+c+d": 0.2, "<b>a</b>+b+c+d": 0.1}
    }
    drawn = generator_charts.coupling_matrix(parts, names, {"H": "x"})
    assert "<b>" not in drawn.to_json().replace("\\u003cb\\u003e", "<b>").replace("&lt;b&gt;", "")
    with pytest.raises(InvalidInput):
        generator_charts.energy_levels(np.zeros(2), np.zeros(3))
    with pytest.raises(InvalidInput):
        generator_charts.operator_coefficients([], [], np.zeros(0), names)
    with pytest.raises(InvalidInput):
        generator_charts.decay_modes(np.zeros((2, 2)), 0.0)


@pytest.mark.parametrize("model", ["qj-parity", "qj-planted"])
def test_generator_view_on_the_page(model: str) -> None:
    app = visit("Dynamics", model=model, view="H and L", letters="L1")
    assert not app.error
    assert "L1: " in plain(said(app))
    assert ("The slowest decay is" in plain(said(app))) == (model == "qj-parity")
    app = visit("Dynamics", model=model, view="H and L", letters="L77")
    assert "L77" in plain(app.warning[0].value)
