"""Where the model is wrong, on the Cohorts page: slices with their error rates, the worst errors, and the terms that
misled the wrong decisions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from qfusion._sentences import listed, share, sizes, top
from qfusion.analysis import backgrounds, text
from qfusion.analysis.cohort import cohort_measures
from qfusion.analysis.cohort import slices as measured
from qfusion.analysis.cohort import wrong as misled
from qfusion.analysis.cohort.cohort_measures import QUARTERS
from qfusion.analysis.levels import Levels
from qfusion.analysis.subject import Workspace
from qfusion.explain import cohorts
from qfusion.explain.stability import LEVEL
from qfusion.figures.draw.many import slices as figures
from qfusion.figures.style import Theme
from qfusion.panels.core import allowed as say
from qfusion.panels.core.panel import Panel, Picture, word
from qfusion.panels.core.view import View

_INTERVAL = "95 % score intervals (Wilson)"


def slices(levels: Levels, theme: Theme = "light", *, by: str = "") -> Picture:
    """How often the model is wrong in every slice.

    Args:
        levels: all samples, a cohort, one sample.
        theme: of the figure.
        by: what the samples are sliced by, see `slices.kinds`; the first unless told.
    """
    by = by or measured.kinds(levels.work, levels.rows)[0]
    found = measured.slices(levels, by)[: measured.MAX_SLICES]
    wrong, count = sum(each.wrong for each in found), sum(each.count for each in found)
    overall = wrong / max(count, 1)
    own = cohorts.written(measured.left_out(levels, by))
    names = [each.name.replace("+", " + ") for each in found]
    return Picture(
        "slices",
        _finding(found, overall, bool(levels.work.classes))
        + (f"; without the filter's own {text.plain(own)}" if own else ""),
        figures.rates(
            names,
            [(each.wrong, each.count) for each in found],
            pd.DataFrame([(e.rate, e.low, e.high) for e in found]).to_numpy().reshape(-1, 3),
            overall,
            axis="error rate"
            if levels.work.classes
            else "part with an error of the largest quarter",
            theme=theme,
        ),
        shows=f"the samples of {text.plain(levels.split)} that pass the filter"
        + (f" but for its own {text.plain(own)}" if own else "")
        + ", by "
        f"{text.plain(by.removesuffix(QUARTERS))}"
        + (" in quarters" if by.endswith(QUARTERS) else "")
        + f", with {_INTERVAL}{_clusters(levels)}; "
        f"{_what_counts(levels)} "
        "Orange: the whole interval lies above the rate of all. Click a slice to make it the cohort.",
        not_shown="why a slice is harder; with many slices some orange one may stand out by chance: the title allows "
        "for their number.",
        alt="Error rates: "
        + ", ".join(f"{e.name} {e.rate:.2f} of {e.count}" for e in found[:8])
        + ".",
        table=lambda: pd.DataFrame(
            [
                {
                    "slice": e.name,
                    "filter": "; ".join(map(str, e.parts)),
                    "samples": e.count,
                    "errors": e.wrong,
                    "error_rate": e.rate,
                    "low": e.low,
                    "high": e.high,
                    "mean_error": e.error,
                }
                for e in found
            ]
        ),
    )


def _clusters(levels: Levels) -> str:
    """What intervals count besides rows."""
    clusters = levels.work.dataset.clusters
    return (
        ""
        if clusters is None
        else (f", widened for the {clusters.said(levels.places(levels.rows))} that the rows share")
    )


def _finding(found: list[measured.Slice], overall: float, classes: bool) -> str:
    """Which slice is worse than all beyond chance, if one is, although it was picked for being so: its score lies
    beyond that of a 95 % interval for all slices together (Bonferroni).

    Args:
        found: the slices. overall: the rate of errors of all of them, 0 to 1.
        classes: whether an error is a wrong class.
    """
    if not found:
        return "No sample to slice"
    what = "wrong" if classes else "large errors"
    if len(found) == 1:
        return f"All samples are in one slice ({share(overall)} {what})"
    worst = max(found, key=lambda each: _score(each, overall))
    if _score(worst, overall) <= ndtri(1 - (1 - LEVEL) / 2 / len(found)):
        return f"No slice is worse than all beyond chance ({share(overall)} {what}, {len(found)} slices looked at)"
    return (
        f"‘{text.plain(worst.name)}’ {'is wrong' if classes else 'has large errors'} more often: "
        f"{share(worst.rate)} ({share(worst.low)} to {share(worst.high)}), all {share(overall)}; beyond chance "
        f"among {len(found)} slices"
    )


def _score(each: measured.Slice, overall: float) -> float:
    """How many standard errors a slice's rate lies above the rate of all, in the slice's own number of samples: that
    number follows from its interval, which is narrower the more independent samples it has."""
    if not 0 < each.low < each.rate or not 0 < overall < 1:
        return 0.0
    size = (float(ndtri(0.5 + LEVEL / 2)) / (each.rate - each.low)) ** 2 * each.low * (1 - each.low)
    return (each.rate - overall) * math.sqrt(size / (overall * (1 - overall)))


def _what_counts(levels: Levels) -> str:
    if levels.work.classes:
        return "an error is another class than annotated."
    return f"an error is one of at least {measured.limit(levels):.3g}, the largest quarter of all."


def worst(levels: Levels, theme: Theme = "light") -> Picture:
    """The cohort's samples with the largest errors.

    Args:
        levels: all samples, a cohort, one sample. theme: of the figure.
    """
    found, work = measured.worst(levels), levels.work
    names = [_said(name, row, bool(work.classes)) for name, row in found.rows.iterrows()]
    kind = (
        "loss, −ln softmax of the true class (nats)"
        if work.classes
        else f"residual ({work.unit_of(0)})"
    )
    title = worst_of(
        dict(zip(map(str, found.rows.index), found.values.tolist(), strict=True)),
        bool(work.classes),
    )
    ids = found.rows.index.tolist()
    return Picture(
        "worst",
        title,
        figures.worst(
            names,
            found.values,
            axis=kind,
            theme=theme,
            chosen=ids.index(levels.sample.id) if levels.sample.id in ids else None,
        ),
        shows=f"the {len(names)} samples of the {text.plain(levels.name)} with the largest "
        + ("loss" if work.classes else "residual, prediction minus annotation")
        + ": annotated → predicted. "
        "Click a bar to open it.",
        not_shown="whether the annotation is right.",
        alt="Largest errors: "
        + "; ".join(
            f"{name} {value:.2f}" for name, value in zip(names[:5], found.values[:5], strict=False)
        )
        + ".",
        table=lambda: (
            found.rows[["truth", "prediction", "error"]]
            .assign(**{"loss" if work.classes else "residual": found.values})
            .reset_index()
        ),
    )


def worst_of(values: Mapping[str, float], classes: bool) -> str:
    """Which samples have the largest error: the loss of classes, else the residual, with its sign; by sample."""
    first = top(sizes(values))
    if not first:
        return "No sample of this cohort"
    if round(abs(values[first[0]]), 2) == 0:
        return f"No sample of this cohort has a {'loss' if classes else 'residual'} of 0.01 or more"
    said = f"loss {values[first[0]]:.2f}" if classes else f"residual {values[first[0]]:+.2f}"
    if len(first) == 1:
        return f"Sample {text.plain(first[0])} has the largest error: {said}"
    size = abs(values[first[0]])
    return f"{len(first)} samples have the largest error, alike: {'loss' if classes else 'residual'} {size:.2f}"


def _said(name: object, row: pd.Series, classes: bool) -> str:
    if classes:
        return f"{name}: {row['truth']} → {row['prediction']}"
    return f"{name}: {row['truth']:+.2f} → {row['prediction']:+.2f}"


def wrong(levels: Levels, theme: Theme = "light") -> Picture:
    """The wrong decisions of a cohort with the term that pulled each the wrong way, as a table: it has no figure.

    Args:
        levels: all samples, a cohort, one sample. theme: of no use.
    """
    found, work = misled.wrong(levels), levels.work
    about = _WRONG[found.kind]
    kinds = [
        part.values for part in levels.parts if part.column == "relation" and part.operator == "="
    ]
    conflicts = kinds == [("conflict",)]
    return Picture(
        "wrong",
        right_without(
            len(found.rows), int(found.right.sum()), found.kind, conflicts, found.by_chance
        ),
        None,
        lead=misled_by(found.terms.tolist()),
        shows=f"the samples of the {text.plain(levels.name)} {about.what}, the largest error first. Misleading: the "
        f"contribution, of one modality or joint, that pulls furthest {about.way}. Without it: "
        f"{about.left}. "
        + backgrounds.against(work.bulk_background)
        + (
            f" A large error is at least {measured.limit(levels):.3g}, the largest quarter of all."
            if found.kind == misled.LARGE
            else ""
        )
        + (
            " Samples with truth 0 have no sign and are not counted."
            if found.kind == misled.SIGN
            else ""
        ),
        not_shown="what the model would decide without that modality: leaving a contribution out is arithmetic on the "
        "explanation, not an intervention. It is picked knowing the annotation, so leaving it out always "
        f"moves {about.moves}, and some decisions turn right for that alone.",
        alt=f"Table of {len(found.rows)} wrong decisions; {int(found.right.sum())} are right without their most "
        "misleading term.",
        table=lambda: misled_table(found, work.classes),
    )


class _About(NamedTuple):
    """What is said of decisions that are wrong in one thing."""

    what: str
    has: str
    right: str
    way: str
    left: str
    moves: str


_FROM_TRUTH = (
    "from the annotation towards the prediction",
    "the score minus that contribution",
    "the score towards the annotation, or beyond it",
)
_WRONG = {
    misled.CLASS: _About(
        "of the wrong class",
        "is of the wrong class",
        "be of the right one",
        "towards the predicted and away from the true class",
        "the class with the largest score minus that contribution",
        "the scores towards the annotated class",
    ),
    misled.SIGN: _About(
        "with the wrong sign", "has the wrong sign", "have the right one", *_FROM_TRUTH
    ),
    misled.LARGE: _About(
        "with a large error", "has a large error", "have a small one", *_FROM_TRUTH
    ),
}


def right_without(
    count: int, right: int, kind: str, conflicts: bool = False, by_chance: float | None = None
) -> str:
    """How many wrong decisions are right without their most misleading term.

    Args:
        count: of wrong decisions. right: how many of them are right without it. kind: what they are wrong in.
        conflicts: whether all of them are conflicts.
        by_chance: how many are right without a term drawn at random, on average; it is said where it is told.
    """
    about, noun = _WRONG[kind], "conflict" if conflicts else "sample"
    if not count:
        return f"No {noun} of this cohort {about.has}"
    if count == 1:
        return (
            f"The one {noun} {about.what} would {'' if right else 'not '}{about.right} without its most misleading "
            "term"
        )
    some = f"{right:,}" if right else "none"
    control = "" if by_chance is None else f", {by_chance:.1f} without one at random"
    return f"Of {count:,} {noun}s {about.what}, {some} would {about.right} without their most misleading term{control}"


def misled_by(terms: Sequence[str]) -> str:
    """How often every term misled the most; empty where there are no samples."""
    counts = Counter(terms)
    nothing = counts.pop("", 0)
    parts = []
    if counts:
        said = [f"{text.term(name)} in {number:,}" for name, number in counts.most_common()]
        parts.append(f"Misled by {listed(said)}.")
    if nothing:
        parts.append(f"In {nothing:,} no term pulls the wrong way.")
    return " ".join(parts)


def misled_table(found: misled.Wrong, classes: Sequence[str]) -> pd.DataFrame:
    """The wrong decisions as a table: id, relation, truth, prediction, the term, its pull, what is decided without it
    and whether that is right."""
    without = np.array(classes, dtype=object)[found.without] if classes else found.without
    return (
        found.rows[["relation", "truth", "prediction"]]
        .assign(
            misleading=found.terms,
            pull=found.pulls,
            without_it=without,
            right_without_it=np.where(found.right, "yes", "no"),
        )
        .reset_index()
    )


def some(levels: Levels, **_: object) -> bool:
    """Whether there is a sample."""
    return len(levels.rows) > 0


def allowed(view: View, work: Workspace) -> dict[str, say.Allowed]:
    """What an address may say of the slices."""
    table = cohort_measures.cohort_table(work, None)
    return {
        "slice": say.options("Slices", measured.kinds(work, table), "The first grouping is shown.")
    }


_SLICES = {
    "slices": Panel(slices, {"by": word("slice")}, fits=some, subject="levels"),
    "worst": Panel(worst, fits=some, subject="levels"),
    "wrong": Panel(wrong, fits=some, subject="levels"),
}
