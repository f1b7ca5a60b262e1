"""What the figures of a page are made from, for their recipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qfusion.figures.recipe import Recipe, digest_of, software
from qfusion.panels.address import GUIDES
from qfusion.panels.panel import Picture
from qfusion.ui.frame import state

_FROM = "_made_from"


def say(**parts: Any) -> None:
    """What the figures of this page are made from: models, data, sample. Called by the frame of every page."""
    state.put(_FROM, parts)


def recipe_of(picture: Picture) -> Recipe:
    """The recipe of a panel on the page as it stands."""
    return Recipe(
        page=str(state.get(state.PAGE, "")).lower(),
        panel=picture.name,
        address=address(),
        made_from=dict(state.get(_FROM, {})),
        software=software(),
        numbers=digest_of(picture.table()),
    )


def address() -> dict[str, list[str]]:
    """All that decides what the page shows, as its address would say it."""
    found = {key: values for key, values in state.address().items() if key not in GUIDES}
    kept: Mapping[str, str] = state.get(state.KEPT, {})
    return {key: [str(value)] for key, value in kept.items()} | found
