"""Own terms and verdicts compared with people's labels of single modalities, as titles, or why they cannot be."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from qfusion._sentences import capitalise, listed, share
from qfusion.explain.bootstrap import Interval
from qfusion.plugins.people.labels.label_comparison import MissingLabels
from qfusion.plugins.people.labels.term_agreement import TermAgreement, Trend, rank_trend
from qfusion.plugins.people.labels.unimodal_labels import (
    EITHER,
    LabelAgreement,
    SampleAgreement,
    verdict_trend,
)

# Own terms against labels, a clause for the modalities of each trend.
LABEL_TRENDS: dict[Trend, str] = {
    Trend.RISES: "own terms rise with {labels} of {modalities}",
    Trend.FALLS: "own terms fall where {labels} of {modalities} rise",
    Trend.NOT_SHOWN: "no significant relation to {labels} of {modalities}",
    Trend.UNKNOWN: "too few or constant labels of {modalities}",
}
RANK = "{modality} (ρ = {value:+z.2f} [{low:+z.2f}, {high:+z.2f}])"
COUNT = "{modality} (n = {count:,})"

# Verdicts of samples whose labels conflict against the other samples.
NO_CONFLICT_KNOWN = "No sample has {labels} of every modality, so conflicts are unknown"
VERDICT_TRENDS: dict[Trend, str] = {
    Trend.RISES: "Samples with conflicting {labels} get a {verdict} verdict more often: {rates}, {points}",
    Trend.FALLS: "Samples with conflicting {labels} get a {verdict} verdict less often: {rates}, {points}",
    Trend.NOT_SHOWN: "No significant relation of conflicting {labels} to {verdict} verdicts: {rates}, {points}",
    Trend.UNKNOWN: "Too few samples to relate conflicting {labels} to {verdict} verdicts: {rates}",
}
RATES = "{conflicting} of {conflicting_count:,} against {others} of {others_count:,}"
POINTS = "{value:+z.0f} points [{low:+z.0f}, {high:+z.0f}]"
NONE = "none"

# The correlations of a second model against those of a first, a clause for the modalities of each outcome.
MODEL_TRENDS: dict[Trend, str] = {
    Trend.RISES: "own terms of {second} follow {labels} of {modalities} more closely than those of {first}",
    Trend.FALLS: "own terms of {second} follow {labels} of {modalities} less closely than those of {first}",
    Trend.NOT_SHOWN: "no significant difference of {first} and {second} for {modalities}",
    Trend.UNKNOWN: "too few or constant labels of {modalities}",
}
CHANGE = "{modality} ({value:+z.3f} [{low:+z.3f}, {high:+z.3f}])"

# One sample.
UNREAD = "own terms are within their spread over training seeds, so that their signs say nothing"
ALL_ZERO = "{labels} of all modalities are 0"
SAME_SIGN = "own terms have the signs of {labels} of {same}"
SOME_SIGNS = "own terms have the signs of {labels} of {same}, not of {other}"
OTHER_SIGN = "own terms do not have the signs of {labels} of {other}"
CONFLICT = "; these labels and that of the whole conflict"
NO_CONFLICT = "; these labels and that of the whole do not conflict"

# Reasons why there are no labels to compare with.
MISSING_LABELS: dict[MissingLabels, str] = {
    MissingLabels.CLASSES: (
        "{title} has labels of single modalities, but its target is a class. Own terms are of the predicted class, so "
        "their signs and order do not correspond to those of the labels. Import the data with a numeric target "
        "(`--target regression`)."
    ),
    MissingLabels.OTHER_MODALITIES: (
        "{title} has labels of single modalities, but not of this model's modalities. Choose another model."
    ),
    MissingLabels.NONE: (
        "{title} has no labels of single modalities. CH-SIMS has them; in `planted` the hidden scores replace them. "
        "Votes of people are compared with a model on the page Compare."
    ),
}

MAX_NAMED = 4  # modalities that a title names; of more it gives the number
PART_OF_MANY = "{part} of {whole} modalities"
MANY = "{count} modalities"


def describe_label_trends(
    parts: Sequence[TermAgreement],
    labels: str,
    name: Callable[[str], str] = str,
    templates: Mapping[Trend, str] = LABEL_TRENDS,
) -> str:
    """Return for which modalities terms rise or fall with people's numbers, as a title.

    Args:
        parts: one for each modality, or term.
        labels: name of people's numbers, such as "people's labels".
        name: writes the name of a modality.
        templates: the clause of the modalities of each trend.
    """
    groups: dict[Trend, list[str]] = {}
    for entry in parts:
        trend = rank_trend(entry)
        modality = name(entry.name)
        if trend is Trend.UNKNOWN:
            text = COUNT.format(modality=modality, count=len(entry.label))
        else:
            text = _format_interval(RANK, modality, entry.rank)
        groups.setdefault(trend, []).append(text)
    return _join_groups(templates, groups, len(parts), labels=labels)


def describe_verdict_trend(result: LabelAgreement, labels: str, verdict: str = EITHER) -> str:
    """Return whether samples with conflicting labels get a verdict more often than the others, as a title.

    Args:
        result: agreement of one model.
        labels: name of the labels.
        verdict: key of `result.rates`.
    """
    if not result.known:
        return NO_CONFLICT_KNOWN.format(labels=labels)
    rate = result.rates[verdict]
    rates = RATES.format(
        conflicting=_format_share(rate.conflicting.value),
        conflicting_count=result.conflicting,
        others=_format_share(rate.others.value),
        others_count=result.known - result.conflicting,
    )
    points = POINTS.format(
        value=100 * rate.difference.value,
        low=100 * rate.difference.low,
        high=100 * rate.difference.high,
    )
    template = VERDICT_TRENDS[verdict_trend(rate)]
    return template.format(labels=labels, verdict=verdict, rates=rates, points=points)


def describe_model_trends(
    intervals: Mapping[str, Interval],
    first: str,
    second: str,
    labels: str,
    name: Callable[[str], str] = str,
) -> str:
    """Return for which modalities a second model's own terms follow the labels more closely than a first one's.

    Args:
        intervals: of the differences of their rank correlations, by modality; see `unimodal_labels.difference`.
        first, second: names of the models.
        labels: name of the labels.
        name: writes the name of a modality.
    """
    groups: dict[Trend, list[str]] = {}
    for modality, interval in intervals.items():
        text = _format_interval(CHANGE, name(modality), interval)
        if not interval.known:
            trend, text = Trend.UNKNOWN, name(modality)
        elif not interval.excludes_zero:
            trend = Trend.NOT_SHOWN
        else:
            trend = Trend.RISES if interval.low > 0 else Trend.FALLS
        groups.setdefault(trend, []).append(text)
    return _join_groups(
        MODEL_TRENDS, groups, len(intervals), first=first, second=second, labels=labels
    )


def describe_sample_labels(
    agreement: SampleAgreement, labels: str, name: Callable[[str], str] = str
) -> str:
    """Return for which modalities of one sample the own term has the label's sign, as a title.

    Args:
        agreement: of the sample.
        labels: name of the labels.
        name: writes the name of a modality.
    """
    if agreement.same_sign and agreement.other_sign:
        template = SOME_SIGNS
    elif agreement.same_sign:
        template = SAME_SIGN
    elif agreement.other_sign:
        template = OTHER_SIGN
    else:
        template = UNREAD if agreement.unread else ALL_ZERO
    title = template.format(
        labels=labels,
        same=_list_names(agreement.same_sign, name),
        other=_list_names(agreement.other_sign, name),
    )
    conflict = {None: "", True: CONFLICT, False: NO_CONFLICT}[agreement.conflict]
    return capitalise(title) + conflict


def explain_missing_labels(missing: MissingLabels | None, title: str) -> str:
    """Return why a data set has no labels to compare with; empty if it has.

    Args:
        missing: the reason.
        title: of the data set.
    """
    return "" if missing is None else MISSING_LABELS[missing].format(title=title)


def _join_groups(
    templates: Mapping[Trend, str], groups: Mapping[Trend, list[str]], total: int, **values: str
) -> str:
    """Return the clauses of all groups that have modalities, in the order of the templates."""
    clauses = []
    for trend, template in templates.items():
        modalities = groups.get(trend, [])
        if not modalities:
            continue
        text = listed(modalities)
        if total > MAX_NAMED:
            text = PART_OF_MANY.format(part=len(modalities), whole=total)
        clauses.append(template.format(modalities=text, **values))
    return capitalise("; ".join(clauses))


def _format_interval(template: str, modality: str, interval: Interval) -> str:
    return template.format(
        modality=modality, value=interval.value, low=interval.low, high=interval.high
    )


def _format_share(value: float) -> str:
    return share(value) if np.isfinite(value) else NONE


def _list_names(names: Sequence[str], name: Callable[[str], str]) -> str:
    if len(names) > MAX_NAMED:
        return MANY.format(count=len(names))
    return listed([name(modality) for modality in names])
