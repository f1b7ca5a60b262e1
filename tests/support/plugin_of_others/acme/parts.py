"""What the plugin adds."""

from typing import Annotated, Literal

import pandas as pd
import plotly.graph_objects as go

from qfusion.data.in_memory import data_set_of
from qfusion.data.sources import Source
from qfusion.models.jump.kets import StateLinear
from qfusion.views.view import Slider, View


def load_weights():
    table = pd.DataFrame({"left_x": range(60), "right_x": range(60, 0, -1)}, dtype=float)
    table["weight"] = table.left_x - table.right_x / 2
    columns = {"left": ["left_x"], "right": ["right_x"]}
    return data_set_of(table, name="weights", target="weight", modalities=columns)


SOURCE = Source("weights", "Sixty weights", load_weights, made="is made by a test")


class Scales(StateLinear):
    kind = "scales"
    title = "Scales"


def terms(
    sample, *, kind: Literal["signed", "size"] = "signed", by: Annotated[float, Slider(0, 2)] = 1
):
    read = abs if kind == "size" else float
    terms = {name or "baseline": by * read(term) for name, term in sample.dividends.items()}
    figure = go.Figure(go.Bar(x=[*terms], y=[*terms.values()], name="weight"))
    return View(figure, "Weights of the terms", "each term times the factor.", "Not its cause.")


def draw_page():
    import streamlit as st

    from qfusion.app import frame

    st.markdown(f"On the scales: {frame.begin_model_page('Acme scales').sample}.")


def weigh(model: str):
    """Weigh a model."""
    print(f"{model} weighs nothing.")
