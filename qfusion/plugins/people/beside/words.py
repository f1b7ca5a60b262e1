"""A model beside people, in sentences that follow from intervals: which clips, whether both decide and fuse alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from qfusion._sentences import count, listed, share
from qfusion.explain.bootstrap import Interval
from qfusion.plugins.people.beside.crowd_comparison import (
    LOG_ODDS,
    PROBABILITY,
    CrowdAndModel,
    MatchedClips,
    Pair,
)
from qfusion.plugins.people.beside.matching import MatchKey
from qfusion.plugins.people.beside.statistics import Aspect, CategoryAgreement
from qfusion.plugins.people.labels.term_agreement import Trend
from qfusion.plugins.people.labels.words import describe_label_trends
from qfusion.plugins.people.votes import CHOSEN_BY_VOTES
from qfusion.views.words.rules import format_interval, format_known

TERM_TRENDS: dict[Trend, str] = {
    Trend.RISES: "the model's contributions of {modalities} rise with {labels}",
    Trend.FALLS: "the model's contributions of {modalities} fall where {labels} rise",
    Trend.NOT_SHOWN: "no significant relation of the model's contributions of {modalities} to {labels}",
    Trend.UNKNOWN: "too few or constant contributions of {modalities}",
}
WHOSE = "people's"
MATCHED_BY = {MatchKey.NAME: "by name", MatchKey.FILE: "by file name, without folder and ending"}


def describe_pair(pair: Pair, title: Callable[[Mapping[str, float]], str]) -> str:
    """Return which contributions to one clip are the largest, of people and of the model.

    Args:
        pair: the clip. title: writes the largest of some contributions.
    """
    return f"People: {title(pair.people)}. Model: {title(pair.model)}"


def describe_match(clips: MatchedClips, people: str, model: str) -> str:
    """Return which clips are compared, and which are not.

    Args:
        clips: of both. people, model: names of both.
    """
    words = [
        f"{count(len(clips), 'clip')} that {people} rated {'is a sample' if len(clips) == 1 else 'are samples'} of "
        f"{model}, matched {MATCHED_BY[clips.by]}"
    ]
    left = []
    for number, what in (
        (clips.only_people, f"rated clips that {model} lacks"),
        (clips.only_model, f"samples of {model} that nobody rated"),
        (clips.ambiguous, "names that several samples share"),
        (clips.other_split, "clips in other parts of the model's data"),
        (clips.other_class, "clips of a class that the model lacks"),
    ):
        if number:
            left.append(f"{number:,} {what}")
    if left:
        words.append(f"left out: {listed(left)}")
    renamed = [
        f"{name} is the model's {' + '.join(group)}"
        for name, group in clips.groups.items()
        if group != (name,)
    ]
    if renamed:
        words.append(listed(renamed))
    if clips.class_names:
        called = [f"{name} is {other}" for name, other in clips.class_names.items()]
        words.append(f"of the classes, {listed(called)}")
    return "; ".join(words)


def describe_decisions(result: CrowdAndModel) -> str:
    """Return how often people's majority and the model are right, and whether they decide alike."""
    agreement = result.result.categories[Aspect.DECISION]
    clips = count(len(result.ids), "clip")
    if result.target == CHOSEN_BY_VOTES:
        right = (
            f"The model's class is the {result.target} on {share(result.model_right)} of {clips}"
        )
    else:
        right = (
            f"People's majority is the {result.target} on {share(result.people_right)} of {clips}, the model's class "
            f"on {share(result.model_right)}"
        )
    if not np.isfinite(agreement.rate.value):
        return f"{right}; people's vote is tied on all of them"
    return (
        f"{right}; both decide for the same class on {share(agreement.rate.value)} of those without a tied vote, "
        f"{_beyond_chance(agreement)}"
    )


def describe_verdicts(result: CrowdAndModel) -> str:
    """Return whether people and the model have the same verdicts."""
    agreement = result.result.categories[Aspect.VERDICT]
    return (
        f"People and the model have the same verdict on {share(agreement.rate.value)} of "
        f"{count(len(result.ids), 'clip')}, {_beyond_chance(agreement)}"
    )


def _beyond_chance(agreement: CategoryAgreement) -> str:
    kappa = agreement.kappa
    if not np.isfinite(kappa.value):
        return "but chance is not defined, as both sides have one and the same category throughout"
    if not kappa.known:
        return f"κ {kappa.value:+.2f}; too few groups for an interval"
    numbers = f"κ {kappa.value:+.2f}, 95% CI {format_interval(kappa.low, kappa.high, '+.2f')}"
    if np.isfinite(agreement.halves):
        numbers += f"; two halves of the raters {agreement.halves:+.2f}"
    if kappa.low > 0:
        words = "more than by chance"
    elif kappa.high < 0:
        words = "less than by chance"
    else:
        words = "not distinguishable from chance"
    return f"{words} ({numbers})"


def describe_fusing(result: CrowdAndModel) -> str:
    """Return who of both fuses jointly more often, if that is shown, and on how many clips one of both does alone.

    Few raters make verdicts joint by chance. That one side fuses more often is shown where it also holds beside as many
    raters who vote with the model's probabilities.
    """
    compared = result.result
    parts = compared.fusing
    rates = {
        "people": parts["both"].value + parts["people alone"].value,
        "the model": parts["both"].value + parts["model alone"].value,
    }
    differences = [compared.fuses_more]
    if compared.fuses_more_voted is not None:
        differences.append(compared.fuses_more_voted)
    if all(one.known and one.low > 0 for one in differences):
        start = "The model fuses jointly more often than people"
    elif all(one.known and one.high < 0 for one in differences):
        start = "People fuse jointly more often than the model"
    else:
        start = "That people or the model fuse jointly more often is not shown"
    shares = f"{share(rates['people'])} of the clips for people and {share(rates['the model'])} for the model"
    ends = f"difference {_points(compared.fuses_more)}"
    if compared.fusing_voted is not None and compared.fuses_more_voted is not None:
        shares = (
            f"{share(rates['people'])} of the clips for people, {share(rates['the model'])} for the model, and "
            f"{share(compared.fusing_voted.value)} for as many raters who vote with the model's probabilities"
        )
        ends = f"differences to people {_points(compared.fuses_more)}, and {_points(compared.fuses_more_voted)}"
    return (
        f"{start}: the verdict is joint on {shares} ({ends}); for the model alone on "
        f"{count(len(compared.only_model), 'clip')}, for people alone on {len(compared.only_people):,}"
    )


def title_alone(result: CrowdAndModel) -> str:
    """Return on how many clips the verdict is joint for one side alone."""
    compared = result.result
    return (
        f"The verdict is joint on {count(len(compared.only_model), 'clip')} for the model alone, on "
        f"{len(compared.only_people):,} for people alone"
    )


def _points(difference: Interval) -> str:
    value = f"{100 * difference.value:+.0f} points"
    if not difference.known:
        return value
    return f"{value}, 95% CI {100 * difference.low:+.0f} to {100 * difference.high:+.0f}"


def describe_terms(result: CrowdAndModel, name: Callable[[str], str] = str) -> str:
    """Return which contributions of the model go with people's over clips."""
    return describe_label_trends(
        list(result.result.terms.values()), WHOSE, name, templates=TERM_TRENDS
    )


def describe_ceiling(result: CrowdAndModel) -> str:
    """Return how the joint terms are related on each scale of the model's, since shares have a ceiling."""
    ranks = {scale: format_known(one, "+.2f") for scale, one in result.joint_ranks.items()}
    return (
        f"Over clips, the model's joint terms have the rank correlation {ranks[LOG_ODDS]} with people's in log-odds, "
        f"and {ranks[PROBABILITY]} in probabilities, which cannot exceed 1, as shares of votes cannot: where one "
        "modality is clear, the other can add little to either"
    )


def describe_comparison_with_crowd(
    result: CrowdAndModel, people: str, model: str, name: Callable[[str], str] = str
) -> list[str]:
    """Return all findings, a sentence each.

    Args:
        result: the comparison. people, model: names of both. name: writes the name of a term.
    """
    sentences = [
        describe_match(result.clips, people, model),
        describe_decisions(result),
        describe_verdicts(result),
        describe_fusing(result),
        describe_terms(result, name),
        describe_ceiling(result),
    ]
    return [f"{sentence}." for sentence in sentences]
