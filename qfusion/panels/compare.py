"""Two decisions side by side, A and B: their terms, shares of the modalities, classes and entropies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from qfusion._sentences import listed, sizes, top
from qfusion.analysis import answers, backgrounds, text
from qfusion.analysis.compare import Side, Sides
from qfusion.figures import style
from qfusion.figures.draw import compare as figures
from qfusion.figures.draw import decision, evidence
from qfusion.figures.numbers import terms_table
from qfusion.figures.style import Theme
from qfusion.panels import samples
from qfusion.panels.core import spoken
from qfusion.panels.core.panel import Panel, Picture
from qfusion.panels.core.view import View
from qfusion.quantum.measures import KINDS

_ENTROPY = {
    True: "of each modality's state and of all together at T: how mixed it is, by entanglement and by jumps",
    False: "of each fused qubit: its entanglement with the modality qubits",
}


def waterfall(sides: Sides, theme: Theme = "light", *, letter: str = "A") -> Picture:
    """One of the decisions term by term, on the same scale as the other where both scores mean the same.

    Args:
        sides: two decisions.
        theme: of the figure.
        letter: "A" or "B".
    """
    one = sides.by_letter[letter]
    drawn = decision.waterfall(
        one.dividends,
        one.work.modalities,
        unit=one.sample.unit,
        theme=theme,
        truth=one.sample.target,
    )
    if sides.same_target:
        truths = [s.sample.target for s in (sides.a, sides.b) if s.sample.target is not None]
        drawn.update_xaxes(
            range=figures.common_range(sides.a.dividends, sides.b.dividends, marks=truths)
        )
    drawn.update_yaxes(ticklabelstandoff=6)
    return Picture(
        f"waterfall-{letter}",
        f"{letter}: {answers.finding(one.dividends)}",
        drawn,
        shows=f"the exact sum of {text.plain(one.sample.id)}"
        + (", on the same scale as the other. " if sides.same_target else ". ")
        + backgrounds.baseline(one.sample.background),
        not_shown="what caused the annotation; only what this model computed.",
        alt=f"Waterfall of {letter}: {spoken.terms(one.dividends)}.",
        table=lambda: _terms(one),
    )


def differences(sides: Sides, theme: Theme = "light") -> Picture:
    """B minus A, term by term; only where both decisions are sums of the same terms of a score that means the same."""
    a, b = sides.a, sides.b
    return Picture(
        "differences",
        difference(a.dividends, b.dividends),
        figures.differences(
            a.dividends, b.dividends, b.work.modalities, unit=b.sample.unit, theme=theme
        ),
        shows=f"{text.plain(b.sample.id)} minus {text.plain(a.sample.id)}, term by term; the last bar is their sum. "
        + backgrounds.against(b.sample.background),
        not_shown="which word, sound or pixel differs.",
        alt="Differences, B minus A: "
        + spoken.terms(
            {t: value - a.dividends[t] for t, value in b.dividends.items() if t in a.dividends}
        )
        + ".",
        table=lambda: (
            _terms(a)
            .merge(_terms(b), on="term", suffixes=("_A", "_B"))
            .assign(difference=lambda t: t["dividend_B"] - t["dividend_A"])
        ),
    )


def shares(sides: Sides, theme: Theme = "light") -> Picture:
    """Shares of the modalities in both decisions."""
    a, b = sides.a, sides.b
    return Picture(
        "shares",
        shifted(a.shares, b.shares),
        figures.pairs(
            a.shares,
            b.shares,
            _hues(sides),
            "share of the decision, |Shapley value| / sum",
            percent=True,
            theme=theme,
        ),
        shows="the part of each modality in Σ|Shapley value| (MM-SHAP) of each decision."
        + _both(sides)
        + " "
        + backgrounds.against(b.sample.background),
        not_shown="the sign: see the waterfalls.",
        alt=f"Shares. A: {spoken.values(a.shares)}. B: {spoken.values(b.shares)}.",
        table=lambda: pd.DataFrame(
            [
                {"side": letter, "modality": n, "shapley": s.shapley[n], "share": s.shares[n]}
                for letter, s in sides.by_letter.items()
                for n in s.shapley
            ]
        ),
    )


def entropies(sides: Sides, theme: Theme = "light") -> Picture:
    """Entropies of both; only where both have states that evolve or are fused."""
    a, b = sides.a, sides.b
    common = [name for name in a.entropies if name in b.entropies]
    timed = a.work.can("time"), b.work.can("time")
    changes = (
        [b.entropies[name] - a.entropies[name] for name in common] if timed[0] == timed[1] else []
    )
    return Picture(
        "entropies",
        mixed(changes, "mixed" if timed[1] else "entangled"),
        figures.pairs(
            a.entropies,
            b.entropies,
            _hues(sides) if any(timed) else {},
            KINDS["entropy"].axis,
            theme=theme,
        ),
        shows="the von Neumann entropy " + _ENTROPY[timed[1]] + "." + _both(sides),
        not_shown="which modality decided: entropy is correlation, not attribution.",
        alt=f"Entropies in nats. A: {spoken.values(a.entropies)}. B: {spoken.values(b.entropies)}.",
        table=lambda: pd.DataFrame(
            [
                {"side": letter, "of": n, "entropy": v}
                for letter, s in sides.by_letter.items()
                for n, v in s.entropies.items()
            ]
        ),
    )


def classes(sides: Sides, theme: Theme = "light") -> Picture:
    """Softmax of the classes on both sides; only where they are the same classes."""
    a, b = sides.a, sides.b
    names = b.work.classes
    title = predicted(names[a.predicted], names[b.predicted])
    drawn = evidence.class_bars(
        b.probabilities,
        names,
        truth=int(b.work.dataset.y[b.sample.row]),
        before=a.probabilities,
        before_name="A",
        theme=theme,
    )
    return Picture(
        "compare-classes",
        title,
        drawn.update_traces(name="B", selector={"name": "now"}),
        shows="the classes of B as bars, of A as hollow diamonds; B's true class is marked."
        + _both(sides),
        not_shown="the probability of being right. " + b.work.calibration,
        alt=f"A: {spoken.listed(names, a.probabilities)}. B: {spoken.listed(names, b.probabilities)}.",
        table=lambda: pd.DataFrame({"class": names, "A": a.probabilities, "B": b.probabilities}),
    )


def difference(a: Mapping[str, float], b: Mapping[str, float]) -> str:
    """Which terms the difference of two scores is in, of their terms by coalition."""
    change = {text.term(term) or "the baseline": b[term] - a[term] for term in a}
    total = sum(change.values())
    if all(round(abs(value), 2) == 0 for value in change.values()):
        return "No term differs by 0.01 or more between A and B"
    if round(total, 2) == 0:
        return f"A and B score alike, but not term by term: above all {_changes(change, top(sizes(change)))}"
    sign = 1 if total > 0 else -1
    along = {term: sign * value for term, value in change.items()}
    found = f"B scores {total:+.2f} against A, above all by {_changes(change, top(along))}"
    back = top(along, smallest=True)
    if along[back[0]] < 0 and abs(along[back[0]]) > 0.25 * abs(total):
        found += f", held back by {_changes(change, back)}"
    return found


def _changes(change: Mapping[str, float], terms: Sequence[str]) -> str:
    return listed([f"{term} ({change[term]:+.2f})" for term in terms])


def predicted(a: str, b: str) -> str:
    """Which classes both sides predict."""
    if a == b:
        return f"Both predict ‘{text.plain(a)}’"
    return f"A predicts ‘{text.plain(a)}’, B ‘{text.plain(b)}’"


def shifted(a: Mapping[str, float], b: Mapping[str, float]) -> str:
    """Whose share of the decision differs most, of the shares (0 to 1) of the modalities on both sides."""
    change = {name: b[name] - a[name] for name in a if name in b}
    if not change:
        return "A and B have no modality in common"
    first = top(sizes(change))
    if round(abs(change[first[0]]), 2) == 0:
        every = (
            "Each modality" if len(change) == len(a) == len(b) else "Each modality that both have"
        )
        return f"{every} carries as much in B as in A, to a percentage point"
    points = f"{100 * abs(change[first[0]]):.0f}"
    more, less = (
        [text.plain(name) for name in first if change[name] * sign > 0] for sign in (1, -1)
    )
    said = [
        f"{listed(names)} {'carries' if len(names) == 1 else 'carry'} {points} percentage "
        f"point{'' if points == '1' else 's'} {word}{' each' if len(names) > 1 else ''}"
        for names, word in ((more, "more"), (less, "less"))
        if names
    ]
    return f"{', '.join(said)} in B"


def mixed(changes: Sequence[float], what: str) -> str:
    """Which side has the larger entropies on average.

    Args:
        changes: B less A of every part that both have, in nats; empty where they cannot be compared.
        what: large entropies mean: "mixed" or "entangled".
    """
    if not len(changes):
        return "The entropies mean different things in A and B"
    mean = float(np.mean(changes))
    if round(abs(mean), 2):
        return f"B is {'more' if mean > 0 else 'less'} {what} on average ({mean:+.2f} nats)"
    apart = float(np.max(np.abs(changes)))
    if round(apart, 2) == 0:
        return "Entropies are alike in A and B, to 0.01 nats"
    return f"Entropies are alike on average in A and B, though single ones differ by up to {apart:.2f} nats"


def _terms(one: Side) -> pd.DataFrame:
    return terms_table(one.dividends)


def _hues(sides: Sides) -> dict[str, str]:
    """Colours of the modalities of both."""
    return {
        name: style.term_colour(name, one.work.modalities)
        for one in (sides.a, sides.b)
        for name in one.work.modalities
    }


def _both(sides: Sides) -> str:
    """Whose numbers they are."""
    return (
        f" Of samples {text.plain(sides.a.sample.id)} (A) and {text.plain(sides.b.sample.id)} (B)."
    )


def comparable(sides: Sides) -> bool:
    """Whether both decisions are sums of the same terms of a score that means the same."""
    return sides.same_terms and sides.same_target


def same_classes(sides: Sides) -> bool:
    """Whether both choose among the same classes."""
    return bool(sides.b.work.classes) and sides.a.work.classes == sides.b.work.classes


def both_entropies(sides: Sides) -> bool:
    """Whether both have states that evolve or are fused."""
    return bool(sides.a.entropies and sides.b.entropies)


def curve(
    sides: Sides, theme: Theme = "light", *, row: int, modality: str, card: str = "main"
) -> Picture:
    """A spectrum or profile of one of both samples, see `samples.curve`: on the card "main" of A, where it stands in
    that row."""
    one = sides.a if card == "main" and row == sides.a.sample.row else sides.b
    return samples.curve(one.work, theme, row=row, modality=modality, card=card)


def _curves(view: View, sides: Sides) -> list[str]:
    a, b = sides.a, sides.b
    if a.work.dataset.digest == b.work.dataset.digest and a.sample.row == b.sample.row:
        return samples.curves(b.work, [b.sample.row], "main")
    card = "main" if a.sample.row != b.sample.row else "card"
    return [
        *samples.curves(a.work, [a.sample.row], "main"),
        *samples.curves(b.work, [b.sample.row], card),
    ]


VIEW = "compare.view"
VIEWS = TWO, SEVERAL = ("Two decisions", "Several samples")


def _opens(view: View) -> bool:
    return bool(view.get("pin")) and view.one_of(VIEW, VIEWS) == TWO


_PAIR = {
    name: replace(panel, opens=_opens)
    for name, panel in {
        **{
            f"waterfall-{letter}": Panel(waterfall, fixed={"letter": letter}, subject="sides")
            for letter in "AB"
        },
        "differences": Panel(differences, fits=comparable, subject="sides"),
        "compare-classes": Panel(classes, fits=same_classes, subject="sides"),
        "shares": Panel(shares, subject="sides"),
        "entropies": Panel(entropies, fits=both_entropies, subject="sides"),
    }.items()
}
_PAIR_NAMED = {
    "content-": Panel(
        curve, rest=samples.which_curve, endings=_curves, opens=_opens, subject="sides"
    )
}
