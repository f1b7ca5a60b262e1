"""Accuracy and contributions on devices, from calibration snapshots, beside the ideal ones.

    python benchmarks/devices.py [--shots 4000] [--rows 200]

For `qcnn-parity` and a circuit that is brought (a feature map and an ansatz of Qiskit, trained here for some seconds on
three features of each of two modalities), on two snapshots each: ideal accuracy, accuracy on the device with the
interval of the shots, decisions that stay the same, depth and gates on two qubits of the compiled circuit, and the
contributions of one sample. Needs the extra `devices`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import qfusion  # noqa: E402
from qfusion.plugins.qiskit import device_runs  # noqa: E402
from qfusion.plugins.qiskit.bare_circuits import circuit_model  # noqa: E402
from qfusion.study.opening import open_study  # noqa: E402

SNAPSHOTS = {
    "qcnn-parity": ("FakeGuadalupeV2", "FakeSherbrooke"),
    "brought": ("FakeManilaV2", "FakeSherbrooke"),
}


def brought_study() -> Any:
    """A circuit of Qiskit on 4 qubits whose weights are fitted to which of two products of features is larger."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector
    from qiskit.circuit.library import real_amplitudes

    features = ParameterVector("x", 4)
    circuit = QuantumCircuit(4)
    for qubit, feature in enumerate(features):
        circuit.ry(feature, qubit)
    ansatz = real_amplitudes(4, reps=2, entanglement="circular")
    circuit.compose(ansatz, inplace=True)
    random = np.random.default_rng(0)
    x = random.uniform(-np.pi / 2, np.pi / 2, (400, 4))
    y = (np.sin(x[:, 0]) * np.sin(x[:, 2]) > np.sin(x[:, 1]) * np.sin(x[:, 3])).astype(int)
    data = {"left": x[:, :2], "right": x[:, 2:], "y": y}
    table = {"left": list(features)[:2], "right": list(features)[2:]}
    read = ["IIIZ", "IIZI", "IZII", "ZIII", "IZIZ", "ZIZI"]

    def model(weights: np.ndarray, head: Any = None) -> Any:
        return circuit_model(circuit, table, read, weights=weights, head=head)

    best: tuple[float, Any, Any] = (0.0, None, None)
    chosen = random.permutation(400)[:240]
    for _ in range(60):  # random weights with a fitted head
        weights = random.uniform(-np.pi, np.pi, ansatz.num_parameters)
        values = model(weights)(
            left=torch.as_tensor(data["left"]), right=torch.as_tensor(data["right"])
        ).numpy()
        design = np.column_stack([values, np.ones(len(values))])
        solution, *_ = np.linalg.lstsq(design[chosen], 2.0 * y[chosen] - 1, rcond=None)
        accuracy = float(((design[chosen] @ solution > 0) == y[chosen]).mean())
        if accuracy > best[0]:
            best = accuracy, weights, solution
    _, weights, solution = best
    head = (np.stack([-solution[:-1], solution[:-1]]) * 3, np.array([-3, 3]) * solution[-1])
    return qfusion.open(model(weights, head), data, name="brought")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shots", type=int, default=4000)
    parser.add_argument("--rows", type=int, default=200)
    options = parser.parse_args()
    studies = {"qcnn-parity": open_study("qcnn-parity"), "brought": brought_study()}
    for name, study in studies.items():
        rows = study.dataset.rows("test")[: options.rows]
        for device in SNAPSHOTS[name]:
            run = device_runs.run_on_device(study, device, shots=options.shots)
            accuracy = device_runs.accuracy_on_device(study, device, rows=rows, shots=options.shots)
            print(
                f"{name} on {device} (calibrated {run.device.date}): qubits {list(run.physical)}, depth {run.depth}, "
                f"{run.two_qubit_gates} gates on two qubits"
            )
            print(
                f"  accuracy of {accuracy.rows} test rows: ideal {accuracy.ideal:.3f}, device {accuracy.device:.3f}, "
                f"with {options.shots:,} shots [{accuracy.low:.3f}, {accuracy.high:.3f}]; same decision "
                f"{accuracy.same:.3f}"
            )
            print(run.contributions.round(4).to_string())


if __name__ == "__main__":
    main()
