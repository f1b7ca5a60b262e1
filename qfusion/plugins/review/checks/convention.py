"""Check of the convention: whether a reported figure is that of the metric it is called, or of another convention."""

from typing import Any

import numpy as np
import pandas as pd

from qfusion.explain.bootstrap import Interval
from qfusion.plugins.review.checks.check import Check, Finding, Topic, sort_judged
from qfusion.plugins.review.checks.claims import ClaimedFigure, Claims
from qfusion.plugins.review.checks.evidence import t_interval
from qfusion.plugins.review.checks.measured_metrics import (
    FAMILIES,
    MeasuredMetrics,
    measure_metrics,
)
from qfusion.study.study import Study
from qfusion.training.checkpoint_cards import label


def check_convention(study: Study, claims: Claims) -> Check:
    """Return whether reported figures fit the metric that they are called.

    A figure is of another convention where neither this model nor the mean nor any seed rounds to it by its own
    metric, and one of them does by another metric of its family.
    """
    measured = measure_metrics(study, claims)
    convention = study.dataset.target.convention
    shorts = {key: label(key, convention).short for key in measured.own}
    family = [
        key
        for key in next((names for names in FAMILIES if names[0] in measured.own), ())
        if key in measured.own
    ]
    shares = [measured.own[key] for key in family if key.startswith("acc")]
    difference = max(shares) - min(shares) if shares else 0.0
    rows = len(study.dataset.rows("test"))
    numbers = {
        "values": {shorts[key]: value for key, value in measured.own.items()},
        "differ": [shorts[key] for key in family],
    }
    if not claims.figures:
        finding = Finding.CONVENTIONS_DIFFER if len(shares) > 1 else Finding.ONE_CONVENTION
        return Check(
            Topic.CONVENTION,
            (finding,),
            Interval(difference, np.nan, np.nan, rows, 0),
            "largest difference by convention",
            numbers,
            _metric_table(measured, shorts),
        )
    judged = sort_judged({figure: judge_convention(figure, measured) for figure in claims.figures})
    figure = next(iter(judged))
    seeds = measured.seeds.get(figure.metric, [])
    own = measured.own[figure.metric]
    details = tuple(_figure_numbers(one, measured, shorts) for one in judged)
    return Check(
        Topic.CONVENTION,
        tuple(judged.values()),
        t_interval(seeds) if len(seeds) > 1 else Interval(own, np.nan, np.nan, rows, 0),
        shorts[figure.metric],
        {**numbers, **details[0]},
        _metric_table(measured, shorts),
        details,
    )


def _figure_numbers(
    figure: ClaimedFigure, measured: MeasuredMetrics, shorts: dict[str, str]
) -> dict[str, Any]:
    """Return the measured values that a reported figure is compared with."""
    other = measured.other_metric(figure)
    match = measured.find_match(figure, other or figure.metric)
    values = [measured.own[figure.metric], *measured.seeds.get(figure.metric, [])]
    return {
        "claimed": figure.value,
        "metric": shorts[figure.metric],
        "measured": measured.own[figure.metric],
        "other": shorts.get(other, ""),
        "holder": match[0] if match else "",
        "holds": match[1] if match else np.nan,
        "lowest": min(values),
        "highest": max(values),
    }


def judge_convention(figure: ClaimedFigure, measured: MeasuredMetrics) -> Finding:
    """Return the finding on the convention of a reported figure."""
    if measured.other_metric(figure):
        return Finding.OTHER_CONVENTION
    if measured.find_match(figure, figure.metric) or measured.is_within(figure):
        return Finding.CONVENTION_HOLDS
    return Finding.NOT_REPRODUCED


def _metric_table(measured: MeasuredMetrics, shorts: dict[str, str]) -> pd.DataFrame:
    rows = []
    for key, value in measured.own.items():
        row = {"metric": shorts[key], "this model": value}
        if key in measured.seeds:
            row["mean over seeds"] = float(np.mean(measured.seeds[key]))
        rows.append(row)
    return pd.DataFrame(rows)
