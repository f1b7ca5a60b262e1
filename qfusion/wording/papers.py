"""Papers and what came out of their models, in sentences that follow from intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qfusion._sentences import capitalise, count, listed, top
from qfusion.analysis.paper_list import UNKNOWN, DataStatus, Paper
from qfusion.analysis.paper_results import (
    Estimate,
    FigureComparison,
    FigureResult,
    ModelResult,
    Outcome,
    ParameterClaim,
    Reproduction,
    Verdict,
)
from qfusion.training import metrics
from qfusion.wording.audits import explain_verdict, summarise_audit
from qfusion.wording.numbers import format_estimate

LEVEL = 0.05  # of p-values after correction
SHORT = {
    Verdict.NO_FIGURE: "no public figure",
    Verdict.NO_METRIC: "no metric in common",
    Verdict.REPRODUCED: "reproduced within the interval",
    Verdict.BELOW: "below the published figure",
    Verdict.ABOVE: "above the published figure",
    Verdict.CONVENTION_DECIDES: "cannot be compared: convention unknown",
}
COMPATIBLE = "within the interval, convention unknown"


def describe_verdict(result: Reproduction, paper: Paper) -> str:
    """Return what follows for the published figures of a data set, one clause for each figure."""
    if not result.figures:
        first = result.readings[0]
        return (
            f"There is no public figure of {paper.name} on {result.title} to compare with: {first.label} reaches "
            f"{_metric_with_interval(result, first, result.metric)}"
        )
    return "; ".join(_describe_figure(figure, result) for figure in result.figures)


def shorten_verdict(result: Reproduction) -> str:
    """Return the verdict on the first published figure in a few words."""
    if not result.figures:
        return SHORT[Verdict.NO_FIGURE]
    return _shorten(result.figures[0])


def _shorten(figure: FigureResult) -> str:
    if figure.verdict == Verdict.REPRODUCED and figure.convention == UNKNOWN:
        return COMPATIBLE
    return SHORT[figure.verdict]


def _describe_figure(figure: FigureResult, result: Reproduction) -> str:
    label = result.model(figure.reading).label
    published = f"the published {figure.label} of {figure.value:.3f}"
    if figure.verdict == Verdict.NO_METRIC:
        return f"{capitalise(published)} cannot be compared: {result.title} has none of the metrics that it may be"
    known = figure.convention != UNKNOWN
    if figure.verdict == Verdict.CONVENTION_DECIDES:
        parts = [_describe_comparison(one, result) for one in figure.comparisons]
        return (
            f"{capitalise(published)} cannot be compared: its convention is unknown, and the answer depends on it. "
            f"{label} is {listed(parts)}"
        )
    if figure.verdict == Verdict.REPRODUCED:
        parts = [_ours(one, result) for one in figure.comparisons]
        if known:
            return f"Reproduced within the interval: {published} lies in that of {label}, {listed(parts)}"
        return (
            f"{capitalise(published)} lies within the interval of {label} under {_each(figure)} that it may be: "
            f"{listed(parts)}. It is not contradicted, but which of them it is, is unknown"
        )
    way = "below" if figure.verdict == Verdict.BELOW else "above"
    parts = [_describe_distance(one, result) for one in figure.comparisons]
    if known:
        return f"Not reproduced: {label} is {way} {published}, {listed(parts)}"
    return f"Not reproduced: {label} is {way} {published} under {_each(figure)} that it may be, {listed(parts)}"


def _each(figure: FigureResult) -> str:
    names = len(figure.comparisons)
    return "the only metric" if names == 1 else f"each of the {names} metrics"


def _ours(one: FigureComparison, result: Reproduction) -> str:
    return f"{_short(one.metric, result)} {_estimate(one.ours)}"


def _describe_distance(one: FigureComparison, result: Reproduction) -> str:
    value, low, high = one.difference
    ends = sorted(abs(end) for end in (low, high) if end is not None)
    by = format_estimate(abs(value), *(ends if len(ends) == 2 else (None, None)))
    return f"by {by} as {_short(one.metric, result)}"


def _describe_comparison(one: FigureComparison, result: Reproduction) -> str:
    if one.outcome == Outcome.WITHIN:
        return (
            f"at {_estimate(one.ours)} as {_short(one.metric, result)}, whose interval contains it"
        )
    way = "below" if one.outcome == Outcome.BELOW else "above"
    return f"{way} it {_describe_distance(one, result)}"


def describe_limits(result: Reproduction, paper: Paper) -> str:
    """Return why a difference to the published figures need not be the model's, or an empty string."""
    parts = []
    if any(figure.features == UNKNOWN for figure in result.figures):
        parts.append("the features and test rows behind the published figure are unknown")
    if _is_out_of_reach(result):
        parts.append("no plain rival on our features reaches it either")
    if not next(reading.faithful for reading in paper.readings):
        parts.append("our model stands in for one whose details are unknown to us")
    elif paper.departs:
        parts.append("our reading fills in what the paper is not known to say")
    if result.shortened is not None:
        parts.append(f"training was cut to {count(result.shortened, 'epoch')}")
    return f"This does not judge the paper: {listed(parts)}" if parts else ""


def _is_out_of_reach(result: Reproduction) -> bool:
    """Return whether our reading and all rivals are below every published figure under every metric that it may be."""
    return bool(result.rivals and result.figures) and all(
        figure.verdict == Verdict.BELOW
        and all(
            one.metric not in rival.metrics or _is_below(rival.metrics[one.metric], figure.value)
            for one in figure.comparisons
            for rival in result.rivals
        )
        for figure in result.figures
    )


def _is_below(estimate: Estimate, value: float) -> bool:
    return estimate.high is not None and estimate.high < value


def describe_rivals(result: Reproduction) -> str:
    """Return how the first reading compares with the best of the plain rivals."""
    best, first = result.best_rival(), result.readings[0]
    gap = None if best is None else result.gap(first.name, best.name)
    if best is None or gap is None:
        return "No plain rival was trained with it"
    short = _short(result.metric, result)
    difference = format_difference(gap.difference.value)
    if gap.difference.low is not None and gap.difference.high is not None:
        low, high = map(format_difference, (gap.difference.low, gap.difference.high))
        difference += f" (95% CI {low} to {high})"
    values = {
        rival.label: rival.metrics[result.metric].value for rival in result.rivals if rival.metrics
    }
    alike = top(values, 3, smallest=not result.metric_label.higher_is_better)
    verb = "is" if len(alike) == 1 else "are"
    start = (
        f"The best of {count(len(result.rivals), 'plain rival')} with the same rows, encoders and schedule {verb} "
        f"{listed(alike)} with {short} {_estimate(best.metrics[result.metric])}"
    )
    if len(alike) > 1:
        start += f" of {best.label}"
    if gap.holm >= LEVEL:
        end = f"{first.label} is not distinguishable from it"
    elif gap.difference.value > 0:
        end = f"{first.label} is significantly better"
    else:
        end = f"{first.label} is significantly worse"
    return f"{start}; {end}: {difference}, adjusted p {_probability(gap.holm)}"


def describe_claim(claim: ParameterClaim, result: Reproduction) -> str:
    """Return how many times as many parameters the rival has, and whether it is better for them."""
    ours, rival = result.model(claim.reading), result.model(claim.rival)
    start = (
        f"After the encoders {ours.label} has {ours.after_encoders:,} parameters and the {_inside(rival.label)} "
        f"{rival.after_encoders:,}, {claim.after_encoders:.1f} times as many; with the encoders "
        f"{claim.total:.2f} times"
    )
    means = "at least 24 times, as we read it"
    judged = (
        f"'dozens of times fewer' ({means}) holds after the encoders"
        if claim.holds
        else f"'dozens of times fewer' ({means}) does not hold here"
    )
    gap = result.gap(claim.reading, claim.rival)
    if gap is None:
        return f"{start}: {judged}"
    if gap.holm >= LEVEL:
        end = "the two are not distinguishable"
    elif gap.difference.value > 0:
        end = f"{ours.label} is significantly better"
    else:
        end = f"{ours.label} is significantly worse"
    by = format_difference(gap.difference.value)
    return f"{start}: {judged}; in {_short(result.metric, result)} {end} ({by})"


def describe_audit(result: Reproduction, paper: Paper) -> str:
    """Return which resources the audited reading needs, or an empty string if it was not compared with twins."""
    if not result.audit:
        return ""
    rows = result.audit["rows"]
    words = summarise_audit(rows, [row["resource"] for row in rows])
    if paper.is_board:
        return f"Resources, as measured for the leaderboard: {words}"
    return f"Resources of {result.model(result.audited).label}: {words}"


def describe_reproduction(result: Reproduction, paper: Paper) -> list[str]:
    """Return all findings, a sentence each, the verdict first."""
    sentences = [
        describe_verdict(result, paper),
        describe_limits(result, paper),
        describe_rivals(result),
        *(describe_claim(claim, result) for claim in result.claims),
        describe_audit(result, paper),
    ]
    return [f"{sentence}." for sentence in sentences if sentence]


def describe_budget(result: Reproduction) -> str:
    """Return rows and epochs that all models share."""
    epochs = sorted({number for model in result.models for number in model.epochs} or {0})
    shown = f"{epochs[0]} to {epochs[-1]} epochs" if len(epochs) > 1 else count(epochs[0], "epoch")
    items = (
        ""
        if round(result.independent) == result.test_rows
        else f" ({result.independent:,.0f} count as independent)"
    )
    return (
        f"{result.trained_on:,} rows to train on, {result.test_rows:,} test rows{items}, {shown}, "
        f"{count(result.seeds, 'seed')}"
    )


def describe_source(paper: Paper) -> str:
    """Return title, authors and reference of a paper, as far as they are known."""
    title = f"{paper.name} (title unknown to us)" if paper.title == UNKNOWN else paper.title
    authors = "authors unknown to us" if paper.authors == UNKNOWN else paper.authors
    return f"{title}; {authors}; {paper.reference}"


def list_figures(paper: Paper) -> str:
    """Return the public figures of a paper."""
    if paper.is_board:
        return f"{len(paper.figures)} of our own boards"
    figures = [
        f"{figure.data} {figure.value:.3f} ({figure.label}; convention {figure.convention}; features "
        f"{figure.features})"
        for figure in paper.figures
    ]
    return "; ".join(figures) or "none on record"


def list_data(statuses: Sequence[DataStatus]) -> str:
    """Return data sets, each with whether it is here."""
    return ", ".join(one.name if one.here else f"{one.name} (not here)" for one in statuses)


def describe_failures(models: Sequence[ModelResult]) -> str:
    """Return which trainings failed, or an empty string."""
    failed = [
        f"{model.label} with {len(model.failed)} ({model.failed[0]})"
        for model in models
        if model.failed
    ]
    return f"Failed trainings: {listed(failed)}" if failed else ""


def explain_audit_row(row: Mapping[str, Any]) -> str:
    """Return the verdict on a resource with its reason, if there is one besides the interval."""
    note = explain_verdict(row)
    return f"{row['verdict']} ({note})" if note else str(row["verdict"])


def _metric_with_interval(result: Reproduction, model: ModelResult, key: str) -> str:
    return f"{_short(key, result)} {_estimate(model.metrics[key])}"


def _estimate(one: Estimate) -> str:
    return format_estimate(one.value, one.low, one.high)


def _short(key: str, result: Reproduction) -> str:
    """Return the name of a metric within a sentence."""
    short = metrics.label(key, result.convention).short
    return short[0].lower() + short[1:] if short.isalpha() and not short.isupper() else short


def _inside(label: str) -> str:
    """Return a label within a sentence: abbreviations keep their capitals."""
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def format_difference(value: float) -> str:
    """Return a difference with its sign; one that rounds to 0 has none."""
    words = f"{value:+.3f}"
    return "0.000" if words in ("-0.000", "+0.000") else words


def _probability(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"
