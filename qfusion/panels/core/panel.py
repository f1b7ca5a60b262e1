"""What a panel is: a function from a sample, and what the reader chose, to a figure with its words and its table.

A page draws it, a file is exported from it, a report, a notebook and the command line call it; none of that is known here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.panels.core.view import View


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with all that is said of it.

    Attributes:
        name: of its files and keys.
        title: the finding or the question, as markdown.
        figure: of plotly, in the theme that was asked for; None of a panel that is a table or words.
        shows, not_shown: a sentence each, as markdown.
        alt: what a reader who does not see it is told.
        table: makes the numbers behind the figure.
        called: what the figure is called where its title states what it finds.
        lead: what there is to say above it, as markdown.
    """

    name: str
    title: str
    figure: go.Figure | None
    shows: str
    not_shown: str
    alt: str
    table: Callable[[], pd.DataFrame]
    called: str = ""
    lead: str = ""


Read = Callable[[View], Any]  # of an option: its value, None where the address does not say it


def word(key: str) -> Read:
    """An option that is a word, under a parameter of the address."""
    return lambda view: view.get(key) or None


def words(key: str) -> Read:
    """An option that is a list of words, under a parameter that may be repeated."""
    return lambda view: view.all(key) or None


def number(key: str, low: float, high: float) -> Read:
    """An option that is a number in [low, high]."""
    return lambda view: view.number(key, 0.0, low, high) if view.get(key) else None


def whole(key: str, low: int, high: int) -> Read:
    """An option that is a whole number in [low, high]."""
    return lambda view: round(view.number(key, 0.0, low, high)) if view.get(key) else None


def ticked(key: str) -> Read:
    """An option that is on or off."""
    return lambda view: view.get(key) == "true" if view.get(key) else None


@dataclass(frozen=True)
class Panel:
    """A panel of a page, or several whose names begin alike.

    Attributes:
        build: from a subject, a theme and options to a `Picture`. What its first argument is called says what it is built from:
            `sample` (an `analysis.sample.Sample`), `work` (an `analysis.subject.Workspace`), or what its page knows else.
        options: by argument of `build`, how the address says it.
        fixed: arguments that are the same whatever the address says.
        rest: the argument that the end of the panel's name gives, where several begin alike; or what reads more arguments from it.
        view: the view (tab) of its page under which it is drawn, below all else, or the page's title where that has no views; "" where
            the page lays it out itself. What its options say is read from the address.
    """

    build: Callable[..., Picture]
    options: Mapping[str, Read] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    rest: str | Callable[[View, str], Mapping[str, Any]] = ""
    view: str = ""

    @property
    def subject(self) -> str:
        """What it is built from: the name of the first argument of `build`."""
        return next(iter(inspect.signature(self.build).parameters))

    def arguments(self, view: View, rest: str = "") -> dict[str, Any]:
        """Returns the arguments of `build` after subject and theme, as an address says them.

        Args:
            view: the page's address.
            rest: the end of the panel's name, where it is one of several.

        Raises:
            InvalidInput: when the address says what cannot be an option.
        """
        said = {name: read(view) for name, read in self.options.items()}
        check(bool(rest) == bool(self.rest), f"There is no panel whose name ends in '{rest[:60]}'. Copy the link again.")
        ending: Mapping[str, Any] = self.rest(view, rest) if callable(self.rest) else {self.rest: rest} if self.rest else {}
        return {**self.fixed, **ending,
                **{name: value for name, value in said.items() if value is not None}}
