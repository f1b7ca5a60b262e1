"""Findings read from a verdict: who leads, how the own terms oppose each other, and what seeds leave uncertain."""

from enum import StrEnum
from typing import Any

import numpy as np

from qfusion.explain.leaders import LEAD, lead_margins
from qfusion.explain.relations import AGAINST, TAKEN_BACK, Relation
from qfusion.explain.verdicts import NOBODY, Verdict

UNSTABLE = 0.2  # of the samples, of which two seeds name another leader: more is a leader by seed


class Leadership(StrEnum):
    """Whether a modality leads by its Shapley share."""

    NOTHING = "nothing contributes"
    BASELINE = "baseline decides"
    LEADER = "leader"
    SEED_DEPENDENT = "leader with this seed"  # seeds disagree on more than `UNSTABLE`
    CLOSE = "no leader"
    UNCERTAIN = "no leader beyond seeds"  # ahead by `LEAD`, but not beyond its spread over seeds


def leadership(verdict: Verdict) -> Leadership:
    """Return whether a modality leads, and how certain that is."""
    if verdict.relation == Relation.UNDECIDED:
        return Leadership.BASELINE
    if verdict.size == 0:
        return Leadership.NOTHING
    if verdict.leader:
        if verdict.other_leader > UNSTABLE:
            return Leadership.SEED_DEPENDENT
        return Leadership.LEADER
    ahead = lead_margins(np.array(list(verdict.shares.values()))).max()
    return Leadership.UNCERTAIN if ahead >= LEAD else Leadership.CLOSE


class SeedDoubt(StrEnum):
    """A property of a decision that training seeds leave uncertain."""

    LEADER = "leader"
    DECISION = "decision"
    LARGEST = "largest term"


def seed_doubts(verdict: Verdict) -> list[SeedDoubt]:
    """Return the uncertainties over training seeds, an empty list if no seeds were measured."""
    if not verdict.seeds:
        return []
    doubts = []
    if verdict.leader and verdict.other_leader > UNSTABLE:
        doubts.append(SeedDoubt.LEADER)
    if verdict.score_spread > abs(verdict.score):
        doubts.append(SeedDoubt.DECISION)
    if verdict.spread > abs(verdict.dividends[verdict.largest]):
        doubts.append(SeedDoubt.LARGEST)
    return doubts


class Opposition(StrEnum):
    """How the two largest own terms of a sample relate."""

    NO_CONTRIBUTION = "no contribution"
    ONE_MODALITY = "one modality"
    CONFLICT = "conflict"
    OVERRULED = "overruled"  # they oppose each other, but joint terms or the baseline decide
    ONE_CONTRIBUTES = "one contributes"
    MINOR = "minor opposition"  # less than `AGAINST` of the largest
    ALIGNED = "aligned"


def opposition(verdict: Verdict) -> Opposition:
    """Return how the two largest own terms relate; `CONFLICT` for the relation conflict alone."""
    own = [verdict.dividends[name] for name in verdict.ranked_modalities]
    if own[0] == 0:
        return Opposition.NO_CONTRIBUTION
    if len(own) == 1:
        return Opposition.ONE_MODALITY
    if verdict.relation == Relation.CONFLICT:
        return Opposition.CONFLICT
    if own[1] == 0:
        return Opposition.ONE_CONTRIBUTES
    if own[0] * own[1] > 0:
        return Opposition.ALIGNED
    if abs(own[1]) >= AGAINST * abs(own[0]):
        return Opposition.OVERRULED
    return Opposition.MINOR


def verdict_record(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as JSON values, as the command line prints it."""
    record = {
        "relation": verdict.relation.value,
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
        "other_leader": None,
        "spread_of_largest": None,
        "spread_of_score": None,
    }
    if verdict.seeds:
        record["other_leader"] = verdict.other_leader
        record["spread_of_largest"] = verdict.spread
        record["spread_of_score"] = verdict.score_spread
    return record


def opposes_jointly(verdict: Verdict) -> bool:
    """Return whether the joint terms oppose the own terms with at least `TAKEN_BACK` of their size."""
    opposed = verdict.own * verdict.joint < 0
    return opposed and abs(verdict.joint) >= TAKEN_BACK * abs(verdict.own)
