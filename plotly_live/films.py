"""Films: how a figure changes from stop to stop, as the browser plays it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plotly_live.errors import check

MOST_BYTES = 3_000_000  # of what changes, beyond which stops are left out


@dataclass(frozen=True)
class Film:
    """A figure that changes from stop to stop.

    Attributes:
        figure: the one in the middle, as Plotly's JSON.
        stops: pairs of a label and of what is different there: paths, each with what stands in its place, None for
            nothing.
        seconds: how long it plays.
    """

    figure: str
    stops: Sequence[tuple[str, list[tuple[Any, Any]]]]
    seconds: float = 4.0


def make_film(
    figures: Mapping[str, Any], *, seconds: float = 4.0, most_bytes: int = MOST_BYTES
) -> Film:
    """Return the film of some figures. At each of them all is drawn; between two, only shapes that move along x are.

    Args:
        figures: of plotly, or their JSON, by the label that stands in the corner meanwhile, in their order.
        seconds: how long it plays, above 0 and at most 600.
        most_bytes: of what changes, beyond which only every second, third, ... figure is kept.

    Raises:
        LiveError: when there is no figure, or `seconds` is out of range.
    """
    check(
        isinstance(figures, Mapping) and figures,
        "`figures` is empty. Give one figure or more, by label.",
    )
    check(
        isinstance(seconds, int | float) and 0 < seconds <= 600,
        f"`seconds` is {seconds!r}. Give a number above 0 and at most 600.",
    )
    specs = {str(label): _json(figure) for label, figure in figures.items()}
    middle = list(specs.values())[len(specs) // 2]
    whole = json.loads(middle)
    stops = [(label, list(_changes(whole, json.loads(spec)))) for label, spec in specs.items()]
    return Film(middle, stops[:: 1 + len(json.dumps(stops)) // most_bytes], seconds)


def _json(figure: Any) -> str:
    if isinstance(figure, str):
        return figure
    from plotly.basedatatypes import BaseFigure
    from plotly.io import to_json

    check(
        isinstance(figure, BaseFigure),
        f"`figures` holds a {type(figure).__name__}. Give figures of plotly, or their JSON.",
    )
    return str(to_json(figure, validate=False))


def _changes(before: Any, after: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Yield the paths at which one JSON value differs from another, with the new values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from _changes(before.get(key), after.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new, (*path, place))
    elif before != after:
        yield path, after
