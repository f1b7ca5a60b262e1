"""Several panels in one figure, from the figure drawer."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.figures import composed_figure, export, missing_letters
from qfusion.figures.export_style import FORMATS, SIZES, ExportStyle
from qfusion.figures.latex_snippet import latex_figure
from qfusion.figures.recipe import Recipe
from qfusion.panels import compositions, rendering
from qfusion.ui import page_runs, state

_ADDED, _PICKED, _COLUMNS = "_composition", "_compose.panels", "_compose.columns"
FILE = "qfusion-composition"


def composed_panels() -> list[Recipe]:
    """The panels that the reader has added to the composition, on whatever page."""
    return list(state.get(_ADDED, []))


def add_panel(recipe: Recipe) -> None:
    """Add a panel in its current state. A panel is added only once, and there are at most as many panels as fit."""
    others = [
        other
        for other in composed_panels()
        if (other.page, other.panel, other.address) != (recipe.page, recipe.panel, recipe.address)
    ]
    state.put(_ADDED, [*others, recipe][-composed_figure.MAX_PANELS :])
    state.put(_PICKED, None)


def _clear() -> None:
    state.put(_ADDED, [])
    state.put(_PICKED, None)


def composer(
    recipe: Recipe, style: ExportStyle, left: DeltaGenerator, right: DeltaGenerator
) -> None:
    """Panels, their order, columns, preview and files.

    Args:
        recipe: of the panel whose drawer this is. style: of the whole.
        left, right: where the preview stands, and where the rest does.
    """
    known = _current_panels(recipe)
    chosen = (
        state.get(_PICKED)
        or [label for label, panel in known.items() if panel in composed_panels()]
        or [
            label
            for label, panel in known.items()
            if panel.panel == recipe.panel and panel.page == recipe.page
        ][:1]
    )
    state.put(_PICKED, [label for label in chosen if label in known])
    with right:
        picked = st.multiselect(
            "Panels, in the order of their letters",
            list(known),
            format_func=text.escape_markdown,
            max_selections=composed_figure.MAX_PANELS,
            key=_PICKED,
        )
        usual = 2 if SIZES[style.size].width >= 120.0 else 1  # mm: two panels fit beside each other
        columns = state.required_choice(
            "Columns",
            list(range(1, composed_figure.MAX_COLUMNS + 1)),
            default=usual,
            key=f"{_COLUMNS}.{usual}",
        )
        if composed_panels():
            st.button(
                "Remove added panels",
                on_click=_clear,
                icon=":material/clear:",
                type="tertiary",
                key="compose-clear",
            )
        downloads = st.container()
    if not picked:
        left.caption("Choose panels.")
        return
    with left, page_runs.guard():
        whole = composed_figure.Composition(
            tuple(composed_figure.to_panel(known[key], style) for key in picked),
            columns,
            style,
        )
        with st.spinner("Drawing …"):
            taken = compositions.reproduce_composition(whole)
            draw_preview(
                lambda style: compositions.save_composition(taken, replace(whole, style=style)),
                style,
                "composition-preview",
                f"Preview of {len(picked)} panels",
            )
        with downloads:
            _downloads(whole, taken)


def draw_preview(
    make: Callable[[ExportStyle], bytes], style: ExportStyle, key: str, alt: str
) -> None:
    """Draw a file as it will be printed, with its size and a note on letters that it lacks.

    Args:
        make: makes the file in a style.
        style: of the file.
        key: of the container.
        alt: what is told who does not see it.
    """
    with st.spinner("Drawing …"):
        picture, letters = missing_letters.write_with_remark(
            partial(make, replace(style, format="svg")), style.format
        )
        if style.format == "tikz":
            _, letters = missing_letters.write_with_remark(partial(make, style), "tikz")
    st.container(border=True, key=key).image(picture.decode(), width="stretch", alt=alt)
    width, height = export.size_mm(picture)
    st.caption(
        f"{FORMATS[style.format]}: {width:.0f} × {height:.0f} mm in print, font size {style.font:g} "
        "pt."
    )
    if letters:
        st.warning(text.message(letters), icon=":material/font_download_off:")


def _current_panels(recipe: Recipe) -> dict[str, Recipe]:
    """Return the panels that can be chosen, by label: those of this page in its current state, and those that were
    added.
    """
    sample = str(recipe.made_from.get("sample", ""))
    try:
        context = rendering.figure_names(recipe.page, recipe.address)
    except QFusionError:
        context = [recipe.panel]
    recipes = {
        name.replace("-", " "): Recipe(
            recipe.page, name, recipe.address, made_from=recipe.made_from
        )
        for name in context
    }
    for panel in composed_panels():
        label, at = panel.panel.replace("-", " "), str(panel.made_from.get("sample", ""))
        if (panel.page, at, panel.address) != (recipe.page, sample, recipe.address):
            label = ", ".join(part for part in (label, panel.page, at) if part)
            same = sum(other.startswith(label) for other in recipes)
            label += f" ({same + 1})" if same else ""
        recipes[label] = panel
    return recipes


def _downloads(whole: composed_figure.Composition, taken: list[rendering.RenderedPanel]) -> None:
    kind = whole.style.format
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            f"Download {'TikZ' if kind == 'tikz' else kind.upper()}",
            lambda: compositions.save_composition(taken, whole),
            f"{FILE}.{kind}",
            "application/octet-stream",
            on_click="ignore",
            type="primary",
            icon=":material/download:",
            key="compose-figure",
        )
        st.download_button(
            "Recipe",
            lambda: compositions.with_recipes(whole, taken).text(),
            f"{FILE}-recipe.json",
            "application/json",
            on_click="ignore",
            key="compose-recipe",
            help="The recipes of all panels. The figure's file contains them, too.",
        )
    with st.expander("LaTeX and the command line"):
        made_from = {
            key: value
            for key, value in taken[0].recipe.made_from.items()
            if all(panel.recipe.made_from.get(key) == value for panel in taken)
        }
        st.code(
            latex_figure(
                FILE,
                whole.style,
                title="",
                caption=composed_figure.join_captions(
                    [panel.caption for panel in taken], whole.style
                ),
                made_from=made_from,
                name="composition",
            ),
            language="latex",
            wrap_lines=True,
        )
        st.code(
            f"python -m qfusion figure --recipe {FILE}-recipe.json --out {FILE}.{kind}",
            language="bash",
            wrap_lines=True,
        )
