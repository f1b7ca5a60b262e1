"""The style of an exported figure: format, width, colours, texts and visible ranges."""

from typing import Any

import streamlit as st

from qfusion.errors import QFusionError
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
    VisibleRange,
    adjustable_axes,
    legend_entries,
    parse_visible,
    plain_legend_entry,
)
from qfusion.ui import state
from qfusion.views.pages import address
from qfusion.views.pages.panel import PanelFigure


def caption_form(drawn: PanelFigure, style: ExportStyle) -> tuple[str, str]:
    """Title and caption where the reader has written other ones; empty for the panel's own."""
    title = (
        st.text_input(
            "Title",
            drawn.headline,
            max_chars=export.MAX_TITLE,
            key=f"_title-{drawn.name}",
            label_visibility="collapsed",
        )
        if style.title
        else drawn.headline
    )
    caption = (
        st.text_area(
            "Caption",
            drawn.caption,
            max_chars=export.MAX_CAPTION,
            key=f"_caption-{drawn.name}",
            label_visibility="collapsed",
            height=110,
        )
        if style.caption
        else drawn.caption
    )
    return "" if title == drawn.headline else title, "" if caption == drawn.caption else caption


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


def visible_range_form(drawn: PanelFigure) -> VisibleRange:
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
