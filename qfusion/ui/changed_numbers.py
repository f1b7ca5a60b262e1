"""Numbers before and after a change, as tiles."""

from collections.abc import Sequence
from typing import NamedTuple

from streamlit.delta_generator import DeltaGenerator

from qfusion._sentences import true_minus
from qfusion.panels import tweak_effects


class Changed(NamedTuple):
    """A number before and after a change, with its name, its help, and the colour of a rise as `st.metric` takes it."""

    label: str
    before: float
    after: float
    help: str
    colour: str = "off"


def metrics_changed(
    numbers: Sequence[Changed], places: Sequence[DeltaGenerator], unchanged: str | None = None
) -> None:
    """Draw numbers with their changes. If a number does not change as written, `unchanged` is shown instead."""
    for place, (label, before, after, words, colour) in zip(places, numbers, strict=True):
        same = tweak_effects.equal_as_written(before, after)
        place.metric(
            label,
            true_minus(f"{after:.3f}"),
            unchanged if same else f"{after - before:+.3f}",
            delta_color="off" if same else colour,  # type: ignore[arg-type]
            delta_arrow="off" if same else "auto",
            help=words,
            border=True,
            height="stretch",
        )
