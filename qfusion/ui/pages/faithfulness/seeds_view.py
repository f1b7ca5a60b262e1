"""Would another training seed explain the same?"""

from __future__ import annotations

import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.cohort import faithful
from qfusion.analysis.subject import Workspace
from qfusion.explain.stability import Stability
from qfusion.panels import faithfulness as builders
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels
from qfusion.ui.shared import through_view


def tab(here: Here, work: Workspace, seeds: Stability | None, missing: str) -> None:
    """Rank correlation between seeds, and the current sample by every seed."""
    if seeds is None:
        st.info(f"Not measured for this model. {missing}", icon=":material/help:")
        return
    terms = through_view.which_terms()
    left, right = st.columns(2, gap="medium")
    with left:
        panels.draw(builders.seed_ranks(work, here.theme, terms=terms))
    with right:
        if faithful.seed_values(work, seeds, here.row, terms) is None:
            st.info(
                f"Sample {text.plain(here.sample)} is not a test sample: seeds are compared on these. Pick a test "
                "sample.",
                icon=":material/help:",
            )
        else:
            panels.draw(builders.seed_sample(here.subject(), here.theme, terms=terms))
    st.caption(
        f"Two seeds name the same modality as the most important one in {seeds.leader_agreement():.0%} of the test "
        "samples."
    )
