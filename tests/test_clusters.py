"""Rows that share videos or pictures: who names them, and intervals that resample them, against hand computations."""

from __future__ import annotations

import numpy as np
import pytest

from qfusion import data
from qfusion.analysis import cohort_measures
from qfusion.analysis.errors import wilson
from qfusion.data.spec import Clusters, videos_of
from qfusion.errors import DataUnavailable, InvalidInput
from qfusion.explain import stability


def test_pairs_name_their_pictures() -> None:
    """539 digits stand behind the 1,200 test pairs of `parity`; left and right are one pool."""
    parity = data.load("parity")
    rows = parity.rows("test")
    assert parity.clusters is not None
    assert parity.clusters.numbers.shape == (len(parity), 2)
    assert len(rows) == 1200
    digits = set(parity.table["left_item"].iloc[rows]) | set(parity.table["right_item"].iloc[rows])
    assert parity.clusters.count_words(rows) == f"{len(digits)} pictures"
    assert len(stability._pools(parity.clusters.numbers[rows])) == 1
    assert f"of {len(digits)} pictures, not of rows" in cohort_measures.intervals(
        parity, parity.table.iloc[rows]
    )
    assert data.load("planted").clusters is None


def test_ids_of_mmsa_name_videos() -> None:
    found = videos_of(["a$_$1", "a$_$2", "b_c$_$1"])
    assert found is not None
    assert found.count_words(np.arange(3)) == "2 videos"
    assert videos_of(["a$_$1", "b"]) is None
    assert videos_of([]) is None


def test_clusters_of_another_length_are_refused() -> None:
    with pytest.raises(InvalidInput, match="labels"):
        Clusters(np.zeros((2, 2, 2), dtype=str), "videos")
    with pytest.raises(InvalidInput, match="clusters"):
        next(stability.counts(3, 1, 0, np.zeros((2, 1), int)))


def test_whole_clusters_are_drawn() -> None:
    """All rows of a cluster count alike, and clusters are drawn as often as there are of them."""
    clusters = np.repeat(np.arange(12), 5)[:, None]
    for block in stability.counts(60, 50, 1, clusters):
        by = block.reshape(len(block), 12, 5)
        assert (by == by[:, :, :1]).all()
        assert (by[:, :, 0].sum(1) == 12).all()


def test_a_row_counts_as_the_product_of_what_it_shares() -> None:
    """One pool: a row (i, j) counts n_i n_j with the same counts; two pools: counts of their own."""
    pairs = np.array([(i, j) for i in range(10) for j in range(10) if i != j])
    one = next(iter(stability.counts(len(pairs), 40, 0, pairs)))
    symmetric = {(i, j): one[:, k] for k, (i, j) in enumerate(pairs.tolist())}
    assert all((values == symmetric[j, i]).all() for (i, j), values in symmetric.items())
    two = next(iter(stability.counts(len(pairs), 4000, 0, pairs + [0, 100])))
    assert two.mean() == pytest.approx(1, abs=0.03)  # E[n_i n_j] = 1 for pools of their own


def test_the_error_of_the_mean_is_that_of_the_clusters() -> None:
    """With equal clusters whose rows are alike the standard error is that of the cluster means over sqrt(clusters)."""
    means = np.random.default_rng(0).normal(size=40)
    values, clusters = np.repeat(means, 25), np.repeat(np.arange(40), 25)[:, None]
    interval = stability.mean(values, clusters=clusters)
    half = 1.96 * means.std() / 40**0.5
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.1)
    rows = stability.mean(values)
    assert (interval.high - interval.low) / (rows.high - rows.low) == pytest.approx(5, rel=0.1)


def test_two_ways_of_grouping_add_up() -> None:
    """Of a full table of a_i + b_j the variance of the mean is var(a)/n + var(b)/m (Owen 2007)."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=30), 2 * rng.normal(size=50)
    values = (a[:, None] + b).ravel()
    clusters = np.column_stack([np.repeat(np.arange(30), 50), 100 + np.tile(np.arange(50), 30)])
    interval = stability.mean(values, clusters=clusters)
    wanted = 1.96 * (a.var() / 30 + b.var() / 50) ** 0.5
    assert (interval.high - interval.low) / 2 == pytest.approx(wanted, rel=0.1)


def test_too_few_clusters_have_no_interval() -> None:
    values = np.arange(100.0)
    assert not stability.mean(values, clusters=np.repeat(np.arange(5), 20)[:, None]).known
    assert stability.mean(values, clusters=np.repeat(np.arange(20), 5)[:, None]).known


def test_rates_of_rows_that_are_alike_count_clusters() -> None:
    """Rows that are copies within a cluster say as much as the clusters do."""
    hits = np.repeat(np.arange(40) % 2 == 0, 10)
    clusters = np.repeat(np.arange(40), 10)[:, None]
    assert stability.effective(hits, clusters) == pytest.approx(40, rel=0.15)
    assert stability.effective(hits) == 400
    assert stability.effective(np.zeros(400, bool), clusters) == 40
    low, high = wilson(20.0, 40.0)
    assert low < 0.5 < high
    assert high - low > wilson(200, 400)[1] - wilson(200, 400)[0]


def test_mosi_names_its_videos() -> None:
    try:
        mosi = data.load("mosi")
    except DataUnavailable:
        pytest.skip("CMU-MOSI is not here")
    assert mosi.clusters is not None
    assert mosi.clusters.count_words(mosi.rows("test")) == "31 videos"
