"""The Samples page's list of samples like the open one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.cohort import coordinates, similar
from qfusion.panels import compare as similar_panels
from qfusion.panels.compare import SEVERAL, VIEW
from qfusion.ui.frame import clicks, state
from qfusion.ui.frame.shell import Here, fragment, link
from qfusion.ui.panel import panels

BY = "similar"
BESIDE = 5  # of the nearest that are set beside the sample


@fragment
def draw(here: Here) -> None:
    """The nearest samples, a button for each and a link to all side by side."""
    clicks.settle()
    sample, known = here.subject(), [coordinates.TITLES[kind] for kind in similar.ways(here.work)]
    if state.get(BY) not in (None, *known):
        state.put(BY, known[0])  # of another model
    with panels.around("similar") as head:
        with st.container(horizontal=True, vertical_alignment="center"):
            said = state.one_of("Similar by", known, default=known[0], **state.bound(BY))
            by = coordinates.KEYS[said]
            found = similar.nearest(sample, by)
            ids = [str(name) for name in here.work.dataset.ids[found.rows]]
            _links(here, found, ids)
        panels.inside(
            similar_panels.similar(sample, here.theme, by=by),
            head,
            on_select=lambda key: _opened(key, ids),
        )


def _links(here: Here, found: similar.Nearest, ids: Sequence[str]) -> None:
    said, _ = similar_panels.outcomes(here.work, found.rows)
    if not ids:
        return
    with st.popover("Open one", icon=":material/open_in_full:", type="tertiary", key="_similar"):
        for name, words, away in zip(ids, said, found.distances, strict=True):
            st.button(
                f"**{text.plain(name, 24)}** {text.plain(words, 40)} ({away:.3g})",
                type="tertiary",
                key=f"_similar_{name}",
                on_click=_open,
                args=(name,),
            )
    link(
        "pages/compare.py",
        "Side by side",
        ":material/view_column:",
        **{VIEW: SEVERAL, "several": [here.sample, *ids[:BESIDE]]},  # type: ignore[arg-type]
    )


def _open(name: str) -> None:
    state.choose_sample(name)
    clicks.page_again()


def _opened(key: str, ids: Sequence[str]) -> None:
    place = clicks.place(clicks.point(key).get("point_index"), len(ids))
    if place is not None:
        _open(ids[place])
