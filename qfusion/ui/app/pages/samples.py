"""Samples: find one, read it, and see which modality decided."""

import streamlit as st

from qfusion.analysis.cohort import finding
from qfusion.panels import faithfulness
from qfusion.panels import samples as builders
from qfusion.ui.frame.shell import guard, shell
from qfusion.ui.pages.samples import inside_view, similar_view
from qfusion.ui.panel import panels
from qfusion.ui.shared import finder, reading, sample_view


def page() -> None:
    """Draws the page."""
    here = shell("Samples")
    sample = here.subject()

    with st.container(key="fold-samples"):
        find, read = st.columns([1, 1.25], gap="medium")
        left, right = st.columns([1, 1.25], gap="medium")
        below = st.container()
    with read, guard():
        sample_view.heading(here)
        sample_view.content(here)
        panels.draw(builders.verdict(sample, here.theme), grows=False)
        panels.draw(builders.waterfall(sample, here.theme))
        inside_view.part(here)
    with left, guard():
        panels.draw(builders.shapley(sample, here.theme))
        if faithfulness.is_labelled(sample):
            panels.draw(faithfulness.of_sample(sample, here.theme))
        if here.work.can("rules"):
            panels.draw(builders.masses(sample, here.theme))
    with right, guard():
        if here.work.can("rules"):
            if sample.reading.by_fusion is not None:
                panels.draw(builders.beliefs(sample, here.theme))
            panels.draw(builders.fused_entropies(sample, here.theme))
        elif here.work.can("time"):
            panels.draw(builders.entropies(sample, here.theme))
        else:
            st.caption(
                "This model has no entropies: nothing is entangled or evolves, so its states stay pure."
            )
    if here.work.can("rules"):
        with below, guard():
            reading.evidence_table(here)
    with below, guard():
        similar_view.draw(here)
        panels.below(here.theme, **here.subjects())
    # Last, because a network splits all its test decisions the first time, which takes seconds: the sample can be read
    # meanwhile.
    with find, guard(), st.container(border=True, key="box-find"):
        chosen = finder.filters(here)
        rows = finding.passing(here.work.frame(here.asked), **chosen)
        if not finder.none_passes(rows):
            finder.table(here, rows)
            finder.scatter(here, chosen, len(rows))
    here.prepare()


if __name__ == "__main__":  # as Streamlit runs it
    page()
