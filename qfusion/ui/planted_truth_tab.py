"""Exact contributions against planted ones, where a data set has them."""

import numpy as np
import streamlit as st

from qfusion.analysis import text, trust
from qfusion.analysis.study import Study
from qfusion.explain import stability
from qfusion.figures import style
from qfusion.ui import page_context, panels


def truth_tab(
    context: page_context.PageContext, study: Study, seeds: stability.Stability | None
) -> None:
    """Exact against planted contributions."""
    against_truth = trust.compare_with_truth(study)
    if against_truth is None:
        st.info(
            f"{text.escape_markdown(study.dataset.title)} has no planted truth, so the true contributions "
            "of its modalities are unknown. The data sets `planted` and `scenes` were made with known "
            "contributions.",
            icon=":material/info:",
        )
        return
    panels.show(context.tweaked_sample(), context.theme, "truth", first=1)
    table = (
        against_truth.frame()
        .assign(term=[" + ".join(style.split_term(term)) for term in against_truth.terms])
        .rename(columns={"pearson": "correlation", "rank": "rank correlation"})
    )
    if seeds is not None and not study.classes:  # of classes seeds tell the true one's
        over = trust.truth_over_seeds(study, seeds)
        table[f"rank correlation, {len(seeds.seeds)} seeds"] = [
            f"{over[term][0]:.3f} ± {over[term][1]:.3f}" for term in against_truth.terms
        ]
    st.dataframe(
        table.dropna(),  # a constant term has no correlation
        hide_index=True,
        height="content",
        alt="Correlation of exact with true contributions, term by term.",
        column_config={
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("correlation", "rank correlation")
        },
    )
    _sarcasm(study, seeds)


def _sarcasm(study: Study, seeds: stability.Stability | None) -> None:
    runs = trust.sarcasm(study, seeds)
    if runs:
        share, count = runs[0]
        words = (
            f"**Sarcasm** was planted as praise in a cold voice: of {count} sarcastic test samples {share:.1%} show "
            "a negative text + audio contribution"
        )
        if len(runs) > 1:
            values = [value for value, _ in runs[1:]]
            words += f"; over {len(values)} training seeds {np.mean(values):.1%} ± {np.std(values, ddof=1):.1%}"
        st.markdown(words + ".")
