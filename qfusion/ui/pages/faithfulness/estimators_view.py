"""The same Shapley values by other methods, on the current sample."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qfusion.analysis import backgrounds, text
from qfusion.analysis.cohort import faithful
from qfusion.analysis.subject import Workspace
from qfusion.explain import faithfulness
from qfusion.panels import faithfulness as builders
from qfusion.ui.frame import chips, depth, state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

RUN = "proof.run"


def tab(here: Here) -> None:
    """A switch, what is coming, and what came out."""
    work = here.work
    words = (
        "Others sample Shapley values: they run the model on many mixtures of this sample with background samples. "
        "Here is what that gives, and takes, beside the exact values. Each run of one coalition puts this sample's "
        f"modalities together with those of {backgrounds.behind(work.background)}."
    )
    if not faithful.playable(work):
        depth.aside(words)
        st.info(
            "Other methods need background samples. Pick “training set” or “one other sample” on top.",
            icon=":material/help:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="others-run"):
        on = st.toggle(
            "Run them on this sample",
            help="Takes some seconds for each sample: brute force runs the model on every background sample "
            "for every coalition.",
            **state.bound(RUN),
        )
        depth.aside(words)
        coalitions, rows = _size(work)
        chips.draw(
            "others-cost",
            (
                "some seconds",
                f"{coalitions:,} coalitions",
                f"{rows:,} background samples",
                f"brute force: {coalitions * rows:,} runs of the model",
            ),
        )
    if not on:
        _coming(work)
        return
    picture = builders.methods(here.subject(), here.theme)
    with st.container(border=True, key="panel-estimators", gap="xxsmall"):
        panels.inside(picture, below=lambda: _table(here, picture.table()))


def _size(work: Workspace) -> tuple[int, int]:
    """Coalitions, and background samples with which each is run."""
    return 2 ** len(
        work.modalities
    ), 1 if work.background.kind == "contrast" else faithful.trained_on(work)


def _coming(work: Workspace) -> None:
    """The methods and what each costs, before they are run."""
    coalitions, rows = _size(work)
    costs = {
        faithfulness.EXACT: "one pass, no coalition is run",
        faithfulness.BRUTE: f"{coalitions:,} coalitions x {rows:,} background samples = {coalitions * rows:,} runs",
        faithfulness.SAMPLING: f"sampled orders of the modalities x {rows:,} background samples",
        faithfulness.KERNEL: f"sampled coalitions x {rows:,} background samples",
    }
    marks = ":gray-badge[not run]"
    with st.container(border=True, key="coming-estimators", gap="xsmall"):
        st.markdown("#### Shapley values, error and time by four methods")
        st.markdown(
            "\n".join(
                [
                    "| Method | What it takes | Values | Largest error | Seconds |",
                    "|---|---|---|---|---|",
                    *(
                        f"| {name} | {cost} | {marks} | {marks} | {marks} |"
                        for name, cost in costs.items()
                    ),
                ]
            )
        )


def _table(here: Here, table: pd.DataFrame) -> None:
    unit = here.subject().unit
    shapley = {
        f"shapley[{name}]": st.column_config.NumberColumn(
            text.plain(name), format="%+.4f", help=f"Shapley value ({text.plain(unit)})"
        )
        for name in here.work.modalities
    }
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        alt="Shapley values by method, with error and time.",
        column_config=shapley
        | {
            "largest_error": st.column_config.NumberColumn("largest error", format="%.1e"),
            "coalitions_run": st.column_config.NumberColumn(
                "coalitions run",
                help="Each is as many runs of the model as there are background samples.",
            ),
            "seconds": st.column_config.NumberColumn("seconds", format="%.4f"),
        },
    )
