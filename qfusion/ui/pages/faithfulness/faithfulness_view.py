"""The Faithfulness page: when not to trust the explanations of a model, and what that rests on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import backgrounds, faithful, text
from qfusion.analysis.subject import Workspace
from qfusion.errors import QFusionError
from qfusion.explain.features.deletion import RANKINGS
from qfusion.explain.trust.faithfulness import Curves
from qfusion.explain.trust.stability import Stability
from qfusion.figures import style
from qfusion.figures.draw import faithfulness as figures
from qfusion.ui.frame import cache, state
from qfusion.ui.frame.shell import Here, guard
from qfusion.ui.pages.faithfulness import estimators_view, seeds_view
from qfusion.ui.panel import panels
from qfusion.ui.shared import through_view

PROOF, MEASURE, RANKING, INSIDE = "proof", "proof.by", "proof.rank", "proof.of"
TAB_NAMES = ("Deletion", "Truth", "Other methods", "Training seeds")
MEASURES = ("score", "probability")
ICONS = {"warning": ":material/warning:", "fine": ":material/check:", "unknown": ":material/help:"}


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about this page's widgets."""
    return {PROOF: state.options("View", TAB_NAMES, "Deletion is shown."),
            RANKING: state.options("Ranking", RANKINGS, "Gradient x input is used."),
            INSIDE: state.options("Modality", work.modalities, "The first is shown."),
            MEASURE: state.options("Measure", MEASURES, "The score is measured."),
            estimators_view.RUN: state.switch("Other methods", "They are not run."),
            through_view.TERMS: state.options("Terms", through_view.KINDS, "Dividends are shown.")}


def page(here: Here) -> None:
    """The sentence that matters, then the open view."""
    usual = as_trained(here)
    seeds, missing = over_seeds(usual)
    cautions(usual, seeds)
    if state.get(PROOF) not in (None, *TAB_NAMES):
        state.put(PROOF, TAB_NAMES[0])
    draw = {"Deletion": lambda: deletion_tab(here), "Truth": lambda: truth_tab(here, usual, seeds),
            "Other methods": lambda: estimators_view.tab(here), "Training seeds": lambda: seeds_view.tab(here, usual, seeds, missing)}
    for tab, name in zip(st.tabs(list(TAB_NAMES), **state.opened(PROOF)), TAB_NAMES, strict=True):
        if tab.open:
            with tab, guard():
                draw[name]()


def as_trained(here: Here) -> Workspace:
    """The workspace against the training set, with which truth and seeds are compared, whatever is picked beside."""
    return here.work if here.work.background.kind == "joint" else cache.workspace_of(here.work.name, here.work.dataset.name)


def over_seeds(work: Workspace) -> tuple[Stability | None, str]:
    """What was measured over training seeds, or why there is nothing."""
    try:
        return faithful.stability_of(work), ""
    except QFusionError as error:
        return None, text.message(error)


def cautions(work: Workspace, seeds: Stability | None) -> None:
    """When not to trust the explanations of this model."""
    said = faithful.cautions(work, faithful.modality_curves(work, False), faithful.against_truth(work), seeds)
    with st.container(border=True, key="panel-cautions", gap="xsmall"):
        panels.heading(f"When not to trust the explanations of {text.plain(work.name)}")
        lines = [f"{ICONS[one.kind]} {text.plain(one.sentence, 600)}" for one in said]
        if seeds is None:
            lines.append(":material/help: Whether another training seed would explain the same is not measured for this model as it is.")
        st.markdown("  \n".join(lines))
        rows, found = faithful.explained(work)
        panels.footer("cautions", f"what was measured on {len(rows):,} test samples of {text.plain(work.dataset.name)} against "
                      f"{found.background_size:,} training samples: every sentence follows from the figures below. Contributions "
                      "themselves are exact: their sum is the score, and nothing is sampled.",
                      "whether the model is right; only how far its explanation is the model's own, and would be another seed's.",
                      lambda: pd.DataFrame({"kind": [one.kind for one in said], "sentence": [one.sentence for one in said]}))


def deletion_tab(here: Here) -> None:
    """Modalities, then the features inside one."""
    work = here.work
    probability = False
    if work.classes:
        picked = st.segmented_control("Measured by", list(MEASURES), default=MEASURES[0],
                                      help="The score of the predicted class, or its probability (softmax).", **state.bound(MEASURE))
        probability = picked == MEASURES[1]
    found = faithful.modality_curves(work, probability)
    head = "Modalities: " + _verdict(found)
    _pair(here, found, "modalities", head, "modalities in the order of their absolute Shapley values",
          "replaced by the background. " + backgrounds.against(work.background))
    st.divider()
    if state.get(INSIDE) not in (None, *work.modalities):
        state.put(INSIDE, work.modalities[0])  # of another model
    with st.container(horizontal=True, vertical_alignment="bottom"):
        inside = st.segmented_control("Features of", list(work.modalities), default=work.modalities[0],
                                      help="Whose features are taken away one by one.", **state.bound(INSIDE)) or work.modalities[0]
        ranking = st.segmented_control("Ranked by", list(RANKINGS), default=RANKINGS[0],
                                       help="Two ways to say which features mattered: both "
                                       "look at how the score answers to small changes.", **state.bound(RANKING)) or RANKINGS[0]
    curves = faithful.feature_curves(work, inside, ranking, probability)
    steps = next(m for m in work.dataset.modalities if m.name == inside).is_sequence
    _pair(here, curves, f"features-{inside}", f"Inside {text.plain(inside)}: " + _verdict(curves),
          f"{'time steps' if steps else 'features'} of {text.plain(inside)} in the order of {ranking}",
          f"replaced by their mean over the {faithful.trained_on(work):,} training samples, the other modalities as they are.",
          inside)


def _verdict(found: Curves) -> str:
    gain = float(found.deletion_gain.mean())
    if found.better:
        return f"our order beats every one of {len(found.random_deletion)} random orders (by {gain:.3g} on average)"
    lost = int(((found.deletion_gain <= 0) | (found.insertion_gain <= 0)).sum())
    return f"our order does **not** beat {lost} of {len(found.random_deletion)} random orders"


def _pair(here: Here, found: Curves, name: str, head: str, players: str, how: str, modality: str = "") -> None:
    """Deletion and insertion side by side."""
    hue = style.term_colour(modality, here.work.modalities) if modality else None
    unit = f"mean |change| of the {here.unit if not here.work.classes else found.unit}"
    whose = " of the predicted class" if here.work.classes else ""
    left, right = st.columns(2, gap="medium")
    for cell, kind, values, random, what, good in (
            (left, "deletion", found.deletion, found.random_deletion, "taken away", "the sooner the line rises, the better"),
            (right, "insertion", found.insertion, found.random_insertion, "given back", "the sooner the line falls, the better")):
        title = head if kind == "deletion" else f"Given back: the score returns {_sooner(found)}"
        with cell:
            panels.panel(
                f"{kind}-{name}", title,
                figures.curves(found.shares, values, random, what=f"share {what}, most important first", unit=unit + whose, hue=hue,
                               theme=here.theme),
                shows=f"{players}, {what} one after another and {how} Mean over {found.samples:,} test samples; {good}. Grey: the same in "
                      f"{len(random)} random orders, drawn anew for every sample.",
                not_shown="whether the model is right: only whether the order is the model's own.",
                alt=f"{kind} curve against random orders: {', '.join(f'{v:.2f}' for v in values)}.", numbers=found.frame)


def _sooner(found: Curves) -> str:
    gain = float(found.insertion_gain.mean())
    return f"sooner than at random (area {gain:+.3g})" if gain > 0 else f"no sooner than at random (area {gain:+.3g})"


def truth_tab(here: Here, work: Workspace, seeds: Stability | None) -> None:
    """Exact against planted contributions."""
    found = faithful.against_truth(work)
    if found is None:
        st.info(f"{text.plain(work.dataset.title)} has no planted truth: nobody knows what its modalities really contributed. The data set "
                "`planted` does, made for this question.", icon=":material/help:")
        return
    rows, _ = faithful.explained(work)
    place = np.flatnonzero(rows == here.row)
    known = np.nan_to_num(found.rank, nan=1)
    names = [" + ".join(style.split_term(term)) for term in found.terms]
    panels.panel(
        "truth", f"Rank correlations with the truth from {known.min():.2f} ({text.plain(names[int(known.argmin())])}) to {known.max():.2f}",
        figures.against_truth(found.true, found.ours, found.terms, found.rank, work.modalities, ids=work.dataset.ids[rows].tolist(),
                              chosen=int(place[0]) if len(place) else None, unit=work.unit_of(0), theme=here.theme),
        shows=f"each term of {len(rows):,} test samples: what the model's exact explanation says against what was planted, both against "
              f"{work.background.size:,} training samples; ρ is the rank correlation, the ring this sample.",
        not_shown="data in which the truth is not known: there, only the other views help.",
        alt="Scatter of true and exact dividends: " + ", ".join(f"{t} {r:.2f}" for t, r in zip(found.terms, found.rank, strict=True)) + ".",
        numbers=lambda: _truth_numbers(work, rows, found))
    _truth_table(work, found, seeds)
    _sarcasm(work, seeds)


def _truth_numbers(work: Workspace, rows: np.ndarray, found: Any) -> pd.DataFrame:
    columns = {f"{kind}[{term}]": values[:, i] for kind, values in (("true", found.true), ("exact", found.ours))
               for i, term in enumerate(found.terms)}
    return pd.DataFrame({"sample": work.dataset.ids[rows]} | columns)


def _truth_table(work: Workspace, found: Any, seeds: Stability | None) -> None:
    names = [" + ".join(style.split_term(term)) for term in found.terms]
    table = found.frame().assign(term=names).rename(columns={"pearson": "correlation", "rank": "rank correlation"})
    if seeds is not None:
        over = faithful.truth_over_seeds(work, seeds)
        table[f"rank correlation, {len(seeds.seeds)} seeds"] = [f"{over[term][0]:.3f} ± {over[term][1]:.3f}" for term in found.terms]
    st.dataframe(table, hide_index=True, height="content", alt="Correlation of exact with true dividends, term by term.",
                 column_config={name: st.column_config.NumberColumn(format="%.3f") for name in ("correlation", "rank correlation")})


def _sarcasm(work: Workspace, seeds: Stability | None) -> None:
    runs = faithful.sarcasm(work, seeds)
    if not runs:
        return
    share, count = runs[0]
    words = f"**Sarcasm** was planted as praise in a cold voice: of {count} sarcastic test samples {share:.1%} show a negative text + " \
            "audio dividend"
    if len(runs) > 1:
        values = [value for value, _ in runs[1:]]
        words += f"; over {len(values)} training seeds {np.mean(values):.1%} ± {np.std(values, ddof=1):.1%}"
    st.markdown(words + ".")
