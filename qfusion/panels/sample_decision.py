"""The decision on one sample: prediction, contributions and Shapley values."""

from typing import Any

import pandas as pd

from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.figures import decision_charts, evidence_fusion, result_tables, style
from qfusion.panels import panel
from qfusion.wording import answers
from qfusion.wording.backgrounds import (
    describe_baseline,
    describe_comparison,
    describe_standard_error,
)
from qfusion.wording.samples import (
    cite_sample,
    describe_calibration,
    describe_softmax,
    name_explained_class,
)


@panel.cached
def verdict(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the prediction against truth: on the range of the target, or as softmax of the classes."""
    study = sample.study
    row = sample.row
    if not study.classes:
        prediction = float(study.scores[row, 0])
        label = sample.target
        low, high = study.scale
        title, mark, what = f"Predicted {prediction:+z.2f}", "prediction", "score"
        if not study.reads_features:
            mark = what = study.quantity
            title = f"{what.capitalize()} {prediction:+z.2f}"
        if label is None:
            end, says = ("; no truth is known", "no truth")
        else:
            end, says = (f", annotated {label:+z.2f}", f"truth {label:.2f}")
        alt_text = f"Scale from {low:g} to {high:g}: {says}, {mark} {prediction:.2f}."

        def make_table() -> pd.DataFrame:
            return pd.DataFrame(
                {"sample": [sample.id], "truth": [label], "prediction": [prediction]}
            )

        return panel.PanelFigure(
            "verdict",
            f"{title}{end}",
            decision_charts.target_scale(
                label, prediction, low, high, unit=sample.unit, name=mark, theme=theme
            ),
            shows=f"the {what} of this {study.dataset.split[row]} sample beside its annotation, where there is one.",
            not_shown="how certain the model is; its typical test error is on the Overview page.",
            alt=alt_text,
            table=make_table,
        )
    truth = sample.true_class
    predicted = int(study.predicted[row])
    p = study.probabilities[row]
    end = "no truth is known"
    says = "no true class is known"
    if truth is not None:
        name = study.classes[truth]
        end = "correctly" if truth == predicted else f"but it is ‘{text.escape_markdown(name)}’"
        says = f"true class {name} {p[truth]:.2f}"
    title = f"Predicted ‘{text.escape_markdown(study.classes[predicted])}’: {describe_softmax(p[predicted])}, {end}"
    shows = (
        f"{evidence_fusion.describe_drawn_classes(study.classes, truth)} of this {study.dataset.split[row]} "
        "sample; "
        f"the dark bar is the prediction. {describe_calibration(study)}"
    )
    alt = f"Softmax: predicted {study.classes[predicted]} {p[predicted]:.2f}, {says}."

    def table() -> pd.DataFrame:
        return result_tables.classes_table(sample, study.scores[row], p)

    return panel.PanelFigure(
        "verdict",
        title,
        evidence_fusion.class_bars(p, study.classes, truth=truth, theme=theme),
        shows=shows,
        not_shown="the probability of being right: see the calibration on the Cohorts page.",
        alt=alt,
        table=table,
    )


@panel.cached
def waterfall(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the decision, term by term."""
    judged = sample.untweaked.verdict
    dividends = dict(judged.dividends)
    truth = sample.true_dividends
    more: dict[str, list[Any]] = {}
    if truth is not None:
        more["true_dividend"] = list(map(truth.get, dividends))
    errors = sample.untweaked.term_errors
    if errors:
        more["standard_error"] = list(map(errors.get, dividends))
    if judged.seeds:
        more["within_spread"] = [term in judged.within_spread for term in dividends]
    figure = decision_charts.waterfall(
        dividends,
        sample.modalities,
        truth=sample.target,
        errors=errors or None,
        unit=sample.unit,
        quantity=sample.quantity,
        theme=theme,
    )
    lead = (
        f"**Which modality decided this?** {answers.answer_decision(sample.untweaked)}  \n"
        f"**Did the modalities conflict?** {answers.answer_conflict(sample.untweaked)}"
    )
    shows = (
        f"the exact sum baseline + single modalities + joint terms (hatched) = {sample.quantity}."
        + cite_sample(sample)
        + " "
        + describe_baseline(sample.background)
        + describe_standard_error(sample.explanation, sample.output)
        + (" Whiskers: 95% intervals of the terms." if errors else "")
    )
    alt = (
        "Waterfall: "
        + ", ".join(f"{term or 'baseline'} {value:+.2f}" for term, value in dividends.items())
        + "."
    )

    def table() -> pd.DataFrame:
        return result_tables.terms_table(dividends, sample=sample.id).assign(**more)

    return panel.PanelFigure(
        "waterfall",
        answers.title_decision(judged, sample),
        figure,
        lead=lead,
        shows=shows,
        not_shown="the cause of the annotation, only the computation of this model.",
        alt=alt,
        table=table,
    )


@panel.cached
def shapley(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw Shapley values and shares."""
    values = sample.untweaked.shapley
    shares = sample.untweaked.shares
    alt = (
        "Shapley values: "
        + ", ".join(f"{name} {value:+.2f}" for name, value in values.items())
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "sample": sample.id,
                "modality": list(values),
                "shapley": list(values.values()),
                "share": [shares[name] for name in values],
            }
        )

    return panel.PanelFigure(
        "shapley",
        answers.title_leader(sample.untweaked) + name_explained_class(sample),
        decision_charts.shapley_bars(
            values, shares, sample.modalities, unit=sample.unit, theme=theme
        ),
        shows="each modality's fair share of this sample's decision: its own term plus an equal part of every joint "
        "term it takes part in; in brackets its part of the absolute total (MM-SHAP). "
        + describe_comparison(sample.background),
        not_shown="which words, sounds or pixels mattered inside a modality.",
        alt=alt,
        table=table,
    )
