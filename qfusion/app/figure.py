"""One panel in its frame: a title that states the finding or the question, a figure, its caption, its footer; and
the components whose scripts run in the browser."""

import hashlib
import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache, partial
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import uuid4

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import plotly_live
from plotly_live.scripts import script_text
from qfusion import plugin
from qfusion._memory_cache import memo
from qfusion._sentences import capitalise, true_minus
from qfusion.app import drawer, guidance, navigation, page_context, page_runs, requests, state
from qfusion.app.guidance import definitions, render_markdown
from qfusion.errors import QFusionError
from qfusion.figures.files.recipe import apply_visible, parse_visible
from qfusion.study import text
from qfusion.views.pages import address
from qfusion.views.view import View, end_sentence


def apply_reader_choices(picture: View) -> go.Figure:
    """A figure as the reader wants it: without the series left out, in the ranges chosen (see
    `figures.files.recipe`)."""
    key = address.FREE + picture.name
    figure = picture.figure
    value = state.param_text(key)
    try:
        if value:
            figure = apply_visible(figure, parse_visible(value))
    except QFusionError as error:
        state.notice(f"In the link, `{key}`: {error} The whole figure is shown.")
        value = ""
    state.put(key, value or None)
    return figure


def draw_without_panel(picture: View, *, on_select: Callable[[str], object] | None = None) -> None:
    """Draw a figure with the parts that every panel has beside its title, without a panel around it.

    Args:
        picture: figure, words and table. on_select: what a click in the figure does, given the figure's key.
    """
    with st.container(gap="xxsmall", key=f"drawn-{picture.name}"):
        draw_figure(picture, on_select)
        footer(picture)


def draw_figure(
    picture: View,
    on_select: Callable[[str], object] | None = None,
    config: Mapping[str, Any] | None = None,
    small: bool = False,
) -> None:
    """Draw the figure of a panel, or its table where it has no figure."""
    picture = picture.in_theme(page_context.theme())
    figure = apply_reader_choices(picture)
    chart(
        figure,
        spec=picture.spec if figure is picture.figure else "",
        alt=picture.alt,
        key=f"figure-{picture.name}",
        on_select=on_select,
        picture=picture,
        small=small,
        config=config,
    )
    page_runs.finish_first_paint(page_runs.PATIENCE)


def draw_thumbnail(picture: View) -> None:
    """Draw a small figure that is explained by what surrounds it."""
    with st.container(key=f"small-{picture.name}"):
        draw_figure(picture, small=True)
        draw_dialog(picture)


# Points that a selection reports: the first is what was clicked, and a region says the others.
MOST_POINTS = 20
NUMBERS_HELP = "The numbers of this figure as CSV"
WORDS_HELP = "What this figure shows and does not show, and definitions of its terms"


def chart(
    figure: go.Figure,
    *,
    key: str,
    alt: str,
    spec: str = "",
    config: Mapping[str, Any] | None = None,
    on_select: Callable[[str], object] | None = None,
    picture: View | None = None,
    small: bool = False,
) -> None:
    """Draw a figure as wide and as high as there is room, at least as high as its layout says.

    Args:
        figure: of plotly. spec: it as Plotly's JSON, where that is at hand. config: of Plotly.js.
        key: of the element; the figure is changed in place for as long as this stays the same.
        alt: what it shows, for those who do not see it.
        on_select: what a click, a box or a lasso does, given the key; `qfusion.app.state` tells what was chosen.
        picture: what it is of, for the buttons above it: export, numbers and words, of a thumbnail export alone.
    """
    key = component_key(key)
    data: dict[str, Any] = {}
    events: dict[str, Callable[[], object]] = {}
    if picture is not None:
        events["export"] = partial(state.put, state.DRAWER, picture.name)
        data["tools"] = {
            "export": "This figure as SVG, PDF, PNG or HTML, its data, its recipe, and the Python code that draws "
            "it."
        }
    if picture is not None and not small:
        wanted = f"_wanted-{key}"
        events["numbers"] = partial(state.put, wanted, True)
        if words := _words(picture):
            data["words"] = words
            data["tools"]["words"] = WORDS_HELP
        data["tools"]["numbers"] = NUMBERS_HELP
        if state.pop(wanted):
            data["file"] = {
                "name": f"qfusion-{picture.name}.csv",
                "text": text.csv(picture.numbers).decode(),
                "turn": uuid4().hex,
            }
    plotly_live.live_figure(
        figure,
        key,
        alt=alt,
        config={"displayModeBar": False, "doubleClick": False, **(config or {})},
        on_select="ignore" if on_select is None else lambda _: on_select(key),
        keep_zoom=False,
        most_points=MOST_POINTS,
        spec=spec,
        extension=_extension(),
        data=data,
        events=events,
    )


@memo(1)
def _extension() -> plotly_live.Extension:
    """Return what is added to the script that draws figures."""
    return plotly_live.Extension(
        "qfusion_figure",
        plugin.asset_text("figure.js"),
        "qf-figure",
        requests.plotly_address(),
        follows=False,  # knobs.js follows sliders of all figures of a page
    )


def exporting() -> bool:
    """Whether the figure drawer is open: pages that look again and again stand still then."""
    return bool(state.get(state.DRAWER))


def heading(title: str, picture: View | None = None) -> None:
    """Draw a panel's title, with a capital letter. The note on what it shows and does not show, its export and its
    numbers are beside it. They are drawn with the figure, or here if there is none.

    Args:
        title: as markdown. picture: of the panel; None where only the title is drawn.
    """
    if picture is None or picture.figure is not None:
        st.markdown(f"#### {capitalise(true_minus(title))}")
    else:
        with st.container(
            horizontal=True,
            vertical_alignment="top",
            wrap=False,
            gap=None,
            key=f"top-{picture.name}",
        ):
            st.markdown(f"#### {capitalise(true_minus(title))}")
            _about_popover(picture)
            st.download_button(
                "CSV",
                data=lambda: text.csv(picture.numbers),
                file_name=f"qfusion-{picture.name}.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
                key=f"csv-{picture.name}",
                help=NUMBERS_HELP,
            )


def _words(picture: View) -> str:
    """The words and terms of a panel, as HTML."""
    terms = definitions(picture.name)
    words = [] if guidance.shows_full_text() else [lead_markdown(picture), _shows(picture)]
    query = html.escape(urlencode(navigation.link_query(), doseq=True))
    return "".join(render_markdown(part) for part in (*words, terms) if part) + (
        f'<p><a class="qf-page" href="glossary?{query}">All words</a></p>' if terms else ""
    )


def _about_popover(picture: View) -> None:
    """An (i) with the words and terms of a panel without a figure."""
    with st.popover(
        "About",
        icon=":material/info:",
        type="tertiary",
        key=f"about-{picture.name}",
        help=WORDS_HELP,
    ):
        if not guidance.shows_full_text():
            if lead := lead_markdown(picture):
                st.markdown(lead)
            st.caption(_shows(picture))
        if terms := definitions(picture.name):
            st.markdown(terms)
            navigation.link("pages/glossary.py", "All words", ":material/menu_book:")


def lead_markdown(picture: View, named: bool = True) -> str:
    """Return the first lines of a panel as markdown: its title, if `named`, and its lead."""
    return " ".join(
        part
        for part in (
            f"**{end_sentence(picture.heading)}**" if named and picture.heading else "",
            picture.lead,
        )
        if part
    )


def _shows(picture: View) -> str:
    words = f"**Shows** {picture.caption}  \n{picture.limits}"
    return f"{words}  \n{picture.usage}" if picture.usage else words


def footer(picture: View) -> None:
    """Draw what a figure shows and does not show, if all texts are on the page. Also draw its drawer once it is
    open.
    """
    if guidance.shows_full_text():
        st.caption(_shows(picture))
    draw_dialog(picture)


def draw_dialog(picture: View) -> None:
    """Open the dialog that exports a figure, where the reader asked for it."""
    if picture.figure is not None:
        page_runs.dialog_if_wanted(
            picture.name, "Export this figure", drawer.draw, picture, chart, width="large"
        )


def draw(
    picture: View,
    *,
    on_select: Callable[[str], object] | None = None,
    below: Callable[[], object] | None = None,
    grows: bool = True,
    gap: Literal["xxsmall", "xsmall"] = "xxsmall",
) -> None:
    """Draw a panel in its own frame.

    Args:
        picture: a builder of `qfusion.views.pages` returns it.
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


@contextmanager
def titled_frame(name: str) -> Iterator[DeltaGenerator]:
    """Draw the frame of a panel with controls and yield the place of its title, above them."""
    with st.container(border=True, key=f"panel-{name}", gap="xxsmall", height="stretch"):
        yield st.container()


def draw_content(
    picture: View,
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
        if guidance.shows_full_text() and (lead := lead_markdown(picture, named)):
            st.markdown(lead)
    with chart or nullcontext():
        if picture.figure is not None:
            draw_figure(picture, on_select, config=config)
    if below is not None:
        below()
    footer(picture)


@lru_cache
def component(name: str) -> Any:
    """Return the component that the script of this name draws on a page.

    Streamlit registers it once for the process, so that no cache may forget it that makes room for others.
    """
    script = plugin.asset_text(f"{name}.js")
    if name == "knobs":  # which uses functions of two others
        script = "\n".join([script_text("follow"), plugin.asset_text("follow.js"), script])
    return st.components.v2.component(f"qfusion_{name}", js=script, isolate_styles=False)


def component_key(name: str) -> str:
    """Return the key of a component that is called by a name, which may hold the name of a modality or a set.

    Streamlit takes no key with two underscores side by side, or one at its end: between them and an event's name stand
    two. Such a name is told by its digest.
    """
    if "__" not in name and not name.endswith("_"):
        return name
    plain = re.sub("_+", "-", name).strip("-")
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def follow_player(
    key: str,
    player: str,
    strip: str,
    start: float,
    peaks: Sequence[tuple[str, float, str]],
) -> None:
    """Have a playhead follow a player over a strip.

    Args:
        key: of the element.
        player: selector of the video or sound.
        strip: name of the panel over which the playhead goes and that is clicked to play from there.
        start: seconds of the player at which the strip begins.
        peaks: buttons to play from a moment: name, seconds from the begin of the strip, and what is said of it.
    """
    component("player")(
        key=component_key(key),
        data={
            "player": player,
            "strip": f".st-key-{component_key(f'figure-{strip}')} .qf-figure",
            "start": start,
            "peaks": [{"name": name, "time": time, "title": title} for name, time, title in peaks],
        },
    )
