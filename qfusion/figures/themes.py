"""The same figure in the other theme: light or dark."""

from typing import get_args

import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.cell_letters import swap_letters_on_signed_cells
from qfusion.figures.colour_painting import COLOUR_PAIRS, repaint, replace_colours
from qfusion.figures.colour_scales import place_on_signed_scale, signed_colour
from qfusion.figures.colour_values import is_scale_colour
from qfusion.figures.offline_figure import Figure
from qfusion.figures.style import PAPER, Theme


def apply_theme(drawn: go.Figure, theme: str) -> go.Figure:
    """Draw the figure in a theme, whichever it was drawn in.

    Always a new figure, and what drawing it anew gives.

    Raises:
        InvalidInput: for another theme, or a figure that is not drawn on the paper of "light" or "dark".
    """
    check(
        theme in get_args(Theme),
        f"Argument `theme` must be 'light' or 'dark', but is {str(theme)[:40]!r}.",
    )
    present = read_theme(drawn)
    wanted: Theme = "dark" if theme == "dark" else "light"
    parts = {
        "data": [trace.to_plotly_json() for trace in drawn.data],
        "layout": drawn.layout.to_plotly_json(),
    }
    if present != wanted:
        other = {pair[present].upper(): pair[wanted] for pair in COLOUR_PAIRS}

        def paint(colour: str) -> str:
            if not is_scale_colour(colour):
                return replace_colours(colour, lambda hue: other.get(hue, hue))
            place = place_on_signed_scale(colour, present)
            return colour if place is None else signed_colour(place, wanted)

        parts = repaint(parts, paint)
        swap_letters_on_signed_cells(parts)
    return Figure(parts)


def read_theme(drawn: go.Figure) -> Theme:
    """Return the theme of a figure, read off its paper.

    Raises:
        InvalidInput: when it has neither paper.
    """
    paper = str(drawn.layout.paper_bgcolor or "").upper()
    themes: list[Theme] = [theme for theme in PAPER if PAPER[theme].upper() == paper]  # type: ignore[misc]
    check(
        bool(themes),
        f"The figure must lie on the paper of a theme, {' or '.join(PAPER.values())}, but its `paper_bgcolor` is "
        f"{paper[:40]!r}. Draw it with a function of qfusion.figures.",
    )
    return themes[0]
