"""How a decision comes about, in sentences: since when it is final, conflicts of modalities, and backgrounds."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from qfusion._sentences import listed, share, sizes, top
from qfusion.data.coalition_terms import split_term
from qfusion.explain.coalitions import Explanation, Relation
from qfusion.explain.findings import (
    Change,
    DecisionChange,
    Opposition,
    compare_decisions,
    opposes_jointly,
    opposition,
    sides,
)
from qfusion.explain.verdicts import Verdict, last_change
from qfusion.models.inputs import Background, Spread
from qfusion.models.measured_game import GameBackground
from qfusion.study import text, trust
from qfusion.study.study import Study
from qfusion.views.words.rules import PLAIN, Markup, format_contribution
from qfusion.views.words.verdicts import name_side, readable_terms

# "When did it happen?", along time or layers.
READ_ONCE = "The decision is {decision} at {last}, the only place where it is read."
CONSTANT = "The decision is {decision} from the start ({first}) to the end ({last})."
CHANGED = "The decision is {decision} from {since} on (the end is {last}); before, it was {before}."

# "What did the dynamics add?"
CHANGE_SENTENCES: dict[Change, str] = {
    Change.NOTHING: "{nothing}: {by} leaves every contribution unchanged.",
    Change.ADDITIVE: "No joint terms: {by} {moved}; the decision remains a sum over single modalities.",
    Change.BECOMES_JOINT: (
        "{every_joint_term}: {by} raises the joint share of the contributions from 0% to {end} ({largest}) and {moved}."
    ),
    Change.STAYS_JOINT: (
        "The joint share of the contributions is {start} before and {strong_end} after ({largest}); {by} {moved}."
    ),
}
UNMOVED = "leaves the {quantity} at {after}"
MOVED = "takes the {quantity} from {before} to {after}"
JOINT_TERM = "{name}, {value:+.2f}"
LARGEST_JOINT_TERM = "largest: {names}"
LARGEST_JOINT_TERMS = "largest, equal in size: {names}"
TINY_JOINT_TERMS = "none above 0.005 in size"
UNREAD_JOINT_TERMS = "none beyond its spread over training seeds"

# Which term is to blame for a wrong class, as the end of a title.
MISLEADS = "; most misleading: {term}{planted}"
PLANTED = " (planted: for ‘{name}’)"
UNREAD_MISLEADS = "; the most misleading term is within its spread over {seeds} training seeds"


def describe_misleading(term: str, verdict: Verdict, planted: str = "") -> str:
    """Return which term misleads a wrong decision most, as the end of a title; empty for no term.

    Args:
        term: that pulls most from the true class, of `mistakes.misleading`.
        verdict: on the sample; a term within its spread over training seeds is not named.
        planted: the class that the term was planted for, as Markdown, where that is known.
    """
    if not term:
        return ""
    if term in verdict.within_spread:
        return UNREAD_MISLEADS.format(seeds=verdict.seeds)
    return MISLEADS.format(
        term=text.term(term), planted=PLANTED.format(name=planted) if planted else ""
    )


def describe_last_change(
    decisions: Sequence[object], places: Sequence[str], markup: Markup = PLAIN
) -> str:
    """Return since when the decision is the final one.

    Args:
        decisions: written decisions along time or layers.
        places: names of the times or layers.
    """
    since = last_change(decisions)
    template = CONSTANT
    if len(decisions) == 1:
        template = READ_ONCE
    elif since > 0:
        template = CHANGED
    return template.format(
        decision=decisions[-1],
        first=places[0],
        last=places[-1],
        since=markup.strong(places[since]),
        before=decisions[max(since - 1, 0)],
    )


def describe_change(
    start: Mapping[str, float],
    end: Mapping[str, float],
    by: str,
    markup: Markup = PLAIN,
    quantity: str = "score",
    unread: Collection[str] = (),
) -> str:
    """Return the change of a decision between two times or layers: its joint share, and the largest joint terms.

    Args:
        start, end: dividends by coalition before and after, the baseline under "".
        by: the cause of the change, such as "the evolution".
        quantity: name of the sum of the terms.
        unread: terms within their spread over training seeds, which are not named.
    """
    change = compare_decisions(start, end)
    shares = share(change.joint_share_start), share(change.joint_share_end)
    return CHANGE_SENTENCES[change.kind].format(
        nothing=markup.strong("Nothing"),
        every_joint_term=markup.strong("Every joint term"),
        by=by,
        moved=_describe_move(change, quantity),
        start=shares[0],
        end=shares[1],
        strong_end=markup.strong(shares[1]),
        largest=_describe_joint_terms(change.joint, markup, unread) if change.joint else "",
    )


def _describe_move(change: DecisionChange, quantity: str) -> str:
    before, after = f"{change.score_start:+z.2f}", f"{change.score_end:+z.2f}"
    template = UNMOVED if before == after else MOVED
    return template.format(quantity=quantity, before=before, after=after)


def _describe_joint_terms(
    joint: Mapping[str, float], markup: Markup, unread: Collection[str]
) -> str:
    """Return the largest joint terms with their values."""
    if unread:
        joint = {term: value for term, value in joint.items() if term not in unread}
    if not joint:
        return UNREAD_JOINT_TERMS
    largest = [
        JOINT_TERM.format(name=markup.escape(" + ".join(split_term(term))), value=joint[term])
        for term in top(sizes(joint))
    ]
    if len(joint) == 1:
        return largest[0]
    if all(round(value, 2) == 0 for value in joint.values()):
        return TINY_JOINT_TERMS
    template = LARGEST_JOINT_TERM if len(largest) == 1 else LARGEST_JOINT_TERMS
    return template.format(names=listed(largest))


OPPOSITION_SENTENCES: dict[Opposition, str] = {
    Opposition.NO_CONTRIBUTION: "{no}: no modality contributes on its own.",
    Opposition.ONE_MODALITY: "{no}: there is one modality.",
    Opposition.CONFLICT: "{yes}: {one_side} against {other_side}{then}.",
    Opposition.ONE_CONTRIBUTES: "{no}: only {first} contributes on its own.",
    Opposition.MINOR: "{no}: {other_side} against {one_side}, but with less than a third of the largest.",
    Opposition.ALIGNED: "{no}: {one_side} point the same way.",
}
NO_OPPONENT = "{no}: no own contribution opposes the largest one with a third of its size."
UNREAD_OPPONENT = "{yes}, with this training: what opposes {readable} is within its spread over {seeds} training seeds."
UNREAD_CONFLICT = (
    "{yes}, with this training: own contributions oppose each other, but within their spread over {seeds} training "
    "seeds."
)
THEN: dict[Relation, str] = {
    Relation.JOINT: ", and the joint terms then decide",
    Relation.CORRECTION: ", and joint terms then take back part of their sum",
    Relation.PRIOR: ", and the baseline then decides",
    Relation.UNDECIDED: ", and contributions nearly cancel",
}
JOINT_OPPOSES = " Joint terms ({joint}) oppose the sum of the single modalities ({own})."


def describe_conflict(verdict: Verdict, markup: Markup = PLAIN) -> str:
    """Return whether the modalities conflict: whether an own term opposes the largest with a third of its size."""
    kind = opposition(verdict)
    winners, losers = sides(verdict)
    template = OPPOSITION_SENTENCES[kind]
    readable = [side for side in (winners, losers) if readable_terms(verdict, side)]
    if kind == Opposition.CONFLICT and len(readable) < 2:
        template = UNREAD_OPPONENT if readable else UNREAD_CONFLICT
    needed = {
        Opposition.ONE_CONTRIBUTES: len(readable_terms(verdict, winners)) == 1,
        Opposition.MINOR: len(readable) == 2,
        Opposition.ALIGNED: len(readable_terms(verdict, winners)) > 1,
    }
    if not needed.get(kind, True):
        template = NO_OPPONENT
    sentence = template.format(
        yes=markup.strong("Yes"),
        no=markup.strong("No"),
        one_side=name_side(verdict, winners, markup),
        other_side=name_side(verdict, losers, markup),
        first=name_side(verdict, winners, markup),
        readable=name_side(verdict, readable[0], markup) if readable else "",
        then="" if verdict.is_open else THEN.get(verdict.relation, ""),
        seeds=verdict.seeds,
    )
    if kind in needed and opposes_jointly(verdict):
        sentence += JOINT_OPPOSES.format(
            joint=format_contribution(verdict.joint), own=format_contribution(verdict.own)
        )
    return sentence


# Replacements of absent modalities, within sentences.
BACKGROUNDS = {
    "joint": "the {total:,} training samples",
    "product": "the {total:,} training samples, each modality drawn independently",
    "mixed": "maximally mixed states (no samples)",
    "zero": "reference states (no samples)",
    "contrast": "sample {label}",
    "cohort": "the {total:,} samples of the cohort ‘{label}’",
}
OWN_BASELINE = "the value of the empty coalition, measured for each sample"
UNNAMED_COHORT = "a cohort of {total:,} samples"
DRAWN = "{size:,} samples drawn at random from {whole}"

# Whole sentences.
BASELINE_SCORE = "Baseline: the score of {background}."
BASELINE_VALUE = "Baseline: {background}."
BASELINE_MEAN = "Baseline: the mean over {background}."
COMPARED = "Compared with {background}."
STANDARD_ERROR = " Standard error of a term{over}: at most {error:.2g}."
STANDARD_ERRORS = " Standard error of a term{over}: at most {error:.2g} in half of the samples."
SHARED_ERROR = " It is in part the same for all samples, so that a mean over samples has it, too."
SPREADS: Mapping[Spread, str] = {
    "sampled background": " over draws of the background rows",
    "raters": " over raters",
    "shots": " over repeated runs",
    "measurement": "",
}

# Agreement of the verdicts against several backgrounds.
SAME_VERDICT = "All {count} backgrounds give the same verdict."
OTHER_VERDICTS = "The verdict depends on the background: {verdicts}."
VERDICT_AGAINST = "‘{relation}’ against {backgrounds}"

MAX_LABEL = 60  # characters of a label from data
_SHORT = Markup(lambda name: text.escape_markdown(name, MAX_LABEL))


def describe_background(background: Background, markup: Markup = PLAIN) -> str:
    """Return the description of the background that replaces modalities left out by a coalition, with the number of
    samples.
    """
    if isinstance(background, GameBackground):
        return OWN_BASELINE
    total = background.total or background.size
    template = BACKGROUNDS[background.kind]
    if background.kind == "cohort" and not background.label:
        template = UNNAMED_COHORT
    whole = template.format(total=total, label=markup.escape(background.label))
    if background.kind in ("joint", "product", "cohort") and background.size < total:
        return DRAWN.format(size=background.size, whole=whole)
    return whole


def background_markdown(background: Background) -> str:
    """Return the description of the background that replaces modalities left out by a coalition, as Markdown."""
    return describe_background(background, _SHORT)


def describe_baseline(background: Background) -> str:
    """Return the definition of the baseline, as a Markdown sentence."""
    if isinstance(background, GameBackground):
        return BASELINE_VALUE.format(background=OWN_BASELINE)
    single = background.kind in ("mixed", "zero", "contrast")
    template = BASELINE_SCORE if single else BASELINE_MEAN
    return template.format(background=background_markdown(background))


def describe_comparison(background: Background) -> str:
    """Return the reference of the comparison, as a Markdown sentence for numbers without a baseline."""
    return COMPARED.format(background=background_markdown(background))


def describe_standard_error(explanation: Explanation, output: int) -> str:
    """Return the standard error of a sample's terms, and what it is over; empty where they are exact."""
    if explanation.errors is None or explanation.is_exact:
        return ""
    return STANDARD_ERROR.format(
        over=SPREADS[explanation.spread], error=explanation.errors[0, :, output].max()
    )


def describe_standard_errors(study: Study) -> str:
    """Return the standard errors of the terms of all explained samples, for the class decided for; empty where they
    are exact.
    """
    if study.is_exact:
        return ""
    explanation = study.explanation
    places, outputs = np.arange(len(explanation.errors)), study.predicted[study.explained_rows]
    largest = explanation.errors[places, :, outputs].max(1)
    words = STANDARD_ERRORS.format(
        over=SPREADS[explanation.spread], error=float(np.median(largest))
    )
    return words + SHARED_ERROR if explanation.spread == "sampled background" else words


def describe_agreement(relations: Mapping[str, str]) -> str:
    """Return whether all backgrounds give the same verdict; empty where fewer than two were compared.

    Args:
        relations: by kind of background, of `words_of_sample`.
    """
    if len(relations) < 2:
        return ""
    if len(set(relations.values())) == 1:
        return SAME_VERDICT.format(count=len(relations))
    names_by_relation: dict[str, list[str]] = {}
    for kind, relation in relations.items():
        names_by_relation.setdefault(relation, []).append(trust.BACKGROUND_NAMES[kind])
    verdicts = [
        VERDICT_AGAINST.format(relation=relation, backgrounds=listed(names))
        for relation, names in names_by_relation.items()
    ]
    return OTHER_VERDICTS.format(verdicts=listed(verdicts))
