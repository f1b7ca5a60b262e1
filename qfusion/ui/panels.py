"""A panel on a page: a title that states the finding or the question, a figure, what it shows and does not, its words
with their formulas, its numbers, its export.
"""

import hashlib
import html
import re
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import uuid4

import msgspec
import pandas as pd
import plotly.graph_objects as go
import plotly.io
import streamlit as st
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException

from qfusion import _files
from qfusion.analysis import text
from qfusion.data.sample_content import Clip
from qfusion.errors import QFusionError
from qfusion.figures.style import Theme
from qfusion.figures.visible_range import apply_visible, parse_visible
from qfusion.panels import address, pages, params
from qfusion.panels.panel import Panel, PanelFigure, build_animation, capital, with_period
from qfusion.quantum.measure_kinds import KINDS
from qfusion.ui import (
    controls,
    drawer,
    frame,
    guidance,
    page_params,
    reruns,
    selections,
    server,
    state,
)

_MARKDOWN = MarkdownIt(
    "commonmark", {"html": False}
)  # what stands in the words as HTML is shown as text


@lru_cache(maxsize=256)
def rendered(markdown: str) -> str:
    """Returns the HTML of words whose formulas stand between pairs of dollar signs."""
    return "".join(
        str(convert(part.strip().replace(r"\arg", r"\operatorname{arg}"), display="block"))
        if i % 2
        else _MARKDOWN.render(part)
        for i, part in enumerate(markdown.split("$$"))
    )


# The words of the pages in plain sentences, each with its formula: under every panel, and as a page of its own.
#
# The entries are `qfusion/assets/glossary.toml`.


@dataclass(frozen=True)
class Entry:
    """One word: `words` in markdown, `formula` in LaTeX (empty where there is none), titles of `pages` that use it."""

    term: str
    words: str
    source: str
    pages: tuple[str, ...]
    also: tuple[str, ...] = ()
    formula: str = ""

    def markdown(self) -> str:
        """The entry as it stands under a panel."""
        return f"**{self.term}.** {self.words}" + (
            f"\n\n$$\n{self.formula}\n$$" if self.formula else ""
        )


@lru_cache(maxsize=1)
def _file() -> tuple[dict[str, Entry], dict[str, tuple[str, ...]]]:
    record = tomllib.loads(_files.asset_text("glossary.toml"))
    return {
        entry.term: entry for entry in msgspec.convert(record["entry"], list[Entry])
    }, msgspec.convert(record["panels"], dict[str, tuple[str, ...]])


def _known() -> dict[str, Entry]:
    """The entries of the file, and of the measures that name their source where they are registered."""
    measures = (
        Entry(
            about.title.capitalize(),
            f"The {about.title}: {about.shows}",
            about.source,
            ("Dynamics",),
            (about.short,),
        )
        for about in KINDS.values()
        if about.source
    )
    return {entry.term: entry for entry in measures} | _file()[0]


def entries() -> tuple[Entry, ...]:
    """All entries in the order of the alphabet."""
    return tuple(sorted(_known().values(), key=lambda entry: entry.term.casefold()))


def find_entries(words: str, page: str | None = None) -> tuple[Entry, ...]:
    """Entries that hold `words`, in upper or lower case, those first whose name or other name begins with it; of one
    `page` alone when it is named."""
    wanted = words.casefold().strip()
    matching = (
        entry
        for entry in entries()
        if page in (None, *entry.pages)
        and any(wanted in part.casefold() for part in (entry.term, entry.words, *entry.also))
    )
    return tuple(
        sorted(
            matching,
            key=lambda entry: (
                not any(part.casefold().startswith(wanted) for part in (entry.term, *entry.also))
            ),
        )
    )


def terms_of(panel: str) -> tuple[str, ...]:
    """The words that the panel of this name needs; none for a panel that is not known."""
    known, parts = _file()[1], panel.split("-")
    if about := KINDS.get(panel.removeprefix("measure-")):
        return (about.title.capitalize(),) if about.source else known.get(panel, ())
    beginnings = ("-".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((known[name] for name in beginnings if name in known), ())


def definitions(panel: str) -> str:
    """The words of a panel, each with its formula, in markdown; empty for a panel without any."""
    return "\n\n".join(_known()[term].markdown() for term in terms_of(panel))


# A panel: a title that states the finding or the question, a figure, what it shows and does not, its numbers, its
# export.
#
# What is drawn here is `framed` (series left out, ranges of the axes), so what stands on the screen is what is
# exported.


def framed(picture: PanelFigure) -> go.Figure:
    """A figure as the reader wants it: without the series left out, in the ranges chosen (see `figures.recipe`)."""
    key = address.FREE + picture.name
    figure = picture.figure
    value = page_params.text_of(key)
    try:
        if value:
            figure = apply_visible(figure, parse_visible(value))
    except QFusionError as error:
        state.notice(f"In the link, `{key}`: {error} The whole figure is shown.")
        value = ""
    state.put(key, value or None)
    return figure


def drawn(picture: PanelFigure, *, on_select: Callable[[str], object] | None = None) -> None:
    """A figure with what every panel has beside its title, without a panel around it.

    Args:
        picture: figure, words and table. on_select: what a click in the figure does, given the figure's key.
    """
    with st.container(gap="xxsmall", key=f"drawn-{picture.name}"):
        _figure(picture, on_select)
        footer(picture)


def _figure(
    picture: PanelFigure,
    on_select: Callable[[str], object] | None = None,
    config: Mapping[str, Any] | None = None,
    small: bool = False,
) -> None:
    figure = framed(picture)
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
    reruns.rest(reruns.PATIENCE)


def small(picture: PanelFigure) -> None:
    """A small figure that is explained by what stands around it."""
    with st.container(key=f"small-{picture.name}"):
        _figure(picture, small=True)
        _drawer(picture)


# Recordings on a page.


@lru_cache
def component(name: str) -> Any:
    """What the script of a name draws on a page."""
    return st.components.v2.component(
        f"qfusion_{name}", js=_files.asset_text(f"{name}.js"), isolate_styles=False
    )


def component_key(name: str) -> str:
    """Returns the key of a component that is called by a name, which may hold the name of a modality or a set.

    Streamlit takes no key with two underscores side by side, or one at its end: between them and an event's name stand
    two. Such a name is told by its digest.
    """
    if "__" not in name and not name.endswith("_"):
        return name
    plain = re.sub("_+", "-", name).strip("-")
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def play(
    key: str,
    label: str,
    clip: Clip | None = None,
    *,
    bound: str = "",
    strip: str = "",
    peaks: Sequence[tuple[str, float, str]] = (),
) -> None:
    """Plays a recording, and has a playhead follow it over a strip.

    Args:
        key: of the element. label: what is played, for those who do not see it.
        clip: the recording, a video or a sound; without it, what `bound`, a selector, finds on the page plays.
        strip: name of the panel over which the playhead goes and that is clicked to play from there.
        peaks: buttons to play from a moment: name, seconds, and what is said of it.
    """
    component("player")(
        key=component_key(key),
        data={
            "kind": "video" if clip is None else clip.kind,
            "source": "" if clip is None else server.clip_address(clip),
            "label": label,
            "failed": "This recording cannot be played here: it was moved or changed, or your browser does not know "
            "its kind.",
            "bound": bound,
            "strip": f".st-key-{component_key(f'figure-{strip}')} .qf-figure" if strip else "",
            "peaks": [{"name": name, "time": time, "title": title} for name, time, title in peaks],
        },
    )


# A figure on a page: Plotly's, changed in place when its numbers do, which `st.plotly_chart` draws anew.
#
# `benchmarks/browser.py` measures what that is worth. The script that draws is `qfusion/assets/figure.js`; the
# Plotly.js that it loads is the one that comes with the Python package.

NUMBERS_HELP = "The numbers of this figure as CSV"
WORDS_HELP = "What this shows and does not, and what its words mean"


def chart(
    figure: go.Figure,
    *,
    key: str,
    alt: str,
    spec: str = "",
    config: Mapping[str, Any] | None = None,
    on_select: Callable[[str], object] | None = None,
    picture: PanelFigure | None = None,
    small: bool = False,
) -> None:
    """Draws a figure as wide and as high as there is room, at least as high as its layout says.

    Args:
        figure: of plotly. spec: it as Plotly's JSON, where that is at hand. config: of Plotly.js.
        key: of the element; the figure is changed in place for as long as this stays the same.
        alt: what it shows, for those who do not see it.
        on_select: what a click, a box or a lasso does, given the key; `qfusion.ui.state` tells what was chosen.
        picture: what it is of, for the buttons above it: export, numbers and words, of a `small` one export alone.
    """
    key = component_key(key)
    data: dict[str, Any] = {
        "film": dict(picture.film) if picture else {},
        "figure": spec or plotly.io.to_json(figure, validate=False),
        "config": {"displayModeBar": False, "doubleClick": False, **(config or {})},
        "height": figure.layout.height or 450,  # pixels
        "alt": alt,
        "chosen": on_select is not None,
        "library": server.plotly_address(),
    }
    callbacks: dict[str, Any] = {}
    if on_select is not None:
        callbacks["on_selection_change"] = partial(on_select, key)
    if picture is not None:
        callbacks["on_export_change"] = partial(state.put, state.DRAWER, picture.name)
        data["tools"] = {
            "export": "This figure as SVG, PDF, PNG or HTML, its numbers, its recipe, and the Python code that makes "
            "it."
        }
    if picture is not None and not small:
        wanted = f"_wanted-{key}"
        callbacks["on_numbers_change"] = partial(state.put, wanted, True)
        if words := _words(picture):
            data["words"] = words
            data["tools"]["words"] = WORDS_HELP
        data["tools"]["numbers"] = NUMBERS_HELP
        if state.take(wanted):
            data["file"] = {
                "name": f"qfusion-{picture.name}.csv",
                "text": text.csv(picture.table()).decode(),
                "turn": uuid4().hex,
            }
    component("figure")(key=key, data=data, height="stretch", **callbacks)


def draw(
    picture: PanelFigure,
    *,
    on_select: Callable[[str], object] | None = None,
    below: Callable[[], object] | None = None,
    grows: bool = True,
    gap: Literal["xxsmall", "xsmall"] = "xxsmall",
) -> None:
    """A whole panel, as a builder of `qfusion.panels` gives it; arguments as of `inside`. It `grows` to the height of
    its row."""
    with st.container(
        border=True,
        key=f"panel-{picture.name}",
        gap=gap,
        height="stretch" if grows else "content",
    ):
        inside(picture, on_select=on_select, below=below)


def beside(
    *parts: Callable[[], PanelFigure | None],
    widths: Sequence[float] | int = (),
    gap: Literal["small", "medium"] = "medium",
) -> None:
    """Panels side by side: what each part draws, or the panel of the picture that it gives.

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

    def opened() -> None:
        for row in selections.selected_rows(key, len(ids)):
            state.choose_sample(str(ids[row]))

    ticked = selections.selected_rows(key, len(ids))
    if ticked and ids[ticked[0]] != sample:
        # another sample was opened since; nothing else is told, as the table is sent again for a tick
        state.put(key, {"selection": {"rows": []}})
    st.dataframe(
        table, key=key, hide_index=True, selection_mode="single-row", on_select=opened, **words
    )


def below(theme: Theme, **scopes: Any) -> None:
    """Every panel that its page draws below all else that is open, see `Panel.below`, with the choices that it alone
    has, of what the page has, by what builders call it."""
    view = page_params.current()
    page = view.page
    for name, panel in list(pages.PAGES[page].items()):
        if panel.below and panel.shown(view, scopes[panel.scope]):
            scope, own = scopes[panel.scope], pages.own_params(page, panel)
            if own:
                choosing(scope, theme, name, partial(controls.row, *own, study=scopes["study"]))
            else:
                show(scope, theme, name)


def tabs(
    control: params.SelectParam,
    content: Mapping[str, Callable[..., object]],
    *arguments: Any,
    theme: Theme,
    **scopes: Any,
) -> None:
    """Draws tabs and, in the open one, its content, and what its page draws below all else; see `below`."""
    for name, tab in controls.tabs(control):
        with tab, frame.guard():
            content[name](*arguments)
            below(theme, **scopes)


def builders(scope: Any, theme: Theme, *names: str) -> dict[str, Callable[[], PanelFigure]]:
    """Returns what builds panels of this page, by their names, of those that it has under its address, as programs and
    files of it have them; arguments as of `show`."""
    view = page_params.current()
    result: dict[str, Callable[[], PanelFigure]] = {}
    for name in names:
        panel, suffix = pages.panel_named(view.page, name)
        if panel.shown(view, scope, suffix):
            build = partial(panel.build, scope, theme, **panel.arguments(view, suffix))
            result[name] = partial(_filmed, build, panel)
    return result


# A cursor that plays, see `controls.play_cursor`: what figures are at its stops is made once, and drawn in the browser.

_WAITS = 5  # seconds in which a figure begins with it, since Play or since the figure before


def _filmed(build: partial[PanelFigure], panel: Panel) -> PanelFigure:
    """A picture, with how it changes where its cursor, or the one over a training, is to be played."""
    since, turn, key, stops, seconds = state.get(state.PLAYS) or (-_WAITS, 0.0, "", {}, 0.0)
    late = time.monotonic() - since > _WAITS
    picture, (scope, *rest) = build(), build.args
    if late or picture.figure is None:
        return picture
    if key == controls.EPOCH and panel.scope in ("sample", "study"):

        def after(model: str) -> PanelFigure:
            return build.func(controls.trained_as(scope, model), *rest, **build.keywords)

        builds = {label: partial(after, model) for model, label in stops.items()}
    elif panel.cursor and panel.cursor[1] == key:
        builds = {label: partial(build, **{panel.cursor[0]: at}) for at, label in stops.items()}
    else:
        return picture
    if not (film := build_animation(builds)):
        return picture
    state.put(state.PLAYS, (time.monotonic(), turn, key, stops, seconds))
    return replace(picture, film={**film, "turn": turn, "seconds": seconds})


# What stands below the first screen is drawn once it comes near it: `frame.js` presses a button in its place.

_NEAR, _STAYS = "_near", "_stays"  # in a session: what came near last, and what stays from then on
_MOST_NEAR = 4  # of those that are drawn at once from then on, the rest again once they come near
EVERYTHING = "*"  # among what came near: nothing waits


def later(name: str, part: Callable[[], object], *, stays: bool = False) -> None:
    """Draws a part of a page by itself, once it comes near the screen.

    Args:
        name: of it. part: draws it.
        stays: whether it is drawn at once from then on, as what holds widgets that the address knows has to be.
    """
    key = f"later-{name}"

    def come() -> None:
        others = [other for other in state.get(_NEAR, ()) if other != name]
        state.put(_NEAR, others if stays else [*others, name][-_MOST_NEAR:])
        state.put(_STAYS, {*state.get(_STAYS, ()), *([name] if stays else [])})
        with suppress(StreamlitAPIException):  # the page has changed, and has no such part
            st.rerun(key)  # of all that come at a time, each its own

    def drawn() -> None:
        near = {*state.get(_NEAR, ()), *state.get(_STAYS, ()), state.get(state.DRAWER)}
        if near & {name, EVERYTHING}:
            state.get(state.WAITING).discard(name)
            part()
        else:
            state.get(state.WAITING).add(name)
            with st.container(border=True, key=key):
                st.button(
                    capital(name.replace("-", " ")),
                    on_click=come,
                    key=f"_{key}",
                    type="tertiary",
                    help="Drawn once it comes near the screen, or by this button.",
                )

    frame.fragment(drawn, key)()


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
    """Draws panels of this page by their names, those that it has under its address, see `builders`.

    Args:
        scope: what they are built from. theme: of the figures.
        columns, gap: how many, or how wide, where they stand beside each other; one that is alone has the whole width.
        first: how many of them stand on the first screen, and are drawn at once; the others `later`.
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
                later(name, part)


def choosing(
    scope: Any,
    theme: Theme,
    name: str,
    choose: Callable[[], object],
    *,
    first: bool = False,
    **options: Any,
) -> None:
    """Draws a panel of this page with controls in it, which `choose` draws; at once if it stands on the
    `first` screen, else `later`; options as of `inside`."""

    def part() -> None:
        with around(name) as head:
            choose()
            [build] = builders(scope, theme, name).values()
            inside(build(), head, **options)

    if first:
        part()
    else:
        later(name, part, stays=True)


@contextmanager
def around(name: str) -> Iterator[DeltaGenerator]:
    """The frame of a panel with controls in it; yields the place above them, for the title that `inside` writes."""
    with st.container(border=True, key=f"panel-{name}", gap="xxsmall", height="stretch"):
        yield st.container()


def inside(
    picture: PanelFigure,
    head: DeltaGenerator | None = None,
    *,
    on_select: Callable[[str], object] | None = None,
    below: Callable[[], object] | None = None,
    chart: DeltaGenerator | None = None,
    named: bool = True,
    config: Mapping[str, Any] | None = None,
) -> None:
    """What a panel holds: its title and lead (in `head`, if told), figure, what `below` draws under it, and its footer.

    Args:
        chart: where the figure stands, when not here. named: with what it is called below the title; not where a
            control says it. config: of Plotly.js.
    """
    with head or nullcontext():
        heading(picture.title, picture)
        if guidance.full() and (lead := _lead(picture, named)):
            st.markdown(lead)
    with chart or nullcontext():
        if picture.figure is not None:
            _figure(picture, on_select, config=config)
    if below is not None:
        below()
    footer(picture)


def exporting() -> bool:
    """Whether the figure drawer is open: pages that look again and again stand still then."""
    return bool(state.get(state.DRAWER))


def heading(title: str, picture: PanelFigure | None = None) -> None:
    """A panel's title, with a capital letter. What it shows and does not, its export and its numbers stand beside it:
    drawn with the figure, or here where there is none.

    Args:
        title: as markdown. picture: of the panel; None where only the title is drawn.
    """
    if picture is None or picture.figure is not None:
        st.markdown(f"#### {capital(title)}")
    else:
        with st.container(
            horizontal=True,
            vertical_alignment="top",
            wrap=False,
            gap=None,
            key=f"top-{picture.name}",
        ):
            st.markdown(f"#### {capital(title)}")
            _about(picture)
            st.download_button(
                "CSV",
                data=lambda: text.csv(picture.table()),
                file_name=f"qfusion-{picture.name}.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
                key=f"csv-{picture.name}",
                help=NUMBERS_HELP,
            )


def _words(picture: PanelFigure) -> str:
    """The words and terms of a panel, as HTML."""
    terms = definitions(picture.name)
    words = [] if guidance.full() else [_lead(picture), _shows(picture)]
    query = html.escape(urlencode(frame.carried(), doseq=True))
    return "".join(rendered(part) for part in (*words, terms) if part) + (
        f'<p><a class="qf-page" href="glossary?{query}">All words</a></p>' if terms else ""
    )


def _about(picture: PanelFigure) -> None:
    """An (i) with the words and terms of a panel without a figure."""
    with st.popover(
        "About",
        icon=":material/info:",
        type="tertiary",
        key=f"about-{picture.name}",
        help=WORDS_HELP,
    ):
        if not guidance.full():
            if lead := _lead(picture):
                st.markdown(lead)
            st.caption(_shows(picture))
        if terms := definitions(picture.name):
            st.markdown(terms)
            frame.link("pages/glossary.py", "All words", ":material/menu_book:")


def _lead(picture: PanelFigure, named: bool = True) -> str:
    return " ".join(
        part
        for part in (
            f"**{with_period(picture.called)}**" if named and picture.called else "",
            picture.lead,
        )
        if part
    )


def _shows(picture: PanelFigure) -> str:
    return f"**Shows** {picture.shows}  \n**Does not show** {picture.not_shown}"


def footer(picture: PanelFigure) -> None:
    """What a figure shows and does not, where all words stand on the page; and its drawer, once it is open."""
    if guidance.full():
        st.caption(_shows(picture))
    _drawer(picture)


def _drawer(picture: PanelFigure) -> None:
    if picture.figure is not None and state.get(state.DRAWER) == picture.name:
        reruns.dialog(
            "Export this figure",
            drawer.body,
            picture,
            chart,
            width="large",
            # the page is drawn again, since series may have been left out
            on_dismiss=partial(state.put, state.DRAWER, None),
        )
