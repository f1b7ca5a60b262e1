"""The five questions about a sample with their answers."""

from collections.abc import Mapping, Sequence

import numpy as np

from qfusion._sentences import size, top
from qfusion.explain import verdicts
from qfusion.explain.coalitions import joint_share
from qfusion.explain.stability import SeedsState
from qfusion.explain.verdicts import Verdict
from qfusion.models.live_model import LiveModel
from qfusion.models.protocols import Evolution, StateModel
from qfusion.study import text, what_if
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views.words.decisions import (
    describe_change,
    describe_conflict,
    describe_last_change,
)
from qfusion.views.words.rules import (
    MARKDOWN,
    describe_largest,
    describe_softmax,
    name_explained_class,
)
from qfusion.views.words.verdicts import (
    ONE_TRAINING,
    describe_decision,
    describe_headline,
    name_decision,
)

# "What would flip it?"
NO_FLIP = "No change of a single modality would flip it"
NO_FLIP_FOUND = "No change of a single modality was found that flips it"
CHANGE = "{article} change of {names} alone by {distance}{unit} {may} flip it to {decision}"
DONOR = "; so {may} replacing {modality} by that of sample {sample}{other}"
OTHER_DECISION = " (to {decision})"

JOINT_FROM = (
    "In size, joint terms outweigh single modalities from **{place}** on (the end is {last})."
)
NOT_JOINT = "At the end, joint terms do not outweigh single modalities in size."
TIME, LAYER = "t = {:.2f}", "“{}”"


EVOLUTION, NETWORK = "the evolution", "the network after the fusion"


def format_decision(study: Study, scores: np.ndarray) -> str:
    """Return the decision as Markdown; scores (C,)."""
    return name_decision(scores, study.classes, MARKDOWN)


def format_decision_value(study: Study, scores: np.ndarray) -> str:
    """Return the decision with its softmax value or score, as Markdown; scores (C,).

    A target that cannot be negative, such as a share, is not decided by its sign: the number stands alone.
    """
    bounds = study.dataset.target.range
    if bounds is not None and bounds[0] >= 0:
        return f"{float(scores[0]):.2f}"
    if study.classes:
        number = describe_softmax(float(study.softmax(scores).max()))
    else:
        number = f"{float(scores[0]):+.2f}"
    return f"{format_decision(study, scores)} ({number})"


def describe_flips(study: Study, flips: Mapping[str, what_if.Flip]) -> str:
    """Return the smallest change of one modality that flips the decision.

    Args:
        flips: by modality, from `what_would_flip`.
    """
    able = {name: flip for name, flip in flips.items() if flip.state.possible}
    if not able:
        return NO_FLIP if study.model.part(StateModel) else NO_FLIP_FOUND
    distances = {name: flip.state.distance for name, flip in able.items()}
    names_by_end: dict[tuple[str, str], list[str]] = {}
    for name in top(distances, smallest=True):
        state = able[name].state
        end = ("would" if state.verified else "may", format_decision(study, state.after))
        names_by_end.setdefault(end, []).append(name)
    sentence = ", ".join(
        CHANGE.format(
            article="a" if place else "A",
            names=" or of ".join(map(text.escape_markdown, names)),
            distance=size(min(distances.values())),
            unit=name_flip_unit(study, names),
            may=may,
            decision=decision,
        )
        for place, ((may, decision), names) in enumerate(names_by_end.items())
    )
    return sentence + _describe_donor(study, flips, {decision for _, decision in names_by_end})


def name_flip_unit(study: Study, modalities: Sequence[str]) -> str:
    """Return the unit of a change of one of these modalities, as markdown: " rad" of a state, else as " in the norm of
    its features".
    """
    if study.model.part(StateModel):
        return " rad"
    if not isinstance(study.model, LiveModel):
        return " in the norm of its encoding"
    changed = [part for part in study.dataset.modalities if part.name in modalities]
    if any(part.size > 1 or part.is_sequence for part in changed):
        return " in the norm of its features"
    names = [part.feature_names[0] for part in changed]
    if len(names) > 1 or names[0].startswith(changed[0].name):  # numbered, as it has none
        return " in its own unit"
    return f" in ‘{text.escape_markdown(names[0])}’"


def _describe_donor(study: Study, flips: Mapping[str, what_if.Flip], decisions: set[str]) -> str:
    """Return the nearest modality of another sample that flips the decision, or an empty string if there is none."""
    donors = {name: flip for name, flip in flips.items() if flip.donor_id}
    if not donors:
        return ""
    modality, nearest = min(donors.items(), key=lambda item: item[1].donor.distance)
    decision = format_decision(study, nearest.donor.scores)
    return DONOR.format(
        may="would" if nearest.donor.verified else "may",
        modality=text.escape_markdown(modality),
        sample=text.escape_markdown(nearest.donor_id),
        other="" if decision in decisions else OTHER_DECISION.format(decision=decision),
    )


def answer_decision(verdict: Verdict, seeds_state: SeedsState) -> str:
    """Return which modality decided, and whether other trainings give the same verdict.

    Args:
        verdict: of the sample.
        seeds_state: of its study.
    """
    decided = describe_decision(verdict, MARKDOWN)
    return f"{decided} {ONE_TRAINING}" if seeds_state == SeedsState.ONE_TRAINING else decided


def answer_conflict(verdict: Verdict) -> str:
    """Return whether the modalities conflict."""
    return describe_conflict(verdict, MARKDOWN)


def describe_last_decision(study: Study, scores: np.ndarray, where: Sequence[str]) -> str:
    """Return since when the decision is the final one.

    Args:
        scores: (P, C), along time or layers. where: names of the P places.
    """
    return describe_last_change(
        [format_decision(study, score) for score in scores], where, MARKDOWN
    )


def title_largest(dividends: Mapping[str, float]) -> str:
    """Return the largest contribution, as a title."""
    return describe_largest(dividends, MARKDOWN)


def title_decision(verdict: Verdict, sample: Sample | None = None) -> str:
    """Return who decided, as a title; with the explained class of a sample, if given."""
    towards = "" if sample is None else name_explained_class(sample).strip()
    return describe_headline(verdict, MARKDOWN._replace(strong=str), towards)


def answer_since_when(sample: Sample) -> str:
    """Return since when, along time or layers, the decision is the final one.

    For a classifier with time, return since when joint terms outweigh single modalities.
    """
    timed = sample.model.part(Evolution) is not None
    if timed:
        where = [TIME.format(at) for at in sample.places]
    else:
        where = [LAYER.format(text.escape_markdown(at)) for at in sample.places]
    if not timed or not sample.classes:
        return describe_last_decision(sample.study, sample.path_explanation.prediction[:, 0], where)
    place = verdicts.first_joint_place(joint_share(sample.path_dividends))
    if place is None:
        return NOT_JOINT
    return JOINT_FROM.format(place=where[place], last=where[-1])


def answer_change(sample: Sample) -> str:
    """Return how the evolution, or the network after the fusion, changed the decision."""
    start, end = (
        {term: float(values[place]) for term, values in sample.path_dividends.items()}
        for place in (0, -1)
    )
    by = EVOLUTION if sample.model.part(Evolution) else NETWORK
    unread = sample.verdict.within_spread
    return describe_change(start, end, by, MARKDOWN, sample.quantity, unread)
