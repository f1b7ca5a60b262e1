"""What physics did it: the tornado of a decision's terms, and how the answer bends; on the Dynamics and on the Circuit page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import backgrounds, physics, text
from qfusion.analysis.physics import Where
from qfusion.analysis.subject import Workspace
from qfusion.explain.changes.sensitivity import Knob, Sensitivity
from qfusion.figures.draw import tornado as figures
from qfusion.training import metrics
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

TARGET, COHORT, TERMS, TERM, WITHOUT, HALF = "effect", "over", "terms", "term", "without", "half"
TABLE = "table.terms"
MOST = 16  # terms drawn


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about this view."""
    return {TARGET: state.options("Effect", physics.targets(work), "The score is shown."),
            COHORT: state.options("Samples", physics.cohorts(work), "This sample is shown."),
            TERMS: state.options("Terms", physics.GROUPS[work.can("time")], "All terms are shown."),
            TERM: state.anything(),
            HALF: state.switch("Slope half-way", "It is not worked out."),
            WITHOUT: state.switch("Test metrics without each term", "They are not worked out."),
            TABLE: state.switch("Table of all terms", "It stays folded.")}


def dynamics_tab(here: Here, now: Any, _: Any) -> None:
    """On the Dynamics page: under its sliders."""
    tab(here, now.tweak)


def tab(here: Here, where: Where) -> None:
    """Pickers, tornado, table, response."""
    work = here.work
    known = physics.targets(work)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = _pick("Effect on", list(known), TARGET)
        cohort = _pick("Samples", list(physics.cohorts(work)), COHORT)
        group = _pick("Terms", list(physics.GROUPS[work.can("time")]), TERMS)
    target = known[words]
    rows = physics.rows_of(work, here.row, cohort, lambda: work.frame(here.output))
    found = physics.measure(work, rows, where, here.output, target)
    reach = physics.full_range(work, target, here.output)
    half = None
    if st.toggle("Slope half-way too (a second or more)", help="The slope of every term at half its strength: diamonds beside the right "
                 "bars. It stands for the mean slope on the way far better than the slope at its end.", **state.bound(HALF)):
        half = physics.half_way(work, rows, where, here.output, target)
    _tornado(here, found, words, cohort, group, reach, half)
    _way(here, found, rows, where, words, reach, _whose(here, found, cohort))
    _table(here, found, where, reach)


_HELP = {TARGET: "What is explained: the score, a part of it, or a state's entropy or entanglement.",
         COHORT: "This sample, or the mean over several.", TERMS: "The parts of the model that are weakened and removed.",
         TERM: "All strengths of one part, from removed to as it stands."}


def _pick(title: str, options: list[str], key: str) -> str:
    if state.get(key) not in (None, *options):
        state.put(key, options[0])  # of another model
    return str(st.selectbox(title, options, help=_HELP.get(key), **state.bound(key)))


def _whose(here: Here, found: Sensitivity, cohort: str) -> str:
    """Over which samples, in words."""
    count, of_class = int(found.samples[0]), ""
    if here.work.classes and found.targets[0].startswith(("score", "dividend")):
        of_class = f", score of ‘{text.plain(here.work.classes[here.output])}’"
    if cohort == physics.THIS:
        return f"sample {text.plain(here.sample)}{of_class}"
    whole = len(physics.rows_of(here.work, here.row, cohort, lambda: here.work.frame(here.output)))
    some = f"{count:,} of {whole:,}" if count < whole else f"{count:,}"
    return f"the mean over {some} {text.plain(cohort.replace('all ', ''))}{of_class}"


def _tornado(here: Here, found: Sensitivity, words: str, cohort: str, group: str, reach: float,
             half: np.ndarray | None) -> None:
    places = physics.chosen(found, group, here.work.can("time"))
    shown = places[:MOST]
    knobs = [found.knobs[i] for i in shown]
    bends = physics.large(found, reach) & ~found.agrees()[:, 0]
    if not len(shown):
        st.info(f"None of these terms moves the {text.plain(words)}. Choose others, or another effect.")
        return
    drawn = figures.tornado(
        [_named(knob) for knob in knobs], -0.1 * found.slopes[shown, 0], found.effects[shown, 0], ["+".join(k.modalities) for k in knobs],
        here.work.modalities, bends=[bool(bends[i]) for i in shown], half=None if half is None else half[shown],
        unit=physics.unit(here.work, found.targets[0], here.output),
        theme=here.theme)
    against = f" {backgrounds.against(here.work.background)}" if found.targets[0].startswith("dividend") else ""
    more = f" The {len(shown)} of {len(places)} terms that do most." if len(places) > len(shown) else ""
    panels.panel(
        "tornado", _head(found, places, words), drawn,
        shows=f"what each term does to the {text.plain(words)} ({found.values[0]:+.3f} now; {_whose(here, found, cohort)}): left by its "
              "exact slope, right by its removal, which is its mean slope on the way to nothing. The right scale is ten times the left: "
              f"equal bars, straight answer.{more}{against}",
        not_shown="what a model trained without the term would say; nor what two terms do together: removals do not add up. "
                  + ("T: removed means read out at once." if here.work.can("time") else
                     "Convolution removed: its angles at 0, which leaves only the block's fixed gates."),
        alt="Tornado: " + "; ".join(f"{k.title} {e:+.3f}" for k, e in zip(knobs[:6], found.effects[shown[:6], 0], strict=True)) + ".",
        numbers=lambda: found.frame(found.targets[0]).assign(
            **({} if half is None else {"slope_half_way_says": half}), samples=int(found.samples[0]), background=found.background,
            background_size=found.background_size))
    if found.note:
        st.caption(text.plain(found.note))
    _agreement(found, reach, half)


def _named(knob: Knob) -> str:
    return knob.title if knob.value == 1 else f"{knob.title} (× {knob.value:g})"


def _head(found: Sensitivity, places: np.ndarray, words: str) -> str:
    if not len(places) or np.abs(found.effects[places, 0]).max() < 1e-9:
        return f"No term of these moves the {text.plain(words)}"
    first = max(places, key=lambda i: abs(found.effects[i, 0]))
    change = found.effects[first, 0]
    return (f"Most depends on the {text.plain(found.knobs[first].title)}: without it the {text.plain(words)} "
            f"{'rises' if change > 0 else 'falls'} by {abs(change):.2g}")


def _agreement(found: Sensitivity, reach: float, half: np.ndarray | None) -> None:
    big, same = physics.large(found, reach), found.agrees()[:, 0]
    bent = np.array([knob.kind not in physics.LINEAR for knob in found.knobs])
    count, agree = int(big.sum()), int((big & same).sum())
    if not count:
        st.caption(f"No removal moves it by more than 1 % of its range ({reach:.3g}).")
        return
    curved = f"of the {int((big & bent).sum())} among them that do not act linearly, for {int((big & bent & same).sum())}"
    middle = ""
    if half is not None:
        right = big & (np.sign(half) == np.sign(found.effects[:, 0]))
        middle = f" The slope half-way points the way of the removal for {int(right.sum())}."
    st.caption(f"Slope and removal point the same way for {agree} of the {count} terms whose removal moves it by more than 1 % of its "
               f"range ({reach:.3g}); {curved}.{middle} "
               "A slope says what a little less does, not what nothing at all does: where they differ, the answer bends on the way.")


def _way(here: Here, found: Sensitivity, rows: np.ndarray, where: Where, words: str, reach: float, whose: str) -> None:
    order = physics.worth_following(found, reach)
    if not order:
        return
    titles = {found.knobs[i].title: i for i in order}
    asked = st.query_params.get(TERM)
    if asked is not None and state.get(TERM) is None and asked not in titles:
        st.warning(f"In the link, `{TERM}`: ‘{text.plain(asked, 60)}’ is no term that can be followed here. The one below is shown.",
                   icon=":material/link_off:")
    picked = _pick("Follow one term from removed to now", list(titles), TERM)
    place = titles[picked]
    knob = found.knobs[place]
    way = physics.follow(here.work, rows, where, here.output, found.targets[0], knob.key)
    unit = physics.unit(here.work, found.targets[0], here.output)
    what = "factor of the term (0: removed, 1: as learned)"
    panels.panel(
        "way", _bend(way, knob, words),
        figures.way(way.factors, way.values, way.slopes, "+".join(knob.modalities), here.work.modalities, what=what, unit=unit,
                    theme=here.theme),
        shows=f"the {text.plain(words)} ({whose}) for every strength of this term, all others as they stand. The mean slope on the way "
              f"is (by quadrature) {way.mean_slope:+.3g}: times the way ({knob.value:g}) it is what removal takes "
              f"away ({-way.effect:+.3g}).",
        not_shown="strengths beyond what stands now: move the slider." if here.work.can("time") else "strengths beyond what was learned.",
        alt=f"{knob.title}: from {way.values[0]:+.3f} without it to {way.values[-1]:+.3f} now.",
        numbers=lambda: pd.DataFrame({"factor": way.factors, "value": way.values, "slope": way.slopes}))


def _bend(way: Any, knob: Knob, words: str) -> str:
    name, slope = text.plain(knob.title), way.slopes[-1] * knob.value
    if not np.isfinite(slope) or abs(slope) < 1e-9 or abs(way.effect) < 1e-9:
        return f"The {text.plain(words)} and the strength of the {name}"
    if np.sign(-slope) == np.sign(way.effect):
        return f"{name}: less of it and none of it move the {text.plain(words)} the same way"
    first, then = ("raises", "lowers") if slope < 0 else ("lowers", "raises")
    return f"{name} bends: a little less {first} the {text.plain(words)}, none at all {then} it"


def _table(here: Here, found: Sensitivity, where: Where, reach: float) -> None:
    with st.expander("All terms as a table", icon=":material/table_rows:", **state.opened(TABLE)):
        with_metrics = st.toggle("Test metrics without each term (a second or more)",
                                 help="How good the model is when one term is taken out.", **state.bound(WITHOUT))
        table = found.frame(found.targets[0])
        table.insert(7, "above_1_percent", physics.large(found, reach))
        if with_metrics:
            scored = physics.metrics_without(here.work, where)
            for name in [name for name in ("mae", "corr", "accuracy", "nll") if name in scored.columns][:2]:
                table[f"test {metrics.describe[name].short}"] = scored[name].loc[table["key"]].to_numpy()
            kept = ", ".join(f"{metrics.describe[name].short} {scored[name].loc['']:.3f}"
                             for name in ("mae", "corr", "accuracy", "nll") if name in scored.columns)
            st.caption(f"Over {len(here.work.dataset.rows('test')):,} test samples; with all terms: {kept}. A weight or measurement "
                       "vector is taken out of every score.")
        order = np.argsort(-np.abs(found.effects[:, 0]))
        st.dataframe(table.iloc[order].drop(columns=["key"]), hide_index=True, height=420,
                     alt="Slope, removal and agreement of every term.")
