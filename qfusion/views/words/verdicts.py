"""The decision on one sample in sentences: who decided, which modality leads, and what training seeds leave open.

The numbers and enums are those of `qfusion.explain.verdicts`. A term within its spread over training seeds is neither
named nor is its sign read.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from qfusion._sentences import capitalise, listed, share
from qfusion.explain.coalitions import SPREADS, Relation
from qfusion.explain.findings import Leadership, is_score_uncertain, leadership, most_of_sum, sides
from qfusion.explain.verdicts import Verdict
from qfusion.models import terms
from qfusion.views.words.rules import (
    MAX_NAMED,
    NOTHING_CHANGES,
    PLAIN,
    Markup,
    format_contribution,
    largest_terms,
)

# Definitions of the relations, for captions and the glossary.
RELATION_DEFINITIONS: dict[Relation, str] = {
    Relation.UNDECIDED: "Contributions nearly cancel.",
    Relation.PRIOR: (
        "The baseline has the sign of the decision and is at least as large as the sum of all contributions: without "
        "any modality the decision would be the same."
    ),
    Relation.JOINT: "Joint terms sum to at least as much as own terms, in the direction of the decision.",
    Relation.CORRECTION: "Joint terms oppose the sum of the own terms with at least half of its size.",
    Relation.CONFLICT: "An own term opposes the largest own term with at least a third of its size.",
    Relation.DOMINANCE: "The own term of one modality exceeds those of all others together.",
    Relation.AGREEMENT: "None of the above: several own terms have the same sign, and joint terms change little.",
}

# "Which modality decided this?"
NO_CONTRIBUTION = "{none}: no modality changes the decision."
RELATION_SENTENCES: dict[Relation, str] = {
    Relation.UNDECIDED: "{undecided}: contributions nearly cancel (net {net}, {size:.2f} in total size){outcome}.",
    Relation.PRIOR: "{no_modality} decided: before any modality {before}. {sum}.",
    Relation.JOINT: "{the_combination} decides: joint terms sum to {joint}, single modalities to {own}.",
    Relation.CORRECTION: (
        "{single_modalities} decide, corrected by the combination: they sum to {own}, and joint terms take back "
        "{taken_back:.0%} of that ({joint})."
    ),
    Relation.CONFLICT: "{in_conflict}: {outweighs}.",
    Relation.DOMINANCE: (
        "{first} decides: its own contribution exceeds those of all others together."
    ),
    Relation.AGREEMENT: "{several_modalities} point the same way: {same_way}.",
}
ALONE = "{first} decides alone."
JOINT_TAKE, JOINT_ADD = (
    " Joint terms take back {taken_back:.0%} of the sum of single modalities ({joint}).",
    " Joint terms add {joint}.",
)
MENTIONED = 0.1  # of the own terms' sum, from which joint terms are mentioned beside them
FIRST = "{first} comes first; other own contributions are within their spread over {seeds} training seeds."
OUTWEIGHS = "{one_side} {outweigh} {other_side}"
AGAINST = "{one_side} against {other_side}, which sum to {own}"
UNREAD_AGAINST = "what opposes {one_side} is within its spread over training seeds"
SAYS = "the model says {decision} ({baseline}{probability})"
VALUE = "the value is {baseline}, on the side of {boundary:.2g} that is decided for"
ADD, CHANGE = "The modalities add {net}{most}", "The modalities change that by {net}{most}"
UNREAD_SUM = (
    "What the modalities add is within its spread over {seeds} training seeds "
    "(standard deviation {spread:.2g})"
)
MOST_OF_IT = ", most of it {name}"
BASELINE_SIDE = ", with the sign of the baseline ({baseline})"
BASELINE_DECIDES = ", and the baseline ({baseline}) decides"
BASELINE_OUTWEIGHED = ", and just outweigh the baseline ({baseline})"
NEAR_BASELINE = ", so that the score is near the baseline ({baseline})"
JOINT_ALONE = (
    "{the_combination} decides: joint terms sum to {joint}; the sum of single modalities is within its spread over "
    "{seeds} training seeds."
)
JOINT_ALONE_HEADLINE = "the combination decides (joint terms sum to {joint})"

# The verdict as a title.
HEADLINES: dict[Relation, str] = {
    Relation.UNDECIDED: "undecided, as contributions nearly cancel (net {net})",
    Relation.PRIOR: "the baseline ({baseline}) decides, not the modalities",
    Relation.JOINT: "the combination decides (joint terms sum to {joint}, single modalities to {own})",
    Relation.CORRECTION: "single modalities decide (they sum to {own}), corrected by the combination ({joint})",
    Relation.CONFLICT: "{outweighs_by_name}",
    Relation.DOMINANCE: "{first} dominates",
    Relation.AGREEMENT: "{same_way_by_name} point the same way",
}
FIRST_HEADLINE = "{first} comes first"

# What training seeds leave open.
DISAGREE = "retrainings disagree on who leads"
SAME_LEAD = "all {seeds} trainings give the verdict ‘{relation}’, but its size is uncertain"
UNMEASURED_LEAD = "retrainings may disagree on who leads"
OPEN_SENTENCES: dict[str, str] = {
    DISAGREE: "{open}: {agreeing} of {seeds} trainings give the verdict ‘{relation}’{others}.",
    SAME_LEAD: "{open}: the standard deviation of what leads is more than half of its size.",
    UNMEASURED_LEAD: (
        "{open}: what leads is smaller than {spreads:g} standard deviations that are typical over {seeds} training "
        "seeds."
    ),
}
SEEDS_AGREE = "{agreeing} of {seeds} trainings give the same verdict{others}."
OTHER_LEADS = ", {agreeing_lead} with the same modality first"
OTHER_SIGNS = ", {agreeing_sign} in the same direction"
SCORE_UNCERTAIN = (
    "The decision is uncertain: over {seeds} training seeds its value ({score}) varies by "
    "±{score_spread:.2g}."
)
ONE_TRAINING = "One training; others may differ."

# "Which modality leads?", as titles.
LEADERSHIP_TITLES: dict[Leadership, str] = {
    Leadership.NOTHING: NOTHING_CHANGES,
    Leadership.UNDECIDED: "Contributions nearly cancel; Shapley shares are {ranking}",
    Leadership.PRIOR: "The baseline decides; Shapley shares of the rest are {ranking}",
    Leadership.JOINT: "The combination decides; Shapley shares, which split joint terms evenly, are {ranking}",
    Leadership.LEADER: "{leader} leads with {share} of the Shapley shares{others}",
    Leadership.UNCERTAIN: (
        "Shapley shares are {ranking}, and the lead varies by ±{deviation:.0f} points over {seeds} training seeds"
    ),
    Leadership.CLOSE: "The largest Shapley shares are close: {ranking}",
    Leadership.OTHER: "Shapley shares, which include parts of joint terms, are {ranking}",
}

# Decisions, within sentences.
POSITIVE, NEGATIVE = "positive", "negative"
TIE = "a tie between {classes}"
CLASS = "‘{name}’"


def name_decision(scores: np.ndarray, classes: Sequence[str], markup: Markup = PLAIN) -> str:
    """Return the decision: the class with the largest score, a tie of several, or the sign of a single score."""
    if not classes:
        return POSITIVE if terms.decision(scores) else NEGATIVE
    leading = [CLASS.format(name=markup.escape(classes[c])) for c in terms.leading(scores)]
    if terms.is_tied(scores):
        return TIE.format(classes=listed(leading))
    return leading[0]


def describe_decision(verdict: Verdict, markup: Markup = PLAIN) -> str:
    """Return who decided, in one or two sentences: the relation with its numbers, the leader, and what training seeds
    leave open."""
    if not largest_terms(verdict.dividends):
        return NO_CONTRIBUTION.format(none=markup.strong("None"))
    if verdict.is_open:
        return _open_sentence(verdict, markup)
    sentences = [_relation_sentence(verdict, markup)]
    if leadership(verdict) == Leadership.LEADER and len(verdict.modalities) > 1:
        sentences.append(f"{describe_leader(verdict, markup)}.")
    return " ".join([*sentences, *describe_seeds(verdict)])


def describe_headline(verdict: Verdict, markup: Markup = PLAIN, towards: str = "") -> str:
    """Return who decided as a title, with the same lead as `describe_decision`.

    Args:
        towards: what the score is of, such as "for ‘yes’", in front.
    """
    headline = _headline(verdict, markup)
    return capitalise(f"{towards}: {headline}" if towards else headline)


def _headline(verdict: Verdict, markup: Markup) -> str:
    if not largest_terms(verdict.dividends):
        return NOTHING_CHANGES
    if verdict.is_open:
        return _name_open(verdict)
    template = HEADLINES[verdict.relation]
    if verdict.relation == Relation.JOINT and verdict.own_within:
        template = JOINT_ALONE_HEADLINE
    elif verdict.relation == Relation.AGREEMENT and not _has_several(verdict):
        template = FIRST_HEADLINE
    return template.format(**_pieces(verdict, markup))


def describe_seeds(verdict: Verdict) -> list[str]:
    """Return what training seeds say of the verdict, one sentence each; an empty list where none were measured."""
    sentences = []
    if is_score_uncertain(verdict):
        sentences.append(
            SCORE_UNCERTAIN.format(
                seeds=verdict.seeds,
                score=format_contribution(verdict.score),
                score_spread=verdict.score_spread,
            )
        )
    if verdict.agreeing is not None:
        sentences.append(
            SEEDS_AGREE.format(
                agreeing=verdict.agreeing,
                seeds=verdict.seeds,
                others=_describe_others(verdict, verdict.agreeing),
            )
        )
    return sentences


def _describe_others(verdict: Verdict, agreeing: int) -> str:
    """Return how many of the seeds with the same relation also have the same lead, or direction, if some have not."""
    if verdict.relation == Relation.UNDECIDED:
        return ""
    if verdict.relation.names_modalities:
        is_other = verdict.agreeing_lead < agreeing
        return OTHER_LEADS.format(agreeing_lead=verdict.agreeing_lead) if is_other else ""
    is_other = verdict.agreeing_sign < agreeing
    return OTHER_SIGNS.format(agreeing_sign=verdict.agreeing_sign) if is_other else ""


def _open_kind(verdict: Verdict) -> str:
    """Return how the lead is left open, a key of `OPEN_SENTENCES`."""
    if verdict.agreeing is None:
        return UNMEASURED_LEAD
    names = verdict.relation.names_modalities
    same = verdict.agreeing_lead if names else verdict.agreeing_sign
    return SAME_LEAD if same == verdict.seeds else DISAGREE


def _name_open(verdict: Verdict) -> str:
    """Return how the lead is left open, as a clause."""
    return _open_kind(verdict).format(seeds=verdict.seeds, relation=verdict.relation)


def _open_sentence(verdict: Verdict, markup: Markup) -> str:
    return OPEN_SENTENCES[_open_kind(verdict)].format(
        open=markup.strong(capitalise(_name_open(verdict))),
        agreeing=verdict.agreeing,
        others=_describe_others(verdict, verdict.agreeing or 0),
        seeds=verdict.seeds,
        relation=verdict.relation,
        spreads=SPREADS,
    )


def _relation_sentence(verdict: Verdict, markup: Markup) -> str:
    template = RELATION_SENTENCES[verdict.relation]
    if verdict.relation == Relation.DOMINANCE and len(verdict.modalities) == 1:
        template = ALONE
    if verdict.relation == Relation.JOINT and verdict.own_within:
        template = JOINT_ALONE
    if verdict.relation == Relation.AGREEMENT and not _has_several(verdict):
        template = FIRST
    pieces = _pieces(verdict, markup)
    if verdict.relation == Relation.PRIOR:
        pieces |= {
            "before": _describe_before(verdict, markup),
            "sum": _describe_sum(verdict, markup),
        }
    if _mentions_joint(verdict):
        template += JOINT_TAKE if verdict.own * verdict.joint < 0 else JOINT_ADD
    return template.format(
        undecided=markup.strong("Undecided"),
        no_modality=markup.strong("No modality"),
        the_combination=markup.strong("The combination"),
        single_modalities=markup.strong("Single modalities"),
        in_conflict=markup.strong("Modalities in conflict"),
        several_modalities=markup.strong("Several modalities"),
        **pieces | {"first": markup.strong(pieces["first"])},
    )


def _mentions_joint(verdict: Verdict) -> bool:
    """Return whether joint terms are mentioned beside the single modalities that decide."""
    if verdict.relation not in (Relation.CONFLICT, Relation.DOMINANCE, Relation.AGREEMENT):
        return False
    is_visible = abs(verdict.joint) >= MENTIONED * abs(verdict.own)
    return is_visible and not verdict.joint_within


def _pieces(verdict: Verdict, markup: Markup) -> dict[str, Any]:
    """Return what the sentences about a relation are made of."""
    winners, _ = sides(verdict)
    return {
        "net": format_contribution(verdict.net),
        "size": verdict.size,
        "own": format_contribution(verdict.own),
        "joint": format_contribution(verdict.joint),
        "seeds": verdict.seeds,
        "taken_back": abs(verdict.joint / verdict.own) if verdict.own else 0.0,
        "baseline": format_contribution(verdict.baseline),
        "outcome": _describe_outcome(verdict),
        "first": _name_term(verdict, winners[0], markup) if winners else "",
        "same_way": name_side(verdict, winners, markup),
        "same_way_by_name": name_side(verdict, winners, markup, values=False),
        "outweighs": _describe_sides(verdict, markup),
        "outweighs_by_name": _describe_sides(verdict, markup, values=False),
    }


def _has_several(verdict: Verdict) -> bool:
    """Return whether several own terms in the direction of their sum are beyond their spread over training seeds."""
    return len(readable_terms(verdict, sides(verdict)[0])) > 1


def _describe_sides(verdict: Verdict, markup: Markup, *, values: bool = True) -> str:
    """Return which own terms outweigh which others, as far as the named ones do."""
    winners, losers = sides(verdict)
    readable = [readable_terms(verdict, side) for side in (winners, losers)]
    named = sum(abs(verdict.dividends[name]) for name in readable[0][:MAX_NAMED])
    opposed = sum(abs(verdict.dividends[name]) for name in losers)
    template = OUTWEIGHS if named > opposed else AGAINST
    if not readable[1]:
        template = UNREAD_AGAINST
    return template.format(
        one_side=name_side(verdict, winners, markup, values=values),
        other_side=name_side(verdict, losers, markup, values=values),
        outweigh="outweighs" if len(readable[0]) == 1 else "outweigh",
        own=format_contribution(verdict.own),
    )


def _describe_outcome(verdict: Verdict) -> str:
    """Return what terms that nearly cancel do to the baseline, as the end of a sentence."""
    if "" in verdict.within_spread:
        return ""
    if verdict.boundary is None:
        template = NEAR_BASELINE
    elif (verdict.baseline - verdict.boundary) * verdict.net > 0:
        template = BASELINE_SIDE
    else:
        template = BASELINE_DECIDES if verdict.baseline_decides else BASELINE_OUTWEIGHED
    return template.format(baseline=format_contribution(verdict.baseline))


def _describe_before(verdict: Verdict, markup: Markup) -> str:
    """Return what is decided without any modality."""
    baseline, scores = verdict.baseline, np.array(verdict.before)
    is_first = len(scores) == 1 or (scores.argmax() == verdict.output) == (baseline > 0)
    if verdict.boundary != 0 or not is_first:
        return VALUE.format(
            baseline=format_contribution(baseline), boundary=verdict.boundary or 0.0
        )
    classes = verdict.outputs if len(scores) > 1 else ()
    probability = f", {share(1 / (1 + np.exp(-abs(baseline))))}" if len(scores) == 2 else ""
    return SAYS.format(
        decision=name_decision(scores, classes, markup),
        baseline=format_contribution(baseline),
        probability=probability,
    )


def _describe_sum(verdict: Verdict, markup: Markup) -> str:
    """Return what all modalities add to the baseline."""
    if verdict.net_within:
        return UNREAD_SUM.format(seeds=verdict.seeds, spread=verdict.sum_spreads[2])
    most = most_of_sum(verdict)
    template = ADD if verdict.net * verdict.baseline > 0 else CHANGE
    return template.format(
        net=format_contribution(verdict.net),
        most=MOST_OF_IT.format(name=markup.escape(most)) if most else "",
    )


def _name_term(verdict: Verdict, name: str, markup: Markup) -> str:
    return f"{markup.escape(name)} ({format_contribution(verdict.dividends[name])})"


def readable_terms(verdict: Verdict, names: Sequence[str]) -> list[str]:
    """Return those modalities whose own terms are beyond their spread over training seeds."""
    return [name for name in names if name not in verdict.within_spread]


def name_side(
    verdict: Verdict, names: Sequence[str], markup: Markup, *, values: bool = True
) -> str:
    """Return the modalities whose own terms can be read, with these terms; the smaller ones of many are "others".

    Args:
        values: whether the terms are given.
    """
    readable = readable_terms(verdict, names)
    if values:
        words = [_name_term(verdict, name, markup) for name in readable]
    else:
        words = [markup.escape(name) for name in readable]
    if len(words) > MAX_NAMED:
        words = [*words[:MAX_NAMED], "others"]
    return listed(words)


def describe_leader(verdict: Verdict, markup: Markup = PLAIN) -> str:
    """Return the Shapley shares as a title: which modality leads, only where the verdict names it too."""
    if not largest_terms(verdict.dividends):
        return NOTHING_CHANGES
    kind = leadership(verdict)
    if kind == Leadership.OPEN:
        return describe_headline(verdict, markup)
    ranked = sorted(verdict.shares, key=lambda name: -verdict.shares[name])
    shares = {name: f"{markup.escape(name)} {verdict.shares[name]:.0%}" for name in ranked}
    others = [words for name, words in shares.items() if name != verdict.leader]
    return LEADERSHIP_TITLES[kind].format(
        leader=markup.strong(markup.escape(verdict.leader)),
        share=f"{verdict.shares.get(verdict.leader, 0.0):.0%}",
        others=f" ({', '.join(others)})" if others else "",
        ranking=", ".join(shares.values()),
        deviation=100 * verdict.needed / SPREADS,
        seeds=verdict.seeds,
    )
