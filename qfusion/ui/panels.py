"""A panel on a page: a title that states the finding or the question, a figure, what it shows and does not, its words
with their formulas, its numbers, its export.
"""

from __future__ import annotations

import html
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from streamlit.delta_generator import DeltaGenerator

from qfusion import _files
from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.figures.style import Theme
from qfusion.figures.theme import apply_visible, parse_visible
from qfusion.panels import pages
from qfusion.panels.address import FREE, View
from qfusion.panels.control import Choice
from qfusion.panels.panel import Picture, capital, ended
from qfusion.quantum.measures import KINDS
from qfusion.ui import controls, guidance, reruns, sharing, state
from qfusion.ui.frame import carried, guard, link

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

FIND = "word"  # key of the search on the glossary's page


@dataclass(frozen=True)
class Entry:
    """One word: `words` in markdown, `formula` in LaTeX (empty where there is none), titles of `pages` that use it."""

    term: str
    words: str
    source: str
    pages: tuple[str, ...]
    also: tuple[str, ...] = ()
    formula: str = ""

    def holds(self, words: str) -> bool:
        """Whether `words` occurs in the term, its other names or its words, in upper or lower case."""
        wanted = words.casefold().strip()
        return any(wanted in part.casefold() for part in (self.term, self.words, *self.also))

    def markdown(self) -> str:
        """The entry as it stands under a panel."""
        return f"**{self.term}.** {self.words}" + (
            f"\n\n$$\n{self.formula}\n$$" if self.formula else ""
        )


@lru_cache(maxsize=1)
def _file() -> tuple[dict[str, Entry], dict[str, tuple[str, ...]]]:
    record = tomllib.loads(_files.asset_text("glossary.toml"))
    entries = msgspec.convert(record["entry"], list[Entry])
    return {entry.term: entry for entry in entries}, {
        name: tuple(terms) for name, terms in record["panels"].items()
    }


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
    """Entries that hold `words`, those first whose name or other name begins with it; of one `page` alone when it is
    named."""
    begin = words.casefold().strip()
    return tuple(
        sorted(
            (entry for entry in entries() if entry.holds(words) and page in (None, *entry.pages)),
            key=lambda entry: (
                not any(part.casefold().startswith(begin) for part in (entry.term, *entry.also))
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


def framed(picture: Picture) -> go.Figure:
    """A figure as the reader wants it: without the series left out, in the ranges chosen (see `figures.theme`)."""
    key = FREE + picture.name
    value = state.get(key) or st.query_params.get(key) or ""
    if not value:
        if key in st.query_params:
            state.put(key, "")
            del st.query_params[key]
        return picture.figure
    try:
        figure = apply_visible(picture.figure, parse_visible(str(value)))
    except QFusionError as error:
        state.notice(f"In the link, `{key}`: {error} The whole figure is shown.")
        state.forget(key)
        return picture.figure
    state.put(key, str(value))
    return figure


def drawn(picture: Picture, *, on_select: Callable[[str], object] | None = None) -> None:
    """A figure with what every panel has beside its title, without a panel around it.

    Args:
        picture: figure, words and table. on_select: what a click in the figure does, given the figure's key.
    """
    with st.container(gap="xxsmall", key=f"drawn-{picture.name}"):
        _figure(picture, on_select)
        footer(picture)


def _figure(
    picture: Picture,
    on_select: Callable[[str], object] | None = None,
    tools: reruns.Tools | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    figure = framed(picture)
    reruns.chart(
        figure,
        spec=picture.spec if figure is picture.figure else "",
        alt=picture.alt,
        key=f"figure-{picture.name}",
        on_select=on_select,
        tools=tools or tools_of(picture),
        config=config,
    )


def small(picture: Picture) -> None:
    """A small figure that is explained by what stands around it."""
    with st.container(key=f"small-{picture.name}"):
        _figure(picture, tools=reruns.Tools(tools_of(picture).export))
        _drawer(picture)


def draw(
    picture: Picture,
    *,
    on_select: Callable[[str], object] | None = None,
    below: Callable[[], None] | None = None,
    grows: bool = True,
    gap: Literal["xxsmall", "xsmall"] = "xxsmall",
) -> None:
    """A whole panel, as a builder of `qfusion.panels` gives it; arguments as of `inside`. It `grows` to the height of
    its row."""
    height: Literal["stretch", "content"] = "stretch" if grows else "content"
    with st.container(border=True, key=f"panel-{picture.name}", gap=gap, height=height):
        inside(picture, on_select=on_select, below=below)


def beside(
    *parts: Callable[[], Picture | None],
    widths: Sequence[float] = (),
    gap: Literal["small", "medium"] = "medium",
) -> None:
    """Panels side by side: what each part draws, or the panel of the picture that it gives.

    Args:
        parts: from left to right. widths: of their columns, alike unless told. gap: between them.
    """
    for cell, part in zip(st.columns(widths or len(parts), gap=gap), parts, strict=True):
        with cell:
            picture = part()
            if picture is not None:
                draw(picture)


def samples_table(
    frame: pd.DataFrame,
    ids: Sequence[str],
    key: str,
    sample: str,
    open_sample: Callable[[str], None] = state.open_sample,
    **words: Any,
) -> None:
    """A table with a row for each of some samples; a click on a row opens its sample.

    Args:
        frame: what it shows. ids: of its rows. key: of the widget. sample: that is open.
        open_sample: what a click does. words: what the widget is told besides.
    """

    def opened() -> None:
        for row in state.selected_rows(key, len(ids)):
            open_sample(str(ids[row]))

    ticked = state.selected_rows(key, len(ids))
    if ticked and ids[ticked[0]] != sample:
        # another sample was opened since; nothing else is told, as the table is sent again for a tick
        state.put(key, {"selection": {"rows": []}})
    st.dataframe(
        frame, key=key, hide_index=True, selection_mode="single-row", on_select=opened, **words
    )


def below(theme: Theme, **scopes: Any) -> None:
    """Every panel that its page draws below all else that is open, see `Panel.below`, with the choices that it alone
    has, of what the page has, by what builders call it."""
    page = str(state.get(state.PAGE, "")).lower()
    view = View(page, sharing.full_address())
    for name, panel in list(pages.PAGES[page].items()):
        if panel.below and panel.shown(view, scopes[panel.scope]):
            scope, own = scopes[panel.scope], pages.own_controls(page, panel)
            if own:
                choosing(scope, theme, name, partial(controls.row, *own, study=scopes["study"]))
            else:
                draw(panel.build(scope, theme, **panel.arguments(view)))


def tabs(
    control: Choice,
    content: Mapping[str, Callable[..., object]],
    *arguments: Any,
    theme: Theme,
    **scopes: Any,
) -> None:
    """Draws tabs and, in the open one, its content, and what its page draws below all else; see `below`."""
    for name, tab in controls.tabs(control):
        with tab, guard():
            content[name](*arguments)
            below(theme, **scopes)


def builders(scope: Any, theme: Theme, *names: str) -> list[Callable[[], Picture]]:
    """Returns what builds panels of this page by their names, those that it has under its address, as programs and
    files of it have them; arguments as of `show`."""
    page = str(state.get(state.PAGE, ""))
    address = state.everything()[page]
    result: list[Callable[[], Picture]] = []
    for name in names:
        view, panel, rest = pages.find(page, name, address)
        if panel.shown(view, scope, rest):
            result.append(partial(panel.build, scope, theme, **panel.arguments(view, rest)))
    return result


def show(
    scope: Any,
    theme: Theme,
    *names: str,
    columns: Sequence[float] | int = 0,
    gap: Literal["small", "medium"] = "small",
    **options: Any,
) -> None:
    """Draws panels of this page by their names, those that it has under its address, see `builders`.

    Args:
        scope: what they are built from. theme: of the figures.
        columns, gap: how many, or how wide, where they stand beside each other; one that is alone has the whole width.
        options: of each, as of `draw`.
    """
    shown = builders(scope, theme, *names)
    beside = columns and len(shown) > 1
    cells: Iterable[Any] = st.columns(columns, gap=gap) if beside else map(nullcontext, shown)
    for build, cell in zip(shown, cells, strict=False):
        with cell:
            draw(build(), **options)


def choosing(
    scope: Any, theme: Theme, name: str, choose: Callable[[], object], **options: Any
) -> None:
    """Draws a panel of this page with controls in it, which `choose` draws; options as of `inside`."""
    with around(name) as head:
        choose()
        [build] = builders(scope, theme, name)
        inside(build(), head, **options)


@contextmanager
def around(name: str) -> Iterator[DeltaGenerator]:
    """The frame of a panel with controls in it; yields the place above them, for the title that `inside` writes."""
    with st.container(border=True, key=f"panel-{name}", gap="xxsmall", height="stretch"):
        yield st.container()


def inside(
    picture: Picture,
    head: DeltaGenerator | None = None,
    *,
    on_select: Callable[[str], object] | None = None,
    below: Callable[[], None] | None = None,
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
        if guidance.full() and ((named and picture.called) or picture.lead):
            st.markdown(_lead(picture, named))
    with chart or nullcontext():
        if picture.figure is not None:
            _figure(picture, on_select, config=config)
    if below is not None:
        below()
    footer(picture)


def exporting() -> bool:
    """Whether the figure drawer is open: pages that look again and again stand still then."""
    return bool(state.get(state.DRAWER))


def heading(title: str, picture: Picture | None = None) -> None:
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
                help=reruns.NUMBERS_HELP,
            )


def tools_of(picture: Picture) -> reruns.Tools:
    """What the buttons above its figure do."""
    return reruns.Tools(
        partial(state.put, state.DRAWER, picture.name),
        lambda: text.csv(picture.table()),
        f"qfusion-{picture.name}.csv",
        _words(picture),
    )


def _words(picture: Picture) -> str:
    """The words and terms of a panel, as HTML."""
    terms = definitions(picture.name)
    words = [] if guidance.full() else [_lead(picture), _shows(picture)]
    link = f'<p><a class="qf-page" href="glossary?{html.escape(urlencode(carried(), doseq=True))}">All words</a></p>'
    return "".join(rendered(part) for part in (*words, terms) if part) + (link if terms else "")


def _about(picture: Picture) -> None:
    """An (i) with the words and terms of a panel without a figure."""
    with st.popover(
        "About",
        icon=":material/info:",
        type="tertiary",
        key=f"about-{picture.name}",
        help=reruns.WORDS_HELP,
    ):
        if not guidance.full():
            if picture.called or picture.lead:
                st.markdown(_lead(picture))
            st.caption(_shows(picture))
        if terms := definitions(picture.name):
            st.markdown(terms)
            link("pages/glossary.py", "All words", ":material/menu_book:")


def _lead(picture: Picture, named: bool = True) -> str:
    return " ".join(
        part
        for part in (
            f"**{ended(picture.called)}**" if named and picture.called else "",
            picture.lead,
        )
        if part
    )


def _shows(picture: Picture) -> str:
    return f"**Shows** {picture.shows}  \n**Does not show** {picture.not_shown}"


def footer(picture: Picture) -> None:
    """What a figure shows and does not, where all words stand on the page; and its drawer, once it is open."""
    if guidance.full():
        st.caption(_shows(picture))
    _drawer(picture)


def _drawer(picture: Picture) -> None:
    if picture.figure is not None and state.get(state.DRAWER) == picture.name:
        from qfusion.ui import drawer

        drawer.show(picture)
