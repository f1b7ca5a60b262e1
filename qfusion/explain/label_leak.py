"""A modality whose features seem to have been made with the labels of training rows.

Features of a network that was trained on the labels predict held-out training rows far better than test rows.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from qfusion.data import DataSet, shared_content
from qfusion.explain import baseline_models
from qfusion.explain.baseline_models import LINEAR, TINY, loss, predict_outputs
from qfusion.explain.task_features import (
    FEWEST,
    LEARNT,
    ROWS,
    UNSEEN,
    draw_rows,
    pool_features,
    principal_components,
)

LEAK = 0.15  # excess loss of test rows that is a leak, as a share of the loss of the base rate


@dataclass(frozen=True)
class LabelLeak:
    """Features of a modality that seem to have been made with the labels of training rows.

    Attributes:
        modality: name. outside, inside: losses of test rows and of training rows that were held out.
        rows: number of test rows.
    """

    modality: str
    outside: float
    inside: float
    rows: int


def find_label_leak(dataset: DataSet, rows: int = ROWS) -> LabelLeak | None:
    """Return the modality whose features seem to have been made with the labels of training rows, or None.

    A linear model of each modality is fitted to half of the training rows and predicts the other half and the test
    rows. If it predicts the test rows much worse, held-out training rows overstate the information of the modality.
    """
    training = draw_rows(dataset.rows(LEARNT), rows)
    test = draw_rows(dataset.rows(UNSEEN), rows)
    if len(np.unique(dataset.y[training[::2]])) < 2 or len(test) < FEWEST:
        return None
    both = np.concatenate([training, test])
    y = dataset.y[both]
    classes = len(dataset.target.classes)
    limit = LEAK * _target_spread(y, classes)
    for name in dataset.names:
        values = pool_features(dataset, name, both)
        if not np.ptp(values, axis=0).any():
            continue  # features that are all the same tell no label
        inside, outside = _held_out_losses(values, y, len(training), classes)
        if outside - inside > limit:
            return LabelLeak(name, outside, inside, len(test))
    return None


def _held_out_losses(
    values: np.ndarray, y: np.ndarray, training: int, classes: int
) -> tuple[float, float]:
    """Return the losses of held-out training rows and of test rows, by a linear model of every other training row.

    Args:
        values: features of training and test rows, (N, F). y: targets, (N,). training: number of training rows.
    """
    learn = np.arange(0, training, 2)
    inside = np.arange(1, training, 2)
    outside = np.arange(training, len(y))
    contents = shared_content.number_contents(values)
    new = ~np.isin(contents, contents[learn])
    if (
        min(new[inside].sum(), new[outside].sum()) >= FEWEST
    ):  # features of few values have no new rows
        inside = inside[new[inside]]
        outside = outside[new[outside]]
    X = principal_components(values)
    model = baseline_models.make_model(LINEAR, classes)
    with warnings.catch_warnings(action="ignore"):  # a fit that stops before it converges
        model.fit(X[learn], y[learn])
    outputs = predict_outputs(model, X, classes)
    return loss(outputs[inside], y[inside]), loss(outputs[outside], y[outside])


def _target_spread(y: np.ndarray, classes: int) -> float:
    """Return the loss of the base rate: the entropy of classes (nats), or the variance of a number."""
    if not classes:
        return float(y.var())
    rates = np.bincount(y, minlength=classes) / len(y)
    return loss(np.log(rates + TINY)[None], y)
