"""Several samples side by side: contributions and entropies on one scale."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._sentences import sizes, top
from qfusion.figures import decision_pairs, style
from qfusion.models.protocols import Evolution
from qfusion.quantum.measure_kinds import KINDS
from qfusion.study import compare, text
from qfusion.study.sample import Sample, build_sample
from qfusion.views.pages.choices import ExplainedOutput
from qfusion.views.pages.page_state import PageState
from qfusion.views.pages.params import SampleParam
from qfusion.views.samples import describe_outcomes
from qfusion.views.view import View, terms_table
from qfusion.views.words import rules
from qfusion.views.words.decisions import describe_baseline

SAMPLES = SampleParam(
    "several",
    f"Samples (up to {decision_pairs.MOST})",
    "The open sample and the nearest ones are shown.",
    many=True,
)


def _chosen_ids(view: PageState) -> list[str] | None:
    """Return the ids of the chosen samples, as many as are drawn; None where none is chosen."""
    return (SAMPLES(view) or [])[: decision_pairs.MOST] or None


ChosenSamples = Annotated[Sequence[str], _chosen_ids]


def several_decisions(
    sample: Sample, *, ids: ChosenSamples = (), output: ExplainedOutput = ""
) -> View:
    """The decisions of several samples term by term.

    Args:
        sample: of any model.
        ids: of two to six samples; the sample and the three nearest by contributions by default.
        output: the class to explain; of each sample the predicted one by default.
    """
    sides = decision_columns(sample, ids, output)
    study = sample.study
    names = [entry.id for entry in sides]
    differ = len({entry.output for entry in sides}) > 1
    answered, _ = describe_outcomes(study, np.array([entry.row for entry in sides]))
    terms = [list_largest_terms(entry.dividends) for entry in sides]
    notes = list(answered)
    unit = sides[0].unit
    if differ:
        unit = "log-odds (nats)"
        for i, entry in enumerate(sides):
            notes[i] += f"\nlog-odds of {study.classes[entry.output]}"
    figure = decision_pairs.decision_columns(
        names,
        [entry.dividends for entry in sides],
        study.modalities,
        truths=[entry.target for entry in sides],
        notes=notes,
        unit=unit,
        quantity=sample.quantity,
    )
    samples = ", ".join(map(text.escape_markdown, names))
    caption = f"the exact sums of samples {samples}, annotated → predicted, all on one scale"
    if not study.classes:
        caption += "; dotted: annotated"
    caption += f". {describe_baseline(sides[0].background)}"
    described = []
    for entry, largest in zip(sides, terms, strict=True):
        total = sum(entry.dividends.values())
        names_of_terms = " and ".join(largest) or "none"
        described.append(
            f"{entry.id}: {entry.quantity} {total:+.2f}, largest term {names_of_terms}"
        )
    alternative = "; ".join(described) + "."
    table = pd.concat(
        [terms_table(entry.dividends, sample=entry.id) for entry in sides],
        ignore_index=True,
    )
    return View(
        figure,
        describe_common_terms(terms),
        caption=caption,
        limits="This explains the model, not why people chose the labels.",
        table=table,
        alternative=alternative,
    )


def several_entropies(
    sample: Sample, *, ids: ChosenSamples = (), output: ExplainedOutput = ""
) -> View:
    """The entropies of several samples; arguments as of `several_decisions`."""
    sides = decision_columns(sample, ids, output)
    names = [entry.id for entry in sides]
    means = {
        name: sum(entry.entropies.values()) / max(len(entry.entropies), 1)
        for name, entry in zip(names, sides, strict=True)
    }
    figure = decision_pairs.bar_columns(
        names,
        [entry.entropies for entry in sides],
        {name: style.term_colour(name, sample.modalities) for name in sample.modalities},
        title=KINDS["entropy"].axis,
    )
    samples = ", ".join(map(text.escape_markdown, names))
    caption = f"von Neumann entropies of samples {samples}, "
    if sample.model.part(Evolution):
        caption += "of each modality's state and of all together at T"
    else:
        caption += "of each fused qubit"
    caption += ", all on one scale."
    alternative = (
        "; ".join(f"{name}: mean entropy {value:.2f} nats" for name, value in means.items()) + "."
    )
    table = pd.DataFrame(
        [
            {"sample": entry.id, "of": part, "entropy": value}
            for entry in sides
            for part, value in entry.entropies.items()
        ]
    )
    return View(
        figure,
        describe_largest_entropies(means),
        caption=caption,
        limits=rules.ENTROPY_IS_NO_ATTRIBUTION,
        table=table,
        alternative=alternative,
    )


def chosen_rows(sample: Sample, ids: Sequence[str] = ()) -> list[int]:
    """Return the rows of the samples that can be shown side by side.

    Raises:
        NotFound: when there is no such sample.
        InvalidInput: when there are more than six.
    """
    if not ids:
        return [sample.row, *compare.nearest(sample, count=3).rows.tolist()]
    rows = list(dict.fromkeys(sample.dataset.row(name) for name in ids))
    check(
        len(rows) <= decision_pairs.MOST,
        f"{len(rows)} samples are chosen, and at most {decision_pairs.MOST} can be shown side by side.",
    )
    return rows


def decision_columns(sample: Sample, ids: Sequence[str] = (), output: str = "") -> list[Sample]:
    """Return the decisions on these samples; errors as of `chosen_rows`."""
    return [
        build_sample(sample.study, row, output or int(sample.study.predicted[row]))
        for row in chosen_rows(sample, ids)
    ]


def list_largest_terms(dividends: Mapping[str, float]) -> tuple[str, ...]:
    """Return the terms of a decision with the largest absolute value after rounding. The result is empty if all
    values round to 0.
    """
    result = sizes({term: value for term, value in dividends.items() if term})
    first = top(result)
    return () if not first or round(result[first[0]], 2) == 0 else tuple(first)


def describe_common_terms(terms: Sequence[tuple[str, ...]]) -> str:
    """Describe which largest term several samples have in common; `list_largest_terms` of each."""
    shared = [term for term in terms[0] if all(term in entry for entry in terms)]
    if shared:
        if any(len(term) > 1 for term in terms):
            what = "among the largest terms"
        else:
            what = "the largest term"
        return f"{text.term(shared[0])} is {what} of {'this one' if len(terms) == 1 else f'all {len(terms)}'}"
    named = list(dict.fromkeys(term for entry in terms for term in entry))
    if named:
        return "Their largest terms differ: " + ", ".join(map(text.term, named))
    return "No term of these decisions is as large as 0.01"


def describe_largest_entropies(means: Mapping[str, float]) -> str:
    """Describe which samples have the largest entropies; the mean of each in nats, by sample."""
    return rules.describe_extremum(
        means,
        only="Sample {names} has a mean entropy of {value:.2f} nats",
        one="Sample {names} has the largest entropies ({value:.2f} nats on average)",
        some="Samples {names} have, alike, the largest entropies ({value:.2f} nats on average)",
        every="All of them have the same mean entropy ({value:.2f} nats)",
    )
