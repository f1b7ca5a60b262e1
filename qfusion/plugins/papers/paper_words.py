"""Papers and what came out of their models, in sentences that follow from intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qfusion._sentences import capitalise, count, listed, top
from qfusion.plugins.papers import benchmark_board
from qfusion.plugins.papers.paper_list import UNKNOWN, DataStatus, Paper
from qfusion.plugins.papers.paper_results import (
    Estimate,
    FigureComparison,
    FigureResult,
    Gap,
    ModelResult,
    Outcome,
    ParameterClaim,
    Reproduction,
    Verdict,
)
from qfusion.plugins.why.audit.words import explain_verdict, summarise_audit
from qfusion.training import metrics
from qfusion.views.words.rules import format_estimate

LEVEL = 0.05  # of p-values after correction
SHORT = {
    Verdict.NO_FIGURE: "no published figure is known to us",
    Verdict.NO_METRIC: "no metric in common with the published figure",
    Verdict.NOT_MEASURED: "not measured",
    Verdict.COMPATIBLE: "compatible with the published figure",
    Verdict.BELOW: "below the published figure",
    Verdict.ABOVE: "above the published figure",
    Verdict.CONVENTION_DECIDES: "cannot be compared, as the convention is unknown",
}
JUDGED = (Verdict.COMPATIBLE, Verdict.BELOW, Verdict.ABOVE)
LINEAR = "linear"  # the rival without encoders


def title_result(result: Reproduction, paper: Paper) -> str:
    """Return paper, data set, and the verdict in a few words, with what it is said of."""
    trial = ""
    if result.shortened is not None:
        trial = f" (a trial of {count(result.shortened, 'epoch')})"
    return f"{paper.name} on {result.title}: {shorten_verdict(result, paper)}{trial}"


def shorten_verdict(result: Reproduction, paper: Paper) -> str:
    """Return the verdict on the first published figure in a few words; on our boards on all numbers."""
    if not result.figures:
        return "no such board" if paper.is_board else SHORT[Verdict.NO_FIGURE]
    first = result.figures[0]
    if paper.is_board:
        same = sum(figure.verdict == Verdict.COMPATIBLE for figure in result.figures)
        return f"{same} of {len(result.figures)} numbers come back on the same test rows"
    short = SHORT[first.verdict]
    if first.verdict == Verdict.COMPATIBLE and first.convention == UNKNOWN:
        short += ", convention unknown"
    if first.verdict not in JUDGED:
        return short
    return f"our {'reading' if paper.readings[0].faithful else 'stand-in'} is {short}"


def describe_verdict(result: Reproduction, paper: Paper) -> str:
    """Return what follows for the published figures of a data set, one clause for each figure."""
    if result.figures:
        clauses = [_describe_figure(figure, result, paper) for figure in result.figures]
        return capitalise("; ".join(clauses))
    first = result.readings[0]
    reaches = f"{first.label} reaches {_metric_with_interval(result, first, result.metric)}"
    if paper.is_board:
        return f"No board has the rows of {result.title}, so there is no number to compare with: {reaches}"
    return f"No published figure of {paper.name} on {result.title} is known to us: {reaches}"


def _describe_figure(figure: FigureResult, result: Reproduction, paper: Paper) -> str:
    label = result.model(figure.reading).label
    published = (
        f"the {'board' if figure.same_rows else 'published'} {figure.label} of {figure.value:.3f}"
    )
    if figure.verdict == Verdict.NOT_MEASURED:
        return f"{label} has fewer than two trained seeds, so {published} is not compared"
    if figure.verdict == Verdict.NO_METRIC:
        return f"{result.title} has none of the metrics that {published} may be, so nothing is compared"
    if figure.same_rows:
        return _describe_board_number(figure, label, published, result)
    parts = "; ".join(_describe_comparison(one, result) for one in figure.comparisons)
    if figure.verdict == Verdict.CONVENTION_DECIDES:
        return (
            f"{capitalise(published)} cannot be compared, as its convention is unknown and the answer depends on it: "
            f"{label} is {parts}"
        )
    model = label if paper.readings[0].faithful else f"{label}, which stands in for {paper.name},"
    under = (
        "" if figure.convention != UNKNOWN else f" under {_each(figure)} that we compare it with"
    )
    sentence = (
        f"{model} is {figure.verdict} {_preposition(figure.verdict)}{published}{under}: {parts}"
    )
    if figure.verdict == Verdict.COMPATIBLE:
        most = max(max(abs(one.low), abs(one.high)) for one in figure.comparisons)
        sentence += (
            f". This is no confirmation: a difference of {most:.3f} would be compatible, too"
        )
    return sentence


def _describe_board_number(
    figure: FigureResult, label: str, published: str, result: Reproduction
) -> str:
    (one,) = figure.comparisons
    comes = "comes back" if figure.verdict == Verdict.COMPATIBLE else "does not come back"
    return (
        f"{published} {comes}: {label} reaches {one.ours.value:.3f}, a difference of {_difference(one)} over training "
        "seeds"
    )


def _preposition(verdict: Verdict) -> str:
    return "with " if verdict == Verdict.COMPATIBLE else ""


def _each(figure: FigureResult) -> str:
    names = len(figure.comparisons)
    return "the only metric" if names == 1 else f"each of the {names} metrics"


def _describe_comparison(one: FigureComparison, result: Reproduction) -> str:
    short = _short(one.metric, result)
    if one.outcome == Outcome.WITHIN:
        return f"{one.ours.value:.3f} as {short}, a difference of {_difference(one)}"
    least, most = sorted((abs(one.low), abs(one.high)))
    distance = format_estimate(abs(one.difference), least, most)
    return f"{one.ours.value:.3f} as {short}, {one.outcome} by {distance}"


def _difference(one: FigureComparison) -> str:
    """Return the difference to a published figure with its interval and signs."""
    ends = f"{format_difference(one.low)} to {format_difference(one.high)}"
    return f"{format_difference(one.difference)} (95% CI {ends})"


def describe_uncertainty(result: Reproduction) -> str:
    """Return what the intervals of differences to published figures cover, or an empty string."""
    if not any(figure.comparisons for figure in result.figures):
        return ""
    if all(figure.same_rows for figure in result.figures):
        return ""
    return (
        "These intervals are for new training seeds and new test rows, and take the published figure to be as "
        "uncertain as ours, because its own error is unknown"
    )


def describe_limits(result: Reproduction, paper: Paper) -> str:
    """Return why a difference to the published figures need not be the model's, or an empty string."""
    parts = []
    if any(figure.features == UNKNOWN for figure in result.figures):
        parts.append("the features and test rows behind the published figure are unknown")
    if _is_out_of_reach(result):
        parts.append("all plain rivals on our features are also below it")
    if not paper.readings[0].faithful:
        parts.append("our model stands in for that of the paper")
    elif paper.departs:
        parts.append("our reading fills in what the paper is not known to say")
    if result.shortened is not None:
        parts.append(f"training was cut to {count(result.shortened, 'epoch')}")
    what = "the board" if paper.is_board else "the paper"
    return f"This does not judge {what}: {listed(parts)}" if parts else ""


def _is_out_of_reach(result: Reproduction) -> bool:
    """Return whether our reading and all rivals are below every published figure under every metric that it may be."""
    rivals = [rival for rival in result.rivals if len(rival.seeds) > 1]
    return bool(rivals and result.figures) and all(
        figure.verdict == Verdict.BELOW
        and all(
            _is_below(rival.metrics[one.metric], figure.value)
            for one in figure.comparisons
            for rival in rivals
        )
        for figure in result.figures
    )


def _is_below(estimate: Estimate, value: float) -> bool:
    return estimate.high is not None and estimate.high < value


def describe_rivals(result: Reproduction) -> str:
    """Return how the first reading compares with the best of the plain rivals. The best is picked by the test rows that
    it is measured on, which the sentence says.
    """
    best, first = result.best_rival(), result.readings[0]
    gap = None if best is None else result.gap(first.name, best.name)
    if best is None or gap is None:
        return "No plain rival was trained with it"
    value = f"{_short(result.metric, result)} {_estimate(best.metrics[result.metric])}"
    rivals = [rival for rival in result.rivals if len(rival.seeds) > 1]
    if len(rivals) == 1:
        start = f"The only plain rival, {_inside(best.label)}, reaches {value}"
        p = f"p {_probability(gap.p)}"
    else:
        start = f"{_name_best(result, rivals)} {value}"
        p = f"p {_probability(gap.holm)} after correction for {len(rivals)} rivals"
    return f"{start}; {first.label} {_judge_gap(gap)}: {_gain(gap)}, {p}"


def _name_best(result: Reproduction, rivals: Sequence[ModelResult]) -> str:
    """Return the beginning of a sentence on the rivals whose numbers are the best as they are written."""
    values = {rival.label: rival.metrics[result.metric].value for rival in rivals}
    alike = top(values, 3, smallest=not result.metric_label.higher_is_better)
    budget = f"{count(len(rivals), 'plain rival')} with the same rows and budget"
    if len(alike) == 1:
        return f"Of {budget}, {alike[0]} is the best on these test rows, which favours it, with"
    return f"Of {budget}, {listed(alike)} are the best on these test rows, which favours them, with"


def _gain(gap: Gap) -> str:
    """Return the gain of a reading over a rival with its interval, which is not corrected for several rivals."""
    one = gap.difference
    if one.low is None or one.high is None:
        return f"gain {format_difference(one.value)}"
    ends = f"{format_difference(one.low)} to {format_difference(one.high)}"
    return f"gain {format_difference(one.value)} (uncorrected 95% CI {ends})"


def _judge_gap(gap: Gap) -> str:
    """Return how a reading compares with a rival, after Holm's correction."""
    if gap.holm >= LEVEL:
        return "is not distinguishable from it"
    return f"is significantly {'better' if gap.difference.value > 0 else 'worse'}"


def describe_tuning(result: Reproduction) -> str:
    """Return how the settings of rivals and readings were chosen."""
    board = benchmark_board.open_board()
    name = board.board_of(result.data)
    if not name:
        return "All models have the same training options and default settings; none were tuned for this data set"
    if board.of(name).get("chosen"):
        return (
            "Learning rates and the like were chosen for single models on validation rows, as listed with the "
            "leaderboard's terms"
        )
    return (
        "All models have the training schedule of our shipped recipe, which was chosen with one of our own models, so "
        "a rival may do better with settings of its own"
    )


def describe_exceptions(result: Reproduction) -> str:
    """Return which rivals have no encoders, or an empty string."""
    if not any(rival.name == LINEAR for rival in result.rivals):
        return ""
    return "The linear model has no encoders and is fitted to the minimum of its loss"


def describe_claim(claim: ParameterClaim, result: Reproduction) -> str:
    """Return how many times as many parameters the rival has, whether it is better for them, and which rivals have no
    more parameters than the reading without being worse."""
    ours = result.model(claim.reading)
    rival = result.model(claim.rival)
    start = (
        f"After the encoders {ours.label} has {ours.after_encoders:,} parameters and the {_inside(rival.label)} "
        f"{rival.after_encoders:,}, {claim.after_encoders:.1f} times as many; with the encoders "
        f"{claim.total:.2f} times"
    )
    means = "read as at least 24 times"
    judged = (
        f"'dozens of times fewer' ({means}) holds after the encoders, against this rival, whose width we chose"
        if claim.holds
        else f"'dozens of times fewer' ({means}) does not hold here"
    )
    gap = result.gap(claim.reading, claim.rival)
    if gap is None:
        return f"{start}: {judged}"
    short = _short(result.metric, result)
    sentence = f"{start}: {judged}; in {short} {ours.label} {_judge_gap(gap)}, {_gain(gap)}"
    small = _rivals_of_its_size(ours, result)
    if small:
        verb = "is" if len(small) == 1 else "are"
        sentence += f". With no more parameters, {listed(small)} {verb} not significantly worse"
    return sentence


def _rivals_of_its_size(ours: ModelResult, result: Reproduction) -> list[str]:
    """Return the rivals with no more parameters after the encoders than a reading which are not significantly worse,
    each with its number of parameters."""
    names = []
    for rival in result.rivals:
        gap = result.gap(ours.name, rival.name)
        worse = gap is not None and gap.holm < LEVEL and gap.difference.value > 0
        if gap is not None and rival.after_encoders <= ours.after_encoders and not worse:
            names.append(f"{rival.label} ({rival.after_encoders:,})")
    return names


def describe_audit(result: Reproduction, paper: Paper) -> str:
    """Return which resources the audited reading needs on these data, or an empty string if it was not compared with
    twins."""
    if not result.audit:
        return ""
    rows = result.audit["rows"]
    words = summarise_audit(rows, [row["resource"] for row in rows])
    margin = _margin(rows)
    metric = _lower(result.audit["short"])
    within = f", differences up to {margin} of {metric} counting as none" if margin else ""
    if paper.is_board:
        seeds = count(result.audit["seeds"], "seed")
        return f"Resources on {result.title}, as measured for the leaderboard with {seeds}{within}: {words}"
    return f"Resources of {_inside(result.model(result.audited).label)} on {result.title}{within}: {words}"


def _margin(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the margin, or the range of margins, up to which differences of resources count as none."""
    margins = [row["margin"] for row in rows if "margin" in row]
    if not margins:
        return ""
    low = f"{min(margins):.3f}"
    high = f"{max(margins):.3f}"
    return low if low == high else f"{low} to {high}"


def describe_reproduction(result: Reproduction, paper: Paper) -> list[str]:
    """Return all findings, a sentence each, the verdict first."""
    sentences = [
        describe_verdict(result, paper),
        describe_uncertainty(result),
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


def list_compared(result: Reproduction) -> str:
    """Return the figures that a result is compared with, or an empty string."""
    if all(figure.same_rows for figure in result.figures):
        return "; ".join(
            f"{result.model(figure.reading).label}: {figure.label} {figure.value:.3f}"
            for figure in result.figures
        )
    return "; ".join(
        f"{figure.value:g}, convention {figure.convention}" for figure in result.figures
    )


def describe_unknown(result: Reproduction, paper: Paper) -> str:
    """Return what a reproduction leaves open."""
    first = (
        "Does not show what other test rows would give"
        if paper.is_board
        else "Does not show whether the paper's own model, with its features and on its test rows, reaches the "
        "published figure"
    )
    return f"{first}. {describe_tuning(result)}."


def list_figures(paper: Paper) -> str:
    """Return the public figures of a paper."""
    if paper.is_board:
        return f"{len(paper.figures)} of our own boards"
    figures = [
        f"{figure.data} {figure.value:g} ({figure.label}; convention {figure.convention}; features "
        f"{figure.features}; source: {figure.source})"
        for figure in paper.figures
    ]
    return "; ".join(figures) or "none known to us"


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


def explain_models_table(result: Reproduction) -> str:
    """Return what the table of models shows."""
    exceptions = describe_exceptions(result)
    return (
        f"Models with the same rows and budget: {describe_budget(result)}. {exceptions + '. ' if exceptions else ''}"
        f"Brackets: 95 % intervals for new training seeds and new test rows. Gain: of {result.readings[0].label} over "
        f"the model in {_short(result.metric, result)}, above 0 where it is better; p after Holm's correction, "
        "intervals without"
    )


def explain_resources_table(result: Reproduction, alone: bool) -> str:
    """Return what the table of resources shows.

    Args:
        alone: whether some intervals are for new seeds on these test rows alone.
    """
    whose = _inside(result.model(result.audited).label) if result.audited else "our systems"
    new = "new training seeds and new test rows"
    if alone:
        new += ", or for new seeds alone where the verdict says 'on these rows' or single rows were not recorded"
    return (
        f"Resources of {whose} on {result.title}: {result.audit['short']} of the model and of a twin without each, "
        f"trained in the same way. Intervals are for {new}. Verdicts are after Holm's correction, intervals without"
    )


def _metric_with_interval(result: Reproduction, model: ModelResult, key: str) -> str:
    return f"{_short(key, result)} {_estimate(model.metrics[key])}"


def _estimate(one: Estimate) -> str:
    return format_estimate(one.value, one.low, one.high)


def _short(key: str, result: Reproduction) -> str:
    """Return the name of a metric within a sentence."""
    return _lower(metrics.label(key, result.convention).short)


def _lower(short: str) -> str:
    """Return the short name of a metric without a capital letter, unless it is an abbreviation."""
    return short[0].lower() + short[1:] if short.isalpha() and not short.isupper() else short


def _inside(label: str) -> str:
    """Return a label within a sentence: abbreviations keep their capitals."""
    return label[0].lower() + label[1:] if label.split()[0][1:].islower() else label


def format_difference(value: float) -> str:
    """Return a difference with its sign; one that rounds to 0 has none."""
    words = f"{value:+.3f}"
    return "0.000" if words in ("-0.000", "+0.000") else words


def _probability(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"
