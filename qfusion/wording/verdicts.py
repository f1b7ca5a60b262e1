"""The decision on one sample in sentences: relation, leader, conflict, largest contribution, changes and uncertainty.

The numbers and enums are those of `qfusion.explain.verdicts`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from qfusion._sentences import listed, share, sizes, top
from qfusion.explain.decision_changes import Change, DecisionChange, compare_decisions
from qfusion.explain.decision_course import last_change
from qfusion.explain.relations import Relation
from qfusion.explain.verdict_findings import (
    Leadership,
    Opposition,
    SeedDoubt,
    leadership,
    opposes_jointly,
    opposition,
    seed_doubts,
)
from qfusion.explain.verdicts import Verdict
from qfusion.models import decisions
from qfusion.wording.markup import PLAIN, Markup

# Definitions of the relations, for captions and the glossary.
RELATION_DEFINITIONS: dict[Relation, str] = {
    Relation.UNDECIDED: "Contributions nearly cancel, or the baseline decides against them.",
    Relation.JOINT: "Joint terms sum to at least as much as own terms, in the direction of the decision.",
    Relation.CORRECTION: "Joint terms oppose the sum of the own terms with at least half of its size.",
    Relation.CONFLICT: "The two largest own terms have opposite signs, the smaller at least a third of the larger.",
    Relation.DOMINANCE: "The own term of one modality exceeds those of all others together.",
    Relation.AGREEMENT: "None of the above: several own terms have the same sign, and joint terms change little.",
}

# "Which modality decided this?"
NO_CONTRIBUTION = "{none}: no modality changes the decision."
CANCELS = (
    "{undecided}: contributions nearly cancel (net {net}, {size:.2f} in total size), and the baseline ({baseline}) "
    "{outcome}."
)
BASELINE_DECIDES = (
    "{the_baseline} ({baseline}) decides: contributions sum to {net} and do not change its sign."
)
RELATION_SENTENCES: dict[Relation, str] = {
    Relation.JOINT: "{the_combination} decides: joint terms sum to {joint}, single modalities to {own}.",
    Relation.CORRECTION: (
        "{single_modalities} decide, corrected by the combination: they sum to {own}, and joint terms take back "
        "{taken_back:.0%} of that ({joint})."
    ),
    Relation.CONFLICT: "{in_conflict}: {first} against {second}.",
    Relation.DOMINANCE: (
        "{first_strong} dominates: its own contribution exceeds those of all other modalities together."
    ),
    Relation.AGREEMENT: "{several_modalities} point the same way: {same_way}.",
}
ALONE = "{first_strong} decides alone."

# "Which modality leads?", as titles.
LEADERSHIP_TITLES: dict[Leadership, str] = {
    Leadership.NOTHING: "No modality changes the decision",
    Leadership.BASELINE: "{no_modality} leads: the baseline decides",
    Leadership.LEADER: "{leader} leads with {share} of the Shapley shares{others}",
    Leadership.SEED_DEPENDENT: "{leader} leads with {share} of the Shapley shares{others} for this training seed",
    Leadership.CLOSE: "{no_modality} leads: Shapley shares are {ranking}",
    Leadership.UNCERTAIN: (
        "{no_modality} leads reliably: Shapley shares are {ranking}, and the lead varies by ±{needed:.0f} points over "
        "{seeds} training seeds"
    ),
}

# The uncertainty over training seeds.
SEED_SENTENCES: dict[SeedDoubt, str] = {
    SeedDoubt.LEADER: (
        "On average, two of {seeds} training seeds have different leading modalities on {other_leader:.0%} of the test "
        "samples."
    ),
    SeedDoubt.DECISION: (
        "The decision is uncertain: over {seeds} training seeds its value ({score}) varies by ±{score_spread:.2g}."
    ),
    SeedDoubt.LARGEST: (
        "The largest contribution is smaller than its spread over {seeds} training seeds (±{spread:.2g})."
    ),
}

# "Did the modalities conflict?"
OPPOSITION_SENTENCES: dict[Opposition, str] = {
    Opposition.NO_CONTRIBUTION: "{no}: no modality contributes on its own.",
    Opposition.ONE_MODALITY: "{no}: {first} is the only modality.",
    Opposition.CONFLICT: "{yes}: {first} and {second} oppose each other.",
    Opposition.OVERRULED: "{no}: {first} and {second} oppose each other on their own, but {reason}.",
    Opposition.ONE_CONTRIBUTES: "{no}: only {first} contributes on its own.",
    Opposition.MINOR: "{no}: {second} opposes {first}, but is less than a third of its size.",
    Opposition.ALIGNED: "{no}: {first} and {second} point the same way.",
}
OVERRULED_BY: dict[Relation, str] = {
    Relation.JOINT: "joint terms decide",
    Relation.CORRECTION: "joint terms oppose the sum of single modalities",
    Relation.UNDECIDED: "contributions nearly cancel, or the baseline decides",
}
JOINT_OPPOSES = " Joint terms ({joint}) oppose the sum of the single modalities ({own})."

# The largest contribution, as titles.
LARGEST_NONE = "No modality changes the decision"
LARGEST_ONE = "{names} {contribute} most ({values})"
LARGEST_SEVERAL = "{names} contribute most, equal in size ({values})"
MORE = "{names} and {more} more"
MAX_NAMED = 3  # contributions that a title names

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
ONLY_JOINT_TERM = "{name} jointly, {value:+.2f}"
LARGEST_JOINT_TERM = "largest: {names}"
LARGEST_JOINT_TERMS = "largest, equal in size: {names}"
TINY_JOINT_TERMS = "none above 0.005 in size"

# Decisions, within sentences.
POSITIVE, NEGATIVE = "positive", "negative"
TIE = "a tie between {classes}"
CLASS = "‘{name}’"


def format_contribution(value: float) -> str:
    """Return a contribution with two decimal places, or with one significant digit where these would be zeros."""
    return f"{value:+.2f}" if value == 0 or abs(value) >= 0.005 else f"{value:+.0e}"


def name_decision(scores: np.ndarray, classes: Sequence[str], markup: Markup = PLAIN) -> str:
    """Return the decision: the class with the largest score, a tie of several, or the sign of a single score."""
    if not classes:
        return POSITIVE if decisions.decision(scores) else NEGATIVE
    leading = [CLASS.format(name=markup.escape(classes[c])) for c in decisions.leading(scores)]
    if decisions.is_tied(scores):
        return TIE.format(classes=listed(leading))
    return leading[0]


def describe_decision(verdict: Verdict, markup: Markup = PLAIN) -> str:
    """Return who decided, in one or two sentences: the relation with its numbers, the leader, and the uncertainty over
    training seeds."""
    if not largest_terms(verdict.dividends):
        return NO_CONTRIBUTION.format(none=markup.strong("None"))
    sentences = [_relation_sentence(verdict, markup)]
    if verdict.relation.names_modalities or verdict.leader:
        sentences.append(f"{describe_leader(verdict, markup)}.")
    return " ".join([*sentences, *describe_seed_doubts(verdict)])


def _relation_sentence(verdict: Verdict, markup: Markup) -> str:
    numbers = {
        "net": format_contribution(verdict.net),
        "own": format_contribution(verdict.own),
        "joint": format_contribution(verdict.joint),
        "baseline": format_contribution(verdict.baseline),
    }
    if verdict.relation == Relation.UNDECIDED:
        if not verdict.cancels:
            return BASELINE_DECIDES.format(the_baseline=markup.strong("The baseline"), **numbers)
        decides = verdict.baseline * verdict.score > 0
        return CANCELS.format(
            undecided=markup.strong("Undecided"),
            size=verdict.size,
            outcome="decides" if decides else "is just outweighed",
            **numbers,
        )
    terms = _own_terms(verdict, markup)
    if verdict.relation == Relation.DOMINANCE and len(terms) == 1:
        return ALONE.format(first_strong=markup.strong(terms[0]))
    taken_back = 0.0
    if verdict.relation == Relation.CORRECTION:
        taken_back = abs(verdict.joint / verdict.own)
    return RELATION_SENTENCES[verdict.relation].format(
        the_combination=markup.strong("The combination"),
        single_modalities=markup.strong("Single modalities"),
        in_conflict=markup.strong("Modalities in conflict"),
        several_modalities=markup.strong("Several modalities"),
        first=terms[0],
        first_strong=markup.strong(terms[0]),
        second=terms[-1] if len(terms) == 1 else terms[1],
        same_way=listed(_aligned_terms(verdict, markup)),
        taken_back=taken_back,
        **numbers,
    )


def _own_terms(verdict: Verdict, markup: Markup) -> list[str]:
    """Return the modalities with their own terms, the largest in size first."""
    return [
        f"{markup.escape(name)} ({format_contribution(verdict.dividends[name])})"
        for name in verdict.ranked_modalities
    ]


def _aligned_terms(verdict: Verdict, markup: Markup) -> list[str]:
    """Return the modalities whose own terms have the same sign as the largest own term, with these terms."""
    ranked = verdict.ranked_modalities
    sign = np.sign(verdict.dividends[ranked[0]])
    terms = _own_terms(verdict, markup)
    return [
        term for name, term in zip(ranked, terms, strict=True) if verdict.dividends[name] * sign > 0
    ]


def describe_leader(verdict: Verdict, markup: Markup = PLAIN) -> str:
    """Return which modality leads by its Shapley share, or that none does, as a title."""
    ranked = sorted(verdict.shares, key=lambda name: -verdict.shares[name])
    shares = [f"{markup.escape(name)} {verdict.shares[name]:.0%}" for name in ranked]
    first = verdict.leader or ranked[0]
    kind = leadership(verdict)
    if not largest_terms(verdict.dividends) and kind != Leadership.BASELINE:
        kind = Leadership.NOTHING
    return LEADERSHIP_TITLES[kind].format(
        no_modality=markup.strong("No single modality"),
        leader=markup.strong(markup.escape(first)),
        share=f"{verdict.shares[first]:.0%}",
        others=f" ({', '.join(shares[1:])})" if len(shares) > 1 else "",
        ranking=", ".join(shares),
        needed=100 * verdict.needed,
        seeds=verdict.seeds,
    )


def describe_seed_doubts(verdict: Verdict) -> list[str]:
    """Return the uncertainties over training seeds, one sentence each, or an empty list if there are none."""
    return [
        SEED_SENTENCES[doubt].format(
            seeds=verdict.seeds,
            other_leader=verdict.other_leader,
            score=format_contribution(verdict.score),
            score_spread=verdict.score_spread,
            spread=verdict.spread,
        )
        for doubt in seed_doubts(verdict)
    ]


def describe_conflict(verdict: Verdict, markup: Markup = PLAIN) -> str:
    """Return whether the modalities conflict: "Yes" for the relation `conflict` alone."""
    terms = _own_terms(verdict, markup)
    kind = opposition(verdict)
    sentence = OPPOSITION_SENTENCES[kind].format(
        yes=markup.strong("Yes"),
        no=markup.strong("No"),
        first=terms[0],
        second=terms[-1] if len(terms) == 1 else terms[1],
        reason=OVERRULED_BY.get(verdict.relation, ""),
    )
    independent = (Opposition.ONE_CONTRIBUTES, Opposition.MINOR, Opposition.ALIGNED)
    if kind in independent and opposes_jointly(verdict):
        sentence += JOINT_OPPOSES.format(
            joint=format_contribution(verdict.joint), own=format_contribution(verdict.own)
        )
    return sentence


def largest_terms(dividends: Mapping[str, float]) -> list[str]:
    """Return the coalitions with the largest dividends in size as written, or an empty list if all are 0."""
    terms = sizes({term: value for term, value in dividends.items() if term})
    largest = max(terms.values(), default=0.0)
    if not largest:
        return []
    places = max(2, 1 - int(np.floor(np.log10(largest))))
    return top(terms, places)


def describe_largest(
    dividends: Mapping[str, float], markup: Markup = PLAIN, towards: str = ""
) -> str:
    """Return the largest contribution as a title, or all that are equal as written.

    Args:
        dividends: by coalition, the baseline under "".
        towards: text after the values, such as " for ‘yes’".
    """
    largest = largest_terms(dividends)
    if not largest:
        return LARGEST_NONE
    named = largest[:MAX_NAMED]
    values = listed(list(dict.fromkeys(format_contribution(dividends[term]) for term in named)))
    members = [[markup.escape(name) for name in term.split("+")] for term in named]
    if len(largest) == 1:
        together = len(members[0]) > 1
        return LARGEST_ONE.format(
            names=capital(listed(members[0]) + (" together" if together else "")),
            contribute="contribute" if together else "contributes",
            values=values + towards,
        )
    names = listed(
        [f"{listed(part)} {'together' if len(part) > 1 else 'alone'}" for part in members]
    )
    if len(largest) > MAX_NAMED:
        names = MORE.format(names=names, more=len(largest) - MAX_NAMED)
    return LARGEST_SEVERAL.format(names=capital(names), values=values + towards)


def capital(sentence: str) -> str:
    """Return a sentence with a capital first letter."""
    return sentence[:1].upper() + sentence[1:]


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
) -> str:
    """Return the change of a decision between two times or layers: its joint share, and the largest joint terms.

    Args:
        start, end: dividends by coalition before and after, the baseline under "".
        by: the cause of the change, such as "the evolution".
        quantity: name of the sum of the terms.
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
        largest=_describe_joint_terms(change.joint, markup) if change.joint else "",
    )


def _describe_move(change: DecisionChange, quantity: str) -> str:
    before, after = f"{change.score_start:+z.2f}", f"{change.score_end:+z.2f}"
    template = UNMOVED if before == after else MOVED
    return template.format(quantity=quantity, before=before, after=after)


def _describe_joint_terms(joint: Mapping[str, float], markup: Markup) -> str:
    """Return the largest joint terms with their values."""
    largest = [
        ONLY_JOINT_TERM.format(
            name=listed([markup.escape(part) for part in term.split("+")]), value=joint[term]
        )
        for term in top(sizes(joint))
    ]
    if len(joint) == 1:
        return largest[0]
    if all(round(value, 2) == 0 for value in joint.values()):
        return TINY_JOINT_TERMS
    template = LARGEST_JOINT_TERM if len(largest) == 1 else LARGEST_JOINT_TERMS
    return template.format(names=listed(largest))
