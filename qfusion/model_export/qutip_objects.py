"""One sample's physics as QuTiP objects, in a file that `qutip.qload` reads.

A .qu file is a pickle, and reading a pickle runs whatever its maker put into it: load those that you made, or whose
maker you trust.
"""

from __future__ import annotations

import pickle
from typing import Any

import torch

from qfusion.analysis.sample import Sample, require_time


def of(sample: Sample) -> dict[str, Any]:
    """Returns QuTiP objects on the modalities, with `dims` set: H, jumps, observables, states, and what they are of.

    Returns:
        "H" and "jumps" (list) in canonical form (see `quantum.gauge`), "terms" (H_S by the name of S), "kets" (by
        modality), "psi0", "rho_T" (by torch),
        "observables" (before evolution: measure these on rho(T)) and "heisenberg" (evolved: measure these on psi0),
        both by the name of the
            score and without
        the bias; "bias" by score, "T", and "made_from".

    Raises:
        InvalidInput: when the model has no evolution in time.
    """
    require_time(sample, "Hamiltonian for QuTiP")
    from qfusion.quantum import states
    from qfusion.quantum.decomposition import decompose, subset_name
    from qfusion.track.dynamics import as_ket, as_operator, operators

    model = sample.model
    system, dims = model.system(), tuple(model.dims)
    with torch.no_grad():
        kets = model.encode(sample.inputs)
        psi = model.product_state(kets)[0].to(torch.complex128)
        end = model.evolve_states(states.density(psi), [float(model.duration)])[0]
        read, evolved = model.readout(), model.observables()
    H, jumps = operators(system)
    names, bias = sample.explanation.outputs, model.bias.detach().double()
    return {
        "H": H,
        "jumps": jumps,
        "terms": {
            subset_name(s, sample.modalities): as_operator(part, dims)
            for s, part in decompose(system.H, dims).items()
        },
        "kets": {
            name: as_ket(kets[name][0].numpy(), (dims[m],))
            for m, name in enumerate(sample.modalities)
        },
        "psi0": as_ket(psi.numpy(), dims),
        "rho_T": as_operator(end, dims),
        "observables": {name: as_operator(O, dims) for name, O in zip(names, read, strict=True)},
        "heisenberg": {name: as_operator(O, dims) for name, O in zip(names, evolved, strict=True)},
        "bias": {name: float(value) for name, value in zip(names, bias, strict=True)},
        "T": float(model.duration),
        "made_from": {
            "model": sample.name,
            "weights_sha256": str(sample.work.card["weights_sha256"]),
            "tweak": sample.changed,
            "data": sample.dataset.name,
            "data_sha256": sample.dataset.digest,
            "sample": sample.id,
            "modalities": list(sample.modalities),
        },
    }


def to_bytes(sample: Sample) -> bytes:
    """Returns the content of a .qu file, as `qutip.qsave` would write it."""
    return pickle.dumps(of(sample))
