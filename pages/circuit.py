"""Circuit: the model as gates with the learned values, the sample on its way through them, and the circuit as a
file."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from qfusion._sentences import true_minus
from qfusion.app import (
    frame,
    guidance,
    navigation,
    page_runs,
    panels,
    selections,
    state,
    tables,
    widgets,
)
from qfusion.app.models import exchange, sensitivity, sliders, tweaks
from qfusion.app.models.fusion_rules import draw_angles, draw_angles_of_gate, rules_tab
from qfusion.app.models.sensitivity import noise_tab
from qfusion.app.page_context import PageContext
from qfusion.app.widgets import icon_button
from qfusion.figures.circuits.charts import Replay
from qfusion.models import tweak
from qfusion.models.network import gate_angles
from qfusion.models.protocols import (
    Circuit,
    EditableCircuit,
    Evolution,
    GateCircuit,
    StateModel,
    TruthTables,
)
from qfusion.study import circuits, text
from qfusion.study.sample import Sample
from qfusion.views import circuit
from qfusion.views.circuit import describe_measurements
from qfusion.views.pages import choices, circuit as circuit_page, notebook


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Circuit")
    if not context.study.model.part(Circuit):
        navigation.say_missing(
            "**This model has no circuit of gates**: its decision is read out directly."
        )
        if context.study.model.part(StateModel):
            navigation.link(
                "pages/operators.py", "See the votes of its read-out", ":material/how_to_vote:"
            )
    elif context.study.model.part(Evolution):
        one_step(context)
    elif context.study.model.part(GateCircuit):
        plain_gates(context)
    else:
        fusion_network(context)


@page_runs.fragment
def one_step(context: PageContext) -> None:
    """The circuit of one step with the sample in it, a scrubber, the state at its place, and how far the step is from
    our evolution."""
    top = st.container()
    with st.expander("Factors on the angles of the gates", icon=":material/tune:"):
        st.caption("The angle of a gate is its learned coupling × dt × the factor set here.")
        presets = st.container()
        with widgets.grid("knobs"):
            tweak = tweaks.draw_sliders(context.study)
        with presets:
            tweaks.slider_presets(context.study)
    with top:
        step_and_sample(context, context.tweaked_sample(tweak))


def step_and_sample(context: PageContext, sample: Sample) -> None:
    """Draw the part above the sliders: the step under their values and their effect on the decision."""
    if sample.tweak_text:
        st.markdown(notebook.describe_tweaked_sample(sample))
    more = "" if guidance.shows_full_text() else f" {WHOLE_EVOLUTION_HELP}"
    steps, gates = widgets.row(
        replace(circuit.STEP_COUNT, help=circuit.STEP_COUNT.help + more),
        circuit.GATES_OF_H,
    )
    walk, built = (make(sample, steps, gates) for make in (circuit.replay, circuit.step_circuit))
    draw_scrubber(walk, sample)
    draw_walk(context, sample, walk)
    panels.show(sample, "entropy-gates", "step-error")
    panels.draw_lower_panels(**context.scopes(sample.tweak))
    circuit_files(context, built, "qfusion-step", "save-step", (".svg", ".txt", ".tex"))
    circuit_drawing(built)


@page_runs.fragment
def fusion_network(context: PageContext) -> None:
    """Draw all views, of which only the open one is computed. This is a fragment, so that an edit redraws only this
    part.
    """
    with st.container(key="fold-circuit"):
        sample = context.tweaked_sample(tweaks.current_tweak(context.study))
        view = state.current().option(circuit_page.PART.key, circuit_page.PART.options())
        if view != "Walk":
            draw_edits(context, sample, view)
        if view in (
            "Walk",
            "Entropies",
        ):  # it stands above the views: as the cursor of Dynamics does
            draw_scrubber(circuit.replay(sample), sample if view == "Walk" else None)
        with st.container(key="angle-line"):  # says what a slider does while it is dragged
            st.empty()
        panels.tabs(circuit_page.PART, TABS, context, sample, **context.scopes(sample.tweak))
        if view != "Noise and shots":  # where no angle can be set
            sliders.follow_angles(sample, walks=view == "Walk")


def entropies_tab(context: PageContext, sample: Sample) -> None:
    """The decision along the layers; entropy along the gates, of every cut, and around every pooling."""
    sensitivity.draw_layer_lines(sample)
    panels.show(sample, "entropy-gates")
    panels.show(sample, "cuts", "mutual", columns=2)
    panels.show(sample, "poolings")


@page_runs.fragment
def plain_gates(context: PageContext) -> None:
    """Draw the circuit of the sample, a scrubber, the qubits at its place, their mutual information, and exports."""
    with st.container(key="fold-circuit"):
        tweak = tweaks.current_tweak(context.study) if _can_change(context) else ""
        sample = context.tweaked_sample(tweak)
        walk = circuit.replay(sample)
        st.markdown(text.escape_markdown(walk.says))
        with st.container(key="angle-line"):
            st.empty()
        draw_scrubber(walk, sample)
        draw_walk(context, sample, walk)
        panels.show(sample, "entropy-gates", "mutual-gates")
        if _can_change(context):
            widgets.draw_folded(
                circuit_page.LAYERS_SWITCH,
                lambda: panels.show(sample, "layer-shapley"),
                ":material/layers:",
            )
            widgets.draw_folded(
                circuit_page.FOLD,
                lambda: sensitivity.draw_angle_scores(sample),
                ":material/show_chart:",
            )
            widgets.draw_folded(
                circuit_page.NOISE_SWITCH, lambda: noise_tab(context, sample), ":material/grain:"
            )
            sliders.follow_angles(sample)
        panels.draw_lower_panels(**context.scopes())
        widgets.draw_folded(
            circuit_page.PROGRAM,
            lambda: circuit_exports(context, sample, folded=False),
            ":material/output:",
        )


def _can_change(context: PageContext) -> bool:
    return context.study.model.part(EditableCircuit) is not None


WHOLE_EVOLUTION_HELP = "The whole evolution repeats all gates after the preparation until T."


def draw_scrubber(walk: Replay, sample: Sample | None = None) -> None:
    """Draw the slider and its buttons, and for a sample's diagram the pickers beside them."""
    key, stops = circuit.GATE.key, sorted({0, *(box.last for box in walk.boxes)})
    shares = [1.0]
    if sample is not None:
        shares = [1.4, 1.0] if sample.study.backend.readouts() else [3.2, 1.0]
    left, *beside = st.columns(shares, vertical_alignment="bottom")
    with left, st.container(horizontal=True, vertical_alignment="bottom", key="cursor"):
        for name, icon, label, act, arguments in (
            ("_first", "first_page", "Before the first gate", state.put, (key, 0)),
            ("_back", "chevron_left", "Previous gate", _step, (stops, -1, walk.count)),
            ("_on", "chevron_right", "Next gate", _step, (stops, 1, walk.count)),
        ):
            icon_button(label, icon, name, act, *arguments)
        widgets.draw(circuit.GATE, high=walk.count, default=walk.count)
    if sample is not None:
        with beside[0], st.container(horizontal=True):
            widgets.draw(circuit.DISPLAY)
            if circuit.CONE.fits(sample.study):
                widgets.draw(circuit.CONE, sample.study)


def _step(stops: Sequence[int], way: int, count: int) -> None:
    at = int(state.get(circuit.GATE.key, count))
    later = [stop for stop in stops if (stop - at) * way > 0]
    if later:
        state.put(circuit.GATE.key, min(later) if way > 0 else max(later))


def _select_gate(key: str) -> None:
    # the scrubber ends where the circuit does
    place = selections.parse_index(selections.selected_value(key), 2**31)
    if place is not None:
        state.put(circuit.GATE.key, place)


def draw_edits(context: PageContext, sample: Sample, view: str) -> None:
    """Draw the effect of the reader's edits on the decision, and the edits as text. The edits apply whichever view
    is open.
    """
    if view != "Fusion rules" and sample.tweak:
        st.info(
            f"{notebook.describe_tweaked_sample(sample)} Undo it here or under “Fusion rules”.",
            icon=":material/edit:",
        )
    if view == "Fusion rules" or tweaks.edits_text():
        tweaks.draw_edits(context.study)


def draw_walk(context: PageContext, sample: Sample, walk: Replay) -> None:
    """The circuit across the page, a click on a box goes there; what the current gate does, its angle where it
    can be set, and all gates as a table."""
    at = int(state.get(circuit.GATE.key, walk.count))
    panels.show(sample, "circuit", on_select=_select_gate, first=1)
    if sample.study.model.part(Evolution):
        guidance.help_line(WHOLE_EVOLUTION_HELP)
    if sample.study.model.part(TruthTables):  # whose gates alone take angles that can be set
        draw_angles_of_gate(sample, at)
        references = walk.takes[at - 1] if at else ()
        named = dict(zip(references, walk.gates[at - 1][3], strict=False)) if at else {}
        takes = {one: name for one, name in named.items() if one[0] in gate_angles.NETWORK}
        if takes:
            draw_angles(sample, takes)
        draw_edits(context, sample, "Walk")  # below what is turned, which stays where it is
    if sample.study.model.part(EditableCircuit):
        draw_gate_angles(sample, at, walk.gates[at - 1][3] if at else {})
    draw_gate(sample, walk, at)
    with widgets.fold(circuit_page.TABLE, ":material/table_rows:"):
        tables.draw(
            [
                {
                    "number": n,
                    "gate": name,
                    "qubits": ", ".join(wires),
                    "effect": sentence,
                    "values": true_minus(
                        "; ".join(f"{key} = {value:.4g}" for key, value in values.items())
                    ),
                }
                for n, (name, wires, sentence, values) in enumerate(walk.gates, 1)
            ],
            "The gates in order.",
            height=420,
            column_config={"effect": st.column_config.TextColumn(width="large")},
        )


def draw_gate(sample: Sample, walk: Replay, at: int) -> None:
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
    panels.show(sample, "qubits", "bloch-gates")
    if not walk.moments[at - 1][0]:
        st.caption(circuit.describe_too_many_qubits(sample))
    panels.show(sample, "before-after", "matrix-after", columns=2)


def draw_gate_angles(sample: Sample, gate: int, values: dict[str, float]) -> None:
    """Draw the trainable angles of a gate as sliders and numbers, the ways back, and the effect on the decision.

    Args:
        sample: under the reader's edits.
        gate: number of the gate, from 1; 0 before the first.
        values: angles of the gate now, by name.
    """
    names = sample.study.model.source.trainable().get(gate - 1, ())
    if names:
        with st.container(border=True, key="box-gate", gap="xsmall"):
            for name in names:
                tweaks.draw_angle(
                    f"{name} of gate {gate} (rad)",
                    tweaks.GATE_ANGLES,
                    f"{gate}.{name}",
                    math.remainder(values[name], 2 * math.pi),
                    partial(_set_angle, sample, f"{gate}.{name}"),
                    "The decision, the states and the contributions follow.",
                )
            with st.container(horizontal=True, gap="small"):
                tweaks.reset_angles(sample)
    if sample.tweak_text:  # below what is turned, which stays where it is
        st.info(notebook.describe_tweaked_sample(sample), icon=":material/edit:")
    if problem := tweaks.edits_problem(sample.study):
        st.error(text.message(problem), icon=":material/error:")


def _set_angle(sample: Sample, name: str, angle: float) -> None:
    now = tweaks.current_tweak(sample.study)
    words = ",".join(part for part in (now, f"{name}={angle:.6g}") if part)
    edits = tweak.parse_edits(words, sample.study.model.source.trainable())
    state.put(choices.EDITS.key, str(edits))


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
    context: PageContext, drawn: Any, name: str, key: str, suffixes: Iterable[str]
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
        exchange.export_button(context)


def circuit_exports(context: PageContext, sample: Sample, *, folded: bool = True) -> None:
    """Draw the downloads of the circuit under the sample's tweak, its drawing by PennyLane (in a fold, unless there
    is one around), and the beginning of its OpenQASM.
    """
    drawn = circuits.circuit_drawing(context.study, context.row, sample.tweak)
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
        circuit_page.DRAWING,
        lambda: st.image(drawn.draw_svg().decode(), width="stretch"),
        ":material/schema:",
    )


TABS: dict[str, Callable[[PageContext, Sample], None]] = {
    "Walk": lambda context, sample: draw_walk(context, sample, circuit.replay(sample)),
    "Fusion rules": rules_tab,
    "Noise and shots": noise_tab,
    "Entropies": entropies_tab,
    "Sensitivity": sensitivity.sensitivity_tab,
    "Export": circuit_exports,
}


page_runs.run_page(__file__, __name__)
