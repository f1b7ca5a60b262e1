"""Dynamics: the evolution between features and decision, and the effect of weaker couplings."""

import math
from collections.abc import Callable
from functools import partial

import streamlit as st

from qfusion import plugin
from qfusion.app import (
    figure,
    frame,
    guidance,
    navigation,
    page_runs,
    panels,
    state,
    widgets,
)
from qfusion.app.models import exchange, sensitivity, sliders, tweaks
from qfusion.app.page_context import PageContext
from qfusion.app.samples import contents
from qfusion.models.protocols import Evolution, LayeredNetwork
from qfusion.study import evolution, text
from qfusion.study.sample import Sample
from qfusion.training import metrics
from qfusion.views import decision, generator_attribution, states
from qfusion.views.dynamics import (
    QUANTITY,
    RUNS,
    describe_attractor,
    has_jumps,
    long_time_limit,
    measure_panels,
)
from qfusion.views.pages import dynamics as dynamics_page, notebook, page_state
from qfusion.views.pages.choices import CURSOR, TERMS
from qfusion.views.words.names import UNRAVELLING

QUTIP_DIFFERENCE = (
    "QuTiP differs by at most {difference:.0e} in any element of ρ(t) at the times shown."
)

AS_LEARNED = "The model as it was learned. Move a slider to see its effect on this decision."
AS_GIVEN = "The system as it was given. Move a slider to see its effect on the value that is read."


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Dynamics")
    if context.study.model.part(Evolution):
        # what a link asks for, such as "H.text=0.5,T=1.2", all other sliders as learned; before they are drawn
        turn = state.pop_linked(dynamics_page.TURN.key)
        if turn is not None:
            tweak = page_state.parse_slider_tweak(context.study.model, turn[-1])
            tweaks.set_sliders(context.study.model, tweak)
        dynamics(context)
    else:
        no_time(context)


@page_runs.show_errors()
def no_time(context: PageContext) -> None:
    """Draw the reason why the model has no evolution in time to follow, and where its counterpart is."""
    if not context.study.model.part(LayeredNetwork):
        navigation.say_missing(
            "**This model has no evolution in time and no layers**: its decision is read out directly."
        )
        return
    st.markdown(
        "**This model has no evolution in time**: its qubits pass through a fixed circuit of gates. "
        "The position in the circuit, below, corresponds to time, and the angles of the gates to "
        "couplings."
    )
    with st.container(horizontal=True):
        navigation.link(
            "pages/circuit.py", "Walk this sample through the circuit", ":material/schema:"
        )
        navigation.link(
            "pages/circuit.py", "Edit the fusion rules", ":material/tune:", rules="Fusion rules"
        )
    sensitivity.draw_layer_lines(context.tweaked_sample())
    panels.show(context.tweaked_sample(), "entropy-gates", first=1)


def shown_metrics(context: PageContext, sample: Sample) -> list[str]:
    """Return the names of the test metrics that are shown."""
    if not context.study.dataset.target.known:
        return []
    return metrics.headlines(sample.untweaked.metrics)


def compare_with_learned(context: PageContext, sample: Sample) -> Callable[[], None]:
    """Draw the decision under the sliders. Return a function that draws the test metrics, and a line above on the
    effect of the sliders.
    """
    study, now, base = context.study, sample, sample.untweaked
    known = metrics.labels(base.metrics)
    names = shown_metrics(context, sample)
    with st.container(key="pair-metrics", gap="xsmall"):
        with st.container(key="tweak-line"):
            line = st.empty()
        first, *others = st.columns(1 + len(names), gap="small")
    truth = contents.truth(study, context.row)
    explained = tweaks.Changed(
        f"Log-odds of ‘{text.escape_markdown(now.classes[now.output], 14)}’"
        if now.classes
        else f"Score (truth {truth})"
        if study.dataset.has_truth(context.row)
        else "Score",
        base.score,
        now.score,
        f"Sample {text.escape_markdown(context.sample)}, {text.escape_markdown(now.unit)}; annotated "
        f"{truth}. The small number is the change from the learned model.",
    )
    tweaks.metrics_changed([explained], [first])

    def rest() -> None:
        if now.tweak.numbers():
            line.markdown(notebook.describe_tweaked_sample(sample))
        else:
            line.caption(AS_GIVEN if study.model.is_given else AS_LEARNED)
        over = (
            f" Over all {len(study.dataset.rows('test')):,} test samples with the same sliders; the small number is "
            "the change from the learned model."
        )
        tested = [tweaks.changed_metric(sample, name, known[name].short, over) for name in names]
        tweaks.metrics_changed(tested, others)

    return rest


def decision_tab(rest: Callable[[], None], context: PageContext, sample: Sample) -> None:
    """Entropies or entanglement and decision terms on one time axis under one cursor, then the `rest` of the metrics,
    and the waterfall at T."""
    _, above = widgets.row(TERMS, decision.MOVING, study=context.study, key="choices")
    try:
        panels.show(sample, "decision-over-time", first=1)
    finally:
        rest()
    mean, name, unit = decision.upper_curves(sample, above)[1:]
    share = state.get(CURSOR.key, 1.0)
    place = round(share * (len(sample.places) - 1))
    where = f"t = {sample.places[place]:.2f}"
    sensitivity.draw_cursor_values(sample, mean, name, unit, place, where)
    panels.lazy_panel("built", partial(building, sample), stays=True)


def building(sample: Sample) -> None:
    """Draw which coupling built which term of the decision: pickers and one of three figures."""
    with figure.titled_frame("built") as head:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            drawn_as = widgets.draw(dynamics_page.BUILT_AS)
            over = widgets.draw(generator_attribution.BUILT_OVER, sample.study)
            if drawn_as == "over time":
                widgets.draw(
                    generator_attribution.BUILT_PART,
                    sample.study,
                    default=generator_attribution.path_attribution(
                        sample, over
                    ).largest_changed_dividend()
                    or generator_attribution.BASELINE,
                )
        [build] = panels.builders(sample, *dynamics_page.BUILT).values()
        figure.draw_content(build(), head, named=False)


def correlations_tab(context: PageContext, sample: Sample) -> None:
    """Draw how much each modality shares with each other one, as mutual information, then every other measure that
    is drawn over time.
    """
    panels.show(
        sample,
        *dict.fromkeys(("information", "mutual-information", *measure_panels().values())),
        first=1,
    )


def trajectories_tab(context: PageContext, sample: Sample) -> None:
    """Single quantum-jump runs, their mean over the master equation, and when which operator jumps: one unravelling."""
    runs, _ = widgets.row(RUNS, QUANTITY, study=context.study)
    st.caption(UNRAVELLING)
    with page_runs.computing(f"Sampling {runs} trajectories …"):
        sample.track(runs=runs)
    panels.show(sample, "trajectories", "ensemble", first=1)
    if has_jumps(sample.study):
        panels.show(sample, "raster")


def state_tab(context: PageContext, sample: Sample) -> None:
    """Populations and density matrix at the cursor, Bloch balls, elements over time."""
    widgets.row(states.STATE_OF, dynamics_page.STATE_AS, study=context.study)
    panels.show(sample, "populations", first=1)
    panels.show(sample, "matrix-modulus", "matrix-phase", "hinton", columns=2)
    panels.show(sample, "bloch")
    panels.show(sample, "populations-over-time", "coherences-over-time", columns=2)


def attractor_tab(context: PageContext, sample: Sample) -> None:
    """Steady state, contraction within T, spectral gap."""
    if not dynamics_page.reaches_steady_state(sample):
        st.text(describe_attractor(long_time_limit(sample).attractor))
        st.info("With these sliders there is no unique steady state. Raise a dissipation.")
    else:
        panels.show_with_leads(sample, "distance", "steady")


TABS = {
    "Correlations": correlations_tab,
    "Trajectories": trajectories_tab,
    "State": state_tab,
    "Steady state": attractor_tab,
    "Sensitivity": sensitivity.sensitivity_tab,
}


@page_runs.fragment
def dynamics(context: PageContext) -> None:
    """Draw sliders beside their effects. This is a fragment, so that moving a slider redraws only this part."""
    with st.container(key="fold-dynamics"):
        side, main = st.columns([1, 3.4], gap="medium")
        with side, st.container(border=True, key="pair-knobs", gap="xsmall"):
            presets, line = st.container(), st.empty()
            tweak = tweaks.draw_sliders(context.study)
            with line:
                guidance.help_expander("All sliders", open=bool(tweak.numbers()))
            with presets:
                tweaks.slider_presets(context.study)
            exchange.export_button(context)
        with main, page_runs.show_errors():
            sample = context.tweaked_sample(tweak)
            rest = compare_with_learned(context, sample)
            # The time cursor stands outside of the views that have it: of a widget that goes away with one view and
            # comes back with another, the browser forgets its parameter.
            view = state.current().option(dynamics_page.VIEW.key, dynamics_page.VIEW.options())
            if view != "Decision":
                rest()
            if view in ("Decision", "Correlations", "State"):
                last = len(sample.places) - 1
                with st.container(horizontal=True, vertical_alignment="center", key="cursor"):
                    widgets.draw(CURSOR, step=1 / last)
                    sliders.draw_play(sample)
            panels.tabs(
                dynamics_page.VIEW,
                TABS | {"Decision": partial(decision_tab, rest)} | plugin.tabs("dynamics"),
                *(context, sample),
                **context.scopes(tweak),
            )
            changed = notebook.list_changes(tweak)
            given = "given system" if context.study.model.is_given else "learned model"
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(
                    f"Changed: {', '.join(changed)}." if changed else f"No changes to the {given}."
                )
                if st.button(
                    "Compare with QuTiP",
                    type="tertiary",
                    key="_qutip",
                    help="The states are computed by a Chebyshev expansion in torch, which is exact to 1e-13. QuTiP "
                    "solves the same master equation by adaptive steps.",
                ):
                    apart = evolution.difference_to_qutip(context.study, context.row, tweak)
                    st.caption(describe_qutip_difference(apart))
            sliders.follow_sliders(sample, shown_metrics(context, sample))
    # whoever turns a knob turns it again before another sample is asked for
    if not tweak.numbers():
        context.prepare()


def describe_qutip_difference(difference: float) -> str:
    """Return how far QuTiP's states of a sample are from those shown, rounded up to one digit."""
    difference = max(difference, 1e-15)
    unit = 10.0 ** math.floor(math.log10(difference))
    return QUTIP_DIFFERENCE.format(difference=math.ceil(difference / unit) * unit)


page_runs.run_page(__file__, __name__)
