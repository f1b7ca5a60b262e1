"""Where the model is wrong, on the Cohorts page: slices with their error rates, and the worst errors."""

from __future__ import annotations

import pandas as pd

from qfusion.analysis import text
from qfusion.analysis.cohort import cohort_measures
from qfusion.analysis.cohort import slices as measured
from qfusion.analysis.cohort.cohort_measures import QUARTERS
from qfusion.analysis.levels import Levels
from qfusion.analysis.subject import Workspace
from qfusion.figures.draw.many import slices as figures
from qfusion.figures.style import Theme
from qfusion.panels.core import allowed as say
from qfusion.panels.core.panel import Panel, Picture, word
from qfusion.panels.core.view import View

_INTERVAL = "95 % score intervals (Wilson)"


def slices(levels: Levels, theme: Theme = "light", *, by: str = "") -> Picture:
    """How often the model is wrong in every slice.

    Args:
        levels: all samples, a cohort, one sample.
        theme: of the figure.
        by: what the samples are sliced by, see `slices.kinds`; the first unless told.
    """
    by = by or measured.kinds(levels.work, levels.rows)[0]
    found = measured.slices(levels, by)[:measured.MAX_SLICES]
    wrong, count = sum(each.wrong for each in found), sum(each.count for each in found)
    overall = wrong / max(count, 1)
    names = [each.name.replace("+", " + ") for each in found]
    return Picture(
        "slices", _finding(found, overall, bool(levels.work.classes)), figures.rates(
            names, [(each.wrong, each.count) for each in found],
            pd.DataFrame([(e.rate, e.low, e.high) for e in found]).to_numpy().reshape(-1, 3), overall,
            axis="error rate" if levels.work.classes else "part with an error of the largest quarter", theme=theme),
        shows=f"the samples of {text.plain(levels.split)} that pass the rest of the filter, by "
              f"{text.plain(text.column(by.removesuffix(QUARTERS)))}"
              + (" in quarters" if by.endswith(QUARTERS) else "") + f", with {_INTERVAL}; {_what_counts(levels)} "
              "Orange: the whole interval lies above the rate of all. Click a slice to make it the cohort.",
        not_shown="why a slice is harder; with many slices one may stand out by chance.",
        alt="Error rates: " + ", ".join(f"{e.name} {e.rate:.2f} of {e.count}" for e in found[:8]) + ".",
        table=lambda: pd.DataFrame([{"slice": e.name, "filter": "; ".join(map(str, e.parts)), "samples": e.count,
                                     "errors": e.wrong, "error_rate": e.rate, "low": e.low, "high": e.high,
                                     "mean_error": e.error} for e in found]))


def _finding(found: list[measured.Slice], overall: float, classes: bool) -> str:
    if not found:
        return "No sample to slice"
    top = max(found, key=lambda each: each.low)
    if top.low > overall:
        return (f"‘{text.plain(top.name)}’ {'is wrong' if classes else 'has large errors'} more often: {top.rate:.0%} "
                f"({top.low:.0%} to {top.high:.0%}), all {overall:.0%}")
    return f"No slice is clearly worse than all ({overall:.0%} {'wrong' if classes else 'large errors'})"


def _what_counts(levels: Levels) -> str:
    if levels.work.classes:
        return "an error is another class than annotated."
    return f"an error is one of at least {measured.limit(levels):.3g}, the largest quarter of all."


def worst(levels: Levels, theme: Theme = "light") -> Picture:
    """The cohort's samples with the largest errors.

    Args:
        levels: all samples, a cohort, one sample. theme: of the figure.
    """
    found, work = measured.worst(levels), levels.work
    names = [_said(name, row, bool(work.classes)) for name, row in found.rows.iterrows()]
    kind = "loss, −ln softmax of the true class (nats)" if work.classes else f"residual ({work.unit_of(0)})"
    title = "No sample of this cohort"
    if len(names):
        title = f"Sample {text.plain(found.rows.index[0])} is the worst: " + (
            f"loss {found.values[0]:.2f}" if work.classes else f"off by {found.values[0]:+.2f}")
    ids = found.rows.index.tolist()
    return Picture(
        "worst", title,
        figures.worst(names, found.values, axis=kind, theme=theme,
                      chosen=ids.index(levels.sample.id) if levels.sample.id in ids else None),
        shows=f"the {len(names)} samples of the {text.plain(levels.name)} with the largest "
              + ("loss" if work.classes else "residual, prediction minus annotation") + ": annotated → predicted. "
              "Click a bar to open it.",
        not_shown="whether the annotation is right.",
        alt="Largest errors: " + "; ".join(f"{name} {value:.2f}" for name, value in
                                           zip(names[:5], found.values[:5], strict=False)) + ".",
        table=lambda: found.rows[["truth", "prediction", "error"]].assign(
            **{"loss" if work.classes else "residual": found.values}).reset_index())


def _said(name: object, row: pd.Series, classes: bool) -> str:
    if classes:
        return f"{name}: {row['truth']} → {row['prediction']}"
    return f"{name}: {row['truth']:+.2f} → {row['prediction']:+.2f}"


def some(levels: Levels, **_: object) -> bool:
    """Whether there is a sample."""
    return len(levels.rows) > 0


def allowed(view: View, work: Workspace) -> dict[str, say.Allowed]:
    """What an address may say of the slices."""
    table = cohort_measures.cohort_table(work, None)
    return {"slice": say.options("Slices", measured.kinds(work, table), "The first grouping is shown.")}


PANELS = {"slices": Panel(slices, {"by": word("slice")}, fits=some), "worst": Panel(worst, fits=some)}
