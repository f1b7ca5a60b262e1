"""The verdict on a decision: how its modalities relate, which one leads, and what seeds leave uncertain.

All results are numbers and enums; `qfusion.wording.verdicts` renders the sentences. Pages, reports, tables and commands
take who decided from here. The rules are in `explain.relations` and `explain.leaders`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from qfusion.explain import coalitions, contribution_shares
from qfusion.explain.leaders import LEAD, named_leaders
from qfusion.explain.relations import CANCELLED, Relation, classify_relations

NOBODY = "none"  # the word of tables where no modality leads
ROUNDING = 1e-12  # of the largest coalition value: what is smaller is none


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
        relation: of `relations.RELATIONS`, (B,). leader: a modality, or "" where none leads, (B,).
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
        """`leader` with `NOBODY` where none leads, (B,)."""
        return np.where(self.leader == "", NOBODY, self.leader)


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
    samples = np.arange(B)
    outputs = np.broadcast_to(np.asarray(outputs), (B,))
    rounded = _round_dividends(explanation)[samples, :, outputs]
    baseline, dividends = rounded[:, 0], rounded[:, 1:]
    size = np.abs(dividends)
    total = size.sum(1)
    relation = classify_relations(baseline, dividends[:, :M], dividends[:, M:], by_sign)
    shares = contribution_shares.shares(explanation)[samples, :, outputs]
    spread = np.zeros_like(shares) if doubt is None else doubt.lead
    needed = np.maximum(LEAD, spread)
    shapley_size = np.abs(explanation.shapley[samples, :, outputs]).sum(1)
    contributes = (total > 0) & (shapley_size > 0)
    leader = named_leaders(shares, needed, contributes & (relation != "undecided"))
    names = np.array([*explanation.modalities, ""], dtype=object)  # place -1: no leader
    terms = np.array(explanation.coalitions[1:], dtype=object)
    return Verdicts(
        relation=relation,
        leader=names[leader],
        largest=terms[size.argmax(1)],
        joint_share=size[:, M:].sum(1) / np.where(total > 0, total, 1),
        shares=shares,
        needed=needed[samples, shares.argmax(1)],
    )


def _round_dividends(explanation: coalitions.Explanation) -> np.ndarray:
    """Return the dividends, (B, 2^M, C), with 0 for those that are rounding errors of coalition values."""
    size = np.abs(explanation.values).max(1, keepdims=True)
    small = np.abs(explanation.dividends) <= ROUNDING * np.maximum(size, 1)
    return np.where(small, 0.0, explanation.dividends)


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
    verdicts = judge(explanation, output, doubt, by_sign)
    names = explanation.modalities
    dividends = _round_dividends(explanation)[sample, :, output]
    result = Verdict(
        relation=Relation(verdicts.relation[sample]),
        leader=str(verdicts.leader[sample]),
        largest=str(verdicts.largest[sample]),
        joint_share=float(verdicts.joint_share[sample]),
        modalities=tuple(names),
        shares=dict(zip(names, verdicts.shares[sample].tolist(), strict=True)),
        needed=float(verdicts.needed[sample]),
        dividends=dict(zip(explanation.coalitions, dividends.tolist(), strict=True)),
        margin=_margin(explanation.logits[sample, -1]),
    )
    if doubt is None:
        return result
    place = explanation.coalitions.index(result.largest) - 1
    return replace(
        result,
        seeds=doubt.seeds,
        other_leader=doubt.other_leader,
        spread=float(doubt.spread[sample, place]),
        score_spread=0.0 if doubt.score is None else float(doubt.score[sample]),
    )


def _margin(scores: np.ndarray) -> float:
    """Return the distance of a single score to 0, or of the largest of several scores to the next one."""
    ordered = np.sort(scores)
    if len(ordered) == 1:
        return float(abs(ordered[0]))
    return float(ordered[-1] - ordered[-2])
