"""A decision in plain sentences: which modality or combination decided, since when, how sure that is, and what
was added on the way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qfusion._sentences import listed, share, sizes, top
from qfusion.explain import backgrounds, coalitions, counterfactual


class Words(NamedTuple):
    """How names from data and words that matter are written.

    Attributes:
        show: makes a name harmless where the sentence goes, such as markdown.
        strong: marks what matters.
    """

    show: Callable[[object], str] = str
    strong: Callable[[str], str] = str


PLAIN = Words()


def settled(decisions: Sequence[object], where: Sequence[str], words: Words = PLAIN) -> str:
    """Returns since when the decision is what it is at the end.

    Args:
        decisions: along time or the layers, as they are to be written; where: how each of these places is called.
        words: how places are written.
    """
    other = [place for place, entry in enumerate(decisions) if entry != decisions[-1]]
    if len(decisions) == 1:
        return f"The decision is {decisions[-1]} at {where[-1]}, the only place where it is read."
    if not other:
        return (
            f"The decision is {decisions[-1]} from the start ({where[0]}) to the end ({where[-1]})."
        )
    return (
        f"The decision is {decisions[-1]} for good from {words.strong(where[other[-1] + 1])} on (the end is "
        f"{where[-1]}); before, it was {decisions[other[-1]]}."
    )


def added(
    start: Mapping[str, float],
    end: Mapping[str, float],
    by: str,
    words: Words = PLAIN,
    quantity: str = "score",
) -> str:
    """Returns what happened to a decision between two moments: which part of it became joint, and which term the most.

    Args:
        start: dividends by coalition at the first moment, the baseline under the empty one; end: at the last.
        by: what worked in between, such as "the evolution".
        words: how names are written. quantity: what the terms add up to.
    """
    shares = [
        float(coalitions.joint_share({term: np.array([value]) for term, value in entry.items()})[0])
        for entry in (start, end)
    ]
    joint = {term: value for term, value in end.items() if "+" in term}
    before, after = (f"{sum(entry.values()):+z.2f}" for entry in (start, end))
    moved = (
        f"leaves the {quantity} at {after}"
        if before == after
        else f"takes the {quantity} from {before} to {after}"
    )
    if all(abs(end[term] - start[term]) < 1e-6 for term in end):
        return f"{words.strong('Nothing')}: {by} leaves every term as it is."
    if not joint or shares[1] < _NONE:
        return f"No joint term: {by} {moved}, and it stays a sum over single modalities."
    largest = {
        term: f"{listed([words.show(part) for part in term.split('+')])} jointly ({joint[term]:+z.2f})"
        for term in top(sizes(joint))
    }
    named = listed(list(largest.values()))
    most = f"the largest of them{'' if len(largest) == 1 else ', alike,'} {named}"
    if len(joint) == 1:
        most = f"that of {named}"
    elif all(round(joint[term], 2) == 0 for term in joint):
        most = "none of them as large as 0.01"
    if shares[0] < _NONE:
        return (
            f"{words.strong('Every joint term')}: before, the decision is a sum over single modalities; {by} makes "
            f"{share(shares[1])} of its size joint, {most}, and {moved}."
        )
    return (
        f"Joint terms are {share(shares[0])} of the decision's size before and {words.strong(share(shares[1]))} after, "
        f"{most}; {by} {moved}."
    )


_NONE = 1e-9  # a share that is rounding


def verdict_sentence(scores: np.ndarray, classes: Sequence[str], words: Words = PLAIN) -> str:
    """Returns a decision in words: the class with the largest score, or the sign of the only one; a tie where several
    classes have the largest."""
    if classes:
        leading = [f"‘{words.show(classes[c])}’" for c in counterfactual.leading(scores)]
        return f"a tie between {listed(leading)}" if counterfactual.tied(scores) else leading[0]
    return "positive" if counterfactual.decision(scores) else "negative"


def behind(background: backgrounds.AnyBackground, words: Words = PLAIN) -> str:
    """Returns what stands in for modalities that a coalition leaves out, with how many samples that is."""
    size, label = f"{background.size:,}", words.show(background.label)
    total = max(background.total, background.size)
    drawn = f"{size}, drawn at random, of " if background.size < total else ""
    if background.kind == "cohort":
        return (
            f"{drawn}the {total:,} samples of the cohort ‘{label}’"
            if background.label
            else f"{drawn}a cohort of {total:,} samples"
        )
    return {
        "joint": f"{drawn}the {total:,} training samples",
        "product": f"{drawn}the {total:,} training samples, each modality drawn on its own",
        "mixed": "maximally mixed states: nothing known, no samples",
        "zero": "reference states, no samples",
        "contrast": f"sample {label}",
    }[background.kind]


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

RELATIONS: dict[str, str] = {
    "undecided": "All terms nearly cancel, or the baseline alone decides.",
    "joint": "Joint terms sum to at least as much as own terms, in the direction of the decision.",
    "correction": "Joint terms take back at least half of what own terms sum to.",
    "conflict": "The two largest own terms point in opposite directions, the smaller at least a third of the larger.",
    "dominance": "One modality's own term exceeds the own terms of all others together.",
    "agreement": "None of these: several own terms point the same way, and joint terms change little.",
}
OF_PARTS = ("conflict", "dominance", "agreement")  # relations that name single modalities
CANCELLED = 1 / 8  # of the sum of sizes: a smaller net sum is undecided
TAKEN_BACK = 1 / 2  # of the own terms' sum, from which opposite joint terms are a correction
LEAD = 0.1  # of the shares, by which a modality leads
AGAINST = 1 / 3  # of the largest own term, from which an opposite one is a conflict
NOBODY = "none"  # leads
ROUNDING = 1e-12  # of the largest coalition value: what is smaller is none
UNSTABLE = 0.2  # of the samples: where seeds name another leader in more, it is said


@dataclass(frozen=True, eq=False)
class Doubt:
    """What training seeds leave open of B samples.

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
        relation: a key of `RELATIONS`, (B,). leader: a modality, or "" where none leads, (B,).
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
    """Returns how the modalities of B samples relate, keys of `RELATIONS`, (B,).

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
    """Returns the verdicts on every sample of an explanation.

    Args:
        explanation: of B samples.
        outputs: number of the explained output, of all samples or of each, (B,).
        doubt: of the same samples; None where no seeds were measured.
        by_sign: whether the sign of the score is the decision, as of a classifier; not of a regression that is
            measured by its distance from the truth alone.
    """
    M, B = len(explanation.modalities), len(explanation.dividends)
    outputs = np.broadcast_to(np.asarray(outputs), (B,))
    every = _written(explanation)[np.arange(B), :, outputs]
    baseline, dividends = every[:, 0], every[:, 1:]
    size, terms = np.abs(dividends), np.array(explanation.coalitions[1:], dtype=object)
    total = size.sum(1)
    joint = size[:, M:].sum(1) / np.where(total > 0, total, 1)
    relation = relations(baseline, dividends[:, :M], dividends[:, M:], by_sign)
    shares = coalitions.shares(explanation)[np.arange(B), :, outputs]
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
    ahead = leads_by(shares)[every, place] >= needed[every, place]
    return np.where(ahead & decided, place, -1)


def _written(explanation: coalitions.Explanation) -> np.ndarray:
    """Dividends, (B, 2^M, C), with 0 where rounding alone has left something of coalition values."""
    size = np.abs(explanation.values).max(1, keepdims=True)
    small = np.abs(explanation.dividends) <= ROUNDING * np.maximum(size, 1)
    return np.where(small, 0.0, explanation.dividends)


def leaders_of(
    dividends: np.ndarray, M: int, spread: np.ndarray | float = 0.0, by_sign: bool = True
) -> np.ndarray:
    """Returns the number of the modality that leads each of B samples, or -1 where none is named, (B,).

    Args:
        dividends: of one output, the baseline first, (B, 2^M). M: modalities.
        spread: of each modality's lead over training seeds, (B, M), see `Doubt.lead`.
        by_sign: see `relations`.
    """
    baseline, own, joint = dividends[:, 0], dividends[:, 1 : M + 1], dividends[:, M + 1 :]
    shares = coalitions.shares_of(coalitions.shapley(dividends[..., None], M)[..., 0])
    needed = np.broadcast_to(np.maximum(LEAD, spread), shares.shape)
    return _leaders(shares, needed, relations(baseline, own, joint, by_sign) != "undecided")


def leads_by(values: np.ndarray) -> np.ndarray:
    """Returns how far every modality's share is ahead of the largest other one, (..., M) of shares (..., M).

    A single modality is ahead by its whole share.
    """
    if values.shape[-1] == 1:
        return values
    ordered = np.sort(values, axis=-1)
    best, second = ordered[..., -1:], ordered[..., -2:-1]
    return values - np.where(values == best, second, best)


def leader_of(means: Mapping[str, float]) -> str:
    """Returns the modality whose mean share is `LEAD` ahead of every other one's, or "" where none is."""
    values = np.array(list(means.values()), dtype=float)
    place = int(np.argmax(np.nan_to_num(values, nan=-1.0)))
    return list(means)[place] if leads_by(values)[place] >= LEAD else ""


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

    relation: str
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
    def score(self) -> float:
        """The explained score: the baseline and all terms."""
        return sum(self.dividends.values())

    @property
    def own(self) -> float:
        """What the terms of single modalities sum to."""
        return sum(value for term, value in self.dividends.items() if term and "+" not in term)

    @property
    def joint(self) -> float:
        """What the terms of several modalities sum to."""
        return sum(value for term, value in self.dividends.items() if "+" in term)

    @property
    def size(self) -> float:
        """The sum of the sizes of all terms but the baseline."""
        return sum(abs(value) for term, value in self.dividends.items() if term)

    def record(self) -> dict[str, Any]:
        """Returns what the command line prints of it."""
        return {
            "relation": self.relation,
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
    """Returns the verdict on one sample of an explanation.

    Args:
        explanation: of B samples. sample: which of them. output: number of the explained output.
        doubt: of the same B samples; None where no seeds were measured.
        by_sign: whether the sign of the score is the decision.
    """
    result = judge(explanation, output, doubt, by_sign)
    dividends = _written(explanation)[sample, :, output]
    largest = str(result.largest[sample])
    scores = np.sort(explanation.logits[sample, -1])
    names, place = explanation.modalities, explanation.coalitions.index(largest) - 1
    return Verdict(
        str(result.relation[sample]),
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


def largest_terms(dividends: Mapping[str, float]) -> list[str]:
    """Returns the coalitions whose dividend is largest in size, as far as its written digits tell; none where all are
    0."""
    terms = sizes({term: value for term, value in dividends.items() if term})
    largest = max(terms.values(), default=0.0)
    return top(terms, max(2, 1 - int(np.floor(np.log10(largest))))) if largest else []


def part(value: float) -> str:
    """Returns a contribution as it is written: two digits, and one that counts where these would be zeros."""
    return f"{value:+.2f}" if value == 0 or abs(value) >= 0.005 else f"{value:+.0e}"


def largest_part(dividends: Mapping[str, float], words: Words = PLAIN) -> str:
    """Returns the largest part of a decision as a title; all that are alike.

    Args:
        dividends: by coalition, the baseline under "". words: how names are written.
    """
    largest = largest_terms(dividends)
    if not largest:
        return "No modality changes the decision"
    members = [[words.show(name) for name in term.split("+")] for term in largest[:3]]
    names = listed(
        [f"{listed(term)} {'together' if len(term) > 1 else 'alone'}" for term in members]
    )
    values = listed(list(dict.fromkeys(part(dividends[term]) for term in largest[:3])))
    more = f" and {len(largest) - 3} more" if len(largest) > 3 else ""
    return f"Largest part{'s' if len(largest) > 1 else ''}: {names}{more} ({values})"


def leading(result: Verdict, words: Words = PLAIN) -> str:
    """Returns which modality leads by its Shapley share, or that none does, as a title."""
    if result.relation == "undecided":
        return f"{words.strong('No single modality')} leads: the decision is left to the baseline"
    ranked = sorted(result.shares, key=lambda name: -result.shares[name])
    texts = [f"{words.show(name)} {result.shares[name]:.0%}" for name in ranked]
    if not largest_terms(result.dividends):
        return "No modality changes the decision"
    if result.leader:
        others = f" ({', '.join(texts[1:])})" if texts[1:] else ""
        seed = " with this training seed" if result.other_leader > UNSTABLE else ""
        return (
            f"{words.strong(words.show(result.leader))} leads with {result.shares[result.leader]:.0%} of the Shapley "
            f"shares{others}{seed}"
        )
    ahead = result.shares[ranked[0]] - (result.shares[ranked[1]] if ranked[1:] else 0.0)
    doubt = (
        f"; over {result.seeds} training seeds the lead spreads by ±{100 * result.needed:.0f} points"
        if ahead >= LEAD
        else ""
    )
    return (
        f"{words.strong('No single modality')} leads the Shapley shares: {', '.join(texts)}{doubt}"
    )


def decided(result: Verdict, words: Words = PLAIN) -> str:
    """Returns who decided in one or two sentences: the relation with the numbers that make it, then the leader."""
    if not largest_terms(result.dividends):
        return f"{words.strong('None')}: no modality changes the decision."
    parts = [_relation_sentence(result, words)]
    if result.relation in OF_PARTS or result.leader:
        parts.append(f"{leading(result, words)}.")
    return " ".join([*parts, *doubts(result)])


def _relation_sentence(result: Verdict, words: Words) -> str:
    baseline = result.dividends[""]
    own, joint = part(result.own), part(result.joint)
    net = result.own + result.joint
    ranked = _own_terms(result, words)
    match result.relation:
        case "undecided" if abs(net) < CANCELLED * result.size:
            return (
                f"{words.strong('Undecided')}: contributions of {result.size:.2f} in total size nearly cancel "
                f"(net {part(net)}), so the baseline ({part(baseline)}) "
                f"{'decides' if baseline * (baseline + net) > 0 else 'is just outweighed'}."
            )
        case "undecided":
            return (
                f"{words.strong('The baseline')}: it is {part(baseline)}, and all contributions together "
                f"({part(net)}) pull the other way without changing the sign."
            )
        case "joint":
            return f"{words.strong('The combination')}: joint terms sum to {joint}, single modalities to {own}."
        case "correction":
            return (
                f"{words.strong('Single modalities')}, corrected by the combination: they sum to {own}, and joint "
                f"terms take back {abs(result.joint / result.own):.0%} of that ({joint})."
            )
        case "conflict":
            return f"{words.strong('Modalities in conflict')}: {ranked[0]} against {ranked[1]}."
        case "dominance" if len(ranked) == 1:
            return f"{words.strong(ranked[0])} alone."
        case "dominance":
            return (
                f"{words.strong(ranked[0])}: its own contribution exceeds those of all other single modalities "
                "together."
            )
    return f"{words.strong('Several modalities')}: {listed(_same_way(result, words))} point the same way."


def _own_terms(result: Verdict, words: Words) -> list[str]:
    """The modalities with their own terms, the largest in size first."""
    order = sorted(result.modalities, key=lambda name: -abs(result.dividends[name]))
    return [f"{words.show(name)} ({part(result.dividends[name])})" for name in order]


def _same_way(result: Verdict, words: Words) -> list[str]:
    """The modalities whose own terms have the sign of the largest own term, with these terms."""
    order = sorted(result.modalities, key=lambda name: -abs(result.dividends[name]))
    sign = np.sign(result.dividends[order[0]])
    texts = _own_terms(result, words)
    pairs = zip(order, texts, strict=True)
    return [text for name, text in pairs if result.dividends[name] * sign > 0]


def doubts(result: Verdict) -> list[str]:
    """Returns what training seeds leave open of a verdict, as sentences; none where nothing was measured or stands
    out."""
    lines = []
    if result.leader and result.other_leader > UNSTABLE:
        lines.append(
            f"Over {result.seeds} training seeds, two disagree about who leads on {result.other_leader:.0%} of the "
            "test samples."
        )
    if result.seeds and result.score_spread > abs(result.score):
        lines.append(
            f"The decision itself is open: over {result.seeds} training seeds its value ({part(result.score)}) spreads "
            f"by ±{result.score_spread:.2g}."
        )
    if result.seeds and result.spread > abs(result.dividends[result.largest]):
        lines.append(
            f"The largest part is smaller than its spread over {result.seeds} training seeds "
            f"(±{result.spread:.2g})."
        )
    return lines


def conflict(result: Verdict, words: Words = PLAIN) -> str:
    """Returns whether the modalities conflict: "Yes" where the relation says so, and only there."""
    texts = _own_terms(result, words)
    own = sorted((result.dividends[name] for name in result.modalities), key=abs, reverse=True)
    first, second = own[0], own[1] if len(own) > 1 else 0.0
    yes, no = words.strong("Yes"), words.strong("No")
    if first == 0:
        return f"{no}: no modality contributes on its own."
    if len(own) == 1:
        return f"{no}: there is only {texts[0]}."
    if result.relation == "conflict":
        return f"{yes}: {texts[0]} and {texts[1]} oppose each other."
    if first * second < 0 and abs(second) >= AGAINST * abs(first):
        but = {"joint": "joint terms decide", "correction": "joint terms take back more"}
        return (
            f"{no}: on their own {texts[0]} and {texts[1]} oppose each other, but "
            f"{but.get(result.relation, 'all contributions nearly cancel or leave the baseline its sign')}."
        )
    if second == 0:
        return f"{no}: on its own, only {texts[0]} contributes.{_taken_back(result)}"
    if first * second < 0:
        return f"{no}: {texts[1]} opposes {texts[0]}, but is less than a third of its size.{_taken_back(result)}"
    return f"{no}: {texts[0]} and {texts[1]} point the same way.{_taken_back(result)}"


def _taken_back(result: Verdict) -> str:
    """A sentence on joint terms that oppose the own terms with at least half of their size; else empty."""
    own, joint = result.own, result.joint
    if own * joint >= 0 or abs(joint) < TAKEN_BACK * abs(own):
        return ""
    return f" Joint terms ({part(joint)}) oppose what single modalities sum to ({part(own)})."
