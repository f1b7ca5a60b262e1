"""A sample's way through a drawn circuit: the states after every gate, and the drawing's boxes and wires."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qfusion.figures.circuit_diagram import Box, Wire
from qfusion.quantum.statevector import Cone, Step
from qfusion.simulate import fusion_gates


@dataclass(frozen=True, eq=False)
class Replay:
    """One sample's passage through a circuit of either system.

    Attributes:
        boxes, wires: of the drawing, in the order of the qubits below.
        gates: what every gate does, in words: (name, qubits, sentence, values).
        bloch: (G + 1, Q, 3); entropy: (G + 1, Q) nats.
        moments: per gate the qubits it concerns, their density matrix before and after, and their mutual information
            (or None).
        parts: where parts of the circuit begin, as numbers of gates done, and their names.
        followed: places in `wires` of the qubits that live to the end.
        says: what the circuit is to the sample, where that is to be said.
        across: columns that are drawn at once, where there may be many; 0 for all.
        steps: every gate as far as a light cone asks, by places in `wires`; empty where none is asked for.
        takes: of every gate of a network, where its angles stand: names of parameters and indices in them.
    """

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    gates: tuple[tuple[str, tuple[str, ...], str, dict[str, float]], ...]
    bloch: np.ndarray
    entropy: np.ndarray
    moments: tuple[tuple[tuple[str, ...], np.ndarray, np.ndarray, tuple[float, float] | None], ...]
    parts: tuple[tuple[int, str], ...]
    followed: tuple[int, ...]
    says: str = ""
    across: int = 0
    steps: tuple[Step[int], ...] = ()
    takes: tuple[tuple[fusion_gates.Reference, ...], ...] = ()

    @property
    def count(self) -> int:
        """Number of gates."""
        return len(self.gates)

    def visible_boxes(self, at: int) -> tuple[Box, ...]:
        """Return the boxes to be drawn when so many gates are done: all, or the columns around the last of these."""
        first, across = self._columns(at)
        return tuple(
            replace(box, column=box.column - first)
            for box in self.boxes
            if first <= box.column < first + across
        )

    def _columns(self, at: int) -> tuple[int, int]:
        """Return the first of the columns that are drawn when so many gates are done, and how many these are."""
        columns = 1 + max(int(box.column) for box in self.boxes)
        if not 0 < self.across < columns:
            return 0, columns
        here = next((int(box.column) for box in self.boxes if box.first <= at <= box.last), 0)
        return min(here - here % self.across, columns - self.across), self.across

    def column_states(self, at: int) -> list[tuple[float, int, np.ndarray, float]]:
        """Return the state of every qubit after each column that is drawn when `at` gates are done. An entry holds
        its position from left to right, its wire, its Bloch vector (3,), and its entropy in nats.
        """
        (first, _), states = self._columns(at), []
        for column in sorted({box.column + first for box in self.visible_boxes(at)}):
            for row, wire in enumerate(self.wires):
                x = column - first + 0.5
                # No other gate changes what a qubit is by itself.
                done = max(
                    (box.last for box in self.boxes if row in box.rows and box.column <= column),
                    default=0,
                )
                if wire.end is None or x <= wire.end + 1:
                    states.append((x, row, self.bloch[done, row], float(self.entropy[done, row])))
        return states

    def grey_outside(self, boxes: Sequence[Box], cone: Cone[int]) -> tuple[Box, ...]:
        """Return boxes, those without a gate inside a light cone in grey."""
        return tuple(
            replace(box, outside=not any(cone.inside[box.first - 1 : box.last])) for box in boxes
        )
