"""A sample's explanation in plain sentences: who decided, whether the modalities conflict, since when it is decided. Free of streamlit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qfusion import explain
from qfusion.explain.counterfactual import decision
from qfusion.figures.style import split_term
from qfusion.ui import text
from qfusion.ui.workspace import Workspace


def verdict(work: Workspace, scores: np.ndarray) -> str:
    """A decision in words, as markdown; scores (C,)."""
    if work.classes:
        return f"‘{text.plain(work.classes[decision(scores)])}’"
    return "positive" if decision(scores) else "negative"


def decided(work: Workspace, row: int, output: int) -> str:
    """Which modality carries most of a decision, and its largest term, as markdown."""
    _, shares = work.shapley(row, output)
    ranked = sorted(shares, key=lambda name: -shares[name])
    others = ", ".join(f"{text.plain(name)} {shares[name]:.0%}" for name in ranked[1:])
    terms = {term: value for term, value in work.dividends(row, output).items() if term}
    largest = max(terms, key=lambda term: abs(terms[term]))
    jointly = " jointly" if len(split_term(largest)) > 1 else " alone"
    return (f"**{text.plain(ranked[0])}** carries most of this decision, {shares[ranked[0]]:.0%} of it{f' ({others})' if others else ''}; "
            f"the largest single part is {_and(split_term(largest))}{jointly} ({terms[largest]:+.2f}).")


def conflict(work: Workspace, row: int, output: int) -> str:
    """Whether what the modalities say alone points in opposite directions, as markdown; the types are `explain.relation`'s."""
    found, place = work.explained(row)
    kind = str(explain.relation(found, output)[place])
    terms = work.dividends(row, output)
    own = sorted(((name, terms[name]) for name in work.modalities), key=lambda item: -abs(item[1]))
    first = f"{text.plain(own[0][0])} ({own[0][1]:+.2f})"
    against = [f"{text.plain(name)} ({value:+.2f})" for name, value in own[1:] if value * own[0][1] < 0]
    if kind == "conflict":
        return (f"**Yes**: {first} and {text.plain(own[1][0])} ({own[1][1]:+.2f}) say the most on their own, they pull against each other, "
                "and neither outweighs all others.")
    though = f", though {_and(against, escape=False)} {'pulls' if len(against) == 1 else 'pull'} the other way" if against else ""
    if kind == "dominance":
        return f"**No**: on its own {first} outweighs what the others say on their own{though or ', and they point the same way'}."
    if len(own) == 1:
        return f"**No**: there is only {first}."
    return f"**No**: {first} and {text.plain(own[1][0])} ({own[1][1]:+.2f}), which say the most on their own, point the same way{though}."


def settled(work: Workspace, scores: np.ndarray, where: Sequence[str]) -> str:
    """Since when the decision is what it is at the end, as markdown.

    Args:
        scores: (P, C), along time or the layers. where: how each of the P places is called.
    """
    held = np.array([decision(each) for each in scores])
    other = np.flatnonzero(held != held[-1])
    end = verdict(work, scores[-1])
    if not len(other):
        return f"The decision is {end} from the start ({where[0]}) to the end ({where[-1]})."
    return (f"The decision is {end} for good from **{where[int(other[-1]) + 1]}** on (the end is {where[-1]}); "
            f"before, it was {verdict(work, scores[other[-1]])}.")


def _and(parts: Sequence[str], escape: bool = True) -> str:
    words = [text.plain(part) for part in parts] if escape else list(parts)
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
