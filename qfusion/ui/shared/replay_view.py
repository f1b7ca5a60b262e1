"""The scrubber of the Circuit page: the diagram with the sample in it, the state before and after a gate."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.dynamics import circuit_evolution
from qfusion.analysis.sample import Sample
from qfusion.figures.circuit_boxes import Replay
from qfusion.figures.style import Theme
from qfusion.panels import circuit as builders
from qfusion.ui.frame import clicks, state
from qfusion.ui.panel import panels

GATE, TABLE, DISPLAY, CONE, SHAPE = "gate", "table.gates", "display", "cone", "qubitsas"


def scrubber(replay: Replay, sample: Sample | None = None) -> tuple[int, dict[str, Any]]:
    """Draws the slider and its buttons, and for a sample's diagram the pickers beside them; returns how many gates have
    been done, and what was picked."""
    kept = state.get(GATE)
    if kept is not None and not 0 <= int(kept) <= replay.count:
        state.put(GATE, replay.count)  # of a longer circuit
    jumps = _stops(replay)
    shares = (
        [1.0]
        if sample is None
        else [1.4, 1.0]
        if circuit_evolution.readouts(sample.work)
        else [3.2, 1.0]
    )
    left, *beside = st.columns(shares, vertical_alignment="bottom")
    with left, st.container(horizontal=True, vertical_alignment="bottom", key="cursor"):
        st.button(
            "",
            icon=":material/first_page:",
            key="_first",
            help="Before the first gate",
            on_click=state.put,
            args=(GATE, 0),
        )
        st.button(
            "",
            icon=":material/chevron_left:",
            key="_back",
            help="One box back",
            on_click=_step,
            args=(jumps, -1, replay.count),
        )
        st.button(
            "",
            icon=":material/chevron_right:",
            key="_on",
            help="One box on",
            on_click=_step,
            args=(jumps, 1, replay.count),
        )
        at = int(
            st.slider(
                "Step through gates",
                0,
                replay.count,
                replay.count,
                **state.bound(GATE),
                help="Arrow keys move by one gate; a click on a box of the drawing goes there.",
            )
        )
    if sample is None:
        return at, {}
    with beside[0], st.container(horizontal=True):
        return at, choices(sample)


def choices(sample: Sample) -> dict[str, Any]:
    """Pickers of what is drawn into the circuit, as `panels.circuit.diagram` takes them."""
    known = (builders.NONE, *circuit_evolution.readouts(sample.work))
    if state.get(CONE) not in (None, *known):
        state.forget(CONE)  # of another model
    found: dict[str, Any] = {}
    found["display"] = str(
        st.selectbox(
            "States of the qubits",
            builders.DISPLAYS,
            **state.bound(DISPLAY),
            help="Where the scrubber stands, or after every column.",
        )
    )
    if len(known) > 1:
        found["cone"] = str(
            st.selectbox(
                "Light cone of",
                known,
                **state.bound(CONE),
                help="Gates that this read-out cannot depend on become grey.",
            )
        )
    return found


def _stops(replay: Replay) -> list[int]:
    """Ends of the boxes, where the buttons stop."""
    return sorted({0, *(box.last for box in replay.boxes)})


def _step(stops: list[int], way: int, count: int) -> None:
    at = int(state.get(GATE, count))
    later = [stop for stop in stops if (stop > at if way > 0 else stop < at)]
    if later:
        state.put(GATE, later[0] if way > 0 else later[-1])


def diagram(sample: Sample, theme: Theme, at: int, **drawn: Any) -> None:
    """The circuit across the page, drawn as `panels.circuit.diagram` is told by `drawn`; a click on a box goes
    there."""
    panels.draw(builders.diagram(sample, theme, gate=at, **drawn), on_select=_picked)


def _picked(key: str) -> None:
    found = clicks.place(
        next(iter(clicks.custom(key)), None), 2**31
    )  # the scrubber ends where the circuit does
    if found is not None:
        state.put(GATE, found)


def here_and_now(sample: Sample, theme: Theme, replay: Replay, at: int, **drawn: Any) -> None:
    """What the gate at the scrubber does, all qubits that go on, and the state of those concerned before and after."""
    if at == 0:
        st.markdown("**Before the first gate.** Every qubit is |0⟩. Move the scrubber on.")
        return
    name, wires, sentence, values = replay.gates[at - 1]
    numbers = ", ".join(f"{key} = {value:.3f}" for key, value in values.items())
    st.markdown(
        f"**Gate {at} of {replay.count}: {text.plain(name)}** on {text.plain(', '.join(wires))}. {text.plain(sentence)}"
        + (f"  \n{text.plain(numbers)}" if numbers else "")
    )
    shape = state.one_of("Qubits as", builders.SHAPES, default=builders.PLANE, **state.bound(SHAPE))
    panels.draw(
        (builders.balls if shape == builders.BALLS else builders.qubits)(
            sample, theme, gate=at, **drawn
        )
    )
    if not replay.moments[at - 1][0]:
        st.caption(builders.too_many(sample))
        return
    for place, builder in zip(
        st.columns([1, 1]), (builders.outcomes, builders.matrix), strict=True
    ):
        with place:
            panels.draw(builder(sample, theme, gate=at, **drawn))


def gate_table(replay: Replay) -> None:
    """All gates as a table, for reading and for screen readers."""
    with st.expander("All gates as a table", icon=":material/table_rows:", **state.opened(TABLE)):
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "number": n,
                        "gate": name,
                        "qubits": ", ".join(wires),
                        "what it does": sentence,
                        "values": "; ".join(
                            f"{key} = {value:.4g}" for key, value in values.items()
                        ),
                    }
                    for n, (name, wires, sentence, values) in enumerate(replay.gates, 1)
                ]
            ),
            hide_index=True,
            height=420,
            alt="The gates in order.",
            column_config={"what it does": st.column_config.TextColumn(width="large")},
        )
