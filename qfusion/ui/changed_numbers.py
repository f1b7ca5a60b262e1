"""Numbers before and after a change, as tiles."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from streamlit.delta_generator import DeltaGenerator

from qfusion._sentences import true_minus
from qfusion.views.pages import notebook


class Changed(NamedTuple):
    """A number before and after a change, with its name, its help, the colour of a rise as `st.metric` takes it, and
    how it is written."""

    label: str
    before: float
    after: float
    help: str
    colour: str = "off"
    written: Callable[[float], str] = "{:.3f}".format


def metrics_changed(
    numbers: Sequence[Changed], places: Sequence[DeltaGenerator], unchanged: str | None = None
) -> None:
    """Draw numbers with their changes. If a number does not change as written, `unchanged` is shown instead."""
    for place, number in zip(places, numbers, strict=True):
        label, before, after, words, colour, written = number
        same = notebook.equal_as_written(before, after)
        place.metric(
            label,
            true_minus(written(after)),
            help=words,
            border=True,
            height="stretch",
            **unchanged_delta(unchanged) if same else delta_options(after - before, colour),
        )


def delta_options(change: float, colour: str = "off") -> dict[str, Any]:
    """Return the options of `st.metric` for a change.

    Streamlit reads the direction from a hyphen, and the change is written with a minus sign. So both are given.

    Args:
        colour: "off", "normal" if a rise is good, or "inverse" if a fall is.
    """
    if round(change, 3) == 0:
        return unchanged_delta(format_change(change))
    falls = change < 0
    if colour != "off":
        colour = "red" if falls == (colour == "normal") else "green"
    return {
        "delta": format_change(change),
        "delta_color": colour,
        "delta_arrow": "down" if falls else "up",
    }


def format_change(change: float) -> str:
    """Return a difference with its sign and three digits; none that rounds to zero has a sign."""
    return true_minus(f"{change:+.3f}") if round(change, 3) else "0.000"


def unchanged_delta(words: str | None) -> dict[str, Any]:
    """Return the options of `st.metric` that show words in the place of a change."""
    return {"delta": words, "delta_color": "off", "delta_arrow": "off"}
