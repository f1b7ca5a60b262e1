"""The figure drawer: one panel's figure as a file for a paper, its numbers, its recipe, its code. A dialog with a
preview."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from qfusion.analysis import text
from qfusion.errors import QFusionError, provided
from qfusion.figures import export
from qfusion.figures import recipe as snippet
from qfusion.figures import recipe as styles
from qfusion.figures import theme as visible
from qfusion.figures.recipe import ExportStyle, Recipe
from qfusion.figures.theme import VisibleRange, in_theme
from qfusion.panels import pages
from qfusion.panels.panel import Picture
from qfusion.ui.door import turns
from qfusion.ui.frame import figure, runs, state
from qfusion.ui.panel import batch_view, composer, origin

FORMATS: dict[str, str] = {"svg": "SVG", "pdf": "PDF", "png": "PNG", "html": "HTML", "tikz": "TikZ"}
MIMES = {
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "png": "image/png",
    "html": "text/html",
    "tikz": "text/x-tex",
}
ONE, SEVERAL, MANY = "This figure", "Several panels in one", "Many as a zip"
ENGINES = {"qfusion": "qfusion", "chrome": "plotly in Chrome"}


def close() -> None:
    """Closes it; the page is drawn again, since series may have been left out."""
    state.put(state.DRAWER, None)


def show(drawn: Picture, whole: go.Figure, visible_key: str) -> None:
    """Opens the drawer of a panel; `whole` is its figure with all series and its own ranges."""
    if not runs.has_dialog():
        st.dialog("Export this figure", width="large", on_dismiss=close)(_body)(
            drawn, whole, visible_key
        )


def _body(drawn: Picture, whole: go.Figure, visible_key: str) -> None:
    st.markdown(f"**{text.plain(drawn.headline)}**")
    what = state.one_of(
        "Files", [ONE, SEVERAL, MANY], default=ONE, key="_drawer.what", label_visibility="collapsed"
    )
    if what != ONE:
        _others(what, drawn, visible_key)
        return
    left, right = st.columns([6, 5], gap="medium")
    with right:
        style = _style()
        words = _words(drawn, style)
        found = _visible(drawn.name, whole, visible_key)
    recipe = replace(
        _with_visible(origin.recipe_of(drawn), visible_key, found),
        style=style,
        title=words["title"],
        caption=words["caption"],
    )
    file = File(
        visible.apply_visible(whole, found),
        words["title"] or drawn.headline,
        words["caption"] or drawn.caption,
        recipe,
    )
    with right:
        downloads = st.container()
    try:
        with provided():
            with left:
                _preview(drawn, file)
            with downloads:
                _downloads(drawn, file)
    except QFusionError as error:
        with left:
            st.error(text.message(error), icon=":material/error:")
    _code(drawn, recipe, file)


def _others(what: str, drawn: Picture, visible_key: str) -> None:
    """Several panels as one figure, or many figures as a zip, in the style chosen."""
    recipe = _with_visible(
        origin.recipe_of(drawn),
        visible_key,
        visible.parse_visible(str(state.get(visible_key) or "")),
    )
    left, right = st.columns([6, 5], gap="medium")
    with right:
        style = _style(alone=False)
    (composer.view if what == SEVERAL else batch_view.view)(recipe, style, left, right)


@dataclass(frozen=True)
class File:
    """What a file is made from: the figure with its visible range, what is written above and below, the recipe."""

    shown: go.Figure
    title: str
    caption: str
    recipe: Recipe

    def content(self, style: ExportStyle | None = None) -> bytes:
        """The file, in the recipe's style or another."""
        return export.save(
            self.shown,
            style or self.recipe.style,
            title=self.title,
            caption=self.caption,
            recipe=self.recipe.text(),
        )


def _words(drawn: Picture, style: ExportStyle) -> dict[str, str]:
    """Title and caption where the reader has written other ones; empty for the panel's own."""
    found = {"title": "", "caption": ""}
    if style.title:
        said = st.text_input(
            "Title",
            drawn.headline,
            max_chars=export.MAX_TITLE,
            key=f"_title-{drawn.name}",
            label_visibility="collapsed",
        )
        found["title"] = "" if said == drawn.headline else said
    if style.caption:
        said = st.text_area(
            "Caption",
            drawn.caption,
            max_chars=export.MAX_CAPTION,
            key=f"_caption-{drawn.name}",
            label_visibility="collapsed",
            height=110,
        )
        found["caption"] = "" if said == drawn.caption else said
    return found


def _kept(name: str) -> dict[str, Any]:
    """Keyword arguments of a widget of the style: its value stays for the next figure, and in a saved session."""
    return {"key": f"figure.{name}", "persist_state": "session"}


def _style(alone: bool = True) -> ExportStyle:
    """The widgets of a style. Their values stay for the next figure; what draws it is asked of one figure alone."""
    default = ExportStyle()
    kind: Any = state.one_of(
        "Format",
        list(FORMATS),
        format_func=FORMATS.__getitem__,
        default=default.format,
        **_kept("format"),
    )
    size = st.selectbox(
        "Size",
        list(styles.SIZES),
        format_func=lambda key: styles.SIZES[key].label,
        disabled=kind == "html",
        help=styles.SIZES_SAY,
        **_kept("size"),
    )
    if kind != "html" and styles.SIZES[size].lines != 1:
        st.caption(styles.SIZES[size].says)
    theme: Any = state.one_of(
        "Colours",
        list(styles.THEMES),
        format_func=styles.THEMES.__getitem__,
        default=default.theme,
        **_kept("theme"),
    )
    with st.container(horizontal=True):
        title = st.toggle(
            "Title", default.title, help="The panel's title above the figure.", **_kept("title")
        )
        caption = st.toggle(
            "Caption",
            default.caption,
            help="What the figure shows and does not, below it.",
            **_kept("caption"),
        )
    with st.container(horizontal=True):
        font = st.number_input(
            "Font size (pt)",
            styles.LEAST_FONT,
            styles.MAX_FONT,
            styles.SIZES[size].font,
            0.5,
            help="At the size at which the figure is printed. Journals ask for at least 5 pt.",
            **_kept(f"font.{size}"),
        )
        dpi = st.selectbox(
            "Resolution",
            list(styles.RESOLUTIONS),
            format_func=lambda n: f"{n} dpi",
            disabled=kind != "png",
            **_kept("dpi"),
        )
    return ExportStyle(
        format=kind,
        dpi=dpi,
        size=size,
        theme=theme,
        title=title,
        caption=caption,
        font=float(font),
        engine=_engine(kind) if alone else default.engine,
    )


def _engine(kind: str) -> Any:
    """What draws the figure."""
    there = export.chrome() is not None
    return st.selectbox(
        "Drawn by",
        list(ENGINES) if there else ["qfusion"],
        format_func=ENGINES.__getitem__,
        disabled=kind in ("html", "tikz") or not there,
        **_kept("engine"),
        help="qfusion draws the figure itself. plotly in Chrome draws it as the browser does, and "
        "takes seconds." + ("" if there else " There is no Chrome or Chromium on this machine."),
    )


def _visible(name: str, whole: go.Figure, key: str) -> VisibleRange:
    """Series left out and ranges of the axes: of the figure on the page too, and in its address."""
    before = visible.parse_visible(str(state.get(key) or ""))
    entries = visible.legend_entries(whole)
    names = {visible.plain_entry(entry): entry for entry in entries}
    axes = visible.rangeable(whole)
    if not names and not axes:
        return before
    with st.expander("Visible parts", expanded=bool(before)):
        there = [plain for plain, entry in names.items() if entry not in before.hidden]
        kept = (
            st.pills(
                "Series",
                list(names),
                selection_mode="multi",
                default=there,
                key=f"_series-{name}",
                help="A series that is not chosen is left out, on the page too.",
            )
            if names
            else []
        )
        spans: dict[str, tuple[float, float] | None] = {}
        for axis, label in (("xaxis", "x axis"), ("yaxis", "y axis")):
            held = before.x if axis == "xaxis" else before.y
            spans[axis] = held
            if axis in axes:
                said = st.text_input(
                    f"{label}, from and to",
                    "" if held is None else f"{held[0]:g}, {held[1]:g}",
                    placeholder="all of it",
                    key=f"_span-{name}-{axis}",
                    max_chars=60,
                )
                spans[axis] = _span(label, said)
        st.caption("Holds for the figure on the page and its link as well.")
    found = VisibleRange(
        tuple(entry for plain, entry in names.items() if plain not in kept),
        spans["xaxis"],
        spans["yaxis"],
    )
    if found != before:
        state.put(key, str(found))
    return found


def _span(label: str, said: str) -> tuple[float, float] | None:
    if not said.strip():
        return None
    try:
        return visible.parse_visible("x=" + said.replace(";", ",").replace(" ", "")).x
    except QFusionError:
        st.warning(f"{label}: give two numbers, low and high, such as `0, 1.5`.")
        return None


def _with_visible(recipe: Recipe, key: str, found: VisibleRange) -> Recipe:
    address = {name: values for name, values in recipe.address.items() if name != key}
    return replace(recipe, address=address | ({key: [str(found)]} if found else {}))


def _preview(drawn: Picture, file: File) -> None:
    style = file.recipe.style
    if style.format == "html":
        figure.chart(
            in_theme(file.shown, style.theme), key=f"preview-{drawn.name}", alt=drawn.headline
        )
        st.caption(
            "One file that opens in any browser without a network; points tell their values."
        )
        return
    with turns.waiting("Drawing …"):
        picture, letters = export.noticed(
            lambda: file.content(replace(style, format="svg")), style.format
        )
        if style.format == "tikz":
            _, letters = export.noticed(file.content, "tikz")
    with st.container(border=True, key="drawer-preview"):
        st.image(picture.decode(), width="stretch", alt=f"Preview: {drawn.headline}")
    width, height = export.size_mm(picture)
    st.caption(f"{width:.0f} × {height:.0f} mm")
    if letters:
        st.warning(text.message(letters), icon=":material/font_download_off:")


def file_name(recipe: Recipe) -> str:
    """Name of a figure's files without its ending: what it is of, and which it is."""
    sample = re.sub(r"[^\w.-]+", "-", str(recipe.made_from.get("sample", "")))[:60].strip("-.")
    return "-".join(part for part in ("qfusion", sample, recipe.panel) if part)


def _downloads(drawn: Picture, file: File) -> None:
    name, recipe, style = file_name(file.recipe), file.recipe, file.recipe.style
    with st.container(horizontal=True, gap="small", key="drawer-downloads"):
        st.download_button(
            f"Download {FORMATS[style.format]}",
            turns.in_turn(file.content),
            f"{name}.{style.format}",
            MIMES[style.format],
            on_click="ignore",
            type="primary",
            icon=":material/download:",
            key="drawer-figure",
        )
        for label, data, ending, kind, words in (
            ("Numbers, CSV", lambda: text.csv(drawn.table()), ".csv", "text/csv", None),
            (
                "Numbers, JSON",
                lambda: numbers_json(drawn, recipe),
                "-numbers.json",
                "application/json",
                None,
            ),
            (
                "Recipe",
                recipe.text,
                "-recipe.json",
                "application/json",
                "What this figure was made from. Its file holds it too.",
            ),
        ):
            st.download_button(
                label,
                data,
                name + ending,
                kind,
                on_click="ignore",
                key=f"drawer{ending}",
                help=words,
            )
        composer.button(recipe)


def numbers_json(drawn: Picture, recipe: Recipe) -> str:
    """The panel's table as JSON, one object a row, with what it was made from."""
    rows = json.loads(drawn.table().to_json(orient="records", double_precision=15))
    return json.dumps(
        {"title": drawn.headline, "made_from": recipe.made_from, "numbers": rows}, indent=1
    )


def _code(drawn: Picture, recipe: Recipe, file: File) -> None:
    python, again, latex = st.tabs(
        ["The same numbers in Python", "The same file on the command line", "LaTeX"]
    )
    with python:
        st.code(
            pages.program(recipe.page, recipe.panel, recipe.address),
            language="python",
            wrap_lines=True,
        )
    with again:
        name = file_name(recipe)
        st.code(
            f"python -m qfusion figure --recipe {name}-recipe.json --out {name}.{recipe.style.format}",
            language="bash",
            wrap_lines=True,
        )
        st.caption("The recipe may also be the exported figure itself: its file holds it.")
        st.code(recipe.text(), language="json", height=200)
    with latex:
        name = pages.file_name(file_name(recipe), 120)
        st.code(
            snippet.snippet(
                name,
                recipe.style,
                title=file.title,
                caption=file.caption,
                made_from=recipe.made_from,
                name=name.removeprefix("qfusion-"),
            ),
            language="latex",
            wrap_lines=True,
        )
