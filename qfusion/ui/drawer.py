"""The figure drawer: export of one panel's figure, its numbers, recipe and code; several panels as one figure; many
figures as a zip."""

import io
import json
import mimetypes
import re
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.explain import cohort_filters
from qfusion.figures import export
from qfusion.figures.export_style import (
    FORMATS,
    LEAST_FONT,
    MAX_FONT,
    RESOLUTIONS,
    SIZES,
    SIZES_SAY,
    THEMES,
    ExportStyle,
)
from qfusion.figures.latex_snippet import latex_figure
from qfusion.figures.recipe import Recipe
from qfusion.figures.themes import apply_theme
from qfusion.figures.visible_range import (
    VisibleRange,
    adjustable_axes,
    apply_visible,
    legend_entries,
    parse_visible,
    plain_legend_entry,
)
from qfusion.panels import address, archives, compositions, pages, programs, rendering, reproduction
from qfusion.panels.panel import PanelFigure
from qfusion.ui import access, figure_origin, frame, saved, state, streamlit_internals

_ADDED, _PICKED, _COLUMNS = "_composition", "_compose.panels", "_compose.columns"
FILE = "qfusion-composition"


def added() -> list[Recipe]:
    """The panels that the reader has added to the composition, on whatever page."""
    return list(state.get(_ADDED, []))


def add_panel(recipe: Recipe) -> None:
    """Adds a panel as it stands; once only, and at most as many as fit."""
    others = [
        other
        for other in added()
        if (other.page, other.panel, other.address) != (recipe.page, recipe.panel, recipe.address)
    ]
    state.put(_ADDED, [*others, recipe][-export.MAX_PANELS :])
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
    known = _known(recipe)
    chosen = (
        state.get(_PICKED)
        or [label for label, panel in known.items() if panel in added()]
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
            max_selections=export.MAX_PANELS,
            key=_PICKED,
        )
        usual = 2 if SIZES[style.size].width >= 120.0 else 1  # mm: two panels fit beside each other
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
    with left, frame.guard():
        whole = export.Composition(
            tuple(export.to_panel(known[key], style) for key in picked),
            columns,
            style,
        )
        with access.waiting("Drawing …"):
            taken = compositions.reproduce_composition(whole)
            _print(
                lambda style: compositions.save_composition(taken, replace(whole, style=style)),
                style,
                "composition-preview",
                f"Preview of {len(picked)} panels",
            )
        with downloads:
            _downloads(whole, taken)


def _print(make: Callable[[ExportStyle], bytes], style: ExportStyle, key: str, alt: str) -> None:
    """Draws a file as it will be printed, with its size and what its letters lack.

    Args:
        make: makes the file in a style.
        style: of the file.
        key: of the container.
        alt: what is told who does not see it.
    """
    with access.waiting("Drawing …"):
        picture, letters = export.noticed(partial(make, replace(style, format="svg")), style.format)
        if style.format == "tikz":
            _, letters = export.noticed(partial(make, style), "tikz")
    st.container(border=True, key=key).image(picture.decode(), width="stretch", alt=alt)
    width, height = export.size_mm(picture)
    st.caption(
        f"As {FORMATS[style.format]} it is {width:.0f} × {height:.0f} mm in print, with letters of {style.font:g} pt."
    )
    if letters:
        st.warning(text.message(letters), icon=":material/font_download_off:")


def _known(recipe: Recipe) -> dict[str, Recipe]:
    """The panels that can be chosen, by what they are called: those of this page as it stands, and those added."""
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
    for panel in added():
        label, at = panel.panel.replace("-", " "), str(panel.made_from.get("sample", ""))
        if (panel.page, at, panel.address) != (recipe.page, sample, recipe.address):
            label = ", ".join(part for part in (label, panel.page, at) if part)
            same = sum(other.startswith(label) for other in recipes)
            label += f" ({same + 1})" if same else ""
        recipes[label] = panel
    return recipes


def _downloads(whole: export.Composition, taken: list[rendering.RenderedPanel]) -> None:
    kind = whole.style.format
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            f"Download {'TikZ' if kind == 'tikz' else kind.upper()}",
            access.in_turn(lambda: compositions.save_composition(taken, whole)),
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
            help="The recipes of all panels. The figure's file holds it too.",
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
                caption=export.join_captions(
                    [panel.caption for panel in taken], SIZES[whole.style.size]
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


# Many figures at once as a zip, from the figure drawer: all of this page, or this one for every sample of a cohort.

PAGE, COHORT = "All figures of this page", "This figure for every sample of a cohort"
_DONE, _WHICH, _SAVED, _FILTER, _MOST = (
    "_batch.done",
    "_batch.which",
    "_batch.saved",
    "_batch.filter",
    "_batch.most",
)
_RUN, _TYPED = "_batch.run", "typed below"


def figure_batch(recipe: Recipe, style: ExportStyle) -> None:
    """What is written, its making with progress, and the file.

    Args:
        recipe: of the panel whose drawer this is. style: of all figures.
    """
    of_sample = pages.scope_name(recipe.page, recipe.panel) in archives.SAMPLE_SCOPES
    which = st.radio(
        "Figures", [PAGE, COHORT] if of_sample else [PAGE], key=_WHICH, label_visibility="collapsed"
    )
    filter, most = _cohort() if which == COHORT else ("", archives.DEFAULT_FILES)
    wanted = (recipe.page, recipe.panel, str(recipe.address), which, filter, most, str(style))
    with st.container(horizontal=True):
        pressed = st.button(
            "Make the zip", type="primary", icon=":material/folder_zip:", key="batch-make"
        )
        place = st.container()
    try:
        if pressed:
            jobs = (
                archives.jobs_of_page(recipe.page, recipe.address)
                if which == PAGE
                else archives.jobs_of_cohort(
                    recipe.page, recipe.panel, recipe.address, filter, most
                )
            )
            out = io.BytesIO()
            state.put(_RUN, _Run(wanted, out, archives.zip_steps(jobs, style, out)))
        if running := state.get(_RUN):
            _go_on(running, wanted)
    except QFusionError as error:
        state.put(_RUN, None)
        st.error(text.message(error), icon=":material/error:")
        return
    done = state.get(_DONE)
    if done and done[0] == wanted:
        _, content, figures = done
        failed = [figure for figure in figures if "error" in figure]
        letters = dict.fromkeys(figure["letters"] for figure in figures if "letters" in figure)
        size = (
            f"{len(content) / 1e6:.1f} MB"
            if len(content) > 1e6
            else f"{max(1, len(content) // 1000)} kB"
        )
        place.download_button(
            f"Download {len(figures) - len(failed)} figures, {size}",
            content,
            f"qfusion-{archives.file_name(recipe.page)}-figures.zip",
            "application/zip",
            on_click="ignore",
            icon=":material/download:",
            key="batch-file",
        )
        for figure in failed[:5]:
            st.warning(
                text.message(
                    f"{figure.get('sample') or figure['panel']} is left out: {figure['error']}"
                ),
                icon=":material/warning:",
            )
        for line in [*letters][:2]:
            st.warning(text.message(line), icon=":material/font_download_off:")
    st.caption("With the numbers of each as CSV and a manifest of all recipes.")


def _cohort() -> tuple[str, int]:
    """The filter, saved or typed, and how many samples at most."""
    filters = {
        cohort.name: cohort_filters.written(cohort.parts) for cohort in saved.saved_cohorts()
    }
    chosen = _TYPED
    if filters:
        chosen = st.selectbox(
            "Cohort", [_TYPED, *filters], format_func=text.escape_markdown, key=_SAVED
        )
    if chosen == _TYPED:
        filter = st.text_input(
            "Filter",
            placeholder="relation=conflict; error>1",
            key=_FILTER,
            max_chars=400,
            help="As on the Cohorts page. Without one, all samples of the test split.",
        )
    else:
        filter = filters.get(chosen or "", "")
    most = st.number_input("Max samples", 1, archives.MAX_FILES, archives.DEFAULT_FILES, key=_MOST)
    return filter, int(most)


@dataclass
class _Run:
    """A zip that is being written: what was asked for, where it goes, and the figures that are left."""

    wanted: tuple[object, ...]
    out: io.BytesIO
    steps: Generator[archives.WriteStep, None, dict[str, Any]]
    at: archives.WriteStep = (0, 1, "…")


def _go_on(run: _Run, wanted: tuple[object, ...]) -> None:
    """Writes figures for a moment and has the dialog drawn again, which is when a click on Cancel is heard; another
    choice ends it too."""
    if run.wanted != wanted:
        state.put(_RUN, None)
        return
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="bottom"):
        bar = st.progress(0.0, "Finding the figures …")
        st.button(
            "Cancel",
            key="batch-cancel",
            icon=":material/close:",
            on_click=state.put,
            args=(_RUN, None),
        )
    in_turns = streamlit_internals.is_fragment_run()
    until = time.monotonic() + 0.7  # seconds of writing before the dialog is drawn again
    while True:
        done, count, name = run.at
        bar.progress(done / count, f"{done + 1} of {count}: {text.escape_markdown(name, 60)}")
        with access.waiting(""):
            try:
                run.at = next(run.steps)
            except StopIteration as end:
                manifest = end.value
                break
        if in_turns and time.monotonic() > until:
            st.rerun(scope="fragment")
    place.empty()
    state.put(_RUN, None)
    state.put(_DONE, (wanted, run.out.getvalue(), manifest["figures"]))


# The figure drawer: one panel's figure as a file for a paper, its numbers, its recipe, its code. A dialog with a
# preview.

ONE, SEVERAL, MANY = "This figure", "Several panels in one", "Many as a zip"


def body(drawn: PanelFigure, chart: Callable[..., None]) -> None:
    """What the dialog holds that exports a panel's figure.

    Args:
        drawn: the panel. chart: draws a figure on a page, see `ui.figure.draw_figure`.
    """
    st.markdown(f"**{text.escape_markdown(drawn.headline)}**")
    what = state.one_of(
        "Files", [ONE, SEVERAL, MANY], default=ONE, key="_drawer.what", label_visibility="collapsed"
    )
    left, right = st.columns([6, 5], gap="medium")
    with right:
        style = _style()
    if what == ONE:
        _one(drawn, style, left, right, chart)
    elif what == SEVERAL:
        composer(figure_origin.recipe_of(drawn), style, left, right)
    else:
        with left:
            figure_batch(figure_origin.recipe_of(drawn), style)


def _one(
    drawn: PanelFigure,
    style: ExportStyle,
    left: DeltaGenerator,
    right: DeltaGenerator,
    chart: Callable[..., None],
) -> None:
    """Preview and files of the one figure, and the code that makes it."""
    with right:
        title, caption = _words(drawn, style)
        visible = _visible(drawn)
        downloads = st.container()
    recipe = replace(figure_origin.recipe_of(drawn), style=style, title=title, caption=caption)
    taken = rendering.RenderedPanel(
        apply_visible(drawn.figure, visible),
        drawn.headline,
        drawn.caption,
        drawn.table(),
        recipe,
    )
    with left, frame.guard():
        if style.format == "html":
            chart(
                apply_theme(taken.figure, style.theme),
                key=f"preview-{drawn.name}",
                alt=drawn.headline,
            )
            st.caption(
                "One file that opens in any browser without a network; points tell their values."
            )
        else:
            _print(
                lambda style: reproduction.save_panel(taken, replace(recipe, style=style)),
                style,
                "drawer-preview",
                f"Preview: {drawn.headline}",
            )
        with downloads:
            _figure_downloads(taken)
    _code(taken)


def _words(drawn: PanelFigure, style: ExportStyle) -> tuple[str, str]:
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
    """Keyword arguments of a widget of the style: its value stays for the next figure, and in a saved session."""
    return {"key": f"figure.{name}", "persist_state": "session"}


def _style() -> ExportStyle:
    """The widgets of a style. Their values stay for the next figure."""
    default = ExportStyle()
    kind: Any = state.one_of(
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
    theme: Any = state.one_of(
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
            help="What the figure shows and does not, below it.",
            **_setting("caption"),
        )
    with st.container(horizontal=True):
        font = st.number_input(
            "Font size (pt)",
            LEAST_FONT,
            MAX_FONT,
            SIZES[size].font,
            0.5,
            help="At the size at which the figure is printed. Journals ask for at least 5 pt.",
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
    )


def _visible(drawn: PanelFigure) -> VisibleRange:
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
                help="A series that is not chosen is left out, on the page too.",
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
                    placeholder="all of it",
                    key=f"_span-{name}-{axis}",
                    max_chars=60,
                )
                spans[axis] = _span(label, words)
        st.caption("Holds for the figure on the page and its link as well.")
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


def file_name(recipe: Recipe) -> str:
    """Name of a figure's files without its ending: what it is of, and which it is."""
    sample = re.sub(r"[^\w.-]+", "-", str(recipe.made_from.get("sample", "")))[:60].strip("-.")
    return "-".join(part for part in ("qfusion", sample, recipe.panel) if part)


def _figure_downloads(taken: rendering.RenderedPanel) -> None:
    recipe, kind = taken.recipe, taken.recipe.style.format
    with st.container(horizontal=True, gap="small", key="drawer-downloads"):
        st.download_button(
            f"Download {FORMATS[kind]}",
            access.in_turn(lambda: reproduction.save_panel(taken, recipe)),
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
                "What this figure was made from. Its file holds it too.",
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
        st.button(
            "Add to composition",
            on_click=add_panel,
            args=(recipe,),
            icon=":material/add:",
            key="drawer-add",
            help=f"For a figure of several panels: {len(added())} added so far. It stays while you go to other "
            "pages.",
        )


def _code(taken: rendering.RenderedPanel) -> None:
    recipe, name = taken.recipe, file_name(taken.recipe)
    python, again, latex = st.tabs(
        ["The same numbers in Python", "The same file on the command line", "LaTeX"]
    )
    python.code(
        programs.program(recipe.page, recipe.panel, recipe.address),
        language="python",
        wrap_lines=True,
    )
    again.code(
        f"python -m qfusion figure --recipe {name}-recipe.json --out {name}.{recipe.style.format}",
        language="bash",
        wrap_lines=True,
    )
    again.caption("The recipe may also be the exported figure itself: its file holds it.")
    again.code(recipe.text(), language="json", height=200)
    stem = archives.file_name(name, 120)
    latex.code(
        latex_figure(
            stem,
            recipe.style,
            title=recipe.title or taken.title,
            caption=recipe.caption or taken.caption,
            made_from=recipe.made_from,
            name=stem.removeprefix("qfusion-"),
        ),
        language="latex",
        wrap_lines=True,
    )
