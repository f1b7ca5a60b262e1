"""What can be said of an explained decision: who leads it, how it changes, and when not to rely on its explanation.

When not to rely on an explanation: findings on seeds, planted truth, deletion, joint terms and backgrounds.

Each finding is an enum with its numbers; `qfusion.views.words.reliability` renders the sentences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from qfusion.explain import coalitions
from qfusion.explain.coalitions import (
    LEAD,
    SPREADS,
    TAKEN_BACK,
    Explanation,
    Relation,
    lead_margins,
)
from qfusion.explain.faithfulness import AgainstTruth, Curves
from qfusion.explain.stability import Stability
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
    """Return what leads a decision, and whether Shapley shares name the same modality.

    Example:
        >>> from qfusion.explain.findings import leadership
        >>> from qfusion.study import open_sample
        >>> sample = open_sample("qj-parity", "pair-6602")
        >>> leadership(sample.verdict).name
        'JOINT'
    """
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
    """Return the verdict as JSON values, as the command line prints it.

    Example:
        >>> from qfusion.explain.findings import verdict_record
        >>> from qfusion.study import open_sample
        >>> sample = open_sample("qj-parity", "pair-6602")
        >>> verdict_record(sample.verdict)["relation"]
        'joint'
    """
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


UNCHANGED = 1e-6  # of a term: a smaller change is rounding
NO_SHARE = 1e-9  # a smaller share is rounding


class Change(StrEnum):
    """Change of the terms of a decision between two moments."""

    NOTHING = "nothing"
    ADDITIVE = "additive"  # no joint terms at the end
    BECOMES_JOINT = "becomes joint"  # no joint terms at the start
    STAYS_JOINT = "stays joint"


@dataclass(frozen=True)
class DecisionChange:
    """The change of a decision between two moments.

    Attributes:
        kind: of change. score_start, score_end: the baseline and all terms.
        joint_share_start, joint_share_end: sizes of the joint terms as a share of all terms but the baseline.
        joint: the joint terms at the end, by coalition.
    """

    kind: Change
    score_start: float
    score_end: float
    joint_share_start: float
    joint_share_end: float
    joint: Mapping[str, float]


def compare_decisions(start: Mapping[str, float], end: Mapping[str, float]) -> DecisionChange:
    """Return the change of a decision between two moments.

    Args:
        start: dividends by coalition at the first moment, the baseline under "". end: at the last.
    """
    joint = {term: value for term, value in end.items() if "+" in term}
    joint_start = _joint_share(start)
    joint_end = _joint_share(end)
    if all(abs(end[term] - start[term]) < UNCHANGED for term in end):
        kind = Change.NOTHING
    elif not joint or joint_end < NO_SHARE:
        kind = Change.ADDITIVE
    elif joint_start < NO_SHARE:
        kind = Change.BECOMES_JOINT
    else:
        kind = Change.STAYS_JOINT
    return DecisionChange(
        kind=kind,
        score_start=sum(start.values()),
        score_end=sum(end.values()),
        joint_share_start=joint_start,
        joint_share_end=joint_end,
        joint=joint,
    )


def _joint_share(dividends: Mapping[str, float]) -> float:
    """Return the sizes of the joint terms as a share of all terms but the baseline."""
    arrays = {term: np.array([value]) for term, value in dividends.items()}
    return float(coalitions.joint_share(arrays)[0])


STABLE = 0.8  # rank correlation between seeds (or with the truth) from which an order of samples counts as stable
WORSE = 1.2  # ratio of spreads from which poor predictions count as less stable
LEADERS_AGREE = 0.9  # of the samples: where two seeds agree on the leader on fewer, it is a warning
JOINT_LARGER = 0.05  # of the samples: where joint terms are larger on more, it is a warning
SAME_VERDICT = 0.8  # of the samples: where backgrounds agree on fewer verdicts, it is a warning


class Concern(StrEnum):
    """Subject of a finding."""

    ORDER_UNSTABLE = "order of samples is unstable"
    ORDER_STABLE = "order of samples is stable"
    ORDER_UNSTABLE_TRUTH_FOLLOWED = "order of samples is unstable though truth is followed"
    SEED_SPREAD = "spread over seeds"
    POOR_PREDICTIONS = "less stable where predictions are poor"
    LEADER_UNSTABLE = "leader is unstable"
    TRUTH_MISSED = "truth is missed"
    TRUTH_CONSTANT = "no term varies"
    TRUTH_FOLLOWED = "truth is followed"
    ORDER_NOT_FASTER = "order is no faster than random"
    JOINT_LARGER = "joint terms are larger"
    BACKGROUND_MATTERS = "verdicts depend on the background"
    BACKGROUND_FINE = "verdicts hardly depend on the background"
    NO_TRUTH = "truth is unknown"
    OTHER_TRUTH = "truth is of other modalities"

    @property
    def severity(self) -> str:
        """Severity: "warning" if the result should not be read, "fine" for a measurement without a problem,
        "unknown" if there is no measurement.
        """
        if self in _FINE:
            return "fine"
        return "unknown" if self in _UNKNOWN else "warning"


_FINE = (Concern.ORDER_STABLE, Concern.TRUTH_FOLLOWED, Concern.BACKGROUND_FINE)
_UNKNOWN = (Concern.TRUTH_CONSTANT, Concern.NO_TRUTH, Concern.OTHER_TRUTH)


@dataclass(frozen=True)
class Finding:
    """A finding on the reliability of explanations.

    Attributes:
        concern: what it is about. numbers: by name. ranks: rank correlations by term, the lowest first.
        names: of what it concerns, such as "deletion" or backgrounds. unit: of the numbers.
    """

    concern: Concern
    numbers: Mapping[str, int | float] = field(default_factory=dict)
    ranks: Mapping[str, float] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    unit: str = ""

    @property
    def severity(self) -> str:
        """Severity, see `Concern.severity`."""
        return self.concern.severity


def check_stability(stability: Stability, errors: np.ndarray, unit: str) -> list[Finding]:
    """Return the findings on the spread over training seeds.

    Args:
        stability: of B test rows.
        errors: of the shipped model's predictions on these, (B,).
        unit: of the contributions, such as "log-odds of the true class, nats".
    """
    R, B = stability.dividends.shape[:2]
    ranks = {term: mean for term, (mean, _) in stability.rank_correlations().items()}
    weak = {term: mean for term, mean in ranks.items() if mean < STABLE}
    order = Finding(
        Concern.ORDER_UNSTABLE if weak else Concern.ORDER_STABLE,
        {"seeds": R, "samples": B},
        _ascending(weak or ranks),
    )
    floor = Finding(Concern.SEED_SPREAD, {"spread": stability.typical_spread}, unit=unit)
    findings = [order, floor, *check_poor_predictions(stability.spread(), errors)]
    agreement = stability.leader_agreement()
    if agreement < LEADERS_AGREE:
        findings.append(Finding(Concern.LEADER_UNSTABLE, {"agreement": agreement}))
    return findings


def reconcile(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings with an unstable order and a followed truth joined into one, in the place of the first.

    Both can be measured of one model, since the truth also ranks samples of different classes, while training seeds
    are compared on the log-odds of each sample's true class.
    """
    by_concern = {finding.concern: finding for finding in findings}
    order = by_concern.get(Concern.ORDER_UNSTABLE)
    truth = by_concern.get(Concern.TRUTH_FOLLOWED)
    if order is None or truth is None:
        return list(findings)
    lowest = min(truth.ranks.values())
    least = tuple(term for term, rank in truth.ranks.items() if rank == lowest)
    joined = replace(
        order,
        concern=Concern.ORDER_UNSTABLE_TRUTH_FOLLOWED,
        numbers={**order.numbers, "truth": lowest, "compared": truth.numbers["samples"]},
        names=least,
    )
    rest = [finding for finding in findings if finding is not truth]
    rest[rest.index(order)] = joined
    return rest


def _ascending(ranks: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(ranks.items(), key=lambda item: item[1]))


def check_poor_predictions(spread: np.ndarray, errors: np.ndarray) -> list[Finding]:
    """Return whether explanations vary more between seeds where predictions are poor, by more than two standard errors.

    Args:
        spread: standard deviation over seeds of each term, (B, T). errors: of the predictions, (B,).
    """
    worst = errors >= np.quantile(errors, 0.9)
    poor = spread[worst].mean(1)
    others = spread[~worst].mean(1)
    if min(len(poor), len(others)) < 2:
        return []
    ratio = float(spread[worst].mean() / max(spread[~worst].mean(), 1e-12))
    error = np.hypot(*(np.std(part, ddof=1) / len(part) ** 0.5 for part in (poor, others)))
    if ratio < WORSE or poor.mean() - others.mean() <= 2 * error:
        return []
    return [Finding(Concern.POOR_PREDICTIONS, {"ratio": ratio})]


def check_truth(result: AgainstTruth) -> Finding:
    """Return the finding on the comparison with planted truth."""
    ranks = {
        term: float(rank)
        for term, rank in zip(result.terms, result.rank, strict=True)
        if np.isfinite(rank)
    }
    samples = {"samples": len(result.ours)}
    weak = {term: rank for term, rank in ranks.items() if rank < STABLE}
    if weak:
        return Finding(Concern.TRUTH_MISSED, samples, weak)
    if not ranks:
        return Finding(Concern.TRUTH_CONSTANT, samples)
    return Finding(Concern.TRUTH_FOLLOWED, samples, _ascending(ranks))


def check_deletion(curves: Curves, players: str) -> list[Finding]:
    """Return the finding on deletion and insertion.

    Args:
        players: what is deleted, such as "modalities".
    """
    if curves.better or len(curves.shares) == 2:  # one player has one order
        return []
    gains = {"deletion": curves.deletion_gain, "insertion": curves.insertion_gain}
    failed = tuple(name for name, gain in gains.items() if (gain <= 0).any())
    numbers = {"orders": len(curves.random_deletion), "samples": curves.samples}
    return [Finding(Concern.ORDER_NOT_FASTER, numbers, names=(players, *failed), unit=curves.unit)]


def check_joint(explanation: Explanation, outputs: np.ndarray) -> list[Finding]:
    """Return the finding on Shapley values that split large joint terms.

    Args:
        explanation: of B samples; outputs: which output is explained for each, (B,).
    """
    M = len(explanation.modalities)
    B = len(explanation.dividends)
    size = np.abs(explanation.dividends[np.arange(B), :, outputs])
    single = size[:, 1 : M + 1].sum(1)
    joint = size[:, M + 1 :].sum(1)
    part = float((joint > single).mean())
    if part < JOINT_LARGER:
        return []
    return [Finding(Concern.JOINT_LARGER, {"share": part, "samples": B})]


def check_backgrounds(same: float, samples: int, names: tuple[str, ...]) -> Finding:
    """Return whether verdicts depend on the background.

    Args:
        same: share of the samples with one verdict against all backgrounds. samples: how many. names: of backgrounds.
    """
    concern = Concern.BACKGROUND_FINE if same >= SAME_VERDICT else Concern.BACKGROUND_MATTERS
    return Finding(concern, {"share": same, "samples": samples}, names=names)
