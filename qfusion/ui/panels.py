"""Panels on a page: a title that states the finding or the question, a figure, its caption, its numbers, its export."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException

from qfusion.figures.style import Theme
from qfusion.panels import pages, params
from qfusion.panels.panel import Panel, PanelFigure, build_animation, capitalise
from qfusion.ui import guidance, page_params, page_runs, playback, selections, state, widgets
from qfusion.ui.figure import draw_figure, footer, heading, lead_markdown


def draw(
    picture: PanelFigure,
    *,
    on_select: Callable[[str], object] | None = None,
    below: Callable[[], object] | None = None,
    grows: bool = True,
    gap: Literal["xxsmall", "xsmall"] = "xxsmall",
) -> None:
    """Draw a panel in its own frame.

    Args:
        picture: a builder of `qfusion.panels` returns it.
        on_select, below: as of `draw_content`.
        grows: whether the frame is as high as its row.
        gap: between title, figure and footer.
    """
    with st.container(
        border=True,
        key=f"panel-{picture.name}",
        gap=gap,
        height="stretch" if grows else "content",
    ):
        draw_content(picture, on_select=on_select, below=below)


def draw_side_by_side(
    *parts: Callable[[], PanelFigure | None],
    widths: Sequence[float] | int = (),
    gap: Literal["small", "medium"] = "medium",
) -> None:
    """Draw panels side by side. Each part draws its own content, or returns the picture of a panel to draw.

    Args:
        parts: from left to right. widths: of their columns, alike unless told. gap: between them.
    """
    for cell, part in zip(st.columns(widths or len(parts), gap=gap), parts, strict=True):
        with cell:
            if picture := part():
                draw(picture)


def samples_table(
    table: pd.DataFrame,
    ids: Sequence[str],
    key: str,
    sample: str,
    **words: Any,
) -> None:
    """A table with a row for each of some samples; a click on a row opens its sample.

    Args:
        table: what it shows. ids: of its rows. key: of the widget. sample: that is open.
        words: what the widget is told besides.
    """

    def open_sample() -> None:
        for row in selections.selected_rows(key, len(ids)):
            state.choose_sample(str(ids[row]))

    ticked = selections.selected_rows(key, len(ids))
    if ticked and ids[ticked[0]] != sample:
        # another sample was opened since; nothing else is told, as the table is sent again for a tick
        state.put(key, {"selection": {"rows": []}})
    st.dataframe(
        table, key=key, hide_index=True, selection_mode="single-row", on_select=open_sample, **words
    )


def draw_lower_panels(theme: Theme, **scopes: Any) -> None:
    """Draw every panel that its page shows below all other open content, see `Panel.below`, with the panel's own
    choices. `scopes` are the objects that panels are built from, by the names that builders use.
    """
    view = page_params.current()
    page = view.page
    for name, panel in list(pages.PAGES[page].items()):
        if panel.below and panel.shown(view, scopes[panel.scope]):
            scope, own = scopes[panel.scope], pages.own_params(page, panel)
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
        panel, suffix = pages.panel_named(view.page, name)
        if panel.shown(view, scope, suffix):
            build = partial(panel.build, scope, theme, **panel.arguments(view, suffix))
            result[name] = partial(_filmed, build, panel)
    return result


# A cursor that plays, see `playback.play_cursor`: what figures are at its stops is made once, and drawn in the browser.

_WAITS = 5  # seconds in which a figure begins with it, since Play or since the figure before


def _filmed(build: partial[PanelFigure], panel: Panel) -> PanelFigure:
    """A picture, with how it changes where its cursor, or the one over a training, is to be played."""
    since, turn, key, stops, seconds = state.get(state.PLAYS) or (-_WAITS, 0.0, "", {}, 0.0)
    late = time.monotonic() - since > _WAITS
    picture, (scope, *rest) = build(), build.args
    if late or picture.figure is None:
        return picture
    if key == playback.EPOCH and panel.scope in ("sample", "study"):

        def after(model: str) -> PanelFigure:
            return build.func(playback.trained_as(scope, model), *rest, **build.keywords)

        builds = {label: partial(after, model) for model, label in stops.items()}
    elif panel.cursor and panel.cursor[1] == key:
        builds = {label: partial(build, **{panel.cursor[0]: at}) for at, label in stops.items()}
    else:
        return picture
    if not (film := build_animation(builds)):
        return picture
    state.put(state.PLAYS, (time.monotonic(), turn, key, stops, seconds))
    return replace(picture, film={**film, "turn": turn, "seconds": seconds})


# Panels below the first screen are drawn once they come near it: `frame.js` presses a button in their place.

_VISIBLE_PANELS = "_near"  # in a session: names of the panels that came near the screen last
_PINNED_PANELS = "_stays"  # in a session: names of the panels that every run draws from then on
_MOST_VISIBLE = 4  # the last ones are drawn in every run, the others again once they come near
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
            visible = [*visible, name][-_MOST_VISIBLE:]
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
                    help="Drawn once it comes near the screen, or by this button.",
                )

    page_runs.fragment(draw_or_wait, key)()


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
    cells: Iterable[Any] = (
        st.columns(columns, gap=gap) if columns and len(shown) > 1 else map(nullcontext, shown)
    )
    for at, ((name, build), cell) in enumerate(zip(shown.items(), cells, strict=False)):
        with cell:
            part = partial(_built, build, options)
            if at < first:
                part()
            else:
                lazy_panel(name, part)


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
        with panel_frame(name) as head:
            choose()
            [build] = builders(scope, theme, name).values()
            draw_content(build(), head, **options)

    if first:
        part()
    else:
        lazy_panel(name, part, stays=True)


@contextmanager
def panel_frame(name: str) -> Iterator[DeltaGenerator]:
    """Draw the frame of a panel with controls and yield the place of its title, above them."""
    with st.container(border=True, key=f"panel-{name}", gap="xxsmall", height="stretch"):
        yield st.container()


def draw_content(
    picture: PanelFigure,
    head: DeltaGenerator | None = None,
    *,
    on_select: Callable[[str], object] | None = None,
    below: Callable[[], object] | None = None,
    chart: DeltaGenerator | None = None,
    named: bool = True,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Draw the title and lead of a panel (in `head` if given), its figure, the content that `below` draws, and its
    footer.

    Args:
        chart: where the figure stands, when not here. named: with what it is called below the title; not where a
            control says it. config: of Plotly.js.
    """
    with head or nullcontext():
        heading(picture.title, picture)
        if guidance.full() and (lead := lead_markdown(picture, named)):
            st.markdown(lead)
    with chart or nullcontext():
        if picture.figure is not None:
            draw_figure(picture, on_select, config=config)
    if below is not None:
        below()
    footer(picture)
