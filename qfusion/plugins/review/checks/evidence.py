"""What several checks of a review share: the metric, its test rows, and plain models of the same data."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qfusion import _progress
from qfusion._memory_cache import memo
from qfusion.data import DataSet
from qfusion.explain import bootstrap, interval_ends
from qfusion.explain.bootstrap import Interval
from qfusion.plugins.review import plain_models
from qfusion.plugins.why import evidence
from qfusion.plugins.why.information.label_leak import FAMILY
from qfusion.study import cohorts
from qfusion.study.opening import open_study
from qfusion.study.study import Study
from qfusion.training import checkpoint_cards


def plain_models_of(study: Study) -> plain_models.PlainModels:
    """Return the scores of plain models of the modalities that a model reads on the test rows."""
    return fit_plain_models(study.dataset, study.modalities)


@memo(4, task="Fitting plain models …")
def fit_plain_models(dataset: DataSet, modalities: tuple[str, ...]) -> plain_models.PlainModels:
    """Return the scores of plain models on the test rows, see `plain_models.fit_plain_models`."""
    total = len(plain_models.fitted_sets(modalities)) * len(FAMILY)
    with _progress.progress_shown("Fitting plain models") as tell:
        return plain_models.fit_plain_models(dataset, modalities, lambda done: tell(done, total))


def row_values(study: Study, scores: np.ndarray) -> np.ndarray:
    """Return what each test row adds to the main metric of the data, (n,), NaN for rows that do not count.

    Args:
        scores: of the test rows, (n, C).
    """
    return np.array(
        [np.nan if one is None else one for one in evidence.row_values(study.dataset, scores)],
        float,
    )


def model_values(study: Study) -> np.ndarray:
    """Return what each test row adds to the main metric with a model's own scores, (n,)."""
    return row_values(study, study.scores[study.dataset.rows("test")])


@memo(16, background=False, stamp=lambda study, name: checkpoint_cards.stamp(name))
def open_beside(study: Study, name: str) -> Study:
    """Return another model on the same data, such as a rival or another training seed, cached for all checks.

    Raises:
        NotFound: when there is no such model. InvalidInput: when it does not fit the data.
    """
    return open_study(name, study.dataset)


def other_values(study: Study, name: str) -> np.ndarray:
    """Return the same as `model_values` for another model on the same data."""
    return model_values(open_beside(study, name))


def better(study: Study, ours: np.ndarray, theirs: np.ndarray) -> Interval:
    """Return by how much values of ours are better than theirs on the same rows, whatever the metric's direction."""
    sign = evidence.evaluation_basis(study.dataset).sign
    return mean_of_rows(study, sign * (ours - theirs))


def mean_of_rows(study: Study, values: np.ndarray) -> Interval:
    """Return the mean of what the test rows add to the main metric (n,), or of differences of that, over the rows that
    count, with its interval over new rows."""
    rows = study.dataset.rows("test")
    counted = np.isfinite(values)
    clusters = cohorts.row_clusters(study.dataset, rows[counted])
    known = values[counted]
    if evidence.evaluation_basis(study.dataset).metric in evidence.SHARES:
        known = known.astype(int)
    return bootstrap.mean(known, clusters=clusters)


def above_chance(study: Study, values: np.ndarray) -> Interval:
    """Return by how much the mean of what the test rows add to the main metric (n,) is better than the best constant
    answer's."""
    basis = evidence.evaluation_basis(study.dataset)
    one = mean_of_rows(study, values)
    low, high = sorted(basis.sign * (end - basis.chance) for end in (one.low, one.high))
    return replace(one, value=basis.sign * (one.value - basis.chance), low=low, high=high)


def share_of_rows(hits: np.ndarray, clusters: np.ndarray | None = None) -> Interval:
    """Return the share of hits, bool (n,), with Wilson's interval at the effective number of independent rows."""
    n = len(hits)
    share = float(np.mean(hits)) if n else np.nan
    size = bootstrap.effective_size(hits, clusters) if n else 0.0
    low, high = interval_ends.wilson(share * size, size) if n else (np.nan, np.nan)
    return Interval(share, low, high, n, 0)


def t_interval(values: Sequence[float]) -> Interval:
    """Return the mean over training seeds with its t interval; NaN ends for one value."""
    from qfusion.plugins.why.evidence import seed_evidence

    evidence = seed_evidence(np.asarray(values, float))
    low, high = evidence.interval()
    return Interval(evidence.mean, low, high, len(values), 0)
