"""The test metrics, one sentence each."""

from collections.abc import Iterable

from qfusion.training.metrics import find_convention

METRICS: dict[str, str] = {
    "acc2_non0": "Share of samples with non-zero truth whose sign is predicted correctly (> 0 against < 0).",
    "f1_non0": "Weighted F1 of the sign, over samples with non-zero truth.",
    "acc2_has0": "Share of all samples on the correct side, zero counted as positive (>= 0).",
    "f1_has0": "Weighted F1 of the side, zero counted as positive, over all samples.",
    "acc5": "Share of correct predictions after clipping to [-2, 2] and rounding to whole numbers.",
    "acc7": "Share of correct predictions after clipping to [-3, 3] and rounding to whole numbers.",
    "mae": "Mean absolute error, in units of the score.",
    "corr": "Pearson correlation of prediction and truth.",
    "r2": "Share of the truth's variance that the prediction explains.",
    "acc2": "Share of samples on the correct side after clipping to [-1, 1]: at most 0, or above.",
    "acc3": "Share of correct predictions of three classes after clipping to [-1, 1]: cuts at -0.1 and 0.1.",
    "sign": "Share of samples with non-zero truth whose sign is predicted correctly.",
    "accuracy": "Share of samples whose class is predicted correctly.",
    "f1": "F1 score, averaged over the classes with equal weight.",
    "nll": "Mean negative log-likelihood of the true class, in nats.",
}
# Metrics with another definition in the convention of CH-SIMS.
SIMS_METRICS: dict[str, str] = {
    "acc5": (
        "Share of correct predictions of five classes after clipping to [-1, 1]: cuts at -0.7, -0.1, 0.1 and 0.7."
    ),
    "f1": "F1 score of the two sides of Acc-2, weighted by how often each is true.",
    "mae": "Mean absolute error after clipping to [-1, 1], in units of the score.",
    "corr": "Pearson correlation of prediction and truth after clipping to [-1, 1].",
}


def describe_metric(key: str, measured: Iterable[str] = ()) -> str:
    """Return the definition of a metric in one sentence; empty if it is unknown.

    Args:
        key: of the metric.
        measured: keys of the metrics that were measured with it; they identify the convention.
    """
    if find_convention(measured) == "sims" and key in SIMS_METRICS:
        return SIMS_METRICS[key]
    return METRICS.get(key, "")
