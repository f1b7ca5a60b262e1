"""Models as tutorials of their libraries write them, data for them, and references for what is shown of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import qutip
import torch
from scipy.special import log_softmax
from torch import Tensor, nn

from qfusion.quantum import statevector
from qfusion.simulate import fusion_gates
from qfusion.study.study import Study

ROWS = 60


def two_modalities(left: int = 4, right: int = 3, rows: int = ROWS) -> dict[str, np.ndarray]:
    """Returns features of two modalities and two classes that depend on their product."""
    random = np.random.default_rng(0)
    a, b = random.normal(size=(rows, left)), random.normal(size=(rows, right))
    return {"left": a, "right": b, "y": (a[:, 0] * b[:, 0] > 0).astype(int)}


def angle_classifier() -> nn.Module:
    """Returns a hybrid network: linear layers, AngleEmbedding, StronglyEntanglingLayers, a linear layer."""
    import pennylane as qml

    torch.manual_seed(0)
    device = qml.device("default.qubit", wires=4)

    @qml.qnode(device, interface="torch")
    def circuit(inputs, weights):
        qml.AngleEmbedding(inputs, wires=range(4))
        qml.StronglyEntanglingLayers(weights, wires=range(4))
        return [qml.expval(qml.PauliZ(wire)) for wire in range(4)]

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(4, 2), nn.Linear(3, 2)
            self.quantum = qml.qnn.TorchLayer(circuit, {"weights": (2, 4, 3)})
            self.out = nn.Linear(4, 2)

        def forward(self, left, right):
            return self.out(self.quantum(torch.cat([self.left(left), self.right(right)], 1)))

    return Net()


def amplitude_classifier() -> Callable[..., Any]:
    """Returns a function with a QNode of amplitude embedding and BasicEntanglerLayers."""
    import pennylane as qml

    random = torch.Generator().manual_seed(1)
    weights = torch.randn(2, 3, generator=random, dtype=torch.float64, requires_grad=True)
    device = qml.device("default.qubit", wires=3)

    @qml.qnode(device)
    def circuit(features):
        qml.AmplitudeEmbedding(features, wires=range(3), normalize=True, pad_with=0.1)
        qml.BasicEntanglerLayers(weights, wires=range(3))
        return qml.probs(wires=0)

    def classify(left, right):
        return circuit(torch.cat([left, right], 1))

    return classify


def reuploading_classifier() -> Callable[..., Any]:
    """Returns a function whose QNode encodes each modality on its own qubit three times."""
    import pennylane as qml

    random = torch.Generator().manual_seed(2)
    weights = torch.randn(3, 2, 3, generator=random, dtype=torch.float64, requires_grad=True)
    device = qml.device("default.qubit", wires=["a", "b"])

    @qml.qnode(device)
    def circuit(left, right):
        for layer in weights:
            for wire, features in (("a", left), ("b", right)):
                qml.Rot(features[..., 0], features[..., 1], features[..., 2], wires=wire)
                qml.Rot(*layer["ab".index(wire)], wires=wire)
            qml.CNOT(wires=["a", "b"])
        return qml.expval(qml.PauliZ("a")), qml.expval(qml.PauliZ("b"))

    def scores(left, right):
        return torch.stack(circuit(left, right), -1)

    return scores


def convolutional_classifier() -> Callable[..., Any]:
    """Returns a quantum convolutional network with pooling by measurement, as in PennyLane's tutorials."""
    import pennylane as qml
    from pennylane import numpy as pnp

    random = np.random.default_rng(3)
    weights = pnp.array(random.normal(size=(2, 15)), requires_grad=True)
    device = qml.device("default.qubit", wires=4)

    def convolve(angles, wires):
        for first, second in (wires, wires[::-1]):
            qml.U3(*angles[:3], wires=first)
            qml.U3(*angles[3:6], wires=second)
            qml.IsingXX(angles[6], wires=[first, second])
            qml.IsingZZ(angles[7], wires=[first, second])

    @qml.qnode(device, interface="torch")
    def circuit(left, right):
        qml.AngleEmbedding(left[..., :2], wires=[0, 1], rotation="Y")
        qml.AngleEmbedding(right[..., :2], wires=[2, 3], rotation="Y")
        for pair in ([0, 1], [2, 3], [1, 2]):
            convolve(weights[0], pair)
        for measured, stays in ((0, 1), (3, 2)):
            outcome = qml.measure(measured)
            qml.cond(outcome, qml.U3)(*weights[0][8:11], wires=stays)
        convolve(weights[1], [1, 2])
        return qml.expval(qml.PauliZ(2))

    def score(left, right):
        return 3 * circuit(left, right)

    return score


def picture_and_text() -> tuple[nn.Module, dict[str, np.ndarray]]:
    """Returns a hybrid of a small CNN on pictures and a linear layer on text before a circuit, and its data."""
    import pennylane as qml

    torch.manual_seed(4)
    device = qml.device("default.qubit", wires=2)

    @qml.qnode(device, interface="torch")
    def circuit(inputs, weights):
        qml.AngleEmbedding(inputs, wires=range(2))
        qml.BasicEntanglerLayers(weights, wires=range(2))
        return [qml.expval(qml.PauliZ(wire)) for wire in range(2)]

    class Hybrid(nn.Module):
        def __init__(self):
            super().__init__()
            self.see = nn.Sequential(
                nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 1)
            )
            self.read = nn.Linear(5, 1)
            self.quantum = qml.qnn.TorchLayer(circuit, {"weights": (2, 2)})
            self.out = nn.Linear(2, 3)

        def forward(self, picture, text):
            seen = self.see(picture.reshape(-1, 1, 8, 8))
            return self.out(self.quantum(torch.cat([seen, self.read(text)], 1)))

    random = np.random.default_rng(4)
    data = {
        "picture": random.random((ROWS, 8, 8)),
        "text": random.normal(size=(ROWS, 5)),
        "y": np.arange(ROWS) % 3,
    }
    return Hybrid(), data


def brute_force_dividends(
    study: Study, row: int, scores: Callable[[Mapping[str, Tensor]], np.ndarray], output: int
) -> dict[str, float]:
    """Returns baseline and dividends of one sample by evaluating every coalition over the study's background.

    Args:
        scores: features -> scores before the log-odds, (B, C).
        output: number of the explained class, whose log-odds against the others are explained; of one score, 0.
    """
    names, background = study.modalities, study.sample_background
    own = {name: study.dataset.inputs([row], torch.float64)[name] for name in names}
    values = {}
    for size in range(len(names) + 1):
        for inside in itertools.combinations(names, size):
            mixed = {
                name: own[name].expand(background.size, *own[name].shape[1:])
                if name in inside
                else background.states[name]
                for name in names
            }
            values[inside] = float(_log_odds(scores(mixed), output).mean())
    return {
        "+".join(inside): sum(
            (-1) ** (len(inside) - len(other)) * value
            for other, value in values.items()
            if set(other) <= set(inside)
        )
        for inside in values
    }


def _log_odds(scores: np.ndarray, output: int) -> np.ndarray:
    if scores.shape[1] == 1:
        return scores[:, 0]
    logs = log_softmax(scores, axis=1)
    others = np.delete(logs, output, axis=1)
    return logs[:, output] - others.mean(1)


def states_of_gates(study: Study, row: int) -> list[np.ndarray]:
    """Returns the state after every gate of a sample's circuit, as qfusion follows it."""
    model = study.model
    gates = model.gates(model.encode(study.inputs([row])))
    return [
        psi.numpy() for psi in statevector.apply_circuit(gates, sum(model.registers().values()))
    ][1:]


def register_entropies(psi: np.ndarray, registers: Mapping[str, int]) -> dict[str, float]:
    """Returns the von Neumann entropy of every register of a state in nats, by QuTiP."""
    state = qutip.Qobj(psi, dims=[[2**size for size in registers.values()], [1] * len(registers)])
    return {
        name: float(qutip.entropy_vn(state.ptrace(place))) for place, name in enumerate(registers)
    }


def entangled_qcnn_by_hand(model: Any) -> Callable[..., Any]:
    """Returns an entangled QCNN written by hand in PennyLane, with the weights of one of ours.

    The modality qubits are turned by the angles of the classical modules, fused by multiplexed rotations, and read by
    convolutions and poolings, each written out.
    """
    import pennylane as qml

    n, names = model.elements, model.modalities
    phi, network = model.phi.detach().double().numpy(), model.network
    convolution, pooling = network.convolution.detach(), network.pooling.detach()

    def convolve(w, a, b):
        qml.U3(w[0], w[1], w[2], wires=a)
        qml.U3(w[3], w[4], w[5], wires=b)
        qml.CNOT(wires=[a, b])
        qml.RY(w[6], wires=a)
        qml.RZ(w[7], wires=b)
        qml.CNOT(wires=[b, a])
        qml.RY(w[8], wires=a)
        qml.CNOT(wires=[a, b])
        qml.U3(w[9], w[10], w[11], wires=a)
        qml.U3(w[12], w[13], w[14], wires=b)

    def pool(w, measured, stays):
        outcome = qml.measure(measured)
        qml.cond(outcome == 0, qml.U3)(*w[network.pooling_angles(0)], wires=stays)
        qml.cond(outcome == 1, qml.U3)(*w[network.pooling_angles(1)], wires=stays)

    @qml.qnode(qml.device("default.qubit"), interface="torch")
    def circuit(theta):
        for i in range(n):
            for name in names:
                qml.RY(theta[name][..., i], wires=f"{name}{i}")
            controls = [f"{name}{i}" for name in names]
            qml.SelectPauliRot(
                phi[i, 0], control_wires=controls, target_wire=f"fused{i}", rot_axis="Y"
            )
        for step in network.steps:
            a, b = (f"fused{q}" for q in step.wires)
            if step.kind == "conv":
                convolve(convolution[step.layer], a, b)
            else:
                pool(pooling[step.layer], a, b)
        return qml.probs(wires=[f"fused{i}" for i in range(n)])

    values = fusion_gates.outcome_scores(model)

    def scores(**features):
        angles = model.angles({name: x.to(model.bias.dtype) for name, x in features.items()})
        outcomes = circuit({name: angle.double() for name, angle in angles.items()})
        return outcomes.double() @ values + model.bias.double()

    return scores
