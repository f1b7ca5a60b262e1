"""Panels of views: the controls of a view's choices, and its figure with table and alternative text, in a theme."""

import typing
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import plotly.graph_objects as go

from qfusion._memory_cache import memo
from qfusion.figures import themes
from qfusion.figures.style import PAPER, Theme
from qfusion.panels.panel import Opens, Panel, PanelFigure
from qfusion.panels.params import NumberParam, Param, SelectParam, SwitchParam, always
from qfusion.views import Slider, View, alt_text, choices_of, view_name


def make_panel(
    function: Callable[..., View],
    shared: Mapping[str, Param] | None = None,
    *,
    fits: Callable[..., bool] = always,
    opens: Opens = always,
    below: bool = False,
) -> Panel:
    """Return the panel of a view.

    Args:
        function: the view.
        shared: choices that views of the page share, by the name that the view gives them. Of the others, controls are
            made from their types.
        fits, opens, below: see `Panel`.

    Raises:
        TypeError: when a choice is neither `bool`, a `Literal` of texts, nor a `float` with a `Slider`.
    """
    choices = choices_of(function)
    own = {
        name: _make_param(f"{view_name(function)}.{name}", name, *choice)
        for name, choice in choices.items()
        if name not in (shared or {})
    }
    first = next(iter(typing.get_type_hints(function)))
    return Panel(
        drawn(function),
        {**(shared or {}), **own},
        fits=fits,
        opens=opens,
        below=below,
        scope="study" if first == "study" else "sample",
    )


def drawn(function: Callable[..., View]) -> Callable[..., PanelFigure]:
    """Return the builder of a panel, see `Panel.build`, from a view: a function from a sample or study, a theme and
    choices to what the view shows. Its last results are cached.
    """
    return partial(draw_view, view=function)


@memo(1000)
def draw_view(
    scope: Any, theme: Theme = "light", *, view: Callable[..., View], **choices: Any
) -> PanelFigure:
    """Return what a view shows of a sample or study, in a theme, with its table and alternative text."""
    made = view(scope, **choices)
    figure = None
    if made.figure is not None:
        figure = go.Figure(made.figure).update_layout(
            paper_bgcolor=PAPER["light"], plot_bgcolor=PAPER["light"]
        )
    curves = {
        str(name): values.dropna().to_numpy()
        for name, values in made.numbers.select_dtypes("number").items()
    }
    return PanelFigure(
        made.name or view_name(view),
        made.title,
        figure if figure is None or theme == "light" else themes.apply_theme(figure, theme),
        shows=made.caption,
        not_shown=made.limits,
        alt=made.alternative or f"{made.title}. {alt_text.list_curves(curves)}",
        table=partial(getattr, made, "numbers"),
        called=made.heading,
        lead=made.lead,
        usage=made.usage,
    )


def _make_param(key: str, name: str, hint: Any, default: Any) -> Param:
    label = name.replace("_", " ").capitalize()
    fallback = f"{default} is used."
    if hint is bool:
        return SwitchParam(key, label, fallback, default=default)
    if typing.get_origin(hint) is typing.Literal:
        options = typing.get_args(hint)
        return SelectParam(key, label, fallback, values=options, default=default, look="segments")
    sliders = [part for part in typing.get_args(hint) if isinstance(part, Slider)]
    if not sliders:
        raise TypeError(
            f"Choice `{name}` must be a bool, a Literal of texts, or an Annotated[float, Slider(low, high)], but is "
            f"{hint}."
        )
    return NumberParam(
        key, label, fallback, low=sliders[0].low, high=sliders[0].high, default=default
    )
