"""The Circuit page of an entangled-fusion network: its views, entropies along the layers, exports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import circuit_evolution, text
from qfusion.figures import circuit_walks
from qfusion.figures.draw import circuit as figures
from qfusion.panels import spoken
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here, guard
from qfusion.ui.pages.circuit import fusion_view, noise_view
from qfusion.ui.panel import panels
from qfusion.ui.shared import layers_view, model_out, physics_view, table_editor, through_view, walk_view

PART = "part"
WITH_SCRUBBER = ("Walk", "Entropies")  # it stands above the views: see `dynamics_view.cursor`
TAB_NAMES = ("Walk", "Fusion rules", "Noise and shots", "Entropies", "What did it", "Export")


def allowed(work: Any) -> dict[str, state.Allowed]:
    """What a link may say about this page's widgets."""
    return (walk_view.allowed() | through_view.allowed(work) | table_editor.allowed(work) | noise_view.allowed(work)
            | physics_view.allowed(work) | {PART: state.options("View", TAB_NAMES, "The walk is shown.")})


def page(here: Here) -> None:
    """All views; only the open one is drawn."""
    if state.get(PART) not in (None, *TAB_NAMES):
        state.put(PART, TAB_NAMES[0])
    in_force, view = table_editor.words(here), state.shown(PART, TAB_NAMES)
    _edited_line(here, in_force, view)
    at = walk_view.scrubber(circuit_walks.walk(here.work, here.row, in_force)) if view in WITH_SCRUBBER else 0
    draw = {"Walk": lambda: walk_tab(here, in_force, at), "Fusion rules": lambda: fusion_view.tab(here),
            "Noise and shots": lambda: noise_view.tab(here, in_force), "Entropies": lambda: entropies_tab(here, in_force, at),
            "What did it": lambda: physics_view.tab(here, in_force),
            "Export": lambda: export_tab(here, in_force)}
    for tab, name in zip(st.tabs(list(TAB_NAMES), **state.opened(PART)), TAB_NAMES, strict=True):
        if tab.open:
            with tab, guard():
                draw[name]()


def _edited_line(here: Here, in_force: str, view: str) -> None:
    """What is edited, as text: whatever view is open, the decision is that of the edited tables, and the address holds them."""
    if view != "Fusion rules" and in_force:
        st.info(f"The fusion's tables are edited: {text.plain(in_force)}. Undo it here or under “Fusion rules”.", icon=":material/edit:")
    if view == "Fusion rules" or table_editor.said():
        table_editor.typed(here)


def walk_tab(here: Here, in_force: str, at: int) -> None:
    """Diagram, state before and after the gate at the scrubber."""
    walk = circuit_walks.walk(here.work, here.row, in_force)
    boxes = sum(box.name.startswith("C") for box in walk.boxes)
    title = (f"{walk.count} gates on {len(walk.wires)} qubits: encode, fuse, then {boxes} convolutions and "
             f"{sum('U3' in box.name for box in walk.boxes)} poolings")
    walk_view.diagram(here, walk, at, title)
    walk_view.here_and_now(here, walk, at)
    walk_view.gate_table(walk)


def entropies_tab(here: Here, in_force: str, at: int) -> None:
    """The decision along the layers; entropy along the gates, of every cut, and around every pooling."""
    layers_view.panel(here, in_force)
    walk = circuit_walks.walk(here.work, here.row, in_force)
    walk_view.entropy_lines(here, walk, at)
    found = circuit_evolution.layers(here.work, here.row, in_force)
    left, right = st.columns(2)
    with left:
        _cuts(here, found.cuts, found, "cuts", "entropy (nats)", "entropy of the first k qubits: mixed from fusion, plus entanglement "
              "with the others.", "correlation alone: see the mutual information.", "Entropy of every cut")
    with right:
        worst = max((float(np.max(row, initial=0)) for row in found.mutual), default=0.0)
        _cuts(here, found.mutual, found, "mutual", "mutual information (nats)", "mutual information across each cut: zero for the "
              "product that fusion leaves; convolution creates it.", "whether it is classical or quantum.",
              f"Convolution correlates the qubits by up to {worst:.2f} nats" if worst > 0.005
              else "The qubits stay all but uncorrelated")
    _poolings(here, found)


def _cuts(here: Here, values: Any, found: Any, name: str, unit: str, shows: str, not_shown: str, title: str) -> None:
    panels.panel(name, title, figures.cuts(values, found.moments, unit, theme=here.theme), shows=shows + here.of, not_shown=not_shown,
                 alt=f"{title}, one row for each of {len(found.moments)} moments; at the last, by cut: "
                     + spoken.listed([f"after qubit {k}" for k in range(len(values[-1]))], values[-1]) + ".",
                 numbers=lambda: pd.DataFrame([{"moment": moment, "first_k": k + 1, name: value}
                                               for moment, row in zip(found.moments, values, strict=True) for k, value in enumerate(row)]))


def _poolings(here: Here, found: Any) -> None:
    pools = found.poolings()
    before, after, outcomes = (np.array([getattr(pool, name) for pool in pools]) for name in ("before", "after", "outcomes"))
    drop = before[-1] - after[-1] if len(pools) else 0.0
    panels.panel(
        "poolings", f"The last pooling lowers the entropy of what stays by {drop:.2f} nats" if drop > 0
        else f"The last pooling raises the entropy of what stays by {-drop:.2f} nats",
        figures.poolings(before, after, outcomes, theme=here.theme),
        shows="joint von Neumann entropy of the active qubits before each pooling and of those that stay after it, and the sum of the "
              "Shannon entropies of the outcomes: the head reads these too." + here.of,
        not_shown="how much of it the decision uses.",
        alt=f"Entropy in nats after each pooling: {spoken.pairs([f'pooling {n + 1}' for n in range(len(pools))], before, after)}.",
        numbers=lambda: pd.DataFrame([pool._asdict() for pool in pools]))


def export_tab(here: Here, in_force: str) -> None:
    """The circuit as a picture and as OpenQASM."""
    drawn = circuit_evolution.drawing(here.work, here.row, in_force)
    name = f"qfusion-{here.work.name}-{here.sample}"
    st.markdown("The circuit of this sample with all its angles, written by PennyLane.")
    with st.container(horizontal=True):
        for label, suffix, mime, make in _exports(drawn):
            st.download_button(label, data=make, file_name=f"{name}{suffix}", mime=mime, on_click="ignore", icon=":material/download:",
                               key=f"export{suffix.replace('.', '-')}")
        model_out.button(here)
    program = drawn.to_openqasm(3)
    lines = program.splitlines()
    st.caption(f"OpenQASM 3, {len(lines):,} lines on {len(drawn.wires)} qubits; the last {len(drawn.fused)} measurements read the fused "
               "qubits. OpenQASM 2 has no conditions on single outcomes: there pooling is controlled and measured at the end.")
    st.code("\n".join([*lines[:60], *(["// …"] if len(lines) > 60 else [])]), language=None, height=360)


def _exports(drawn: Any) -> list[tuple[str, str, str, Any]]:
    return [("OpenQASM 3", ".qasm", "text/plain", lambda: drawn.to_openqasm(3)),
            ("OpenQASM 2", ".2.qasm", "text/plain", lambda: drawn.to_openqasm(2)),
            ("Circuit as SVG", ".svg", "image/svg+xml", drawn.draw_svg),
            ("Circuit as text", ".txt", "text/plain", drawn.draw_text)]
