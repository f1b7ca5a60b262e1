"""The scrubber of the Circuit page: the diagram with the sample in it, the state before and after a gate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import text
from qfusion.figures.circuit_boxes import Walk
from qfusion.figures.draw import circuit as figures
from qfusion.figures.draw import state as state_figures
from qfusion.panels import spoken
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

GATE, TABLE = "gate", "table.gates"
MOST_GATES = 2000


def allowed() -> dict[str, state.Allowed]:
    """What a link may say about the scrubber."""
    return {GATE: state.number(GATE, 0, MOST_GATES, "The end of the circuit is shown."),
            TABLE: state.switch("Table of all gates", "It stays folded.")}


def scrubber(walk: Walk) -> int:
    """Draws the slider and its buttons; returns how many gates have been done."""
    kept = state.get(GATE)
    if kept is not None and not 0 <= int(kept) <= walk.count:
        state.put(GATE, walk.count)  # of a longer circuit
    jumps = _stops(walk)
    with st.container(horizontal=True, vertical_alignment="bottom", key="scrubber"):
        st.button("", icon=":material/first_page:", key="_first", help="Before the first gate", on_click=state.put, args=(GATE, 0))
        st.button("", icon=":material/chevron_left:", key="_back", help="One box back", on_click=_step, args=(jumps, -1, walk.count))
        st.button("", icon=":material/chevron_right:", key="_on", help="One box on", on_click=_step, args=(jumps, 1, walk.count))
        at = int(st.slider("Gates done", 0, walk.count, walk.count, **state.bound(GATE),
                           help="Arrow keys move by one gate; a click on a box of the drawing goes there."))
    return at


def _stops(walk: Walk) -> list[int]:
    """Ends of the boxes, where the buttons stop."""
    return sorted({0, *(box.last for box in walk.boxes)})


def _step(stops: list[int], way: int, count: int) -> None:
    at = int(state.get(GATE, count))
    later = [stop for stop in stops if (stop > at if way > 0 else stop < at)]
    if later:
        state.put(GATE, later[0] if way > 0 else later[-1])


def diagram(here: Here, walk: Walk, at: int, title: str, *, unit: float = 52) -> None:
    """The circuit across the page with every qubit's state in place."""
    with st.container(border=True, key="panel-circuit", gap="xxsmall"):
        panels.heading(title)
        drawn = figures.diagram(walk.boxes, walk.wires, at, walk.bloch[at], walk.entropy[at], unit=unit, theme=here.theme)
        key = f"diagram-{state.get(TURN, 0)}"
        shown = panels.selectable("circuit", drawn, f"Circuit of {walk.count} gates; {at} are done. The table below lists them.", key,
                                  lambda: _picked(key))
        panels.footer("circuit", "every operation in order, what is still to come faint. A disc is a qubit where it is now: its needle "
                      "is (⟨X⟩, ⟨Z⟩) with |0⟩ up, blue or vermillion when ⟨Y⟩ is not 0; a short one is a mixed state." + here.of,
                      "correlations between qubits: each disc is one qubit on its own.", lambda: qubit_table(walk, at),
                      title=title, shown=shown)


TURN = "_diagram_turn"


def _picked(key: str) -> None:
    points = state.get(key, {}).get("selection", {}).get("points", [])
    found: Any = points[0].get("customdata") if points else None
    found = found[0] if isinstance(found, list) and found else found
    if isinstance(found, int | float):
        state.put(GATE, int(found))
        state.put(TURN, state.get(TURN, 0) + 1)


def qubit_table(walk: Walk, at: int) -> pd.DataFrame:
    """Bloch vector and entropy of every qubit at the scrubber."""
    x, y, z = walk.bloch[at].T
    return pd.DataFrame({"qubit": [wire.name for wire in walk.wires], "X": x, "Y": y, "Z": z, "reads_1": (1 - z) / 2,
                         "entropy": walk.entropy[at]})


def here_and_now(here: Here, walk: Walk, at: int) -> None:
    """What the gate at the scrubber does, and all qubits that go on."""
    if at == 0:
        st.markdown("**Before the first gate.** Every qubit is |0⟩. Move the scrubber on.")
        return
    name, wires, sentence, values = walk.gates[at - 1]
    numbers = ", ".join(f"{key} = {value:.3f}" for key, value in values.items())
    st.markdown(f"**Gate {at} of {walk.count}: {text.plain(name)}** on {text.plain(', '.join(wires))}. {text.plain(sentence)}"
                + (f"  \n{text.plain(numbers)}" if numbers else ""))
    rows = list(walk.followed)
    names = [walk.wires[row].name for row in rows]
    panels.panel(
        "qubits", _most_mixed(names, walk.entropy[at][rows]),
        figures.bloch_row(names, walk.bloch[at][rows], walk.entropy[at][rows], before=walk.bloch[at - 1][rows], theme=here.theme),
        shows="every qubit that goes to the end: its Bloch vector in the X–Z plane now (thin: before this gate) and its entropy." + here.of,
        not_shown="⟨Y⟩ as a length: point at a disc.",
        alt=f"Bloch vectors of {len(rows)} qubits; entropy in nats: {spoken.listed(names, walk.entropy[at][rows])}.",
        numbers=lambda: qubit_table(walk, at))
    before_after(here, walk, at)


def _most_mixed(names: list[str], entropy: np.ndarray) -> str:
    most = int(np.argmax(entropy))
    if entropy[most] < 1e-6:
        return "Every qubit is in a pure state of its own"
    return f"Most mixed now: {text.plain(names[most])} ({entropy[most]:.2f} of at most 0.69 nats)"


def before_after(here: Here, walk: Walk, at: int) -> None:
    """The state of the qubits concerned before and after the gate."""
    wires, before, after, mutual = walk.moments[at - 1]
    if not wires:
        st.caption("This gate acts on more than four qubits: its joint state is left out here, see the State view of the Dynamics page.")
        return
    dims = (2,) * len(wires)
    names = state_figures.basis_labels(dims)
    change = float(np.abs(np.linalg.eigvalsh(after - before)).sum() / 2)
    said = ""
    if mutual is not None and len(wires) > 1:
        said = f" Mutual information of the last with the others: {mutual[0]:.3f} before, {mutual[1]:.3f} nats after."
    left, right = st.columns([1, 1])
    with left:
        panels.panel(
            "before-after", f"This gate moves the state by {change:.2f}",
            state_figures.populations(np.real(np.diag(after)), dims, reference=np.real(np.diag(before)), name="after",
                                      reference_name="before", what=f"outcome of {', '.join(wires)}", theme=here.theme),
            shows=f"how likely each outcome of {text.plain(', '.join(wires))} is; the number in the title is the trace distance (0 to 1)."
                  + said + here.of,
            not_shown="coherences: see the matrix.",
            alt=f"Outcome probabilities after the gate: {spoken.pairs(names, np.real(np.diag(before)), np.real(np.diag(after)))}.",
            numbers=lambda: pd.DataFrame({"outcome": names, "before": np.real(np.diag(before)), "after": np.real(np.diag(after))}))
    with right:
        panels.panel(
            "matrix-after", "The density matrix after it: modulus",
            state_figures.density_matrix(after, dims, theme=here.theme),
            shows="|ρ_ij| of these qubits: off the diagonal the coherences, which a measurement removes." + here.of,
            not_shown="phases.", alt=f"Heat map of the modulus after the gate: {spoken.off_diagonal(after, names)}.",
            numbers=lambda: pd.DataFrame({"row": np.repeat(names, len(names)), "column": np.tile(names, len(names)),
                                          "real": after.real.ravel(), "imaginary": after.imag.ravel(),
                                          "before_real": before.real.ravel(), "before_imaginary": before.imag.ravel()}))


def gate_table(walk: Walk) -> None:
    """All gates as a table, for reading and for screen readers."""
    with st.expander("All gates as a table", icon=":material/table_rows:", **state.opened(TABLE)):
        st.dataframe(pd.DataFrame([{"number": n, "gate": name, "qubits": ", ".join(wires), "what it does": sentence,
                                    "values": "; ".join(f"{key} = {value:.4g}" for key, value in values.items())}
                                   for n, (name, wires, sentence, values) in enumerate(walk.gates, 1)]),
                     hide_index=True, height=420, alt="The gates in order.",
                     column_config={"what it does": st.column_config.TextColumn(width="large")})


def entropy_lines(here: Here, walk: Walk, at: int | None) -> None:
    """Entropy of every qubit that goes on, gate by gate."""
    rows = list(walk.followed)
    names = [walk.wires[row].name for row in rows]
    last = walk.entropy[-1][rows]
    panels.panel(
        "entropy-gates", f"At the end {text.plain(names[int(np.argmax(last))])} is the most mixed ({last.max():.2f} nats)",
        figures.entropy_lines(walk.entropy[:, rows], names, at, walk.parts, hues=[walk.wires[row].hue for row in rows],
                              theme=here.theme),
        shows="the entropy of each qubit after every gate: how much it is entangled with, or has been measured against, everything else."
              + here.of,
        not_shown="with whom: see the "
                  + ("Correlations view of the Dynamics page." if here.work.can("time") else "Entropies view of the Circuit page."),
        alt=f"Entropy of {len(names)} qubits over {walk.count} gates; at the end, in nats: {spoken.listed(names, last)}.",
        numbers=lambda: pd.DataFrame(walk.entropy[:, rows], columns=names).rename_axis("gates_done").reset_index())
