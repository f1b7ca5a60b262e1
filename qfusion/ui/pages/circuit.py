"""Circuit: the model as gates with the learned values, and the sample on its way through them.

Of a QiNN-QJ the page shows one step of the evolution, of an entangled-fusion network views of the whole, of others a
list of gates.
"""

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.models.protocols import Circuit, EditableCircuit, Evolution, GateCircuit, StateModel
from qfusion.ui import (
    angle_scores,
    cursor_line,
    frame,
    guidance,
    knobs,
    navigation,
    page_context,
    page_params,
    page_runs,
    panels,
    sensitivity_tab,
    tweak_choice,
    tweak_sliders,
    widgets,
)
from qfusion.ui.circuit_export import circuit_drawing, circuit_exports, circuit_files
from qfusion.ui.fusion_rules_tab import rules_tab
from qfusion.ui.gate_walk import WHOLE_EVOLUTION_HELP, draw_edits, draw_scrubber, draw_walk
from qfusion.ui.noise_tab import noise_tab
from qfusion.views import circuit
from qfusion.views.pages import circuit as circuit_page, notebook


@page_runs.fragment
def one_step(context: page_context.PageContext) -> None:
    """The circuit of one step with the sample in it, a scrubber, the state at its place, and how far the step is from
    our evolution."""
    top = st.container()
    with st.expander("Angles of the gates", icon=":material/tune:"):
        st.caption("The angle of a gate is its learned coupling × dt × the factor set here.")
        presets = st.container()
        with widgets.grid("knobs"):
            tweak = tweak_sliders.draw_sliders(context.study)
        with presets:
            tweak_sliders.slider_presets(context.study)
    with top:
        step_and_sample(context, context.tweaked_sample(tweak))


def step_and_sample(context: page_context.PageContext, sample: Sample) -> None:
    """Draw the part above the sliders: the step under their values and their effect on the decision."""
    if sample.tweak_text:
        st.markdown(notebook.describe_tweaked_sample(sample))
    more = "" if guidance.full() else f" {WHOLE_EVOLUTION_HELP}"
    steps, gates = widgets.row(
        replace(circuit_page.STEP_COUNT, help=circuit_page.STEP_COUNT.help + more),
        circuit_page.GATES_OF_H,
    )
    walk, built = (make(sample, steps, gates) for make in (circuit.replay, circuit.step_circuit))
    draw_scrubber(walk, sample)
    draw_walk(context, sample, walk)
    panels.show(sample, context.theme, "entropy-gates", "step-error")
    panels.draw_lower_panels(context.theme, **context.scopes(sample.tweak))
    circuit_files(context, built, "qfusion-step", "save-step", (".svg", ".txt", ".tex"))
    circuit_drawing(built)


@page_runs.fragment
def fusion_network(context: page_context.PageContext) -> None:
    """Draw all views, of which only the open one is computed. This is a fragment, so that an edit redraws only this
    part.
    """
    with st.container(key="fold-circuit"):
        sample = context.tweaked_sample(tweak_choice.current_tweak(context.study))
        view = page_params.current().option(circuit_page.PART.key, circuit_page.PART.options())
        if view != "Walk":
            draw_edits(context, sample, view)
        if view in (
            "Walk",
            "Entropies",
        ):  # it stands above the views: as the cursor of Dynamics does
            draw_scrubber(circuit.replay(sample), sample if view == "Walk" else None)
        with st.container(key="angle-line"):  # says what a slider does while it is dragged
            st.empty()
        panels.tabs(
            circuit_page.PART,
            TABS,
            context,
            sample,
            theme=context.theme,
            **context.scopes(sample.tweak),
        )
        if view != "Noise and shots":  # where no angle can be set
            knobs.follow_angles(sample, walks=view == "Walk")


def entropies_tab(context: page_context.PageContext, sample: Sample) -> None:
    """The decision along the layers; entropy along the gates, of every cut, and around every pooling."""
    cursor_line.draw_layer_lines(context, sample)
    panels.show(sample, context.theme, "entropy-gates")
    panels.show(sample, context.theme, "cuts", "mutual", columns=2)
    panels.show(sample, context.theme, "poolings")


TABS: dict[str, Callable[[page_context.PageContext, Sample], None]] = {
    "Walk": lambda context, sample: draw_walk(context, sample, circuit.replay(sample)),
    "Fusion rules": rules_tab,
    "Noise and shots": noise_tab,
    "Entropies": entropies_tab,
    "Sensitivity": sensitivity_tab.sensitivity_tab,
    "Export": circuit_exports,
}


@page_runs.fragment
def plain_gates(context: page_context.PageContext) -> None:
    """Draw the circuit of the sample, a scrubber, the qubits at its place, their mutual information, and exports."""
    with st.container(key="fold-circuit"):
        tweak = tweak_choice.current_tweak(context.study) if _can_change(context) else ""
        sample = context.tweaked_sample(tweak)
        walk = circuit.replay(sample)
        st.markdown(text.escape_markdown(walk.says))
        with st.container(key="angle-line"):
            st.empty()
        draw_scrubber(walk, sample)
        draw_walk(context, sample, walk)
        panels.show(sample, context.theme, "entropy-gates", "mutual-gates")
        if _can_change(context):
            widgets.draw_folded(
                circuit_page.LAYERS_SWITCH,
                lambda: panels.show(sample, context.theme, "layer-shapley"),
                ":material/layers:",
            )
            widgets.draw_folded(
                circuit_page.FOLD,
                lambda: angle_scores.draw_angle_scores(context, sample),
                ":material/show_chart:",
            )
            widgets.draw_folded(
                circuit_page.NOISE_SWITCH, lambda: noise_tab(context, sample), ":material/grain:"
            )
            knobs.follow_angles(sample)
        panels.draw_lower_panels(context.theme, **context.scopes())
        widgets.draw_folded(
            circuit_page.PROGRAM,
            lambda: circuit_exports(context, sample, folded=False),
            ":material/output:",
        )


def _can_change(context: page_context.PageContext) -> bool:
    return context.study.model.part(EditableCircuit) is not None


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Circuit")
    if not context.study.model.part(Circuit):
        st.markdown("**This model has no circuit of gates**: its decision is read out directly.")
        instead = ("pages/samples.py", "See what each modality adds", ":material/article:")
        votes = ("pages/operators.py", "See the votes of its read-out", ":material/how_to_vote:")
        navigation.link(*(votes if context.study.model.part(StateModel) else instead))
    elif context.study.model.part(Evolution):
        one_step(context)
    elif context.study.model.part(GateCircuit):
        plain_gates(context)
    else:
        fusion_network(context)


page_runs.run_page(__file__, __name__)
