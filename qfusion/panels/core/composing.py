"""Several panels as one figure, taken without their pages; see `figures.export`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qfusion.errors import QFusionError
from qfusion.figures.export import composition
from qfusion.figures.export.composition import Composition
from qfusion.panels.core import headless
from qfusion.panels.core.headless import Taken


def cook(whole: Composition, *, anyway: bool = False) -> list[Taken]:
    """Returns the panels of a composition, in its order.

    Args:
        anyway: also when model or data are not those of a recipe.

    Raises:
        QFusionError: naming the letter of the panel that cannot be made.
    """
    taken = []
    for place, panel in enumerate(whole.panels):
        try:
            taken.append(headless.cook(panel, anyway=anyway))
        except QFusionError as error:
            raise type(error)(f"Panel ({chr(ord('a') + place)}): {error}") from error
    return taken


def save(taken: Sequence[Taken], whole: Composition) -> bytes:
    """Returns the file of a composition, with the recipes of what was taken in it."""
    panels = tuple(
        composition.like(each.recipe.like(panel), whole.style)
        for each, panel in zip(taken, whole.panels, strict=True)
    )
    now = replace(whole, panels=panels)
    return composition.save(
        [each.figure for each in taken],
        [each.title for each in taken],
        [each.caption for each in taken],
        now,
    )


def remarks(whole: Composition, taken: Sequence[Taken]) -> list[str]:
    """What a reader should know about a composition made again, each remark once."""
    return list(
        dict.fromkeys(
            remark
            for panel, each in zip(whole.panels, taken, strict=True)
            for remark in headless.remarks(panel, each)
        )
    )
