"""The entangled QCNN on the noise of a device, exactly, although it has more qubits than a density matrix allows.

Elements are fused apart from each other: each on the best connected qubits of the device, whose state is then reduced
to its fused qubit. The network of the fused qubits is compiled for as many qubits as there are elements, and what it
reads is pulled back through its noisy gates once, for all samples. Moving a fused qubit from one place to the other has
no error, and pooling is controlled by the qubit that is measured at the end.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.errors import translate_import_errors
from qfusion.models import EntangledQCNN
from qfusion.models.network import qcnn
from qfusion.plugins.qiskit import batched_states, devices, qiskit_gates
from qfusion.simulate import fusion_gates

with translate_import_errors():
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector
    from qiskit.circuit.library import RYGate, UCRYGate

ROWS = 64  # at once


class FusionOnDevice:
    """An entangled QCNN on a device, as a function from features to scores, see `live_model.Call`.

    Args:
        model: in double precision.
        device: name of a snapshot.

    Attributes:
        depth: of a fusion and the network after it.
        two_qubit_gates: of all fusions and the network.

    Raises:
        InvalidInput: when the network, or the fusion of an element, has too many qubits.
    """

    def __init__(self, model: EntangledQCNN, device: str):
        self._model, self._shots, self._seed = model, 0, 0
        self.device = devices.load_device(device)
        check(
            model.elements <= devices.MAX_QUBITS,
            f"The network has {model.elements} fused qubits; the noise of a device is simulated exactly for at most "
            f"{devices.MAX_QUBITS}.",
        )
        theta = {name: torch.zeros(model.elements) for name in model.modalities}
        self._fusions = [
            devices.compile_circuit(circuit, self.device)
            for circuit in _fusion_circuits(model, theta)
        ]
        network = devices.compile_circuit(_network_circuit(model), self.device)
        self.depth = max(fusion.depth for fusion in self._fusions) + network.depth
        self.two_qubit_gates = network.two_qubit_gates + sum(
            fusion.two_qubit_gates for fusion in self._fusions
        )
        self.physical = network.physical
        self._pull_back(network)

    def with_shots(self, shots: int, seed: int = 0) -> FusionOnDevice:
        """Return the same circuits with so many shots; 0 for exact expectations."""
        other = copy.copy(self)
        other._shots, other._seed = shots, seed
        return other

    def _pull_back(self, network: devices.CompiledCircuit) -> None:
        """Keep the means and the second moments of the scores as observables of the fused qubits."""
        n = self._model.elements
        eye = torch.eye(2**n, dtype=torch.float64)
        read = qcnn.outcome_scores(self._model.network, eye).detach()  # (2^n, C)
        C = read.shape[1]
        first, second = torch.triu_indices(C, C)
        moments = torch.cat([read, read[:, first] * read[:, second]], 1).T
        for qubit, (up, down) in enumerate(network.readout):
            table = torch.tensor([[1 - up, up], [down, 1 - down]], dtype=torch.float64)[None]
            moments = batched_states.apply_gate(moments, table, (qubit,))
        observables = network.pull_back(torch.diag_embed(moments).to(torch.complex128))
        legs = observables.mT.reshape(-1, *(2,) * (2 * n))
        pairs = [0, *(leg for q in range(n) for leg in (1 + q, 1 + n + q))]
        self._observables = legs.permute(pairs).reshape(len(moments), *(4,) * n)
        self._pairs = (first, second, C)

    def __call__(self, features: Mapping[str, Any]) -> Tensor:
        """Return the scores (B, C) of features by modality."""
        angles = self._model.angles(features)
        theta = torch.stack([angles[name] for name in self._model.modalities], -1).double()
        states = self.fused_states(theta.detach().numpy())
        parts = []
        for start in range(0, len(states), ROWS):
            some = states[start : start + ROWS].flatten(2)  # (b, n, 4)
            result = self._observables[None].expand(len(some), *self._observables.shape)
            for qubit in range(some.shape[1]):
                result = torch.einsum("bi,bci...->bc...", some[:, qubit], result)
            parts.append(result.real)
        moments = torch.cat(parts)
        first, second, C = self._pairs
        means = moments[:, :C]
        if self._shots:
            covariance = torch.zeros(len(means), C, C, dtype=torch.float64)
            spread = moments[:, C:] - means[:, first] * means[:, second]
            covariance[:, first, second] = covariance[:, second, first] = spread
            means = means + self._scatter(covariance)
        return means + self._model.bias.detach().double()

    def _scatter(self, covariance: Tensor) -> Tensor:
        """Return the deviations (B, C) of means over the shots, normally distributed."""
        weights, vectors = torch.linalg.eigh(covariance / self._shots)
        generator = batched_states.shot_generator(self._seed, covariance.numpy())
        normal = generator.normal(size=weights.shape)
        sizes = weights.clamp_min(0).sqrt() * torch.from_numpy(normal)
        return (vectors @ sizes[..., None])[..., 0]

    def fused_states(self, theta: np.ndarray) -> Tensor:
        """Return the density matrices (B, n, 2, 2) of the fused qubits, of angles (B, n, M) of the modalities."""
        parts = []
        for element, fusion in enumerate(self._fusions):
            rho = fusion.density_matrices(theta[:, element])
            half = rho.shape[1] // 2
            blocks = rho.reshape(len(rho), half, 2, half, 2)
            parts.append(torch.einsum("baiaj->bij", blocks))
        return torch.stack(parts, 1)


def _fusion_circuits(model: EntangledQCNN, theta: Mapping[str, Tensor]) -> list[Any]:
    """Return the circuit of every element: angles of modalities are parameters, and its last qubit is the fused one."""
    values, fused, _, gates = fusion_gates.lay_out_gates(model, theta)
    circuits = []
    for element, last in enumerate(fused):
        mine = [g for g in gates if g.element == element and g.kind in fusion_gates.STAGES[:2]]
        names = list(dict.fromkeys(wire for gate in mine for wire in gate.wires))
        names = [name for name in names if name != last] + [last]
        angles = ParameterVector("theta", len(model.modalities))
        circuit = QuantumCircuit(len(names))
        for gate in mine:
            on = [names.index(wire) for wire in gate.wires]
            ((table, place),) = gate.takes
            if table == "theta":
                circuit.append(RYGate(angles[place[1]]), on)
            else:
                phi = values[table][place].reshape(-1).tolist()
                circuit.append(UCRYGate(phi), [on[-1], *reversed(on[:-1])])
        circuits.append(circuit)
    return circuits


def _network_circuit(model: EntangledQCNN) -> Any:
    circuit = QuantumCircuit(model.elements)
    with torch.no_grad():
        for step in model.network.steps:
            matrix = model.network.matrix(step).to(torch.complex128).numpy()
            circuit.unitary(qiskit_gates.reorder(matrix), step.wires)
    return circuit
