"""Dynamics: what happens between features and score, and what would happen if a coupling were weaker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from qfusion.analysis import answers, changes, inside, text
from qfusion.analysis import dynamics as dynamics_of_analysis
from qfusion.analysis.dynamics import Decision
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.figures.style import Theme
from qfusion.models import Tweak
from qfusion.models.tweak import LEARNED
from qfusion.panels import circuit, states
from qfusion.panels import dynamics as builders
from qfusion.panels import physics as building_panels
from qfusion.panels import states as generator_panels
from qfusion.panels.address import fitting_tweak
from qfusion.panels.physics import BASELINE
from qfusion.training import metrics
from qfusion.ui import access, downloads, guidance, panels, reruns, sliders, state, views
from qfusion.ui.frame import Here, guard, link, shell

# Which coupling built which term of the decision: on the Dynamics page, under its sliders.

AS, OVER, PART = "builtas", "builtof", "built"
MATRIX, THROUGH, FLOW = building_panels.BUILT_VIEWS


def _names(study: Study) -> tuple[str, ...]:
    return BASELINE, *study.terms


def building_panel(sample: Sample, theme: Theme, t: float) -> None:
    """Pickers and one of three figures; the time cursor stands at a share `t` of T."""
    with panels.around("built") as head:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            view = (
                st.segmented_control(
                    "Show as", building_panels.BUILT_VIEWS, default=MATRIX, **state.bound(AS)
                )
                or MATRIX
            )
            over = str(
                st.selectbox(
                    "Samples",
                    changes.cohorts(sample.study),
                    help="This sample, or the mean over several.",
                    **state.bound(OVER),
                )
            )
            part = _part(sample, over) if view == THROUGH else ""
        if view == THROUGH:
            picture = building_panels.over_time(sample, theme, over=over, part=part, t=t)
        else:
            picture = (building_panels.flow if view == FLOW else building_panels.matrix)(
                sample, theme, over=over
            )
        panels.inside(picture, head, named=False)


def _part(sample: Sample, over: str) -> str:
    names, most = _names(sample.study), building_panels.built(sample, over).most_built() or BASELINE
    if state.get(PART) not in (None, *names):
        state.put(PART, most)  # of another model
    return str(st.selectbox("Contribution", names, index=names.index(most), **state.bound(PART)))


# What the generator is made of, on the Dynamics page.

LETTERS = "letters"


def generator_tab(here: Here, now: Any, _: Any) -> None:
    """The graph of couplings beside the levels, and below them letters and modes."""
    sample = here.sample_of(now.tweak)
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        panels.draw(generator_panels.couplings(sample, here.theme))
    with right:
        panels.draw(generator_panels.levels(sample, here.theme))
    known = list(inside.operator_names(sample.model))
    if state.get(LETTERS) not in (None, *known):
        state.forget(LETTERS)
    help_words = "Which operator is taken apart below. L1, L2, ... are those of one unravelling, as under Trajectories."
    chosen = str(
        state.one_of("Operator", known, default=known[0], help=help_words, **state.bound(LETTERS))
    )
    if not inside.has_modes(sample):
        panels.draw(generator_panels.letters(sample, here.theme, operator=chosen))
        return
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        panels.draw(generator_panels.letters(sample, here.theme, operator=chosen))
    with right:
        panels.draw(generator_panels.modes(sample, here.theme))


# Are the correlations needed, and when? One sample's cuts.

CUT, TERMS = "cut", "cutterms"


def cuts_of_sample(sample: Sample, theme: Theme, t: float) -> None:
    """The score if the correlations of a modality are taken away at a time, under the sliders; its terms when they are
    unfolded.

    Args:
        t: where the time cursor stands, a share of T.
    """
    if not builders.can_cut(sample):
        return
    panels.draw(builders.cut(sample, theme, t=t))
    with st.expander(
        "Contributions after the cut", icon=":material/stacked_line_chart:", **state.opened(TERMS)
    ) as folded:
        if folded.open:
            _terms(sample, theme, t)


def _terms(sample: Sample, theme: Theme, t: float) -> None:
    names, most = sample.modalities, builders.most_moved(sample)
    if state.get(CUT) not in (None, *names):
        state.put(CUT, most)  # of another model
    modality = str(
        st.selectbox(
            "Modality that is cut", names, index=names.index(most), width=340, **state.bound(CUT)
        )
    )
    panels.draw(builders.cut_terms(sample, theme, modality=modality, t=t))


# The Dynamics page's parts: before and after, and one function a tab.

CURSOR, RUNS, QUANTITY, WHOSE, MATRIX_AS = "t", "runs", "quantity", "of", "matrixas"
TURN, TOUCHED = "turn", "_touched"
WITH_CURSOR = ("Decision", "Correlations", "State")


def take_turn(study: Study) -> None:
    """Sets the sliders to what a link asks for as `turn`, such as "H.text=0.5,T=1.2", all others as learned; before
    they are drawn."""
    value = st.query_params.get(TURN)
    if value is not None:
        del st.query_params[TURN]
        sliders.set_to(study.model, fitting_tweak(study.model, value))


def no_time(here: Here) -> None:
    """Why there is nothing to follow through time, and where its counterpart is."""
    if not here.study.can("layers"):
        st.markdown(
            "**This model has no evolution in time**, nor layers: its scores are read out at once."
        )
        link("pages/samples.py", "See what each modality adds", ":material/article:")
        return
    st.markdown(
        "**This model has no evolution in time**: its qubits pass through a fixed circuit of gates. What corresponds "
        "to time is the place in the circuit, below; what corresponds to couplings are the angles of its gates."
    )
    with st.container(horizontal=True):
        link("pages/circuit.py", "Walk this sample through the circuit", ":material/schema:")
        link("pages/circuit.py", "Edit the fusion rules", ":material/tune:", rules="Fusion rules")
    views.along_layers(here.sample_of(), here.theme)
    panels.draw(circuit.entropies(here.sample_of(), here.theme, marked=False))


def before_after(here: Here, now: Decision, base: Decision) -> None:
    """The prediction and the test metrics under the sliders; what these change, in a line above them."""
    study = here.study
    truth = (
        text.plain(study.classes[int(study.dataset.y[here.row])])
        if study.classes
        else f"{float(study.dataset.y[here.row]):+.2f}"
    )
    known = metrics.labels(now.metrics)
    names = metrics.headlines(now.metrics)
    count = len(study.dataset.rows("test"))
    labels = [
        known[name].short.partition(" (")[0] + answers.of_seed(study) for name in names
    ]  # on one line
    with st.container(key="pair-metrics", gap="xsmall"):
        if now.tweak.numbers():
            sample = here.sample_of(now.tweak)
            tested = f"accuracy{answers.of_seed(study)}" if study.classes else labels[0]
            st.markdown(
                builders.before_after(
                    builders.changes(now.tweak),
                    builders.shared_before_after(sample),
                    (base.prediction, now.prediction),
                    (answers.verdict(study, base.scores), answers.verdict(study, now.scores)),
                    (tested, base.metrics[names[0]], now.metrics[names[0]]),
                    sample.whose,
                )
            )
        cells = st.columns(len(names) + 1, gap="small")
        _cell(
            cells[0],
            f"Score (truth {truth})",
            base.prediction,
            now.prediction,
            "off",
            f"Score of sample {text.plain(here.sample)}; annotated {truth}. The small number is the change from the "
            "model as learned.",
        )
        for cell, name, label in zip(cells[1:], names, labels, strict=True):
            about = known[name]
            _cell(
                cell,
                label,
                base.metrics[name],
                now.metrics[name],
                "normal" if about.higher_is_better else "inverse",
                f"{about.help} Of all {count:,} test samples under the same sliders; the small number is the change "
                "from the model as learned.",
            )


def _cell(cell: Any, label: str, before: float, after: float, colour: str, words: str) -> None:
    change = after - before
    cell.metric(
        label,
        f"{after:.3f}",
        None if builders.alike(before, after) else f"{change:+.3f}",
        delta_color=colour,
        help=words,
        border=True,
        height="stretch",
    )


def follow_touch(tweak: Tweak, modalities: Sequence[str]) -> None:
    """Has the mutual information of the pairs that a slider acts on drawn above the decision when the first is moved,
    and entropy again when all are as learned. What a link or the reader chose stays."""
    touched, before = bool(tweak.numbers()), state.get(TOUCHED)
    state.put(TOUCHED, touched)
    if before is None or before == touched or len(modalities) == 1:
        return
    now = state.get(views.ABOVE) or builders.ENTROPY
    if touched and now == builders.ENTROPY:
        state.put(views.ABOVE, builders.PAIRS)
    elif not touched and now == builders.PAIRS:
        state.put(views.ABOVE, builders.ENTROPY)


def cursor(now: Decision) -> None:
    """Draws the time cursor above the views that have it.

    It stands outside of them: of a widget that goes away with one view and comes back with another, the browser forgets
    its parameter.
    """
    if state.shown(state.VIEW, builders.VIEWS) in WITH_CURSOR:
        with st.container(key="cursor"):
            st.slider(
                "Time cursor (of T)",
                0.0,
                1.0,
                1.0,
                1 / (len(now.times) - 1),
                format="percent",
                **state.bound(CURSOR),
            )


def decision_tab(here: Here, now: Decision, _: Decision) -> None:
    """Entropies or entanglement and decision terms on one time axis under one cursor, and the waterfall at T."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="choices"):
        terms, above = views.which_terms(), views.which_measure(here.study.modalities)
    sample, share = here.sample_of(now.tweak), _share()
    panels.draw(builders.decision_over_time(sample, here.theme, above=above, terms=terms, t=share))
    mean, name, unit = builders.moving(sample, above)[1:]
    place = round(share * (len(now.times) - 1))
    views.at_cursor(now.dividends, mean, name, place, f"t = {now.times[place]:.2f}", unit)
    cuts_of_sample(sample, here.theme, share)
    building_panel(sample, here.theme, share)


def correlations_tab(here: Here, now: Decision, _: Decision) -> None:
    """Who shares how much with whom, mutual information, then every other measure that is drawn over time."""
    if states.several(here.study):
        panels.draw(states.triangle(here.sample_of(now.tweak), here.theme, t=_share()))
    for kind in sorted(builders.drawn_measures(), key="mutual_information".__ne__):
        panels.draw(
            builders.correlation(here.sample_of(now.tweak), here.theme, kind=kind, t=_share())
        )


def trajectories_tab(here: Here, now: Decision, _: Decision) -> None:
    """Single quantum-jump runs, their mean over the master equation, and when which operator jumps: one unravelling."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        runs = int(
            st.select_slider(
                "Trajectories",
                builders.RUN_CHOICES,
                20,
                **state.bound(RUNS),
                help="How many random histories are drawn. With more, their mean comes closer to "
                "the exact one.",
            )
        )
        whose = str(
            st.selectbox(
                "Entanglement of",
                list(here.study.modalities),
                help="Of this modality with all others.",
                **state.bound(QUANTITY),
            )
        )
    sample = here.sample_of(now.tweak)
    st.caption(inside.UNRAVELLING)
    with access.waiting(f"Sampling {runs} trajectories …"):
        sample.track(runs=runs)
    panels.draw(builders.trajectories(sample, here.theme, runs=runs, whose=whose))
    panels.draw(builders.ensemble(sample, here.theme, runs=runs))
    if states.jumps_at_all(sample):
        with access.waiting(f"Sampling {inside.RUNS} trajectories …"):
            sample.track(runs=inside.RUNS)
        panels.draw(states.raster(sample, here.theme))


def state_tab(here: Here, now: Decision, _: Decision) -> None:
    """Populations and density matrix at the cursor, Bloch balls, elements over time."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        whose = str(
            st.selectbox(
                "State of",
                [builders.WHOLE, *here.study.modalities],
                help="Of all modalities, or of one when the others are not looked at.",
                **state.bound(WHOSE),
            )
        )
        shape = state.one_of(
            "Matrix as", states.SHAPES, default=states.HEAT, **state.bound(MATRIX_AS)
        )
    sample = here.sample_of(now.tweak)
    panels.draw(builders.populations(sample, here.theme, whose=whose, t=_share()))
    if shape == states.HINTON:
        panels.draw(states.hinton(sample, here.theme, whose=whose, t=_share()))
    else:
        for part, cell in zip(("modulus", "phase"), st.columns(2), strict=True):
            with cell:
                panels.draw(builders.matrix(sample, here.theme, part=part, whose=whose, t=_share()))
    if states.has_qubits(sample):
        panels.draw(states.balls(sample, here.theme, t=_share()))
    for part, cell in zip(states.PARTS, st.columns(2), strict=True):
        with cell:
            panels.draw(states.over_time(sample, here.theme, part=part, t=_share()))


def attractor_tab(here: Here, now: Decision, _: Decision) -> None:
    """Steady state, contraction within T, spectral gap."""
    sample = here.sample_of(now.tweak)
    if not builders.settles(sample):
        st.text(builders.settling(sample).attractor.note)
        st.info(
            "There is no single steady state to approach under these sliders. Raise a dissipation."
        )
        return
    picture = builders.distance(sample, here.theme)
    if not guidance.full():
        st.markdown(
            picture.lead
        )  # what the figure alone does not tell stands here whatever the reader chose
    panels.draw(picture)
    panels.draw(builders.steady(sample, here.theme))


def exactness_line(here: Here, tweak: Tweak) -> None:
    """How exact the states shown are, and for which sliders: the last thing drawn."""
    result = builders.changes(tweak)
    changed = f"Changed: {', '.join(result)}." if result else "Everything as learned."
    st.caption(
        f"{dynamics_of_analysis.exactness(here.study, here.row, tweak)} {changed}",
        help="QuTiP follows this sample under these sliders in adaptive steps, torch by a Chebyshev expansion "
        "that is exact to 1e-13: this is the largest deviation of an element, over all times shown. What "
        f"is further off than {dynamics_of_analysis.MOST_ERROR:g} is not shown.",
    )


def _share() -> float:
    """Where the time cursor stands, as a share of T."""
    return float(state.get(CURSOR, 1.0))


# Dynamics: what happens between features and score, and what would happen if a coupling were weaker.

TABS = dict(
    zip(
        builders.VIEWS,
        (
            decision_tab,
            correlations_tab,
            trajectories_tab,
            state_tab,
            attractor_tab,
            views.sensitivity_in_dynamics,
            generator_tab,
        ),
        strict=True,
    )
)


@st.fragment
def dynamics(here: Here) -> None:
    """Sliders beside what they change; a fragment, so that moving one redraws this and nothing else."""
    reruns.begin_run()
    with st.container(key="fold-dynamics"):
        side, main = st.columns([1, 3.4], gap="medium")
        with side, st.container(border=True, key="pair-knobs", gap="xsmall"):
            presets, line = st.container(), st.empty()
            tweak = sliders.draw_sliders(here.study)
            with line:
                guidance.folded("All sliders", open=bool(tweak.numbers()))
            with presets:
                sliders.presets(here.study)
            downloads.export_button(here)
        with main, guard():
            now = dynamics_of_analysis.decide(here.study, here.row, tweak, here.sample_of().output)
            base = dynamics_of_analysis.decide(
                here.study, here.row, LEARNED, here.sample_of().output
            )
            follow_touch(tweak, here.study.modalities)
            before_after(here, now, base)
            cursor(now)
            tabs = st.tabs(list(TABS), **state.opened(state.VIEW))
            for tab, draw in zip(tabs, TABS.values(), strict=True):
                if tab.open:
                    with tab, guard():
                        draw(here, now, base)
                        panels.below(here.theme, **here.subjects(now.tweak))
            exactness_line(here, tweak)
    here.prepare(tweak)


def page() -> None:
    """Draws the page."""
    here = shell("Dynamics")
    if here.study.can("time"):
        take_turn(here.study)
        dynamics(here)
    else:
        with guard():
            no_time(here)


if (
    __name__ == "__main__"
):  # as Streamlit runs it, which defines all above anew each time; the module is kept
    import qfusion.ui.pages.dynamics

    qfusion.ui.pages.dynamics.page()
