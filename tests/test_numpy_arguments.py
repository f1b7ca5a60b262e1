"""NumPy arrays, as from QuTiP and SciPy, are accepted by `qfusion.quantum` and give the results of tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch

from qfusion.errors import InvalidInput
from qfusion.models.jump import kets
from qfusion.quantum import decomposition, lindblad, measures, states, statevector

rng = np.random.default_rng(3)


def hermitian(D: int) -> np.ndarray:
    A = rng.normal(size=(D, D)) + 1j * rng.normal(size=(D, D))
    return (A + A.conj().T) / 2


def state(D: int) -> np.ndarray:
    A = rng.normal(size=(D, D)) + 1j * rng.normal(size=(D, D))
    rho = A @ A.conj().T
    return rho / np.trace(rho).real


def ket(D: int) -> np.ndarray:
    psi = rng.normal(size=(1, D)) + 1j * rng.normal(size=(1, D))
    return psi / np.linalg.norm(psi)


RHO, SIGMA, H, L, PSI = state(6), state(6), hermitian(6), hermitian(6)[None], ket(6)
DIMS = (2, 3)
PARTS = [ket(2), ket(3)]
ANGLES = rng.uniform(size=(2, 3, 3))

CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "entropy": (measures.von_neumann_entropy, (RHO,)),
    "purity": (measures.purity, (RHO,)),
    "fidelity": (measures.fidelity, (RHO, SIGMA)),
    "trace distance": (measures.trace_distance, (RHO, SIGMA)),
    "negativity": (measures.logarithmic_negativity, (RHO, DIMS, [0])),
    "mutual information": (measures.mutual_information, (RHO, DIMS, [0], [1])),
    "total correlation": (measures.total_correlation, (RHO, DIMS)),
    "partial trace": (states.partial_trace, (RHO, DIMS, [1])),
    "partial transpose": (states.partial_transpose, (RHO, DIMS, [0])),
    "product of kets": (states.product, (PARTS,)),
    "density": (states.density, (PSI,)),
    "entanglement": (measures.entanglement_entropy, (PSI, DIMS, [0])),
    "embedding": (states.embed, (state(3), DIMS, [1])),
    "evolution": (lindblad.evolve_states, (H, L, RHO, [0.0, 0.5])),
    "evolution at an array of times": (lindblad.evolve_states, (H, L, RHO, np.array([0.0, 0.5]))),
    "observables": (lindblad.evolve_observables, (H, L, H, [0.3])),
    "decomposition": (decomposition.strengths, (H, DIMS)),
    "expansion": (decomposition.expand, (H, DIMS)),
    "rotations": (statevector.rotations, (ANGLES,)),
    "populations": (statevector.populations, (ket(4),)),
    "Bloch vectors": (statevector.bloch_vectors, (ket(4),)),
}


def as_tensor(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, list) and isinstance(value[0], np.ndarray):
        return [as_tensor(one) for one in value]
    return value


def numbers(value: Any) -> list[torch.Tensor]:
    if isinstance(value, dict):
        return [part for one in value.values() for part in numbers(one)]
    if isinstance(value, list | tuple):
        return [part for one in value for part in numbers(one)]
    return [value]


@pytest.mark.parametrize("call", CALLS)
def test_array_gives_the_result_of_its_tensor(call: str) -> None:
    function, given = CALLS[call]
    found = numbers(function(*given))
    wanted = numbers(function(*map(as_tensor, given)))
    assert len(found) == len(wanted)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "column by column": np.asfortranarray,
    "big-endian": lambda a: a.astype(">c16"),
    "read-only": lambda a: np.broadcast_to(a, a.shape),
    "backwards": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "single precision": lambda a: a.astype(np.complex64),
    "every other": lambda a: np.repeat(np.repeat(a, 2, 0), 2, 1)[::2, ::2],
}


@pytest.mark.parametrize("form", FORMS)
def test_array_may_have_any_memory_layout(form: str) -> None:
    given = FORMS[form](RHO)
    wanted = measures.purity(torch.from_numpy(RHO.astype(given.dtype.newbyteorder("="))))
    assert torch.allclose(measures.purity(given), wanted)
    assert measures.purity(rho=given).dtype == wanted.dtype


@pytest.mark.parametrize("dtype", [object, "U3", "M8[s]"])
def test_non_numeric_array_is_refused(dtype: Any) -> None:
    with pytest.raises(InvalidInput, match="Argument `rho` is an array of"):
        measures.purity(np.zeros((2, 2)).astype(dtype))


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Without the checks of annotations that the tests add: a field is a tensor once its class has been made."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def test_generators_and_systems_take_arrays(unchecked_shapes: None) -> None:
    term = lindblad.Term((0, 1), H, L)
    system = lindblad.System(H, L, DIMS, ("a", "b"))
    assert torch.equal(term.H, system.H)
    found = lindblad.evolve(lindblad.Generator(DIMS, (term,)), RHO, [0.4])
    assert torch.allclose(found, lindblad.evolve(lindblad.Generator.dense(H, L), RHO, [0.4]))


def test_marginal_observables_take_arrays() -> None:
    behind = kets.KetBackground(kind="joint", size=1, sigma=torch.from_numpy(SIGMA), dims=DIMS)
    found = kets.marginal_observables(H[None], behind)
    wanted = kets.marginal_observables(torch.from_numpy(H[None]), behind)
    assert all(torch.equal(found[S], wanted[S]) for S in wanted)
