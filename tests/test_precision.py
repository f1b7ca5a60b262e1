"""Precision of the dynamics: reported errors, lower precisions, long times; QuTiP against torch."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import qutip
import scipy.linalg
import torch

from qfusion import simulate
from qfusion.errors import InvalidInput
from qfusion.models import Tweak
from qfusion.quantum import lindblad, measures
from qfusion.quantum.lindblad import System
from qfusion.quantum.states import require_state
from qfusion.study import evolution
from qfusion.training import checkpoint
from tests.support.lindblad_systems import superoperator, system


@pytest.fixture(autouse=True)
def _own_messages(unchecked_shapes: None) -> None:
    """As users have it: without the annotations' own checks."""


def small(T: float, h: float = 1.0, jump: float = 0.5) -> tuple[Any, torch.Tensor]:
    """What `exact_states` asks of a study: a system of two qubits and a sample's ket."""
    H, L = system(4, 2, h, jump)
    psi = torch.randn(4, dtype=torch.complex128)
    psi /= psi.norm()
    model = SimpleNamespace(
        tweaked=lambda _: model, system=lambda: System(H, L, (2, 2), ("a", "b"), T)
    )
    key = object()  # whose exact states are nobody else's
    backend = SimpleNamespace(ket=lambda _: psi)
    return SimpleNamespace(model=model, backend=backend, memo_key=lambda _: key), psi


@pytest.mark.parametrize(
    ("T", "h", "jump"), [(1.0, 1.0, 0.5), (20.0, 10.0, 0.2), (20.0, 0.1, 10.0), (0.0, 1.0, 1.0)]
)
def test_states_are_exact_and_near_those_of_qutip(T: float, h: float, jump: float) -> None:
    study, psi = small(T, h, jump)
    rho = evolution.exact_states(study, 0, Tweak()).numpy()
    of = study.model.system()
    L, start = superoperator(of.H, of.jumps).numpy(), torch.outer(psi, psi.conj()).numpy().ravel()
    exact = [(scipy.linalg.expm(L * t) @ start).reshape(4, 4) for t in evolution.time_grid(T)]
    assert max(float(np.abs(a - b).max()) for a, b in zip(rho, exact, strict=True)) < 1e-11
    assert evolution.difference_to_qutip(study, 0, Tweak()) < 1e-6


def test_single_precision_agrees_with_double(planted: Any) -> None:
    double = checkpoint.load("qj-planted").model
    single = copy.deepcopy(double).float()
    inputs = planted.inputs(range(50), dtype=torch.float64)
    with torch.no_grad():
        assert single(inputs).dtype == torch.float32
        assert (single(inputs).double() - double(inputs)).abs().max() < 2e-5
    H, L = system(8, 2, 3.0, 1.0)
    rho = torch.zeros(8, 8, dtype=H.dtype)
    rho[0, 0] = 1
    exact = lindblad.evolve_states(H, L, rho, [0.0, 5.0, 50.0])
    rough = lindblad.evolve_states(
        H.to(torch.complex64), L.to(torch.complex64), rho.to(torch.complex64), [0.0, 5.0, 50.0]
    )
    assert rough.dtype == torch.complex64
    assert (rough - exact).abs().max() < 2e-5
    assert (
        measures.von_neumann_entropy(rough) - measures.von_neumann_entropy(exact)
    ).abs().max() < 1e-4


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_cast_for_data_and_refused_for_states(
    kind: torch.dtype, planted: Any
) -> None:
    model = checkpoint.load("qj-planted").model
    inputs = planted.inputs(range(4), dtype=torch.float64)

    def cast(each: Any, to: torch.dtype) -> Any:
        return (each[0].to(to), each[1]) if isinstance(each, tuple) else each.to(to)

    half = {name: cast(each, kind) for name, each in inputs.items()}
    with torch.no_grad():
        found = model(half)
        assert torch.equal(
            found, model({name: cast(each, torch.float64) for name, each in half.items()})
        )
        assert (found - model(inputs)).abs().max() < 0.01
        for name in ("qj-planted", "qcnn-digits"):
            weak = copy.deepcopy(checkpoint.load(name).model).to(kind)
            with pytest.raises(
                InvalidInput, match="must be in single or double precision, but its weights are"
            ):
                weak(
                    {each: torch.zeros(1, spec.size) for each, spec in weak.input_specs.items()}
                    if name != "qj-planted"
                    else inputs
                )
    with pytest.raises(InvalidInput, match="Argument `rho` must be in single or double precision"):
        measures.von_neumann_entropy((torch.eye(2) / 2).to(kind))
    with pytest.raises(
        InvalidInput, match="Argument `operators` must be in single or double precision"
    ):
        lindblad.evolve_states(*system(2, 1, 1.0, 1.0), (torch.eye(2) / 2).to(kind), [1.0])
    of = System(*system(4, 1, 1.0, 1.0), (2, 2), ("a", "b"))
    assert (
        simulate.track(of, torch.tensor([1, 0, 0, 0]).to(kind), [0, 1.0]).rho.dtype == np.complex128
    )


def test_mixed_precisions_are_refused() -> None:
    H, L = system(4, 1, 1.0, 1.0)
    rho = torch.eye(4, dtype=H.dtype) / 4
    for states, wanted in ((rho.to(torch.complex64), "complex128"), (rho.real, "complex128")):
        with pytest.raises(
            InvalidInput, match=f"Argument `operators` must be torch.{wanted}, as H"
        ):
            lindblad.evolve_states(H, L, states, [1.0])
        with pytest.raises(InvalidInput, match="Argument `operators` must be"):
            lindblad.act(lindblad.Generator.dense(H, L), states)
    with pytest.raises(InvalidInput, match="complex of one dtype"):
        lindblad.evolve_states(H, L.to(torch.complex64), rho, [1.0])


def test_features_beyond_single_precision_are_refused(planted: Any) -> None:
    model = copy.deepcopy(checkpoint.load("qj-planted").model).float()
    inputs = {
        name: (each[0] + 1e60, each[1]) if isinstance(each, tuple) else each + 1e60
        for name, each in planted.inputs([0], dtype=torch.float64).items()
    }
    with pytest.raises(
        InvalidInput, match=r"must be finite in the model's torch\.float32, but hold 1e\+60"
    ):
        model(inputs)


@pytest.mark.parametrize("jump", [0.3, 0.0])
def test_long_evolutions_do_not_drift(jump: float) -> None:
    steps, T = 400, 1000.0
    H, L = system(4, 2, 1.0, jump)
    start = torch.zeros(4, 4, dtype=H.dtype)
    start[0, 0] = 1
    rho = start
    for _ in range(steps):
        rho = lindblad.evolve_states(H, L, rho, [T / steps])[0]
    require_state("rho", rho)
    assert abs(rho.trace() - 1) < 1e-11
    assert (rho - rho.mH).abs().max() < 1e-12
    assert torch.linalg.eigvalsh(rho).min() > -1e-11
    at_once = lindblad.evolve_states(H, L, start, [T])[0]
    assert (rho - at_once).abs().max() < 1e-10
    if jump:
        steady = qutip.steadystate(
            qutip.Qobj(H.numpy()), [qutip.Qobj(each.numpy()) for each in L]
        ).full()
        assert np.abs(rho.numpy() - steady).max() < 1e-10
        by_qutip = simulate.solve(System(H, L, (4,), ("a",), T), start[:, 0], [T])[0]
        assert np.abs(by_qutip - rho.numpy()).max() < 1e-8
    else:  # nothing dissipates: the energy stays, and the state pure
        assert abs((H @ (rho - start)).trace()) < 1e-10
        assert abs(measures.purity(rho) - 1) < 1e-10
