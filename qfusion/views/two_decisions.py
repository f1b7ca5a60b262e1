"""Two decisions, A and B, beside one another, and the test samples on which two models differ most."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from qfusion._sentences import listed, sizes, top, true_minus
from qfusion.figures import decision_pairs, scatter_map, style
from qfusion.figures.circuits import fusion
from qfusion.models.protocols import Evolution
from qfusion.quantum.measure_kinds import KINDS
from qfusion.study import compare, text
from qfusion.views import decision
from qfusion.views.samples import truth_and_prediction
from qfusion.views.view import View, terms_table
from qfusion.views.words import answers, rules
from qfusion.views.words.decisions import (
    background_markdown,
    describe_baseline,
    describe_comparison,
)
from qfusion.views.words.rules import agree_verb, describe_calibration


def waterfall(sides: compare.Sides, letter: Literal["A", "B"] = "A") -> View:
    """One of the decisions term by term, on the same scale as the other where both are in the same unit.

    Args:
        sides: two decisions.
        letter: of the decision.
    """
    one = sides.labelled[letter]
    drawn = decision.draw_waterfall(one, one.dividends, one.term_errors)
    if sides.same_target:
        drawn.update_xaxes(
            range=decision_pairs.common_range(
                sides.a.dividends,
                sides.b.dividends,
                marks=[s.target for s in (sides.a, sides.b) if s.target is not None],
            )
        )
    drawn.update_yaxes(ticklabelstandoff=6)
    caption = f"the exact sum of {text.escape_markdown(one.id)}"
    if sides.same_target:
        caption += ", on the same scale as the other"
    caption += f". {describe_baseline(one.background)}"
    return View(
        drawn,
        f"{letter}: {answers.title_decision(one.verdict, one)}",
        caption=caption,
        limits=rules.EXPLAINS_THE_MODEL,
        table=terms_table(one.dividends),
        alternative=f"Waterfall of {letter}: {rules.list_terms(one.dividends)}.",
        name=f"waterfall-{letter}",
    )


def differences(sides: compare.Sides) -> View:
    """B minus A, term by term; only where both decisions are sums of the same terms in the same unit."""
    a = sides.a
    b = sides.b
    figure = decision_pairs.differences(
        a.dividends,
        b.dividends,
        b.study.modalities,
        unit=b.unit,
        quantity=b.quantity,
    )
    change = {t: value - a.dividends[t] for t, value in b.dividends.items() if t in a.dividends}
    table = (
        terms_table(a.dividends)
        .merge(terms_table(b.dividends), on="term", suffixes=("_A", "_B"))
        .assign(difference=lambda t: t["dividend_B"] - t["dividend_A"])
    )
    return View(
        figure,
        describe_difference(a.dividends, b.dividends, b.quantity),
        caption=f"{text.escape_markdown(b.id)} minus {text.escape_markdown(a.id)}, term by term; the last bar is "
        f"their sum. {describe_backgrounds(sides)}",
        limits="Single words, sounds or pixels are not compared.",
        table=table,
        alternative=f"Differences, B minus A: {rules.list_terms(change)}.",
    )


def shares(sides: compare.Sides) -> View:
    """Shares of the modalities in both decisions."""
    of_a, of_b = sides.a.shares, sides.b.shares
    figure = decision_pairs.bar_pairs(
        of_a,
        of_b,
        _hues(sides),
        "share of the decision, |Shapley value| / sum",
        percent=True,
    )
    alternative = f"Shares. A: {rules.list_terms(of_a, '.2f')}. B: {rules.list_terms(of_b, '.2f')}."
    table = pd.DataFrame(
        [
            {"side": letter, "modality": n, "shapley": s.shapley[n], "share": s.shares[n]}
            for letter, s in sides.labelled.items()
            for n in s.shapley
        ]
    )
    return View(
        figure,
        describe_share_shift(of_a, of_b),
        caption="the share of each modality in Σ|Shapley value| (MM-SHAP) of each decision."
        f"{_describe_sides(sides)} {describe_backgrounds(sides)}",
        limits="For signs, see the waterfalls.",
        table=table,
        alternative=alternative,
    )


# whose entropy it is, by whether the model evolves in time
_ENTROPY_OF = {
    True: "of each modality's state and of the joint state at T: mixing by entanglement and by jumps",
    False: "of each fused qubit: its entanglement entropy with the modality qubits",
}


def entropies(sides: compare.Sides) -> View:
    """The entropies of both; only where both have states that evolve, or both have qubits that are fused."""
    a = sides.a
    b = sides.b
    timed = b.study.model.part(Evolution) is not None
    title = describe_entropy_difference(
        [value - a.entropies[name] for name, value in b.entropies.items() if name in a.entropies],
        "mixed" if timed else "entangled",
    )
    figure = decision_pairs.bar_pairs(
        a.entropies,
        b.entropies,
        _hues(sides) if timed else {},
        KINDS["entropy"].axis,
    )
    caption = f"the von Neumann entropy {_ENTROPY_OF[timed]}.{_describe_sides(sides)}"
    of_a = rules.list_terms(a.entropies, ".2f")
    of_b = rules.list_terms(b.entropies, ".2f")
    table = pd.DataFrame(
        [
            {"side": letter, "of": n, "entropy": v}
            for letter, s in sides.labelled.items()
            for n, v in s.entropies.items()
        ]
    )
    return View(
        figure,
        title,
        caption=caption,
        limits=rules.ENTROPY_IS_NO_ATTRIBUTION,
        table=table,
        alternative=f"Entropies in nats. A: {of_a}. B: {of_b}.",
    )


def compare_classes(sides: compare.Sides) -> View:
    """The softmax of the classes on both sides; only where they are the same classes."""
    a = sides.a
    b = sides.b
    names = b.study.classes
    title = describe_predictions(names[a.scores.argmax()], names[b.scores.argmax()])
    figure = fusion.class_bars(
        b.probabilities,
        names,
        truth=b.true_class,
        before=a.probabilities,
        before_name="A",
    ).update_traces(name="B", selector={"name": "now"})
    caption = f"{fusion.describe_drawn_classes(names, b.true_class)} of B as bars, of A as hollow diamonds; "
    if b.true_class is None:
        caption += "no true class of B is known."
    else:
        caption += "B's true class is marked."
    caption += _describe_sides(sides)
    of_a = rules.list_numbers(names, a.probabilities)
    of_b = rules.list_numbers(names, b.probabilities)
    table = pd.DataFrame({"class": names, "A": a.probabilities, "B": b.probabilities})
    return View(
        figure,
        title,
        caption=caption,
        limits=f"Does not show the probability of being right. {describe_calibration(b.study)}",
        table=table,
        alternative=f"A: {of_a}. B: {of_b}.",
    )


def describe_difference(
    a: Mapping[str, float], b: Mapping[str, float], quantity: str = "score"
) -> str:
    """Describe which terms the difference of two decisions is in.

    Args:
        a, b: terms by coalition. quantity: what they add up to, "log-odds" or "score".
    """
    change = {text.term(term) or "the baseline": b[term] - a[term] for term in a}
    total = sum(change.values())
    if round(total, 2) == 0 or round(max(sizes(change).values(), default=0.0), 2) == 0:
        return rules.describe_extremum(
            change,
            by_size=True,
            none="No term differs by 0.01 or more between A and B",
            one="A and B have the same {quantity} from different terms, mainly {names}",
            some="A and B have the same {quantity} from different terms, mainly {names}",
            name=lambda term: f"{term} ({change[term]:+.2f})",
            quantity=quantity,
        )
    along = top(change, smallest=total < 0)
    back = top(change, smallest=total > 0)
    words = (
        f"B's {quantity} {agree_verb(quantity)} {abs(total):.2f} {'higher' if total > 0 else 'lower'}, "
        f"mainly through {_list_changes(change, along)}"
    )
    if change[back[0]] * total < 0 and abs(change[back[0]]) > 0.25 * abs(total):
        words += f", held back by {_list_changes(change, back)}"
    return words


def _list_changes(change: Mapping[str, float], terms: Sequence[str]) -> str:
    return listed([f"{term} ({change[term]:+.2f})" for term in terms])


def describe_predictions(a: str, b: str) -> str:
    """Describe which classes both sides predict."""
    if a == b:
        return f"Both predict ‘{text.escape_markdown(a)}’"
    return f"A predicts ‘{text.escape_markdown(a)}’, B ‘{text.escape_markdown(b)}’"


def describe_share_shift(a: Mapping[str, float], b: Mapping[str, float]) -> str:
    """Describe which modality differs most in its share of the decision, given the shares (0 to 1) of the modalities
    on both sides.
    """
    change = {name: b[name] - a[name] for name in a if name in b}
    if not change:
        return "The modalities of A and B have different names"
    first = top(sizes(change))
    if round(abs(change[first[0]]), 2) == 0:
        if len(change) == len(a) == len(b):
            every = "Each modality"
        else:
            every = "Each modality that both have"
        return f"{every} has the same share in A and B (within 1 percentage point)"
    points = f"{100 * abs(change[first[0]]):.0f}"
    unit = "percentage point" if points == "1" else "percentage points"
    more = [text.escape_markdown(name) for name in first if change[name] > 0]
    less = [text.escape_markdown(name) for name in first if change[name] < 0]
    texts = []
    for names, word in ((more, "more"), (less, "less")):
        if len(names) == 1:
            texts.append(f"{names[0]} carries {points} {unit} {word}")
        elif names:
            texts.append(f"{listed(names)} carry {points} {unit} {word} each")
    return f"{', '.join(texts)} in B"


def describe_entropy_difference(changes: Sequence[float], what: str) -> str:
    """Describe which side has the larger entropies on average.

    Args:
        changes: B less A of every part that both have, in nats.
        what: large entropies mean: "mixed" or "entangled".
    """
    mean = float(np.mean(changes))
    if round(abs(mean), 2):
        return f"B is {'more' if mean > 0 else 'less'} {what} on average ({mean:+.2f} nats)"
    apart = float(np.max(np.abs(changes)))
    if round(apart, 2) == 0:
        return "Entropies of A and B are equal to 0.01 nats"
    return f"Mean entropies of A and B are equal; single ones differ by up to {apart:.2f} nats"


def _hues(sides: compare.Sides) -> dict[str, str]:
    """Return colours of the modalities of both."""
    return {
        name: style.term_colour(name, one.study.modalities)
        for one in (sides.a, sides.b)
        for name in one.study.modalities
    }


def _describe_sides(sides: compare.Sides) -> str:
    """Return a sentence that names the samples whose numbers are shown."""
    return f" Computed for samples {text.escape_markdown(sides.a.id)} (A) and {text.escape_markdown(sides.b.id)} (B)."


def disagreements(sides: compare.Sides) -> View:
    """The test samples on which two models differ most, as learned, each with the term that parts them."""
    result = compare.disagreement(sides)
    b = sides.b.study
    ids = [str(name) for name in b.dataset.ids[result.rows]]
    (truth, second), (_, first) = (
        truth_and_prediction(one, result.rows) for one in (b, sides.a.study)
    )
    notes = text.describe_samples(b.dataset, result.rows)
    form = "{}" if b.classes else "{:+.2f}"
    largest = [top(sizes(terms))[0] for terms in result.terms]
    figure = scatter_map.nearest_bars(
        [
            true_minus(f"{name}: {form.format(a)} → {form.format(b)}")
            for name, a, b in zip(ids, first, second, strict=True)
        ],
        np.abs(result.differences),
        [None] * len(ids),
        notes=notes,
        ends=[
            f"{style.term_title(term)} {style.format_signed(terms[term])}"
            for term, terms in zip(largest, result.terms, strict=True)
        ],
        axis="total variation of the softmaxes" if b.classes else f"|B − A|, {b.score_unit(0)}",
        typical=result.median,
    )
    caption = (
        f"the {len(ids)} of {result.among:,} test samples on which the learned models "
        f"{text.escape_markdown(sides.a.study.name)} (A) and {text.escape_markdown(b.name)} (B) "
        "differ most: A’s decision → B’s"
    )
    if result.terms:
        caption += f", and the term that differs most, B − A. {describe_backgrounds(sides)}"
    else:
        caption += ". "
    largest_differences = "; ".join(
        f"{name} {value:.3g}" for name, value in zip(ids, np.abs(result.differences), strict=True)
    )
    table = pd.DataFrame(
        {
            "id": ids,
            "truth": truth,
            "A": first,
            "B": second,
            "difference": result.differences,
            "parted_by": largest or [""] * len(ids),
            **({"text": notes} if any(notes) else {}),
        }
    )
    return View(
        figure,
        describe_disagreements(result, largest, bool(b.classes)),
        caption=caption,
        limits="It does not say which model is better: see the test metrics. Each model has one seed.",
        table=table,
        alternative=f"Differ most: {largest_differences}.",
        usage="Click a bar to compare A and B on the sample.",
    )


def describe_disagreements(
    result: compare.ModelDisagreement, largest: Sequence[str], classes: bool
) -> str:
    """Describe on how many samples two models decide differently, and which term parts them where they differ most."""
    if not result.among:
        return "There are no test samples to compare the models"
    what = "" if classes else "the sign of "
    words = f"A and B disagree on {what}{result.opposed:,} of {result.among:,} test samples"
    if not largest:
        return words
    count = {term: largest.count(term) for term in largest}
    first = [text.term(term) or "the baseline" for term in top(count)]
    often = max(count.values())
    ending = "" if len(first) == 1 else " each"
    return f"{words}; where they differ most, mainly through {listed(first)} ({often} of {len(largest)}{ending})"


def describe_backgrounds(sides: compare.Sides) -> str:
    """Return a sentence for numbers without a baseline, of both."""
    a, b = (background_markdown(one.background) for one in (sides.a, sides.b))
    if a == b:
        return describe_comparison(sides.b.background)
    return f"The background of A is {a}, that of B is {b}."
