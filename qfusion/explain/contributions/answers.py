"""A decision in plain sentences: what was decided, since when, what was added on the way; who decided is said by
`verdict`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from qfusion._sentences import listed, share, sizes, top
from qfusion.explain.changes.counterfactual import decision
from qfusion.explain.contributions.background import AnyBackground
from qfusion.explain.contributions.summaries import joint_share


def as_it_is(text: object) -> str:
    """Returns a text unchanged."""
    return str(text)


class Words(NamedTuple):
    """How names from data and words that matter are written.

    Attributes:
        show: makes a name harmless where the sentence goes, such as markdown.
        strong: marks what matters.
    """

    show: Callable[[object], str] = as_it_is
    strong: Callable[[str], str] = as_it_is


PLAIN = Words()


def settled(decisions: Sequence[object], where: Sequence[str], words: Words = PLAIN) -> str:
    """Returns since when the decision is what it is at the end.

    Args:
        decisions: along time or the layers, as they are to be written; where: how each of these places is called.
        words: how places are written.
    """
    other = [place for place, each in enumerate(decisions) if each != decisions[-1]]
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
    shares, joint = (
        [_share(each) for each in (start, end)],
        {term: value for term, value in end.items() if "+" in term},
    )
    before, after = (f"{sum(each.values()):+z.2f}" for each in (start, end))
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
    most = (
        f"the largest of them {named}"
        if len(largest) == 1
        else f"the largest of them, alike, {named}"
    )
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


def _share(dividends: Mapping[str, float]) -> float:
    return float(joint_share({term: np.array([value]) for term, value in dividends.items()})[0])


def verdict(scores: np.ndarray, classes: Sequence[str], words: Words = PLAIN) -> str:
    """Returns a decision in words: the class with the largest score, or the sign of the only one."""
    if classes:
        return f"‘{words.show(classes[decision(scores)])}’"
    return "positive" if decision(scores) else "negative"


def behind(background: AnyBackground, words: Words = PLAIN) -> str:
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
