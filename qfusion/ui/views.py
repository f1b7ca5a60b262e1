"""What several pages show: a sample's content, sensitivities, decision and entanglement under one cursor, the decision
along layers, and what takes long on all samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from uuid import uuid4

import numpy as np
import pandas as pd
import streamlit as st

from qfusion._sentences import duration
from qfusion._sentences import share as percent
from qfusion.analysis import answers, changes, cohort_measures, memo, text
from qfusion.analysis.answers import KINDS
from qfusion.analysis.memo import Job, State
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.data import Audio, Content, Image, Text, modality
from qfusion.data.modality import Series
from qfusion.figures.style import Theme
from qfusion.panels import dynamics as dynamics_panels
from qfusion.panels import network as layer_panels
from qfusion.panels import physics as physics_panels
from qfusion.panels import samples
from qfusion.panels.panel import EVERYONE
from qfusion.panels.physics import Measured
from qfusion.training import metrics
from qfusion.ui import controls, downloads, guidance, panels, reruns, state
from qfusion.ui.frame import Here, link

HIDDEN = ("text", "transcript")


def sample_content(
    here: Here,
    row: int | None = None,
    *,
    details: bool = True,
    only: tuple[str, ...] | None = None,
    key: str = "card",
) -> None:
    """The raw content that the data set has of a sample; says so where a modality has none.

    Args:
        row: of the sample, the current one unless given. details: with facts from the data's table, and as the page's
            main content.
        only: modalities to show. key: tells figures of one sample apart that a page shows twice.
    """
    at = here.row if row is None else row
    result = {
        name: piece
        for name, piece in here.study.dataset.content(at).items()
        if only is None or name in only
    }
    for name in (name for name in here.study.modalities if isinstance(result.get(name), Text)):
        _piece(name, result[name])
    with st.container(horizontal=True, vertical_alignment="center", wrap=len(result) > 3):
        for kind in (Image, Audio):
            for name in (
                name for name in here.study.modalities if isinstance(result.get(name), kind)
            ):
                _piece(name, result[name], "stretch" if details else 150)
    for name in here.study.modalities:
        if isinstance(result.get(name), Series):
            st.caption(text.plain(name))
            panels.small(
                samples.curve(
                    here.study, here.theme, row=at, modality=name, card="main" if details else key
                )
            )
    absent = [name for name in here.study.modalities if name not in result]
    if absent and details:
        st.caption(
            f"No raw content of {', '.join(map(text.plain, absent))} comes with this data set, only features."
        )
    if details:
        _facts(here, at)


def _piece(name: str, piece: Content, width: int | Literal["stretch"] = "stretch") -> None:
    if isinstance(piece, Text):
        with st.container(border=True):
            st.text(piece.text)
    elif isinstance(piece, Audio):
        st.audio(
            np.asarray(piece.samples),
            sample_rate=piece.rate,
            width=width,
            alt=f"Recording: {name} of the sample",
        )
    elif isinstance(piece, Image):
        st.image(
            np.asarray(piece.pixels),
            width=90,
            clamp=True,
            caption=text.plain(name),
            alt=f"Picture: {name} of the sample",
        )


def _facts(here: Here, row: int) -> None:
    """Whatever the data set's table says of the sample: video and segment times, regime."""
    facts = {
        str(name): value
        for name, value in here.study.dataset.table.iloc[row].items()
        if name not in (*HIDDEN, here.study.dataset.target.name)
        and not (str(name).startswith(modality.COLUMN) and pd.isna(value))
    }
    parts = [f"split: {here.study.dataset.split[row]}"]
    if {"start", "end"} <= set(facts):
        parts.append(f"segment: {facts.pop('start'):.1f} s to {facts.pop('end'):.1f} s")
    parts += [
        f"{text.plain(text.column(name))}: {text.plain(_short(value))}"
        for name, value in facts.items()
    ]
    st.caption(" · ".join(parts))


def _short(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def sample_heading(here: Here) -> None:
    """The sample's id, and the way on."""
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.subheader(f"Sample {text.plain(here.sample)}", anchor=False)
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            downloads.report_of_sample(here)
            if here.study.can("time"):
                link("pages/dynamics.py", "Follow it through time", ":material/timeline:")
            elif here.study.can("circuit"):
                link("pages/circuit.py", "Walk it through the circuit", ":material/schema:")


# Sensitivity, on the Dynamics and on the Circuit page: pickers, the tornado, one term's way, and all terms as a
# table.

TARGET, COHORT, TERMS, TERM, WITHOUT, HALF = "effect", "over", "terms", "term", "without", "half"
TABLE = "table.terms"


def sensitivity_in_dynamics(here: Here, now: Any, _: Any) -> None:
    """On the Dynamics page: under its sliders."""
    sensitivity_tab(here, here.sample_of(now.tweak))


def sensitivity_tab(here: Here, sample: Sample) -> None:
    """Pickers, tornado, table, response."""
    study = here.study
    with st.container(horizontal=True, vertical_alignment="bottom"):
        effect = _pick("Effect on", list(changes.targets(study)), TARGET)
        over = _pick("Samples", list(changes.cohorts(study)), COHORT)
        group = _pick("Terms", list(changes.GROUPS[study.can("time")]), TERMS)
        half = st.toggle(
            "Slope half-way too",
            help="The slope of every term at half its strength: diamonds beside the right bars. It stands "
            "for the mean slope on the way far better than the slope at its end. Takes a second or "
            "more.",
            **state.bound(HALF),
        )
    measured = physics_panels.measured(sample, effect, over)
    picture = physics_panels.tornado(
        sample, here.theme, effect=effect, over=over, group=group, half=half
    )
    if picture.figure is None:
        st.info(
            f"None of these terms moves the {text.plain(effect)}. Choose others, or another effect."
        )
    else:
        panels.draw(picture)
        if measured.sensitivity.note:
            st.caption(text.plain(measured.sensitivity.note))
        _agreement(measured, physics_panels.halves(sample, effect, over) if half else None)
    _way(here, sample, measured, effect, over)
    _table(sample, measured)


_HELP = {
    TARGET: "What is explained: the score, a part of it, or a state's entropy or entanglement.",
    COHORT: "This sample, or the mean over several.",
    TERMS: "The parts of the model that are weakened and removed.",
    TERM: "All strengths of one part, from removed to as it stands.",
}


def _pick(title: str, options: list[str], key: str) -> str:
    if state.get(key) not in (None, *options):
        state.put(key, options[0])  # of another model
    return str(st.selectbox(title, options, help=_HELP.get(key), **state.bound(key)))


def _agreement(measured: Measured, half: np.ndarray | None) -> None:
    _, result, reach = measured
    big, same = changes.large(result, reach), result.agrees()[:, 0]
    bent = np.array([parameter.kind not in changes.LINEAR for parameter in result.parameters])
    count, agree = int(big.sum()), int((big & same).sum())
    if not count:
        st.caption(f"No removal moves it by more than 1 % of its range ({reach:.3g}).")
        return
    curved = (
        f"of the {int((big & bent).sum())} among them that do not act linearly, for "
        f"{int((big & bent & same).sum())}"
    )
    middle = ""
    if half is not None:
        right = big & (np.sign(half) == np.sign(result.effects[:, 0]))
        middle = f" The slope half-way points the way of the removal for {int(right.sum())}."
    st.caption(
        f"Slope and removal point the same way for {agree} of the {count} terms whose removal moves it by more than 1 "
        f"% of its range ({reach:.3g}); {curved}.{middle} A slope says what a little less does, not what nothing at "
        "all does: where they differ, the answer bends on the way."
    )


def _way(here: Here, sample: Sample, measured: Measured, effect: str, over: str) -> None:
    titles = list(measured.followed())
    if not titles:
        return
    term = st.query_params.get(TERM)
    if term is not None and state.get(TERM) is None and physics_panels.current_term(term) in titles:
        if term not in titles:
            state.put(TERM, physics_panels.current_term(term))
    elif term is not None and state.get(TERM) is None:
        st.warning(
            f"In the link, `{TERM}`: ‘{text.plain(term, 60)}’ is no term that can be followed here. The one below is "
            "shown.",
            icon=":material/link_off:",
        )
    picked = _pick("Response to one term, from removed to its present strength", titles, TERM)
    panels.draw(physics_panels.way(sample, here.theme, effect=effect, over=over, term=picked))


def _table(sample: Sample, measured: Measured) -> None:
    study, (_, result, reach) = sample.study, measured
    with st.expander("All terms as a table", icon=":material/table_rows:", **state.opened(TABLE)):
        with_metrics = st.toggle(
            "Test metrics without each term (a second or more)",
            help="How good the model is when one term is taken out.",
            **state.bound(WITHOUT),
        )
        table = result.frame(result.targets[0])
        table.insert(7, "above_1_percent", changes.large(result, reach))
        if with_metrics:
            scored = changes.metrics_without(study, sample.tweak)
            known = metrics.labels(scored.columns)
            for name in [
                name for name in ("mae", "corr", "accuracy", "nll") if name in scored.columns
            ][:2]:
                table[f"test {known[name].short}"] = scored[name].loc[table["key"]].to_numpy()
            stored = ", ".join(
                f"{known[name].short} {scored[name].loc['']:.3f}"
                for name in ("mae", "corr", "accuracy", "nll")
                if name in scored.columns
            )
            st.caption(
                f"Over {len(study.dataset.rows('test')):,} test samples{answers.of_seed(study)}; with all terms: "
                f"{stored}. A weight or measurement vector is taken out of every score."
            )
        order = np.argsort(-np.abs(result.effects[:, 0]))
        st.dataframe(
            table.iloc[order].drop(columns=["key"]),
            hide_index=True,
            height=420,
            alt="Slope, removal and agreement of every term.",
        )


# Decision and entanglement under one cursor: the choice of terms, the cursor, and the answer in words.

TERMS_AS, ABOVE, LAYER = "as", "above", "layer"


def which_terms() -> str:
    """Draws the choice between contributions and Shapley values."""
    if state.get(TERMS_AS) not in (None, *KINDS):
        state.put(TERMS_AS, KINDS[0])
    return (
        st.segmented_control(
            "Lower panel",
            list(KINDS),
            default=KINDS[0],
            help="Contributions tell what modalities say alone and only together; Shapley values "
            "split the joint terms among them.",
            **state.bound(TERMS_AS),
        )
        or KINDS[0]
    )


def which_measure(modalities: Sequence[str]) -> str:
    """Draws the choice of what stands above the decision."""
    offered = dynamics_panels.measures_above(modalities)
    if state.get(ABOVE) not in (None, *offered):
        state.put(ABOVE, dynamics_panels.ENTROPY)  # of another model
    return (
        st.segmented_control(
            "Upper panel",
            list(offered),
            default=dynamics_panels.ENTROPY,
            help="Entropy says how mixed each state is, by entanglement or by jumps; entanglement "
            "(logarithmic negativity) takes longer; mutual information is that of the pairs "
            "on which the sliders that you moved act, of all pairs if none.",
            **state.bound(ABOVE),
        )
        or dynamics_panels.ENTROPY
    )


def at_cursor(
    dividends: Mapping[str, np.ndarray],
    moving: np.ndarray,
    moving_name: str,
    place: int,
    where: str,
    unit: str,
) -> None:
    """The numbers at the cursor in one line."""
    share = answers.joint_share(dividends)
    now, at_start, at_end = (percent(share[at]) for at in (place, 0, -1))
    largest = answers.largest_at(dividends, place)
    guidance.line(
        f"At {where}: joint terms {now}, {largest}, {moving_name} {moving[place]:.3f} {unit}.",
        f"At {where}: joint terms are {now} of the decision's size ({at_start} at the start, {at_end} at the end); "
        f"{largest}; {moving_name} "
        f"{moving[place]:.3f} {unit} ({moving[0]:.3f} at the start, {moving[-1]:.3f} at the end).",
    )


def which_layer(names: list[str]) -> int:
    """Draws the cursor along the layers; returns the place."""
    if state.get(LAYER) not in (None, *names):
        state.put(LAYER, names[-1])  # of another model
    return names.index(
        st.select_slider(
            "Place in the network",
            names,
            names[-1],
            help="Marked in the figure; its numbers stand below it.",
            **state.bound(LAYER),
        )
    )


# The decision of an entangled-fusion network along its layers: what the read-out would say if the circuit stopped
# there.


def along_layers(sample: Sample, theme: Theme) -> None:
    """Correlations of the qubits and terms of the decision at every place between the layers."""
    result, dividends, _, series = layer_panels.layered(sample)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        terms, place = which_terms(), which_layer(list(result.moments))
    panels.draw(
        layer_panels.decision_over_layers(sample, theme, terms=terms, layer=result.moments[place])
    )
    at_cursor(
        dividends,
        series[layer_panels.MUTUAL],
        layer_panels.MUTUAL,
        place,
        f"“{result.moments[place]}”",
        "nats",
    )


# What takes long on all samples: measured on some, drawn at random, and on all of them behind the page where the
# reader asks for it, by one control for all panels and pages.

SAMPLES = "measured"
PULSE = 1.0  # seconds between two looks at how far it is
_SELF = "_asker"


def choose_drawn() -> None:
    """The control."""
    controls.draw(EVERYONE)


def everyone(
    name: str, study: Study, rows: np.ndarray, some: int, make: Callable[[], object], *more: str
) -> bool:
    """Returns whether a panel shows all samples, which are then worked out; says until then that some are drawn,
    and how far all are.

    Args:
        name: of the panel. work: the model on its data. rows: of all samples. some: how many are drawn of these.
        make: works out what the panel shows of all samples, where it is kept.
        more: what else tells it from others.
    """
    key = (name, *more, *study.memo_key(), hashlib.sha256(rows.tobytes()).hexdigest())
    state.put(_SELF, state.get(_SELF) or uuid4().hex)
    if some < len(rows) and state.get(SAMPLES) != cohort_measures.ALL:
        st.caption(f"{cohort_measures.drawn_words(some, len(rows))}.")
    if some >= len(rows) or state.get(SAMPLES) != cohort_measures.ALL:
        memo.leave_job(key, state.get(_SELF))
        return False
    job = memo.begin_job(key, make, len(rows), state.get(_SELF))
    if job.state == State.DONE:
        return True
    if job.state == State.FAILED:
        st.warning(
            text.message(f"All samples cannot be measured: {job.problem}. Some of them are shown.")
        )
        return False
    with st.container(width=320, key=f"all-samples-{name}"):
        st.fragment(_progress, run_every=PULSE)(key, job)
    return False


def _progress(key: tuple[str, ...], job: Job) -> None:
    """How far it is, looked at again and again; the page begins anew when it has ended."""
    reruns.begin_run()
    if job.state not in memo.UNDER_WAY or state.get(SAMPLES) != cohort_measures.ALL:
        st.rerun()
    memo.stay_for(job, state.get(_SELF))
    left = job.seconds_left
    ahead = (
        ", waiting for other work"
        if job.state == State.WAITING
        else ""
        if left is None
        else f", {duration(left)} left"
    )
    st.progress(
        min(1.0, job.done / max(1, job.total)), f"All samples: {job.done:,} of {job.total:,}{ahead}"
    )
    st.button("Cancel", key=f"_all_cancel_{key[0]}", on_click=_cancel, args=(key,))


def _cancel(key: tuple[str, ...]) -> None:
    memo.leave_job(key, state.get(_SELF))
    state.put(SAMPLES, cohort_measures.DRAWN)
