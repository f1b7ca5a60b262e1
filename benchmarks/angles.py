"""Scores along one angle: evaluations, largest error and time, beside running the model on a grid of angles.

    python benchmarks/angles.py [MODEL] [DATA]

Prints one row an angle of a shipped entangled-fusion network and of a circuit of PennyLane: the evaluations that the
exact function takes, its largest difference from the model at every angle of the grid (scores and the values of all
coalitions), and the seconds of both, in the same run.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import torch

import qfusion
from qfusion import explain
from qfusion.explain.angle_response import angle_names, angle_response
from qfusion.models.network import gate_angles
from qfusion.study import opening

GRID = 181  # angles over 4 pi: half of them lie in every period of 2 pi
NAMES = 2  # angles of the tables, and of each part of the network
HEAD = f"{'angle':<22}{'evaluations':>12}{'exact (s)':>12}{f'{GRID} runs (s)':>16}{'times':>8}{'error':>12}"


def main() -> None:
    """Measure a network and a circuit of PennyLane."""
    model, data = [*sys.argv[1:], *("qcnn-scenes", "scenes")[len(sys.argv) - 1 :]][:2]
    study = opening.open_study(model, data)
    names = angle_names(study.model)
    chosen = [name for name in names if name[0].isdigit()][:NAMES]
    chosen += [f"{part}.0.{k}" for part in ("convolution", "pooling") for k in range(NAMES)]
    print(f"{model} on {data}\n{HEAD}")
    for name in chosen:
        print(measure(study, name))
    own = qfusion.open(pennylane_model(), two_modalities())
    print(f"a circuit of PennyLane\n{HEAD}")
    for name in angle_names(own.model):
        print(measure(own, name))


def measure(study: Any, name: str) -> str:
    """Return one row: an angle on the first test sample."""
    model, background = study.model, study.sample_background
    inputs = study.inputs(study.dataset.rows("test")[:1])
    angles = np.linspace(-2 * np.pi, 2 * np.pi, GRID)
    begun = time.perf_counter()
    response = angle_response(model, inputs, name, background)
    scores, values = response.values(angles), response.coalition_values(angles)
    exact = time.perf_counter() - begun
    begun = time.perf_counter()
    runs = [
        explain.explain(gate_angles.with_angle(model, name, angle), inputs, background)
        for angle in angles.tolist()
    ]
    brute = time.perf_counter() - begun
    error = max(
        np.abs(scores - [run.prediction for run in runs]).max(),
        np.abs(values - [run.values for run in runs]).max(),
    )
    return f"{name:<22}{response.evaluations:>12}{exact:>12.3f}{brute:>16.2f}{brute / exact:>8.1f}{error:>12.1e}"


def pennylane_model() -> Any:
    """Return a function with a QNode of two qubits, three trained gates and a nonlinear layer."""
    import pennylane as qml

    weights = torch.tensor([0.3, 0.7, -1.1], dtype=torch.float64, requires_grad=True)

    @qml.qnode(qml.device("default.qubit", wires=2))
    def circuit(left: Any, right: Any) -> Any:
        qml.RY(left[..., 0], 0)
        qml.RY(right[..., 0], 1)
        qml.RX(weights[0], 0)
        qml.CRY(weights[1], wires=[0, 1])
        qml.IsingXX(weights[2], wires=[0, 1])
        return qml.expval(qml.Z(0)), qml.expval(qml.Z(1))

    return lambda left, right: torch.tanh(2 * torch.stack(circuit(left, right), -1))


def two_modalities() -> dict[str, np.ndarray]:
    """Return random features of two modalities, and classes by the sign of their product."""
    left, right = np.random.default_rng(0).normal(size=(2, 60, 1))
    return {"left": left, "right": right, "y": (left[:, 0] * right[:, 0] > 0).astype(int)}


if __name__ == "__main__":
    main()
