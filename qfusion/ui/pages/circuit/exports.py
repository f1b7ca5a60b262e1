"""A sample's circuit as a picture, as text and as OpenQASM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from qfusion.analysis.dynamics import circuit_evolution
from qfusion.ui.door import turns
from qfusion.ui.frame import depth, state
from qfusion.ui.frame.shell import Here
from qfusion.ui.shared import export_dialog

SHOWN = 60  # lines of the program
DRAWING = "table.drawing"
PER_LINE = 10  # columns of a circuit that fit across a page of LaTeX


def view(here: Here, in_force: str = "", *, folded: bool = True) -> None:
    """Downloads of the circuit, as `in_force` tweaks it, its drawing by PennyLane (in a fold, unless there is one
    around), and the beginning of its OpenQASM."""
    drawn = circuit_evolution.drawing(here.work, here.row, in_force)
    name = f"qfusion-{here.work.name}-{here.sample}"
    program = drawn.to_openqasm(3)
    lines = program.splitlines()
    of = f"{len(lines):,} lines on {len(drawn.wires)} qubits"
    depth.line(
        f"OpenQASM 3, {of}",
        "The circuit of this sample with all its angles, written by PennyLane. OpenQASM 3, "
        f"{of}; {drawn.says}",
    )
    with st.container(horizontal=True):
        for label, suffix, mime, make in _exports(drawn):
            st.download_button(
                label,
                data=turns.in_turn(make),
                file_name=f"{name}{suffix}",
                mime=mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"save{suffix.replace('.', '-')}",
            )
        export_dialog.button(here)
    if folded:
        picture(drawn.draw_svg)
    else:
        st.image(drawn.draw_svg().decode(), width="stretch")
    st.code(
        "\n".join([*lines[:SHOWN], *(["// …"] if len(lines) > SHOWN else [])]),
        language=None,
        height=360,
    )


def picture(draw: Callable[[], bytes]) -> None:
    """PennyLane's drawing, as its file has it; a fold, as it takes a moment."""
    fold = st.expander("PennyLane's drawing", icon=":material/schema:", **state.opened(DRAWING))
    if fold.open:
        with fold:
            st.image(draw().decode(), width="stretch")


def _exports(drawn: Any) -> list[tuple[str, str, str, Any]]:
    return [
        ("OpenQASM 3", ".qasm", "text/plain", lambda: drawn.to_openqasm(3)),
        ("OpenQASM 2", ".2.qasm", "text/plain", lambda: drawn.to_openqasm(2)),
        ("Circuit as SVG", ".svg", "image/svg+xml", drawn.draw_svg),
        ("Circuit as text", ".txt", "text/plain", drawn.draw_text),
        ("Quantikz (LaTeX)", ".tex", "text/x-tex", lambda: drawn.to_quantikz(PER_LINE)),
    ]
