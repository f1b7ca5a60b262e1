"""A sample's circuit as a drawing, as text, as LaTeX and as OpenQASM."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import streamlit as st

from qfusion.analysis import sample_circuits
from qfusion.analysis.sample import Sample
from qfusion.ui import (
    guidance,
    model_export_dialog,
    page_context,
    widgets,
)
from qfusion.views.circuit import describe_measurements
from qfusion.views.pages import circuit

# A sample's circuit as a picture, as text and as OpenQASM.

SHOWN = 60  # lines of the program
# by suffix: what a file of a circuit is called, its type, and how it is made; 10 columns fit across a page of LaTeX
FILES: dict[str, tuple[str, str, Callable[[Any], bytes | str]]] = {
    ".qasm": ("OpenQASM 3", "text/plain", lambda drawn: drawn.to_openqasm(3)),
    ".2.qasm": ("OpenQASM 2", "text/plain", lambda drawn: drawn.to_openqasm(2)),
    ".svg": ("Circuit as SVG", "image/svg+xml", lambda drawn: drawn.draw_svg()),
    ".txt": ("Circuit as text", "text/plain", lambda drawn: drawn.draw_text()),
    ".tex": ("Quantikz (LaTeX)", "text/x-tex", lambda drawn: drawn.to_quantikz(10)),
}


def circuit_files(
    context: page_context.PageContext, drawn: Any, name: str, key: str, suffixes: Iterable[str]
) -> None:
    """Download of a circuit as drawn by PennyLane, and the way out for the model."""
    with st.container(horizontal=True):
        for suffix in suffixes:
            label, mime, make = FILES[suffix]
            st.download_button(
                label,
                data=partial(make, drawn),
                file_name=f"{name}{suffix}",
                mime=mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"{key}{suffix.replace('.', '-')}",
            )
        model_export_dialog.export_button(context)


def circuit_exports(
    context: page_context.PageContext, sample: Sample, *, folded: bool = True
) -> None:
    """Draw the downloads of the circuit under the sample's tweak, its drawing by PennyLane (in a fold, unless there
    is one around), and the beginning of its OpenQASM.
    """
    drawn = sample_circuits.circuit_drawing(context.study, context.row, sample.tweak)
    lines = drawn.to_openqasm(3).splitlines()
    of = f"{len(lines):,} lines on {len(drawn.wires)} qubits"
    guidance.line(
        f"OpenQASM 3, {of}",
        "The circuit of this sample with all its angles, written by PennyLane. OpenQASM 3, "
        f"{of}; {describe_measurements(drawn)}",
    )
    circuit_files(context, drawn, f"qfusion-{context.study.name}-{context.sample}", "save", FILES)
    if folded:
        circuit_drawing(drawn)
    else:
        st.image(drawn.draw_svg().decode(), width="stretch")
    st.code(
        "\n".join([*lines[:SHOWN], *(["// …"] if len(lines) > SHOWN else [])]),
        language=None,
        height=360,
    )


def circuit_drawing(drawn: Any) -> None:
    """Draw the circuit by PennyLane, as in its file. It is in a fold, since it takes a moment."""
    widgets.draw_folded(
        circuit.DRAWING,
        lambda: st.image(drawn.draw_svg().decode(), width="stretch"),
        ":material/schema:",
    )
