"""A view: one question, from the numbers of a sample or study to a figure with its words."""

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go


@dataclass(frozen=True)
class Slider:
    """A choice of a number in [low, high], as `Annotated[float, Slider(0, 1)]`."""

    low: float
    high: float


@dataclass(frozen=True)
class View:
    """What a view returns.

    Attributes:
        figure: drawn on white paper; None of a view that is a table or words.
        title: the finding or the question, as markdown.
        caption: what the figure shows, a sentence without its first words "It shows".
        limits: what it does not show.
        table: its numbers, or what computes them where that takes seconds; by default those of the traces, a column
            each.
        alternative: what a reader who does not see it is told; by default first and last value of each trace.
        heading: what the figure is called where its title states what it finds.
        lead: what there is to say above it, as markdown.
        usage: what a click or a control on the page does, as markdown; captions of files leave it out.
        name: of files and keys, where one function draws several; by default that of the function.
    """

    figure: go.Figure | None
    title: str
    caption: str = ""
    limits: str = ""
    table: pd.DataFrame | Callable[[], pd.DataFrame] | None = None
    alternative: str = ""
    heading: str = ""
    lead: str = ""
    usage: str = ""
    name: str = ""

    @property
    def numbers(self) -> pd.DataFrame:
        """The table of the view: its own, or the numbers of the traces."""
        if callable(self.table):
            return self.table()
        if self.table is not None:
            return self.table
        return pd.DataFrame() if self.figure is None else table_of(self.figure)


def view_name(function: Callable[..., View]) -> str:
    """Return the name of a view in links and files: `decision-over-time` of `decision_over_time`."""
    return function.__name__.replace("_", "-")


def choices_of(function: Callable[..., View]) -> dict[str, tuple[Any, Any]]:
    """Return the choices of a view, by name: the type and the default of each."""
    hints = typing.get_type_hints(function, include_extras=True)
    return {
        parameter.name: (hints[parameter.name], parameter.default)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


def table_of(figure: go.Figure) -> pd.DataFrame:
    """Return the numbers of a figure: a column for each named trace, a row for each place on the x axis."""
    columns = {
        trace.name: pd.Series(np.asarray(trace.y, dtype=float), index=np.asarray(trace.x))
        for trace in figure.data
        if trace.name and getattr(trace, "y", None) is not None
    }
    return pd.DataFrame(columns).rename_axis("x").reset_index()
