"""Check of the seeds: whether a reported figure is the mean over training seeds or the best of them."""

from typing import Any

import numpy as np
import pandas as pd

from qfusion.plugins.review.checks import evidence
from qfusion.plugins.review.checks.check import Check, Finding, Topic, sort_judged
from qfusion.plugins.review.checks.claims import ClaimedFigure, Claims
from qfusion.plugins.review.checks.measured_metrics import MeasuredMetrics, measure_metrics
from qfusion.study.metric_gains import main_metric
from qfusion.study.study import Study
from qfusion.training.checkpoint_cards import label

FEWEST = 3  # seeds from which a mean is judged


def check_seeds(study: Study, claims: Claims) -> Check:
    """Return whether the reported figures agree with the mean over training seeds.

    A figure is the best seed's where it rounds to that and not to the mean, or lies above the 95% t interval of the
    mean. One that is above the best seed as well is not reached. A figure that is of another convention than it is
    called is compared by that convention. Without reported figures, it is noted where the model in question is the
    best of its seeds and not the first of them.
    """
    measured = measure_metrics(study, claims)
    key = main_metric(study.dataset)[0]
    if len(measured.seeds.get(key, [])) < FEWEST:
        known = max(1, len(measured.seeds.get(key, [])))
        return Check(Topic.SEEDS, (Finding.ONE_SEED,), numbers={"seeds": known})
    figures = map(measured.resolve, claims.figures)
    judged = sort_judged(
        {
            figure: judge_figure(figure, measured.seeds[figure.metric])
            for figure in figures
            if figure.metric in measured.seeds
        }
    )
    if judged:
        findings = tuple(judged.values())
        details = tuple(_seed_numbers(study, one.metric, measured, one) for one in judged)
    else:
        findings = (_judge_opened(study, key, measured),)
        details = (_seed_numbers(study, key, measured),)
    first = details[0]
    convention = study.dataset.target.convention
    records = []
    for name, values in measured.seeds.items():
        record = {
            "metric": label(name, convention).short,
            "mean": float(np.mean(values)),
            "standard deviation": float(np.std(values, ddof=1)),
            "lowest": min(values),
            "highest": max(values),
        }
        records.append(record)
    return Check(
        Topic.SEEDS,
        findings,
        first["mean"],
        f"mean {first['metric']} over {first['seeds']} seeds",
        first,
        pd.DataFrame(records),
        details,
    )


def _seed_numbers(
    study: Study, key: str, measured: MeasuredMetrics, figure: ClaimedFigure | None = None
) -> dict[str, Any]:
    """Return the numbers of a metric over seeds, and of the reported figure that is compared with them."""
    values = measured.seeds[key]
    best = max(values) if label(key).higher_is_better else min(values)
    return {
        "seeds": len(values),
        "metric": label(key, study.dataset.target.convention).short,
        "mean": evidence.t_interval(values),
        "best": best,
        "std": float(np.std(values, ddof=1)),
        "claimed": figure.value if figure else np.nan,
        "is_best": bool(figure and figure.matches(best)),
    }


def judge_figure(figure: ClaimedFigure, values: list[float]) -> Finding:
    """Return the finding on a reported figure and the values of its metric over seeds."""
    mean = evidence.t_interval(values)
    if label(figure.metric).higher_is_better:
        best = max(values)
        excess = figure.value - best
        over_mean = figure.value - mean.high
        shortfall = mean.low - figure.value
    else:
        best = min(values)
        excess = best - figure.value
        over_mean = mean.low - figure.value
        shortfall = figure.value - mean.high
    if excess > figure.rounding and over_mean > figure.rounding:
        return Finding.BEYOND_SEEDS
    is_best = figure.matches(best) and not figure.matches(mean.value)
    if is_best or over_mean > figure.rounding:
        return Finding.BEST_SEED
    if shortfall > figure.rounding:
        return Finding.BELOW_SEEDS
    return Finding.MEAN_REPORTED


def _judge_opened(study: Study, key: str, measured: MeasuredMetrics) -> Finding:
    """Return whether the model in question is the best of its seeds, and was not simply trained first."""
    own, values = measured.own[key], measured.seeds[key]
    best = max(values) if label(key).higher_is_better else min(values)
    is_best = abs(own - best) < 1e-9 and sum(abs(one - own) < 1e-9 for one in values) == 1
    seeds = study.card.get("seeds")
    is_first = not isinstance(seeds, list) or not seeds or study.card.get("seed") == seeds[0]
    return Finding.BEST_SEED_OPENED if is_best and not is_first else Finding.SEEDS_KNOWN
