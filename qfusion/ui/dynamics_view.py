"""The Dynamics page's parts: before and after, and one function a tab."""

from __future__ import annotations

from functools import partial, reduce
from operator import or_
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.figures import decision, dynamics
from qfusion.figures import state as state_figures
from qfusion.figures import trajectories as run_figures
from qfusion.figures.dynamics import Before
from qfusion.quantum.states import partial_trace
from qfusion.training import metrics
from qfusion.ui import (
    backgrounds,
    built_view,
    cache,
    cut_view,
    knobs,
    layers_view,
    panels,
    physics_view,
    pins,
    replay,
    sample_view,
    spoken,
    state,
    text,
    through_view,
    walk_view,
)
from qfusion.ui.replay import Decision, Dials
from qfusion.ui.shell import Here, link
from qfusion.ui.workspace import Workspace

SHOWN_METRICS = ("acc2_non0", "acc7", "mae", "corr", "r2")
CURSOR, RUNS, QUANTITY, WHOSE = "t", "runs", "quantity", "of"
TURN = "turn"
TAB_NAMES = ("Decision", "Correlations", "Trajectories", "State", "Steady state", "What did it")
WITH_CURSOR = ("Decision", "Correlations", "State")
RUN_CHOICES = (4, 8, 20, 50, 100, 200)


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about this page's widgets."""
    if not work.has_time:
        return through_view.allowed(work)
    whole = ("all together", *work.modalities)
    views = [part.allowed(work) for part in (knobs, physics_view, through_view, cut_view, built_view)]
    return reduce(or_, views) | {
        state.VIEW: state.options("View", TAB_NAMES, "Decision is shown."),
        TURN: state.Allowed(lambda said: pins.dials_of(said, replay.learned(work.model)), "The sliders stay as they are."),
        CURSOR: state.number(CURSOR, 0, 1, "The end of the evolution is shown."),
        RUNS: state.options("Number of trajectories", map(str, RUN_CHOICES), "20 are sampled."),
        QUANTITY: state.options("Modality", work.modalities, "The first is shown."),
        WHOSE: state.options("State of", whole, "All together are shown.")}


def take_turn(work: Workspace) -> None:
    """Sets the sliders to what a link asks for as `turn`, such as "H.text=0.5,T=1.2", all others as learned; before they are drawn."""
    said = st.query_params.get(TURN)
    if said is not None:
        del st.query_params[TURN]
        knobs.set_to(pins.dials_of(said, replay.learned(work.model)))


def no_time(here: Here) -> None:
    """Why there is nothing to follow through time, and where its counterpart is."""
    st.markdown("**This model has no evolution in time**: its qubits pass through a fixed circuit of gates. What corresponds to time is "
                "the place in the circuit, below; what corresponds to couplings are the angles of its gates.")
    with st.container(horizontal=True):
        link("pages/circuit.py", "Walk this sample through the circuit", ":material/schema:")
        link("pages/circuit.py", "Edit the fusion rules", ":material/tune:", rules="Fusion rules")
    layers_view.panel(here)
    walk_view.entropy_lines(here, cache.walk(here.work, here.row), None)


def before_after(here: Here, now: Decision, base: Decision) -> None:
    """The prediction and the test metrics as learned and under the sliders."""
    work = here.work
    truth = text.plain(work.classes[int(work.dataset.y[here.row])]) if work.classes else f"{float(work.dataset.y[here.row]):+.2f}"
    names = [name for name in (*SHOWN_METRICS, "accuracy", "nll") if name in now.metrics][:4]
    with st.container(key="pair-metrics"):
        cells = st.columns(len(names) + 1)
        _cell(cells[0], "Prediction", base.prediction, now.prediction, "off",
              f"Score of sample {text.plain(here.sample)}; annotated {truth}.")
        for cell, name in zip(cells[1:], names, strict=True):
            about = metrics.describe[name]
            _cell(cell, about.short, base.metrics[name], now.metrics[name],
                  "normal" if about.higher_is_better else "inverse", about.help)
    count = len(here.work.dataset.rows("test"))
    st.caption(f"Truth of this sample {truth}. The other numbers are of all {count:,} test samples under the same "
               "sliders; the small number is the change from the model as learned.")


def _cell(cell: Any, label: str, before: float, after: float, colour: str, words: str) -> None:
    change = after - before
    cell.metric(label, f"{after:.3f}", None if abs(change) < 5e-4 else f"{change:+.3f}", delta_color=colour, help=words,
                border=True, height="stretch")


def cursor(now: Decision) -> None:
    """Draws the time cursor above the views that have it.

    It stands outside of them: of a widget that goes away with one view and comes back with another, the browser forgets its parameter.
    """
    if state.shown(state.VIEW, TAB_NAMES) in WITH_CURSOR:
        st.slider("Time cursor (share of T)", 0.0, 1.0, 1.0, 1 / (len(now.times) - 1), format="percent", **state.bound(CURSOR))


def decision_tab(here: Here, now: Decision, base: Decision) -> None:
    """Entropies or entanglement and decision terms on one time axis under one cursor, and the waterfall at T."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what, above = through_view.which_terms(), through_view.which_measure()
    mixed = above == through_view.MEASURES[0]
    series = _above(here, now.dials, mixed)
    before = Before(base.times, _above(here, base.dials, mixed), _terms(base, what)) if now.dials != base.dials else None
    mean = np.mean([values for name, values in series.items() if name], 0).clip(0.0) + 0.0  # a pure state's is 0 up to rounding
    name, unit = ("the mean entropy", "nats") if mixed else ("the mean entanglement", "bits")
    panels.panel(
        "decision-over-time", through_view.answer(now.dividends, mean, name, unit, [f"t = {t:.2f}" for t in now.times]),
        dynamics.decision_lines(now.times, series, _terms(now, what), here.work.modalities, before=before, unit=here.unit,
                                above="entropy (nats)" if mixed else "log. negativity (bits)",
                                what="dividend" if what == through_view.KINDS[0] else "Shapley value", cursor=_cursor(now.dials),
                                theme=here.theme),
        called=f"{'Entropy' if mixed else 'Entanglement'} and contributions over time",
        lead=f"**When did it happen?** {through_view.since_when(here.work, now)} **What did the dynamics add?** "
             f"{through_view.what_was_added(now)}",
        shows=("above, how mixed each modality's state and all together become (von Neumann entropy)" if mixed else
               "above, the entanglement of each modality with the rest (logarithmic negativity)")
              + "; below, the decision if it were read out at t, split into "
              + ("dividends: solid alone, dashed in pairs, dotted all three." if what == through_view.KINDS[0] else "Shapley values.")
              + (" Thin: as learned." if before else "") + here.of + " " + backgrounds.against(here.work.background),
        not_shown="that what stands above decides: it is correlation" + (", and jumps raise it too" if mixed else "")
                  + ". The baseline is left out below.",
        alt=f"Above, {above}: {spoken.lines(series)}. Below, {what}: "
            f"{spoken.lines({term: each for term, each in _terms(now, what).items() if term}, '+.2f')}.",
        numbers=lambda: now.frame().join(pd.DataFrame({f"{above}[{k or 'all'}]": v for k, v in series.items()})))
    place = round(_share() * (len(now.times) - 1))
    through_view.at_cursor(now.dividends, mean, name, place, f"t = {now.times[place]:.2f}", unit)
    cut_view.of_sample(here, now, _cursor(now.dials))
    built_view.panel(here, now, _cursor(now.dials))
    final = now.final()
    panels.panel(
        "waterfall-now", sample_view.finding(final),
        decision.waterfall(final, here.work.modalities, truth=here.truth, unit=here.unit,
                           theme=here.theme),
        shows=f"the decision at T under the sliders, term by term.{here.of} {backgrounds.baseline(here.work.background)}",
        not_shown="how it was as learned: press Reset.",
        alt=f"Waterfall of the decision at T: {spoken.terms(final)}.",
        numbers=lambda: pd.DataFrame({"term": [t or "baseline" for t in final], "dividend": list(final.values())}))


def _above(here: Here, dials: Dials, mixed: bool) -> dict[str, np.ndarray]:
    """Entropies of the modalities and of all together, or the entanglement of each modality with the rest."""
    if mixed:
        return replay.single_entropies(cache.track(here.work, here.row, dials))
    measures = cache.track(here.work, here.row, dials, negativity=True).measures
    return {name: values for name, values in replay.sort_measures(measures, "negativity").items() if name in here.work.modalities}


def _terms(found: Decision, what: str) -> dict[str, np.ndarray]:
    return found.dividends if what == through_view.KINDS[0] else found.shapley


def correlations_tab(here: Here, now: Decision, _: Decision) -> None:
    """Mutual information, negativity, purity."""
    track = cache.track(here.work, here.row, now.dials, negativity=True)
    cursor = _cursor(now.dials)
    kinds = (
        ("mutual_information", "How much do pairs share?", "mutual information (nats)",
         "all correlation of each pair, classical and quantum; all together: the total correlation.",
         "how much of it is entanglement: see the negativity."),
        ("negativity", "How much of it is entanglement?", "logarithmic negativity (bits)",
         "entanglement between each modality and the rest; zero for every separable state.",
         "entanglement within the rest, nor the bound kind that negativity misses."),
        ("purity", "How pure do the states stay?", "purity Tr ρ² (1 = pure)",
         "purity of each modality's state and of all together; 1/d for a fully mixed state of dimension d.",
         "whether entanglement or jumps made a state mixed."))
    for kind, title, axis, shows, not_shown in kinds:
        series = replay.sort_measures(track.measures, kind)
        if kind == "mutual_information":
            series[""] = track.measures["total_correlation"]
        drawn = dynamics.measure_lines(track.times, series, here.work.modalities, axis, cursor=cursor, height=260,
                                       theme=here.theme)
        panels.panel(kind.replace("_", "-"), title, drawn, shows=shows + here.of, not_shown=not_shown,
                     alt=f"{axis} over time: {spoken.lines(series)}.",
                     numbers=partial(_frame, track.times, series, kind))


def trajectories_tab(here: Here, now: Decision, _: Decision) -> None:
    """Single quantum-jump runs, and their mean over the master equation."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        runs = st.select_slider("Trajectories", RUN_CHOICES, 20, help="How many random histories are drawn. With more, their mean "
                                "comes closer to the exact one.", **state.bound(RUNS))
        whose = st.selectbox("Entanglement of", list(here.work.modalities),
                             help="Of this modality with all others.", **state.bound(QUANTITY))
    with st.spinner(f"Sampling {runs} trajectories …"):
        track = cache.track(here.work, here.row, now.dials, runs=int(runs))
    shown = track.trajectories[:4]
    jumps = [list(zip(run.jump_times.tolist(), run.jump_operators.tolist(), strict=True)) for run in track.trajectories]
    key = f"entropy[{whose}]"
    per_run = np.mean([len(marks) for marks in jumps])
    panels.panel(
        "trajectories", f"{per_run:.1f} jumps a run on average",
        run_figures.single_runs(track.times, [run.measures[key] for run in shown], jumps[:len(shown)],
                                track.ensemble.measures[key], f"entanglement of {whose} (nats)",
                                channels=len(now.dials.rates), mean_name=f"mean of {runs} runs", theme=here.theme),
        shows=f"the first {len(shown)} runs: the state stays pure, so its entropy is entanglement with the others; a marker "
              "where an operator jumped." + here.of,
        not_shown="what the model computes: that is the mean over all runs.",
        alt=f"Entanglement of {whose} in {len(shown)} single runs, at the end "
            f"{spoken.listed([f'run {i + 1}' for i in range(len(shown))], [run.measures[key][-1] for run in shown])} nats; mean of all "
            f"{track.ensemble.measures[key][-1]:.2f}.",
        numbers=lambda: pd.concat([pd.DataFrame({"run": i + 1, "t": run.times, key: run.measures[key]})
                                   for i, run in enumerate(track.trajectories)]))
    _ensemble(here, track)


def _ensemble(here: Here, track: Any) -> None:
    top = np.sort(np.argsort(track.populations.max(0))[::-1][:4])
    names = [state_figures.basis_labels(here.work.model.dims)[i] for i in top]
    mean, error = track.ensemble.populations[:, top], track.ensemble.populations_error[:, top]
    master = track.populations[:, top]
    worst = float(np.max(np.abs(mean - master) / np.maximum(error, 1e-12), where=error > 1e-9, initial=0.0))
    panels.panel(
        "ensemble", f"The mean of the runs stays within {worst:.1f} standard errors of the master equation",
        run_figures.ensemble(track.times, mean, error, master, names, track.ensemble.size, theme=here.theme),
        shows=f"the four likeliest basis states: master equation (solid), mean of {track.ensemble.size} runs (dotted), band of "
              "2 standard errors." + here.of,
        not_shown="the other basis states.",
        alt=f"Populations at the end by the master equation: {spoken.listed(names, master[-1])}; mean of the runs: "
                                                 f"{spoken.listed(names, mean[-1])}.",
        numbers=lambda: _populations(track, top, names))


def _populations(track: Any, top: np.ndarray, names: list[str]) -> pd.DataFrame:
    columns: dict[str, np.ndarray] = {"t": track.times}
    for i, name in zip(top, names, strict=True):
        columns |= {f"master[{name}]": track.populations[:, i], f"mean[{name}]": track.ensemble.populations[:, i],
                    f"standard_error[{name}]": track.ensemble.populations_error[:, i]}
    return pd.DataFrame(columns)


def state_tab(here: Here, now: Decision, _: Decision) -> None:
    """Populations and density matrix at the cursor."""
    work = here.work
    whole = "all together"
    track = cache.track(work, here.row, now.dials)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        whose = st.selectbox("State of", [whole, *work.modalities],
                             help="Of all modalities, or of one when the others are not looked at.", **state.bound(WHOSE))
    step = round(_share() * (len(track.times) - 1))
    rho, dims = track.rho[step], work.model.dims
    if whose != whole:
        place = work.modalities.index(whose)
        rho = _reduced(rho, dims, place)
        dims = (dims[place],)
    mass = np.real(np.diag(rho))
    best = int(np.argmax(mass))
    name = f"t = {track.times[step]:.2f}"
    panels.panel(
        "populations", f"Likeliest basis state at {name}: |{state_figures.basis_labels(dims)[best]}⟩ with {mass[best]:.0%}",
        state_figures.populations(mass, dims, theme=here.theme),
        shows="the probability of each basis state, the diagonal of ρ(t)." + here.of, not_shown="coherence: see the matrix below.",
        alt=f"Populations at {name}: {spoken.listed(state_figures.basis_labels(dims), mass)}.",
        numbers=lambda: pd.DataFrame({"state": state_figures.basis_labels(dims), "probability": mass}))
    left, right = st.columns(2)
    for part, cell in (("modulus", left), ("phase", right)):
        with cell:
            panels.panel(f"matrix-{part}", f"Density matrix: {part} at {name}",
                         state_figures.density_matrix(rho, dims, part=part, theme=here.theme),
                         shows=_MATRIX[part][0] + here.of, not_shown=_MATRIX[part][1],
                         alt=f"Heat map of the {part} of ρ: {spoken.off_diagonal(rho, state_figures.basis_labels(dims))}.",
                         numbers=lambda: _matrix_frame(rho, dims))


_MATRIX = {"modulus": ("|ρ_ij|: diagonal populations, off the diagonal coherences.", "the sign or phase of a coherence."),
           "phase": ("arg ρ_ij on a cyclic scale, where |ρ_ij| is at least 1 % of the largest.", "how large an entry is.")}


def _reduced(rho: np.ndarray, dims: tuple[int, ...], place: int) -> np.ndarray:
    import torch

    return partial_trace(torch.as_tensor(rho), dims, (place,)).numpy()


def _matrix_frame(rho: np.ndarray, dims: tuple[int, ...]) -> pd.DataFrame:
    names = np.array(state_figures.basis_labels(dims))
    rows, columns = np.indices(rho.shape)
    return pd.DataFrame({"row": names[rows.ravel()], "column": names[columns.ravel()], "real": rho.real.ravel(),
                         "imaginary": rho.imag.ravel()})


def attractor_tab(here: Here, now: Decision, _: Decision) -> None:
    """Steady state, spectral gap, distance."""
    settling = cache.attractor(here.work, here.row, now.dials)
    found = settling.attractor
    st.text(found.note)
    if found.steady is None or found.distance is None:
        st.info("Nothing dissipates under these sliders, so there is no steady state to approach. Raise a jump rate.")
        return
    panels.panel(
        "distance", f"The input is forgotten at rate {found.gap:.3g}, the spectral gap",
        dynamics.distance_line(settling.times, found.distance, found.gap, now.dials.duration, theme=here.theme),
        shows="trace distance of ρ(t) to the steady state, far beyond the read-out; dashed: the slope of the gap "
              f"(± {found.gap_error:.1e}).{here.of}",
        not_shown="whether the read-out ever looks at what is lost.",
        alt=f"Trace distance from {found.distance[0]:.2f} to {found.distance[-1]:.2g}.",
        numbers=lambda: pd.DataFrame({"t": settling.times, "trace_distance": found.distance}))
    _steady(here, now, found)


def _steady(here: Here, now: Decision, found: Any) -> None:
    dims = here.work.model.dims
    mass = np.real(np.diag(found.steady))
    final = np.real(np.diag(cache.track(here.work, here.row, now.dials).rho[-1]))
    title = "Where every input would end" if found.unique else "One of several states where inputs can end"
    panels.panel(
        "steady", title,
        state_figures.populations(mass, dims, reference=final, name="steady state", reference_name="this sample at T",
                                  theme=here.theme),
        shows=f"populations of the steady state (residual {found.residual:.0e}) and of this sample at T.",
        not_shown="coherences of the steady state.",
        alt=f"Populations of the steady state: {spoken.listed(state_figures.basis_labels(dims), mass)}.",
        numbers=lambda: pd.DataFrame({"state": state_figures.basis_labels(dims), "steady": mass, "sample_at_T": final}))


def agreement_line(here: Here, dials: Dials) -> None:
    """How far torch and QuTiP agree on rho(T), and for which sliders: the last thing drawn."""
    worst = cache.agreement(here.work, here.row, dials)
    st.caption(f"torch and QuTiP agree on ρ(T) to {worst:.1e} (largest deviation of an element). "
               f"{_changes(dials, replay.learned(here.work.model))}")


def _changes(dials: Dials, base: Dials) -> str:
    parts = [f"{text.plain(term)} × {factor:g}" for term, factor in dials.couplings if factor != 1]
    parts += [f"L{k + 1} × {rate:g}" for k, rate in enumerate(dials.rates) if rate != 1]
    parts += [f"T = {dials.duration:g}"] if dials.duration != base.duration else []
    return f"Changed: {', '.join(parts)}." if parts else "Everything as learned."


def _share() -> float:
    """Where the time cursor stands, as a share of T."""
    return float(state.get(CURSOR, 1.0))


def _cursor(dials: Dials) -> float | None:
    return _share() * dials.duration if 0 < _share() < 1 else None


def _frame(times: np.ndarray, series: dict[str, np.ndarray], head: str) -> pd.DataFrame:
    return pd.DataFrame({"t": times} | {f"{head}[{name or 'all'}]": values for name, values in series.items()})
