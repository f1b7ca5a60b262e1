"""The ways to bring a model, on Train: those of plugins, and calls in Python and on the command line."""

import streamlit as st

from qfusion import plugin
from qfusion.ui import page_runs, widgets
from qfusion.views.pages import train as builders
from qfusion.views.words import training


@st.fragment
def own_models_section() -> None:
    """Draw the whole part. It is a fragment, so that typing redraws only this part."""
    widgets.draw_folded(builders.IMPORT, _draw_ways, ":material/upload_file:")


@page_runs.guard()
def _draw_ways() -> None:
    ways = {way.title: way for way in training.WAYS}
    titles = [*plugin.tab_names("train"), *ways]
    title = st.segmented_control(
        "Where your model is", titles, default=titles[0], required=True, key="_model.way"
    )
    if title in ways:
        draw_way(ways[title])
    else:
        plugin.tabs("train")[title]()


def draw_way(way: training.Way) -> None:
    """Draw a way to bring a model: a sentence and a snippet."""
    st.markdown(way.summary)
    st.code(way.snippet, language=way.language, wrap_lines=True)
