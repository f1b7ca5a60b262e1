"""The physics of one sample as arrays of NumPy or as objects of QuTiP, in files."""

import io
import json
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion import simulate
from qfusion.explain import Explanation, explain_layers, explain_times
from qfusion.models.network import truth_tables
from qfusion.models.protocols import Evolution, KetStates, LayeredNetwork
from qfusion.quantum import decomposition, lindblad, states
from qfusion.simulate import trajectories
from qfusion.study.sample import Sample

# name -> (description with shape and unit, array)
Described = dict[str, tuple[str, np.ndarray]]

_SCORES = "log-odds of each class against the others (nats), or the score of a regression (unit of the target)"


@torch.no_grad()
def arrays_bytes(sample: Sample) -> bytes:
    """Return the content of a .npz file with the arrays of a sample; equal samples give equal bytes.

    `numpy.load(file)["about"]` describes every array with its shape and unit.
    """
    model_arrays: dict[type, Callable[[Sample], Described]] = {
        Evolution: _jump,
        LayeredNetwork: _network,
        KetStates: _kets,
    }
    arrays = _common(sample)
    for protocol, describe in model_arrays.items():
        if sample.model.part(protocol):
            arrays |= describe(sample)
            break
    about = [f"{name} {array.shape}: {words}" for name, (words, array) in arrays.items()]
    files: dict[str, Any] = {name: array for name, (_, array) in arrays.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, about=np.array(about), **files)
    return buffer.getvalue()


def _common(sample: Sample) -> Described:
    """Return the arrays that samples of every model have: names, scores, contributions."""
    origin = {
        "model": sample.name,
        "weights_sha256": sample.study.card["weights_sha256"],
        "tweak": sample.tweak_text,
        "data": sample.dataset.name,
        "data_sha256": sample.dataset.digest,
        "sample": sample.id,
        "background": sample.background.name,
        "background_size": sample.background.samples,
    }
    explanation = sample.explanation
    return {
        "made_from": (
            "JSON: model, digests, tweak, data set, sample, background",
            np.array(json.dumps(origin)),
        ),
        "modalities": ("M names, in the order of the tensor product", np.array(sample.modalities)),
        "outputs": (
            "C names of the classes, or of the score of a regression",
            np.array(explanation.outputs),
        ),
        "coalitions": (
            "2^M names of groups of modalities, the empty one first",
            np.array(explanation.coalitions),
        ),
        "scores": (
            f"(C,) {_SCORES}",
            explanation.prediction[0],
        ),
        "logit_scale": (
            "number by which scores of classes are multiplied before a softmax",
            np.array(float(explanation.logit_scale)),
        ),
        "bias": (
            "(C,) part of the scores that no state changes, in their unit",
            sample.model.bias.detach().double().numpy(),
        ),
        "dividends": (
            "(2^M, C) contributions of groups, in the unit of the scores, which they add up to",
            explanation.dividends[0],
        ),
        "values": (
            "(2^M, C) scores with the groups' modalities known and the others as in the background",
            explanation.values[0],
        ),
        "shapley": (
            "(M, C) Shapley values of the modalities, in the unit of the scores",
            explanation.shapley[0],
        ),
    }


def _moments(explanation: Explanation) -> Described:
    """Return the contributions at every moment at which the scores are read out."""
    return {
        "dividends_over": (
            "(moments, 2^M, C) contributions if the score were read out then",
            explanation.dividends[:, 0],
        )
    }


def _jump(sample: Sample) -> Described:
    """Return the arrays of a quantum-jump model: states and observables over time, H, jump operators, read-out."""
    model, names = sample.model, sample.modalities
    system = model.system()
    kets = model.encode(sample.inputs)
    psi = model.product_state(kets)[0].to(torch.complex128)
    times = np.linspace(0.0, max(float(model.duration), 1e-6), 41)
    described: Described = {}
    for name in names:
        described[f"ket[{name}]"] = (
            f"(d,) state of {name} before the evolution, norm 1",
            kets[name][0].numpy(),
        )
    described |= {
        "dims": ("(M,) dimensions d of the modalities; D is their product", np.array(model.dims)),
        "psi0": ("(D,) product state before the evolution", psi.numpy()),
        "times": ("(moments,) times from 0 to T, in units of 1 / energy (hbar = 1)", times),
        "rho": (
            "(moments, D, D) state of the sample at these times",
            lindblad.evolve_states(
                system.H, system.jumps, states.density(psi), times.tolist()
            ).numpy(),
        ),
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
        name = decomposition.subset_name(read, names)
        key, measured = f"measurement_vectors[{name}]", name
        if len(read) == len(names):
            key, measured = "measurement_vectors", "all modalities"
        described[key] = (
            f"(J, d) unit vectors that measure the state of {measured} at T",
            v.detach().numpy(),
        )
    for subset, part in decomposition.decompose(system.H, model.dims).items():
        name = decomposition.subset_name(subset, names)
        described[f"H[{name or 'identity'}]"] = (
            f"(D, D) part of H that acts on exactly {name.replace('+', ', ') or 'nothing'}; the parts add up to H",
            part.numpy(),
        )
    return described | _moments(
        explain_times(model, sample.inputs, sample.background, times.tolist())
    )


def _kets(sample: Sample) -> Described:
    """Return the arrays of a model of kets without time: states and observables."""
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
    """Return the arrays of an entangled-fusion network: angles, masses, truth tables, qubits, observables."""
    model = sample.model
    angles = {name: values[0] for name, values in model.angles(sample.inputs).items()}
    masses = model.encode(sample.inputs)
    phi = model.phi.detach().double()
    layered = explain_layers(model, sample.inputs, sample.background)
    replayed = simulate.gate_replay.replay_fusion(model, angles)
    described: Described = {}
    for name in sample.modalities:
        described[f"theta[{name}]"] = (
            f"(n,) angles of the qubits of {name}, rad",
            angles[name].numpy(),
        )
    for name in sample.modalities:
        described[f"mass[{name}]"] = (
            f"(n,) masses sin^2(theta / 2) of {name}, 0 to 1",
            masses[name][0].numpy(),
        )
    described |= {
        "phi": ("(n, stages, outcomes) angles of the fusion's truth tables, rad", phi.numpy()),
        "tables": (
            "(n, stages, outcomes) their masses sin^2(phi / 2), 0 to 1",
            torch.sin(phi / 2).square().numpy(),
        ),
        "outcomes": (
            "what the controlling qubits read, in the order of the tables",
            _outcome_names(phi.shape[-1]),
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
            _qubit_states(replayed.bloch),
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
    return described | _moments(layered)


def _outcome_names(outcomes: int) -> np.ndarray:
    """Return the readings of the controlling qubits, such as "01", in the order of the truth tables."""
    qubits = (outcomes - 1).bit_length()
    return np.array(
        ["".join(str(int(bit)) for bit in row) for row in truth_tables.patterns(qubits)]
    )


def _qubit_states(bloch: np.ndarray) -> np.ndarray:
    """Return the density matrices (..., 2, 2) of Bloch vectors (..., 3): (1 + x X + y Y + z Z) / 2."""
    x, y, z = np.moveaxis(bloch, -1, 0)
    first_row = np.stack([1 + z, x - 1j * y], -1)
    second_row = np.stack([x + 1j * y, 1 - z], -1)
    return np.stack([first_row, second_row], -2) / 2


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
