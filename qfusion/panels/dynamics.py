"""Correlations of a model that evolves in time."""

import pandas as pd

from qfusion._checks import choose
from qfusion.analysis.sample import Sample
from qfusion.figures import evolution_charts, style
from qfusion.panels import panel
from qfusion.quantum.measure_kinds import KINDS, column_name
from qfusion.views import alt_text
from qfusion.views.decision import cursor_time
from qfusion.wording.measures import MEASURE_TEXTS, measures_with_panels
from qfusion.wording.samples import cite_states

FIRST_MEASURES = (
    "mutual_information",
    "negativity",
    "purity",
)  # panels of later ones are called measure-KIND


def measure_panels() -> dict[str, str]:
    """Return the kinds of measures that are drawn over time, each with the name of its panel."""
    return {
        kind: kind.replace("_", "-") if kind in FIRST_MEASURES else f"measure-{kind}"
        for kind in measures_with_panels()
    }


def correlation(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    kind: str = "mutual_information",
    t: float = 1.0,
) -> panel.PanelFigure:
    """Draw one measure of correlation over time.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        kind: of `quantum.measure_kinds.KINDS`; related kinds are drawn beside it, such as total correlation.
        t: where the cursor stands, a share of T.
    """
    track = sample.track(negativity=True)
    about = KINDS[choose("Measure", kind, measure_panels())]
    words = MEASURE_TEXTS[kind]
    series = track.measures.by_part(kind) | (
        track.measures.by_part(about.beside) if about.beside else {}
    )
    before = None
    if sample.tweak_text:
        base = sample.untweaked.track(negativity=True)
        before = base.times, base.measures.by_part(kind)
    figure = evolution_charts.measure_lines(
        track.times,
        series,
        sample.modalities,
        about.axis,
        between=about.between,
        before=before,
        cursor=cursor_time(sample, t),
        height=260,
        theme=theme,
    )
    shows = words.shows
    if before:
        shows += " Thin, dotted: as learned."
    shows += cite_states(sample)
    alt = (
        f"{about.axis} over time: "
        f"{alt_text.list_curves({about.between.join(part): values for part, values in series.items()})}."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"t": track.times}
            | {column_name(kind, part, "all"): values for part, values in series.items()}
        )

    return panel.PanelFigure(
        measure_panels()[kind],
        words.question,
        figure,
        shows=shows,
        not_shown=words.not_shown,
        alt=alt,
        table=table,
    )
