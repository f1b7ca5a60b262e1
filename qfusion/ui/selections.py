"""Choices by a click in a figure or a table.

A browser may send anything, so these functions return only what can be chosen.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from qfusion.ui import state


def selection(key: str) -> Mapping[str, list[Any]]:
    """Return the selection in a figure ("points", "box", "lasso") or in a table ("rows"), by its key."""
    value = state.get(key)
    chosen = value.get("selection") if isinstance(value, Mapping) else None
    if not isinstance(chosen, Mapping):
        return {}
    return {name: items for name, items in chosen.items() if isinstance(items, list)}


def selected_rows(key: str, size: int) -> list[int]:
    """Return the rows that are ticked in a table of `size` rows."""
    rows = selection(key).get("rows", [])
    return [row for row in rows if type(row) is int and 0 <= row < size]


def selected_point(key: str) -> Mapping[str, Any]:
    """Return the first chosen point of a figure, or an empty mapping if there is none."""
    point = next(iter(selection(key).get("points", [])), None)
    return point if isinstance(point, Mapping) else {}


def selected_values(key: str) -> list[Any]:
    """Return the `customdata` of the first chosen point as a list, or an empty list if there is none."""
    value = selected_point(key).get("customdata")
    if isinstance(value, list):
        return value
    return [] if value is None or value == "" else [value]


def parse_index(number: Any, size: int) -> int | None:
    """Return a number as an index of `size` items; None if it is none."""
    if isinstance(number, int | float) and 0 <= number < size:
        return int(number)
    return None


def choose_selected_sample(key: str) -> None:
    """Make the sample of the first chosen point the current one. For callbacks."""
    values = selected_values(key)
    if values:
        state.choose_sample(str(values[0]))


def open_selected(key: str, ids: Sequence[str]) -> None:
    """Make the sample of the chosen point the current one. For callbacks.

    Args:
        key: of the figure.
        ids: of the samples, in the order of its points.
    """
    place = parse_index(selected_point(key).get("point_index"), len(ids))
    if place is not None:
        state.choose_sample(ids[place])
