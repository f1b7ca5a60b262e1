"""What a panel has drawn, and how a page that runs without a browser hands one over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from qfusion.figures.export.recipe import Recipe, digest_of, software
from qfusion.ui.frame import state

WANTED, TAKEN, NAMES = "_capture", "_captured", "_captured_names"
EVERY = "*"  # wanted: all panels of the page
_FROM = "_made_from"
_GUIDES = ("tour", "load")  # parameters that lead the reader and draw nothing


@dataclass(frozen=True)
class Shown:
    """A figure with all series and its own ranges, and as the reader wants it (see `figures.visible`)."""

    whole: go.Figure
    framed: go.Figure


@dataclass(frozen=True)
class Drawn:
    """A panel: its name, title and caption as plain text, the figure as it is shown and with all that it has, and what makes its table."""

    name: str
    title: str
    caption: str
    figure: Shown
    numbers: Callable[[], pd.DataFrame]


@dataclass(frozen=True)
class Taken:
    """A panel taken from a page: the figure, its words, its table, and its recipe."""

    figure: go.Figure
    title: str
    caption: str
    numbers: pd.DataFrame
    recipe: Recipe


def take(drawn: Drawn) -> None:
    """Hands a panel over when `headless` asked for it, and its name in any case."""
    if WANTED not in st.session_state:
        return
    st.session_state[NAMES].append(drawn.name)
    if st.session_state[WANTED] in (drawn.name, EVERY):
        numbers = drawn.numbers()
        st.session_state[TAKEN][drawn.name] = Taken(drawn.figure.framed, drawn.title, drawn.caption, numbers, recipe_of(drawn, numbers))


def say_origin(**parts: Any) -> None:
    """What the figures of this page are made from: models, data, sample. Called by the frame of every page."""
    state.put(_FROM, parts)


def recipe_of(drawn: Drawn, numbers: pd.DataFrame) -> Recipe:
    """The recipe of a panel on the page as it stands."""
    return Recipe(page=str(state.get(state.PAGE, "")).lower(), panel=drawn.name, address=address(), made_from=dict(state.get(_FROM, {})),
                  software=software(), numbers=digest_of(numbers))


def address() -> dict[str, list[str]]:
    """All that decides what the page shows, as its address would say it."""
    found = {key: st.query_params.get_all(key) for key in st.query_params if key not in _GUIDES}
    kept: Mapping[str, str] = state.get(state.KEPT, {})
    return {key: [str(value)] for key, value in kept.items()} | found
