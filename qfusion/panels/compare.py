"""Two decisions side by side, A and B: their terms, shares of the modalities, classes and entropies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from qfusion.analysis import answers, backgrounds, text
from qfusion.analysis.compare import Side, Sides
from qfusion.analysis.subject import Workspace
from qfusion.figures import style
from qfusion.figures.draw import compare as figures
from qfusion.figures.draw import decision, evidence
from qfusion.figures.numbers import terms_table
from qfusion.figures.style import Theme
from qfusion.panels import samples
from qfusion.panels.core import allowed as say
from qfusion.panels.core import spoken
from qfusion.panels.core.panel import Panel, Picture
from qfusion.panels.core.view import View
from qfusion.quantum.measures import KINDS

_ENTROPY = {True: "of each modality's state and of all together at T: how mixed it is, by entanglement and by jumps",
            False: "of each fused qubit: its entanglement with the modality qubits"}


def waterfall(sides: Sides, theme: Theme = "light", *, letter: str = "A") -> Picture:
    """One of the decisions term by term, on the same scale as the other where both scores mean the same.

    Args:
        sides: two decisions.
        theme: of the figure.
        letter: "A" or "B".
    """
    one = sides.by_letter[letter]
    drawn = decision.waterfall(one.dividends, one.work.modalities, unit=one.sample.unit, theme=theme,
                               truth=one.sample.target)
    if sides.same_target:
        truths = [s.sample.target for s in (sides.a, sides.b) if s.sample.target is not None]
        drawn.update_xaxes(range=figures.common_range(sides.a.dividends, sides.b.dividends, marks=truths))
    drawn.update_yaxes(ticklabelstandoff=6)
    return Picture(
        f"waterfall-{letter}", f"{letter}: {answers.finding(one.dividends)}", drawn,
        shows=f"the exact sum of {text.plain(one.sample.id)}"
              + (", on the same scale as the other. " if sides.same_target else ". ")
              + backgrounds.baseline(one.sample.background),
        not_shown="what caused the annotation; only what this model computed.",
        alt=f"Waterfall of {letter}: {spoken.terms(one.dividends)}.", table=lambda: _terms(one))


def differences(sides: Sides, theme: Theme = "light") -> Picture:
    """B minus A, term by term; only where both decisions are sums of the same terms of a score that means the same."""
    a, b = sides.a, sides.b
    return Picture(
        "differences", _finding(a, b),
        figures.differences(a.dividends, b.dividends, b.work.modalities, unit=b.sample.unit, theme=theme),
        shows=f"{text.plain(b.sample.id)} minus {text.plain(a.sample.id)}, term by term; the last bar is their sum. "
              + backgrounds.against(b.sample.background),
        not_shown="which word, sound or pixel differs.",
        alt="Differences, B minus A: "
            + spoken.terms({t: value - a.dividends[t] for t, value in b.dividends.items() if t in a.dividends}) + ".",
        table=lambda: _terms(a).merge(_terms(b), on="term", suffixes=("_A", "_B")).assign(
            difference=lambda t: t["dividend_B"] - t["dividend_A"]))


def shares(sides: Sides, theme: Theme = "light") -> Picture:
    """Shares of the modalities in both decisions."""
    a, b = sides.a, sides.b
    common = [name for name in a.shares if name in b.shares]
    moved = max(common, key=lambda name: abs(b.shares[name] - a.shares[name]), default="")
    change = (b.shares[moved] - a.shares[moved]) if moved else 0.0
    title = "Each modality carries as much in B as in A" if abs(change) < 0.005 else (
        f"{text.plain(moved)} carries {100 * abs(change):.0f} percentage points {'more' if change > 0 else 'less'} in "
        "B")
    return Picture(
        "shares", title if moved else "Other modalities decide",
        figures.pairs(a.shares, b.shares, _hues(sides), "share of the decision, |Shapley value| / sum", percent=True,
                      theme=theme),
        shows="the part of each modality in Σ|Shapley value| (MM-SHAP) of each decision." + _both(sides) + " "
              + backgrounds.against(b.sample.background),
        not_shown="the sign: see the waterfalls.",
        alt=f"Shares. A: {spoken.values(a.shares)}. B: {spoken.values(b.shares)}.",
        table=lambda: pd.DataFrame([{"side": letter, "modality": n, "shapley": s.shapley[n], "share": s.shares[n]}
                                    for letter, s in sides.by_letter.items() for n in s.shapley]))


def entropies(sides: Sides, theme: Theme = "light") -> Picture:
    """Entropies of both; only where both have states that evolve or are fused."""
    a, b = sides.a, sides.b
    common = [name for name in a.entropies if name in b.entropies]
    timed = a.work.can("time"), b.work.can("time")
    change = np.mean([b.entropies[n] - a.entropies[n] for n in common]) if common and timed[0] == timed[1] else None
    title = "The entropies mean different things in A and B"
    if change is not None:
        word = f"{'more' if change > 0 else 'less'} {'mixed' if timed[1] else 'entangled'}"
        title = "Entropies are alike in A and B" if abs(change) < 0.005 else (
            f"B is {word} on average ({change:+.2f} nats)")
    return Picture(
        "entropies", title,
        figures.pairs(a.entropies, b.entropies, _hues(sides) if any(timed) else {}, KINDS["entropy"].axis, theme=theme),
        shows="the von Neumann entropy " + _ENTROPY[timed[1]] + "." + _both(sides),
        not_shown="which modality decided: entropy is correlation, not attribution.",
        alt=f"Entropies in nats. A: {spoken.values(a.entropies)}. B: {spoken.values(b.entropies)}.",
        table=lambda: pd.DataFrame([{"side": letter, "of": n, "entropy": v}
                                    for letter, s in sides.by_letter.items() for n, v in s.entropies.items()]))


def classes(sides: Sides, theme: Theme = "light") -> Picture:
    """Softmax of the classes on both sides; only where they are the same classes."""
    a, b = sides.a, sides.b
    names = b.work.classes
    title = f"Both predict ‘{text.plain(names[b.predicted])}’" if a.predicted == b.predicted else (
        f"A predicts ‘{text.plain(names[a.predicted])}’, B ‘{text.plain(names[b.predicted])}’")
    drawn = evidence.class_bars(b.probabilities, names, truth=int(b.work.dataset.y[b.sample.row]),
                                before=a.probabilities, before_name="A", theme=theme)
    return Picture(
        "compare-classes", title, drawn.update_traces(name="B", selector={"name": "now"}),
        shows="the classes of B as bars, of A as hollow diamonds; B's true class is marked." + _both(sides),
        not_shown="the probability of being right. " + b.work.calibration,
        alt=f"A: {spoken.listed(names, a.probabilities)}. B: {spoken.listed(names, b.probabilities)}.",
        table=lambda: pd.DataFrame({"class": names, "A": a.probabilities, "B": b.probabilities}))


def _finding(a: Side, b: Side) -> str:
    """Which term the difference comes from."""
    change = {term: b.dividends[term] - a.dividends[term] for term in a.dividends}
    total = sum(change.values())
    if max(abs(value) for value in change.values()) < 5e-4:
        return "A and B are decided alike, term by term"
    ways = sorted(change, key=lambda term: -change[term] * (1 if total >= 0 else -1))
    found = (f"B scores {total:+.2f} against A, above all by {text.term(ways[0]) or 'the baseline'} "
             f"({change[ways[0]]:+.2f})")
    against = change[ways[-1]]
    if against * total < 0 and abs(against) > 0.25 * abs(total):
        found += f", held back by {text.term(ways[-1]) or 'the baseline'} ({against:+.2f})"
    return found


def _terms(one: Side) -> pd.DataFrame:
    return terms_table(one.dividends)


def _hues(sides: Sides) -> dict[str, str]:
    """Colours of the modalities of both."""
    return {name: style.term_colour(name, one.work.modalities) for one in (sides.a, sides.b)
            for name in one.work.modalities}


def _both(sides: Sides) -> str:
    """Whose numbers they are."""
    return f" Of samples {text.plain(sides.a.sample.id)} (A) and {text.plain(sides.b.sample.id)} (B)."


def comparable(sides: Sides) -> bool:
    """Whether both decisions are sums of the same terms of a score that means the same."""
    return sides.same_terms and sides.same_target


def same_classes(sides: Sides) -> bool:
    """Whether both choose among the same classes."""
    return bool(sides.b.work.classes) and sides.a.work.classes == sides.b.work.classes


def both_entropies(sides: Sides) -> bool:
    """Whether both have states that evolve or are fused."""
    return bool(sides.a.entropies and sides.b.entropies)


def curve(sides: Sides, theme: Theme = "light", *, row: int, modality: str, card: str = "main") -> Picture:
    """A spectrum or profile of one of both samples, see `samples.curve`: on the card "main" of A, where it stands in
    that row."""
    one = sides.a if card == "main" and row == sides.a.sample.row else sides.b
    return samples.curve(one.work, theme, row=row, modality=modality, card=card)


def _curves(view: View, sides: Sides) -> list[str]:
    a, b = sides.a, sides.b
    if a.work.dataset.digest == b.work.dataset.digest and a.sample.row == b.sample.row:
        return samples.curves(b.work, [b.sample.row], "main")
    card = "main" if a.sample.row != b.sample.row else "card"
    return [*samples.curves(a.work, [a.sample.row], "main"), *samples.curves(b.work, [b.sample.row], card)]


def allowed(view: View, work: Workspace) -> dict[str, say.Allowed]:
    """What an address may say of B's tweak; its sliders stand in `core.sliders`, its edits in `rules`."""
    return {"tweak": say.switch("Tweak B", "It stays folded.")}


VIEW = "compare.view"
VIEWS = TWO, SEVERAL = ("Two decisions", "Several samples")


def _opens(view: View) -> bool:
    return bool(view.get("pin")) and view.one_of(VIEW, VIEWS) == TWO


PANELS = {
    name: replace(panel, opens=_opens) for name, panel in {
        **{f"waterfall-{letter}": Panel(waterfall, fixed={"letter": letter}) for letter in "AB"},
        "differences": Panel(differences, fits=comparable), "compare-classes": Panel(classes, fits=same_classes),
        "shares": Panel(shares), "entropies": Panel(entropies, fits=both_entropies)}.items()
}
NAMED = {"content-": Panel(curve, rest=samples.which_curve, endings=_curves, opens=_opens)}
