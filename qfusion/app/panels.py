"""Panels of the current page by name: those that the page has under its address, with their controls. Panels below
the first screen are drawn once they come near it: `frame.js` presses a button in their place."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import streamlit as st
from streamlit.errors import StreamlitAPIException

from qfusion._sentences import capitalise
from qfusion.app import guidance, page_runs, state, widgets
from qfusion.app.figure import draw, draw_content, titled_frame
from qfusion.views.pages import catalogue, params
from qfusion.views.view import View


def draw_lower_panels(**scopes: Any) -> None:
    """Draw every panel that its page shows below all other open content, see `Panel.below`, with the panel's own
    choices. `scopes` are the objects that panels are built from, by the names that builders use.
    """
    view = state.current()
    page = view.page
    for name, panel in list(catalogue.page_parts(page).panels.items()):
        if panel.below and panel.is_shown(view, scopes[panel.scope]):
            scope, own = scopes[panel.scope], catalogue.own_params(page, panel)
            if own:
                show_with_controls(scope, name, partial(widgets.row, *own, study=scopes["study"]))
            else:
                show(scope, name)


def tabs(
    control: params.SelectParam,
    content: Mapping[str, Callable[..., object]],
    *arguments: Any,
    **scopes: Any,
) -> None:
    """Draw tabs and, in the open one, its content, and the panels that the page shows below all other content; see
    `draw_lower_panels`. Options of the control without content have no tab.
    """
    names = [name for name in control.options() if name in content]
    for name, tab in widgets.tabs(replace(control, values=names)):
        with tab, page_runs.show_errors():
            content[name](*arguments)
            draw_lower_panels(**scopes)


def builders(scope: Any, *names: str) -> dict[str, Callable[[], View]]:
    """Return functions that build panels of this page, by name, for those that it has under its address. Programs
    and files of the page use the same panels. Arguments are as for `show`.
    """
    view = state.current()
    result: dict[str, Callable[[], View]] = {}
    for name in names:
        panel, suffix = catalogue.panel_named(view.page, name)
        if panel.is_shown(view, scope, suffix):
            result[name] = partial(panel.build, scope, **panel.arguments(view, suffix))
    return result


def _built(build: Callable[[], View], options: Mapping[str, Any]) -> None:
    draw(build(), **options)


def show(
    scope: Any,
    *names: str,
    columns: Sequence[float] | int = 0,
    gap: Literal["small", "medium"] = "small",
    first: int = 0,
    **options: Any,
) -> None:
    """Draw panels of this page by their names, those that it has under its address, see `builders`.

    Args:
        scope: what they are built from.
        columns, gap: how many, or how wide, where they stand beside each other; one that is alone has the whole width.
        first: how many of them stand on the first screen, and are drawn at once; the others `lazy_panel`.
        options: of each, as of `draw`.
    """
    shown = builders(scope, *names)
    has_columns = bool(columns) and len(shown) > 1
    cells: list[Any] = list(
        st.columns(columns, gap=gap) if has_columns else map(nullcontext, shown)
    )
    at_once = dict.fromkeys(list(shown)[:first], page_runs.HEIGHT)
    with page_runs.placeholders(at_once, cells if has_columns else ()) as waiting:
        for (name, build), cell in zip(shown.items(), cells, strict=False):
            with cell:
                if name in at_once:
                    picture = build()
                    waiting.remove(name)
                    draw(picture, **options)
                else:
                    lazy_panel(name, partial(_built, build, options))


def show_with_leads(scope: Any, *names: str) -> None:
    """Draw panels of this page, each with its lead, whatever guidance the reader chose."""
    for build in builders(scope, *names).values():
        picture = build()
        if picture.lead and not guidance.shows_full_text():
            st.markdown(picture.lead)
        draw(picture)


def show_with_controls(
    scope: Any,
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
            [build] = builders(scope, name).values()
            draw_content(build(), head, **options)

    if first:
        part()
    else:
        lazy_panel(name, part, stays=True)


_VISIBLE_PANELS = "_near"  # in a session: names of the panels that came near the screen last
_PINNED_PANELS = "_stays"  # in a session: names of the panels that every run draws from then on
MAX_VISIBLE = 4  # the last ones are drawn in every run, the others again once they come near
EVERYTHING = "*"  # among the visible panels: no panel waits


def lazy_panel(name: str, part: Callable[[], object], *, stays: bool = False) -> None:
    """Draw a part of a page separately, once it comes near the screen.

    Args:
        name: of it. part: draws it.
        stays: whether it is drawn at once from then on, as what holds widgets that the address knows has to be.
    """
    key = f"later-{name}"

    def show_panel() -> None:
        visible = [other for other in state.get(_VISIBLE_PANELS, ()) if other != name]
        pinned = set(state.get(_PINNED_PANELS, ()))
        if stays:
            pinned.add(name)
        else:
            visible = [*visible, name][-MAX_VISIBLE:]
        state.put(_VISIBLE_PANELS, visible)
        state.put(_PINNED_PANELS, pinned)
        with suppress(StreamlitAPIException):  # the page has changed, and has no such part
            st.rerun(key)  # of all that come at a time, each its own

    def draw_or_wait() -> None:
        visible = {*state.get(_VISIBLE_PANELS, ()), *state.get(_PINNED_PANELS, ())}
        visible.add(state.get(state.DRAWER))
        if visible & {name, EVERYTHING}:
            state.get(state.WAITING).discard(name)
            part()
        else:
            state.get(state.WAITING).add(name)
            with st.container(border=True, key=key):
                st.button(
                    capitalise(name.replace("-", " ")),
                    on_click=show_panel,
                    key=f"_{key}",
                    type="tertiary",
                    help="Drawn when it is scrolled into view, or by this button.",
                )

    page_runs.fragment(draw_or_wait, key)()
