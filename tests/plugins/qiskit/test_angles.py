"""Scores as exact functions of one angle of a circuit of Qiskit, against the model with that angle set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import qfusion
from qfusion.explain.angle_response import angle_names, angle_response
from tests.support import own_models
from tests.support.angle_errors import EXACT, worst_error

pytest.importorskip("qiskit_machine_learning", reason="needs the extra `qiskit`")

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, library
from qiskit.quantum_info import SparsePauliOp
from qiskit_machine_learning.connectors import TorchConnector
from qiskit_machine_learning.neural_networks import EstimatorQNN

from qfusion.plugins.qiskit.bare_circuits import circuit_model

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("read", [["IZ", "XY"], {"0": ["00", "11"], "1": ["01", "10"]}])
def test_gates_of_qiskit(read: Any) -> None:
    x, y, *weights = (Parameter(name) for name in "xyabcdefgh")
    circuit = QuantumCircuit(2)
    circuit.ry(x, 0)
    circuit.rx(y, 1)
    circuit.u(weights[0], weights[1], weights[2], 0)
    circuit.rxx(weights[3], 0, 1)
    circuit.cry(weights[4], 1, 0)
    circuit.cp(weights[5], 0, 1)
    circuit.append(library.XXMinusYYGate(weights[6], 0.3), [0, 1])
    circuit.append(library.RGate(0.8, weights[7]), [0])
    values = dict(zip("abcdefgh", RANDOM.uniform(-3, 3, 8).tolist(), strict=True))
    model = circuit_model(circuit, {"left": [x], "right": [y]}, read, weights=values, head=None)
    study = qfusion.open(model, own_models.two_modalities(1, 1, rows=20))
    inputs, own = study.inputs([4]), study.sample_background
    names = angle_names(study.model)
    counts = {}
    for name in names:
        found = angle_response(study.model, inputs, name, own)
        counts[name] = found.evaluations
        assert worst_error(study.model, inputs, found, own) < EXACT
    expected = {"3.theta": 3, "3.phi": 3, "3.delta": 3, "4.angle": 3, "5.angle": 5, "6.angle": 3}
    assert {name: counts[name] for name in expected} == expected
    assert counts["7.angle_1"] == 5
    assert counts["8.angle_2"] == 5  # in two places of its gate


def test_a_network_of_qiskit_inside_a_model() -> None:
    x, y, w = (Parameter(name) for name in "xyw")
    circuit = QuantumCircuit(2)
    circuit.ry(x, 0)
    circuit.rx(y, 1)
    circuit.crx(w, 0, 1)
    words = [SparsePauliOp("ZI"), SparsePauliOp("YX")]
    network = EstimatorQNN(
        circuit=circuit, input_params=[x, y], weight_params=[w], observables=words
    )

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.quantum = TorchConnector(network)

        def forward(self, left: Any, right: Any) -> Any:
            return torch.relu(self.quantum(torch.cat([left, right], 1)))

    study = qfusion.open(Model(), own_models.two_modalities(1, 1, rows=20))
    inputs, own = study.inputs([4]), study.sample_background
    (name,) = angle_names(study.model)
    found = angle_response(study.model, inputs, name, own)
    assert (found.evaluations, found.is_linear) == (5, False)
    assert worst_error(study.model, inputs, found, own) < EXACT
