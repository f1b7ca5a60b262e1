"""Choices by a click in a figure or a table.

A browser may send anything, so these functions return only what can be chosen.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from qfusion.ui.state import choose_sample, get


def selection(key: str) -> Mapping[str, list[Any]]:
    """What is chosen in the figure or table of a key: "points", and "box" and "lasso" around them, or "rows"."""
    value = get(key)
    chosen = value.get("selection") if isinstance(value, Mapping) else None
    parts = chosen.items() if isinstance(chosen, Mapping) else ()
    return {name: items for name, items in parts if isinstance(items, list)}


def selected_rows(key: str, size: int) -> list[int]:
    """The rows that are ticked in a table of so many."""
    return [row for row in selection(key).get("rows", []) if type(row) is int and 0 <= row < size]


def selected_point(key: str) -> Mapping[str, Any]:
    """The first point that is chosen, as the figure says it; empty if there is none."""
    point = next(iter(selection(key).get("points", [])), None)
    return point if isinstance(point, Mapping) else {}


def place_of(number: Any, size: int) -> int | None:
    """Which of `size` things a number stands for; None for whatever else."""
    return int(number) if isinstance(number, int | float) and 0 <= number < size else None


def selected_values(key: str) -> list[Any]:
    """What the first point that is chosen stands for; empty if it says nothing, or there is none."""
    value = selected_point(key).get("customdata")
    return value if isinstance(value, list) else [] if value is None or value == "" else [value]


def choose_selected_sample(key: str) -> None:
    """Makes the sample that the first chosen point stands for the current one, for callbacks."""
    if values := selected_values(key):
        choose_sample(str(values[0]))


def open_selected(key: str, ids: Sequence[str]) -> None:
    """Opens the sample whose point is chosen, of those that a figure draws in this order, for callbacks."""
    place = place_of(selected_point(key).get("point_index"), len(ids))
    if place is not None:
        choose_sample(ids[place])
