"""What taking correlations away costs on many samples: metrics by the time of the cut, with bootstrap intervals over
samples.

All curves are resampled together, so differences from the undisturbed model are paired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfusion._checks import check, choose
from qfusion.data.modality import Target
from qfusion.explain.changes.cuts import Cuts
from qfusion.explain.trust import resampling

METRICS = {"classification": ("accuracy",), "regression": ("r2", "mae"), "sims": ("acc2", "mae")}
RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Estimates:
    """Values with percentile intervals.

    Attributes:
        value: of the samples themselves. low, high: of the 95 % interval, same shape; None for fewer than
            `resampling.FEWEST` samples.
    """

    value: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None


@dataclass(frozen=True, eq=False)
class CutMetrics:
    """Metrics of n samples after a cut, for K kinds, M modalities and nT times.

    Attributes:
        modalities, kinds, times: of the `Cuts`. n: samples.
        after: (K, M, nT) by metric, of `METRICS`; values are those of `training.metrics.of_scores`.
        before: undisturbed, shape (), by metric. losses: after less before, (K, M, nT), by metric.
        kept: what classical correlation keeps, (M, nT) by metric: "dephased" less "cut"; empty unless both kinds are
            there.
        chance: the metric of one answer for all: the most frequent class, or the mean truth (for `mae` the median).
        change: mean over samples and outputs of |score after - score before|, (K, M, nT).
    """

    modalities: tuple[str, ...]
    kinds: tuple[str, ...]
    times: np.ndarray
    n: int
    after: dict[str, Estimates]
    before: dict[str, Estimates]
    losses: dict[str, Estimates]
    kept: dict[str, Estimates]
    chance: dict[str, float]
    change: Estimates


def kind_of(target: Target) -> str:
    """Returns which of METRICS fit a target."""
    return "sims" if target.convention == "sims" else target.kind


def cut_metrics(
    found: Cuts,
    truth: np.ndarray,
    kind: str,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> CutMetrics:
    """Returns the metrics after every cut, with intervals.

    Args:
        found: cuts of B samples.
        truth: scores, or classes in 0..C-1, (B,).
        kind: "regression", "classification", or "sims": scores that are measured as those of CH-SIMS.
        resamples, seed: of the bootstrap. clusters: what the samples share, see `resampling.counts`.

    Raises:
        NotFound: when there is no such kind of target.
        InvalidInput: when `truth` does not fit the samples.
    """
    choose("Kind of target", kind, METRICS)
    B = len(found.before)
    check(
        np.shape(truth) == (B,) and B > 0,
        f"Argument `truth` must have shape ({B},), one value a sample, but has shape {np.shape(truth)}.",
    )
    shape = found.scores.shape[:3]
    # the undisturbed ones last
    scores = np.concatenate(
        [found.scores.reshape(-1, B, found.scores.shape[-1]), found.before[None]]
    )
    columns = _columns(scores, np.asarray(truth), kind)
    columns["change"] = np.abs(scores[:-1] - scores[-1]).mean(-1).T
    own = _metrics(columns, np.ones((1, B)))
    blocks = (
        [
            _metrics(columns, drawn[drawn.sum(1) > 0])
            for drawn in resampling.counts(B, resamples, seed, clusters)
        ]
        if resampling.enough(B, clusters)
        else []
    )
    drawn = (
        {name: np.concatenate([block[name] for block in blocks]) for name in own} if blocks else {}
    )

    def estimates(
        of: tuple[str, ...], part: slice, minus: slice | None = None
    ) -> dict[str, Estimates]:
        def select(values: np.ndarray) -> np.ndarray:
            return values[:, part] - (0 if minus is None else values[:, minus])

        return {
            name: _estimates(select(own[name])[0], select(drawn[name]) if drawn else None)
            for name in of
        }

    names, every, last, each = (
        METRICS[kind],
        slice(0, -1),
        slice(-1, None),
        len(scores) // len(found.kinds),
    )
    places = {name: slice(k * each, (k + 1) * each) for k, name in enumerate(found.kinds)}
    kept = (
        estimates(names, places["dephased"], places["cut"])
        if set(places) >= {"cut", "dephased"}
        else {}
    )
    return CutMetrics(
        found.modalities,
        found.kinds,
        found.times,
        B,
        _shaped(estimates(names, every), shape),
        _shaped(estimates(names, last), ()),
        _shaped(estimates(names, every, last), shape),
        _shaped(kept, shape[1:]),
        _chance(np.asarray(truth), kind),
        _shaped(estimates(("change",), slice(None)), shape)["change"],
    )


def _columns(scores: np.ndarray, truth: np.ndarray, kind: str) -> dict[str, np.ndarray]:
    """What the metrics are means of, (B, F) each, of scores (F, B, C)."""
    if kind == "classification":
        return {"hit": (scores.argmax(-1) == truth).astype(float).T}
    if kind == "sims":
        p, y = np.clip(scores[..., 0], -1, 1), np.clip(truth, -1, 1)
        return {
            "side": ((p.astype(np.float32) > 0) == (y.astype(np.float32) > 0)).astype(float).T,
            "absolute": np.abs(p - y).T,
        }
    error = (scores[..., 0] - truth).T
    return {
        "squared": error**2,
        "absolute": np.abs(error),
        "truth": (truth - truth.mean())[:, None],
    }


def _metrics(columns: dict[str, np.ndarray], weights: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics (r, F) of samples with counts (r, B)."""
    n = weights.sum(1, keepdims=True)
    found = {"change": weights @ columns["change"] / n}
    if "hit" in columns:
        return found | {"accuracy": weights @ columns["hit"] / n}
    if "side" in columns:
        return found | {
            "acc2": weights @ columns["side"] / n,
            "mae": weights @ columns["absolute"] / n,
        }
    y = columns["truth"]
    variance = weights @ y**2 - (weights @ y) ** 2 / n
    varies = variance > 1e-12 * np.maximum(weights @ y**2, 1e-300)
    return found | {
        "r2": np.where(
            varies, 1 - weights @ columns["squared"] / np.where(varies, variance, 1), 0.0
        ),
        "mae": weights @ columns["absolute"] / n,
    }


def _estimates(value: np.ndarray, drawn: np.ndarray | None) -> Estimates:
    if drawn is None:
        return Estimates(value, None, None)
    low, high = np.quantile(drawn, [(1 - resampling.LEVEL) / 2, (1 + resampling.LEVEL) / 2], axis=0)
    return Estimates(value, low, high)


def _shaped(found: dict[str, Estimates], shape: tuple[int, ...]) -> dict[str, Estimates]:
    return {
        name: Estimates(
            *(  # type: ignore[arg-type]
                None if part is None else part.reshape(shape)
                for part in (each.value, each.low, each.high)
            )
        )
        for name, each in found.items()
    }


def _chance(truth: np.ndarray, kind: str) -> dict[str, float]:
    if kind == "classification":
        return {"accuracy": float(np.unique(truth, return_counts=True)[1].max() / len(truth))}
    if kind == "sims":
        truth = np.clip(truth, -1, 1)
        above = float((truth.astype(np.float32) > 0).mean())
        return {
            "acc2": max(above, 1 - above),
            "mae": float(np.abs(truth - np.median(truth)).mean()),
        }
    return {"r2": 0.0, "mae": float(np.abs(truth - np.median(truth)).mean())}
