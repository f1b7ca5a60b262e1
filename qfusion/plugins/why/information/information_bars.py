"""The information that modalities carry about the target, as bars."""

from collections.abc import Mapping, Sequence

import numpy as np

from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import (
    add_marks,
    add_row_bars,
    add_vertical_rule,
    error_bars,
)
from qfusion.figures.style import (
    GREY,
    INK,
    QUIET,
    base_figure,
    fade_colour,
    label,
    term_colour,
)

# a named line with its number: x, y, (N,) each
Curve = tuple[str, np.ndarray, np.ndarray, float]

SHARED = "told by several"
TOGETHER = "told only together"


@checks_arrays("parts")
def information_bars(
    rows: Sequence[str],
    parts: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    entropy: float,
) -> Figure:
    """Draw one bar per row with the information told redundantly, by each source alone, and only together. Values are
    in bits, with whiskers.

    Args:
        rows: names of the R rows. parts: by `SHARED`, source or `TOGETHER`: (R, 3) of value, low and high, NaN where a
            row has no such part. What is below 0, as estimates may be, is drawn as 0.
        modalities: names, whose colours sources have. entropy: bits that there are to tell, as a line.
    """
    places = np.arange(len(rows))
    figure = base_figure(
        110 + 40 * len(rows),
        left=10,
        right=24,
        top=8,
        bottom=46,
        legend=True,
        x_title="bits of the target" + (" (dotted: all)" if entropy else ""),
        rows=list(map(label, rows)),
    )
    ends = np.zeros(len(rows))
    for at, (name, values) in enumerate(parts.items()):
        if name == SHARED:
            hue = GREY
        elif name == TOGETHER:
            hue = term_colour("+".join(modalities), modalities)
        else:
            hue = term_colour(name if name in modalities else "+".join(modalities[:2]), modalities)
        value, low, high = np.nan_to_num(np.asarray(values, float)).T
        size = np.maximum(value, 0)
        tips = [f"{v:.3f} bits ({a:.3f} to {b:.3f})" for v, a, b in values]
        words = label(name if name in (SHARED, TOGETHER) else f"told only by {name}")
        add_row_bars(
            figure,
            size,
            {
                "color": fade_colour(hue, 0.25 if name == SHARED else 0.8),
                "line": {"color": hue, "width": 1},
            },
            y=places,
            base=ends,
            width=0.5,
            name=words,
            customdata=tips,
            hovertemplate=f"{words}: %{{customdata}}<extra></extra>",
        )
        shown = (size > 0) & np.isfinite(np.asarray(values, float)).all(1)
        ends = ends + size
        # so that neighbours' intervals do not meet
        add_marks(
            figure,
            ends[shown],
            places[shown] + 0.16 * ((at % 3) - 1),
            INK,
            1,
            showlegend=False,
            hoverinfo="skip",
            error_x=error_bars(
                np.maximum(high - value, 0)[shown],
                INK,
                minus=np.maximum(value - low, 0)[shown],
                thickness=1.5,
                width=3,
            ),
        )
    figure.update_layout(barmode="overlay")
    add_vertical_rule(figure, entropy, hue=QUIET, dash="dot")
    return figure
