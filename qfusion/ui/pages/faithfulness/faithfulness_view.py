"""The Faithfulness page: when not to trust the explanations of a model, and what that rests on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.cohort import faithful
from qfusion.analysis.subject import Workspace
from qfusion.errors import QFusionError
from qfusion.explain.attribution import FIRST, by_title
from qfusion.explain.faithfulness import TrustWarning
from qfusion.explain.stability import Stability
from qfusion.figures import style
from qfusion.panels import faithfulness as builders
from qfusion.panels.panel import Picture
from qfusion.ui.frame import chips, depth, state
from qfusion.ui.frame.shell import Here, guard
from qfusion.ui.pages.faithfulness import estimators_view, people_view, seeds_view
from qfusion.ui.panel import panels
from qfusion.ui.shared import drawn_view

PROOF, MEASURE, RANKING, INSIDE = "proof", "proof.by", "proof.rank", "proof.of"
ICONS = {"warning": ":material/warning:", "fine": ":material/check:", "unknown": ":material/help:"}
NO_SEEDS = TrustWarning(
    "Whether another training seed would explain the same is not measured for this model as it is.",
    "unknown",
    "Other training seeds are not measured",
)


def page(here: Here) -> None:
    """What matters, then the open view."""
    default = faithful.as_trained(here.work)
    seeds, missing = over_seeds(default)
    trust_warnings(default, seeds)
    if state.get(PROOF) not in (None, *builders.VIEWS):
        state.put(PROOF, builders.VIEWS[0])
    draw = {
        "Deletion": lambda: deletion_tab(here),
        "Truth": lambda: truth_tab(here, default, seeds),
        "Other methods": lambda: estimators_view.tab(here),
        "Training seeds": lambda: seeds_view.tab(here, default, seeds, missing),
        builders.PEOPLE: lambda: people_view.tab(here, default),
    }
    for tab, name in zip(
        st.tabs(list(builders.VIEWS), **state.opened(PROOF)), builders.VIEWS, strict=True
    ):
        if tab.open:
            with tab, guard():
                draw[name]()
                panels.below(here.theme, **here.subjects())


def over_seeds(work: Workspace) -> tuple[Stability | None, str]:
    """What was measured over training seeds, or why there is nothing."""
    try:
        return faithful.stability_of(work), ""
    except QFusionError as error:
        return None, text.message(error)


def trust_warnings(work: Workspace, seeds: Stability | None) -> None:
    """When not to trust the explanations of this model."""
    said = faithful.trust_warnings(work)
    if seeds is None:
        said.append(NO_SEEDS)

    def below() -> None:
        if depth.full():
            st.markdown(
                "  \n".join(f"{ICONS[one.kind]} {text.plain(one.sentence, 600)}" for one in said)
            )
            return
        for place, one in enumerate(said):
            with st.container(
                horizontal=True, vertical_alignment="center", gap="small", key=f"caution-{place}"
            ):
                st.markdown(
                    f"{ICONS[one.kind]} {text.plain(one.brief or one.sentence, 300)}",
                    width="content",
                    help=text.plain(one.sentence, 600),
                )
                chips.draw(f"caution-{place}", one.facts)

    with st.container(border=True, key="panel-cautions", gap="xsmall"):
        panels.inside(builders.trust_warnings(work), below=below)


def deletion_tab(here: Here) -> None:
    """Modalities, then the features inside one."""
    work, measure = here.work, builders.SCORE
    if work.classes:
        measure = (
            st.segmented_control(
                "Measured by",
                list(builders.MEASURES),
                default=builders.SCORE,
                help="The score of the predicted class, or its softmax.",
                **state.bound(MEASURE),
            )
            or builders.SCORE
        )
    _pair(lambda kind: builders.modalities(work, here.theme, kind=kind, measure=measure))
    st.divider()
    if state.get(INSIDE) not in (None, *work.modalities):
        state.put(INSIDE, work.modalities[0])  # of another model
    with st.container(horizontal=True, vertical_alignment="bottom"):
        inside = (
            st.segmented_control(
                "Features of",
                list(work.modalities),
                default=work.modalities[0],
                help="Whose features are taken away one by one.",
                **state.bound(INSIDE),
            )
            or work.modalities[0]
        )
        ranking = (
            st.segmented_control(
                "Ranked by",
                list(by_title()),
                default=FIRST,
                help="Ways to say which features mattered: all look at how the score answers to "
                "small changes.",
                **state.bound(RANKING),
            )
            or FIRST
        )
        rows, some = work.dataset.rows(faithful.SPLIT), len(faithful.asked_inside(work))
        if some < len(rows):
            drawn_view.choose()
    chosen: dict[str, Any] = {"modality": inside, "ranking": ranking, "measure": measure}
    every = drawn_view.everyone(
        "features",
        work,
        rows,
        some,
        lambda: builders.features(work, everyone=True, **chosen),
        *chosen.values(),
    )
    _pair(lambda kind: builders.features(work, here.theme, kind=kind, everyone=every, **chosen))


def _pair(build: Callable[[str], Picture]) -> None:
    """Deletion and insertion side by side."""
    for cell, kind in zip(
        st.columns(2, gap="medium"), (builders.DELETION, builders.INSERTION), strict=True
    ):
        with cell:
            panels.draw(build(kind))


def truth_tab(here: Here, work: Workspace, seeds: Stability | None) -> None:
    """Exact against planted contributions."""
    found = faithful.against_truth(work)
    if found is None:
        st.info(
            f"{text.plain(work.dataset.title)} has no planted truth: nobody knows what its modalities really "
            "contributed. The data set `planted` does, made for this question.",
            icon=":material/help:",
        )
        return
    panels.draw(builders.truth(here.subject(), here.theme))
    _truth_table(work, found, seeds)
    _sarcasm(work, seeds)


def _truth_table(work: Workspace, found: Any, seeds: Stability | None) -> None:
    names = [" + ".join(style.split_term(term)) for term in found.terms]
    table = (
        found.frame()
        .assign(term=names)
        .rename(columns={"pearson": "correlation", "rank": "rank correlation"})
    )
    if seeds is not None:
        over = faithful.truth_over_seeds(work, seeds)
        table[f"rank correlation, {len(seeds.seeds)} seeds"] = [
            f"{over[term][0]:.3f} ± {over[term][1]:.3f}" for term in found.terms
        ]
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        alt="Correlation of exact with true contributions, term by term.",
        column_config={
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("correlation", "rank correlation")
        },
    )


def _sarcasm(work: Workspace, seeds: Stability | None) -> None:
    runs = faithful.sarcasm(work, seeds)
    if not runs:
        return
    share, count = runs[0]
    words = (
        f"**Sarcasm** was planted as praise in a cold voice: of {count} sarcastic test samples {share:.1%} show "
        "a negative text + audio contribution"
    )
    if len(runs) > 1:
        values = [value for value, _ in runs[1:]]
        words += f"; over {len(values)} training seeds {np.mean(values):.1%} ± {np.std(values, ddof=1):.1%}"
    st.markdown(words + ".")
