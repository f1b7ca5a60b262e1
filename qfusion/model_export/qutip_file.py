"""The physics of one sample as QuTiP objects, in a file that `qutip.qload` reads.

A .qu file is a pickle, and reading a pickle runs any code that its maker put into it. Load only files that you made
yourself or whose maker you trust.
"""

import pickle
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from qfusion.analysis.sample import Sample
from qfusion.models.protocols import Evolution
from qfusion.quantum import decomposition, states
from qfusion.simulate import trajectories


@torch.no_grad()
def qutip_bytes(sample: Sample) -> bytes:
    """Return the content of a .qu file as `qutip.qsave` writes it: a dictionary of QuTiP objects with `dims` set.

    It holds "H" and "jumps" (list) in canonical form (`decomposition.traceless`), "terms" (H_S by the name of S),
    "kets" (by modality), "psi0", "rho_T" (by torch), "observables" (before evolution: for rho(T)), "heisenberg"
    (evolved: measure these on psi0), both by the name of the class, or of the score, and without the bias; "bias" by
    the same names, "T", and "made_from". Of classes they are observables of the log-odds of each against the others.

    Raises:
        InvalidInput: when the model has no evolution in time.
    """
    sample.model.require(Evolution, "Hamiltonian for QuTiP", f"Model '{sample.name}'")
    model = sample.model
    system = model.system()
    dims = tuple(model.dims)
    kets = model.encode(sample.inputs)
    psi = model.product_state(kets)[0].to(torch.complex128)
    rho_T = model.evolve_states(states.density(psi), [float(model.duration)])[0]
    bias = model.bias.detach().double()
    names = sample.explanation.outputs
    H, jumps = trajectories.qutip_operators(system)
    terms = {}
    for subset, part in decomposition.decompose(system.H, dims).items():
        name = decomposition.subset_name(subset, sample.modalities)
        terms[name] = trajectories.as_operator(part, dims)
    modality_kets = {}
    for m, name in enumerate(sample.modalities):
        modality_kets[name] = trajectories.as_ket(kets[name][0].numpy(), (dims[m],))
    return pickle.dumps(
        {
            "H": H,
            "jumps": jumps,
            "terms": terms,
            "kets": modality_kets,
            "psi0": trajectories.as_ket(psi.numpy(), dims),
            "rho_T": trajectories.as_operator(rho_T, dims),
            "observables": _operators(names, model.readout(), dims),
            "heisenberg": _operators(names, model.observables(), dims),
            "bias": {name: float(value) for name, value in zip(names, bias, strict=True)},
            "T": float(model.duration),
            "made_from": {
                "model": sample.name,
                "weights_sha256": str(sample.study.card["weights_sha256"]),
                "tweak": sample.tweak_text,
                "data": sample.dataset.name,
                "data_sha256": sample.dataset.digest,
                "sample": sample.id,
                "modalities": list(sample.modalities),
            },
        }
    )


def _operators(names: Sequence[str], matrices: Tensor, dims: tuple[int, ...]) -> dict[str, Any]:
    """Return QuTiP operators of matrices (C, D, D), by the name of the output."""
    operators = {}
    for name, matrix in zip(names, matrices, strict=True):
        operators[name] = trajectories.as_operator(matrix, dims)
    return operators
