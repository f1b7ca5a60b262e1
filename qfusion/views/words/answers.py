"""The five questions about a sample with their answers, and the decision in a few facts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from qfusion._sentences import listed, share, size, sizes, top, true_minus
from qfusion.explain import verdicts
from qfusion.explain.coalitions import joint_share
from qfusion.explain.stability import SeedsState
from qfusion.explain.verdicts import JointCourse, Verdict
from qfusion.models.live_model import LiveModel
from qfusion.models.protocols import Evolution, LayeredNetwork, StateModel
from qfusion.study import text, trust, what_if
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.study.text import escape_markdown
from qfusion.views.words.decisions import (
    describe_agreement,
    describe_change,
    describe_conflict,
    describe_last_change,
)
from qfusion.views.words.rules import (
    MARKDOWN,
    describe_largest,
    describe_softmax,
    format_probability,
    name_explained_class,
)
from qfusion.views.words.verdicts import (
    ONE_TRAINING,
    describe_decision,
    describe_headline,
    describe_leader,
    name_decision,
)

# "What would flip it?"
NO_FLIP = "No change of a single modality would flip it"
NO_FLIP_FOUND = "No change of a single modality was found that flips it"
CHANGE = "{article} change of {names} alone by {distance}{unit} {may} flip it to {decision}"
DONOR = "; so {may} replacing {modality} by that of sample {sample}{other}"
OTHER_DECISION = " (to {decision})"

# "When did it happen?"
NOT_FOLLOWED = "The model is read out at its end only, so that the decision cannot be followed."
JOINT_FROM = (
    "In size, joint terms outweigh single modalities from **{place}** on (the end is {last})."
)
NOT_JOINT = "At the end, joint terms do not outweigh single modalities in size."
TIME, LAYER = "t = {:.2f}", "“{}”"

# "What did the dynamics add?"
NO_DYNAMICS = "Nothing: this model has no dynamics."

# Answers for a measured game.
GAME_FLIPS = "Not known: the values of a measured game cannot be evaluated on a changed sample."
GAME_NOT_FOLLOWED = "Not known: a measured game holds values at the end only."
GAME_NO_DYNAMICS = "Nothing: a measured game has no dynamics."
EVOLUTION, NETWORK = "the evolution", "the network after the fusion"

# Titles: when joint terms outweigh single modalities, and what entanglement does meanwhile.
COURSE_TITLES: dict[JointCourse, str] = {
    JointCourse.NEVER: "Joint terms never outweigh single modalities (joint share {start} to {end}); {ends}",
    JointCourse.LOST: "Joint terms do not outweigh single modalities at the end (joint share {start} to {end}); {ends}",
    JointCourse.ALWAYS: "Joint terms dominate from the start (joint share {start} to {end}); {ends}",
    JointCourse.FROM: "Joint terms dominate from {place} on; {by_then}",
}
ENDS = "{name} goes from {first:z.2f} to {last:z.2f} {unit}"
REACHED = "{name} has then completed {done} of its change"
CONSTANT = "{name} stays at {last:z.2f} {unit}"
RETURNS = "{name} is then {now:z.2f} {unit}, {last:z.2f} at both ends"
OVERSHOOTS = "{name} is then {now:z.2f} {unit} ({first:z.2f} at the start, {last:z.2f} at the end)"

# The largest term at the cursor.
NO_TERM = "no term above 0.005 in size"
UNREAD_TERM = "the largest term is within its spread over training seeds"
LARGEST_TERM = "largest term {names}"
LARGEST_TERMS = "largest terms, equal in size, {names}"


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


def answer_decision(sample: Sample) -> str:
    """Return which modality decided, and whether other trainings and backgrounds give the same verdict."""
    sentences = [
        describe_decision(sample.verdict, MARKDOWN),
        ONE_TRAINING if sample.study.seeds_state == SeedsState.ONE_TRAINING else "",
        describe_agreement(trust.words_of_sample(sample)),
    ]
    return " ".join(filter(None, sentences))


def answer_conflict(sample: Sample) -> str:
    """Return whether the modalities conflict."""
    return describe_conflict(sample.verdict, MARKDOWN)


def title_leader(sample: Sample) -> str:
    """Return which modality leads by its Shapley share, as a title."""
    return describe_leader(sample.verdict, MARKDOWN._replace(strong=str))


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


def title_joint_course(
    dividends: Mapping[str, np.ndarray],
    moving: np.ndarray,
    moving_name: str,
    unit: str,
    where: list[str],
) -> str:
    """Return since when joint terms outweigh single modalities, and the change of entanglement until then, as a title.

    Args:
        dividends: contributions by coalition, each (P,) along time or layers.
        moving: a measure of entanglement, (P,).
        moving_name, unit: name and unit of the measure.
        where: names of the P places.
    """
    shares = joint_share(dividends)
    place = verdicts.first_joint_place(shares) or 0
    values = {
        "name": moving_name,
        "unit": unit,
        "first": moving[0],
        "now": moving[place],
        "last": moving[-1],
    }
    return COURSE_TITLES[verdicts.joint_course(shares)].format(
        start=share(shares[0]),
        end=share(shares[-1]),
        place=where[place],
        ends=ENDS.format(**values),
        by_then=_progress_template(moving, place).format(**values),
    )


def _progress_template(moving: np.ndarray, place: int) -> str:
    """Return the template for the progress of a series at a place."""
    done = verdicts.relative_progress(moving, place)
    if done is None:
        return CONSTANT if np.ptp(moving) < verdicts.STILL else RETURNS
    if 0 <= done <= 1:
        return REACHED.replace("{done}", share(done))
    return OVERSHOOTS


def describe_largest_terms(
    dividends: Mapping[str, np.ndarray], place: int, unread: Collection[str] = ()
) -> str:
    """Return which terms are the largest at a place, with their values, unless one is `unread`: within its spread over
    training seeds."""
    now = {term: float(values[place]) for term, values in dividends.items() if term}
    first = top(sizes(now))
    if round(abs(now[first[0]]), 2) == 0:
        return NO_TERM
    if any(term in unread for term in first):
        return UNREAD_TERM
    template = LARGEST_TERM if len(first) == 1 else LARGEST_TERMS
    return template.format(
        names=listed([f"{text.term(term)} ({now[term]:+.2f})" for term in first])
    )


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


def _answer_flips(sample: Sample) -> str:
    if not sample.study.reads_features:
        return GAME_FLIPS
    return f"{describe_flips(sample.study, what_if.what_would_flip(sample.study, sample.row))}."


def _answer_when(sample: Sample) -> str:
    if not (sample.model.part(Evolution) or sample.model.part(LayeredNetwork)):
        return NOT_FOLLOWED if sample.study.reads_features else GAME_NOT_FOLLOWED
    return answer_since_when(sample.untweaked)


def _answer_change_if_followed(sample: Sample) -> str:
    if not (sample.model.part(Evolution) or sample.model.part(LayeredNetwork)):
        return NO_DYNAMICS if sample.study.reads_features else GAME_NO_DYNAMICS
    return answer_change(sample.untweaked)


QUESTIONS: dict[str, Callable[[Sample], str]] = {
    "Which modality decided this?": answer_decision,
    "Did the modalities conflict?": answer_conflict,
    "What would flip it?": _answer_flips,
    "When did it happen?": _answer_when,
    "What did the dynamics add?": _answer_change_if_followed,
}
IN_TURN = sorted(
    QUESTIONS, key=lambda question: QUESTIONS[question] is _answer_flips
)  # the slow one last


class Outcome(Enum):
    """How a decision compares with the annotation."""

    RIGHT = "correct"
    WRONG = "wrong"
    MEASURED = "measured"
    UNKNOWN = "truth unknown"


@dataclass(frozen=True)
class Fact:
    """A number of a decision.

    Attributes:
        name: of the number, as Markdown.
        value: the number with its unit, as Markdown.
        help: what the number means, in a sentence.
    """

    name: str
    value: str
    help: str = ""


@dataclass(frozen=True)
class DecisionSummary:
    """The decision of a model on one sample.

    Attributes:
        answer: the class or the number, as Markdown.
        outcome: how the answer compares with the annotation.
        facts: its numbers.
    """

    answer: str
    outcome: Outcome
    facts: tuple[Fact, ...]


PROBABILITY_HELP = (
    "Softmax of the scores. It is not calibrated, so that it need not be the share of such "
    "decisions that are right."
)
EVIDENCE_HELP = "The explained quantity: baseline and contributions below sum to it."
ERROR_HELP = "Distance of the prediction from the annotation."


def summarize_decision(sample: Sample) -> DecisionSummary:
    """Return the decision of the model as trained on a sample."""
    if sample.classes:
        return _summarize_class(sample.untweaked)
    return _summarize_number(sample.untweaked)


def _summarize_class(sample: Sample) -> DecisionSummary:
    study = sample.study
    predicted = int(study.predicted[sample.row])
    probability = float(study.probabilities[sample.row, predicted])
    explained = escape_markdown(sample.classes[sample.output], 40)
    facts = [
        Fact("Probability (softmax)", format_probability(probability), PROBABILITY_HELP),
        Fact(f"Log-odds of ‘{explained}’", true_minus(f"{sample.score:+z.2f} nats"), EVIDENCE_HELP),
    ]
    truth = sample.true_class
    if truth is None:
        outcome = Outcome.UNKNOWN
    elif truth == predicted:
        outcome = Outcome.RIGHT
    else:
        outcome = Outcome.WRONG
        facts.append(Fact("Annotated class", escape_markdown(sample.classes[truth], 40)))
    return DecisionSummary(escape_markdown(sample.classes[predicted], 80), outcome, tuple(facts))


def _summarize_number(sample: Sample) -> DecisionSummary:
    prediction = float(sample.study.scores[sample.row, 0])
    answer = true_minus(f"{prediction:+z.2f}")
    if sample.target is None:
        is_measured = not sample.study.reads_features
        return DecisionSummary(answer, Outcome.MEASURED if is_measured else Outcome.UNKNOWN, ())
    facts = (
        Fact("Annotated value", true_minus(f"{sample.target:+z.2f}")),
        Fact("Error", f"{abs(prediction - sample.target):.2f}", ERROR_HELP),
    )
    return DecisionSummary(answer, Outcome.MEASURED, facts)
