"""What a reader did in a figure, read from what the browser sent."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Value = float | int | str  # a place on an axis: a number, a category or a date


@dataclass(frozen=True)
class Choice:
    """What a reader did in a figure since the last run of the script, reported once; false if there is nothing.

    Attributes:
        points: points that were clicked or lie in the region, each with `curve_number` (the trace), `point_index`
            (of a heatmap row and column), `x`, `y` and `customdata`. They are at most `most_points` of `live_figure`.
        box: the corners of a box, as {"x": [x0, x1], "y": [y0, y1]}; None without one.
        lasso: the corners of a lasso, as {"x": [...], "y": [...]}; None without one.
        zoom: ranges that a zoom or a drag set, by axis, {"xaxis": (low, high)}; None for an axis that shows
            everything again. Ranges of a logarithmic axis are exponents of ten, as plotly's are.
    """

    points: tuple[Mapping[str, Any], ...] = ()
    box: Mapping[str, list[Value]] | None = None
    lasso: Mapping[str, list[Value]] | None = None
    zoom: Mapping[str, tuple[Value, Value] | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether the reader did something."""
        return bool(self.points or self.box or self.lasso or self.zoom)


def read_choice(sent: Any, traces: int) -> Choice:
    """Return what the browser sent as a choice. A browser may send anything: what no reader can do is left out.

    Args:
        sent: a mapping or an object with `selection` and `zoom`, or None.
        traces: number of traces of the figure.
    """
    selection = _mapping(_part(sent, "selection"))
    points = [_point(_mapping(point), traces) for point in _list(selection.get("points"))]
    return Choice(
        tuple(point for point in points if point),
        _region(selection.get("box"), 2, 2),
        _region(selection.get("lasso"), 1, 100_000),
        _zoom(_mapping(_part(sent, "zoom"))),
    )


def _part(sent: Any, name: str) -> Any:
    return sent.get(name) if isinstance(sent, Mapping) else getattr(sent, name, None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_value(value: Any) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return math.isfinite(value)
    return isinstance(value, str)


def _index(value: Any) -> int | None:
    """A whole number as an int; the browser knows no others."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return int(value) if value >= 0 and value == int(value) else None
    return None


def _point(sent: Mapping[str, Any], traces: int) -> dict[str, Any]:
    """A point; empty where it cannot be one."""
    trace = _index(sent.get("curve_number"))
    place = sent.get("point_index")
    index = [_index(part) for part in place] if isinstance(place, list) else _index(place)
    unknown = index is None or (isinstance(index, list) and (len(index) != 2 or None in index))
    if trace is None or trace >= traces or unknown:
        return {}
    ends = {name: sent.get(name) if _is_value(sent.get(name)) else None for name in ("x", "y")}
    return {
        "curve_number": trace,
        "point_index": index,
        **ends,
        "customdata": sent.get("customdata"),
    }


def _region(sent: Any, least: int, most: int) -> dict[str, list[Value]] | None:
    """The corners of a region; None where they are none."""
    corners = _mapping(next(iter(_list(sent)), None))
    x, y = _list(corners.get("x")), _list(corners.get("y"))
    is_region = least <= len(x) == len(y) <= most and all(map(_is_value, [*x, *y]))
    return {"x": x, "y": y} if is_region else None


def _zoom(sent: Mapping[str, Any]) -> dict[str, tuple[Value, Value] | None]:
    zoom: dict[str, tuple[Value, Value] | None] = {}
    for axis, ends in sent.items():
        if not re.fullmatch(r"[xy]axis\d{0,4}", str(axis)):
            continue
        if ends is None:
            zoom[axis] = None
        elif isinstance(ends, list) and len(ends) == 2 and all(map(_is_value, ends)):
            zoom[axis] = (ends[0], ends[1])
    return zoom
