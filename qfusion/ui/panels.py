"""Panels of the current page by name: those that the page has under its address, with their controls.

Programs and files of the page use the same panels. `ui.figure` draws one panel.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Literal

import streamlit as st

from qfusion.figures.style import Theme
from qfusion.ui import guidance, page_params, page_runs, skeletons, widgets
from qfusion.ui.figure import draw, draw_content, titled_frame
from qfusion.ui.lazy_panels import lazy_panel
from qfusion.views.pages import catalogue, params
from qfusion.views.pages.panel import PanelFigure


def draw_lower_panels(theme: Theme, **scopes: Any) -> None:
    """Draw every panel that its page shows below all other open content, see `Panel.below`, with the panel's own
    choices. `scopes` are the objects that panels are built from, by the names that builders use.
    """
    view = page_params.current()
    page = view.page
    for name, panel in list(catalogue.PAGES[page].items()):
        if panel.below and panel.is_shown(view, scopes[panel.scope]):
            scope, own = scopes[panel.scope], catalogue.own_params(page, panel)
            if own:
                show_with_controls(
                    scope, theme, name, partial(widgets.row, *own, study=scopes["study"])
                )
            else:
                show(scope, theme, name)


def tabs(
    control: params.SelectParam,
    content: Mapping[str, Callable[..., object]],
    *arguments: Any,
    theme: Theme,
    **scopes: Any,
) -> None:
    """Draw tabs and, in the open one, its content, and the panels that the page shows below all other content; see
    `draw_lower_panels`.
    """
    for name, tab in widgets.tabs(control):
        with tab, page_runs.guard():
            content[name](*arguments)
            draw_lower_panels(theme, **scopes)


def builders(scope: Any, theme: Theme, *names: str) -> dict[str, Callable[[], PanelFigure]]:
    """Return functions that build panels of this page, by name, for those that it has under its address. Programs
    and files of the page use the same panels. Arguments are as for `show`.
    """
    view = page_params.current()
    result: dict[str, Callable[[], PanelFigure]] = {}
    for name in names:
        panel, suffix = catalogue.panel_named(view.page, name)
        if panel.is_shown(view, scope, suffix):
            result[name] = partial(panel.build, scope, theme, **panel.arguments(view, suffix))
    return result


def _built(build: Callable[[], PanelFigure], options: Mapping[str, Any]) -> None:
    draw(build(), **options)


def show(
    scope: Any,
    theme: Theme,
    *names: str,
    columns: Sequence[float] | int = 0,
    gap: Literal["small", "medium"] = "small",
    first: int = 0,
    **options: Any,
) -> None:
    """Draw panels of this page by their names, those that it has under its address, see `builders`.

    Args:
        scope: what they are built from. theme: of the figures.
        columns, gap: how many, or how wide, where they stand beside each other; one that is alone has the whole width.
        first: how many of them stand on the first screen, and are drawn at once; the others `lazy_panel`.
        options: of each, as of `draw`.
    """
    shown = builders(scope, theme, *names)
    has_columns = bool(columns) and len(shown) > 1
    cells: list[Any] = list(
        st.columns(columns, gap=gap) if has_columns else map(nullcontext, shown)
    )
    at_once = dict.fromkeys(list(shown)[:first], skeletons.HEIGHT)
    with skeletons.placeholders(at_once, cells if has_columns else ()) as waiting:
        for (name, build), cell in zip(shown.items(), cells, strict=False):
            with cell:
                if name in at_once:
                    picture = build()
                    waiting.remove(name)
                    draw(picture, **options)
                else:
                    lazy_panel(name, partial(_built, build, options))


def show_with_leads(scope: Any, theme: Theme, *names: str) -> None:
    """Draw panels of this page, each with its lead, whatever guidance the reader chose."""
    for build in builders(scope, theme, *names).values():
        picture = build()
        if picture.lead and not guidance.full():
            st.markdown(picture.lead)
        draw(picture)


def show_with_controls(
    scope: Any,
    theme: Theme,
    name: str,
    choose: Callable[[], object],
    *,
    first: bool = False,
    **options: Any,
) -> None:
    """Draw a panel of this page with its controls, which `choose` draws. It is drawn at once if it is on the `first`
    screen, or else by `lazy_panel`. The options are those of `draw_content`.
    """

    def part() -> None:
        with titled_frame(name) as head:
            choose()
            [build] = builders(scope, theme, name).values()
            draw_content(build(), head, **options)

    if first:
        part()
    else:
        lazy_panel(name, part, stays=True)
