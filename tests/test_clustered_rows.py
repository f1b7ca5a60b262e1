"""Clusters of rows that share videos or pictures, and clustered bootstrap intervals against cases by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from qfusion import data
from qfusion.data.row_splits import Clusters, video_clusters
from qfusion.errors import DataUnavailable, InvalidInput
from qfusion.explain import bootstrap
from qfusion.explain.interval_ends import wilson
from qfusion.views.cohort_contributions import difference_errors
from qfusion.views.words.names import describe_intervals


def test_clusters_of_pairs_are_pictures() -> None:
    """539 digits stand behind the 1,200 test pairs of `parity`; left and right are one pool."""
    parity = data.load("parity")
    rows = parity.rows("test")
    assert parity.clusters is not None
    assert parity.clusters.numbers.shape == (len(parity), 2)
    assert len(rows) == 1200
    digits = set(parity.table["left_item"].iloc[rows]) | set(parity.table["right_item"].iloc[rows])
    assert parity.clusters.describe_count(rows) == f"{len(digits)} pictures"
    assert len(bootstrap.cluster_pools(parity.clusters.numbers[rows])) == 1
    assert f"of {len(digits)} pictures, not of rows" in describe_intervals(
        parity, parity.table.iloc[rows]
    )
    assert data.load("planted").clusters is None


def test_clusters_of_mmsa_ids_are_videos() -> None:
    found = video_clusters(["a$_$1", "a$_$2", "b_c$_$1"])
    assert found is not None
    assert found.describe_count(np.arange(3)) == "2 videos"
    assert video_clusters(["a$_$1", "b"]) is None
    assert video_clusters([]) is None


def test_clusters_of_wrong_length_are_refused() -> None:
    with pytest.raises(InvalidInput, match="labels"):
        Clusters(np.zeros((2, 2, 2), dtype=str), "videos")
    with pytest.raises(InvalidInput, match="clusters"):
        next(bootstrap.counts(3, 1, 0, np.zeros((2, 1), int)))


def test_bootstrap_draws_whole_clusters() -> None:
    """All rows of a cluster count alike, and clusters are drawn as often as there are of them."""
    clusters = np.repeat(np.arange(12), 5)[:, None]
    for block in bootstrap.counts(60, 50, 1, clusters):
        by = block.reshape(len(block), 12, 5)
        assert (by == by[:, :, :1]).all()
        assert (by[:, :, 0].sum(1) == 12).all()


def test_row_weight_is_the_product_over_groupings() -> None:
    """One pool: a row (i, j) counts n_i n_j with the same counts; two pools: counts of their own."""
    pairs = np.array([(i, j) for i in range(10) for j in range(10) if i != j])
    one = next(iter(bootstrap.counts(len(pairs), 40, 0, pairs)))
    symmetric = {(i, j): one[:, k] for k, (i, j) in enumerate(pairs.tolist())}
    assert all((values == symmetric[j, i]).all() for (i, j), values in symmetric.items())
    two = next(iter(bootstrap.counts(len(pairs), 4000, 0, pairs + [0, 100])))
    assert two.mean() == pytest.approx(1, abs=0.03)  # E[n_i n_j] = 1 for pools of their own


def test_standard_error_of_the_mean_is_clustered() -> None:
    """With equal clusters whose rows are alike the standard error is that of the cluster means over sqrt(clusters)."""
    means = np.random.default_rng(0).normal(size=40)
    values, clusters = np.repeat(means, 25), np.repeat(np.arange(40), 25)[:, None]
    interval = bootstrap.mean(values, clusters=clusters)
    half = 1.96 * means.std() / 40**0.5
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.1)
    rows = bootstrap.mean(values)
    assert (interval.high - interval.low) / (rows.high - rows.low) == pytest.approx(5, rel=0.1)


def test_two_way_clustered_errors_add_up() -> None:
    """Of a full table of a_i + b_j the variance of the mean is var(a)/n + var(b)/m (Owen 2007)."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=30), 2 * rng.normal(size=50)
    values = (a[:, None] + b).ravel()
    clusters = np.column_stack([np.repeat(np.arange(30), 50), 100 + np.tile(np.arange(50), 30)])
    interval = bootstrap.mean(values, clusters=clusters)
    wanted = 1.96 * (a.var() / 30 + b.var() / 50) ** 0.5
    assert (interval.high - interval.low) / 2 == pytest.approx(wanted, rel=0.1)


def test_too_few_clusters_have_no_interval() -> None:
    values = np.arange(100.0)
    assert not bootstrap.mean(values, clusters=np.repeat(np.arange(5), 20)[:, None]).known
    assert bootstrap.mean(values, clusters=np.repeat(np.arange(20), 5)[:, None]).known


def test_rates_of_equal_rows_count_clusters() -> None:
    """Rows that are copies within a cluster say as much as the clusters do."""
    hits = np.repeat(np.arange(40) % 2 == 0, 10)
    clusters = np.repeat(np.arange(40), 10)[:, None]
    assert bootstrap.effective_size(hits, clusters) == pytest.approx(40, rel=0.15)
    assert bootstrap.effective_size(hits) == 400
    assert bootstrap.effective_size(np.zeros(400, bool), clusters) == 40
    low, high = wilson(20.0, 40.0)
    assert low < 0.5 < high
    assert high - low > wilson(200, 400)[1] - wilson(200, 400)[0]


def test_intervals_ignore_undefined_resamples() -> None:
    """Drawn by hand: where no sample has all of its clusters there is none, and where a column does not vary no
    correlation. All groupings, the seed and the number of resamples count."""
    rng = np.random.default_rng(4)
    x, y = np.array([1.0] * 18 + [2.0, -3.0]), rng.normal(size=20)
    clusters = np.arange(20)[:, None] + [0, 100, 200, 300]
    with np.errstate(invalid="raise", divide="raise"):
        found = bootstrap.correlation(x, y, resamples=400, seed=3, clusters=clusters)
        found |= {"mean": bootstrap.mean(y, resamples=400, seed=3, clusters=clusters)}
        found |= bootstrap.means({"x": x, "y": y}, resamples=400, seed=3, clusters=clusters)
    drawn = [
        np.repeat(np.arange(20), row.astype(int))
        for block in bootstrap.counts(20, 400, 3, clusters)
        for row in block
    ]
    assert min(map(len, drawn)) == 0
    statistics = {
        "pearson": lambda rows: stats.pearsonr(x[rows], y[rows]).statistic,
        "spearman": lambda rows: stats.spearmanr(x[rows], y[rows]).statistic,
        "mean": lambda rows: y[rows].mean(),
        "x": lambda rows: x[rows].mean(),
        "y": lambda rows: y[rows].mean(),
    }
    for name, of in statistics.items():
        varying = [
            rows
            for rows in drawn
            if len(rows)
            and (name not in ("pearson", "spearman") or np.ptp(x[rows]) > 0 < np.ptp(y[rows]))
        ]
        wanted = np.array([of(rows) for rows in varying])
        assert found[name].value == pytest.approx(of(np.arange(20)))
        assert found[name].known
        assert wanted.min() <= found[name].low <= found[name].high <= wanted.max()
        assert (found[name].n, found[name].resamples) == (20, len(wanted))
    assert found["pearson"].resamples < found["mean"].resamples < 400
    assert found["x"] != bootstrap.mean(x, resamples=400, seed=3, clusters=clusters[:, :1])


def test_groupings_that_share_a_number_form_one_pool() -> None:
    """The first and the last column name the same pictures, the second others; a picture counts as often wherever."""
    clusters = np.array([[5, 90, 7], [6, 91, 5], [7, 90, 9], [5, 92, 6]])
    pools = bootstrap.cluster_pools(clusters)
    assert sorted((size, len(columns)) for size, columns in pools) == [(3, 1), (4, 2)]
    for size, columns in pools:
        named = clusters[:, [0, 2]] if size == 4 else clusters[:, [1]]
        own = sorted(set(named.ravel()))
        assert sorted([own[i] for i in column] for column in columns) == sorted(named.T.tolist())


def test_non_finite_column_is_refused() -> None:
    with pytest.raises(InvalidInput, match="`loss`"):
        bootstrap.means({"gain": np.zeros(3), "loss": np.array([0.0, np.inf, 1.0])})


def test_twenty_clusters_of_every_grouping_are_enough() -> None:
    enough, fewer = np.arange(40) % 20, 50 + np.arange(40) % 19
    assert bootstrap.has_enough(20)
    assert not bootstrap.has_enough(19)
    assert bootstrap.has_enough(40, enough[:, None])
    assert not bootstrap.has_enough(40, np.column_stack([enough, fewer]))
    assert not bootstrap.has_enough(19, np.arange(19)[:, None])


def test_effective_number_of_clustered_rows() -> None:
    """Equal clusters with rates of their own: p (1 - p) over the variance of the rates over clusters, by hand. Pairs of
    pictures without effects of their own are independent, where their resamples vary three times as much."""
    rates = np.repeat([0.2, 0.4, 0.9], 20)
    hits = np.concatenate([np.arange(10) < 10 * rate for rate in rates])
    clusters = np.repeat(np.arange(60), 10)[:, None]
    wanted = hits.mean() * (1 - hits.mean()) / (rates.var() / 60)
    assert 60 < wanted < 600
    assert bootstrap.effective_size(hits, clusters) == pytest.approx(wanted, rel=0.2)
    assert bootstrap.effective_size(hits, np.arange(600)[:, None]) == pytest.approx(600, rel=0.2)
    assert bootstrap.effective_size(hits, np.arange(600)[:, None]) <= 600
    assert bootstrap.effective_size(np.ones(600), np.column_stack([clusters, clusters // 2])) == 30
    assert bootstrap.effective_size(np.zeros(0), clusters[:0]) == 0
    assert bootstrap.effective_size(np.arange(2) == 0, np.arange(2)[:, None]) == 1
    found = [_variances_of_pairs(seed) for seed in range(8)]
    assert np.mean(found, 0) == pytest.approx([1, 3, 1], rel=0.15)


def _variances_of_pairs(seed: int) -> tuple[float, float, float]:
    """Variances of the mean over 800 pairs of 400 pictures, relative to independent rows: by the effective number of
    rows, of resamples, and of these drawn together."""
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, 400, (800, 2))
    values = rng.normal(size=800)
    drawn = np.concatenate(list(bootstrap.counts(800, 500, 0, pairs)))
    means = drawn @ values / drawn.sum(1)
    narrow = bootstrap.narrow(means, lambda w: w @ values / w.sum(1), 800, pairs)
    effective = bootstrap.effective_size(values, pairs)
    return 800 / effective, 800 * float(means.var()), 800 * float(narrow.var())


def test_ranks_are_recomputed_in_every_resample() -> None:
    x, weights = np.array([0.5, -1.0, 0.5, 2.0, 0.1]), np.array([[1, 1, 1, 1, 1], [2, 0, 1, 3, 0]])
    drawn = [np.repeat(x, row) for row in weights]
    for row, ranks, values in zip(weights, bootstrap.ranks(x, weights), drawn, strict=True):
        assert np.repeat(ranks, row).tolist() == stats.rankdata(values).tolist()


def test_batched_correlations_equal_single_ones() -> None:
    """Whatever the units of the other rows; a row that rounding alone moves has none."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 4, 9))
    x *= np.array([1e-90, 1.0, 1e60, 1.0])[:, None]
    y *= np.array([1.0, 1e50, 1e-80, 1.0])[:, None]
    x[3] = 1 + 1e-15 * (np.arange(9) % 2)
    weights = rng.integers(1, 4, (4, 9)).astype(float)
    found = bootstrap.pearson(x, y, weights)
    for i in range(3):
        drawn = np.repeat(np.arange(9), weights[i].astype(int))
        wanted = np.corrcoef(x[i, drawn] / np.abs(x[i]).max(), y[i, drawn] / np.abs(y[i]).max())
        assert found[i] == pytest.approx(wanted[0, 1])
    assert np.isnan(found[3])
    for x, y in itertools.product((np.zeros(9), np.full(9, -2.5), rng.normal(size=9)), repeat=2):
        with np.errstate(invalid="raise", divide="raise"):
            found = bootstrap.pearson(x, y, weights)
        assert np.isnan(found).all() == (np.ptp(x) == 0 or np.ptp(y) == 0)
    with np.errstate(invalid="ignore"):
        assert np.isnan(bootstrap.pearson(np.zeros(0), np.zeros(0), np.ones((2, 0)))).all()


def test_errors_of_a_difference_of_means_count_clusters() -> None:
    """Every row twice has the error of one; where a part has one cluster alone, it is not known."""
    rng = np.random.default_rng(0)
    pairs, part = np.repeat(np.arange(20), 2)[:, None], np.arange(40) < 20
    values = (np.repeat(rng.normal(0, 1, 20), 2) + 0.9 * part)[:, None]
    together = difference_errors(values, part, pairs)
    assert together == pytest.approx(difference_errors(values[::2], part[::2], None), rel=0.2)
    assert (together > 1.2 * difference_errors(values, part, None)).all()
    assert np.isinf(difference_errors(values, np.arange(40) < 2, pairs)).all()


def test_clusters_of_mosi_are_videos() -> None:
    try:
        mosi = data.load("mosi")
    except DataUnavailable:
        pytest.skip("CMU-MOSI is not here")
    assert mosi.clusters is not None
    assert mosi.clusters.describe_count(mosi.rows("test")) == "31 videos"
