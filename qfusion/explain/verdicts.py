"""The verdict on a decision: how its modalities relate and which one leads; and the decision's course.

All results are numbers and enums; `qfusion.views.words.verdicts` renders the sentences. Pages, reports, tables and
commands
take who decided from here. The rules are in `explain.coalitions`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from qfusion.explain import coalitions
from qfusion.explain.coalitions import (
    SPREADS,
    Relation,
    classify_relations,
    find_conflicts,
    leading_terms,
    named_leaders,
    needed_lead,
)
from qfusion.models import coalition_algebra

NOBODY = "none"  # the word of tables where no modality leads
ROUNDING = 1e-12  # of the largest coalition value: what is smaller is none


@dataclass(frozen=True, eq=False)
class Doubt:
    """What R training seeds leave open about B samples: standard deviations over the seeds, and their verdicts.

    Attributes:
        seeds: R; the explained model is that of the first.
        lead: of how far a modality is ahead of every other in Shapley shares, (B, M).
        spread: of each dividend, the baseline first, (B, 2^M).
        sums: of the sum of own terms, of joint terms and of both, (B, 3).
        score: of the explained score, (B,).
        relations: by the other seeds, of `coalitions.RELATIONS`; "" where they were not measured, (R - 1, B).
        same_direction: whether what decides by another seed, the baseline of a prior and else all terms together, has
            the same sign, (R - 1, B). same_lead: whether it also has the same largest own term in the direction of the
            sum of terms, (R - 1, B).
    """

    seeds: int
    lead: np.ndarray
    spread: np.ndarray
    sums: np.ndarray
    score: np.ndarray
    relations: np.ndarray
    same_direction: np.ndarray
    same_lead: np.ndarray

    @property
    def is_measured(self) -> np.ndarray:
        """Whether the relations by the other seeds are known, (B,)."""
        return np.asarray((self.relations != "").all(0))


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The verdicts on B samples, as columns.

    Attributes:
        relation: of `coalitions.RELATIONS`, (B,). conflict: whether own terms conflict, whatever the relation, (B,).
        leader: a modality, or "" where none leads, (B,).
        largest: the coalition with the largest dividend in size, (B,).
        joint_share: size of the joint terms as a share of A, (B,).
        shares: of the Shapley values, (B, M). needed: the lead that it takes to be named, (B,).
        within_spread: whether a dividend is smaller than `coalitions.SPREADS` standard deviations over training seeds,
            the baseline first, (B, 2^M); False where no seeds were measured.
        is_open: whether what leads is within that spread, or by another verdict in most training seeds, (B,).
        seeds_agree: share of the training seeds, this one included, that give the same relation; NaN where they were
            not measured, (B,).
    """

    relation: np.ndarray
    conflict: np.ndarray
    leader: np.ndarray
    largest: np.ndarray
    joint_share: np.ndarray
    shares: np.ndarray
    needed: np.ndarray
    within_spread: np.ndarray
    is_open: np.ndarray
    seeds_agree: np.ndarray

    @property
    def leaders(self) -> np.ndarray:
        """`leader` with `NOBODY` where none leads, (B,)."""
        return np.where(self.leader == "", NOBODY, self.leader)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns of tables of samples, (B,) each."""
        return {
            "relation": self.relation,
            "conflict": self.conflict,
            "leader": self.leaders,
            "seeds_agree": self.seeds_agree,
        }


def judge(
    explanation: coalitions.Explanation,
    outputs: int | np.ndarray = 0,
    doubt: Doubt | None = None,
    boundary: float | None = 0.0,
) -> Verdicts:
    """Return the verdicts on every sample of an explanation.

    Args:
        explanation: of B samples.
        outputs: number of the explained output, of all samples or of each, (B,).
        doubt: of the same samples; None where no seeds were measured.
        boundary: score between two decisions, as of a classifier; None of a regression that is measured by its
            distance from the truth alone, see `data.Target.boundary`.
    """
    M = len(explanation.modalities)
    B = len(explanation.dividends)
    samples = np.arange(B)
    outputs = np.broadcast_to(np.asarray(outputs), (B,))
    rounded = _round_dividends(explanation)[samples, :, outputs]
    terms = rounded[:, 1:]
    size = np.abs(terms)
    total = size.sum(1)
    relation = classify_relations(rounded[:, 0], terms[:, :M], terms[:, M:], boundary)
    shapley = explanation.shapley[samples, :, outputs]
    shares = coalitions.shapley_shares(shapley)
    needed = needed_lead(0.0 if doubt is None else doubt.lead, shapley)
    within = np.zeros(rounded.shape, bool)
    is_open = np.zeros(B, bool)
    if doubt is not None:
        within = np.abs(rounded) < SPREADS * doubt.spread
        is_open = _find_open(rounded, within, relation, doubt) & (total > 0)
    leader = named_leaders(shapley, terms, relation, needed)
    leader[is_open | (total == 0)] = -1
    names = np.array([*explanation.modalities, ""], dtype=object)  # place -1: no leader
    coalition_of = np.array(explanation.coalitions[1:], dtype=object)
    joint_share = size[:, M:].sum(1) / np.where(total > 0, total, 1)
    return Verdicts(
        relation=relation,
        conflict=find_conflicts(terms[:, :M]),
        leader=names[leader],
        largest=coalition_of[size.argmax(1)],
        joint_share=joint_share,
        shares=shares,
        needed=needed[samples, shares.argmax(1)],
        within_spread=within,
        is_open=is_open,
        seeds_agree=_seeds_agree(relation, doubt),
    )


def _find_open(
    dividends: np.ndarray, within: np.ndarray, relation: np.ndarray, doubt: Doubt
) -> np.ndarray:
    """Return whether training seeds leave open what leads, (B,): it is within its spread over them, or most of them
    give another verdict.

    What leads is the baseline, the sum of the joint terms, or the largest own term in the direction of the decision;
    of a correction both sums, too.

    Args:
        dividends: of one output, the baseline first, (B, 2^M). within: whether they are within their spread, (B, 2^M).
        relation: (B,).
    """
    M = doubt.lead.shape[1]
    own = dividends[:, 1 : M + 1]
    joint = dividends[:, M + 1 :].sum(1)
    joint_within = np.abs(joint) < SPREADS * doubt.sums[:, 1]
    sums_within = joint_within | (np.abs(own.sum(1)) < SPREADS * doubt.sums[:, 0])
    first = leading_terms(own, np.sign(dividends[:, 1:].sum(1)))
    own_within = within[np.arange(len(own)), 1 + first]
    same = doubt.relations == relation
    same &= np.where(relation == "dominance", doubt.same_lead, True)
    is_minority = doubt.is_measured & (1 + same.sum(0) <= doubt.seeds / 2)
    leads_within = np.select(
        [relation == "prior", relation == "joint", relation == "correction"],
        [within[:, 0], joint_within, own_within | sums_within],
        own_within,
    )
    return (relation != "undecided") & (leads_within | is_minority)


def _seeds_agree(relation: np.ndarray, doubt: Doubt | None) -> np.ndarray:
    """Return the share of the training seeds that give the same relation, (B,); NaN where they were not measured."""
    if doubt is None:
        return np.full(len(relation), np.nan)
    same = 1 + (doubt.relations == relation).sum(0)
    return np.where(doubt.is_measured, same / doubt.seeds, np.nan)


def _round_dividends(explanation: coalitions.Explanation) -> np.ndarray:
    """Return the dividends, (B, 2^M, C), with 0 for those that are rounding errors of coalition values."""
    size = np.abs(explanation.values).max(1, keepdims=True)
    small = np.abs(explanation.dividends) <= ROUNDING * np.maximum(size, 1)
    return np.where(small, 0.0, explanation.dividends)


@dataclass(frozen=True, eq=False)
class Verdict:
    """The verdict on one sample.

    Attributes:
        relation, conflict, leader, largest, joint_share, is_open: as in `Verdicts`.
        modalities: names. shares: of the Shapley values, by modality. shapley: these values, by modality.
        needed: the lead that it takes to be named.
        dividends: by coalition, the baseline under "".
        boundary: score between two decisions; None where there is none.
        outputs: names of all outputs. output: number of the explained one.
        before: scores of all outputs without any modality.
        margin: how far the scores are from another decision: the distance of a single score to 0, else the log-odds of
            the class decided for against the next one, in nats.
        seeds: training seeds that were measured, 0 where none were. agreeing: how many of them give the same relation,
            this one included; None where this was not measured. agreeing_sign, agreeing_lead: how many of these decide
            in the same direction, and also with the same modality first.
        spread: standard deviation of every dividend over the seeds, by coalition; empty where none were measured.
        sum_spreads: of the sums of own terms, of joint terms and of both. score_spread: of the explained score.
        within_spread: the dividends that are within their spread, "" for the baseline.
    """

    relation: Relation
    conflict: bool
    leader: str
    largest: str
    joint_share: float
    modalities: tuple[str, ...]
    shares: Mapping[str, float]
    shapley: Mapping[str, float]
    needed: float
    dividends: Mapping[str, float]
    boundary: float | None
    outputs: tuple[str, ...]
    output: int
    before: tuple[float, ...]
    margin: float
    is_open: bool = False
    seeds: int = 0
    agreeing: int | None = None
    agreeing_sign: int = 0
    agreeing_lead: int = 0
    spread: Mapping[str, float] = field(default_factory=dict)
    sum_spreads: tuple[float, float, float] = (0.0, 0.0, 0.0)
    score_spread: float = 0.0
    within_spread: frozenset[str] = frozenset()

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
    def own_within(self) -> bool:
        """Whether the sum of own terms is within its spread over training seeds."""
        return abs(self.own) < SPREADS * self.sum_spreads[0]

    @property
    def joint_within(self) -> bool:
        """Whether the sum of joint terms is within its spread over training seeds."""
        return abs(self.joint) < SPREADS * self.sum_spreads[1]

    @property
    def net_within(self) -> bool:
        """Whether the sum of all terms but the baseline is within its spread over training seeds."""
        return abs(self.net) < SPREADS * self.sum_spreads[2]

    @property
    def size(self) -> float:
        """Sum of the sizes of all terms but the baseline."""
        return sum(abs(value) for term, value in self.dividends.items() if term)

    @property
    def baseline_decides(self) -> bool:
        """Whether the decision has the sign of the baseline, both measured from the boundary."""
        if self.boundary is None:
            return False
        return (self.baseline - self.boundary) * (self.score - self.boundary) > 0

    @property
    def ranked_modalities(self) -> list[str]:
        """The modalities by the size of their own terms, the largest first."""
        return sorted(self.modalities, key=lambda name: -abs(self.dividends[name]))


def verdict(
    explanation: coalitions.Explanation,
    sample: int = 0,
    output: int = 0,
    doubt: Doubt | None = None,
    boundary: float | None = 0.0,
) -> Verdict:
    """Return the verdict on one sample of an explanation.

    Args:
        explanation: of B samples. sample: which of them. output: number of the explained output.
        doubt: of the same B samples; None where no seeds were measured.
        boundary: score between two decisions, see `judge`.

    Example:
        >>> from qfusion import data
        >>> from qfusion.explain import background, explain
        >>> from qfusion.explain.verdicts import verdict
        >>> from qfusion.training import checkpoint
        >>> parity, model = data.load("parity"), checkpoint.load("qj-parity").model
        >>> behind = background(model, parity.inputs(parity.rows("train")))
        >>> result = explain(model, parity.inputs([parity.row("pair-6602")]), behind)
        >>> verdict(result).relation.value
        'joint'
    """
    verdicts = judge(explanation, output, doubt, boundary)
    names = explanation.modalities
    dividends = _round_dividends(explanation)[sample, :, output]
    terms = explanation.coalitions
    shares = verdicts.shares[sample].tolist()
    shapley = explanation.shapley[sample, :, output].tolist()
    result = Verdict(
        relation=Relation(verdicts.relation[sample]),
        conflict=bool(verdicts.conflict[sample]),
        leader=str(verdicts.leader[sample]),
        largest=str(verdicts.largest[sample]),
        joint_share=float(verdicts.joint_share[sample]),
        modalities=tuple(names),
        shares=dict(zip(names, shares, strict=True)),
        shapley=dict(zip(names, shapley, strict=True)),
        needed=float(verdicts.needed[sample]),
        dividends=dict(zip(terms, dividends.tolist(), strict=True)),
        boundary=boundary,
        outputs=tuple(explanation.outputs),
        output=output,
        before=tuple(explanation.values[sample, 0].tolist()),
        margin=_margin(explanation.logits[sample, -1]),
        is_open=bool(verdicts.is_open[sample]),
    )
    if doubt is None:
        return result
    same = doubt.relations[:, sample] == verdicts.relation[sample]
    same_sign = same & doubt.same_direction[:, sample]
    same_lead = same & doubt.same_lead[:, sample]
    agreeing = None
    if doubt.is_measured[sample]:
        agreeing = 1 + int(same.sum())
    within_spread = []
    for term, is_within in zip(terms, verdicts.within_spread[sample], strict=True):
        if is_within:
            within_spread.append(term)
    return replace(
        result,
        seeds=doubt.seeds,
        agreeing=agreeing,
        agreeing_sign=1 + int(same_sign.sum()),
        agreeing_lead=1 + int(same_lead.sum()),
        spread=dict(zip(terms, doubt.spread[sample].tolist(), strict=True)),
        sum_spreads=tuple(doubt.sums[sample].tolist()),
        score_spread=float(doubt.score[sample]),
        within_spread=frozenset(within_spread),
    )


def verdict_of_terms(
    dividends: Mapping[str, float], modalities: tuple[str, ...], boundary: float | None = 0.0
) -> Verdict:
    """Return the verdict on one decision from its dividends alone, by coalition, the baseline under "".

    Example:
        >>> from qfusion.explain.verdicts import verdict_of_terms
        >>> terms = {"": 0.1, "text": 1.0, "audio": 0.2, "text+audio": -0.1}
        >>> verdict_of_terms(terms, ("text", "audio")).relation.value
        'dominance'
    """
    terms = np.array(list(dividends.values()))[None, :, None]
    total = np.broadcast_to(terms.sum(1, keepdims=True), terms.shape).copy()
    total[:, 0] = terms[:, 0]
    explanation = coalitions.Explanation(
        modalities,
        ("score",),
        tuple(dividends),
        total,
        terms,
        coalition_algebra.shapley(terms, len(modalities)),
        "",
        0,
    )
    return verdict(explanation, boundary=boundary)


def _margin(scores: np.ndarray) -> float:
    """Return the distance of a single score to 0, or of the largest of several scores to the next one."""
    ordered = np.sort(scores)
    if len(ordered) == 1:
        return float(abs(ordered[0]))
    return float(ordered[-1] - ordered[-2])


def last_change(decisions: Sequence[object]) -> int:
    """Return the first place from which on the decision is the final one, or 0 if it never changes.

    Example:
        >>> from qfusion.explain.verdicts import last_change
        >>> last_change(["joy", "anger", "joy", "joy"])
        2
    """
    final = decisions[-1]
    others = [place for place, decision in enumerate(decisions) if decision != final]
    return others[-1] + 1 if others else 0


class JointCourse(StrEnum):
    """Classification of when joint terms outweigh single modalities, along time or layers."""

    NEVER = "never"
    LOST = "not at the end"
    ALWAYS = "from the start"
    FROM = "from a place on"


def joint_course(share: np.ndarray) -> JointCourse:
    """Return when joint terms outweigh single modalities.

    Args:
        share: joint share along time or layers, (P,), see `coalitions.joint_share`.
    """
    place = first_joint_place(share)
    if place is None:
        return JointCourse.LOST if (share > 0.5).any() else JointCourse.NEVER
    return JointCourse.FROM if place else JointCourse.ALWAYS


def first_joint_place(share: np.ndarray) -> int | None:
    """Return the first place from which on joint terms outweigh single modalities to the end, or None.

    Args:
        share: joint share along time or layers, (P,).

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.verdicts import first_joint_place
        >>> first_joint_place(np.array([0.2, 0.4, 0.6, 0.8]))
        2
    """
    wins = share > 0.5
    if not wins[-1]:
        return None
    losing = np.flatnonzero(~wins)
    return int(losing[-1]) + 1 if len(losing) else 0
