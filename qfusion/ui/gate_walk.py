"""The walk through the gates: a scrubber, the diagram, and the state before and after a gate."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from qfusion._sentences import true_minus
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.figures.circuits.charts import Replay
from qfusion.models.network import gate_angles
from qfusion.models.protocols import EditableCircuit, Evolution, TruthTables
from qfusion.ui import (
    guidance,
    page_context,
    panels,
    selections,
    state,
    table_edits_field,
    widgets,
)
from qfusion.ui.circuit_angles import draw_gate_angles
from qfusion.ui.fusion_rules_tab import draw_angles, draw_angles_of_gate
from qfusion.ui.icon_button import icon_button
from qfusion.views import circuit
from qfusion.views.pages import circuit as circuit_page, notebook

WHOLE_EVOLUTION_HELP = "The whole evolution repeats all gates after the preparation until T."


def draw_scrubber(walk: Replay, sample: Sample | None = None) -> None:
    """Draw the slider and its buttons, and for a sample's diagram the pickers beside them."""
    key, stops = circuit_page.GATE.key, sorted({0, *(box.last for box in walk.boxes)})
    shares = [1.0]
    if sample is not None:
        shares = [1.4, 1.0] if sample.study.space.readouts() else [3.2, 1.0]
    left, *beside = st.columns(shares, vertical_alignment="bottom")
    with left, st.container(horizontal=True, vertical_alignment="bottom", key="cursor"):
        for name, icon, label, act, arguments in (
            ("_first", "first_page", "Before the first gate", state.put, (key, 0)),
            ("_back", "chevron_left", "Previous gate", _step, (stops, -1, walk.count)),
            ("_on", "chevron_right", "Next gate", _step, (stops, 1, walk.count)),
        ):
            icon_button(label, icon, name, act, *arguments)
        widgets.draw(circuit_page.GATE, high=walk.count, default=walk.count)
    if sample is not None:
        with beside[0], st.container(horizontal=True):
            widgets.draw(circuit_page.DISPLAY)
            if circuit_page.CONE.fits(sample.study):
                widgets.draw(circuit_page.CONE, sample.study)


def _step(stops: Sequence[int], way: int, count: int) -> None:
    at = int(state.get(circuit_page.GATE.key, count))
    later = [stop for stop in stops if (stop - at) * way > 0]
    if later:
        state.put(circuit_page.GATE.key, min(later) if way > 0 else max(later))


def _select_gate(key: str) -> None:
    # the scrubber ends where the circuit does
    place = selections.parse_index(next(iter(selections.selected_values(key)), None), 2**31)
    if place is not None:
        state.put(circuit_page.GATE.key, place)


def draw_edits(context: page_context.PageContext, sample: Sample, view: str) -> None:
    """Draw the effect of the reader's edits on the decision, and the edits as text. The edits apply whichever view
    is open.
    """
    if view != "Fusion rules" and sample.tweak:
        st.info(
            f"{notebook.describe_tweaked_sample(sample)} Undo it here or under “Fusion rules”.",
            icon=":material/edit:",
        )
    if view == "Fusion rules" or table_edits_field.edits_text():
        table_edits_field.draw_edits(context.study)


def draw_walk(context: page_context.PageContext, sample: Sample, walk: Replay) -> None:
    """The circuit across the page, a click on a box goes there; what the current gate does, its angle where it
    can be set, and all gates as a table."""
    at = int(state.get(circuit_page.GATE.key, walk.count))
    panels.show(sample, context.theme, "circuit", on_select=_select_gate, first=1)
    if sample.study.model.part(Evolution):
        guidance.help_line(WHOLE_EVOLUTION_HELP)
    if sample.study.model.part(TruthTables):  # whose gates alone take angles that can be set
        draw_angles_of_gate(sample, at)
        references = walk.takes[at - 1] if at else ()
        if takes := [one for one in references if one[0] in gate_angles.NETWORK]:
            draw_angles(sample, takes)
        draw_edits(context, sample, "Walk")  # below what is turned, which stays where it is
    if sample.study.model.part(EditableCircuit):
        draw_gate_angles(sample, at, walk.gates[at - 1][3] if at else {})
    draw_gate(context, sample, walk, at)
    widgets.fold(circuit_page.TABLE, ":material/table_rows:").dataframe(
        pd.DataFrame(
            [
                {
                    "number": n,
                    "gate": name,
                    "qubits": ", ".join(wires),
                    "effect": sentence,
                    "values": "; ".join(f"{key} = {value:.4g}" for key, value in values.items()),
                }
                for n, (name, wires, sentence, values) in enumerate(walk.gates, 1)
            ]
        ),
        hide_index=True,
        height=420,
        alt="The gates in order.",
        column_config={"effect": st.column_config.TextColumn(width="large")},
    )


def draw_gate(context: page_context.PageContext, sample: Sample, walk: Replay, at: int) -> None:
    """What the current gate does, all qubits that go on, and the state of those concerned before and after."""
    if at == 0:
        st.markdown("**Before the first gate.** Every qubit is |0⟩. Move the scrubber forward.")
        return
    name, wires, sentence, values = walk.gates[at - 1]
    numbers = true_minus(", ".join(f"{key} = {value:.3f}" for key, value in values.items()))
    with st.container(key="gate-says"):
        st.markdown(
            f"**Gate {at} of {walk.count}: {text.escape_markdown(name)}** on {text.escape_markdown(', '.join(wires))}. "
            f"{text.escape_markdown(sentence)}"
        )
    if numbers:
        with st.container(key="gate-values"):  # they follow an angle while it is dragged
            st.markdown(text.escape_markdown(numbers))
    widgets.draw(circuit_page.QUBITS_AS)
    panels.show(sample, context.theme, "qubits", "bloch-gates")
    if not walk.moments[at - 1][0]:
        st.caption(circuit.describe_too_many_qubits(sample))
    panels.show(sample, context.theme, "before-after", "matrix-after", columns=2)
