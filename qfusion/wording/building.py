"""Titles about the terms of the generator: their effect on contributions, and the number that suffices."""

from collections.abc import Callable

from qfusion._sentences import listed, share
from qfusion.explain.generator_pruning import Pruning, PruningOutcome
from qfusion.explain.path_attribution import Course, CourseSummary, PathAttribution, summarise
from qfusion.wording.numbers import format_estimate, name_metric

# Effect of the dynamics on the contributions.
COURSE_TITLES: dict[Course, str] = {
    Course.NO_TERMS: "No evolution: contributions do not change",
    Course.UNCHANGED: "The dynamics do not change the {quantity}",
    Course.CHANGED: "The dynamics take the {quantity} from {start:.2f} to {end:.2f}: {terms}",
}
JOINT, OWN = "joint contributions", "contribution"
LARGEST_TERM = "{share} of the change by {term}"
SECOND_TERM = "{share} by {term}"
MAX_TERMS = 2  # that a title names
LEAST_SHARE = 0.01  # of a second term that is named

# Number of generator terms that suffice.
PRUNING_TITLES: dict[PruningOutcome, str] = {
    PruningOutcome.NO_GAIN: "No significant effect of the generator on {metric}: {gain}, {samples}",
    PruningOutcome.NO_TERMS: (
        "No generator term is kept: none improves {metric} on the selection rows ({samples})"
    ),
    PruningOutcome.KEEPS: (
        "{size} of {all} generator terms {keep} {share} of the gain in {metric} (95% CI {low} to {high}, {samples}): "
        "{terms}"
    ),
}
SAMPLES = "{count:,} test samples"


def describe_building(result: PathAttribution) -> str:
    """Return which terms of the dynamics changed the joint contributions most, as a title."""
    return describe_course(summarise(result))


def describe_course(summary: CourseSummary) -> str:
    """Return how the dynamics changed the contributions, as a title."""
    terms = [
        (SECOND_TERM if place else LARGEST_TERM).format(share=share(part), term=term)
        for place, (term, part) in enumerate(summary.shares.items())
        if place == 0 or (place < MAX_TERMS and part >= LEAST_SHARE)
    ]
    return COURSE_TITLES[summary.kind].format(
        quantity=JOINT if summary.joint else OWN,
        start=summary.start,
        end=summary.end,
        terms=", ".join(terms),
    )


def describe_pruning(result: Pruning, name: Callable[[str], str] = str) -> str:
    """Return the number of terms kept and the share of the generator's contribution that they keep, as a title.

    Args:
        result: a pruning; its number of terms was chosen on other rows.
        name: writes the key of a term.
    """
    k, shares, gain = result.size, result.shares, result.gain
    low = high = ""
    if shares.low is not None and shares.high is not None:
        low, high = share(float(shares.low[k])), share(float(shares.high[k]))
    gain_low = gain_high = None
    if gain.low is not None and gain.high is not None:
        gain_low, gain_high = float(gain.low[0]), float(gain.high[0])
    return PRUNING_TITLES[result.outcome].format(
        metric=name_metric(result.metric),
        gain=format_estimate(float(gain.value[0]), gain_low, gain_high, "+z.3f"),
        samples=SAMPLES.format(count=result.showing),
        size=k,
        all=len(result.terms),
        keep="keeps" if k == 1 else "keep",
        share=share(float(shares.value[k])),
        low=low,
        high=high,
        terms=listed([name(key) for key in result.left(k)]),
    )
