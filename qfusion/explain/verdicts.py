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
    start: Mapping[str, float], end: Mapping[str, float], by: str, words: Words = PLAIN
) -> str:
    """Returns what happened to a decision between two moments: which part of it became joint, and which term the most.

    Args:
        start: dividends by coalition at the first moment, the baseline under the empty one; end: at the last.
        by: what worked in between, such as "the evolution".
        words: how names are written.
    """
    shares = [
        float(coalitions.joint_share({term: np.array([value]) for term, value in entry.items()})[0])
        for entry in (start, end)
    ]
    joint = {term: value for term, value in end.items() if "+" in term}
    before, after = (f"{sum(entry.values()):+z.2f}" for entry in (start, end))
    moved = (
        f"leaves the score at {after}"
        if before == after
        else f"takes the score from {before} to {after}"
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
    """Returns a decision in words: the class with the largest score, or the sign of the only one."""
    if classes:
        return f"‘{words.show(classes[counterfactual.decision(scores)])}’"
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
        "product": f"{size} training samples, each modality drawn on its own",
        "mixed": "maximally mixed states: nothing known, no samples",
        "zero": "reference states, no samples",
        "contrast": f"sample {label}",
    }[background.kind]


# One verdict a sample: how its modalities relate, which of them leads, and what training seeds leave open of that.
#
# All that pages, reports, tables and commands say of who decided comes from here. With the Harsanyi
# dividends Delta_S of the explained output, A = sum over S not empty of |Delta_S| and J the joint
# part of A,
#
#     joint        J / A >= 1/2
#     dominance    else, of m where 2 |Delta_m| > A
#     conflict     else, where the two largest own terms have opposite signs and the smaller is at least a third of the
#                  larger
#     agreement    else
#
# in the spirit of M2Lens (Wang et al. 2021), which knows own terms alone. A modality leads by its share |phi_m| / sum
# |phi| of the Shapley values (MM-SHAP, Parcalabescu and Frank 2023), and is named only where it is
# `LEAD` ahead of every other, and by more than one standard deviation over training seeds, where
# these were measured.

RELATIONS: dict[str, str] = {
    "joint": "Joint terms are at least half of the size of all terms.",
    "dominance": "One modality's own term outweighs all other terms together.",
    "conflict": "The two largest own terms point in opposite directions, the smaller at least a third of the larger.",
    "agreement": "None of these: the largest own terms point the same way, or what opposes is small.",
}
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
    """

    seeds: int
    other_leader: float
    lead: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The verdicts on B samples, as columns.

    Attributes:
        relation: a key of `RELATIONS`, (B,). leader: a modality, or "" where none leads, (B,).
        largest: the coalition with the largest dividend in size, (B,). joint_share: J / A, (B,).
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


def judge(
    explanation: coalitions.Explanation, outputs: int | np.ndarray = 0, doubt: Doubt | None = None
) -> Verdicts:
    """Returns the verdicts on every sample of an explanation.

    Args:
        explanation: of B samples.
        outputs: whose score is split, of all samples or of each, (B,).
        doubt: of the same samples; None where no seeds were measured.
    """
    M, B = len(explanation.modalities), len(explanation.dividends)
    outputs = np.broadcast_to(np.asarray(outputs), (B,))
    dividends = _written(explanation)[np.arange(B), 1:, outputs]
    size, terms = np.abs(dividends), np.array(explanation.coalitions[1:], dtype=object)
    total, own = size.sum(1), dividends[:, :M]
    joint = size[:, M:].sum(1) / np.where(total > 0, total, 1)
    order = np.argsort(-np.abs(own), axis=1, kind="stable")
    first = np.take_along_axis(own, order[:, :1], 1)[:, 0]
    second = np.take_along_axis(own, order[:, 1:2], 1)[:, 0] if M > 1 else np.zeros(B)
    opposed = (first * second < 0) & (np.abs(second) >= AGAINST * np.abs(first))
    relation = np.select(
        [(joint >= 0.5) & (total > 0), 2 * np.abs(first) > total, opposed],
        ["joint", "dominance", "conflict"],
        "agreement",
    ).astype(object)
    result = coalitions.shares(explanation)[np.arange(B), :, outputs]
    place = result.argmax(1)
    needed = (
        np.full(B, LEAD) if doubt is None else np.maximum(LEAD, doubt.lead[np.arange(B), place])
    )
    known = (total > 0) & (np.abs(explanation.shapley[np.arange(B), :, outputs]).sum(1) > 0)
    leads = known & (leads_by(result)[np.arange(B), place] >= needed)
    names = np.array(explanation.modalities, dtype=object)
    return Verdicts(
        relation, np.where(leads, names[place], ""), terms[size.argmax(1)], joint, result, needed
    )


def _written(explanation: coalitions.Explanation) -> np.ndarray:
    """Dividends, (B, 2^M, C), with 0 where rounding alone has left something of coalition values."""
    size = np.abs(explanation.values).max(1, keepdims=True)
    small = np.abs(explanation.dividends) <= ROUNDING * np.maximum(size, 1)
    return np.where(small, 0.0, explanation.dividends)


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
        margin: how far the scores are from another decision: the distance of a single score to 0, else that of the
            largest score to the next.
        seeds: training seeds that were measured, 0 where none were. other_leader: as in `Doubt`.
        spread: standard deviation of the largest term over the seeds.
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

    def record(self) -> dict[str, Any]:
        """Returns what the command line prints of it."""
        return {
            "relation": self.relation,
            "leader": self.leader or NOBODY,
            "largest": self.largest,
            "joint_share": self.joint_share,
            "margin": self.margin,
            "shares": dict(self.shares),
            "lead_needed": self.needed,
            "seeds": self.seeds,
            "other_leader": self.other_leader if self.seeds else None,
            "spread_of_largest": self.spread if self.seeds else None,
        }


def verdict(
    explanation: coalitions.Explanation,
    sample: int = 0,
    output: int = 0,
    doubt: Doubt | None = None,
) -> Verdict:
    """Returns the verdict on one sample of an explanation.

    Args:
        explanation: of B samples. sample: which of them. output: whose score is split.
        doubt: of the same B samples; None where no seeds were measured.
    """
    result = judge(explanation, output, doubt)
    dividends = _written(explanation)[sample, :, output]
    largest = str(result.largest[sample])
    scores = np.sort(explanation.prediction[sample])
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
            else (doubt.seeds, doubt.other_leader, float(doubt.spread[sample, place]))
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
        return "No modality changes the score"
    members = [[words.show(name) for name in term.split("+")] for term in largest[:3]]
    names = listed(
        [f"{listed(term)} {'together' if len(term) > 1 else 'alone'}" for term in members]
    )
    values = listed(list(dict.fromkeys(part(dividends[term]) for term in largest[:3])))
    more = f" and {len(largest) - 3} more" if len(largest) > 3 else ""
    return f"Largest part{'s' if len(largest) > 1 else ''}: {names}{more} ({values})"


def leading(result: Verdict, words: Words = PLAIN) -> str:
    """Returns which modality leads by its Shapley share, or that none does, as a title."""
    ranked = sorted(result.shares, key=lambda name: -result.shares[name])
    texts = [f"{words.show(name)} {result.shares[name]:.0%}" for name in ranked]
    if not largest_terms(result.dividends):
        return "No modality changes the score"
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
    """Returns which modality decided, or that the combination did, and what seeds leave open of it."""
    if not largest_terms(result.dividends):
        return f"{words.strong('None')}: no modality changes the score."
    first = {
        "joint": f"{words.strong('The combination')}: joint parts are {share(result.joint_share)} of the decision's "
        "size.",
        "dominance": f"{words.strong(words.show(result.largest))}: its own part "
        f"({part(result.dividends[result.largest])}) outweighs all other parts together.",
    }
    parts = [first[result.relation]] if result.relation in first else []
    return " ".join([*parts, f"{leading(result, words)}.", *doubts(result)])


def doubts(result: Verdict) -> list[str]:
    """Returns what training seeds leave open of a verdict, as sentences; none where nothing was measured or stands
    out."""
    lines = []
    if result.leader and result.other_leader > UNSTABLE:
        lines.append(
            f"Over {result.seeds} training seeds, two name different leaders on {result.other_leader:.0%} of the "
            "test samples."
        )
    if result.seeds and result.spread > abs(result.dividends[result.largest]):
        lines.append(
            f"The largest part is smaller than its spread over {result.seeds} training seeds "
            f"(±{result.spread:.2g})."
        )
    return lines


def conflict(result: Verdict, words: Words = PLAIN) -> str:
    """Returns whether the modalities conflict: "Yes" where the relation says so, and only there."""
    own = sorted(
        ((name, result.dividends[name]) for name in result.modalities),
        key=lambda item: -abs(item[1]),
    )
    texts = [f"{words.show(name)} ({part(value)})" for name, value in own]
    against = [
        text for text, (_, value) in zip(texts[1:], own[1:], strict=True) if value * own[0][1] < 0
    ]
    pull = "pulls" if len(against) == 1 else "pull"
    though = f", though {listed(against)} {pull} the other way" if against else ""
    yes, no = words.strong("Yes"), words.strong("No")
    match result.relation:
        case "conflict":
            return (
                f"{yes}: {texts[0]} and {texts[1]} say the most on their own, and they pull against "
                "each other."
            )
        case "joint":
            alike = [
                text
                for text, (_, value) in zip(texts, own, strict=True)
                if part(abs(value)) == part(abs(own[0][1]))
            ]
            most = (
                f"on their own, {listed(alike)} say the most"
                if len(alike) > 1
                else f"on its own, {texts[0]} says the most{though}"
            )
            return (
                f"{no}: joint parts are {share(result.joint_share)} of the decision's size; {most}."
            )
        case "dominance":
            return f"{no}: on its own {texts[0]} outweighs all other parts together{though}."
    match [value for _, value in own]:
        case [0, *_]:
            return f"{no}: no modality says anything on its own."
        case [_]:
            return f"{no}: there is only {texts[0]}."
        case [_, 0, *_]:
            return f"{no}: on its own, only {texts[0]} says anything."
        case [first, second, *_] if first * second < 0:
            return (
                f"{no}: {texts[1]} pulls against {texts[0]}, which says the most on its own, but with less than a "
                "third of its size."
            )
        case _:
            return f"{no}: {texts[0]} and {texts[1]}, which say the most on their own, point the same way{though}."
