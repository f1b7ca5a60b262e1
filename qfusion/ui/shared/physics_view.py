"""Sensitivity, on the Dynamics and on the Circuit page: pickers, the tornado, one term's way, and all terms as a
table."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from qfusion.analysis import describe, text
from qfusion.analysis.dynamics import physics
from qfusion.analysis.sample import Sample
from qfusion.panels import physics as physics_panels
from qfusion.panels.physics import Measured
from qfusion.training import metrics
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

TARGET, COHORT, TERMS, TERM, WITHOUT, HALF = "effect", "over", "terms", "term", "without", "half"
TABLE = "table.terms"


def dynamics_tab(here: Here, now: Any, _: Any) -> None:
    """On the Dynamics page: under its sliders."""
    tab(here, here.subject(now.tweak))


def tab(here: Here, sample: Sample) -> None:
    """Pickers, tornado, table, response."""
    work = here.work
    with st.container(horizontal=True, vertical_alignment="bottom"):
        effect = _pick("Effect on", list(physics.targets(work)), TARGET)
        over = _pick("Samples", list(physics.cohorts(work)), COHORT)
        group = _pick("Terms", list(physics.GROUPS[work.can("time")]), TERMS)
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
        if measured.found.note:
            st.caption(text.plain(measured.found.note))
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
    _, found, reach = measured
    big, same = physics.large(found, reach), found.agrees()[:, 0]
    bent = np.array([parameter.kind not in physics.LINEAR for parameter in found.parameters])
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
        right = big & (np.sign(half) == np.sign(found.effects[:, 0]))
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
    asked = st.query_params.get(TERM)
    if (
        asked is not None
        and state.get(TERM) is None
        and physics_panels.current_term(asked) in titles
    ):
        if asked not in titles:
            state.put(TERM, physics_panels.current_term(asked))
    elif asked is not None and state.get(TERM) is None:
        st.warning(
            f"In the link, `{TERM}`: ‘{text.plain(asked, 60)}’ is no term that can be followed here. The one below is "
            "shown.",
            icon=":material/link_off:",
        )
    picked = _pick("Response to one term, from removed to its present strength", titles, TERM)
    panels.draw(physics_panels.way(sample, here.theme, effect=effect, over=over, term=picked))


def _table(sample: Sample, measured: Measured) -> None:
    work, (_, found, reach) = sample.work, measured
    with st.expander("All terms as a table", icon=":material/table_rows:", **state.opened(TABLE)):
        with_metrics = st.toggle(
            "Test metrics without each term (a second or more)",
            help="How good the model is when one term is taken out.",
            **state.bound(WITHOUT),
        )
        table = found.frame(found.targets[0])
        table.insert(7, "above_1_percent", physics.large(found, reach))
        if with_metrics:
            scored = physics.metrics_without(work, sample.tweak)
            known = metrics.labels(scored.columns)
            for name in [
                name for name in ("mae", "corr", "accuracy", "nll") if name in scored.columns
            ][:2]:
                table[f"test {known[name].short}"] = scored[name].loc[table["key"]].to_numpy()
            kept = ", ".join(
                f"{known[name].short} {scored[name].loc['']:.3f}"
                for name in ("mae", "corr", "accuracy", "nll")
                if name in scored.columns
            )
            st.caption(
                f"Over {len(work.dataset.rows('test')):,} test samples{describe.of_seed(work)}; with all terms: "
                f"{kept}. A weight or measurement vector is taken out of every score."
            )
        order = np.argsort(-np.abs(found.effects[:, 0]))
        st.dataframe(
            table.iloc[order].drop(columns=["key"]),
            hide_index=True,
            height=420,
            alt="Slope, removal and agreement of every term.",
        )
