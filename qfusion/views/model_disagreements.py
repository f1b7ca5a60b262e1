"""The test samples on which two models differ most."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from qfusion._sentences import listed, sizes, top
from qfusion.analysis import compare, model_differences, sample_words, text
from qfusion.figures import scatter_map
from qfusion.views import View
from qfusion.views.samples import truth_and_prediction
from qfusion.wording.backgrounds import background_markdown, describe_comparison


def disagreements(sides: compare.Sides) -> View:
    """The test samples on which two models differ most, as learned, each with the term that parts them."""
    result = model_differences.apart(sides)
    b = sides.b.study
    ids = [str(name) for name in b.dataset.ids[result.rows]]
    (truth, second), (_, first) = (
        truth_and_prediction(one, result.rows) for one in (b, sides.a.study)
    )
    notes = sample_words.describe_samples(b.dataset, result.rows)
    form = "{}" if b.classes else "{:+.2f}"
    largest = [top(sizes(terms))[0] for terms in result.terms]
    parting = [
        f", {term.replace('+', ' + ') or 'the baseline'} {terms[term]:+.2f}"
        for term, terms in zip(largest, result.terms, strict=True)
    ] or [""] * len(ids)
    figure = scatter_map.nearest_bars(
        [
            f"{name}: {form.format(a)} → {form.format(b)}{term}"
            for name, a, b, term in zip(ids, first, second, parting, strict=True)
        ],
        np.abs(result.differences),
        [None] * len(ids),
        notes=notes,
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
        limits="which model is better: see the test metrics. Each model has one seed.",
        table=table,
        alternative=f"Differ most: {largest_differences}.",
        usage="Click a bar to compare A and B on the sample.",
    )


def describe_disagreements(
    result: model_differences.Apart, largest: Sequence[str], classes: bool
) -> str:
    """Describe on how many samples two models decide differently, and which term parts them where they differ most."""
    if not result.among:
        return "There are no test samples to compare the models"
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


def describe_backgrounds(sides: compare.Sides) -> str:
    """Return a sentence for numbers without a baseline, of both."""
    a, b = (background_markdown(one.background) for one in (sides.a, sides.b))
    if a == b:
        return describe_comparison(sides.b.background)
    return f"The background of A is {a}, that of B is {b}."
