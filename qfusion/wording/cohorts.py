"""Names of the samples of a cohort, their intervals, and the correlation of entanglement with interaction."""

from collections.abc import Mapping

import pandas as pd

from qfusion._sentences import listed
from qfusion.analysis.cohort_levels import Levels
from qfusion.analysis.cohort_table import JOINT, JOINT_SHARE
from qfusion.data import DataSet
from qfusion.explain import bootstrap
from qfusion.explain.cohort_filters import EVERYTHING

EVERY_SPLIT = "every split"
ALL = "all of {split}"
ALL_EXPLAINED = "all explained samples of {split}"
WITH_SIZE = "{name} (n = {count:,})"
COHORT = "cohort"
NAMED_COHORT = "cohort ‘{name}’"
INTERVALS = "{level:.0%} percentile bootstrap, {resamples:,} resamples{clusters}, seed 0"
CLUSTERS = " of {clusters}, not of rows"
# Strengths of the interaction: the quantity, its short name, and the article before "larger".
STRENGTHS = {
    JOINT: ("the size of joint terms", "joint terms", ""),
    JOINT_SHARE: ("the joint share of decisions", "joint share", "a "),
}
CORRELATION = "rank correlation {r:+.2f}, {level:.0%} CI {low:+.2f} to {high:+.2f}, n = {count:,}"
UNKNOWN = "Unknown: {count} samples are too few, or {measure} does not vary"
NOT_SIGNIFICANT = (
    "No significant correlation of {measure} with {strength}; |ρ| above {bound:.2f} is excluded "
    "({correlation})"
)
NEGATIVE = "Inversely: more {measure} goes with {article}smaller {part} ({correlation})"
POSITIVE = (
    "{degree}: more {measure} goes with {article}larger {part} ({correlation}; r² {r2:.2f}{linear})"
)
NOT_LINEAR = "; the linear correlation is not significant"
WEAK, STRONG = 0.3, 0.7  # below the first a rank correlation is weak, from the second on strong


def name_split(levels: Levels) -> str:
    """Return the splits of the samples: "test", "train and valid", "every split"."""
    return EVERY_SPLIT if levels.split == (EVERYTHING,) else listed(levels.split)


def name_all(levels: Levels) -> str:
    """Return the name of the first level, all samples of the split that are explained."""
    template = ALL_EXPLAINED if levels.is_partial else ALL
    return template.format(split=name_split(levels))


def name_all_with_size(levels: Levels) -> str:
    """Return the name of the first level with its number of samples."""
    return WITH_SIZE.format(name=name_all(levels), count=len(levels.rows))


def name_cohort(levels: Levels) -> str:
    """Return the name of the second level, the cohort."""
    return NAMED_COHORT.format(name=levels.name) if levels.name else COHORT


def name_cohort_with_size(levels: Levels) -> str:
    """Return the name of the cohort with its number of samples."""
    return WITH_SIZE.format(name=name_cohort(levels), count=int(levels.inside.sum()))


def describe_level_intervals(levels: Levels) -> str:
    """Return the method of the confidence intervals over the rows of all levels."""
    return describe_intervals(levels.study.dataset, levels.rows)


def describe_intervals(
    dataset: DataSet, rows: pd.DataFrame, resamples: int = bootstrap.RESAMPLES
) -> str:
    """Return the method of confidence intervals over rows of a table (index id)."""
    clusters = ""
    if dataset.clusters is not None:
        count = dataset.clusters.describe_count(dataset.find_rows(rows.index))
        clusters = CLUSTERS.format(clusters=count)
    return INTERVALS.format(level=bootstrap.LEVEL, resamples=resamples, clusters=clusters)


def describe_correlation(
    result: Mapping[str, bootstrap.Interval], measure: str, strength: str
) -> str:
    """Return whether a measure of entanglement correlates with a strength of the interaction, as a sentence without its
    end.

    Args:
        result: Spearman's and Pearson's correlation. measure, strength: their names.
    """
    quantity, part, article = STRENGTHS[strength]
    r = result["spearman"]
    if not r.known:
        return UNKNOWN.format(count=r.n, measure=measure)
    correlation = CORRELATION.format(r=r.value, level=r.level, low=r.low, high=r.high, count=r.n)
    if not r.excludes_zero:
        return NOT_SIGNIFICANT.format(
            measure=measure, strength=quantity, bound=max(-r.low, r.high), correlation=correlation
        )
    if r.value < 0:
        return NEGATIVE.format(measure=measure, article=article, part=part, correlation=correlation)
    return POSITIVE.format(
        degree=_describe_degree(r.value),
        measure=measure,
        article=article,
        part=part,
        correlation=correlation,
        r2=r.value**2,
        linear="" if result["pearson"].excludes_zero else NOT_LINEAR,
    )


def _describe_degree(r: float) -> str:
    if abs(r) < WEAK:
        return "Weakly"
    return "Moderately" if abs(r) < STRONG else "Strongly"
