"""What the figures of a page are computed from, for their recipes."""

from qfusion.figures.files.recipe import Recipe, software, table_digest
from qfusion.ui import page_params, state
from qfusion.views.pages.panel import PanelFigure

# What the figures of a page are made from, for their recipes.

ORIGIN = "_made_from"  # models, data and sample of this page, set by its frame


def current_recipe(picture: PanelFigure) -> Recipe:
    """Return the recipe of a panel in its current state on the page."""
    return Recipe(
        page=str(state.get(page_params.PAGE, "")).lower(),
        panel=picture.name,
        address=page_params.shown_address(),
        made_from=dict(state.get(ORIGIN, {})),
        software=software(),
        numbers=table_digest(picture.table()),
    )
