"""Views of H and the jump operators: basis coefficients against PennyLane, modes against QuTiP, levels and
strengths against NumPy; panels and page."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qml
import plotly.graph_objects as go
import pytest
import qutip
import torch

from qfusion import data
from qfusion.errors import InvalidInput, NotFound
from qfusion.plugins.generator import operator_figures, operator_parts, operator_views
from qfusion.quantum import decomposition
from qfusion.quantum.lindblad import System
from qfusion.study import opening
from qfusion.study.opening import open_sample
from qfusion.study.sample import build_sample
from qfusion.training import checkpoint
from qfusion.views.pages import catalogue
from qfusion.views.pages.panel import Panel
from tests.support import figure_checks
from tests.support.app import plain, said, visit
from tests.support.figure_examples import HOSTILE, M
from tests.support.gauges import in_gauge
from tests.support.golden_sentences import check_sentences, page_sentences

GOLDEN = Path(__file__).parent / "golden"
PANELS = ("couplings", "levels", "letters", "modes")


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
    wanted, found = np.linalg.eigvals(theirs.full()), operator_parts.modes(made)
    assert np.abs(found[:, None] - wanted[None]).min(1).max() < 1e-9
    assert np.abs(found[:, None] - wanted[None]).min(0).max() < 1e-9
    assert np.all(np.diff(found.real) <= 1e-12)
    assert abs(found[0]) < 1e-9  # the steady state
    with pytest.raises(InvalidInput, match="up to D = 32, but D is 64"):
        operator_parts.modes(system((4, 4, 4), 1))


def test_strengths_and_levels() -> None:
    made = system((2, 3))
    D, (energies, rates) = 6, decomposition.coalition_strengths(made)
    trace = torch.trace(made.H).real / D
    rest = made.H - trace * torch.eye(D)
    assert sum(value**2 for value in energies.values()) == pytest.approx(
        float(torch.trace(rest @ rest).real) / D
    )
    rest = [L - torch.trace(L) / D * torch.eye(D) for L in made.jumps]
    assert sum(rates.values()) == pytest.approx(
        sum(float(torch.trace(L.mH @ L).real) / D for L in rest)
    )
    free, coupled = operator_parts.levels(made)
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
    graph = operator_views.couplings(sample)
    table = graph.table
    assert list(table["modalities"]) == ["left", "right", "left+right"]
    made = sample.model.system()
    assert table["energy_of_H"].iloc[2] == pytest.approx(
        decomposition.coalition_strengths(made)[0]["left+right"]
    )
    assert any(
        trace.text and trace.text[0] == f"{table['energy_of_H'].iloc[2]:.2g}"
        for trace in graph.figure.data
    )
    assert "couples left and right most" in graph.title
    without = open_sample("qj-parity", sample.id, tweak="H.left-right=0")
    assert operator_views.couplings(without).title == "H has no couplings"
    assert operator_views.levels(without).title == "Couplings do not change the levels"
    ladder = operator_views.levels(sample).table
    assert np.allclose(ladder["energy_with_couplings"], np.linalg.eigvalsh(made.H.numpy()))
    for name in operator_parts.operator_names(sample.model):
        picture = operator_views.operator_coefficients(sample, operator=name)
        frame = picture.table
        sizes = np.hypot(frame["real"], frame["imaginary"])
        assert len(frame) == operator_views.MAX_LETTERS
        assert list(sizes) == sorted(sizes, reverse=True)
        if name in ("H", "read-out"):
            assert np.abs(frame["imaginary"]).max() < 1e-12
    readout = operator_views.operator_coefficients(sample, operator="read-out").table
    assert set(readout["modalities"]) <= {"left", "right"}  # a local read-out has no joint letters
    with pytest.raises(NotFound, match="L9"):
        operator_views.operator_coefficients(sample, operator="L9")
    plane = operator_views.decay_modes(sample)
    assert len(plane.table) == 16**2
    assert plane.figure.layout.shapes[0].x0 == pytest.approx(-np.sort(plane.table["rate"])[1])
    assert not operator_parts.has_modes(open_sample("qj-planted", "p0000"))


def test_hostile_names_are_escaped_and_invalid_arrays_refused() -> None:
    names = ("<b>a</b>", "b", "c", "d")
    parts = {
        "H": {"<b>a</b>": 1.0, "b": 0.5, "<b>a</b>+b": 0.3, "b+c+d": 0.2, "<b>a</b>+b+c+d": 0.1}
    }
    drawn = operator_figures.coupling_matrix(parts, names, {"H": "x"})
    assert "<b>" not in drawn.to_json().replace("\\u003cb\\u003e", "<b>").replace("&lt;b&gt;", "")
    with pytest.raises(InvalidInput):
        operator_figures.energy_levels(np.zeros(2), np.zeros(3))
    with pytest.raises(InvalidInput):
        operator_figures.operator_coefficients([], [], np.zeros(0), names)
    with pytest.raises(InvalidInput):
        operator_figures.decay_modes(np.zeros((2, 2)), 0.0)


@pytest.mark.parametrize("model", ["qj-parity", "qj-planted"])
def test_generator_view_on_the_page(model: str) -> None:
    app = visit("Dynamics", model=model, view="H and L", letters="L1")
    assert not app.error
    assert "L1: " in plain(said(app))
    assert ("The slowest decay is" in plain(said(app))) == (model == "qj-parity")
    app = visit("Dynamics", model=model, view="H and L", letters="L77")
    assert "L77" in plain(app.warning[0].value)


EXAMPLES: dict[str, Callable[[], go.Figure]] = {
    "coupling_matrix": lambda: operator_figures.coupling_matrix(
        {
            "H: coherent": {
                HOSTILE: 0.1,
                "b": 0.2,
                "c": 0.0,
                f"{HOSTILE}+b": 0.4,
                "b+c": 0.3,
                f"{HOSTILE}+b+c": 0.8,
            }
        },
        (HOSTILE, "b", "c"),
        {"H: coherent": "energy"},
    ),
    "energy_levels": lambda: operator_figures.energy_levels(
        np.linspace(-1, 1, 8), np.linspace(-2, 2, 8) ** 3
    ),
    "operator_coefficients": lambda: operator_figures.operator_coefficients(
        ["text XZ", HOSTILE], ["text", "text+audio"], np.array([0.4, -0.2]), M
    ),
    "decay_modes": lambda: operator_figures.decay_modes(np.array([0, -1 + 1j, -1 - 1j, -2]), 1.0),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_labels_fit_and_the_dark_theme_has_no_colour_of_white_paper(name: str) -> None:
    figure_checks.check_labels(EXAMPLES[name]())
    figure_checks.check_dark(EXAMPLES[name]())


@pytest.mark.parametrize("name", EXAMPLES)
def test_nan_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    count = figure_checks.check_nan(operator_figures, name, EXAMPLES[name], (), monkeypatch)
    assert count["refused"]


@pytest.mark.parametrize(
    ("sizes", "named"),
    [
        ([0.3, 0.6, 0.1], ["beta"]),
        ([0.6, 0.60003, 0.1], ["alpha", "beta"]),
        ([0.0, 1e-12, 0.0], []),
    ],
)
def test_coefficients_that_are_written_alike_are_named_together(
    sizes: list[float], named: list[str]
) -> None:
    names = ["alpha", "beta", "gamma"]
    words = operator_views.describe_largest_coefficients("H", names, np.array(sizes, complex))
    assert [name for name in names if name in words] == named
    assert ("equal in size" in words) == (len(named) > 1)


@pytest.mark.parametrize(
    ("model", "data", "sample"),
    [("qj-planted", "planted", "p0031"), ("qj-scenes", "scenes", "scene-6338")],
)
@pytest.mark.slow
def test_the_tab_says_the_same_of_a_sample(model: str, data: str, sample: str) -> None:
    def is_of_tab(name: str, panel: Panel) -> bool:
        return name in PANELS

    view = catalogue.open_page("dynamics", {"model": model, "data": data, "sample": sample}).view
    check_sentences(GOLDEN / f"{model}.txt", page_sentences(view, is_of_tab))


def test_titles_do_not_depend_on_the_gauge() -> None:
    found = checkpoint.load("qj-parity")
    dataset = data.load("parity")

    def titles(model: Any, name: str) -> list[str]:
        study = opening.build_study(name, found.card, model, dataset)
        sample = build_sample(study, dataset.row("pair-6601"))
        return [view(sample).title for view in (operator_views.couplings, operator_views.levels)]

    model = found.model.double()
    assert titles(in_gauge(model, 0), "other") == titles(model, "learned")


def test_the_tab_opens_for_zero_duration_and_without_jumps() -> None:
    coalitions = ("text", "audio", "vision", "text-audio", "text-vision", "audio-vision")
    without = {f"D.{name}": "0" for name in (*coalitions, "text-audio-vision")}
    app = visit("Dynamics", data="planted", view="H and L", T="0", **without)
    assert not app.exception
    assert not app.error
