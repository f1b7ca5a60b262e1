"""Circuits drawn as text and as SVG."""

import io
import threading
from typing import Any

from qfusion.errors import translate_import_errors

with translate_import_errors():
    import pennylane as qml

# pyplot keeps global state, and a server draws in several threads.
_DRAWING = threading.Lock()


class LabelledOperation:
    """An operation that carries its own label. It is for drawings only, since devices know operations by name and
    refuse a subclass.
    """

    text = ""

    def label(
        self, decimals: int | None = None, base_label: str | None = None, cache: dict | None = None
    ) -> str:
        """Return `text`, whatever the arguments."""
        return self.text


class LabelledUnitary(LabelledOperation, qml.QubitUnitary):
    """A unitary with a label."""


class DrawableCircuit:
    """A circuit that can be drawn. It has `wires`, all qubits from top to bottom, and `labelled_tape`."""

    wires: tuple[str, ...]
    decimals: int | None = 2  # of the angles in a drawing

    def labelled_tape(self, one_line: bool = True) -> qml.tape.QuantumScript:
        """Return the operations as a tape with the labels of the drawing, on one line or on several."""
        raise NotImplementedError

    def draw_text(self) -> str:
        """Return the circuit as text, one line for each wire."""
        return qml.drawer.tape_text(
            self.labelled_tape(),
            wire_order=self.wires,
            show_all_wires=True,
            decimals=self.decimals,
            max_length=10**6,
        )

    def draw_svg(self) -> bytes:
        """Return the circuit as an SVG file; equal circuits give equal bytes."""
        with translate_import_errors():
            import matplotlib
            from matplotlib import pyplot as plt

        style: Any = {"svg.fonttype": "none", "svg.hashsalt": "qfusion"}
        with _DRAWING, matplotlib.rc_context(style):
            before = plt.get_backend()
            plt.switch_backend("agg")  # a window toolkit would fail outside the main thread
            try:
                figure, _ = qml.drawer.tape_mpl(
                    self.labelled_tape(one_line=False),
                    wire_order=self.wires,
                    show_all_wires=True,
                    style="black_white",
                    decimals=self.decimals,
                )
                target = io.BytesIO()
                figure.savefig(target, format="svg", bbox_inches="tight", metadata={"Date": None})
                plt.close(figure)
            finally:
                plt.switch_backend(before)
        return target.getvalue()
