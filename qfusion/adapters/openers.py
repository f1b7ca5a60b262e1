"""Models and circuits of libraries that plugins know, see `Plugin.openers`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from torch import nn

from qfusion import plugin
from qfusion.analysis.study import Study
from qfusion.models.protocols import CircuitSource
from qfusion.models.tweak import CircuitChange
from qfusion.quantum.statevector import Gate


class Opener:
    """What is done with models and circuits of one library. A plugin overrides what its library needs.

    Every opener is asked about every model, so it imports its library only where the model may use it.
    """

    def as_function(self, model: Any) -> Any:
        """Return a model of the library as a function or a module; any other as it is."""
        return model

    def make_exact(self, module: nn.Module) -> None:
        """Let what the library adds to a copy of a module give double precision, without noise."""

    def circuit_class(self) -> Callable[..., CircuitSource] | None:
        """Return what finds a circuit of the library in a call, as `pennylane_circuits.PennyLaneCircuit` does; None
        where the library is not loaded, so that no model uses it.
        """
        return None

    def open_circuit(
        self, circuit: Any, read: Any, weights: Any, name: str, rows: int
    ) -> Study | None:
        """Return a circuit of the library as a study, see `circuit_walks.open_circuit`; None of any other."""
        return None

    def measure_on_device(
        self,
        gates: Sequence[Sequence[Gate]],
        measurements: Sequence[Any],
        labels: Sequence[Any],
        change: CircuitChange,
    ) -> tuple[np.ndarray, ...] | None:
        """Return what a QNode measures under the noise of `change.device`; None where it simulates no devices.

        Args:
            gates: of each row. measurements: of PennyLane, the same for all rows.
            labels: of all qubits. change: with a device, and shots or none.

        Returns:
            One array (B, ...) for each measurement.
        """
        return None


def openers() -> Iterator[Opener]:
    """Yield the openers of all plugins."""
    for name in plugin.entries("openers"):
        yield plugin.load_name(name)()
