"""The figure drawer: a dialog with a panel's figure as a file for a paper, its numbers, its recipe and its code."""

import json
import mimetypes
import re
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from qfusion.analysis import text
from qfusion.data.own import samples
from qfusion.figures.colours import apply_theme
from qfusion.figures.files import export
from qfusion.figures.files.export_style import FORMATS
from qfusion.figures.files.recipe import Recipe, apply_visible
from qfusion.ui import figure_origin, page_runs
from qfusion.ui.figure_style_form import caption_form, style_form, visible_range_form
from qfusion.views.pages import rendering
from qfusion.views.pages.panel import PanelFigure


def body(drawn: PanelFigure, chart: Callable[..., None]) -> None:
    """Draw the contents of the dialog that exports a panel's figure: its preview and files, and the code that makes it.

    Args:
        drawn: the panel. chart: draws a figure on a page, see `ui.figure.draw_figure`.
    """
    st.markdown(f"**{text.escape_markdown(drawn.headline)}**")
    left, right = st.columns([6, 5], gap="medium")
    with right:
        style = style_form()
        title, caption = caption_form(drawn, style)
        visible = visible_range_form(drawn)
        downloads = st.container()
    recipe = replace(figure_origin.current_recipe(drawn), style=style, title=title, caption=caption)
    taken = rendering.RenderedPanel(
        apply_visible(drawn.figure, visible),
        drawn.headline,
        drawn.caption,
        drawn.table(),
        recipe,
    )
    with left, page_runs.guard():
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
    if str(recipe.made_from.get("sample", "")).startswith(samples.PREFIX):
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
