"""Several panels as one figure: chosen in the figure drawer, from this page and from what was added on others."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.figures import export
from qfusion.figures import recipe as snippet
from qfusion.figures.export import Composition
from qfusion.figures.recipe import SIZES, ExportStyle, Recipe
from qfusion.panels import pages
from qfusion.panels.pages import Taken
from qfusion.ui.door import turns
from qfusion.ui.frame import state

_ADDED, _PICKED, _COLUMNS = "_composition", "_compose.panels", "_compose.columns"
FILE = "qfusion-composition"
WIDE = 120.0  # mm: two panels fit beside each other


def added() -> list[Recipe]:
    """The panels that the reader has added to the composition, on whatever page."""
    return list(state.get(_ADDED, []))


def add(recipe: Recipe) -> None:
    """Adds a panel as it stands; once only, and at most as many as fit."""
    kept = [
        each
        for each in added()
        if (each.page, each.panel, each.address) != (recipe.page, recipe.panel, recipe.address)
    ]
    state.put(_ADDED, [*kept, recipe][-export.MAX_PANELS :])
    state.put(_PICKED, None)


def _clear() -> None:
    state.put(_ADDED, [])
    state.put(_PICKED, None)


def button(recipe: Recipe) -> None:
    """The button that adds this panel, and how many there are."""
    count = len(added())
    st.button(
        "Add to composition",
        on_click=add,
        args=(recipe,),
        icon=":material/add:",
        key="drawer-add",
        help=f"For a figure of several panels: {count} added so far. It stays while you go to other pages.",
    )


def view(recipe: Recipe, style: ExportStyle, left: DeltaGenerator, right: DeltaGenerator) -> None:
    """Panels, their order, columns, preview and files.

    Args:
        recipe: of the panel whose drawer this is. style: of the whole.
        left, right: where the preview stands, and where the rest does.
    """
    known = _known(recipe)
    first = [key for key, each in known.items() if each in added()] or [
        next(
            (
                key
                for key, each in known.items()
                if each.panel == recipe.panel and each.page == recipe.page
            ),
            "",
        )
    ]
    if not state.get(_PICKED):
        state.put(_PICKED, [key for key in first if key])
    state.put(_PICKED, [key for key in state.get(_PICKED) if key in known])
    with right:
        picked = st.multiselect(
            "Panels, in the order of their letters",
            list(known),
            format_func=text.plain,
            max_selections=export.MAX_PANELS,
            key=_PICKED,
        )
        usual = 2 if SIZES[style.size].width >= WIDE else 1
        columns = state.one_of(
            "Columns",
            list(range(1, export.MAX_COLUMNS + 1)),
            default=usual,
            key=f"{_COLUMNS}.{usual}",
        )
        if added():
            st.button(
                "Forget added panels",
                on_click=_clear,
                icon=":material/clear:",
                type="tertiary",
                key="compose-clear",
            )
        downloads = st.container()
    if not picked:
        left.caption("Choose panels.")
        return
    try:
        with left:
            whole = Composition(
                tuple(export.as_panel(known[key], style) for key in picked),
                int(columns or usual),
                style,
            )
            with turns.waiting("Drawing …"):
                taken = pages.cook_composition(whole)
                shown = replace(whole, style=replace(whole.style, format="svg"))
                picture, letters = export.noticed(
                    lambda: pages.save_composition(taken, shown), style.format
                )
                if style.format == "tikz":
                    _, letters = export.noticed(
                        lambda: pages.save_composition(taken, whole), "tikz"
                    )
            with st.container(border=True, key="composition-preview"):
                st.image(picture.decode(), width="stretch", alt=f"Preview of {len(picked)} panels")
            width, height = export.size_mm(picture)
            st.caption(f"{width:.0f} × {height:.0f} mm")
            if letters:
                st.warning(text.message(letters), icon=":material/font_download_off:")
    except QFusionError as error:
        left.error(text.message(error), icon=":material/error:")
        return
    with downloads:
        _downloads(whole, taken)


def _known(recipe: Recipe) -> dict[str, Recipe]:
    """The panels that can be chosen, by what they are called: those of this page as it stands, and those added."""
    sample = str(recipe.made_from.get("sample", ""))
    try:
        here = pages.figure_names(recipe.page, recipe.address)
    except QFusionError:
        here = [recipe.panel]
    found = {
        name.replace("-", " "): Recipe(
            recipe.page, name, recipe.address, made_from=recipe.made_from
        )
        for name in here
    }
    for each in added():
        at = str(each.made_from.get("sample", ""))
        if each.page == recipe.page and at == sample and each.address == recipe.address:
            found[each.panel.replace("-", " ")] = each
            continue
        label = ", ".join(part for part in (each.panel.replace("-", " "), each.page, at) if part)
        same = sum(key.startswith(label) for key in found)
        found[label + (f" ({same + 1})" if same else "")] = each
    return found


def _downloads(whole: Composition, taken: list[Taken]) -> None:
    kind = whole.style.format
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            f"Download {'TikZ' if kind == 'tikz' else kind.upper()}",
            turns.in_turn(lambda: pages.save_composition(taken, whole)),
            f"{FILE}.{kind}",
            "application/octet-stream",
            on_click="ignore",
            type="primary",
            icon=":material/download:",
            key="compose-figure",
        )
        st.download_button(
            "Recipe",
            lambda: _made(whole, taken).text(),
            f"{FILE}-recipe.json",
            "application/json",
            on_click="ignore",
            key="compose-recipe",
            help="The recipes of all panels. The figure's file holds it too.",
        )
    with st.expander("LaTeX and the command line"):
        made_from = {
            key: value
            for key, value in taken[0].recipe.made_from.items()
            if all(each.recipe.made_from.get(key) == value for each in taken)
        }
        captions = export.caption_of([each.caption for each in taken], SIZES[whole.style.size])
        st.code(
            snippet.snippet(
                FILE,
                whole.style,
                title="",
                caption=captions,
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


def _made(whole: Composition, taken: list[Taken]) -> Composition:
    return replace(
        whole,
        panels=tuple(
            export.as_panel(each.recipe.like(panel), whole.style)
            for each, panel in zip(taken, whole.panels, strict=True)
        ),
    )
