"""The outcome of guessing a model's decisions, as a sentence that ten guesses allow."""

from __future__ import annotations

from qfusion.analysis.decision_game import Giveaway, Outcome, Rate
from qfusion.wording.numbers import format_interval


def describe_guesses(outcome: Outcome) -> str:
    """Return how many guesses were right with and without explanations, and whether that tells anything."""
    explained, plain = _count(outcome.explained), _count(outcome.plain)
    start = f"You were right in {explained} with the explanation and in {plain} without it"
    test = f"Fisher's exact test: p = {outcome.p:.2g}; odds ratio 95% CI {_ends(outcome)}"
    if outcome.low > 1:
        end = "the explanation helped you on these ten samples"
    elif outcome.high < 1:
        end = "without the explanation you were better on these ten samples"
    else:
        end = "ten guesses do not show whether the explanation helps you"
    return f"{start}: {end} ({test})"


def describe_giveaway(giveaway: Giveaway) -> str:
    """Return whether sizes alone give decisions away, so that right guesses need no understanding."""
    rate, gain = giveaway.rate, giveaway.gain
    start = (
        "A nearest-neighbour classifier that sees only the sizes of contributions tells the decision of "
        f"{rate.value:.0%} of {rate.n:,} test samples, and the most frequent decision is right in "
        f"{giveaway.majority:.0%} (difference {gain.value:+.0%}, 95% CI {format_interval(gain.low, gain.high, '+.0%')})"
    )
    if gain.low > 0:
        return f"{start}: sizes alone give decisions away in part, to whoever knows those of many other samples"
    return f"{start}: that sizes alone give decisions away is not shown"


def _count(rate: Rate) -> str:
    return f"{rate.right} of {rate.count} (95% CI {format_interval(rate.low, rate.high, '.0%')})"


def _ends(outcome: Outcome) -> str:
    high = "infinity" if outcome.high == float("inf") else f"{outcome.high:.3g}"
    return f"{outcome.low:.3g} to {high}"
