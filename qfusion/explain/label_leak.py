"""Modalities whose features seem to have been made with the labels of training rows.

Features of a network that was trained on the labels predict held-out training rows far better than test rows. So do
features of test rows that were recorded with more noise. But noise leaves the differences between the features of
different labels, and spreads the rows about them, while in features that were made with labels the differences are
larger on training rows.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qfusion.data import DataSet
from qfusion.data.examine import shared_content
from qfusion.explain import baseline_models, bootstrap
from qfusion.explain.baseline_models import LINEAR, TINY, loss, predict_outputs, row_losses
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
FLATTER = 0.15  # share of the slope of scores over labels by which it is less on test rows
ERRORS = 3.0  # standard errors by which the excess loss must differ from 0
FEWEST_GROUPS = 10  # groups of training rows, such as videos, of which half are held out; of fewer, half of the rows


@dataclass(frozen=True)
class LabelLeak:
    """Features of a modality that seem to have been made with the labels of training rows.

    Attributes:
        modality: name. outside, inside: losses of test rows and of training rows that were held out.
        rows: number of test rows.
        base: loss of the base rate on all of these rows.
    """

    modality: str
    outside: float
    inside: float
    rows: int
    base: float

    @property
    def excess(self) -> float:
        """By how much the loss of test rows is larger."""
        return self.outside - self.inside


def find_label_leaks(dataset: DataSet, rows: int = ROWS) -> tuple[LabelLeak, ...]:
    """Return the modalities whose features seem to have been made with the labels of training rows, the one with the
    largest excess loss first.

    A linear model of each modality is fitted to half of the training rows and predicts the other half and the test
    rows. If it predicts the test rows much worse, and its scores rise less with the label there, held-out training rows
    overstate the information of the modality. Where the scores of one label spread less on test rows, as in quieter
    recordings, the slope is taken in units of this spread. The halves share no groups, such as videos, since rows of
    one group can predict each other without any leak.
    """
    training = draw_rows(dataset.rows(LEARNT), rows)
    test = draw_rows(dataset.rows(UNSEEN), rows)
    both = np.concatenate([training, test])
    is_held_out = _hold_out(dataset, training)
    learn = np.flatnonzero(~is_held_out)
    inside = np.flatnonzero(is_held_out)
    outside = len(training) + np.arange(len(test))
    y = dataset.y[both]
    if len(test) < FEWEST or len(np.unique(y[learn])) < 2:
        return ()
    clusters = None if dataset.clusters is None else dataset.clusters.numbers[both]
    classes = len(dataset.target.classes)
    base = _base_rate_loss(y, classes)
    leaks = []
    for name in dataset.names:
        values = pool_features(dataset, name, both)
        if not np.ptp(values, axis=0).any():
            continue  # features that are all the same tell no label
        seen, unseen = _select_new(values, learn, inside, outside)
        losses, scores, truth = _fit_linear_model(values, y, learn, classes)
        leak = LabelLeak(
            name, float(losses[unseen].mean()), float(losses[seen].mean()), len(test), base
        )
        if leak.excess <= LEAK * base:
            continue
        error = np.hypot(mean_error(losses, seen, clusters), mean_error(losses, unseen, clusters))
        if leak.excess > ERRORS * error and _rises_less(scores, truth, seen, unseen, clusters):
            leaks.append(leak)
    return tuple(sorted(leaks, key=lambda leak: -leak.excess))


def _hold_out(dataset: DataSet, training: np.ndarray) -> np.ndarray:
    """Return which training rows are held out, bool (n,): every second group, or every second row."""
    if dataset.clusters is not None:
        groups = np.unique(dataset.clusters.numbers[training, 0], return_inverse=True)[1]
        if groups.max(initial=0) >= FEWEST_GROUPS - 1:
            return groups % 2 == 1
    return np.arange(len(training)) % 2 == 1


def _select_new(
    values: np.ndarray, learn: np.ndarray, inside: np.ndarray, outside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of `inside` and `outside` whose features no learned row has, or all where these are few."""
    contents = shared_content.number_contents(values)
    is_new = ~np.isin(contents, contents[learn])
    if min(is_new[inside].sum(), is_new[outside].sum()) < FEWEST:
        return inside, outside  # features of few values have no new rows
    return inside[is_new[inside]], outside[is_new[outside]]


def _fit_linear_model(
    values: np.ndarray, y: np.ndarray, learn: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what a linear model that is fitted to the rows of `learn` gives for every row.

    Returns:
        losses: (n,). scores: linear in the features, (n, C). truth: 1 for the class of a score and 0 for others, or the
            number, (n, C).
    """
    X = principal_components(values)
    model = baseline_models.make_model(LINEAR, classes)
    with warnings.catch_warnings(action="ignore"):  # a fit that stops before it converges
        model.fit(X[learn], y[learn])
    losses = row_losses(predict_outputs(model, X, classes), y)
    if not classes:
        return losses, model.predict(X)[:, None], np.asarray(y, float)[:, None]
    scores = model.decision_function(X).reshape(len(X), -1)
    fitted = model.classes_[-scores.shape[1] :]  # of two classes the last one
    return losses, scores, (y[:, None] == fitted).astype(float)


def _rises_less(
    scores: np.ndarray,
    truth: np.ndarray,
    seen: np.ndarray,
    unseen: np.ndarray,
    clusters: np.ndarray | None,
) -> bool:
    """Return whether scores rise less with the truth on the rows of `unseen` than on those of `seen`, by `FLATTER` of
    the slope and by `ERRORS` standard errors."""
    products, rests = np.zeros(len(scores)), []
    for rows in (seen, unseen):
        own = scores[rows] - scores[rows].mean(0)
        of = truth[rows] - truth[rows].mean(0)
        variance = (of**2).sum(1).mean()
        if variance == 0:
            return False
        products[rows] = (own * of).sum(1) / variance
        rest = own - of @ np.linalg.lstsq(of, own, rcond=None)[0]
        rests.append(float(np.sqrt((rest**2).mean())))
    if rests[1] < rests[0]:
        products[unseen] *= rests[0] / max(rests[1], 1e-300)
    slope = products[seen].mean()
    errors = mean_error(products, seen, clusters), mean_error(products, unseen, clusters)
    return bool(slope - products[unseen].mean() > max(FLATTER * slope, ERRORS * np.hypot(*errors)))


def mean_error(values: np.ndarray, rows: np.ndarray, clusters: np.ndarray | None) -> float:
    """Return the standard error of the mean of some values; of few clusters from their means."""
    own = values[rows]
    groups = None if clusters is None else clusters[rows]
    interval = bootstrap.mean(own, clusters=groups)
    if interval.known:
        return standard_error(interval)
    if groups is not None:
        own = pd.Series(own).groupby(groups[:, 0]).mean().to_numpy()
    return float(own.std(ddof=1) / len(own) ** 0.5) if len(own) > 1 else np.inf


def standard_error(mean: bootstrap.Interval) -> float:
    """Return the standard error of a mean; NaN where it is unknown."""
    return (mean.high - mean.low) / (2 * bootstrap.NORMAL)


def _base_rate_loss(y: np.ndarray, classes: int) -> float:
    """Return the loss of the base rate: the entropy of classes (nats), or the variance of a number."""
    if not classes:
        return float(y.var())
    rates = np.bincount(y, minlength=classes) / len(y)
    return loss(np.log(rates + TINY)[None], y)
