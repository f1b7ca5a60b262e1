"""Studies of models that are circuits of plain unitary gates; their coalitions are evaluated."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from qfusion import track
from qfusion.analysis.spaces.base import name_readouts
from qfusion.analysis.spaces.evaluated import EvaluatedSpace


class GateSpace(EvaluatedSpace):
    """The samples of a study of a circuit of gates."""

    def circuit(self, row: int, words: str = "") -> Any:
        """Return the circuit of one sample in PennyLane."""
        model = self.study.model
        return track.gate_circuit.gate_circuit(model, model.encode(self.study.inputs([row])))

    @torch.no_grad()
    def tweaked_scores(self, rows: np.ndarray, tweak: Any) -> np.ndarray:
        """Return the scores of rows with edited gates, (n, C)."""
        model = self.study.model.tweaked(tweak)
        return np.asarray(model.scores(model.encode(self.study.inputs(rows))).double().numpy())

    def sample_entropies(self, sample: Any) -> dict[str, float]:
        """Return the von Neumann entropy of every register at the end of the circuit, in nats; of one register alone it
        is 0.
        """
        model = sample.model
        registers = model.registers()
        gates = model.gates(model.encode(self.study.inputs([sample.row])))
        return track.gate_replay.register_entropies(gates, registers)

    def readouts(self) -> dict[str, tuple[str, ...]]:
        """Return all qubits, and the further products of Z that the model reads."""
        model = self.study.model
        wires = track.gate_replay.qubit_names(model.registers())
        words = [(q,) for q in range(len(wires))]
        words += [word for word in getattr(model, "words", ()) if len(word) > 1]
        return name_readouts(wires, words)
