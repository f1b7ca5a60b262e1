"""A view: one question, from the numbers of a sample or study to a figure with its words."""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io

from qfusion._sentences import capitalise, true_minus
from qfusion.figures.colours import apply_theme
from qfusion.figures.files import export
from qfusion.figures.guards import check_finite
from qfusion.figures.style import PAPER, Theme
from qfusion.study import text
from qfusion.views.words import rules


@dataclass(frozen=True)
class Slider:
    """A choice of a number in [low, high], as `Annotated[float, Slider(0, 1)]`."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class View:
    """What a view returns: a figure, the words around it, and its numbers.

    Attributes:
        figure: of plotly, on white paper, which it gets if it has no colour of its own; None of a view that is a table
            or words.
        title: the finding or the question, as markdown.
        caption: what the figure shows, as markdown: a sentence without its first words "It shows".
        limits: what a reader may not conclude from it, in sentences, as markdown.
        table: its numbers, or what computes them where that takes seconds; by default those of the traces, a column
            each.
        alternative: what a reader who does not see it is told; by default first and last value of each trace.
        heading: what the figure is called where its title states what it finds.
        lead: what there is to say above it, as markdown.
        usage: what a click or a control on the page does, as markdown; captions of files leave it out.
        name: of files and keys, where one function draws several; by default that of the function.

    Raises:
        InvalidInput: when a number of the figure is NaN or infinite.
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

    def __post_init__(self) -> None:
        for name in ("title", "caption", "limits", "alternative", "lead"):
            object.__setattr__(self, name, true_minus(getattr(self, name)))
        if self.figure is None:
            return
        check_finite(self.figure)
        if self.figure.layout.paper_bgcolor is None:
            white = go.Figure(self.figure).update_layout(paper_bgcolor=PAPER, plot_bgcolor=PAPER)
            object.__setattr__(self, "figure", white)

    @property
    def numbers(self) -> pd.DataFrame:
        """The table of the view: its own, or the numbers of the traces."""
        if callable(self.table):
            return self.table()
        if self.table is not None:
            return self.table
        return pd.DataFrame() if self.figure is None else table_of(self.figure)

    @property
    def alt(self) -> str:
        """The alternative text: its own, or the title with the first and last value of each curve."""
        if self.alternative or self.figure is None:
            return self.alternative
        curves = {
            str(name): values.dropna().to_numpy()
            for name, values in self.numbers.select_dtypes("number").items()
        }
        return true_minus(f"{self.title}. {rules.list_curves(curves)}")

    @cached_property
    def spec(self) -> str:
        """The figure as Plotly's JSON; empty where there is none."""
        if self.figure is None:
            return ""
        return str(plotly.io.to_json(self.figure, validate=False))

    @property
    def full_title(self) -> str:
        """Name of the figure, if it has one, and the title, as markdown."""
        return f"{end_sentence(self.heading, ':')} {self.title}" if self.heading else self.title

    @property
    def headline(self) -> str:
        """The full title as plain text: for files."""
        return text.strip_markup(capitalise(self.full_title) if self.limits else self.full_title)

    @property
    def description(self) -> str:
        """Caption and limits as plain text. Of a small figure, which is explained by what stands around it, the
        caption.
        """
        shows = text.strip_markup(self.caption)
        return f"Shows {shows} {text.strip_markup(self.limits)}" if self.limits else shows

    def in_theme(self, theme: Theme) -> "View":
        """Return the view with its figure in a theme of the dashboard, "light" or "dark"."""
        return self if theme == "light" else self._dark

    @cached_property
    def _dark(self) -> "View":
        figure = self.figure
        if figure is None:
            return self
        return replace(self, figure=apply_theme(figure, "dark"))

    def _repr_html_(self) -> str:
        """Return the HTML for a notebook: title, figure or table, caption and limits."""
        if self.figure is None:
            shown = self.numbers.to_html(index=False, border=0)
        else:
            shown = export.image(self.figure, self.alt)
        return f"<p><b>{escape(self.headline)}</b></p>{shown}<p>{escape(self.description)}</p>"


def end_sentence(words: str, by: str = ".") -> str:
    """Return words with a sign at their end, where they do not ask."""
    return words if words.endswith("?") else words + by


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


def terms_table(dividends: Mapping[str, float], **before: str) -> pd.DataFrame:
    """Return one row per term, with the columns `before`, `term` and `dividend`. The baseline is included under its
    name.
    """
    return pd.DataFrame(
        {
            **before,
            "term": [term or "baseline" for term in dividends],
            "dividend": list(dividends.values()),
        }
    )
