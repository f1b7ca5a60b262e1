"""The same Shapley values by other methods, on the current sample."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qfusion.analysis import backgrounds, text
from qfusion.analysis.cohort import faithful
from qfusion.panels import faithfulness as builders
from qfusion.ui.frame import depth, state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

RUN = "proof.run"


def tab(here: Here) -> None:
    """A switch, and what came out."""
    work = here.work
    depth.aside(
        "Others sample Shapley values: they run the model on many mixtures of this sample with background samples. "
        "Here is what that gives, and takes, beside the exact values. Each run of one coalition puts this sample's "
        f"modalities together with those of {backgrounds.behind(work.background)}.")
    if not faithful.playable(work):
        st.info("Other methods need background samples. Pick “training set” or “one other sample” on top.",
                icon=":material/help:")
        return
    if not st.toggle("Run them on this sample",
                     help="Takes some seconds for each sample: brute force runs the model on every background sample "
                          "for every coalition.", **state.bound(RUN)):
        return
    picture = builders.methods(here.subject(), here.theme)
    with st.container(border=True, key="panel-estimators", gap="xxsmall"):
        panels.inside(picture, below=lambda: _table(here, picture.table()))


def _table(here: Here, table: pd.DataFrame) -> None:
    unit = here.subject().unit
    shapley = {f"shapley[{name}]": st.column_config.NumberColumn(text.plain(name), format="%+.4f",
                                                                 help=f"Shapley value ({unit})")
               for name in here.work.modalities}
    st.dataframe(table, hide_index=True, height="content", alt="Shapley values by method, with error and time.",
                 column_config=shapley | {
                     "largest_error": st.column_config.NumberColumn("largest error", format="%.1e"),
                     "coalitions_run": st.column_config.NumberColumn("coalitions run",
                                                                     help="Each is as many runs of the model as there "
                                                                          "are background samples."),
                     "seconds": st.column_config.NumberColumn("seconds", format="%.4f")})
