"""Differences of two models with the uncertainty of training seeds and of test rows together.

A seed says how a result changes with another training, a test row how it changes with other data. The standard error of
a difference is the root of both squares together:

    error^2 = seeds^2 + rows^2

Seeds: the deviation of the differences of single seeds, divided by the root of their number. Rows, in one of two ways:

- "paired": where the outcomes of single test rows are kept. The differences row by row, means over seeds, are summed
  over the rows of one item (a video), and the deviation is that over items.
- "apart": where only the scores of whole runs are kept. The two results are taken as independent, each with the error
  that its number of items allows. Models on the same rows agree more than that, so these intervals are too wide rather
  than too narrow.

Items are what test rows share: 1,200 pairs that are made of 539 pictures hold 539 items. The interval is a t-interval
with the degrees of freedom of Satterthwaite (1946).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import comparisons
import numpy as np
import scipy
import torch

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.training import metrics

PAIRED, APART = "paired", "apart"
MEASURED = ("accuracy", "mae", "r2")  # metrics whose error over test rows is known
PSEUDO = 2  # right and wrong answers that are added before a binomial error is taken (Agresti and Coull 1998)
METHOD = (
    "difference over the seeds that both have; its standard error joins that over seeds and that over test rows; rows "
    "that share a picture, a recording or a video count once; t-intervals, degrees of freedom by Satterthwaite; beside "
    "the raw p the one after Holm's correction over a model's rivals on that data set; bound: the larger end, in size, "
    "of the 90 % interval"
)


@dataclass(frozen=True)
class Crossed(comparisons.Paired):
    """A difference over seeds and test rows.

    Attributes:
        seeds_error, rows_error: the two parts of its standard error. rows: how the second was found, "paired" or
            "apart". items: on how many independent test items it rests.
    """

    seeds_error: float
    rows_error: float
    rows: str
    items: int

    def record(self) -> dict[str, float | str | None]:
        """Returns the numbers for JSON, None where there is none."""
        numbers = comparisons.Mean.record(replace(self, rows=0.0))
        return {**numbers, "rows": self.rows}


def items_of(dataset: DataSet, rows: np.ndarray) -> np.ndarray | None:
    """Returns the item of every row, int64 (n,), where rows share one; None where every row is an item of its own.

    Rows may share two things, such as a picture and a recording. Then the one of which there are fewer is taken.
    """
    if dataset.clusters is None:
        return None
    labels = dataset.clusters.numbers[rows]
    columns = [np.unique(column, return_inverse=True)[1] for column in labels.T]
    return min(columns, key=lambda column: len(np.unique(column))).astype(np.int64)


def outcomes(model: torch.nn.Module, dataset: DataSet, rows: np.ndarray) -> np.ndarray:
    """Returns the outcome of every row, float64 (n,): 1 where the class is right, else 0; of a number the absolute
    error."""
    scores, target = metrics.predict(model, dataset, rows), dataset.y[rows]
    if dataset.target.kind == "classification":
        return (scores.argmax(1) == target).astype(float)
    return np.abs(scores[:, 0] - target)


def written(values: np.ndarray) -> str:
    """Returns outcomes as text: half precision, base 64."""
    return base64.b64encode(np.asarray(values, dtype="<f2").tobytes()).decode()


def read(text: str) -> np.ndarray:
    """Returns the outcomes that `written` has written, float64 (n,)."""
    return np.frombuffer(base64.b64decode(text), dtype="<f2").astype(float)


def crossed(
    ours: Sequence[float],
    theirs: Sequence[float],
    metric: str,
    items: int,
    own_rows: np.ndarray | None = None,
    rival_rows: np.ndarray | None = None,
    item_of_row: np.ndarray | None = None,
) -> Crossed:
    """Returns the difference of two models with its interval over seeds and test rows.

    Args:
        ours, theirs: the metric over the same seeds, two or more.
        metric: of MEASURED.
        items: number of independent items among the test rows, two or more.
        own_rows, rival_rows: outcomes of single test rows, means over seeds, (n,) each, see `outcomes`; without both
            the two results are taken as independent.
        item_of_row: see `items_of`, (n,).

    Raises:
        InvalidInput: as of `comparisons.paired`; for another metric; for fewer than two items.
    """
    check(
        metric in MEASURED,
        f"Argument `metric` must be one of {', '.join(MEASURED)}, but is '{metric}'. Compare other metrics over seeds "
        "alone, with `comparisons.paired`.",
    )
    check(
        items >= 2,
        f"Argument `items` must be 2 or more, but is {items}. Count the items of the test rows.",
    )
    pair = comparisons.paired(ours, theirs)
    if own_rows is not None and rival_rows is not None and metric != "r2":
        how, rows_error = PAIRED, paired_rows_error(own_rows - rival_rows, item_of_row)
    else:
        sides = (float(np.mean(ours)), float(np.mean(theirs)))
        how, rows_error = (
            APART,
            float(np.hypot(*(rows_error_of(metric, side, items) for side in sides))),
        )
    error = float(np.hypot(pair.error, rows_error))
    if error == 0:  # the same in every run and every row
        return _joined(pair, 0.0, 0.0, 0.0, pair.p, rows_error, how, items)
    degrees = error**4 / (pair.error**4 / (pair.n - 1) + rows_error**4 / (items - 1))
    reach, one_sided = (
        float(scipy.stats.t.ppf(level, degrees)) * error
        for level in (0.5 + comparisons.LEVEL / 2, 1 - comparisons.ALPHA)
    )
    p = float(2 * scipy.stats.t.sf(abs(pair.difference) / error, degrees))
    return _joined(pair, error, reach, one_sided, p, rows_error, how, items)


def _joined(
    pair: comparisons.Paired,
    error: float,
    reach: float,
    one_sided: float,
    p: float,
    rows_error: float,
    how: str,
    items: int,
) -> Crossed:
    return Crossed(
        difference=pair.difference,
        error=error,
        low=pair.difference - reach,
        high=pair.difference + reach,
        p=p,
        holm=p,
        n=pair.n,
        bound=abs(pair.difference) + one_sided,
        seeds_error=pair.error,
        rows_error=rows_error,
        rows=how,
        items=items,
    )


def paired_rows_error(differences: np.ndarray, item_of_row: np.ndarray | None = None) -> float:
    """Returns the standard error of the mean of differences row by row, over items.

    Args:
        differences: (n,). item_of_row: which rows are one item, (n,); every row is one unless given.
    """
    rest = differences - differences.mean()
    numbers = np.arange(len(rest)) if item_of_row is None else np.asarray(item_of_row)
    _, place = np.unique(numbers, return_inverse=True)
    sums = np.bincount(place, weights=rest)
    count = len(sums)
    return float(np.sqrt(count / (count - 1) * (sums**2).sum()) / len(rest))


def rows_error_of(metric: str, value: float, items: int) -> float:
    """Returns the standard error of one result over test items, where outcomes of single rows are not kept.

    Accuracy: binomial, two right and two wrong answers added. MAE: as of errors whose deviation is their mean
    (exponential; of normal errors it is three quarters of it). R2: of jointly normal scores and targets (Olkin and Finn
    1995).
    """
    if metric == "accuracy":
        share = (value * items + PSEUDO) / (items + 2 * PSEUDO)
        return float(np.sqrt(share * (1 - share) / items))
    if metric == "mae":
        return value / items**0.5
    return float(2 * (1 - value) * np.sqrt(max(value, 0.0) / items))


def against(pairs: Mapping[str, Crossed]) -> dict[str, Crossed]:
    """Returns differences to several rivals with their p-values corrected together (Holm 1979)."""
    corrected = comparisons.holm([pair.p for pair in pairs.values()])
    return {
        name: replace(pair, holm=p)
        for (name, pair), p in zip(pairs.items(), corrected, strict=True)
    }
