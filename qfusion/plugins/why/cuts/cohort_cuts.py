"""How good a model is on a cohort after the correlations of a modality are removed."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion.plugins.why.cuts import correlation_cuts, cut_losses, cut_measures, tables
from qfusion.plugins.why.cuts.words import describe_cuts, describe_kept_correlations
from qfusion.study import jobs, performance, text
from qfusion.training import metrics
from qfusion.views.pages import cohorts, dynamics, panel, params
from qfusion.views.pages.choices import EVERYONE
from qfusion.views.view import View
from qfusion.views.words.names import describe_intervals, name_cohort
from qfusion.views.words.rules import describe_drawn

TAB = "Correlation cuts"


def cut_test(levels: performance.CohortComparison, *, all_samples: bool = False) -> View:
    """Draw how good the model is on the cohort without the correlations of a modality; only of models with time.

    Args:
        all_samples: measured on all of the cohort where some are drawn by default.
    """
    rows = cut_rows(levels, all_samples)
    result = cut_measures.cuts_of_rows(levels.study, levels.places(rows))
    metric = next(iter(result.after))
    how = describe_intervals(levels.study.dataset, rows, cut_losses.RESAMPLES)
    figure = draw_cut_test(tables.cut_table(result), levels.study.modalities, metric)
    shows = (
        "the metrics on many samples if the correlations of a modality are removed at time t in all of them. "
        "Bands are 95% bootstrap intervals. "
        f"Here {describe_cut_scope(levels, all_samples)}, the learned "
        f"model; {how}. {text.escape_markdown(describe_kept_correlations(result))}"
    )
    return View(
        name="cut-test",
        title=text.escape_markdown(describe_cuts(result)),
        figure=figure,
        caption=shows,
        limits="Does not show whether a model trained without these correlations would be worse: this model was not "
        "trained on states after a cut.",
        alternative=f"{metrics.LABELS[metric].short} of {len(rows):,} samples after a cut at each time.",
        table=lambda: tables.cut_table(result),
    )


def cut_rows(levels: performance.CohortComparison, all_samples: bool = False) -> pd.DataFrame:
    """Return the samples of the cohort whose correlations are cut: those that can be evolved in some seconds, or all
    samples.
    """
    rows = levels.rows[levels.inside]
    return rows.iloc[
        jobs.drawn_places(len(rows), performance.MAX_SLOW, performance.FEW_SLOW, all_samples)
    ]


def describe_cut_scope(levels: performance.CohortComparison, all_samples: bool = False) -> str:
    """Describe which these are, as markdown."""
    some = len(cut_rows(levels, all_samples))
    whole = int(levels.inside.sum())
    sentence = describe_drawn(some, whole)
    if levels.parts:
        sentence += f" of the {text.escape_markdown(name_cohort(levels))}"
    return sentence


# When panels are shown, and what readers choose.

AT_ONCE = 1.0  # seconds: what takes longer is asked for first


def cut_seconds(levels: performance.CohortComparison) -> float:
    """Return how long the cuts of the cohort take, roughly."""
    return 8e-3 * len(cut_rows(levels)) * (math.prod(levels.study.model.dims) / 64) ** 2.5


def can_afford_cuts(
    levels: performance.CohortComparison, wanted: bool = False, **_: object
) -> bool:
    """Return whether correlations of several samples can be cut, and it takes at most a second or is `wanted`."""
    return (
        dynamics.evolves_jointly(levels)
        and len(cut_rows(levels)) > 1
        and (wanted or cut_seconds(levels) < AT_ONCE)
    )


def draw_cut_test(
    table: pd.DataFrame,
    modalities: Sequence[str],
    metric: str,
    *,
    levels: Mapping[str, float] | None = None,
) -> go.Figure:
    """Return the figure of a table of `tables.cut_table`.

    `levels` are further lines across, such as a model without evolution.
    """
    lines: dict[str, dict[str, tuple[np.ndarray, ...]]] = {}
    for kind in correlation_cuts.KINDS:
        bands = {}
        for name in modalities:
            head = f"{kind}[{name}]"
            if head not in table:
                continue
            columns = [key for key in (head, f"{head}:low", f"{head}:high") if key in table]
            bands[name] = tuple(table[key].to_numpy() for key in columns)
        if bands:
            lines[kind] = bands
    before, chance = (float(table[name].iloc[0]) for name in ("undisturbed", "chance"))
    lost = max(
        (
            float(np.abs(values - before).max())
            for bands in lines.values()
            for values, *_ in bands.values()
        ),
        default=0.0,
    )
    near = lost > 0.2 * abs(before - chance)  # farther away it would flatten every line
    dashed = {"undisturbed": before}
    if near:
        dashed["one answer for all"] = chance
    return correlation_cuts.cut_metric(
        table["t"].to_numpy(),
        lines,
        dashed | dict(levels or {}),
        modalities,
        y_title=f"{metrics.LABELS[metric].short}, n = {int(table['n'].iloc[0]):,}",
    )


CUTS = params.SwitchParam("cuts", "Cut the correlations", "They are not cut.")
CONTROLS = (CUTS,)
PANELS = {
    "cut-test": panel.Panel(
        cut_test,
        {"all_samples": EVERYONE},
        conditions={"wanted": CUTS},
        fits=can_afford_cuts,
        opens=cohorts.VIEW.is_one_of(TAB),
        scope="levels",
    )
}
