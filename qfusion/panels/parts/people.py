"""A model beside people's labels of single modalities, on Faithfulness; and one sample beside its own, on Samples.

Contributions are against the training set on Faithfulness, whatever the background of the subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._sentences import listed
from qfusion.analysis import backgrounds, text
from qfusion.analysis.cohort import beside_people, faithful
from qfusion.analysis.sample import Sample
from qfusion.analysis.subject import Workspace
from qfusion.explain import people as found_people
from qfusion.explain.people import Alone, Beside
from qfusion.explain.stability import Interval
from qfusion.figures.draw import people as people_figures
from qfusion.figures.style import GREY, Theme, term_colour
from qfusion.panels.core import allowed as say
from qfusion.panels.core.panel import Panel, Picture, within, word
from qfusion.panels.core.view import View
from qfusion.panels.faithfulness import _PROOFS, PEOPLE, VIEWS, _allowed_proofs

OTHER = "proof.with"
SHUFFLED = "shuffled labels, 95 %"


def has_labels(work: Workspace, **_: Any) -> bool:
    """Whether there are labels of single modalities to compare with: the target is a number, as they are."""
    return beside_people.labels_of(work) is not None


def is_labelled(sample: Sample, **_: Any) -> bool:
    """Whether the sample has a label of a modality, and the target is a number."""
    labels = beside_people.labels_of(sample.work)
    return labels is not None and bool(labels.table.iloc[sample.row].notna().any())


def alone(work: Workspace, theme: Theme = "light", *, other: str = "") -> Picture:
    """Rank correlation of own terms and labels, by modality; only of data with labels of single modalities.

    Args:
        work: a model on its data.
        theme: of the figure.
        other: a second model of the same data, to compare with; none unless told.
    """
    work, found = faithful.as_trained(work), _found(work)
    whose, series = _whose(work), {work.name: [each.rank for each in found.alone]}
    words, tables = "", [found.frame().assign(model=work.name)]
    if other:
        second = beside_people.second(work, other)
        theirs = _found(second)
        series[other] = [each.rank for each in theirs.alone]
        words = (
            " "
            + found_people.closer(
                beside_people.closer(work, second),
                text.plain(work.name),
                text.plain(other),
                whose,
                text.plain,
            )
            + f", both on the same samples{_taught(work, second)}."
        )
        tables.append(theirs.frame().assign(model=other))
    names = [each.modality for each in found.alone]
    return Picture(
        "people-alone",
        found_people.follows(found.alone, whose, text.plain),
        people_figures.dots(
            names,
            {name: _numbers(values) for name, values in series.items()},
            hues=[term_colour(name, work.modalities) for name in names],
            x_title=f"rank correlation of own term and {whose}",
            band=np.array([(e.shuffled["rank"].low, e.shuffled["rank"].high) for e in found.alone]),
            band_name=SHUFFLED,
            theme=theme,
        ),
        shows=f"how far each modality's own term orders {_samples(work, found)} as {whose} of that modality do "
        f"(ρ, Spearman's rank correlation; {_how(work)}). Grey: where 95 % of {found_people.SHUFFLES} shuffles "
        f"of the labels lie. {backgrounds.against(work.background)}{words}",
        not_shown="whether people or the model are right; a term may carry what people hear in another modality.",
        alt="Rank correlation with labels: "
        + ", ".join(f"{e.modality} {e.rank.value:.2f}" for e in found.alone)
        + ".",
        table=lambda: pd.concat(tables, ignore_index=True),
    )


def calibration(work: Workspace, theme: Theme = "light") -> Picture:
    """Labels over own terms, with means of bins; only of data with labels of single modalities."""
    work, found = faithful.as_trained(work), _found(work)
    whose, bins = _whose(work), {each.modality: each.binned() for each in found.alone}

    def table() -> pd.DataFrame:
        ids = work.dataset.ids[faithful.explained(work)[0]]
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "sample": ids[each.places],
                        "modality": each.modality,
                        "term": each.term,
                        "label": each.label,
                    }
                )
                for each in found.alone
            ],
            ignore_index=True,
        )

    return Picture(
        "people-calibration",
        slopes(found.alone, whose),
        people_figures.calibration(
            {e.modality: e.term for e in found.alone},
            {e.modality: e.label for e in found.alone},
            {
                name: (each["term"].to_numpy(), each["label"].to_numpy())
                for name, each in bins.items()
            },
            work.modalities,
            notes={e.modality: f"n = {len(e.label):,}" for e in found.alone},
            x_title=f"own term in the model ({work.unit_of(0)})",
            y_title="hidden score" if whose != PEOPLE_SAY else "people's label",
            theme=theme,
        ),
        shows=f"each label of {_samples(work, found)} over the modality's own term; large dots are means of at most "
        f"{found_people.BINS} bins of as many samples. Of the labels that are not 0, the term has the sign of "
        f"{signs(found.alone)}. Slopes are those of least squares; {_how(work)}.",
        not_shown="that one is made of the other: labels and scores may have different units, so that a slope of 1 "
        "is no aim by itself.",
        alt="Labels over own terms: "
        + ", ".join(f"{e.modality} slope {e.slope.value:.2f}" for e in found.alone)
        + ".",
        table=table,
    )


def slopes(parts: Sequence[Alone], whose: str) -> str:
    """By how much labels rise with one unit of the own term, as a title."""

    def one(each: Alone) -> str:
        name = text.plain(each.modality)
        if not np.isfinite(each.slope.value):
            return f"not defined for {name} (n = {len(each.label):,})"
        interval = f" [{each.slope.low:+z.2f}, {each.slope.high:+z.2f}]" if each.slope.known else ""
        return f"{each.slope.value:+z.2f}{interval} for {name}"

    rest = (
        f" and so on for {len(parts) - found_people.NAMED} more"
        if len(parts) > found_people.NAMED
        else ""
    )
    said = listed([one(each) for each in parts[: found_people.NAMED]])
    return f"A unit of the own term goes with a change of {whose}: {said}{rest}"


def signs(parts: Sequence[Alone]) -> str:
    """How often own terms have the labels' signs, beside shuffled labels."""

    def one(each: Alone) -> str:
        name = text.plain(each.modality)
        if not np.isfinite(each.sign.value):
            return f"none in {name}"
        interval = f" [{each.sign.low:.0%}, {each.sign.high:.0%}]" if each.sign.known else ""
        control = each.shuffled["sign"]
        shuffled = (
            f"; shuffled {control.low:.0%} to {control.high:.0%}"
            if np.isfinite(control.low)
            else ""
        )
        return f"{each.sign.value:.0%}{interval} in {name} (n = {each.sign.n:,}{shuffled})"

    rest = (
        f"; {len(parts) - 2 * found_people.NAMED} more in the table"
        if len(parts) > 2 * found_people.NAMED
        else ""
    )
    return listed([one(each) for each in parts[: 2 * found_people.NAMED]]) + rest


def conflict(work: Workspace, theme: Theme = "light", *, other: str = "") -> Picture:
    """Verdicts of samples that people call conflicting, and of the others; only of data with labels of single
    modalities.

    Args:
        work: a model on its data.
        theme: of the figure.
        other: a second model of the same data, to compare with; none unless told.
    """
    work, found = faithful.as_trained(work), _found(work)
    whose, verdicts = _whose(work), list(found.rates)
    second = _found(beside_people.second(work, other)) if other else None
    tables = [found.rate_frame().assign(model=work.name)]
    words = ""
    if second is not None:
        words = f" By {text.plain(other)}: {_lower(found_people.meets(second, whose))}."
        tables.append(second.rate_frame().assign(model=other))
    series = {work.name: _numbers([rate.difference for rate in found.rates.values()])}
    if second is not None:
        series[other] = _numbers([rate.difference for rate in second.rates.values()])
    rest = (
        f" {found.samples - found.known:,} lack a label of some modality and are left out."
        if found.known < found.samples
        else ""
    )
    return Picture(
        "people-conflict",
        found_people.meets(found, whose),
        people_figures.dots(
            verdicts,
            series,
            hues=[GREY] * len(verdicts),
            x_title="share of samples where signs conflict, less that of the others",
            band=np.array(
                [(rate.shuffled.low, rate.shuffled.high) for rate in found.rates.values()]
            ),
            band_name=SHUFFLED,
            percent=True,
            theme=theme,
        ),
        shows=f"by how much more often the model's verdict is joint, conflict, or one of the two, of samples with both "
        f"signs among {whose} of their modalities and of the whole, than of the others: {found.conflicting:,} of "
        f"{found.known:,} test samples.{rest} Grey: where 95 % of {found_people.SHUFFLES} shuffles of the labels "
        f"lie; {_how(work)}.{words}",
        not_shown="what people would call the reason of a conflict; signs alone say that there is one.",
        alt="Difference of verdict rates: "
        + ", ".join(f"{name} {rate.difference.value:+.2f}" for name, rate in found.rates.items())
        + ".",
        table=lambda: pd.concat(tables, ignore_index=True),
    )


def of_sample(sample: Sample, theme: Theme = "light") -> Picture:
    """Own terms of one sample beside people's labels of its modalities; only of samples that have one."""
    work = sample.work
    labels = beside_people.labels_of(work)
    check(labels is not None, beside_people.lacking(work, f"The data set '{work.dataset.name}'"))
    assert labels is not None
    own, row = work.dividends(sample.row, 0), labels.table.iloc[sample.row]
    known = {str(name): float(value) for name, value in row.items() if np.isfinite(value)}
    terms = {name: own[name] for name in known}
    whole = float(work.dataset.y[sample.row]) if len(known) == len(row) else float("nan")
    lacks = [text.plain(str(name)) for name in row.index if name not in known]
    nothing = [np.nan, np.nan]
    series = {
        labels.whose: np.array([[value, *nothing] for value in known.values()]),
        "own term": np.array([[value, *nothing] for value in terms.values()]),
    }
    return Picture(
        "people",
        found_people.of_sample(known, terms, whole, labels.whose, text.plain),
        people_figures.dots(
            list(known),
            {name: values.reshape(-1, 3) for name, values in series.items()},
            hues=[term_colour(name, work.modalities) for name in known],
            x_title=f"label, and own term ({work.unit_of(0)})",
            theme=theme,
        ),
        shows=f"{labels.whose} of each modality alone, and what the modality adds on its own in this model"
        + (f"; nothing is known of {listed(lacks)}" if lacks else "")
        + ". "
        + backgrounds.against(sample.background),
        not_shown="that the two have one unit: the Faithfulness page says how they go together over many samples.",
        alt=", ".join(
            f"{name}: label {known[name]:+.2f}, own term {terms[name]:+.2f}" for name in known
        )
        + ".",
        table=lambda: pd.DataFrame(
            {
                "sample": sample.id,
                "modality": list(known),
                "label": list(known.values()),
                "own_term": list(terms.values()),
                "whole": float(work.dataset.y[sample.row]),
            }
        ),
    )


def numbers(work: Workspace) -> pd.DataFrame:
    """Numbers of own terms beside labels, a row a modality; see `Beside.frame`."""
    return _found(work).frame()


PEOPLE_SAY = "people's labels"


def _found(work: Workspace) -> Beside:
    found = beside_people.of(work)
    check(found is not None, beside_people.lacking(work, f"The data set '{work.dataset.name}'"))
    assert found is not None
    return found


def _whose(work: Workspace) -> str:
    labels = beside_people.labels_of(work)
    return PEOPLE_SAY if labels is None else labels.whose


def _numbers(found: Sequence[Interval]) -> np.ndarray:
    return np.array([(each.value, each.low, each.high) for each in found], dtype=float).reshape(
        -1, 3
    )


def _samples(work: Workspace, found: Beside) -> str:
    parts = [
        f"{len(each.label):,} in {text.plain(each.modality)}"
        for each in found.alone
        if len(each.label) < found.samples
    ]
    return f"{found.samples:,} test samples" + (f" (labelled: {', '.join(parts)})" if parts else "")


def _how(work: Workspace) -> str:
    clusters, rows = work.dataset.clusters, faithful.explained(work)[0]
    over = "samples" if clusters is None else clusters.said(rows)
    return f"95 % bootstrap intervals over {over}"


def _taught(*works: Workspace) -> str:
    """Which of the models had the labels as additional targets."""
    taught = [text.plain(work.name) for work in works if beside_people.taught(work)]
    return (
        f"; {listed(taught)} had the labels as additional targets while training"
        if taught
        else "; neither had the labels as targets"
    )


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def allowed(view: View, work: Workspace) -> dict[str, say.Allowed]:
    """What an address may say of the proofs, and of the second model."""
    return _allowed_proofs(work) | {
        OTHER: say.Allowed(
            lambda value: beside_people.require_second(work, value), "None is compared."
        )
    }


_OPEN, _OTHER = within("proof", VIEWS, PEOPLE), {"other": word(OTHER)}
PANELS = {
    **_PROOFS,
    "people-alone": Panel(alone, _OTHER, fits=has_labels, opens=_OPEN, subject="work"),
    "people-conflict": Panel(conflict, _OTHER, fits=has_labels, opens=_OPEN, subject="work"),
    "people-calibration": Panel(calibration, fits=has_labels, opens=_OPEN, subject="work"),
}
OF_SAMPLE = {"people": Panel(of_sample, fits=is_labelled)}
