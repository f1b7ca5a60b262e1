"""One sample's states and observables as NumPy arrays in a file that describes itself and holds no pickled objects."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import numpy as np
import torch
from numpy.lib import format as npy

from qfusion.analysis.sample import Sample
from qfusion.explain.coalitions import Explanation, through_layers, through_time
from qfusion.models import Ability, fusion
from qfusion.quantum import lindblad, states
from qfusion.quantum.decomposition import decompose, subset_name

TIMES = 41
_MADE = (1980, 1, 1, 0, 0, 0)
Described = dict[
    str, tuple[str, np.ndarray]
]  # name -> what it is with its shape and unit, and the numbers


def of(sample: Sample) -> Described:
    """Returns the arrays of a sample by name, each with what it is, its shape and its unit."""
    with torch.no_grad():
        return _common(sample) | next(
            (made(sample) for ability, made in _OF.items() if sample.can(ability)), {}
        )


def to_bytes(sample: Sample) -> bytes:
    """Returns a .npz file of the arrays; the same bytes for the same sample. `numpy.load(file)["about"]` describes
    every array."""
    found = of(sample)
    about = np.array([f"{name} {array.shape}: {words}" for name, (words, array) in found.items()])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, array in {
            "about": about,
            **{name: array for name, (_, array) in found.items()},
        }.items():
            one = io.BytesIO()
            npy.write_array(
                one, np.ascontiguousarray(array) if array.ndim else array, allow_pickle=False
            )
            made.writestr(
                zipfile.ZipInfo(f"{name}.npy", _MADE), one.getvalue(), zipfile.ZIP_DEFLATED
            )
    return buffer.getvalue()


def _common(sample: Sample) -> Described:
    card = sample.work.card
    origin = {
        "model": sample.name,
        "weights_sha256": card["weights_sha256"],
        "tweak": sample.changed,
        "data": sample.dataset.name,
        "data_sha256": sample.dataset.digest,
        "sample": sample.id,
        "background": sample.background.name,
        "background_size": sample.background.size,
    }
    explanation = sample.explanation
    return {
        "made_from": (
            "JSON: model, digests, tweak, data set, sample, background",
            np.array(json.dumps(origin)),
        ),
        "modalities": ("M names, in the order of the tensor product", np.array(sample.modalities)),
        "outputs": ("C names of the scores", np.array(explanation.outputs)),
        "coalitions": (
            "2^M names of groups of modalities, the empty one first",
            np.array(explanation.coalitions),
        ),
        "scores": (
            "(C,) scores of the sample, in units of the target; of classes logits",
            explanation.prediction[0],
        ),
        "bias": (
            "(C,) part of the scores that no state changes",
            sample.model.bias.detach().double().numpy(),
        ),
        "dividends": (
            "(2^M, C) exact contributions of groups; they add up to the scores",
            explanation.dividends[0],
        ),
        "values": (
            "(2^M, C) scores with the groups' modalities known and the others as in the background",
            explanation.values[0],
        ),
        "shapley": ("(M, C) Shapley values of the modalities", explanation.shapley[0]),
    }


def _moments(found: Explanation) -> Described:
    return {
        "dividends_over": (
            "(moments, 2^M, C) contributions if the score were read out then",
            found.dividends[:, 0],
        )
    }


def _jump(sample: Sample) -> Described:
    model, names = sample.model, sample.modalities
    system = model.system()
    kets = model.encode(sample.inputs)
    psi = model.product_state(kets)[0].to(torch.complex128)
    times = np.linspace(0.0, max(float(model.duration), 1e-6), TIMES)
    rho = lindblad.evolve_states(system.H, system.jumps, states.density(psi), times.tolist())
    found: Described = {
        f"ket[{name}]": (
            f"(d,) state of {name} before the evolution, norm 1",
            kets[name][0].numpy(),
        )
        for name in names
    }
    found |= {
        "dims": ("(M,) dimensions d of the modalities; D is their product", np.array(model.dims)),
        "psi0": ("(D,) product state before the evolution", psi.numpy()),
        "times": ("(moments,) times from 0 to T, in units of 1 / energy (hbar = 1)", times),
        "rho": ("(moments, D, D) state of the sample at these times", rho.numpy()),
        "observables": (
            "(moments, C, D, D) O_c(t) in the Heisenberg picture: Tr[O_c(t) rho(0)] + bias is the score read out at t",
            model.observables(times.tolist()).numpy(),
        ),
        "H": ("(D, D) Hamiltonian, energy, without trace and of these L_k", system.H.numpy()),
        "jumps": (
            "(K, D, D) canonical L_k, traceless, orthogonal, by rate; square root of a rate",
            system.jumps.numpy(),
        ),
        "weights": (
            "(C, J) weight of each measured probability in each score, in the order of the measurement vectors",
            model.W.detach().numpy(),
        ),
    }
    for read, v in model.measurement_vectors().items():
        name = subset_name(read, names)
        whole = len(read) == len(names)
        found["measurement_vectors" if whole else f"measurement_vectors[{name}]"] = (
            f"(J, d) unit vectors that measure the state of {'all modalities' if whole else name} at T",
            v.detach().numpy(),
        )
    for subset, part in decompose(system.H, model.dims).items():
        name = subset_name(subset, names)
        found[f"H[{name or 'identity'}]"] = (
            f"(D, D) part of H that acts on exactly {name.replace('+', ', ') or 'nothing'}; the parts add up to H",
            part.numpy(),
        )
    return found | _moments(through_time(model, sample.inputs, sample.background, times.tolist()))


def _kets(sample: Sample) -> Described:
    model, names = sample.model, sample.modalities
    kets = model.encode(sample.inputs)
    return {
        f"ket[{name}]": (f"(d,) state of {name}, norm 1", kets[name][0].numpy()) for name in names
    } | {
        "dims": ("(M,) dimensions d of the modalities; D is their product", np.array(model.dims)),
        "psi": ("(D,) product state", model.product_state(kets)[0].numpy()),
        "observables": (
            "(C, D, D) O_c: Tr[O_c |psi><psi|] + bias is the score",
            model.observables().numpy(),
        ),
    }


def _network(sample: Sample) -> Described:
    from qfusion.track.progress import progress

    model, names = sample.model, sample.modalities
    angles, masses = model.angles(sample.inputs), model.encode(sample.inputs)
    layered = through_layers(model, sample.inputs, sample.background)
    replayed = progress(model, {name: values[0] for name, values in angles.items()})
    x, y, z = np.moveaxis(replayed.bloch, -1, 0)
    qubits = (
        np.stack([np.stack([1 + z, x - 1j * y], -1), np.stack([x + 1j * y, 1 - z], -1)], -2) / 2
    )
    found: Described = {
        f"theta[{name}]": (f"(n,) angles of the qubits of {name}, rad", angles[name][0].numpy())
        for name in names
    }
    found |= {
        f"mass[{name}]": (
            f"(n,) masses sin^2(theta / 2) of {name}, 0 to 1",
            masses[name][0].numpy(),
        )
        for name in names
    }
    return (
        found
        | {
            "phi": (
                "(n, stages, outcomes) angles of the fusion's truth tables, rad",
                model.phi.detach().double().numpy(),
            ),
            "tables": (
                "(n, stages, outcomes) their masses sin^2(phi / 2), 0 to 1",
                torch.sin(model.phi.detach().double() / 2).square().numpy(),
            ),
            "outcomes": (
                "what the controlling qubits read, in the order of the tables",
                np.array(
                    [
                        "".join(str(int(b)) for b in row)
                        for row in fusion.patterns((model.phi.shape[-1] - 1).bit_length())
                    ]
                ),
            ),
            "fused": (
                "(n, 3) (1, <X>, <Z>) of every fused qubit before the network",
                model.fuse(masses)[0][0].numpy(),
            ),
            "qubits": ("Q names of all qubits", np.array(replayed.wires)),
            "gates": (
                "G names of the gates, in order",
                np.array([gate.label for gate in replayed.gates]),
            ),
            "qubit_states": (
                "(G + 1, Q, 2, 2) reduced state of every qubit before the first and after every gate",
                qubits,
            ),
            "entropy": ("(G + 1, Q) its von Neumann entropy, nats", replayed.entropy),
            "observables": (
                "(C, 3, ..., 3) coefficients of the scores in words of {I, X, Z} on the fused qubits",
                model.observables().numpy(),
            ),
            "moments": (
                "places between the layers, at which `dividends_over` stops the circuit",
                np.array(layered.moments),
            ),
        }
        | _moments(layered)
    )


# the first that a model can do
_OF: dict[Ability, Callable[[Sample], Described]] = {
    "time": _jump,
    "layers": _network,
    "kets": _kets,
}
