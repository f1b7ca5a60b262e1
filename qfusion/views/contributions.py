"""The decision on one sample: prediction, contributions and Shapley values."""

import pandas as pd

from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.figures import decision_charts, evidence_fusion, result_tables
from qfusion.views import View
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


def verdict(sample: Sample) -> View:
    """The prediction against truth: on the range of the target, or as softmax of the classes."""
    return _predicted_class(sample) if sample.study.classes else _predicted_number(sample)


def _predicted_number(sample: Sample) -> View:
    study = sample.study
    prediction = float(study.scores[sample.row, 0])
    label = sample.target
    low, high = study.scale
    if study.reads_features:
        mark, what, called = "prediction", "score", "Predicted"
    else:
        mark = what = study.quantity
        called = what.capitalize()
    if label is None:
        end, says = "; no truth is known", "no truth"
    else:
        end, says = f", annotated {label:+z.2f}", f"truth {label:.2f}"
    split = study.dataset.split[sample.row]
    return View(
        decision_charts.target_scale(label, prediction, low, high, unit=sample.unit, name=mark),
        f"{called} {prediction:+z.2f}{end}",
        caption=f"the {what} of this {split} sample beside its annotation, where there is one.",
        limits="how certain the model is; its typical test error is on the Overview page.",
        table=pd.DataFrame({"sample": [sample.id], "truth": [label], "prediction": [prediction]}),
        alternative=f"Scale from {low:g} to {high:g}: {says}, {mark} {prediction:.2f}.",
    )


def _predicted_class(sample: Sample) -> View:
    study = sample.study
    truth = sample.true_class
    predicted = int(study.predicted[sample.row])
    p = study.probabilities[sample.row]
    name = study.classes[predicted]
    if truth is None:
        end, says = "no truth is known", "no true class is known"
    else:
        true_name = study.classes[truth]
        end = (
            "correctly" if truth == predicted else f"but it is ‘{text.escape_markdown(true_name)}’"
        )
        says = f"true class {true_name} {p[truth]:.2f}"
    classes = evidence_fusion.describe_drawn_classes(study.classes, truth)
    split = study.dataset.split[sample.row]
    return View(
        evidence_fusion.class_bars(p, study.classes, truth=truth),
        f"Predicted ‘{text.escape_markdown(name)}’: {describe_softmax(p[predicted])}, {end}",
        caption=f"{classes} of this {split} sample; the dark bar is the prediction. {describe_calibration(study)}",
        limits="the probability of being right: see the calibration on the Cohorts page.",
        table=result_tables.classes_table(sample, study.scores[sample.row], p),
        alternative=f"Softmax: predicted {name} {p[predicted]:.2f}, {says}.",
    )


def waterfall(sample: Sample) -> View:
    """The decision, term by term."""
    judged = sample.untweaked.verdict
    dividends = dict(judged.dividends)
    errors = sample.untweaked.term_errors
    standard_error = describe_standard_error(sample.explanation, sample.output)
    whiskers = " Whiskers: 95% intervals of the terms." if errors else ""
    terms = ", ".join(f"{term or 'baseline'} {value:+.2f}" for term, value in dividends.items())
    return View(
        decision_charts.waterfall(
            dividends,
            sample.modalities,
            truth=sample.target,
            errors=errors or None,
            unit=sample.unit,
            quantity=sample.quantity,
        ),
        answers.title_decision(judged, sample),
        caption=f"the exact sum baseline + single modalities + joint terms (hatched) = {sample.quantity}."
        f"{cite_sample(sample)} {describe_baseline(sample.background)}{standard_error}{whiskers}",
        limits="the cause of the annotation, only the computation of this model.",
        table=_terms_table(sample),
        alternative=f"Waterfall: {terms}.",
        lead=f"**Which modality decided this?** {answers.answer_decision(sample.untweaked)}  \n"
        f"**Did the modalities conflict?** {answers.answer_conflict(sample.untweaked)}",
    )


def _terms_table(sample: Sample) -> pd.DataFrame:
    """Return the terms of a decision, with the planted ones and the errors that are known of them."""
    judged = sample.untweaked.verdict
    table = result_tables.terms_table(judged.dividends, sample=sample.id)
    truth = sample.true_dividends
    if truth is not None:
        table["true_dividend"] = [truth.get(term) for term in judged.dividends]
    errors = sample.untweaked.term_errors
    if errors:
        table["standard_error"] = [errors.get(term) for term in judged.dividends]
    if judged.seeds:
        table["within_spread"] = [term in judged.within_spread for term in judged.dividends]
    return table


def shapley(sample: Sample) -> View:
    """Shapley values and shares."""
    values = sample.untweaked.shapley
    shares = sample.untweaked.shares
    numbers = ", ".join(f"{name} {value:+.2f}" for name, value in values.items())
    return View(
        decision_charts.shapley_bars(values, shares, sample.modalities, unit=sample.unit),
        answers.title_leader(sample.untweaked) + name_explained_class(sample),
        caption="each modality's fair share of this sample's decision: its own term plus an equal part of every joint "
        "term it takes part in; in brackets its part of the absolute total (MM-SHAP). "
        f"{describe_comparison(sample.background)}",
        limits="which words, sounds or pixels mattered inside a modality.",
        table=pd.DataFrame(
            {
                "sample": sample.id,
                "modality": list(values),
                "shapley": list(values.values()),
                "share": [shares[name] for name in values],
            }
        ),
        alternative=f"Shapley values: {numbers}.",
    )
