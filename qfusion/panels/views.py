"""Views: a function from a sample and choices to a figure with its words.

    def weights(sample, *, scale: Literal["linear", "log"] = "linear") -> View: ...

The choices are the function's keyword arguments. A page draws their controls, a link and the command line check them,
and table and alternative text come from the figure. Plugins offer views by `Plugin.views`.
"""

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion.figures import themes
from qfusion.figures.style import PAPER, Theme
from qfusion.panels import alt_text
from qfusion.panels.panel import Panel, PanelFigure
from qfusion.panels.params import NumberParam, Param, SelectParam, SwitchParam


@dataclass(frozen=True)
class Slider:
    """A choice of a number in [low, high], as `Annotated[float, Slider(0, 1)]`."""

    low: float
    high: float


@dataclass(frozen=True)
class View:
    """What a view returns.

    Attributes:
        figure: drawn on white paper.
        title: the finding or the question, as markdown.
        caption: what the figure shows, a sentence without its first words "It shows".
        limits: what it does not show.
        table: its numbers; by default those of the traces, a column each.
        alternative: what a reader who does not see it is told; by default first and last value of each trace.
    """

    figure: go.Figure
    title: str
    caption: str = ""
    limits: str = ""
    table: pd.DataFrame | None = None
    alternative: str = ""


def view_name(function: Callable[..., View]) -> str:
    """Return the name of a view in links and files: `decision-over-time` of `decision_over_time`."""
    return function.__name__.replace("_", "-")


def make_panel(function: Callable[..., View]) -> Panel:
    """Return the panel of a view. It stands below all else on its page, with the controls of its choices.

    Raises:
        TypeError: when a choice is neither `bool`, a `Literal` of texts, nor a `float` with a `Slider`.
    """
    first, *_ = inspect.signature(function).parameters
    scope = "study" if first == "study" else "sample"
    build = partial(draw_view, view=function)
    return Panel(build, view_params(function), below=True, scope=scope)


def view_params(function: Callable[..., View]) -> dict[str, Param]:
    """Return the parameters of a view by the name of its choice; their keys are VIEW.CHOICE."""
    hints = typing.get_type_hints(function, include_extras=True)
    chosen = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    return {
        parameter.name: _make_param(
            f"{view_name(function)}.{parameter.name}", parameter, hints[parameter.name]
        )
        for parameter in chosen
    }


def draw_view(
    scope: Any, theme: Theme = "light", *, view: Callable[..., View], **choices: Any
) -> PanelFigure:
    """Return what a view shows of a sample or study, in a theme, with its table and alternative text."""
    made = view(scope, **choices)
    figure = go.Figure(made.figure).update_layout(
        paper_bgcolor=PAPER["light"], plot_bgcolor=PAPER["light"]
    )
    table = table_of(figure) if made.table is None else made.table
    curves = {
        str(name): values.dropna().to_numpy()
        for name, values in table.select_dtypes("number").items()
    }
    return PanelFigure(
        view_name(view),
        made.title,
        themes.apply_theme(figure, theme),
        shows=made.caption,
        not_shown=made.limits,
        alt=made.alternative or f"{made.title}. {alt_text.list_curves(curves)}",
        table=lambda: table,
    )


def table_of(figure: go.Figure) -> pd.DataFrame:
    """Return the numbers of a figure: a column for each named trace, a row for each place on the x axis."""
    columns = {
        trace.name: pd.Series(np.asarray(trace.y, dtype=float), index=np.asarray(trace.x))
        for trace in figure.data
        if trace.name and getattr(trace, "y", None) is not None
    }
    return pd.DataFrame(columns).rename_axis("x").reset_index()


def _make_param(key: str, parameter: inspect.Parameter, hint: Any) -> Param:
    label = parameter.name.replace("_", " ").capitalize()
    default = parameter.default
    fallback = f"{default} is used."
    if hint is bool:
        return SwitchParam(key, label, fallback, default=default)
    if typing.get_origin(hint) is typing.Literal:
        options = typing.get_args(hint)
        return SelectParam(key, label, fallback, values=options, default=default, look="segments")
    sliders = [part for part in typing.get_args(hint) if isinstance(part, Slider)]
    if not sliders:
        raise TypeError(
            f"Choice `{parameter.name}` must be a bool, a Literal of texts, or an Annotated[float, Slider(low, high)], "
            f"but is {hint}."
        )
    return NumberParam(
        key, label, fallback, low=sliders[0].low, high=sliders[0].high, default=default
    )
