"""One panel of a page, rendered without the page, reproduced from its recipe, or as a Python program."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import plotly.graph_objects as go

from qfusion import plugin
from qfusion._checks import check, choose
from qfusion.errors import InvalidInput
from qfusion.figures import colours
from qfusion.figures.files import export
from qfusion.figures.files.export_style import ExportStyle
from qfusion.figures.files.recipe import (
    MAX_TEXT,
    Recipe,
    apply_visible,
    describe_changes,
    hide_series,
    parse,
    parse_visible,
    software,
    table_digest,
)
from qfusion.figures.guards import Figure
from qfusion.models.protocols import Evolution
from qfusion.study.sample import Sample
from qfusion.views.pages.address import FREE, naming
from qfusion.views.pages.catalogue import (
    PAGES,
    PLUGIN_FILE,
    PLUGIN_PAGE,
    build_panel,
    choice_values,
    find_panel,
    find_view,
    has_panel,
    open_page,
    visible_panels,
)
from qfusion.views.pages.page_state import (
    Address,
    Call,
    PageState,
    open_scope,
    parse_tweak,
    scope_calls,
)

TEXT_PANELS = (
    "questions",
    "cautions",
    "estimators",
    "train-results",
    "wrong",
    "why-synergy",
    "referee-checks",
)
PAGES_WITHOUT_FIGURES = ("guided tour", "glossary")
# Pages whose path is not their title.
_PATHS = {"overview": "", "guided tour": "tour"}
Query = Mapping[str, Sequence[str]]


def page_path(page: str) -> str:
    """Return the path of a page, given by its title in lower case: `what if` -> `what_if`.

    Pages of plugins without a file of their own share the path `plugin`.
    """
    for other in plugin.entries("pages"):
        if other.title.lower() == page:
            return Path(other.file or PLUGIN_FILE).stem
    return _PATHS.get(page, page.replace(" ", "_"))


_PAGE_OF_PATH = {page_path(page): page for page in (*PAGES, *PAGES_WITHOUT_FIGURES)}


@dataclass(frozen=True)
class RenderedPanel:
    """A panel of a page with everything that an export needs.

    Attributes:
        figure: with the series and ranges that the address shows.
        title, caption: plain text.
        numbers: the panel's table.
        recipe: that reproduces it.
    """

    figure: go.Figure
    title: str
    caption: str
    numbers: pd.DataFrame
    recipe: Recipe


def render_panel(page: str, panel: str, address: Query) -> RenderedPanel:
    """Return one panel of a page.

    Args:
        page: its title, in lower case.
        panel: its name.
        address: of the page, values by name.

    Raises:
        NotFound: when the page has nothing to show there, in whichever of its parts; the message names figures that
            it shows.
        InvalidInput: when a part of the address does not fit.
    """
    if page in PAGES_WITHOUT_FIGURES:
        choose(f"Panel of page '{page}'", panel, ())
    result = open_page(page, address)
    view = result.view
    if panel in TEXT_PANELS or not has_panel(view, panel):
        choose(f"Panel of page '{page}' (under this address)", panel, figure_names(page, address))
    picture = build_panel(view.page, panel, view.values)
    table = picture.numbers
    assert picture.figure is not None
    figure = Figure(picture.figure)  # the view may be cached
    # As on the page, where a click in the legend does nothing.
    figure.update_layout(legend={"itemclick": False, "itemdoubleclick": False})
    figure = apply_visible(figure, parse_visible(view.get(FREE + panel)))
    recipe = Recipe(
        view.page,
        panel,
        view.address(),
        made_from=result.made_from,
        software=software(),
        numbers=table_digest(table),
    )
    return RenderedPanel(figure, picture.headline, picture.description, table, recipe)


def figure_names(page: str, address: Query) -> list[str]:
    """Return the names of the figures that a page shows under an address.

    Raises:
        InvalidInput, NotFound: when there is no such page, or a part of the address does not fit.
    """
    if page in PAGES_WITHOUT_FIGURES:
        return []
    view = open_page(page, address).view
    return [name for name in visible_panels(view) if name not in TEXT_PANELS]


def view_recipe(
    view: str, address: Mapping[str, str], choices: Mapping[str, str], tweak: str = ""
) -> Recipe:
    """Return the recipe of a view of a sample, by its name on whichever page.

    Args:
        view: name of the view.
        address: the model, data set, sample and the other choices that all pages have.
        choices: of the view, by name, with values as in a link.
        tweak: what to change in the model first; the view must be on a page that can change it.

    Raises:
        NotFound, InvalidInput: when there is no such view, or a choice does not fit.
    """
    opened = open_page("samples", address).view
    sample: Sample = open_scope(opened, "sample")
    known = opened.address() | _tweak_values(sample, tweak)
    pages = [page for page in PAGES if not tweak or PageState(page, known).tweak]
    page, panel, _ = find_view(sample, view, pages)
    return Recipe(page, view, known | choice_values(panel, sample.study, choices))


def _tweak_values(sample: Sample, tweak: str) -> dict[str, list[str]]:
    """Return a tweak as an address holds it."""
    parsed = parse_tweak(sample.study, tweak)
    if sample.model.part(Evolution):
        return {key: [f"{value:.15g}"] for key, value in parsed.numbers().items()}
    return {"phi": [str(parsed)]} if str(parsed) else {}


def parse_link(link: str) -> tuple[str, dict[str, list[str]]]:
    """Return the page and the address of a copied link.

    Raises:
        InvalidInput, NotFound: when it is not a link to one of our pages.
    """
    check(
        len(link) <= MAX_TEXT,
        f"The link has {len(link):,} characters, and at most {MAX_TEXT:,} are read. Copy it again.",
    )
    try:
        parts = urlsplit(link)
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise InvalidInput(
            f"The link cannot be read ({str(error)[:100]}). Copy it again."
        ) from error
    path = parts.path.strip("/").rsplit("/", 1)[-1]
    if path == Path(PLUGIN_FILE).stem:
        return choose("Page", query.get(PLUGIN_PAGE, [""])[-1].lower(), PAGES), query
    return _PAGE_OF_PATH[choose("Page", path, _PAGE_OF_PATH)], query


def reproduce(recipe: Recipe, *, anyway: bool = False) -> RenderedPanel:
    """Return the panel that a recipe describes.

    Args:
        recipe: the recipe.
        anyway: also if the model or the data have changed since.

    Raises:
        InvalidInput: when they have changed, or the recipe's address no longer fits.
        NotFound, DataUnavailable: when they are missing.
    """
    check(
        recipe.page != "figures",
        "The recipe is of a figure by name, as earlier versions wrote it. Export the figure again.",
    )
    with naming("The recipe cannot be followed"):
        panel = render_panel(recipe.page, recipe.panel, recipe.address)
    problems = describe_changes(recipe, panel.recipe.made_from)
    check(
        anyway or not problems,
        f"{' '.join(problems)} Get that model and data, or draw the figure anyway with `--anyway`.",
    )
    return panel


def recipe_warnings(recipe: Recipe, panel: RenderedPanel) -> list[str]:
    """Return how a reproduced figure differs from its recipe: other versions, other numbers; a sentence each."""
    warnings = []
    for package, version in sorted(recipe.software.items()):
        installed = panel.recipe.software.get(package, "not here")
        if installed != version:
            warnings.append(f"{package} was {version} and is {installed}.")
    if recipe.numbers and recipe.numbers != panel.recipe.numbers:
        warnings.append("The numbers are not the recipe's to ten digits.")
    return warnings


def draw_recipe(recipe: Recipe | Mapping[str, Any] | str) -> tuple[go.Figure, Any]:
    """Return the figure and the numbers of a recipe, for notebooks.

    Args:
        recipe: the recipe, or its JSON as text or as a mapping.

    Returns:
        The plotly figure in the recipe's theme, and its table as a DataFrame.
    """
    if isinstance(recipe, Mapping):
        recipe = json.dumps(recipe)
    if isinstance(recipe, str):
        recipe = parse(recipe)
    panel = reproduce(recipe)
    return apply_style(panel, recipe.style), panel.numbers


def apply_style(panel: RenderedPanel, style: ExportStyle) -> go.Figure:
    """Return the figure of a panel in the theme of a style, without the parts that the style hides.

    A figure without a background colour has no theme and keeps its colours.
    """
    figure = hide_series(panel.figure, style.hidden)
    if figure.layout.paper_bgcolor:
        return colours.apply_theme(figure, style.theme)
    return figure


def save_panel(panel: RenderedPanel, recipe: Recipe) -> bytes:
    """Return the file of a panel in the style, and with the title and caption, of a recipe."""
    return export.save(
        panel.figure,
        recipe.style,
        title=recipe.title or panel.title,
        caption=recipe.caption or panel.caption,
        recipe=panel.recipe.like(recipe).text(),
    )


def program(page: str, panel: str, address: Address) -> str:
    """Return a program that recomputes the numbers of a panel. Nothing is opened.

    Args:
        page, panel, address: as of `pages.build_panel`.

    Raises:
        NotFound, InvalidInput: as of `pages.build_panel`.
    """
    view, spec, suffix = find_panel(page, panel, address)
    calls = scope_calls(view, spec.scope)
    imports = {f"from {call.module} import {call.function}" for _, call in calls}
    scope = "sample.study" if spec.scope == "study" else spec.scope
    build = inspect.unwrap(spec.build)
    function = build.keywords["view"] if isinstance(build, partial) else build  # see `panel.drawn`
    arguments = spec.arguments(view, suffix)
    picture = Call("", _name_function(function, imports), (), arguments, scope).text()
    lines = [
        f"# The numbers of panel {panel!r} on qfusion's page {view.page!r}; run it where qfusion can be imported.",
        *sorted(imports),
        "",
        *(f"{name} = {call.text()}" for name, call in calls),
        f"picture = {picture}",
        "numbers = picture.numbers",
        "",
        "print(numbers)",
        "",
    ]
    return "\n".join(lines)


def _name_function(function: Callable[..., Any], imports: set[str]) -> str:
    """Return the name of a function behind that of its module, and add the import of the module."""
    package, _, module = function.__module__.rpartition(".")
    imports.add(f"from {package} import {module}" if package else f"import {module}")
    return f"{module}.{function.__name__}"
