"""Cursors of time and of layers that figures and numbers follow while they are dragged, by a script in the browser."""

from collections.abc import Sequence

from plotly_live.curves import css_name
from qfusion.panels import dynamics_page, network
from qfusion.panels.pages import PAGES
from qfusion.ui.components import component

KEY = "cursor-script"
STATES = ("information",)  # panels that show a state at the cursor beside an axis of time


def follow_time(times: Sequence[float], share: float, words: Sequence[str] = ()) -> None:
    """Let the figures of the Dynamics page follow the cursor of time.

    Args:
        times: where the cursor can stand, (T,).
        share: of the last time, where it stands.
        words: plain, about each of these times, in place of those on the page; empty where none stand there.
    """
    key = dynamics_page.CURSOR.key
    panels = [
        name for name, panel in PAGES["dynamics"].items() if panel.cursor and panel.cursor[1] == key
    ]
    _follow(
        key,
        "Time cursor",
        "time",
        times,
        [f"t = {time:.2f}" for time in times],
        round(share * (len(times) - 1)),
        words,
        panels,
    )


def follow_layers(moments: Sequence[str], place: int, words: Sequence[str]) -> None:
    """Let the figure over the layers of a network follow the cursor of layers.

    Args:
        moments: places in the network. place: number of the one that is marked.
        words: plain, about each of these places, in place of those on the page.
    """
    names = ["decision-layers"]
    _follow(
        network.LAYER.key,
        network.LAYER.label,
        "place in the network",
        list(range(len(moments))),
        moments,
        place,
        words,
        names,
        names,
    )


def _follow(
    key: str,
    label: str,
    axis: str,
    places: Sequence[float],
    stops: Sequence[str],
    now: int,
    words: Sequence[str],
    panels: Sequence[str],
    ends: Sequence[str] = STATES,
) -> None:
    """Draw the script.

    Args:
        key: of the slider. label: name of the cursor. axis: beginning of the title of its axis.
        places: on that axis. stops: their names. now: number of the place where the cursor stands.
        words: about each place. panels: with the cursor. ends: those that draw it also at the first and last place.
    """
    component("cursor")(
        key=KEY,
        data={
            "slider": css_name(key),
            "label": label,
            "axis": axis,
            "places": [float(f"{place:.6g}") for place in places],
            "stops": list(stops),
            "now": now,
            "words": list(words),
            "panels": list(panels),
            "ends": list(ends),
            "states": list(STATES),
            "line": ".st-key-tweak-line",
            "late": "the states when you let go",
        },
    )
