"""Stability of explanations over samples and training seeds: percentile bootstrap intervals, computed for whole batches
of resamples at once."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_tensors

from qfusion import _files
from qfusion._checks import check, choose, require_finite
from qfusion.data import DataSet
from qfusion.errors import IntegrityError, NotFound, default_on_error, translate_errors
from qfusion.explain import contribution_shares, verdicts
from qfusion.models import games

# Correlations and means with percentile bootstrap intervals, whole batches of resamples at once.
#
# A resample of n samples is a vector of counts. Means and correlations are sums weighted by counts; the rank of a value
# in the resample follows from the cumulated counts of the sorted values, ties sharing their mean rank. So nothing is
# sorted again: O(R n) for R resamples.
#
# Where samples share something (sentences of one video, pairs with one picture), that is resampled, and a sample counts
# as often as the product of the counts of all that it shares: the cluster bootstrap for one way of grouping, the
# pigeonhole bootstrap for several (Owen 2007, Annals of Applied Statistics 1, 386).
#
# Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13 (percentile interval).

RESAMPLES, LEVEL, FEWEST = 2000, 0.95, 10
EDGES = (1 - LEVEL) / 2, (1 + LEVEL) / 2  # of a percentile interval
_NUMBERS = 4_000_000  # most counts held at once


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval.

    Attributes:
        value: of the n samples themselves; NaN where it does not exist, as for a correlation with a constant.
        low, high: of the percentile interval; NaN where fewer than `FEWEST` samples or clusters are there or resamples
            gave no value.
        n: samples. resamples: how many of them gave a value. level: of the interval.
    """

    value: float
    low: float
    high: float
    n: int
    resamples: int
    level: float = LEVEL

    @property
    def known(self) -> bool:
        """Whether value and interval exist."""
        return bool(np.isfinite([self.value, self.low, self.high]).all())

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.known and (self.low > 0 or self.high < 0)


def counts(
    n: int, resamples: int = RESAMPLES, seed: int = 0, clusters: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Yield how often each of n samples is drawn, in blocks (r, n) of float64 that add up to `resamples` rows.

    Args:
        n: samples. resamples, seed: of the bootstrap.
        clusters: numbers of what the samples share, int (n, k), see `data.clusters.Clusters.numbers`; columns that
            share a number draw from one pool. None where samples are independent.

    Raises:
        InvalidInput: when the clusters are not of n samples.
    """
    clusters = np.arange(n)[:, None] if clusters is None else np.asarray(clusters)
    check(
        clusters.ndim == 2 and len(clusters) == n,
        f"Argument `clusters` must have shape ({n}, k), but has shape {clusters.shape}.",
    )
    rng, left, pools = np.random.default_rng(seed), resamples, _pools(clusters)
    while left:
        take = min(left, max(1, _NUMBERS // max(n, 1)))
        weights = np.ones((take, n))
        for size, columns in pools:
            drawn = rng.integers(0, size, (take, size)) + size * np.arange(take)[:, None]
            times = (
                np.bincount(drawn.ravel(), minlength=take * size)
                .reshape(take, size)
                .astype(np.float64)
            )
            for places in columns:
                weights *= times[:, places]
        yield weights
        left -= take


def _pools(clusters: np.ndarray) -> list[tuple[int, list[np.ndarray]]]:
    """How many clusters each pool has, and for each of its columns in which of them the samples are."""
    pools: list[tuple[set[int], list[int]]] = []
    for column, values in enumerate(clusters.T):
        own, columns = set(values.tolist()), [column]
        for pool in [entry for entry in pools if entry[0] & own]:
            own, columns = own | pool[0], pool[1] + columns
            pools.remove(pool)
        pools.append((own, columns))
    return [
        (len(own), [np.searchsorted(sorted(own), clusters[:, c]) for c in columns])
        for own, columns in pools
    ]


def enough(n: int, clusters: np.ndarray | None = None) -> bool:
    """Whether there are `FEWEST` samples or more, and as many clusters of every way of grouping."""
    return n >= FEWEST and (
        clusters is None or min(len(np.unique(column)) for column in clusters.T) >= FEWEST
    )


def effective(hits: np.ndarray, clusters: np.ndarray | None = None, resamples: int = 500) -> float:
    """Return how many independent samples would leave the rate of hits (n,) as uncertain as these: n over the design
    effect (Kish 1965), which is the variance of the rate over resampled clusters over that of independent samples.

    Never more than n. Where all samples are hits or none is, the smallest number of clusters of any grouping.
    """
    n = len(hits)
    if clusters is None or not n:
        return float(n)
    rate = float(np.mean(hits))
    if rate in (0.0, 1.0):
        return float(min(len(np.unique(column)) for column in clusters.T))
    with np.errstate(invalid="ignore"):
        mean_hits = _weighted_mean(np.asarray(hits, float))
        drawn = [mean_hits(block) for block in counts(n, resamples, 0, clusters)]
    variance = float(np.nanvar(np.concatenate(drawn)))
    return max(1.0, min(float(n), rate * (1 - rate) / variance if variance > 0 else n))


def pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation (r,) of values x, y, (n,) or (r, n), under weights (r, n); NaN where one is
    constant."""
    x, y = np.broadcast_to(x, weights.shape), np.broadcast_to(y, weights.shape)
    total = weights.sum(-1)
    dx, dy = (v - ((weights * v).sum(-1) / total)[:, None] for v in (x, y))
    xx, yy, xy = ((weights * a * b).sum(-1) for a, b in ((dx, dx), (dy, dy), (dx, dy)))
    tiny_x, tiny_y = (
        1e-24 * total * np.maximum(np.abs(v).max(-1, initial=0), 1e-300) ** 2 for v in (x, y)
    )
    varies = (xx > tiny_x) & (yy > tiny_y)
    return np.where(varies, xy / np.sqrt(np.where(varies, xx * yy, 1)), np.nan)


def ranks(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean ranks (r, n) of values (n,) among resamples with counts (r, n)."""
    _, group = np.unique(x, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    per_group = np.add.reduceat(weights[:, order], starts, axis=-1)
    return (per_group.cumsum(-1) - per_group / 2 + 0.5)[:, group]


def spearman(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation (r,) of values (n,) under counts (r, n)."""
    return pearson(ranks(x, weights), ranks(y, weights), weights)


def correlation(
    x: np.ndarray,
    y: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> dict[str, Interval]:
    """Return Pearson's and Spearman's correlation with their intervals, under "pearson" and "spearman".

    Args:
        x, y: (n,), finite. clusters: see `counts`.

    Raises:
        InvalidInput: when the lengths differ or a value is not finite.
    """
    x, y = _check_values("x", x), _check_values("y", y)
    check(
        len(x) == len(y),
        f"Arguments `x` and `y` must have one length, but have {len(x)} and {len(y)}.",
    )
    return intervals(
        {"pearson": lambda w: pearson(x, y, w), "spearman": lambda w: spearman(x, y, w)},
        len(x),
        resamples,
        seed,
        clusters,
    )


def mean(
    values: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> Interval:
    """Return the mean of values (n,) with its interval; clusters as of `counts`.

    Raises:
        InvalidInput: when a value is not finite.
    """
    return means({"values": values}, resamples=resamples, seed=seed, clusters=clusters)["values"]


def means(
    columns: Mapping[str, np.ndarray],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> dict[str, Interval]:
    """Return the means of columns (n,) of the same samples, resampled together; clusters as of `counts`.

    Raises:
        InvalidInput: when a value is not finite, or the lengths differ.
    """
    checked = {name: _check_values(name, values) for name, values in columns.items()}
    sizes = {len(values) for values in checked.values()}
    check(
        len(sizes) == 1,
        f"Argument `columns` must hold columns of one length, but holds {sorted(sizes)}.",
    )
    return intervals(
        {name: _weighted_mean(values) for name, values in checked.items()},
        sizes.pop(),
        resamples,
        seed,
        clusters,
    )


def _weighted_mean(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda weights: weights @ values / weights.sum(-1)


def _check_values(name: str, values: np.ndarray) -> np.ndarray:
    numbers = np.asarray(values, dtype=np.float64)
    require_finite(name, numbers)
    return numbers


def intervals(
    statistics: dict[str, Callable[[np.ndarray], np.ndarray]],
    n: int,
    resamples: int,
    seed: int,
    clusters: np.ndarray | None = None,
) -> dict[str, Interval]:
    """Return statistics of n samples with their intervals, all of the same resamples.

    Args:
        statistics: by name, from counts (r, n) to values (r,), NaN where there is none.
        n, resamples, seed, clusters: see `counts`.
    """
    if n == 0:
        return {name: Interval(np.nan, np.nan, np.nan, 0, 0) for name in statistics}
    own = {name: float(of(np.ones((1, n)))[0]) for name, of in statistics.items()}
    if not enough(n, clusters):
        return {name: Interval(value, np.nan, np.nan, n, 0) for name, value in own.items()}
    blocks = (block[block.sum(1) > 0] for block in counts(n, resamples, seed, clusters))
    drawn = [{name: of(block) for name, of in statistics.items()} for block in blocks]
    result = {}
    for name, value in own.items():
        values = np.concatenate([block[name] for block in drawn])
        values = values[np.isfinite(values)]
        low, high = np.quantile(values, EDGES) if len(values) else (np.nan, np.nan)
        result[name] = Interval(value, float(low), float(high), n, len(values))
    return result


# Would another training seed explain the same? Dividends of the test rows by models trained from several seeds, as
# they are shipped.
#
# `scripts/stability.py` trains the seeds of a recipe and writes
# `qfusion/assets/stability/NAME.safetensors`: per seed the exact dividends of every test sample in
# half precision, of the score or, where there are classes, of the log-odds of the true class, which is the
# same question to every seed. The file names the weights and the data it was measured with; for
# others it does not count.

FOLDER = _files.asset_path("stability")
FORMAT = 2  # 1: of raw scores of the true class, against whole rows of the background
TERM_KINDS = ("contributions", "Shapley values")
SPLIT = "test"  # whose rows are measured
_LARGEST = 4_000_000  # bytes


@dataclass(frozen=True, eq=False)
class Stability:
    """Explanations of the same samples by models that differ in their training seed alone.

    Attributes:
        modalities: names, M of them.
        coalitions: names of the 2^M subsets, the empty one first.
        seeds: R of them; the shipped weights are those of the first.
        dividends: (R, B, 2^M), B test rows in the data's order.
        background_size: training samples that absent modalities are averaged over.
        of_true_class: whether they belong to the log-odds of the true class, else to the only score.
    """

    modalities: tuple[str, ...]
    coalitions: tuple[str, ...]
    seeds: tuple[int, ...]
    dividends: np.ndarray
    background_size: int
    of_true_class: bool

    def __post_init__(self) -> None:
        M, shape = len(self.modalities), self.dividends.shape
        check(
            len(self.coalitions) == 2**M
            and len(self.seeds) >= 2
            and shape[:1] == (len(self.seeds),)
            and shape[2:] == (2**M,),
            f"Dividends of {len(self.seeds)} seeds and {M} modalities must have shape ({len(self.seeds)}, B, {2**M}) "
            f"with two seeds at least, but have shape {shape}. Measure again with scripts/stability.py.",
        )
        require_finite("dividends", self.dividends)

    @cached_property
    def shapley(self) -> np.ndarray:
        """Shapley values, (R, B, M)."""
        return games.shapley(self.dividends[..., None], len(self.modalities))[..., 0]

    def of(self, what: str) -> tuple[tuple[str, ...], np.ndarray]:
        """Return names and values (R, B, names) of the "contributions" but the baseline, or of the "Shapley values".

        Raises:
            NotFound: when `what` is neither.
        """
        if choose("Terms", what, TERM_KINDS) == TERM_KINDS[0]:
            return self.coalitions[1:], self.dividends[..., 1:]
        return self.modalities, self.shapley

    def rank_correlations(self, what: str = "contributions") -> dict[str, tuple[float, float]]:
        """Return mean and lowest rank correlation across samples over all pairs of seeds, by term or modality."""
        names, values = self.of(what)
        pairs = {
            name: [_rank(a, b) for a, b in itertools.combinations(values[..., i], 2)]
            for i, name in enumerate(names)
        }
        return {name: (float(np.mean(rank)), float(np.min(rank))) for name, rank in pairs.items()}

    def spread(self, what: str = "contributions") -> np.ndarray:
        """Return the standard deviation over the seeds (ddof 1), (B, names)."""
        return np.std(self.of(what)[1], 0, ddof=1)

    def leader_agreement(self) -> float:
        """Return how often two seeds say the same of who leads: the same modality, or that none does.

        A modality is named as everywhere: where it is ahead by more than its lead spreads over the seeds, see
        `verdicts.find_leaders`.
        """
        M, spread = len(self.modalities), self._lead_spread
        leaders = np.stack([verdicts.find_leaders(entry, M, spread) for entry in self.dividends])
        return float(np.mean([(a == b).mean() for a, b in itertools.combinations(leaders, 2)]))

    @cached_property
    def _lead_spread(self) -> np.ndarray:
        """Standard deviation over seeds of how far each modality is ahead of every other, (B, M)."""
        leads = verdicts.lead_margins(contribution_shares.shapley_shares(self.shapley))
        return np.asarray(np.std(leads, 0, ddof=1))

    @cached_property
    def _left_open(self) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """How often leaders differ; deviations of leads (B + 1, M), dividends (B + 1, 2^M - 1) and scores (B + 1,),
        their means last."""
        deviations = (
            self._lead_spread,
            self.spread(),
            np.std(self.dividends.sum(-1), 0, ddof=1),
        )
        leads, spread, score = (
            np.concatenate([entry, entry.mean(0, keepdims=True)]) for entry in deviations
        )
        return 1 - self.leader_agreement(), leads, spread, score

    def doubt(self, places: np.ndarray) -> verdicts.Doubt:
        """Return the uncertainty of some samples due to the seeds.

        Args:
            places: among the measured test rows; -1 for a sample that was not measured, for which the mean over those
                that were stands, (n,).
        """
        other, leads, spread, score = self._left_open
        return verdicts.Doubt(len(self.seeds), other, leads[places], spread[places], score[places])


def _rank(a: np.ndarray, b: np.ndarray) -> float:
    return 0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else float(scipy.stats.spearmanr(a, b).statistic)


def save(
    path: Path,
    stability: Stability,
    *,
    weights: str,
    data: str,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Write a file.

    Args:
        path: of the file; stability: what was measured.
        weights, data: digests of the shipped weights and of the data set it was measured with.
        notes: more to keep, such as the settings that were trained.
    """
    words = {
        "format": FORMAT,
        "modalities": stability.modalities,
        "coalitions": stability.coalitions,
        "seeds": stability.seeds,
        "background_size": stability.background_size,
        "of_true_class": stability.of_true_class,
        "weights_sha256": weights,
        "data_digest": data,
        "notes": dict(notes or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {"dividends": stability.dividends.astype(np.float16)}
    _files.write_file(path, save_tensors(tensors, {"about": json.dumps(words)}))


def load(
    name: str, card: Mapping[str, Any], data_digest: str, rows: int, folder: Path = FOLDER
) -> Stability:
    """Return the stability that was measured for a model.

    Args:
        name: of the model; card: its card; data_digest: of the data it is applied to; rows: how many test rows these
            have.

    Raises:
        NotFound: when nothing was measured for these weights and data, with the reason.
        IntegrityError: when the file is damaged.
    """
    path = folder / f"{Path(name).name}.safetensors"
    check(
        path.is_file(),
        f"Stability is not measured for model '{name}'. `python scripts/stability.py` does so for a recipe.",
        NotFound,
    )
    with translate_errors(
        f"{path.name} in assets/stability cannot be read",
        "Copy or measure it again.",
        *(SafetensorError, KeyError, ValueError, TypeError, AttributeError, OSError),
        error=IntegrityError,
        why="{words:.200}",
    ):
        check(path.stat().st_size <= _LARGEST, f"{path.name} is too large.")
        with safe_open(path, "numpy") as file:
            words = json.loads(file.metadata()["about"])
            values = file.get_tensor("dividends").astype(np.float64)
        measured_with = words["weights_sha256"], words["data_digest"]
        as_explained = words["format"] == FORMAT
        stability = Stability(
            tuple(map(str, words["modalities"])),
            tuple(map(str, words["coalitions"])),
            tuple(int(seed) for seed in words["seeds"]),
            values,
            int(words["background_size"]),
            bool(words["of_true_class"]),
        )
    check(
        as_explained
        and measured_with == (card.get("weights_sha256"), data_digest)
        and values.shape[1] == rows,
        f"Stability is not measured for model '{name}' as it is now: the file is of other weights or data. "
        "`python scripts/stability.py` measures anew.",
        NotFound,
    )
    return stability


@default_on_error(None)
def measured(name: str, card: Mapping[str, Any], dataset: DataSet) -> Stability | None:
    """Return the stability that was measured for a model on a data set, or None if none was measured. The arguments
    are those of `load`.
    """
    return load(name, card, dataset.digest, len(dataset.rows(SPLIT)))


def doubt(
    stability: Stability | None, dataset: DataSet, rows: np.ndarray, outputs: np.ndarray
) -> verdicts.Doubt | None:
    """Return the uncertainty of some samples due to the training seeds, or None if no stability was measured.

    Args:
        stability: of `measured`. dataset: it was measured on.
        rows: of the data set, (n,). outputs: number of the explained output, (n,). Of classes the true one's log-odds
            were measured, which are those of the other one with the opposite sign where there are two. For another of
            several classes the mean over samples stands, as it does for samples that were not measured.
    """
    if stability is None:
        return None
    known = dataset.rows(SPLIT)
    places = np.searchsorted(known, rows)
    inside = known[np.minimum(places, len(known) - 1)] == rows
    if stability.of_true_class and len(dataset.target.classes) > 2:
        inside = inside & (dataset.y[rows] == outputs)
    return stability.doubt(np.where(inside, places, -1))


def interval_frame(head: str, **columns: Mapping[str, Interval]) -> pd.DataFrame:
    """Return one row per name, under `head`, with the value and the low and high ends of its intervals in columns
    named after `columns`.
    """
    rows = []
    for name in next(iter(columns.values())):
        row: dict[str, object] = {head: name}
        for column, intervals in columns.items():
            interval = intervals[name]
            row[column] = interval.value
            row[f"{column}:low"] = interval.low
            row[f"{column}:high"] = interval.high
        rows.append(row)
    return pd.DataFrame(rows)


def least_certain_rival(ahead: Mapping[str, Interval]) -> tuple[str, Interval] | None:
    """Return the rival whose gap to the first is least certain, and the gap, or None if there are no rivals.

    Args:
        ahead: by how much the first is ahead, by rival.
    """
    return min(ahead.items(), key=lambda item: item[1].low, default=None)
