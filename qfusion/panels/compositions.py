"""Several panels as one figure, reproduced from their recipes; see `figures.composed_figure`."""

from collections.abc import Sequence
from dataclasses import replace

from qfusion.figures import composed_figure
from qfusion.panels.address import naming
from qfusion.panels.rendering import RenderedPanel
from qfusion.panels.reproduction import recipe_warnings, reproduce


def reproduce_composition(
    composition: composed_figure.Composition, *, anyway: bool = False
) -> list[RenderedPanel]:
    """Return the panels of a composition, in its order.

    Args:
        composition: recipes and their common style.
        anyway: also if a model or data set has changed since.

    Raises:
        QFusionError: when a panel cannot be reproduced; the message names its letter.
    """
    panels = []
    for place, recipe in enumerate(composition.panels):
        with naming(f"Panel ({chr(ord('a') + place)})"):
            panels.append(reproduce(recipe, anyway=anyway))
    return panels


def save_composition(
    panels: Sequence[RenderedPanel], composition: composed_figure.Composition
) -> bytes:
    """Return the file of a composition, which holds the recipes of its panels."""
    return composed_figure.save_composition(
        [panel.figure for panel in panels],
        [panel.title for panel in panels],
        [panel.caption for panel in panels],
        with_recipes(composition, panels),
    )


def with_recipes(
    composition: composed_figure.Composition, panels: Sequence[RenderedPanel]
) -> composed_figure.Composition:
    """Return a composition with the recipes of panels that were rendered for it."""
    recipes = [
        composed_figure.to_panel(panel.recipe.like(wanted), composition.style)
        for panel, wanted in zip(panels, composition.panels, strict=True)
    ]
    return replace(composition, panels=tuple(recipes))


def composition_warnings(
    composition: composed_figure.Composition, panels: Sequence[RenderedPanel]
) -> list[str]:
    """Return how reproduced panels differ from their recipes, each sentence once; see `recipe_warnings`."""
    warnings: dict[str, None] = {}
    for recipe, panel in zip(composition.panels, panels, strict=True):
        warnings |= dict.fromkeys(recipe_warnings(recipe, panel))
    return list(warnings)
