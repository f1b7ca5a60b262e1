"""The verdict on a decision: how its modalities relate, which one leads, what changed, and what seeds leave uncertain.

All results are numbers and enums; `qfusion.wording.verdicts` renders the sentences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from qfusion.explain import coalitions, contribution_shares
from qfusion.models import games

# One verdict a sample: how its modalities relate, which of them leads, and what training seeds leave open of that.
#
# All that pages, reports, tables and commands say of who decided comes from here. The Harsanyi dividends of the
# explained output are own terms (of one modality) that sum to U and joint terms (of several) that sum to J; b is the
# baseline and A the sum of the sizes of all terms but the baseline. The first that holds is the relation:
#
#     undecided    |U + J| < A / 8, or b + U + J has the sign of b and not that of U + J
#     joint        |J| >= |U|, and J points where U + J does
#     correction   J opposes U with at least half of its size
#     conflict     the two largest own terms oppose, the smaller at least a third of the larger
#     dominance    the largest own term exceeds all other own terms together
#     agreement    else
#
# Net sums are compared, so what cancels does not count, and the words mean the same for any number of modalities. The
# names follow M2Lens (Wang et al. 2021), which knows own terms alone. A modality leads by its share |phi_m| / sum
# |phi| of the Shapley values (MM-SHAP, Parcalabescu and Frank 2023), and is named only where it is `LEAD` ahead of
# every other, and by more than one standard deviation over training seeds, where these were measured.


class Relation(StrEnum):
    """How the modalities of a sample relate; see the rules above."""

    UNDECIDED = "undecided"
    JOINT = "joint"
    CORRECTION = "correction"
    CONFLICT = "conflict"
    DOMINANCE = "dominance"
    AGREEMENT = "agreement"

    @property
    def names_modalities(self) -> bool:
        """Whether the relation is about single modalities."""
        return self in (Relation.CONFLICT, Relation.DOMINANCE, Relation.AGREEMENT)


RELATIONS = tuple(relation.value for relation in Relation)


CANCELLED = 1 / 8  # of the sum of sizes: a smaller net sum is undecided
TAKEN_BACK = 1 / 2  # of the own terms' sum, from which opposite joint terms are a correction
LEAD = 0.1  # of the shares, by which a modality leads
AGAINST = 1 / 3  # of the largest own term, from which an opposite one is a conflict
NOBODY = "none"  # leads
ROUNDING = 1e-12  # of the largest coalition value: what is smaller is none
UNSTABLE = (
    0.2  # of the samples: where seeds name another leader in more, the leader depends on the seed
)


@dataclass(frozen=True, eq=False)
class Doubt:
    """Uncertainty of B samples due to the training seed.

    Attributes:
        seeds: how many were trained.
        other_leader: the share of samples of which two seeds name another modality first.
        lead: standard deviation over seeds of how far a modality is ahead of every other, (B, M).
        spread: standard deviation over seeds of each dividend but the baseline, (B, 2^M - 1).
        score: standard deviation over seeds of the explained score, (B,); None where it was not measured.
    """

    seeds: int
    other_leader: float
    lead: np.ndarray
    spread: np.ndarray
    score: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The verdicts on B samples, as columns.

    Attributes:
        relation: of `RELATIONS`, (B,). leader: a modality, or "" where none leads, (B,).
        largest: the coalition with the largest dividend in size, (B,).
        joint_share: size of the joint terms as a share of A, (B,).
        shares: of the Shapley values, (B, M). needed: the lead that it takes to be named, (B,).
    """

    relation: np.ndarray
    leader: np.ndarray
    largest: np.ndarray
    joint_share: np.ndarray
    shares: np.ndarray
    needed: np.ndarray

    @property
    def leaders(self) -> np.ndarray:
        """`leader` with the word of tables where none leads, (B,)."""
        return np.where(self.leader == "", NOBODY, self.leader)


def relations(
    baseline: np.ndarray, own: np.ndarray, joint: np.ndarray, by_sign: bool = True
) -> np.ndarray:
    """Return how the modalities of B samples relate, of `RELATIONS`, (B,).

    Args:
        baseline: (B,). own: terms of single modalities, (B, M). joint: terms of several, (B, 2^M - 1 - M).
        by_sign: whether the sign of the score is the decision.
    """
    size = np.abs(own).sum(1) + np.abs(joint).sum(1)
    U, J = own.sum(1), joint.sum(1)
    net = U + J
    ordered = np.take_along_axis(own, np.argsort(-np.abs(own), axis=1, kind="stable"), 1)
    largest = ordered[:, 0]
    second = ordered[:, 1] if own.shape[1] > 1 else np.zeros(len(own))
    score = baseline + net
    cancels = np.abs(net) < CANCELLED * size
    by_baseline = by_sign & (score * baseline > 0) & (score * net <= 0) & (size > 0)
    is_joint = (np.abs(J) >= np.abs(U)) & (J * net > 0)
    corrects = (J * U < 0) & (np.abs(J) >= TAKEN_BACK * np.abs(U))
    opposes = (largest * second < 0) & (np.abs(second) >= AGAINST * np.abs(largest))
    dominates = np.abs(largest) > np.abs(ordered[:, 1:]).sum(1)
    return np.select(
        [cancels | by_baseline, is_joint, corrects, opposes, dominates],
        ["undecided", "joint", "correction", "conflict", "dominance"],
        "agreement",
    ).astype(object)


def judge(
    explanation: coalitions.Explanation,
    outputs: int | np.ndarray = 0,
    doubt: Doubt | None = None,
    by_sign: bool = True,
) -> Verdicts:
    """Return the verdicts on every sample of an explanation.

    Args:
        explanation: of B samples.
        outputs: number of the explained output, of all samples or of each, (B,).
        doubt: of the same samples; None where no seeds were measured.
        by_sign: whether the sign of the score is the decision, as of a classifier; not of a regression that is
            measured by its distance from the truth alone.
    """
    M, B = len(explanation.modalities), len(explanation.dividends)
    outputs = np.broadcast_to(np.asarray(outputs), (B,))
    every = _round_dividends(explanation)[np.arange(B), :, outputs]
    baseline, dividends = every[:, 0], every[:, 1:]
    size, terms = np.abs(dividends), np.array(explanation.coalitions[1:], dtype=object)
    total = size.sum(1)
    joint = size[:, M:].sum(1) / np.where(total > 0, total, 1)
    relation = relations(baseline, dividends[:, :M], dividends[:, M:], by_sign)
    shares = contribution_shares.shares(explanation)[np.arange(B), :, outputs]
    needed = np.maximum(LEAD, np.zeros_like(shares) if doubt is None else doubt.lead)
    known = (total > 0) & (np.abs(explanation.shapley[np.arange(B), :, outputs]).sum(1) > 0)
    leader = _leaders(shares, needed, known & (relation != "undecided"))
    names = np.array([*explanation.modalities, ""], dtype=object)  # the last where there is none
    return Verdicts(
        relation,
        names[leader],
        terms[size.argmax(1)],
        joint,
        shares,
        needed[np.arange(B), shares.argmax(1)],
    )


def _leaders(shares: np.ndarray, needed: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """The number of the modality that leads each of B samples, or -1 where none is named, (B,).

    Args:
        shares: of the Shapley values, (B, M). needed: the lead that each modality needs to be named, (B, M).
        decided: whether the modalities decide at all, and not the baseline, bool (B,).
    """
    place = shares.argmax(1)
    every = np.arange(len(shares))
    ahead = lead_margins(shares)[every, place] >= needed[every, place]
    return np.where(ahead & decided, place, -1)


def _round_dividends(explanation: coalitions.Explanation) -> np.ndarray:
    """Dividends, (B, 2^M, C), with 0 where rounding alone has left something of coalition values."""
    size = np.abs(explanation.values).max(1, keepdims=True)
    small = np.abs(explanation.dividends) <= ROUNDING * np.maximum(size, 1)
    return np.where(small, 0.0, explanation.dividends)


def find_leaders(
    dividends: np.ndarray, M: int, spread: np.ndarray | float = 0.0, by_sign: bool = True
) -> np.ndarray:
    """Return the number of the modality that leads each of B samples, or -1 where none is named, (B,).

    Args:
        dividends: of one output, the baseline first, (B, 2^M). M: modalities.
        spread: of each modality's lead over training seeds, (B, M), see `Doubt.lead`.
        by_sign: see `relations`.
    """
    baseline, own, joint = dividends[:, 0], dividends[:, 1 : M + 1], dividends[:, M + 1 :]
    shares = contribution_shares.shapley_shares(games.shapley(dividends[..., None], M)[..., 0])
    needed = np.broadcast_to(np.maximum(LEAD, spread), shares.shape)
    return _leaders(shares, needed, relations(baseline, own, joint, by_sign) != "undecided")


def lead_margins(values: np.ndarray) -> np.ndarray:
    """Return how far every modality's share is ahead of the largest other one, (..., M) of shares (..., M).

    A single modality is ahead by its whole share.
    """
    if values.shape[-1] == 1:
        return values
    ordered = np.sort(values, axis=-1)
    best, second = ordered[..., -1:], ordered[..., -2:-1]
    return values - np.where(values == best, second, best)


def leading_modality(means: Mapping[str, float]) -> str:
    """Return the modality whose mean share is at least `LEAD` ahead of every other one's, or "" if there is none."""
    values = np.array(list(means.values()), dtype=float)
    place = int(np.argmax(np.nan_to_num(values, nan=-1.0)))
    return list(means)[place] if lead_margins(values)[place] >= LEAD else ""


@dataclass(frozen=True, eq=False)
class Verdict:
    """The verdict on one sample.

    Attributes:
        relation, leader, largest, joint_share: as in `Verdicts`.
        modalities: names. shares: of the Shapley values, by modality. needed: the lead that it takes to be named.
        dividends: by coalition, the baseline under "".
        margin: how far the scores are from another decision: the distance of a single score to 0, else the log-odds of
            the class decided for against the next one, in nats.
        seeds: training seeds that were measured, 0 where none were. other_leader: as in `Doubt`.
        spread: standard deviation of the largest term over the seeds. score_spread: of the explained score.
    """

    relation: Relation
    leader: str
    largest: str
    joint_share: float
    modalities: tuple[str, ...]
    shares: Mapping[str, float]
    needed: float
    dividends: Mapping[str, float]
    margin: float
    seeds: int = 0
    other_leader: float = 0.0
    spread: float = 0.0
    score_spread: float = 0.0

    @property
    def baseline(self) -> float:
        """The score without any modality."""
        return self.dividends[""]

    @property
    def score(self) -> float:
        """The explained score: the baseline and all terms."""
        return sum(self.dividends.values())

    @property
    def own(self) -> float:
        """Sum of the terms of single modalities."""
        return sum(value for term, value in self.dividends.items() if term and "+" not in term)

    @property
    def joint(self) -> float:
        """Sum of the terms of several modalities."""
        return sum(value for term, value in self.dividends.items() if "+" in term)

    @property
    def net(self) -> float:
        """Sum of all terms but the baseline."""
        return self.own + self.joint

    @property
    def size(self) -> float:
        """Sum of the sizes of all terms but the baseline."""
        return sum(abs(value) for term, value in self.dividends.items() if term)

    @property
    def cancels(self) -> bool:
        """Whether the terms nearly cancel."""
        return abs(self.net) < CANCELLED * self.size

    @property
    def ranked_modalities(self) -> list[str]:
        """The modalities by the size of their own terms, the largest first."""
        return sorted(self.modalities, key=lambda name: -abs(self.dividends[name]))

    def record(self) -> dict[str, Any]:
        """Return the verdict as JSON values, as the command line prints it."""
        return {
            "relation": self.relation.value,
            "leadership": leadership(self).value,
            "opposition": opposition(self).value,
            "leader": self.leader or NOBODY,
            "largest": self.largest,
            "own": self.own,
            "joint": self.joint,
            "joint_share": self.joint_share,
            "margin": self.margin,
            "shares": dict(self.shares),
            "lead_needed": self.needed,
            "seeds": self.seeds,
            "other_leader": self.other_leader if self.seeds else None,
            "spread_of_largest": self.spread if self.seeds else None,
            "spread_of_score": self.score_spread if self.seeds else None,
        }


def verdict(
    explanation: coalitions.Explanation,
    sample: int = 0,
    output: int = 0,
    doubt: Doubt | None = None,
    by_sign: bool = True,
) -> Verdict:
    """Return the verdict on one sample of an explanation.

    Args:
        explanation: of B samples. sample: which of them. output: number of the explained output.
        doubt: of the same B samples; None where no seeds were measured.
        by_sign: whether the sign of the score is the decision.
    """
    result = judge(explanation, output, doubt, by_sign)
    dividends = _round_dividends(explanation)[sample, :, output]
    largest = str(result.largest[sample])
    scores = np.sort(explanation.logits[sample, -1])
    names, place = explanation.modalities, explanation.coalitions.index(largest) - 1
    return Verdict(
        Relation(result.relation[sample]),
        str(result.leader[sample]),
        largest,
        float(result.joint_share[sample]),
        tuple(names),
        dict(zip(names, result.shares[sample].tolist(), strict=True)),
        float(result.needed[sample]),
        dict(zip(explanation.coalitions, dividends.tolist(), strict=True)),
        float(abs(scores[0]) if len(scores) == 1 else scores[-1] - scores[-2]),
        *(
            ()
            if doubt is None
            else (
                doubt.seeds,
                doubt.other_leader,
                float(doubt.spread[sample, place]),
                0.0 if doubt.score is None else float(doubt.score[sample]),
            )
        ),
    )


class Leadership(StrEnum):
    """Whether a modality leads by its Shapley share."""

    NOTHING = "nothing contributes"
    BASELINE = "baseline decides"
    LEADER = "leader"
    SEED_DEPENDENT = (
        "leader with this seed"  # seeds disagree on more than `UNSTABLE` of the samples
    )
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


def opposes_jointly(verdict: Verdict) -> bool:
    """Return whether the joint terms oppose the own terms with at least `TAKEN_BACK` of their size."""
    opposed = verdict.own * verdict.joint < 0
    return opposed and abs(verdict.joint) >= TAKEN_BACK * abs(verdict.own)


def last_change(decisions: Sequence[object]) -> int:
    """Return the first place from which on the decision is the final one; 0 where it never changes."""
    others = [place for place, decision in enumerate(decisions) if decision != decisions[-1]]
    return others[-1] + 1 if others else 0


class Change(StrEnum):
    """Change of the terms of a decision between two moments."""

    NOTHING = "nothing"
    ADDITIVE = "additive"  # no joint terms at the end
    BECOMES_JOINT = "becomes joint"  # no joint terms at the start
    STAYS_JOINT = "stays joint"


UNCHANGED = 1e-6  # of a term: a smaller change is rounding
NO_SHARE = 1e-9  # a smaller share is rounding


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
    joint_start, joint_end = _joint_share(start), _joint_share(end)
    if all(abs(end[term] - start[term]) < UNCHANGED for term in end):
        kind = Change.NOTHING
    elif not joint or joint_end < NO_SHARE:
        kind = Change.ADDITIVE
    elif joint_start < NO_SHARE:
        kind = Change.BECOMES_JOINT
    else:
        kind = Change.STAYS_JOINT
    return DecisionChange(
        kind, sum(start.values()), sum(end.values()), joint_start, joint_end, joint
    )


def _joint_share(dividends: Mapping[str, float]) -> float:
    arrays = {term: np.array([value]) for term, value in dividends.items()}
    return float(contribution_shares.joint_share(arrays)[0])


class JointCourse(StrEnum):
    """Classification of when joint terms outweigh single modalities, along time or layers."""

    NEVER = "never"
    LOST = "not at the end"
    ALWAYS = "from the start"
    FROM = "from a place on"


STILL = 1e-3  # a series that changes less hardly moves


def joint_course(share: np.ndarray) -> JointCourse:
    """Return when joint terms outweigh single modalities.

    Args:
        share: net joint share along time or layers, (P,), see `contribution_shares.net_joint_share`.
    """
    place = first_joint_place(share)
    if place is None:
        return JointCourse.LOST if (share > 0.5).any() else JointCourse.NEVER
    return JointCourse.FROM if place else JointCourse.ALWAYS


def first_joint_place(share: np.ndarray) -> int | None:
    """Return the first place from which on joint terms outweigh single modalities to the end, or None.

    Args:
        share: net joint share along time or layers, (P,).
    """
    wins = share > 0.5
    if not wins[-1]:
        return None
    losing = np.flatnonzero(~wins)
    return int(losing[-1]) + 1 if len(losing) else 0


def relative_progress(values: np.ndarray, place: int) -> float | None:
    """Return the fraction of the change from its first to its last value that a series has completed, or None if it
    hardly changes.
    """
    way = float(values[-1] - values[0])
    return None if abs(way) < STILL else float(values[place] - values[0]) / way
