"""A model beside people's labels of single modalities, on Faithfulness, and one sample beside its own, on Samples."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check_present
from qfusion._sentences import listed
from qfusion.figures import model_charts, style
from qfusion.plugins.people.labels import label_comparison, term_agreement, unimodal_labels
from qfusion.plugins.people.labels.words import (
    MAX_NAMED,
    describe_label_trends,
    describe_model_trends,
    describe_sample_labels,
    describe_verdict_trend,
    explain_missing_labels,
)
from qfusion.study import text, trust
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views.view import View
from qfusion.views.words.decisions import describe_comparison
from qfusion.views.words.rules import describe_resampling

# A model beside people's labels of single modalities, on Faithfulness; and one sample beside its own, on Samples.

SHUFFLED = "shuffled labels, 95%"


def has_labels(study: Study, **_: Any) -> bool:
    """Return whether there are labels of single modalities to compare with. The target must be a number, as these
    labels are.
    """
    return label_comparison.model_labels(study) is not None


def is_labelled(sample: Sample, **_: Any) -> bool:
    """Return whether the sample has a label of a modality, and the target is a number."""
    labels = label_comparison.model_labels(sample.study)
    return labels is not None and bool(labels.table.iloc[sample.row].notna().any())


def rank_correlations(study: Study, *, other: str = "") -> View:
    """Draw the rank correlation of own terms and labels, by modality; only of data with labels of single modalities.

    Args:
        study: a model on its data.
        other: a second model of the same data, to compare with; none by default.
    """
    study, result = trust.with_training_background(study), _open_comparison(study)
    whose = _label_source(study)
    words = ""
    models = _compared_models(study, other)
    if other:
        second = label_comparison.second(study, other)
        trends = describe_model_trends(
            label_comparison.closer(study, second),
            text.escape_markdown(study.name),
            text.escape_markdown(other),
            whose,
            text.escape_markdown,
        )
        words = f" {trends}, both on the same samples{_describe_label_training(study, second)}."
    names = [entry.name for entry in result.alone]
    intervals = {
        name: model_charts.interval_ends(entry.rank for entry in one.alone)
        for name, one in models.items()
    }
    shuffled = [entry.shuffled["rank"] for entry in result.alone]
    figure = model_charts.interval_dots(
        names,
        intervals,
        hues=[style.term_colour(name, study.modalities) for name in names],
        x_title=f"rank correlation of own term and {whose}",
        band=np.array([(rank.low, rank.high) for rank in shuffled]),
        band_name=SHUFFLED,
    )
    shows = (
        f"the rank correlation (Spearman's ρ) over {_label_counts(study, result)} of each modality's "
        f"own term with {whose} of that modality ({_intervals(study)}). Grey: 95% range of "
        f"{term_agreement.SHUFFLES} shuffles of the labels. "
        f"{describe_comparison(study.explanation_background)}{words}"
    )
    alt = (
        "Rank correlation with labels: "
        + ", ".join(f"{e.name} {e.rank.value:.2f}" for e in result.alone)
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.concat(
            [one.frame().assign(model=name) for name, one in models.items()], ignore_index=True
        )

    return View(
        name="people-alone",
        title=describe_label_trends(result.alone, whose, text.escape_markdown),
        figure=figure,
        caption=shows,
        limits="Agreement does not say who is right. A term may contain information that people assign to another "
        "modality.",
        alternative=alt,
        table=table,
    )


def calibration(study: Study) -> View:
    """Draw labels over own terms, with means of bins; only of data with labels of single modalities."""
    study, result = trust.with_training_background(study), _open_comparison(study)
    whose = _label_source(study)
    bins = {entry.name: entry.bin_means() for entry in result.alone}
    ids = study.dataset.ids[trust.explained_test_rows(study)]
    terms = {entry.name: entry.term for entry in result.alone}
    labels = {entry.name: entry.label for entry in result.alone}
    means = {
        name: (entry["term"].to_numpy(), entry["label"].to_numpy()) for name, entry in bins.items()
    }
    notes = {name: f"n = {len(values):,}" for name, values in labels.items()}
    figure = model_charts.calibration(
        terms,
        labels,
        means,
        study.modalities,
        notes=notes,
        x_title=text.with_unit("own term in the model", study.score_unit(0)),
        y_title="people's label" if whose == PEOPLE_SAY else "hidden score",
    )
    shows = (
        f"each label of {_label_counts(study, result)} over the modality's own term; large dots are means of at most "
        f"{term_agreement.BINS} bins of as many samples. Of the labels that are not 0, the term has the sign of "
        f"{describe_sign_rates(result.alone)}. Slopes are those of least squares; {_intervals(study)}."
    )
    alt = (
        "Labels over own terms: "
        + ", ".join(f"{e.name} slope {e.slope.value:.2f}" for e in result.alone)
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "sample": ids[entry.places],
                        "modality": entry.name,
                        "term": entry.term,
                        "label": entry.label,
                    }
                )
                for entry in result.alone
            ],
            ignore_index=True,
        )

    return View(
        name="people-calibration",
        title=describe_slopes(result.alone, whose),
        figure=figure,
        caption=shows,
        limits="A slope of 1 is not expected: labels and terms may have different units.",
        alternative=alt,
        table=table,
    )


def describe_slopes(parts: Sequence[term_agreement.TermAgreement], whose: str) -> str:
    """Describe by how much labels rise with one unit of the own term, as a title."""

    def one(entry: term_agreement.TermAgreement) -> str:
        name = text.escape_markdown(entry.name)
        if not np.isfinite(entry.slope.value):
            return f"not defined for {name} (n = {len(entry.label):,})"
        if entry.slope.known:
            interval = f" [{entry.slope.low:+z.2f}, {entry.slope.high:+z.2f}]"
        else:
            interval = ""
        return f"{entry.slope.value:+z.2f}{interval} for {name}"

    rest = f" and so on for {len(parts) - MAX_NAMED} more" if len(parts) > MAX_NAMED else ""
    words = listed(list(map(one, parts[:MAX_NAMED])))
    return f"A unit of the own term goes with a change of {whose}: {words}{rest}"


def describe_sign_rates(parts: Sequence[term_agreement.TermAgreement]) -> str:
    """Describe how often own terms have the labels' signs, beside shuffled labels."""

    def one(entry: term_agreement.TermAgreement) -> str:
        name = text.escape_markdown(entry.name)
        if not np.isfinite(entry.sign.value):
            return f"none in {name}"
        interval = f" [{entry.sign.low:.0%}, {entry.sign.high:.0%}]" if entry.sign.known else ""
        chance = entry.shuffled["sign"]
        if np.isfinite(chance.low):
            shuffled = f"; shuffled {chance.low:.0%} to {chance.high:.0%}"
        else:
            shuffled = ""
        return f"{entry.sign.value:.0%}{interval} in {name} (n = {entry.sign.n:,}{shuffled})"

    most = 2 * MAX_NAMED
    rest = f"; {len(parts) - most} more in the table" if len(parts) > most else ""
    return listed(list(map(one, parts[:most]))) + rest


def conflict(study: Study, *, other: str = "") -> View:
    """Draw the verdicts of samples that people call conflicting, and of the others.

    Only of data with labels of single modalities.

    Args:
        study: a model on its data.
        other: a second model of the same data, to compare with; none by default.
    """
    study, result = trust.with_training_background(study), _open_comparison(study)
    whose = _label_source(study)
    verdicts = list(result.rates)
    models = _compared_models(study, other)
    words = ""
    if other:
        theirs = describe_verdict_trend(models[other], whose)
        words = f" By {text.escape_markdown(other)}: {theirs[:1].lower()}{theirs[1:]}."
    intervals = {
        name: model_charts.interval_ends(rate.difference for rate in one.rates.values())
        for name, one in models.items()
    }
    figure = model_charts.interval_dots(
        verdicts,
        intervals,
        hues=[style.GREY] * len(verdicts),
        x_title="share of samples where signs conflict, less that of the others",
        band=np.array([(rate.shuffled.low, rate.shuffled.high) for rate in result.rates.values()]),
        band_name=SHUFFLED,
        percent=True,
    )
    shows = (
        f"by how much more often the model's verdict is joint, conflict, or one of the two, of samples with both "
        f"signs among {whose} of their modalities and of the whole, than of the others: {result.conflicting:,} of "
        f"{result.known:,} test samples."
    )
    if result.known < result.samples:
        shows += (
            f" {result.samples - result.known:,} lack the label of a modality and are left out."
        )
    shows += f" Grey: where 95% of {term_agreement.SHUFFLES} shuffles of the labels lie; {_intervals(study)}.{words}"
    alt = (
        "Difference of verdict rates: "
        + ", ".join(f"{name} {rate.difference.value:+.2f}" for name, rate in result.rates.items())
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.concat(
            [one.rate_frame().assign(model=name) for name, one in models.items()],
            ignore_index=True,
        )

    return View(
        name="people-conflict",
        title=describe_verdict_trend(result, whose),
        figure=figure,
        caption=shows,
        limits="Signs show that there is a conflict, not its cause.",
        alternative=alt,
        table=table,
    )


def sample_labels(sample: Sample) -> View:
    """Draw the own terms of one sample beside people's labels of its modalities; only of samples that have one."""
    study = sample.study
    labels = check_present(
        label_comparison.model_labels(study),
        explain_missing_labels(
            label_comparison.find_missing_labels(study), f"The data set '{study.dataset.name}'"
        ),
    )
    own = study.dividends(sample.row, 0)
    row = labels.table.iloc[sample.row]
    known = {str(name): float(value) for name, value in row.items() if np.isfinite(value)}
    terms = {name: own[name] for name in known}
    whole = float(study.dataset.y[sample.row])
    lacks = [text.escape_markdown(str(name)) for name in row.index if name not in known]
    agreement = unimodal_labels.sample_agreement(
        known,
        terms,
        float("nan") if lacks else whole,
        sample.untweaked.verdict.within_spread,
    )
    title = describe_sample_labels(agreement, labels.description, text.escape_markdown)
    dots = {
        name: np.array([(value, np.nan, np.nan) for value in values.values()])
        for name, values in ((labels.description, known), ("own term", terms))
    }
    figure = model_charts.interval_dots(
        list(known),
        dots,
        hues=[style.term_colour(name, study.modalities) for name in known],
        x_title=text.with_unit("label, and own term", study.score_unit(0)),
    )
    shows = (
        f"{labels.description} of each modality alone, and the modality's own term in this model"
    )
    if lacks:
        shows += f"; nothing is known of {listed(lacks)}"
    shows += ". " + describe_comparison(sample.background)
    alt = (
        ", ".join(
            f"{name}: label {known[name]:+.2f}, own term {terms[name]:+.2f}" for name in known
        )
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "sample": sample.id,
                "modality": list(known),
                "label": list(known.values()),
                "own_term": list(terms.values()),
                "whole": whole,
            }
        )

    return View(
        name="people",
        title=title,
        figure=figure,
        caption=shows,
        limits="The two have no common unit: see the Faithfulness page for their relation over many samples.",
        alternative=alt,
        table=table,
    )


def agreement_table(study: Study) -> pd.DataFrame:
    """Return the comparison of own terms with labels, one row per modality; see `LabelAgreement.frame`."""
    return _open_comparison(study).frame()


PEOPLE_SAY = "people's labels"


def _open_comparison(study: Study) -> unimodal_labels.LabelAgreement:
    return check_present(
        label_comparison.compare_with_labels(study),
        explain_missing_labels(
            label_comparison.find_missing_labels(study), f"The data set '{study.dataset.name}'"
        ),
    )


def _compared_models(study: Study, other: str) -> dict[str, unimodal_labels.LabelAgreement]:
    """Return the comparison of a model with people and, if another model is given, the comparison of that model, by
    name.
    """
    return {study.name: _open_comparison(study)} | (
        {other: _open_comparison(label_comparison.second(study, other))} if other else {}
    )


def _label_source(study: Study) -> str:
    labels = label_comparison.model_labels(study)
    return PEOPLE_SAY if labels is None else labels.description


def _label_counts(study: Study, result: unimodal_labels.LabelAgreement) -> str:
    parts = [
        f"{len(entry.label):,} in {text.escape_markdown(entry.name)}"
        for entry in result.alone
        if len(entry.label) < result.samples
    ]
    sentence = f"{result.samples:,} test samples"
    if parts:
        sentence += f" (labelled: {', '.join(parts)})"
    return sentence


def _intervals(study: Study) -> str:
    return describe_resampling(study.dataset, trust.explained_test_rows(study))


def _describe_label_training(*studies: Study) -> str:
    """Return which of the models had the labels as additional targets."""
    taught = [
        text.escape_markdown(study.name)
        for study in studies
        if label_comparison.is_trained_on_labels(study)
    ]
    if taught:
        return f"; {listed(taught)} had the labels as additional targets while training"
    return "; neither had the labels as targets"
