"""Which coupling built which term of the decision; of models with time."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go

from qfusion.analysis import backgrounds, text
from qfusion.analysis.dynamics import physics
from qfusion.analysis.sample import Sample
from qfusion.analysis.subject import Workspace
from qfusion.explain.building import Built, answer
from qfusion.figures import numbers
from qfusion.figures.draw import building as building_figures
from qfusion.figures.style import Theme
from qfusion.panels.core import allowed as say
from qfusion.panels.core.panel import Opens, Panel, Picture, can, kept, number, word
from qfusion.panels.dynamics import cursor_at

BASELINE = "baseline"


def built(sample: Sample, over: str = physics.THIS) -> Built:
    """What each coupling and dissipation built, in the mean over a cohort of `analysis.physics.cohorts`."""
    work = sample.work
    rows = physics.rows_of(work, sample.row, over, lambda: work.frame(sample.output))
    return physics.built(work, rows, sample.output, sample.tweak)


@kept
def matrix(sample: Sample, theme: Theme = "light", *, over: str = physics.THIS) -> Picture:
    """What every coupling and dissipation added to every contribution; arguments as of `over_time`."""
    found = built(sample, over)
    titles, _ = building_figures.terms_of(found.terms, found.modalities)
    drawn = building_figures.matrix(
        found.dividends, titles, found.parts, found.start, found.end, unit=sample.unit, theme=theme
    )
    return _picture(sample, "built", found, over, drawn, lambda: numbers.built_table(found))


def over_time(
    sample: Sample,
    theme: Theme = "light",
    *,
    over: str = physics.THIS,
    part: str = "",
    t: float = 1.0,
) -> Picture:
    """One contribution through time, by what built it.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        over: this sample or the mean over several, of `analysis.physics.cohorts`.
        part: "baseline" or a contribution, such as "text+audio"; unless told the joint one that the dynamics changed
            most.
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    found = built(sample, over)
    dividend = "" if part == BASELINE else part or found.most_built()
    s = found.row(dividend)
    titles, hues = building_figures.terms_of(found.terms, found.modalities)
    drawn = building_figures.areas(
        found.times,
        found.over_time[:, s],
        titles,
        hues,
        dividend,
        start=float(found.start[s]),
        cursor=cursor_at(sample, t),
        unit=sample.unit,
        theme=theme,
    )
    return _picture(sample, "built-over-time", found, over, drawn, lambda: found.through(dividend))


@kept
def flow(sample: Sample, theme: Theme = "light", *, over: str = physics.THIS) -> Picture:
    """The way from modalities through what acts on them to the score; arguments as of `over_time`."""
    found = built(sample, over)
    titles, hues = building_figures.terms_of(found.terms, found.modalities)
    drawn = building_figures.flow(
        found.dividends,
        titles,
        hues,
        found.acts,
        found.parts,
        found.start,
        found.end,
        found.modalities,
        unit=sample.unit,
        theme=theme,
    )
    return _picture(sample, "built-flow", found, over, drawn, lambda: numbers.flow_table(found))


def _picture(
    sample: Sample,
    name: str,
    found: Built,
    over: str,
    drawn: go.Figure,
    table: Callable[[], pd.DataFrame],
) -> Picture:
    title = text.plain(answer(found))
    shows, not_shown = building_figures.SAYS[name]
    mean = f" Mean over {found.count:,} {text.plain(over.removeprefix('all '))}."
    told = "; ".join(
        f"{term or BASELINE} from {found.start[s]:+.2f} to {found.end[s]:+.2f}"
        for s, term in enumerate(found.dividends)
    )
    return Picture(
        name,
        title,
        drawn,
        called="Which coupling built it",
        alt=f"{title}. {told}",
        not_shown=not_shown,
        table=table,
        shows=f"{shows}{sample.of if over == physics.THIS else mean} {backgrounds.against(sample.work.background)} "
        f"Aumann and Shapley's shares: they add up, to {found.error:.0e}.",
    )


BUILT_VIEWS = ("matrix", "over time", "flow")


def _allowed_built(work: Workspace) -> dict[str, say.Allowed]:
    """What an address may say of what built what, of a model with time."""
    return {
        "builtas": say.options("What built what", BUILT_VIEWS, "The matrix is shown."),
        "builtof": say.options("Samples", physics.cohorts(work), "This sample is shown."),
        "built": say.options(
            "Contribution",
            (BASELINE, *work.terms),
            "The one that the dynamics changed most is shown.",
        ),
    }


def _as(name: str) -> Opens:
    return lambda view: (
        view.get("view", "Decision") == "Decision" and view.one_of("builtas", BUILT_VIEWS) == name
    )


_OVER = word("builtof")
BUILT = {
    "built": Panel(matrix, {"over": _OVER}, fits=can("time"), opens=_as("matrix")),
    "built-over-time": Panel(
        over_time,
        {"over": _OVER, "part": word("built"), "t": number("t", 0, 1)},
        fits=can("time"),
        opens=_as("over time"),
    ),
    "built-flow": Panel(flow, {"over": _OVER}, fits=can("time"), opens=_as("flow")),
}
