"""Samples beside one another: two decisions, A and B, several in columns on the same scale, those that are like the
open one, and all on a map.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import listed, share, sizes, top
from qfusion.analysis import cohort_measures, compare, errors, text
from qfusion.analysis.sample import Sample, sample_of
from qfusion.analysis.study import SAID, Study
from qfusion.explain import RELATIONS
from qfusion.figures import decision, numbers, samples as figures, style
from qfusion.panels import page_state, panel, params, samples
from qfusion.quantum.states import KINDS
from qfusion.wording import answers
from qfusion.wording.backgrounds import background_markdown, describe_baseline, describe_comparison


def waterfall(
    sides: compare.Sides, theme: style.Theme = "light", *, letter: str = "A"
) -> panel.Picture:
    """One of the decisions term by term, on the same scale as the other where both are in the same unit.

    Args:
        sides: two decisions.
        theme: of the figure.
        letter: "A" or "B".
    """
    one = sides.by_letter[letter]
    drawn = decision.waterfall(
        one.dividends,
        one.study.modalities,
        unit=one.unit,
        quantity=one.quantity,
        theme=theme,
        truth=one.target,
    )
    if sides.same_target:
        drawn.update_xaxes(
            range=decision.common_range(
                sides.a.dividends,
                sides.b.dividends,
                marks=[s.target for s in (sides.a, sides.b) if s.target is not None],
            )
        )
    drawn.update_yaxes(ticklabelstandoff=6)
    return panel.Picture(
        f"waterfall-{letter}",
        f"{letter}: {answers.finding(one.dividends)}",
        drawn,
        shows=f"the exact sum of {text.plain(one.id)}"
        + (", on the same scale as the other. " if sides.same_target else ". ")
        + describe_baseline(one.background),
        not_shown="what caused the annotation; only what this model computed.",
        alt=f"Waterfall of {letter}: {panel.terms(one.dividends)}.",
        table=lambda: numbers.terms_table(one.dividends),
    )


def differences(sides: compare.Sides, theme: style.Theme = "light") -> panel.Picture:
    """B minus A, term by term; only where both decisions are sums of the same terms in the same unit."""
    a, b = sides.a, sides.b
    return panel.Picture(
        "differences",
        difference(a.dividends, b.dividends, b.quantity),
        decision.differences(
            a.dividends,
            b.dividends,
            b.study.modalities,
            unit=b.unit,
            quantity=b.quantity,
            theme=theme,
        ),
        shows=f"{text.plain(b.id)} minus {text.plain(a.id)}, term by term; the last bar is their sum. "
        + _against(sides),
        not_shown="which word, sound or pixel differs.",
        alt="Differences, B minus A: "
        + panel.terms(
            {t: value - a.dividends[t] for t, value in b.dividends.items() if t in a.dividends}
        )
        + ".",
        table=lambda: (
            numbers.terms_table(a.dividends)
            .merge(numbers.terms_table(b.dividends), on="term", suffixes=("_A", "_B"))
            .assign(difference=lambda t: t["dividend_B"] - t["dividend_A"])
        ),
    )


def shares(sides: compare.Sides, theme: style.Theme = "light") -> panel.Picture:
    """Shares of the modalities in both decisions."""
    a, b = sides.a, sides.b
    return panel.Picture(
        "shares",
        shifted(a.shares, b.shares),
        decision.pairs(
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
        + _against(sides),
        not_shown="the sign: see the waterfalls.",
        alt=f"Shares. A: {panel.terms(a.shares, '.2f')}. B: {panel.terms(b.shares, '.2f')}.",
        table=lambda: pd.DataFrame(
            [
                {"side": letter, "modality": n, "shapley": s.shapley[n], "share": s.shares[n]}
                for letter, s in sides.by_letter.items()
                for n in s.shapley
            ]
        ),
    )


# whose entropy it is, by whether the model evolves in time
_ENTROPY_OF = {
    True: "of each modality's state and of all together at T: how mixed it is, by entanglement and by jumps",
    False: "of each fused qubit: its entanglement with the modality qubits",
}


def entropies(sides: compare.Sides, theme: style.Theme = "light") -> panel.Picture:
    """Entropies of both; only where both have states that evolve or are fused."""
    a, b = sides.a, sides.b
    timed = a.study.can("time"), b.study.can("time")
    return panel.Picture(
        "entropies",
        mixed(
            [
                value - a.entropies[name]
                for name, value in b.entropies.items()
                if name in a.entropies and timed[0] == timed[1]
            ],
            "mixed" if timed[1] else "entangled",
        ),
        decision.pairs(
            a.entropies,
            b.entropies,
            _hues(sides) if any(timed) else {},
            KINDS["entropy"].axis,
            theme=theme,
        ),
        shows="the von Neumann entropy "
        + (
            _ENTROPY_OF[timed[1]]
            if timed[0] == timed[1]
            else f"in A {_ENTROPY_OF[timed[0]]}; in B {_ENTROPY_OF[timed[1]]}"
        )
        + f".{_both(sides)}",
        not_shown="which modality decided: entropy is correlation, not attribution.",
        alt=f"Entropies in nats. A: {panel.terms(a.entropies, '.2f')}. B: {panel.terms(b.entropies, '.2f')}.",
        table=lambda: pd.DataFrame(
            [
                {"side": letter, "of": n, "entropy": v}
                for letter, s in sides.by_letter.items()
                for n, v in s.entropies.items()
            ]
        ),
    )


def classes(sides: compare.Sides, theme: style.Theme = "light") -> panel.Picture:
    """Softmax of the classes on both sides; only where they are the same classes."""
    a, b = sides.a, sides.b
    names = b.study.classes
    return panel.Picture(
        "compare-classes",
        predicted(names[a.scores.argmax()], names[b.scores.argmax()]),
        decision.class_bars(
            b.probabilities,
            names,
            truth=b.true_class,
            before=a.probabilities,
            before_name="A",
            theme=theme,
        ).update_traces(name="B", selector={"name": "now"}),
        shows=f"{decision.classes_drawn(names, b.true_class)} of B as bars, of A as hollow diamonds; "
        + ("no true class of B is known." if b.is_own else "B's true class is marked.")
        + _both(sides),
        not_shown="the probability of being right. " + b.study.calibration,
        alt=f"A: {panel.listed(names, a.probabilities)}. B: {panel.listed(names, b.probabilities)}.",
        table=lambda: pd.DataFrame({"class": names, "A": a.probabilities, "B": b.probabilities}),
    )


def disagreements(sides: compare.Sides, theme: style.Theme = "light") -> panel.Picture:
    """The test samples on which two models differ most, as learned, each with the term that parts them."""
    result, b = compare.apart(sides), sides.b.study
    ids = [str(name) for name in b.dataset.ids[result.rows]]
    (truth, second), (_, first) = (_decided(one, result.rows) for one in (b, sides.a.study))
    form = "{}" if b.classes else "{:+.2f}"
    largest = [top(sizes(terms))[0] for terms in result.terms]
    parting = [
        f", {term.replace('+', ' + ') or 'the baseline'} {terms[term]:+.2f}"
        for term, terms in zip(largest, result.terms, strict=True)
    ] or [""] * len(ids)
    return panel.Picture(
        "disagreements",
        opposing(result, largest, bool(b.classes)),
        figures.nearest(
            [
                f"{name}: {form.format(a)} → {form.format(b)}{term}"
                for name, a, b, term in zip(ids, first, second, parting, strict=True)
            ],
            np.abs(result.differences),
            [None] * len(ids),
            axis="total variation of the softmaxes" if b.classes else f"|B − A|, {b.unit_of(0)}",
            typical=result.median,
            theme=theme,
        ),
        shows=f"the {len(ids)} of {result.among:,} test samples on which {text.plain(sides.a.study.name)} (A) and "
        f"{text.plain(b.name)} (B), both as learned, differ most: A’s decision → B’s"
        + (", and the term that differs most, B − A. " if result.terms else ". ")
        + "Click a bar to open it. "
        + (_against(sides) if result.terms else ""),
        not_shown="which of both is right more often: see the test metrics. Of one seed each.",
        alt="Differ most: "
        + "; ".join(
            f"{name} {value:.3g}"
            for name, value in zip(ids, np.abs(result.differences), strict=True)
        )
        + ".",
        table=lambda: pd.DataFrame(
            {
                "id": ids,
                "truth": truth,
                "A": first,
                "B": second,
                "difference": result.differences,
                "parted_by": largest or [""] * len(ids),
            }
        ),
    )


def opposing(result: compare.Apart, largest: Sequence[str], classes: bool) -> str:
    """On how many samples two models decide differently, and which term parts them where they differ most."""
    if not result.among:
        return "There are no test samples to tell the models apart"
    words = (
        f"A and B {'predict other classes' if classes else 'decide by other signs'} on {result.opposed:,} of "
        f"{result.among:,} test samples"
    )
    if not largest:
        return words
    count = {term: largest.count(term) for term in largest}
    first = [text.term(term) or "the baseline" for term in top(count)]
    often = max(count.values())
    verb, ending = ("parts", "") if len(first) == 1 else ("part", " each")
    return f"{words}; where they differ most, {listed(first)} {verb} them in {often} of {len(largest)}{ending}"


def difference(a: Mapping[str, float], b: Mapping[str, float], quantity: str = "score") -> str:
    """Which terms the difference of two decisions is in.

    Args:
        a, b: terms by coalition. quantity: what they add up to, "log-odds" or "score".
    """
    change = {text.term(term) or "the baseline": b[term] - a[term] for term in a}
    total = sum(change.values())
    if round(total, 2) == 0 or round(max(sizes(change).values(), default=0.0), 2) == 0:
        return panel.superlative(
            change,
            by_size=True,
            none="No term differs by 0.01 or more between A and B",
            one="A and B have the same {quantity}, but by different terms: above all {names}",
            some="A and B have the same {quantity}, but by different terms: above all {names}",
            name=lambda term: f"{term} ({change[term]:+.2f})",
            quantity=quantity,
        )
    along, back = top(change, smallest=total < 0), top(change, smallest=total > 0)
    words = (
        f"B's {quantity} {text.verb(quantity)} {abs(total):.2f} {'higher' if total > 0 else 'lower'}, "
        f"mainly through {_changes(change, along)}"
    )
    if change[back[0]] * total < 0 and abs(change[back[0]]) > 0.25 * abs(total):
        words += f", held back by {_changes(change, back)}"
    return words


def _changes(change: Mapping[str, float], terms: Sequence[str]) -> str:
    return listed([f"{term} ({change[term]:+.2f})" for term in terms])


def predicted(a: str, b: str) -> str:
    """Which classes both sides predict."""
    return (
        f"Both predict ‘{text.plain(a)}’"
        if a == b
        else f"A predicts ‘{text.plain(a)}’, B ‘{text.plain(b)}’"
    )


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
    texts = [
        f"{listed(names)} {'carries' if len(names) == 1 else 'carry'} {points} percentage "
        f"point{'' if points == '1' else 's'} {word}{' each' if len(names) > 1 else ''}"
        for names, word in ((more, "more"), (less, "less"))
        if names
    ]
    return f"{', '.join(texts)} in B"


def mixed(changes: Sequence[float], what: str) -> str:
    """Which side has the larger entropies on average.

    Args:
        changes: B less A of every part that both have, in nats; empty where they cannot be compare.
        what: large entropies mean: "mixed" or "entangled".
    """
    if not len(changes):
        return "The entropies mean different things in A and B"
    mean = float(np.mean(changes))
    if round(abs(mean), 2):
        return f"B is {'more' if mean > 0 else 'less'} {what} on average ({mean:+.2f} nats)"
    apart = float(np.max(np.abs(changes)))
    return (
        "Entropies are alike in A and B, to 0.01 nats"
        if round(apart, 2) == 0
        else f"Entropies are alike on average in A and B, though single ones differ by up to {apart:.2f} nats"
    )


def _hues(sides: compare.Sides) -> dict[str, str]:
    """Colours of the modalities of both."""
    return {
        name: style.term_colour(name, one.study.modalities)
        for one in (sides.a, sides.b)
        for name in one.study.modalities
    }


def _both(sides: compare.Sides) -> str:
    """Whose numbers they are."""
    return f" Of samples {text.plain(sides.a.id)} (A) and {text.plain(sides.b.id)} (B)."


def _against(sides: compare.Sides) -> str:
    """A sentence for numbers without a baseline, of both."""
    a, b = (background_markdown(one.background) for one in (sides.a, sides.b))
    return (
        describe_comparison(sides.b.background)
        if a == b
        else f"A is compared with {a}, B with {b}."
    )


def both_entropies(sides: compare.Sides) -> bool:
    """Whether both have states that evolve or are fused."""
    return bool(sides.a.entropies and sides.b.entropies)


def curve(
    sides: compare.Sides,
    theme: style.Theme = "light",
    *,
    row: int,
    modality: str,
    card: str = "main",
) -> panel.Picture:
    """A spectrum or profile of one of both samples, see `samples.curve`: on the card "main" of A, where it stands in
    that row."""
    one = sides.a if card == "main" and row == sides.a.row else sides.b
    return samples.curve(one.study, theme, row=row, modality=modality, card=card)


def _curves(view: page_state.PageState, sides: compare.Sides) -> list[str]:
    a, b = sides.a, sides.b
    if a.study.dataset.digest == b.study.dataset.digest and a.row == b.row:
        return samples.curves(b.study, [b.row], "main")
    return [
        *samples.curves(a.study, [a.row], "main"),
        *samples.curves(b.study, [b.row], "main" if a.row != b.row else "card"),
    ]


VIEWS = TWO, SEVERAL = ("Two decisions", "Several samples")
VIEW = params.SelectParam(
    "compare.view",
    "View",
    "Two decisions are shown.",
    values=VIEWS,
    look="segments",
    style={"label_visibility": "collapsed"},
)


def is_pair(view: page_state.PageState) -> bool:
    """Whether the page compares what is pinned with what the bar shows."""
    return bool(view.get("pin")) and VIEW.chosen(TWO)(view)


# Samples like the open one, on the Samples page.


@panel.cached
def similar(
    sample: Sample, theme: style.Theme = "light", *, by: str = cohort_measures.DIVIDENDS
) -> panel.Picture:
    """The test samples nearest to one.

    Args:
        sample: of any model.
        theme: of the figure.
        by: what is compared, see `similar.ways`.
    """
    result, study = compare.nearest(sample, by), sample.study
    ids = [str(name) for name in study.dataset.ids[result.rows]]
    sentence, right = outcomes(study, result.rows)
    verdicts = study.predicted if study.classes else np.sign(study.scores[:, 0])
    return panel.Picture(
        "similar",
        nearest(
            dict(zip(ids, result.distances.tolist(), strict=True)),
            cohort_measures.TITLES[by],
            int((verdicts[result.rows] == verdicts[sample.row]).sum()),
            bool(study.classes),
        ),
        figures.nearest(
            [f"{name}: {words}" for name, words in zip(ids, sentence, strict=True)],
            result.distances,
            right,
            axis=compare.TITLES[by],
            typical=result.median,
            theme=theme,
        ),
        shows=f"the {len(ids)} of {result.among:,} test samples nearest to sample {text.plain(sample.id)}: "
        "annotated → predicted"
        + ("; orange, hatched: predicted wrongly" if study.classes else "")
        + ". Click a bar to open it."
        + (
            f" {describe_comparison(study.bulk_background)}"
            if by == cohort_measures.DIVIDENDS
            else ""
        ),
        not_shown="why they are alike: set them side by side.",
        alt="Nearest: "
        + "; ".join(
            f"{name} {value:.3g}" for name, value in zip(ids, result.distances, strict=True)
        )
        + ".",
        table=lambda: pd.DataFrame(
            {
                "id": ids,
                **dict(zip(("truth", "prediction"), _decided(study, result.rows), strict=True)),
                "distance": result.distances,
            }
        ),
    )


def nearest(distances: Mapping[str, float], what: str, agree: int, classes: bool) -> str:
    """Which samples are nearest, and how many of those shown are predicted alike.

    Args:
        distances: by sample, of those shown. what: is compared, in words. agree: how many are predicted alike.
        classes: whether the model chooses among classes.
    """
    if not distances:
        return f"No other test sample to compare the {what} with"
    least = f"{min(distances.values()):.3g}"
    first = [text.plain(name) for name, value in distances.items() if f"{value:.3g}" == least]
    same = "alike" if classes else "with the same sign"
    are = (
        f"it is{'' if agree else ' not'}"
        if len(distances) == 1
        else f"{agree} of the {len(distances)} nearest {'is' if agree == 1 else 'are'}"
    )
    whose = f"Samples {listed(first)}" if len(first) <= panel.MAX_NAMED else f"{len(first)} samples"
    return panel.standing(
        first,
        distances,
        one=f"Sample {first[0]} is nearest by its {what}; {are} predicted {same}",
        some=f"{whose} are equally near by their {what}; {are} predicted {same}",
    )


def outcomes(study: Study, rows: np.ndarray) -> tuple[list[str], list[bool | None]]:
    """Returns "annotated → predicted" of some rows, and whether each is right; None of a regression, and where no
    annotation is known."""
    pairs = list(zip(*_decided(study, rows), strict=True))
    known = [not study.dataset.is_own(row) for row in rows]
    form = "{}" if study.classes else "{:+.2f}"
    return [
        f"{form.format(a) if is_known else 'no truth'} → {form.format(b)}"
        for (a, b), is_known in zip(pairs, known, strict=True)
    ], [
        a == b if study.classes and is_known else None
        for (a, b), is_known in zip(pairs, known, strict=True)
    ]


def _decided(study: Study, rows: np.ndarray) -> list[list[Any]]:
    """Annotations and predictions of some rows: names of classes, or numbers."""
    if not study.classes:
        return [study.dataset.y[rows].tolist(), study.scores[rows, 0].tolist()]
    return [
        [study.classes[int(entry)] for entry in column[rows]]
        for column in (study.dataset.y, study.predicted)
    ]


SIMILAR_BY = params.SelectParam(
    "similar",
    "Similar by",
    "Contributions are compare.",
    values=lambda study: [cohort_measures.TITLES[kind] for kind in compare.ways(study)],
    look="segments",
    read=cohort_measures.KEYS,
)
SIMILAR = {"similar": panel.Panel(similar, {"by": SIMILAR_BY})}


# Several samples side by side, on the Compare page: decisions and entropies in columns on the same scale.


def decisions(
    sample: Sample, theme: style.Theme = "light", *, ids: Sequence[str] = (), output: str = ""
) -> panel.Picture:
    """The decisions of several samples term by term.

    Args:
        sample: of any model.
        theme: of the figure.
        ids: of two to six samples; the sample and the three nearest by contributions unless told.
        output: the class to explain; of each sample the one decided for unless told.
    """
    sides = columns(sample, ids, output)
    study, names = sample.study, [entry.id for entry in sides]
    differ = len({entry.output for entry in sides}) > 1
    answered, _ = outcomes(study, np.array([entry.row for entry in sides]))
    terms = [largest_terms(entry.dividends) for entry in sides]
    return panel.Picture(
        "several-decisions",
        in_common(terms),
        figures.decisions(
            names,
            [entry.dividends for entry in sides],
            study.modalities,
            truths=[entry.target for entry in sides],
            notes=[
                words + (f"\nlog-odds of {study.classes[entry.output]}" if differ else "")
                for entry, words in zip(sides, answered, strict=True)
            ],
            unit="log-odds (nats)" if differ else sides[0].unit,
            quantity=sample.quantity,
            theme=theme,
        ),
        shows=f"the exact sums of samples {', '.join(map(text.plain, names))}, annotated → predicted, all on one scale"
        + ("" if study.classes else "; dotted: annotated")
        + ". "
        + describe_baseline(sides[0].background),
        not_shown="what caused the annotations; only what this model computed.",
        alt="; ".join(
            f"{entry.id}: {entry.quantity} {sum(entry.dividends.values()):+.2f}, "
            f"largest term {' and '.join(term) or 'none'}"
            for entry, term in zip(sides, terms, strict=True)
        )
        + ".",
        table=lambda: pd.concat(
            [numbers.terms_table(entry.dividends, sample=entry.id) for entry in sides],
            ignore_index=True,
        ),
    )


def several_entropies(
    sample: Sample, theme: style.Theme = "light", *, ids: Sequence[str] = (), output: str = ""
) -> panel.Picture:
    """The entropies of several samples; arguments as of `decisions`."""
    sides = columns(sample, ids, output)
    names = [entry.id for entry in sides]
    means = {
        name: sum(entry.entropies.values()) / max(len(entry.entropies), 1)
        for name, entry in zip(names, sides, strict=True)
    }
    return panel.Picture(
        "several-entropies",
        largest_entropies(means),
        figures.bars(
            names,
            [entry.entropies for entry in sides],
            {name: style.term_colour(name, sample.modalities) for name in sample.modalities},
            title=KINDS["entropy"].axis,
            theme=theme,
        ),
        shows=f"von Neumann entropies of samples {', '.join(map(text.plain, names))}, "
        + (
            "of each modality's state and of all together at T"
            if sample.can("time")
            else "of each fused qubit"
        )
        + ", all on one scale.",
        not_shown="which modality decided: entropy is correlation, not attribution.",
        alt="; ".join(f"{name}: mean entropy {value:.2f} nats" for name, value in means.items())
        + ".",
        table=lambda: pd.DataFrame(
            [
                {"sample": entry.id, "of": part, "entropy": value}
                for entry in sides
                for part, value in entry.entropies.items()
            ]
        ),
    )


def chosen(sample: Sample, ids: Sequence[str] = ()) -> list[int]:
    """Returns the rows of the samples that stand side by side.

    Raises:
        NotFound: when there is no such sample.
        InvalidInput: when there are more than six.
    """
    if not ids:
        return [sample.row, *compare.nearest(sample, count=3).rows.tolist()]
    rows = list(dict.fromkeys(sample.dataset.row(name) for name in ids))
    check(
        len(rows) <= figures.MOST,
        f"{len(rows)} samples are chosen, and at most {figures.MOST} stand side by side.",
    )
    return rows


def columns(sample: Sample, ids: Sequence[str] = (), output: str = "") -> list[Sample]:
    """Returns the decisions on these samples; errors as of `chosen`."""
    return [
        sample_of(sample.study, row, output or int(sample.study.predicted[row]))
        for row in chosen(sample, ids)
    ]


def largest_terms(dividends: Mapping[str, float]) -> tuple[str, ...]:
    """Returns the terms of a decision that are the largest in size, as they are written; none where all are 0."""
    result = sizes({term: value for term, value in dividends.items() if term})
    first = top(result)
    return () if not first or round(result[first[0]], 2) == 0 else tuple(first)


def in_common(terms: Sequence[tuple[str, ...]]) -> str:
    """Which largest term several samples have in common; `largest_terms` of each."""
    shared = [term for term in terms[0] if all(term in entry for entry in terms)]
    if shared:
        what = (
            "among the largest terms"
            if any(len(term) > 1 for term in terms)
            else "the largest term"
        )
        return f"{text.term(shared[0])} is {what} of {'this one' if len(terms) == 1 else f'all {len(terms)}'}"
    named = list(dict.fromkeys(term for entry in terms for term in entry))
    return (
        "Their largest terms differ: " + ", ".join(map(text.term, named))
        if named
        else "No term of these decisions is as large as 0.01"
    )


def largest_entropies(means: Mapping[str, float]) -> str:
    """Which samples have the largest entropies; the mean of each in nats, by sample."""
    return panel.superlative(
        means,
        only="Sample {names} has a mean entropy of {value:.2f} nats",
        one="Sample {names} has the largest entropies ({value:.2f} nats on average)",
        some="Samples {names} have, alike, the largest entropies ({value:.2f} nats on average)",
        every="All of them have the same mean entropy ({value:.2f} nats)",
    )


def _several_curves(view: page_state.PageState, sample: Sample) -> list[str]:
    return [
        name.removeprefix("several-")
        for name in samples.curves(sample.study, chosen(sample, SAMPLES(view) or []), "several")
    ]


TWEAK_B = params.SwitchParam("tweak", "Tweak B", "It stays folded.")
SAMPLES = params.SampleParam(
    "several",
    f"Samples (up to {figures.MOST})",
    "The open sample and the nearest ones are shown.",
    many=True,
)
CONTROLS = (TWEAK_B, SAMPLES, VIEW)
_OPTIONS = {
    "ids": lambda view: (SAMPLES(view) or [])[: figures.MOST] or None,
    "output": lambda view: view.output or None,
}
_OPENS = VIEW.chosen(SEVERAL)
PANELS = {
    **{
        f"waterfall-{letter}": panel.Panel(
            waterfall, fixed={"letter": letter}, opens=is_pair, scope="sides"
        )
        for letter in "AB"
    },
    "differences": panel.Panel(differences, fits=compare.comparable, opens=is_pair, scope="sides"),
    "compare-classes": panel.Panel(
        classes,
        fits=lambda sides: (
            bool(sides.b.study.classes) and sides.a.study.classes == sides.b.study.classes
        ),
        opens=is_pair,
        scope="sides",
    ),
    "shares": panel.Panel(shares, opens=is_pair, scope="sides"),
    "disagreements": panel.Panel(
        disagreements, fits=compare.two_models, opens=is_pair, scope="sides"
    ),
    "entropies": panel.Panel(entropies, fits=both_entropies, opens=is_pair, scope="sides"),
    "several-decisions": panel.Panel(decisions, _OPTIONS, opens=_OPENS),
    "several-entropies": panel.Panel(
        several_entropies,
        _OPTIONS,
        opens=_OPENS,
        fits=lambda sample, **_: sample.can("time") or sample.can("rules"),
    ),
}
NAMED = {
    "content-several-": panel.Panel(
        samples.curve_of,
        rest=lambda view, rest: samples.which_curve(view, f"several-{rest}"),
        endings=_several_curves,
        opens=_OPENS,
    ),
    "content-": panel.Panel(
        curve, rest=samples.which_curve, endings=_curves, opens=is_pair, scope="sides"
    ),
}


# All samples on a map, on the Cohorts page.

MAX_DRAWN = 4_000  # points: more make pages slow
_MEANS = {
    cohort_measures.STATES: "the reduced density matrices of its modalities (distances are Hilbert-Schmidt distances)",
    cohort_measures.FINAL: "its final state (of states in time ρ(T), distances are Hilbert-Schmidt distances; of "
    "a network the populations of the kept and ⟨Z⟩ of the measured qubits)",
    cohort_measures.DIVIDENDS: "the terms of its decision without the baseline",
    cohort_measures.FEATURES: "what the encoders of its modalities give",
}


def sample_map(
    levels: errors.Levels,
    theme: style.Theme = "light",
    *,
    of: str = "",
    method: str = "PCA",
    colour: str = "",
    everyone: bool = False,
) -> panel.Picture:
    """All samples on a map of two dimensions.

    Args:
        levels: all samples, a cohort, one sample.
        theme: of the figure.
        of: the coordinates that are reduced, see `coordinates.kinds`; the first unless told.
        method: "PCA" or "UMAP".
        colour: a column, see `colours`; the first unless told.
        everyone: all samples are placed where some are drawn unless told.
    """
    placed = on_map(levels, of, method, everyone)
    at, study = drawn(levels, placed), levels.study
    known = colours(study, levels.rows)
    colour = choose("Colour", text.column(colour) or known[0], known)
    rows = levels.rows.loc[list(map(str, study.dataset.ids[placed.rows[at]]))]
    inside = levels.inside[levels.rows.index.get_indexer(rows.index)]
    column = text.column_of(colour, map(str, rows.columns))
    values, names, hues = _coloured(study, rows, column)
    explained = placed.explained
    what = cohort_measures.TITLES[placed.what]
    return panel.Picture(
        "sample-map",
        reduced(
            what, None if explained is None else float(explained.sum()), placed.trustworthiness
        ),
        figures.places(
            rows.index.tolist(),
            placed.xy[at],
            values,
            inside,
            names=names,
            hues=hues,
            by=colour,
            titles=("UMAP 1", "UMAP 2")
            if explained is None
            else (
                f"component 1 ({explained[0]:.1%} of the variance)",
                f"component 2 ({explained[1]:.1%} of the variance)",
            ),
            tips=_tips(rows),
            chosen=levels.sample.id,
            theme=theme,
        ),
        shows=f"each sample by {_MEANS[placed.what]}, reduced to two dimensions by {_method(placed)} Colour: "
        f"{text.plain(colour)}; large: the cohort; ring: sample {text.plain(levels.sample.id)}. "
        + f"Of {placed.given:,} explained samples of {text.plain(levels.split)}"
        + (
            ""
            if len(placed.rows) == placed.given
            else f", {len(placed.rows):,} of them placed (drawn at random)"
        )
        + f", {len(at):,} are drawn."
        + (
            f" {describe_comparison(study.bulk_background)}"
            if placed.what == cohort_measures.DIVIDENDS
            else ""
        ),
        not_shown="distances: who is near whom counts, sizes of and gaps between groups do not. Another machine may "
        "place samples a little differently."
        if placed.method == "UMAP"
        else "other directions: samples that lie together here may differ in them.",
        alt=f"Map of {len(at)} samples by {what}, {placed.method}, coloured by {colour}.",
        table=lambda: (
            rows[["truth", "prediction", "error"]]
            .assign(
                in_cohort=inside,
                x=placed.xy[at, 0],
                y=placed.xy[at, 1],
                **{
                    column if column not in ("truth", "prediction", "error") else "colour": rows[
                        column
                    ]
                },
            )
            .reset_index()
        ),
    )


def reduced(what: str, held: float | None, stored: float) -> str:
    """How much two dimensions hold.

    Args:
        what: is reduced. held: part of the variance of principal components, 0 to 1; None of UMAP.
        stored: trustworthiness of the neighbours, NaN where it is not measured.
    """
    if held is not None:
        return f"Two components hold {share(held)} of the variance of the {what}"
    return f"UMAP of the {what}" + (
        "" if np.isnan(stored) else f": neighbours are kept with trustworthiness {stored:.2f}"
    )


def on_map(
    levels: errors.Levels, of: str = "", method: str = "PCA", everyone: bool = False
) -> cohort_measures.SampleMap:
    """Where the samples of the split lie; arguments as of `sample_map`."""
    return cohort_measures.sample_map(
        levels.study,
        of or next(iter(cohort_measures.coordinate_kinds(levels.study))),
        method,
        levels.places(levels.rows),
        levels.output_wanted,
        everyone,
    )


def drawn(levels: errors.Levels, result: cohort_measures.SampleMap) -> np.ndarray:
    """Places on the map of the samples that are drawn: all, or so many spread evenly, and the open one."""
    return np.union1d(
        cohort_measures.thinned(np.arange(len(result.rows)), MAX_DRAWN),
        np.flatnonzero(result.rows == levels.sample.row),
    ).astype(int)


def colours(study: Study, rows: pd.DataFrame) -> tuple[str, ...]:
    """Columns that points can be coloured by, as readers say them: numbers, and words of which there are few."""
    first = [
        "truth",
        "prediction",
        "error",
        *([cohort_measures.VERDICT] if study.classes else []),
        cohort_measures.DOMINANT,
        "relation",
        "leader",
    ]
    result = [name for name in map(str, rows.columns) if name not in (*first, "split", *SAID)]
    numeric = [name for name in result if pd.api.types.is_numeric_dtype(rows[name])]
    few = [
        name
        for name in result
        if name not in numeric and 1 < rows[name].astype(str).nunique() <= figures.MAX_GROUPS
    ]
    return tuple(
        text.column(name)
        for name in (*first, *few, *numeric)
        if pd.api.types.is_numeric_dtype(rows[name])
        or rows[name].astype(str).nunique() <= figures.MAX_GROUPS
    )


def _coloured(
    study: Study, rows: pd.DataFrame, colour: str
) -> tuple[np.ndarray, list[str], list[str]]:
    """Values, names of groups and their hues."""
    column = rows[colour]
    if pd.api.types.is_numeric_dtype(column) and not (
        column.nunique() <= 6 and (column % 1 == 0).all()
    ):
        return column.to_numpy(dtype=float), [], []
    words = column.map(
        lambda entry: f"{entry:g}" if isinstance(entry, float) else str(entry)
    ).to_numpy(dtype=object)
    order = {
        "truth": study.classes,
        "prediction": study.classes,
        cohort_measures.DOMINANT: study.terms,
        "relation": tuple(RELATIONS),
        cohort_measures.VERDICT: ("right", "wrong"),
    }.get(colour, ())
    there = set(words)
    names = [name for name in order if name in there] or sorted(there)
    places = np.array([names.index(name) for name in words], dtype=int)
    if colour == cohort_measures.DOMINANT:
        return (
            places,
            [name.replace("+", " + ") for name in names],
            [style.term_colour(name, study.modalities) for name in names],
        )
    return places, names, [style.GREEN, style.VERMILLION] if names == ["right", "wrong"] else []


def _tips(rows: pd.DataFrame) -> list[str]:
    number = "{:+.2f}" if pd.api.types.is_float_dtype(rows["truth"]) else "{}"
    return list(
        map(f"label {number}, prediction {number}".format, rows["truth"], rows["prediction"])
    )


def _method(result: cohort_measures.SampleMap) -> str:
    neighbours = f"{cohort_measures.NEIGHBOURS} neighbours"
    stored = result.trustworthiness
    return (
        f"UMAP ({neighbours}, seed {cohort_measures.SEED})"
        if result.method == "UMAP"
        else "principal components"
    ) + ("." if np.isnan(stored) else f"; trustworthiness of {neighbours} {stored:.3f}.")


def enough(levels: errors.Levels, **_: object) -> bool:
    """Whether there are samples enough for a map."""
    return len(levels.rows) >= 3


MAP_OF = params.SelectParam(
    "map",
    "Map of",
    "The first are shown.",
    values=lambda study: cohort_measures.coordinate_kinds(study).values(),
    read=cohort_measures.KEYS,
    style={"width": 190},
)
MAP_METHOD = params.SelectParam(
    "map.method",
    "Method",
    "Principal components are shown.",
    values=cohort_measures.METHODS,
    look="segments",
)
MAP_COLOUR = params.SelectParam(
    "map.colour",
    "Colour",
    "The first column is shown.",
    values=lambda study: colours(study, cohort_measures.cohort_table(study, None)),
    style={"width": 190},
)


MAP_CONTROLS = (MAP_OF, MAP_METHOD, MAP_COLOUR)
MAP = {
    "sample-map": panel.Panel(
        sample_map,
        {"of": MAP_OF, "method": MAP_METHOD, "colour": MAP_COLOUR, "everyone": panel.EVERYONE},
        fits=enough,
        scope="levels",
    )
}
