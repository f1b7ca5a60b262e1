"""References to a sample, its explained class and the accuracy of its states, as Markdown."""

import math
from typing import Any

from qfusion.analysis import sample_evolution
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.analysis.text import escape_markdown

SAMPLE = " Computed for sample {sample}."
CLASS = " for ‘{name}’"
CLASS_AGAINST = " for ‘{name}’ rather than ‘{reference}’"
INTEGRATION_ERROR = (
    "Integration error of an element of ρ(t): at most {error:.0e} at any time shown."
)
SOFTMAX = "softmax {value}"
CALIBRATION = (
    "Softmax, not calibrated: expected calibration error {error:.3f} on {samples:,} test samples."
)
CALIBRATION_UNKNOWN = "Softmax, not calibrated; its calibration error is not measured here."


def cite_sample(sample: Sample) -> str:
    """Return a sentence that names the sample of a figure; it follows another sentence."""
    return SAMPLE.format(sample=escape_markdown(sample.id))


def name_explained_class(sample: Sample) -> str:
    """Return the explained class as the end of a title; empty for a regression."""
    study = sample.study
    if not study.classes:
        return ""
    name = escape_markdown(study.classes[sample.output])
    if study.reference is None:
        return CLASS.format(name=name)
    reference = escape_markdown(study.classes[study.reference])
    return CLASS_AGAINST.format(name=name, reference=reference)


def cite_states(sample: Sample) -> str:
    """Return sentences that name the sample of a figure of states over time, and their integration error."""
    error = describe_integration_error(sample.study, sample.row, sample.tweak)
    return f"{cite_sample(sample)} {error}"


def describe_integration_error(study: Study, row: int, tweak: Any) -> str:
    """Return the bound on the integration error of a sample's states, rounded up to one digit."""
    _, error = sample_evolution.solve_states(study, row, tweak)
    error = max(error, 1e-15)
    unit = 10.0 ** math.floor(math.log10(error))
    return INTEGRATION_ERROR.format(error=math.ceil(error / unit) * unit)


def describe_softmax(value: float) -> str:
    """Return a softmax value: `softmax 0.998`. It is not called a probability, as it need not be calibrated."""
    return SOFTMAX.format(value=format_probability(value))


def format_probability(value: float) -> str:
    """Return a probability with three digits: `"0.981"`, or `"> 0.999"` or `"< 0.001"` at the ends."""
    if value >= 0.9995:
        return "> 0.999"
    if value < 0.0005:
        return "< 0.001"
    return f"{value:.3f}"


def describe_calibration(study: Study) -> str:
    """Return the calibration error of a classifier on its test samples, or that it is not measured."""
    error = study.calibration_error
    if error is None:
        return CALIBRATION_UNKNOWN
    return CALIBRATION.format(error=error, samples=len(study.dataset.rows("test")))
