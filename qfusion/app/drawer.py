"""The figure drawer: a dialog with a panel's figure as a file for a paper, in the style that the reader sets, its
numbers, its recipe and its code."""

import json
import mimetypes
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from qfusion.app import page_context, page_runs, state
from qfusion.data import own_samples
from qfusion.errors import QFusionError
from qfusion.figures.colours import apply_theme
from qfusion.figures.files import export
from qfusion.figures.files.export_style import (
    FORMATS,
    LEAST_FONT,
    MAX_FONT,
    RESOLUTIONS,
    SIZES,
    SIZES_SAY,
    THEMES,
    ExportStyle,
)
from qfusion.figures.files.recipe import (
    Recipe,
    VisibleRange,
    adjustable_axes,
    apply_visible,
    legend_entries,
    parse_visible,
    plain_legend_entry,
)
from qfusion.study import text
from qfusion.views.pages import address, rendering
from qfusion.views.view import View


def draw(drawn: View, chart: Callable[..., None]) -> None:
    """Draw the contents of the dialog that exports a panel's figure: its preview and files, and the code that makes it.

    Args:
        drawn: the panel. chart: draws a figure on a page, see `app.figure.draw_figure`.
    """
    st.markdown(f"**{text.escape_markdown(drawn.headline)}**")
    left, right = st.columns([6, 5], gap="medium")
    with right:
        style = style_form()
        title, caption = caption_form(drawn, style)
        visible = visible_range_form(drawn)
        downloads = st.container()
    recipe = replace(page_context.current_recipe(drawn), style=style, title=title, caption=caption)
    taken = rendering.RenderedPanel(
        apply_visible(drawn.figure, visible),
        drawn.headline,
        drawn.description,
        drawn.numbers,
        recipe,
    )
    with left, page_runs.show_errors():
        if style.format == "html":
            chart(
                apply_theme(taken.figure, style.theme),
                key=f"preview-{drawn.name}",
                alt=drawn.headline,
            )
            st.caption(
                "One file that opens in any browser without a network; points show their values on hover."
            )
        else:
            _draw_preview(taken)
        with downloads:
            _figure_downloads(taken)
    _code(taken)


def _draw_preview(taken: rendering.RenderedPanel) -> None:
    """Draw the file as it will be printed, with its size."""
    style = taken.recipe.style
    shown = replace(taken.recipe, style=replace(style, format="svg"))
    with st.spinner("Drawing …"):
        picture = rendering.save_panel(taken, shown)
    st.container(border=True, key="drawer-preview").image(
        picture.decode(), width="stretch", alt=f"Preview: {taken.title}"
    )
    width, height = export.size_mm(picture)
    st.caption(
        f"{FORMATS[style.format]}: {width:.0f} × {height:.0f} mm in print, font size {style.font:g} pt."
    )


def file_name(recipe: Recipe) -> str:
    """Return the name of a figure's files without the extension. It names the sample and the panel."""
    sample = re.sub(r"[^\w.-]+", "-", str(recipe.made_from.get("sample", "")))[:60].strip("-.")
    return "-".join(part for part in ("qfusion", sample, recipe.panel) if part)


def _figure_downloads(taken: rendering.RenderedPanel) -> None:
    recipe, kind = taken.recipe, taken.recipe.style.format
    with st.container(horizontal=True, gap="small", key="drawer-downloads"):
        st.download_button(
            f"Download {FORMATS[kind]}",
            lambda: rendering.save_panel(taken, recipe),
            f"{file_name(recipe)}.{kind}",
            mimetypes.types_map.get(f".{kind}", "text/x-tex"),
            on_click="ignore",
            type="primary",
            icon=":material/download:",
            key="drawer-figure",
        )
        for label, data, ending, mime, words in (
            ("Numbers, CSV", lambda: text.csv(taken.numbers), ".csv", "text/csv", None),
            (
                "Numbers, JSON",
                lambda: json.dumps(
                    {
                        "title": taken.title,
                        "made_from": recipe.made_from,
                        "numbers": json.loads(
                            taken.numbers.to_json(orient="records", double_precision=15)
                        ),
                    },
                    indent=1,
                ),
                "-numbers.json",
                "application/json",
                None,
            ),
            (
                "Recipe",
                recipe.text,
                "-recipe.json",
                "application/json",
                "The data and settings of this figure. The exported file contains them, too.",
            ),
        ):
            st.download_button(
                label,
                data,
                file_name(recipe) + ending,
                mime,
                on_click="ignore",
                key=f"drawer{ending}",
                help=words,
            )


def _code(taken: rendering.RenderedPanel) -> None:
    recipe, name = taken.recipe, file_name(taken.recipe)
    if str(recipe.made_from.get("sample", "")).startswith(own_samples.PREFIX):
        st.caption("Your own sample lives in this session alone: no program or command opens it.")
        return
    python, again = st.tabs(["The same numbers in Python", "The same file on the command line"])
    python.code(
        rendering.program(recipe.page, recipe.panel, recipe.address),
        language="python",
        wrap_lines=True,
    )
    again.code(
        f"python -m qfusion figure --recipe {name}-recipe.json --out {name}.{recipe.style.format}",
        language="bash",
        wrap_lines=True,
    )
    again.caption("The exported figure also serves as a recipe, since its file contains it.")
    again.code(recipe.text(), language="json", height=200)


def caption_form(drawn: View, style: ExportStyle) -> tuple[str, str]:
    """Title and caption where the reader has written other ones; empty for the panel's own."""
    title, caption = drawn.headline, drawn.description
    hidden: dict[str, Any] = {"label_visibility": "collapsed"}
    if style.title:
        key = f"_title-{drawn.name}"
        title = st.text_input("Title", title, max_chars=export.MAX_TITLE, key=key, **hidden)
    if style.caption:
        key = f"_caption-{drawn.name}"
        most = export.MAX_CAPTION
        caption = st.text_area("Caption", caption, max_chars=most, key=key, height=110, **hidden)
    return "" if title == drawn.headline else title, "" if caption == drawn.description else caption


def _setting(name: str) -> dict[str, Any]:
    """Keyword arguments of a widget of the style: its value stays for the next figure."""
    return {"key": f"figure.{name}", "persist_state": "session"}


def style_form() -> ExportStyle:
    """The widgets of a style. Their values stay for the next figure."""
    default = ExportStyle()
    kind: Any = state.required_choice(
        "Format",
        list(FORMATS),
        format_func=FORMATS.__getitem__,
        default=default.format,
        **_setting("format"),
    )
    size = st.selectbox(
        "Size",
        list(SIZES),
        format_func=lambda key: SIZES[key].label,
        disabled=kind == "html",
        help=SIZES_SAY,
        **_setting("size"),
    )
    if kind != "html" and SIZES[size].lines != 1:
        st.caption(SIZES[size].says)
    theme: Any = state.required_choice(
        "Colours",
        list(THEMES),
        format_func=THEMES.__getitem__,
        default=default.theme,
        **_setting("theme"),
    )
    with st.container(horizontal=True):
        title = st.toggle(
            "Title", default.title, help="The panel's title above the figure.", **_setting("title")
        )
        caption = st.toggle(
            "Caption",
            default.caption,
            help="What the figure shows and does not show, below it.",
            **_setting("caption"),
        )
        letters = st.toggle(
            "Panel letters",
            default.letters,
            disabled=kind == "html",
            help="(a), (b), (c) at the plots of a figure that has several.",
            **_setting("letters"),
        )
    with st.container(horizontal=True):
        font = st.number_input(
            "Font size (pt)",
            LEAST_FONT,
            MAX_FONT,
            SIZES[size].font,
            0.5,
            help="In print. Journals require at least 5 pt.",
            **_setting(f"font.{size}"),
        )
        dpi = st.selectbox(
            "Resolution",
            list(RESOLUTIONS),
            format_func=lambda n: f"{n} dpi",
            disabled=kind != "png",
            **_setting("dpi"),
        )
    return ExportStyle(
        format=kind,
        dpi=dpi,
        size=size,
        theme=theme,
        title=title,
        caption=caption,
        font=float(font),
        letters=letters,
    )


def visible_range_form(drawn: View) -> VisibleRange:
    """Series left out and ranges of the axes: of the figure on the page too, and in its address."""
    name, key = drawn.name, address.FREE + drawn.name
    before = parse_visible(str(state.get(key) or ""))
    names = {plain_legend_entry(entry): entry for entry in legend_entries(drawn.figure)}
    axes = adjustable_axes(drawn.figure)
    if not names and not axes:
        return before
    spans = {"xaxis": before.x, "yaxis": before.y}
    with st.expander("Visible parts", expanded=bool(before)):
        chosen = (
            st.pills(
                "Series",
                list(names),
                selection_mode="multi",
                default=[plain for plain, entry in names.items() if entry not in before.hidden],
                key=f"_series-{name}",
                help="Series that are not chosen are left out, also on the page.",
            )
            if names
            else []
        )
        for axis, label in (("xaxis", "x axis"), ("yaxis", "y axis")):
            if axis in axes:
                held = spans[axis]
                words = st.text_input(
                    f"{label}, from and to",
                    "" if held is None else f"{held[0]:g}, {held[1]:g}",
                    placeholder="full range",
                    key=f"_span-{name}-{axis}",
                    max_chars=60,
                )
                spans[axis] = _span(label, words)
        st.caption("Also applies to the figure on the page and its link.")
    visible_range = VisibleRange(
        tuple(entry for plain, entry in names.items() if plain not in chosen),
        spans["xaxis"],
        spans["yaxis"],
    )
    if visible_range != before:
        state.put(key, str(visible_range) or None)
    return visible_range


def _span(label: str, words: str) -> tuple[float, float] | None:
    if not words.strip():
        return None
    try:
        return parse_visible("x=" + words.replace(";", ",").replace(" ", "")).x
    except QFusionError:
        st.warning(f"{label}: give two numbers, low and high, such as `0, 1.5`.")
        return None
