"""Curves that traces follow while a slider is dragged: the values of traces against a slider's value.

They are polynomials through the values at Chebyshev points, which for smooth curves need a few evaluations, or a table
of the values at every step of the slider, which is exact for any curves.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plotly_live.errors import LiveError, check

if TYPE_CHECKING:
    import numpy as np

MOST_POINTS = 3000  # of a trace that is followed; of more, the graphics card draws markers
MOST_NUMBERS = 2_000_000  # of all curves of a slider: eight megabytes
MOST_EVALUATIONS = 2000


@dataclass(frozen=True, eq=False)
class Curves:
    """The values of some traces against the value of a slider; `follow_slider` makes them.

    Attributes:
        slider: key of the slider.
        low, high: the interval of its values.
        values: by trace (its number or its name), coefficients of Chebyshev polynomials in
            2 (x - low) / (high - low) - 1, or rows of a table with even steps from `low` to `high`; (n, points).
        table: whether they are rows of a table.
        error: the largest distance of the polynomials from the values at points between, relative to the largest
            value of the trace; 0 for a table.
    """

    slider: str
    low: float
    high: float
    values: Mapping[int | str, np.ndarray]
    table: bool = False
    error: float = 0.0


def follow_slider(
    slider: str,
    low: float,
    high: float,
    evaluate: Callable[[float], Mapping[int | str, Any]],
    *,
    nodes: int = 17,
    tolerance: float = 0.005,
    step: float | None = None,
) -> Curves:
    """Return curves that traces follow while a slider is dragged, for `live_figure(..., follow=...)`.

    The values are those of `y`; of bars that lie, those of `x`. Cache the result, for instance with `st.cache_data`,
    where `evaluate` takes long.

    Args:
        slider: key of an `st.slider` with one number.
        low, high: ends of the slider, low < high.
        evaluate: returns the values of the traces that move, by the number or the name of the trace, for a value of the
            slider: as many as the trace has points, finite, at most 3000.
        nodes: number of Chebyshev points at which it is evaluated, 2 to 200. As many points between them, less one,
            give the `error` of the result. 17 suit a curve that turns a few times.
        tolerance: the largest `error`; 0.005 is one pixel of a plot 200 pixels high.
        step: of the slider. Where it is given, `evaluate` is called at each of its values instead, which is exact also
            for curves that jump.

    Raises:
        LiveError: when an argument or what `evaluate` returns cannot be used, or the error is above the tolerance.
    """
    import numpy as np

    check(isinstance(slider, str) and slider, f"`slider` is {slider!r}. Give the key of a slider.")
    for name, value in {"low": low, "high": high}.items():
        check(_is_number(value), f"`{name}` is {value!r}. Give a finite number.")
    check(low < high, f"`low` is {low} and `high` is {high}. Give low < high.")
    check(callable(evaluate), "`evaluate` is not callable. Give a function of the slider's value.")
    if step is not None:
        check(_is_number(step) and step > 0, f"`step` is {step!r}. Give a number above 0, or None.")
        count = round((high - low) / step) + 1
        check(
            2 <= count <= MOST_EVALUATIONS and math.isclose(low + (count - 1) * step, high),
            f"`step` is {step}, which divides {low} to {high} into {(high - low) / step:g} parts. "
            f"Give a step that divides it into 1 to {MOST_EVALUATIONS - 1} equal parts, or None.",
        )
        return Curves(slider, low, high, _evaluate(evaluate, np.linspace(low, high, count)), True)
    check(
        isinstance(nodes, int) and 2 <= nodes <= 200,
        f"`nodes` is {nodes!r}. Give a whole number from 2 to 200.",
    )
    # Lobatto points of twice as many: every second one is a node, and those between show the error.
    places = np.cos(np.pi * np.arange(2 * nodes - 1) / (2 * nodes - 2))
    rows = _evaluate(evaluate, low + (high - low) * (places + 1) / 2)
    matrix = np.linalg.inv(np.polynomial.chebyshev.chebvander(places[::2], nodes - 1))
    values, error = {}, 0.0
    for trace, exact in rows.items():
        values[trace] = matrix @ exact[::2]
        off = np.abs(np.polynomial.chebyshev.chebval(places, values[trace]).T - exact)
        error = max(error, float(off.max()) / max(float(np.abs(exact).max()), 1e-300))
    check(
        error <= tolerance,
        f"`evaluate` is off by {error:.1%} of its largest value between {nodes} points. Use more `nodes`, or give the "
        "`step` of the slider for curves that jump or bend sharply.",
    )
    return Curves(slider, low, high, values, False, error)


def encode_curves(
    low: float,
    high: float,
    names: Sequence[str],
    values: np.ndarray,
    *,
    table: bool = False,
    of_root: bool = False,
) -> dict[str, Any]:
    """Return curves as `Curves` in `follow.js` takes them.

    Args:
        low, high: interval of the slider.
        names: of the series.
        values: coefficients of Chebyshev polynomials, or rows of a table, (n, series) or (n, series, points).
        table: whether they are rows of a table. of_root: whether the polynomials are of the root of x - low.
    """
    import numpy as np

    numbers = np.ascontiguousarray(values, dtype="<f4")
    return {
        "low": low,
        "high": high,
        "of_root": of_root,
        "table": table,
        "count": len(values),
        "names": list(names),
        "length": values.shape[2] if values.ndim == 3 else 1,
        "numbers": base64.b64encode(numbers.tobytes()).decode(),
    }


def describe_followed(curves: Curves, traces: Sequence[Any], stacks: bool) -> dict[str, Any]:
    """Return what the browser needs to let the traces of a figure follow a slider.

    Args:
        curves: as `follow_slider` makes them. traces: of the figure. stacks: whether its bars are stacked.

    Raises:
        LiveError: when a trace does not exist, or is of a kind that is not followed.
    """
    series, groups = {}, {}
    for trace, values in curves.values.items():
        place = _place(trace, traces)
        _check_followed(traces[place], trace, values.shape[1], stacks)
        series[str(place)] = {"group": str(place), "names": ["values"]}
        groups[str(place)] = encode_curves(
            curves.low, curves.high, ["values"], values[:, None], table=curves.table
        )
    return {"slider": css_name(curves.slider), "series": series, "groups": groups}


def css_name(key: str) -> str:
    """Return a widget's key as Streamlit writes it in the class of its element, after "st-key-"."""
    return re.sub("[^a-zA-Z0-9_-]", "-", key.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _are_numbers(values: Any) -> bool:
    import numpy as np

    try:
        return bool(np.isfinite(np.asarray(values, dtype=float)).all())
    except (TypeError, ValueError):
        return False


def _evaluate(
    evaluate: Callable[[float], Mapping[int | str, Any]], places: np.ndarray
) -> dict[int | str, np.ndarray]:
    """The values of every trace at every place, (places, points)."""
    import numpy as np

    rows: dict[int | str, list[np.ndarray]] = {}
    for place in places.tolist():
        result = evaluate(place)
        check(
            isinstance(result, Mapping) and result and (not rows or set(result) == set(rows)),
            f"`evaluate` returned {result!r:.80} at {place:g}. Return the values of the same traces for every value.",
        )
        for trace, values in result.items():
            try:
                row = np.asarray(values, dtype=float)
            except (TypeError, ValueError) as error:
                raise LiveError(
                    f"`evaluate` returned values of trace {trace!r} at {place:g} that are not numbers ({error})."
                ) from None
            check(
                row.ndim == 1 and 1 <= len(row) <= MOST_POINTS and np.isfinite(row).all(),
                f"`evaluate` returned values of trace {trace!r} at {place:g} with the shape {row.shape}. "
                f"Return one finite number a point, 1 to {MOST_POINTS} of them.",
            )
            rows.setdefault(trace, []).append(row)
            check(
                len(row) == len(rows[trace][0]),
                f"`evaluate` returned {len(row)} values of trace {trace!r} at {place:g}, and {len(rows[trace][0])} "
                "before. Return as many for every value of the slider.",
            )
    size = sum(len(part) * len(part[0]) for part in rows.values())
    check(
        size <= MOST_NUMBERS,
        f"`evaluate` returned {size:,} numbers in all. Follow fewer points, or use fewer values of the slider, such "
        f"that they are at most {MOST_NUMBERS:,}.",
    )
    return {trace: np.stack(part) for trace, part in rows.items()}


def _place(trace: int | str, traces: Sequence[Any]) -> int:
    """The number of a trace that is given by its number or its name."""
    if isinstance(trace, str):
        places = [place for place, one in enumerate(traces) if one.name == trace]
        check(
            len(places) == 1,
            f"`follow` names the trace {trace!r}, and the figure has {len(places)} of that name.",
        )
        return places[0]
    check(
        0 <= trace < len(traces),
        f"`follow` has the trace {trace!r}, and the figure has {len(traces)} traces, 0 to {len(traces) - 1}.",
    )
    return trace


def _check_followed(trace: Any, name: int | str, count: int, stacks: bool) -> None:
    """Raise LiveError where a trace is not followed, or has another number of points."""
    kind = trace.type or "scatter"
    check(
        kind in ("scatter", "bar"),
        f"`follow` has the trace {name!r} of the kind {kind!r}. Lines, markers (scatter) and bars are followed.",
    )
    lies = kind == "bar" and trace.orientation == "h"
    points = trace.x if lies else trace.y
    check(
        points is not None and len(points) == count,
        f"`follow` has {count} values of the trace {name!r}, which has {0 if points is None else len(points)} points.",
    )
    if kind == "scatter":
        shape = trace.line.shape or "linear"
        check(
            shape == "linear",
            f"`follow` has the trace {name!r}, whose lines are {shape!r}. Straight ones are followed.",
        )
        check(
            trace.fill in (None, "none") and not trace.stackgroup,
            f"`follow` has the trace {name!r}, which is filled. Lines and markers without a fill are followed.",
        )
        check(
            _are_numbers(points),
            f"`follow` has the trace {name!r}, whose y are not all numbers. Numbers without gaps are followed.",
        )
    else:
        check(
            not stacks,
            f"`follow` has the bars {name!r}, which are stacked. Grouped and overlaid ones are followed.",
        )
