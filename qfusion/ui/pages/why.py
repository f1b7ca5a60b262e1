"""Why fuse?: whether fusion matters, whether its quantum part does, and which piece of it."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis import why
from qfusion.panels import why as builders
from qfusion.ui import bar, controls, panels
from qfusion.ui.frame import Here, fragment

# Which piece does it?


@fragment
def pieces_section(here: Here) -> None:
    """States of single modalities from another sample, the smallest generator, and the network's gate groups, each of a
    model that has them."""
    study, sample = here.study, here.sample_of()
    st.subheader("Which piece does it?")
    if not any(panel.fits(sample) for panel in builders.PIECES.values()):
        st.info(
            "This model neither evolves nor fuses by rules, so it has no states to patch, no terms to take out and no "
            "gate groups. Pick a QiNN-QJ or an entangled-qcnn on top.",
            icon=":material/help:",
        )
        return
    if builders.PIECES["patches"].fits(sample):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            if controls.draw(builders.LENDER) == builders.ONE:
                bar.sample_box(builders.DONOR, study.dataset, why.partner(sample))
            controls.draw(builders.PATCH)
    panels.show(sample, here.theme, "patches")
    panels.show(study, here.theme, "smallest")
    if study.can("rules"):
        controls.draw(builders.GROUPS_OF)
        panels.show(sample, here.theme, *(name for name in builders.PIECES if "groups" in name))
