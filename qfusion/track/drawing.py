"""PennyLane circuits as characters and as SVG."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from typing import Any

import pennylane as qml

# pyplot keeps global state, and a server draws in several threads.
_DRAWING = threading.Lock()


class LabelledUnitary(qml.QubitUnitary):
    """A unitary that carries its own label; for drawings only, as devices know operations by name and refuse a
    subclass."""

    text = "U"

    def label(
        self, decimals: int | None = None, base_label: str | None = None, cache: dict | None = None
    ) -> str:
        """Returns `text`, whatever is asked."""
        return self.text


def text_of(tape: qml.tape.QuantumScript, wires: Sequence[str], decimals: int | None = None) -> str:
    """Returns the circuit in characters, one line a wire."""
    return qml.drawer.tape_text(
        tape, wire_order=wires, show_all_wires=True, decimals=decimals, max_length=10**6
    )


def svg_of(
    tape: qml.tape.QuantumScript, wires: Sequence[str], decimals: int | None = None
) -> bytes:
    """Returns the circuit as an SVG file; equal circuits give equal bytes."""
    import matplotlib
    from matplotlib import pyplot as plt

    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "qfusion"}
    with _DRAWING, matplotlib.rc_context(style):
        before = plt.get_backend()
        plt.switch_backend("agg")  # a window toolkit would fail outside the main thread
        try:
            figure, _ = qml.drawer.tape_mpl(
                tape, wire_order=wires, show_all_wires=True, style="black_white", decimals=decimals
            )
            target = io.BytesIO()
            figure.savefig(target, format="svg", bbox_inches="tight", metadata={"Date": None})
            plt.close(figure)
        finally:
            plt.switch_backend(before)
    return target.getvalue()
