"""What `qfusion.open` and `qfusion.open_circuit` do with Qiskit, which is imported once a model may use it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from qfusion._checks import check
from qfusion.adapters.gates import Opener
from qfusion.models.protocols import CircuitSource
from qfusion.models.tweak import CircuitChange
from qfusion.quantum.statevector import Gate
from qfusion.study.study import Study


class QiskitOpener(Opener):
    """Circuits of Qiskit, networks of `qiskit_machine_learning`, and OpenQASM."""

    def as_function(self, model: Any) -> Any:
        """Return a quantum neural network as a function of its inputs; any other model as it is.

        Raises:
            InvalidInput: when it has weights, which it does not hold itself.
        """
        if callable(model) or not (hasattr(model, "num_weights") and hasattr(model, "forward")):
            return model
        check(
            model.num_weights == 0,
            f"Argument `model` is a {type(model).__name__}, which does not hold its {model.num_weights} weights. Give "
            "`TorchConnector(network, weights)`, or a function such as `lambda x: network.forward(x, weights)`.",
        )
        return lambda inputs: model.forward(inputs.numpy(), None)

    def make_exact(self, module: nn.Module) -> None:
        """Let networks inside a copy of a module give double precision, see `qiskit_calls.make_exact`."""
        if _has_networks():
            from qfusion.plugins.qiskit import qiskit_calls

            qiskit_calls.make_exact(module)

    def circuit_class(self) -> Callable[..., CircuitSource] | None:
        """Return what finds the circuit of a network, once these are loaded."""
        if not _has_networks():
            return None
        from qfusion.plugins.qiskit import qiskit_circuits

        return qiskit_circuits.QiskitCircuit

    def open_circuit(
        self, circuit: Any, read: Any, weights: Any, name: str, rows: int
    ) -> Study | None:
        """Return a `QuantumCircuit`, or a text or file in OpenQASM, as a study; see `circuit_walks`."""
        library = type(circuit).__module__.partition(".")[0]
        if library != "qiskit" and not isinstance(circuit, (str, Path)):
            return None
        from qfusion.plugins.qiskit import circuit_walks

        return circuit_walks.open_circuit(circuit, read, weights, name, rows)

    def measure_on_device(
        self,
        gates: Sequence[Sequence[Gate]],
        measurements: Sequence[Any],
        labels: Sequence[Any],
        change: CircuitChange,
    ) -> tuple[np.ndarray, ...] | None:
        """Return what a QNode measures on a device, see `pennylane_devices.measure_rows`."""
        from qfusion.plugins.qiskit import pennylane_devices

        return pennylane_devices.measure_rows(gates, measurements, labels, change)


def _has_networks() -> bool:
    return "qiskit_machine_learning" in sys.modules
