"""A panel: a title that states the finding or the question, a figure, what it shows and does not, its numbers, its export.

What is drawn here passes `visible` (series left out, ranges of the axes), so what stands on the screen is what is exported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.figures import visible
from qfusion.models.tweak import Tweak
from qfusion.panels.core import programs
from qfusion.panels.core.panel import Picture
from qfusion.panels.core.view import View
from qfusion.ui.frame import state
from qfusion.ui.panel import capture, glossary
from qfusion.ui.panel.capture import Drawn, Shown

if TYPE_CHECKING:
    from qfusion.ui.frame.shell import Here

_CONFIG = {"displayModeBar": False, "doubleClick": False}
_PREFIX = "fig."  # of the keys that hold visible ranges


def visible_key(name: str) -> str:
    """Key, in session and address, of what is shown of a panel's figure."""
    return _PREFIX + name


def framed(name: str, drawn: go.Figure) -> Shown:
    """A figure as the reader wants it: without the series left out, in the ranges chosen. A click on the legend does nothing."""
    key = visible_key(name)
    said = state.get(key) or st.query_params.get(key) or ""
    drawn.update_layout(legend={"itemclick": False, "itemdoubleclick": False})
    if not said:
        if key in st.query_params:
            state.impose(key, "")
            del st.query_params[key]
        return Shown(drawn, drawn)
    try:
        found = visible.apply(drawn, visible.parse(str(said)))
    except QFusionError as error:
        state.notice(f"In the link, `{key}`: {error} The whole figure is shown.")
        state.forget(key)
        return Shown(drawn, drawn)
    state.impose(key, str(said))
    return Shown(drawn, found)


def figure(name: str, drawn: go.Figure, alt: str) -> Shown:
    """A figure without a panel around it; returns it as it is shown, for the `footer`."""
    shown = framed(name, drawn)
    st.plotly_chart(shown.framed, theme=None, config=_CONFIG, key=f"figure-{name}", alt=alt)
    return shown


def selectable(name: str, drawn: go.Figure, alt: str, key: str, on_select: Callable[[], None]) -> Shown:
    """A figure whose points are chosen by a click; returns it as it is shown, for the `footer`."""
    shown = framed(name, drawn)
    st.plotly_chart(shown.framed, theme=None, key=key, config=_CONFIG, selection_mode="points", on_select=on_select, alt=alt)
    return shown


def small(picture: Picture) -> None:
    """A small figure that is explained by what stands around it: with a button for its export only."""
    shown = figure(picture.name, picture.figure, picture.alt)
    _export(Drawn(picture.name, text.unmarked(picture.title), text.unmarked(picture.shows), shown, picture.table), quiet=True)


def draw(picture: Picture, *, key: str = "", on_select: Callable[[], None] | None = None) -> None:
    """A whole panel, as a builder of `qfusion.panels` gives it.

    Args:
        picture: figure, words and table.
        key: of the widget that the figure is, where its points are chosen by a click.
        on_select: what a click does.
    """
    with st.container(border=True, key=f"panel-{picture.name}", gap="xxsmall"):
        inside(picture, key=key, on_select=on_select)


def registered(here: Here, view: str, tweak: Tweak | str = "", **more: Any) -> None:
    """Every panel that is registered for a view of this page, see `Panel.view`.

    Args:
        here: what the page works on. view: which is open, or the page's title. tweak: of its sample.
        more: what the page has besides sample and work, by what builders call it: `levels`.
    """
    page = str(state.get(state.PAGE, "")).lower()
    subjects = {"sample": here.subject(tweak), "work": here.work, **more}
    for panel in [panel for panel in programs.PAGES.get(page, {}).values() if panel.view == view]:
        draw(panel.build(subjects[panel.subject], here.theme, **panel.arguments(View(page, capture.address()))))


@contextmanager
def around(name: str) -> Iterator[DeltaGenerator]:
    """The frame of a panel with controls in it; yields the place above them, for the title that `inside` writes."""
    with st.container(border=True, key=f"panel-{name}", gap="xxsmall"):
        yield st.container()


def inside(picture: Picture, head: DeltaGenerator | None = None, *, key: str = "", on_select: Callable[[], None] | None = None,
           below: Callable[[], None] | None = None, chart: DeltaGenerator | None = None, named: bool = True) -> None:
    """What a panel holds: its title and lead (in `head`, if told), figure, what `below` draws under it, and its footer.

    Args:
        chart: where the figure stands, when not here. named: with what it is called below the title; not where a control says it.
    """
    with head or nullcontext():
        heading(picture.title)
        if (named and picture.called) or picture.lead:
            st.markdown(f"**{_ended(picture.called)}** {picture.lead}" if named and picture.called else picture.lead)
    shown = None
    with chart or nullcontext():
        if picture.figure is not None and on_select is not None:
            shown = selectable(picture.name, picture.figure, picture.alt, key, on_select)
        elif picture.figure is not None:
            shown = figure(picture.name, picture.figure, picture.alt)
    if below is not None:
        below()
    title = f"{_ended(picture.called, ':')} {picture.title}" if picture.called else picture.title
    footer(picture.name, picture.shows, picture.not_shown, picture.table, title=title, shown=shown)


def exporting() -> bool:
    """Whether the figure drawer is open: pages that look again and again stand still then."""
    return bool(state.get(state.DRAWER))


def heading(title: str) -> None:
    """A panel's title, with a capital letter."""
    st.markdown(f"#### {_capital(title)}")


def footer(name: str, shows: str, not_shown: str, numbers: Callable[[], pd.DataFrame], *, title: str = "",
           shown: Shown | None = None) -> None:
    """What a figure shows and does not, its export, and its numbers as a file.

    Args:
        shown: the figure as it is shown, with its `title`; None where the panel is a table.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False, key=f"footer-{name}"):
        st.caption(f"**Shows** {shows}  \n**Does not show** {not_shown}")
        if shown is not None:
            caption = f"Shows {text.unmarked(shows)} Does not show {text.unmarked(not_shown)}"
            _export(Drawn(name, text.unmarked(_capital(title)), caption, shown, numbers))
        glossary.popover(name)
        st.download_button("CSV", data=lambda: text.csv(numbers()), file_name=f"qfusion-{name}.csv", mime="text/csv",
                           on_click="ignore", icon=":material/download:", type="tertiary", key=f"csv-{name}",
                           help="The numbers of this figure")


def _ended(words: str, by: str = ".") -> str:
    return words if words.endswith("?") else words + by


def _capital(title: str) -> str:
    return title[:1].upper() + title[1:]


def _export(drawn: Drawn, quiet: bool = False) -> None:
    capture.take(drawn)
    st.button("" if quiet else "Export", on_click=state.put, args=(state.DRAWER, drawn.name), icon=":material/ios_share:", type="tertiary",
              key=f"export-{drawn.name}", help=f"Export: {_EXPORT_HELP}" if quiet else _EXPORT_HELP)
    if state.get(state.DRAWER) == drawn.name:
        from qfusion.ui.panel import drawer  # matplotlib and the rest only once something is exported

        drawer.show(drawn, visible_key(drawn.name))


_EXPORT_HELP = "This figure as SVG, PDF, PNG or HTML, its numbers, its recipe, and the Python code that makes it."
