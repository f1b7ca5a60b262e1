"""Figures reproduced from their recipes."""

import json
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures import export, themes
from qfusion.figures.export_style import ExportStyle
from qfusion.figures.recipe import Recipe, describe_changes, parse
from qfusion.figures.visible_range import hide_series
from qfusion.panels.address import naming
from qfusion.panels.rendering import RenderedPanel, render_panel


def reproduce(recipe: Recipe, *, anyway: bool = False) -> RenderedPanel:
    """Return the panel that a recipe describes.

    Args:
        recipe: the recipe.
        anyway: also if the model or the data have changed since.

    Raises:
        InvalidInput: when they have changed, or the recipe's address no longer fits.
        NotFound, DataUnavailable: when they are missing.
    """
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
        return themes.apply_theme(figure, style.theme)
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
