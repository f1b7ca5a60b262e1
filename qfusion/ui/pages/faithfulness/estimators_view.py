"""The same Shapley values by other methods, on the current sample."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis import backgrounds, faithful, text
from qfusion.explain.trust import estimators
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

RUN = "proof.run"


def tab(here: Here) -> None:
    """A switch, and what came out."""
    work = here.work
    st.markdown("Others sample Shapley values: they run the model on many mixtures of this sample with background samples. Here is what "
                "that gives, and takes, beside the exact values. Each run of one coalition puts this sample's modalities together with "
                f"those of {backgrounds.behind(work.background)}.")
    if not faithful.playable(work):
        st.info("Other methods need background samples. Pick “training set” or “one other sample” at the side.", icon=":material/help:")
        return
    if not st.toggle("Run them on this sample", help="Takes some seconds for each sample: brute force runs the model on every background "
                     "sample for every coalition.", **state.bound(RUN)):
        return
    found = faithful.estimates(work, here.row, here.output)
    table = estimators.frame(found, work.modalities)
    exact, brute = found[0], found[1]
    worst = max(found[2:], key=lambda one: one.error)
    with st.container(border=True, key="panel-estimators", gap="xxsmall"):
        panels.heading(f"Exact in {_time(exact.seconds)}; brute force agrees to {brute.error:.0e} and takes {_time(brute.seconds)}; "
                       f"sampling errs by up to {worst.error:.2g}")
        shapley = {f"shapley[{name}]": st.column_config.NumberColumn(text.plain(name), format="%+.4f",
                                                                     help=f"Shapley value ({here.unit})") for name in work.modalities}
        st.dataframe(table, hide_index=True, height="content", alt="Shapley values by method, with error and time.",
                     column_config=shapley | {
                         "largest_error": st.column_config.NumberColumn("largest error", format="%.1e"),
                         "coalitions_run": st.column_config.NumberColumn("coalitions run", help="Each is as many runs of the model as "
                                                                         "there are background samples."),
                         "seconds": st.column_config.NumberColumn("seconds", format="%.4f")})
        panels.footer(
            "estimators", f"Shapley values of sample {text.plain(here.sample)} for the {text.plain(here.unit)} by four ways, seed 0. "
            "captum's estimators at their defaults; a coalition they ask for again is not run again but charged again. "
            + backgrounds.against(work.background),
            "other seeds of the estimators, or a whole data set: benchmarks in the repository measure many samples, and shap too.",
            lambda: table)


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
