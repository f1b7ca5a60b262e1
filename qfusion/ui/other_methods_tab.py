"""The Shapley values of the current sample by other methods, with their error and time."""

import pandas as pd
import streamlit as st

from qfusion.analysis import method_comparison, text, trust
from qfusion.explain import faithfulness
from qfusion.ui import fact_chips, figure, guidance, page_context, widgets
from qfusion.views.faithfulness import estimators
from qfusion.views.pages import faithfulness as builders
from qfusion.views.pages.panel import drawn
from qfusion.views.words import decisions


def estimators_tab(context: page_context.PageContext) -> None:
    """Draw a switch, the methods to be run, and their results."""
    study = context.study
    if not study.reads_features:
        st.info(
            "Other methods run a model on mixtures of samples, and a measured game has none to run. Its contributions "
            "follow from all of its coalitions.",
            icon=":material/info:",
        )
        return
    words = (
        "Other methods estimate Shapley values by running the model on many mixtures of this sample "
        "with background samples. The table compares their values and costs with the exact values. "
        "Each run of one coalition combines this sample's modalities with those of "
        f"{decisions.background_markdown(study.background)}."
    )
    if not method_comparison.playable(study):
        guidance.aside(words)
        st.info(
            "Other methods need background samples. Choose “training set” or “one other sample” at the "
            "top.",
            icon=":material/info:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="others-run"):
        on = widgets.draw(builders.RUN)
        guidance.aside(words)
        coalitions = 2 ** len(study.modalities)
        rows = (
            1 if study.background.kind == "contrast" else trust.count_training_rows(study)
        )  # for each
        fact_chips.chips(
            "others-cost",
            (
                "some seconds",
                f"{coalitions:,} coalitions",
                f"{rows:,} background samples",
                f"brute force: {coalitions * rows:,} runs of the model",
            ),
        )
    if not on:
        _methods_before_run(coalitions, rows)
    else:
        picture = drawn(estimators)(context.tweaked_sample(), context.theme)
        figure.draw(picture, below=lambda: _table(context, picture.table()), grows=False)


def _methods_before_run(coalitions: int, rows: int) -> None:
    """Draw the methods and the cost of each, before they are run: the number of coalitions, each with a number of
    samples.
    """
    costs = {
        faithfulness.EXACT: "one pass, no coalitions",
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


def _table(context: page_context.PageContext, table: pd.DataFrame) -> None:
    help = f"Shapley value ({text.escape_markdown(context.tweaked_sample().unit)})"
    shapley = {
        f"shapley[{name}]": st.column_config.NumberColumn(
            text.escape_markdown(name), format="%+.4f", help=help
        )
        for name in context.study.modalities
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
                help="Each coalition needs one run of the model per background sample.",
            ),
            "seconds": st.column_config.NumberColumn("seconds", format="%.4f"),
        },
    )
