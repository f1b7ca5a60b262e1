"""The cost of removing correlations on many samples: metrics by the time of the cut, with bootstrap intervals.

All curves are resampled together, so differences from the undisturbed model are paired.
"""

from dataclasses import dataclass, replace

import numpy as np

from qfusion._checks import check, choose
from qfusion.data.target_spec import Target
from qfusion.explain import bootstrap, interval_ends
from qfusion.plugins.why.cuts.state_cuts import Cuts

METRICS = {"classification": ("accuracy",), "regression": ("r2", "mae"), "sims": ("acc2", "mae")}
SHARES = {
    "accuracy": "hit",
    "acc2": "side",
}  # metrics that are shares, by column of `metric_columns`
RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Estimates:
    """Values with intervals: of shares those of `bootstrap.outcome_ends`, else percentiles.

    Attributes:
        value: of the samples themselves. low, high: of the 95% interval, same shape; None for fewer than
            `bootstrap.FEWEST` samples.
    """

    value: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None


@dataclass(frozen=True, eq=False)
class CutMetrics:
    """Metrics of n samples after a cut, for K kinds, M modalities and nT times.

    Attributes:
        modalities, kinds, times: of the `Cuts`. n: samples.
        after: (K, M, nT) by metric, of `METRICS`; values are those of `training.metrics.score_metrics`.
        before: undisturbed, shape (), by metric. losses: after less before, (K, M, nT), by metric.
        chance: the metric of one answer for all: the most frequent class, or the mean truth (for `mae` the median).
    """

    modalities: tuple[str, ...]
    kinds: tuple[str, ...]
    times: np.ndarray
    n: int
    after: dict[str, Estimates]
    before: dict[str, Estimates]
    losses: dict[str, Estimates]
    chance: dict[str, float]


def metric_kind(target: Target) -> str:
    """Return which of METRICS fit a target."""
    return "sims" if target.convention == "sims" else target.kind


def cut_metrics(
    result: Cuts,
    truth: np.ndarray,
    kind: str,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> CutMetrics:
    """Return the metrics after every cut, with intervals.

    Args:
        result: cuts of B samples.
        truth: scores, or classes in 0..C-1, (B,).
        kind: "regression", "classification", or "sims": scores that are measured as those of CH-SIMS.
        resamples, seed: of the bootstrap. clusters: what the samples share, see `bootstrap.counts`.

    Raises:
        NotFound: when there is no such kind of target.
        InvalidInput: when `truth` does not fit the samples.
    """
    choose("Kind of target", kind, METRICS)
    B = len(result.before)
    check(
        np.shape(truth) == (B,) and B > 0,
        f"Argument `truth` must have shape ({B},), one value a sample, but has shape {np.shape(truth)}.",
    )
    shape = result.scores.shape[:3]
    # the undisturbed ones last
    scores = np.concatenate(
        [result.scores.reshape(-1, B, result.scores.shape[-1]), result.before[None]]
    )
    columns = metric_columns(scores, np.asarray(truth), kind)

    def metrics_and_losses(weights: np.ndarray) -> np.ndarray:
        resampled = resampled_metrics(columns, weights)
        values = np.stack([resampled[name] for name in METRICS[kind]], 1)
        return np.concatenate([values, values[..., :-1] - values[..., -1:]], 2)

    values = bootstrap.resample(metrics_and_losses, B, resamples, seed, clusters)
    units = bootstrap.independent_units(B, clusters)
    cuts = int(np.prod(shape))
    after, before, losses = {}, {}, {}
    for place, name in enumerate(METRICS[kind]):
        after[name] = values[:, place, :cuts].reshape(-1, *shape)
        before[name] = values[:, place, cuts]
        losses[name] = values[:, place, cuts + 1 :].reshape(-1, *shape)
    intervals = {
        part: {name: estimates(drawn, units) for name, drawn in by_name.items()}
        for part, by_name in (("after", after), ("before", before), ("losses", losses))
    }
    for name, column in SHARES.items():
        if column in columns and len(values) > 1:
            hits = columns[column]
            change = hits[:, :-1] - hits[:, -1:]
            for part, outcomes in (
                ("after", hits[:, :-1] > 0),
                ("before", hits[:, -1:] > 0),
                ("losses", change.astype(int)),
            ):
                own = intervals[part][name]
                ends = np.array([bootstrap.outcome_ends(one, clusters) for one in outcomes.T])
                low, high = (end.reshape(own.value.shape) for end in ends.T)
                intervals[part][name] = replace(own, low=low, high=high)
    return CutMetrics(
        modalities=result.modalities,
        kinds=result.kinds,
        times=result.times,
        n=B,
        **intervals,
        chance=chance(np.asarray(truth), kind),
    )


def estimates(values: np.ndarray, units: int) -> Estimates:
    """Return the values of the samples themselves, from the first entry, and their intervals, from the resamples in
    the other entries, of so many units (see `bootstrap.independent_units`).
    """
    drawn = values[1:]
    ends = np.quantile(drawn, interval_ends.edges(units), axis=0) if len(drawn) else (None, None)
    return Estimates(values[0], *ends)


def metric_columns(scores: np.ndarray, truth: np.ndarray, kind: str) -> dict[str, np.ndarray]:
    """Return the values per sample whose means are the metrics, (B, F) each, for scores (F, B, C)."""
    match kind:
        case "classification":
            return {"hit": (scores.argmax(-1) == truth).astype(float).T}
        case "sims":
            p = np.clip(scores[..., 0], -1, 1)
            y = np.clip(truth, -1, 1)
            return {
                "side": ((p.astype(np.float32) > 0) == (y.astype(np.float32) > 0)).astype(float).T,
                "absolute": np.abs(p - y).T,
            }
        case _:
            error = (scores[..., 0] - truth).T
            return {
                "squared": error**2,
                "absolute": np.abs(error),
                "truth": (truth - truth.mean())[:, None],
            }


def resampled_metrics(columns: dict[str, np.ndarray], weights: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics (r, F) of samples with counts (r, B)."""
    n = weights.sum(1, keepdims=True)
    means = {**SHARES, "mae": "absolute"}
    values = {
        name: weights @ columns[column] / n for name, column in means.items() if column in columns
    }
    if "truth" not in columns:
        return values
    y = columns["truth"]
    variance = weights @ y**2 - (weights @ y) ** 2 / n
    varies = variance > 1e-12 * np.maximum(weights @ y**2, 1e-300)
    left = weights @ columns["squared"] / np.where(varies, variance, 1)
    return values | {"r2": np.where(varies, 1 - left, 0.0)}


def chance(truth: np.ndarray, kind: str) -> dict[str, float]:
    """Return the metric of one answer for all: the most frequent class, or the mean truth (for `mae` the median).

    Args:
        truth: (B,). kind: as of `cuts`.
    """
    if kind == "classification":
        return {"accuracy": float(np.unique(truth, return_counts=True)[1].max() / len(truth))}
    first = {"r2": 0.0}
    if kind == "sims":
        truth = np.clip(truth, -1, 1)
        above = float((truth.astype(np.float32) > 0).mean())
        first = {"acc2": max(above, 1 - above)}
    return first | {"mae": float(np.abs(truth - np.median(truth)).mean())}
