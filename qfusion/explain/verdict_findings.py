"""Findings read from a verdict: who leads, how the own terms oppose each other, and what seeds leave uncertain."""

from enum import StrEnum
from typing import Any

import numpy as np

from qfusion.explain.leaders import LEAD, SPREADS, lead_margins
from qfusion.explain.relations import TAKEN_BACK, Relation
from qfusion.explain.verdicts import NOBODY, Verdict

MOST = 0.5  # of the sum of all terms, from which a modality has most of it
NEGLIGIBLE = 0.05  # of the largest own term: a smaller one is not named beside it


class Leadership(StrEnum):
    """What leads a decision, and whether Shapley shares name the same modality."""

    NOTHING = "nothing contributes"
    OPEN = "left open by seeds"
    UNDECIDED = "terms cancel"
    PRIOR = "baseline decides"
    JOINT = "combination decides"
    LEADER = "leader"
    UNCERTAIN = (
        "lead uncertain"  # ahead by `LEAD`, but not by `SPREADS` standard deviations over seeds
    )
    CLOSE = "no leader"
    OTHER = "shares name another modality"


_BY_RELATION = {
    Relation.UNDECIDED: Leadership.UNDECIDED,
    Relation.PRIOR: Leadership.PRIOR,
    Relation.JOINT: Leadership.JOINT,
}


def leadership(verdict: Verdict) -> Leadership:
    """Return what leads a decision, and whether Shapley shares name the same modality."""
    if verdict.size == 0:
        return Leadership.NOTHING
    if verdict.is_open:
        return Leadership.OPEN
    if verdict.relation in _BY_RELATION:
        return _BY_RELATION[verdict.relation]
    if verdict.leader:
        return Leadership.LEADER
    ahead = lead_margins(np.array(list(verdict.shares.values()))).max()
    if ahead < LEAD:
        return Leadership.CLOSE
    return Leadership.UNCERTAIN if ahead < verdict.needed else Leadership.OTHER


def most_of_sum(verdict: Verdict) -> str:
    """Return the modality whose Shapley value is most of the sum of all terms, or "" if there is none or if training
    seeds leave open whether it contributes."""
    first = max(verdict.shapley, key=lambda name: abs(verdict.shapley[name]))
    has_most = verdict.net != 0 and verdict.shapley[first] / verdict.net > MOST
    return first if has_most and first not in verdict.within_spread else ""


class Opposition(StrEnum):
    """How the own terms of a sample relate."""

    NO_CONTRIBUTION = "no contribution"
    ONE_MODALITY = "one modality"
    CONFLICT = "conflict"
    ONE_CONTRIBUTES = "one contributes"
    MINOR = "minor opposition"  # less than `AGAINST` of the largest
    ALIGNED = "aligned"


def opposition(verdict: Verdict) -> Opposition:
    """Return how the own terms relate; `CONFLICT` where they conflict, whatever the relation."""
    own = [verdict.dividends[name] for name in verdict.ranked_modalities]
    if own[0] == 0:
        return Opposition.NO_CONTRIBUTION
    if len(own) == 1:
        return Opposition.ONE_MODALITY
    if verdict.conflict:
        return Opposition.CONFLICT
    if own[1] == 0:
        return Opposition.ONE_CONTRIBUTES
    return Opposition.MINOR if min(own) < 0 < max(own) else Opposition.ALIGNED


def sides(verdict: Verdict) -> tuple[list[str], list[str]]:
    """Return the modalities whose own terms have the sign of all own terms together, and those against it, each with
    the largest first. Terms below `NEGLIGIBLE` of the largest are left out."""
    ranked = verdict.ranked_modalities
    least = NEGLIGIBLE * abs(verdict.dividends[ranked[0]])
    named = [name for name in ranked if abs(verdict.dividends[name]) >= max(least, 1e-300)]
    direction = np.sign(verdict.own) or np.sign(verdict.dividends[ranked[0]])
    winners = [name for name in named if verdict.dividends[name] * direction > 0]
    return winners, [name for name in named if name not in winners]


def verdict_record(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as JSON values, as the command line prints it."""
    record: dict[str, Any] = {
        "relation": verdict.relation.value,
        "conflict": verdict.conflict,
        "leadership": leadership(verdict).value,
        "opposition": opposition(verdict).value,
        "leader": verdict.leader or NOBODY,
        "largest": verdict.largest,
        "own": verdict.own,
        "joint": verdict.joint,
        "joint_share": verdict.joint_share,
        "margin": verdict.margin,
        "shares": dict(verdict.shares),
        "lead_needed": verdict.needed,
        "seeds": verdict.seeds,
        "seeds_agree": None,
        "within_spread": None,
        "spread_of_score": None,
    }
    if verdict.seeds:
        record["within_spread"] = [
            term or "baseline" for term in verdict.dividends if term in verdict.within_spread
        ]
        record["spread_of_score"] = verdict.score_spread
    if verdict.agreeing is not None:
        record["seeds_agree"] = verdict.agreeing / verdict.seeds
    return record


def is_score_uncertain(verdict: Verdict) -> bool:
    """Return whether the explained score is nearer to the boundary than `SPREADS` standard deviations over seeds."""
    if verdict.boundary is None:
        return False
    return abs(verdict.score - verdict.boundary) < SPREADS * verdict.score_spread


def opposes_jointly(verdict: Verdict) -> bool:
    """Return whether the joint terms oppose the own terms with at least `TAKEN_BACK` of their size, where training
    seeds do not leave either sum open."""
    if verdict.own_within or verdict.joint_within:
        return False
    own, joint = verdict.own, verdict.joint
    return own * joint < 0 and abs(joint) >= TAKEN_BACK * abs(own)
