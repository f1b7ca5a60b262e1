"""Figures by name, for notebooks and scripts: a model and a sample in, a plotly figure out.

    from qfusion import figures
    figures.contributions("qj-planted", "p0031")                     # a model by name, folder or loaded, and a sample
    one = figures.case("qj-planted", "p0031", background="mixed")    # the same, opened once for several figures
    figures.over_time(one, theme="dark")
    figures.numbers.over_time(one)                                   # the numbers of a figure: a pandas table

Everything but `theme` and what is named below goes to `qfusion.explain.case.case`: `data`, `output`, `background`, `contrast`, `tweak`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion.figures import decision, dynamics, layers, numbers
from qfusion.figures.numbers import Asked
from qfusion.figures.style import Theme


def contributions(model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any) -> go.Figure:
    """Returns the waterfall from the baseline through every term to the score."""
    found = numbers.subject(model, sample, **chosen)
    truth = None if found.classes else float(found.truth)
    return decision.waterfall(found.dividends, found.modalities, truth=truth, unit=found.unit, theme=theme)


def shapley(model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any) -> go.Figure:
    """Returns the Shapley value of every modality with its share."""
    found = numbers.subject(model, sample, **chosen)
    return decision.shapley_bars(found.shapley, found.shares, found.modalities, unit=found.unit, theme=theme)


def over_time(model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any) -> go.Figure:
    """Returns entropies and terms of the decision through the evolution, or along the network's layers."""
    found = numbers.subject(model, sample, **chosen)
    table = numbers.over_time(found)
    entropies, terms = columns(table, "entropy"), columns(table, "dividend")
    if found.has_time:
        return dynamics.decision_lines(table["t"].to_numpy(), entropies, terms, found.modalities, unit=found.unit, theme=theme)
    return layers.decision_layers(table["place"].tolist(), entropies, terms, found.modalities, unit=found.unit, theme=theme)


def columns(table: pd.DataFrame, head: str) -> dict[str, np.ndarray]:
    """Returns the columns `head[name]` of a table by name; "all" and "baseline" are the empty coalition."""
    found = {str(name)[len(head) + 1:-1]: table[name].to_numpy() for name in table.columns if str(name).startswith(f"{head}[")}
    return {"" if name in ("all", "baseline") else name: values for name, values in found.items()}
