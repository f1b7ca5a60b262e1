"""A sample's explanation in plain sentences, as markdown; the sentences are `qfusion.explain.verdicts`'.
Free of streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qfusion._sentences import size, top
from qfusion.analysis import text
from qfusion.analysis.dynamics.interventions import Flip
from qfusion.analysis.subject import Workspace, softmax
from qfusion.explain import verdicts
from qfusion.explain import verdicts as verdict_words
from qfusion.explain.verdicts import Verdict

MARKDOWN = verdicts.Words(text.plain, "**{}**".format)


def verdict(work: Workspace, scores: np.ndarray) -> str:
    """A decision in words; scores (C,)."""
    return verdicts.verdict_sentence(scores, work.classes, MARKDOWN)


def numbered(work: Workspace, scores: np.ndarray) -> str:
    """A decision with its number; scores (C,)."""
    if work.classes:
        return f"{verdict(work, scores)} ({text.softmax(float(softmax(scores).max()))})"
    return f"{verdict(work, scores)} ({float(scores[0]):+.2f})"


def flip(work: Workspace, found: Mapping[str, Flip]) -> str:
    """What would flip the decision; `found` of `interventions.what_would_flip`."""
    able = {name: flip for name, flip in found.items() if flip.state.possible}
    if not able:
        return (
            "No change of a single modality would flip it"
            if work.can("states")
            else "No change of a single modality was found that flips it"
        )
    distances = {name: flip.state.distance for name, flip in able.items()}
    rad = " rad" if work.can("states") else ""
    ends: dict[str, list[str]] = {}
    for name in top(distances, smallest=True):
        state = able[name].state
        end = f"{'would' if state.verified else 'may'} flip it to {verdict(work, state.after)}"
        ends.setdefault(end, []).append(text.plain(name))
    far = size(min(distances.values()))
    words = ", ".join(
        f"{'a' if place else 'A'} change of {' or of '.join(names)} alone by {far}{rad} {end}"
        for place, (end, names) in enumerate(ends.items())
    )
    real = {name: flip for name, flip in found.items() if flip.donor_id}
    if real:
        donor, lent = min(real.items(), key=lambda item: item[1].donor.distance)
        to = verdict(work, lent.donor.scores)
        words += (
            f"; {'so would' if lent.donor.verified else 'so may'} the {text.plain(donor)} of sample "
            f"{text.plain(lent.donor_id)}{'' if f' flip it to {to}' in words else f', to {to}'}"
        )
    return words


def decided(found: Verdict) -> str:
    """Which modality decided, or that the combination did."""
    return verdict_words.decided(found, MARKDOWN)


def conflict(found: Verdict) -> str:
    """Whether the modalities conflict."""
    return verdict_words.conflict(found, MARKDOWN)


def leading(found: Verdict) -> str:
    """Which modality leads by its Shapley share, as a title."""
    return verdict_words.leading(found, MARKDOWN._replace(strong=str))


def added(start: Mapping[str, float], end: Mapping[str, float], by: str) -> str:
    """What became joint between two moments, and by which term most."""
    return verdicts.added(start, end, by, MARKDOWN)


def settled(work: Workspace, scores: np.ndarray, where: Sequence[str]) -> str:
    """Since when the decision is what it is at the end.

    Args:
        scores: (P, C), along time or the layers. where: how each of the P places is called.
    """
    return verdicts.settled([verdict(work, each) for each in scores], where, MARKDOWN)


def finding(dividends: Mapping[str, float]) -> str:
    """The largest part of a decision, as a title."""
    return verdict_words.largest_part(dividends, MARKDOWN)
