"""A panel: a title that states the finding or the question, a figure, what it shows and does not, its numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from qfusion.ui import state, text

BUTTONS_LEFT_OUT = ["lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "autoScale2d"]


def toolbar(name: str) -> dict[str, Any]:
    """Plotly's tool bar with a camera in the format picked in the sidebar; PNG at three times the size on screen."""
    chosen = state.get(state.FORMAT, "svg") or "svg"
    return {"displaylogo": False, "modeBarButtonsToRemove": BUTTONS_LEFT_OUT,
            "toImageButtonOptions": {"format": chosen, "filename": f"qfusion-{name}", "scale": 1 if chosen == "svg" else 3}}


def figure(name: str, drawn: go.Figure, alt: str) -> None:
    """A figure without a panel around it."""
    st.plotly_chart(drawn, theme=None, config=toolbar(name), key=f"figure-{name}", alt=alt)


def panel(name: str, title: str, drawn: go.Figure, *, shows: str, not_shown: str, alt: str,
          numbers: Callable[[], pd.DataFrame], lead: str = "") -> None:
    """A whole panel.

    Args:
        name: of its files and keys; title: the finding or question, our own words (markdown).
        shows, not_shown: one sentence each. alt: for screen readers.
        numbers: makes the table behind the figure, when it is asked for.
        lead: what there is to say above the figure (markdown).
    """
    with st.container(border=True, key=f"panel-{name}", gap="xxsmall"):
        heading(title)
        if lead:
            st.markdown(lead)
        figure(name, drawn, alt)
        footer(name, shows, not_shown, numbers)


def heading(title: str) -> None:
    """A panel's title, with a capital letter."""
    st.markdown(f"#### {title[:1].upper()}{title[1:]}")


def footer(name: str, shows: str, not_shown: str, numbers: Callable[[], pd.DataFrame]) -> None:
    """What a figure shows and does not, and its numbers as a file."""
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False, key=f"footer-{name}"):
        st.caption(f"**Shows** {shows}  \n**Does not show** {not_shown}")
        st.download_button("CSV", data=lambda: text.csv(numbers()), file_name=f"qfusion-{name}.csv", mime="text/csv",
                           on_click="ignore", icon=":material/download:", type="tertiary", key=f"csv-{name}",
                           help="The numbers of this figure")
