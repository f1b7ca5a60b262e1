"""Several samples side by side, on the Compare page: decisions and entropies in columns on the same scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from qfusion._checks import check
from qfusion._sentences import listed, sizes, top
from qfusion.analysis import backgrounds, text
from qfusion.analysis import compare as compared
from qfusion.analysis.cohort import similar as measured
from qfusion.analysis.compare import Side
from qfusion.analysis.sample import Sample, sample_of
from qfusion.analysis.subject import Workspace
from qfusion.figures.draw.many import side_by_side as column_figures
from qfusion.figures.numbers import terms_table
from qfusion.figures.style import Theme, term_colour
from qfusion.panels import samples
from qfusion.panels.compare import _PAIR, _PAIR_NAMED, SEVERAL, VIEW, VIEWS
from qfusion.panels.core import allowed as say
from qfusion.panels.core.panel import Panel, Picture, within
from qfusion.panels.core.view import View
from qfusion.panels.parts.similar import _allowed_similar, answers
from qfusion.quantum.measures import KINDS

LIKE = 3  # samples beside the open one where none is chosen


def decisions(
    sample: Sample, theme: Theme = "light", *, ids: Sequence[str] = (), output: str = ""
) -> Picture:
    """The decisions of several samples term by term.

    Args:
        sample: of any model.
        theme: of the figure.
        ids: of two to six samples; the sample and the three nearest by contributions unless told.
        output: the class whose score is split; of each sample its predicted one unless told.
    """
    sides = columns(sample, ids, output)
    work, names = sample.work, [each.sample.id for each in sides]
    scores = [sum(each.dividends.values()) for each in sides]
    differ = len({each.sample.output for each in sides}) > 1
    notes = [
        words + (f"\nscore of {work.classes[each.sample.output]}" if differ else "")
        for each, words in zip(sides, _answers(sides), strict=True)
    ]
    terms = [largest_terms(each.dividends) for each in sides]
    return Picture(
        "several-decisions",
        in_common(terms),
        column_figures.decisions(
            names,
            [each.dividends for each in sides],
            work.modalities,
            truths=[each.sample.target for each in sides],
            notes=notes,
            unit="score" if differ else sides[0].sample.unit,
            theme=theme,
        ),
        shows=f"the exact sums of samples {', '.join(map(text.plain, names))}, annotated → predicted, all on one scale"
        + ("" if work.classes else "; dotted: annotated")
        + ". "
        + backgrounds.baseline(sides[0].sample.background),
        not_shown="what caused the annotations; only what this model computed.",
        alt="; ".join(
            f"{name}: score {score:+.2f}, largest term {' and '.join(term) or 'none'}"
            for name, score, term in zip(names, scores, terms, strict=True)
        )
        + ".",
        table=lambda: pd.concat(
            [terms_table(each.dividends, sample=each.sample.id) for each in sides],
            ignore_index=True,
        ),
    )


def several_entropies(
    sample: Sample, theme: Theme = "light", *, ids: Sequence[str] = (), output: str = ""
) -> Picture:
    """The entropies of several samples; arguments as of `decisions`."""
    sides = columns(sample, ids, output)
    names = [each.sample.id for each in sides]
    means = {
        name: sum(each.entropies.values()) / max(len(each.entropies), 1)
        for name, each in zip(names, sides, strict=True)
    }
    hues = {name: term_colour(name, sample.modalities) for name in sample.modalities}
    return Picture(
        "several-entropies",
        largest_entropies(means),
        column_figures.bars(
            names,
            [each.entropies for each in sides],
            hues,
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
                {"sample": each.sample.id, "of": part, "entropy": value}
                for each in sides
                for part, value in each.entropies.items()
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
        return [sample.row, *measured.nearest(sample, count=LIKE).rows.tolist()]
    rows = list(dict.fromkeys(sample.dataset.row(name) for name in ids))
    check(
        len(rows) <= column_figures.MOST,
        f"{len(rows)} samples are chosen, and at most {column_figures.MOST} stand side by side.",
    )
    return rows


def columns(sample: Sample, ids: Sequence[str] = (), output: str = "") -> list[Side]:
    """Returns the decisions on these samples; errors as of `chosen`."""
    work = sample.work
    return [
        compared.side(sample_of(work, row, output or int(work.predicted[row])))
        for row in chosen(sample, ids)
    ]


def _answers(sides: Sequence[Side]) -> list[str]:
    work = sides[0].work
    return [answers(work, each.sample.dataset.rows()[[each.sample.row]])[0][0] for each in sides]


def largest_terms(dividends: Mapping[str, float]) -> tuple[str, ...]:
    """Returns the terms of a decision that are the largest in size, as they are written; none where all are 0."""
    found = sizes({term: value for term, value in dividends.items() if term})
    first = top(found)
    return () if not first or round(found[first[0]], 2) == 0 else tuple(first)


def in_common(terms: Sequence[tuple[str, ...]]) -> str:
    """Which largest term several samples have in common; `largest_terms` of each."""
    shared = [term for term in terms[0] if all(term in each for each in terms)]
    if shared:
        alike = any(len(each) > 1 for each in terms)
        of = "this one" if len(terms) == 1 else f"all {len(terms)}"
        return f"{text.term(shared[0])} is {'among the largest terms' if alike else 'the largest term'} of {of}"
    named = list(dict.fromkeys(term for each in terms for term in each))
    if not named:
        return "No term of these decisions is as large as 0.01"
    return "Their largest terms differ: " + ", ".join(map(text.term, named))


def largest_entropies(means: Mapping[str, float]) -> str:
    """Which samples have the largest entropies; the mean of each in nats, by sample."""
    first, largest = [text.plain(name) for name in top(means)], max(means.values())
    if len(first) == len(means):
        return (
            f"All of them have the same mean entropy ({largest:.2f} nats)"
            if len(first) > 1
            else f"Sample {first[0]} has a mean entropy of {largest:.2f} nats"
        )
    have = "Sample {} has" if len(first) == 1 else "Samples {} have, alike,"
    return f"{have.format(listed(first))} the largest entropies ({largest:.2f} nats on average)"


def several_curve(sample: Sample, theme: Theme = "light", *, row: int, modality: str) -> Picture:
    """A spectrum or profile of one of the samples, see `samples.curve`.

    Args:
        sample: of any model. theme: of the figure.
        row: of the one whose curve it is. modality: whose curve.
    """
    return samples.curve(sample.work, theme, row=row, modality=modality, card="several")


def _which(view: View, rest: str) -> dict[str, Any]:
    found = samples.which_curve(view, f"several-{rest}")
    return {"row": found["row"], "modality": found["modality"]}


def _several_curves(view: View, sample: Sample) -> list[str]:
    rows = chosen(sample, [each for each in view.all("several") if each])
    return [name.removeprefix("several-") for name in samples.curves(sample.work, rows, "several")]


def allowed(view: View, work: Workspace) -> dict[str, say.Allowed]:
    """What an address may say of samples beside one another; on Samples, of those like the open one."""
    if view.page == "samples":
        return _allowed_similar(work)
    return {
        "tweak": say.switch("Tweak B", "It stays folded."),
        "several": say.Allowed(
            work.dataset.row, "The open sample and the nearest ones are shown.", many=True
        ),
        VIEW: say.options("View", VIEWS, "Two decisions are shown."),
    }


_OPTIONS = {
    "ids": lambda view: (
        [each for each in view.all("several") if each][: column_figures.MOST] or None
    ),
    "output": lambda view: view.output or None,
}
_OPENS = within(VIEW, VIEWS, SEVERAL)
PANELS = {
    **_PAIR,
    "several-decisions": Panel(decisions, _OPTIONS, opens=_OPENS),
    "several-entropies": Panel(
        several_entropies,
        _OPTIONS,
        opens=_OPENS,
        fits=lambda sample, **_: sample.can("time") or sample.can("rules"),
    ),
}
NAMED = {
    "content-several-": Panel(several_curve, rest=_which, endings=_several_curves, opens=_OPENS),
    **_PAIR_NAMED,
}
