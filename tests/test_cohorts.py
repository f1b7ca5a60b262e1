"""Cohort filters are parsed and never executed; bootstrap intervals equal SciPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from matplotlib.path import Path
from scipy import stats

from qfusion.errors import InvalidInput, NotFound, QFusionError
from qfusion.explain import bootstrap, cohort_filters, interval_ends

FRAME = pd.DataFrame(
    {
        "split": ["test", "test", "test", "train", "test"],
        "relation": ["conflict", "dominance", "conflict", "conflict", ""],
        "error": [0.5, 1.5, 2.5, 3.5, 4.5],
        "dividend[a+b]": [0.1, np.nan, -0.3, 0.2, np.nan],
        "truth": ["3", "5", "8", "3", "3"],
        "map.1": [0.0, 1.0, 2.0, 0.5, np.nan],
        "map.2": [0.0, 1.0, 0.0, 0.5, 0.0],
        "text": ["so AWFUL", "fine; really", "awful|bad", "x", None],
    },
    index=pd.Index(["s0", "s1", "s2", "s3", "s4"], name="id"),
)


def passing(text: str) -> list[str]:
    return FRAME.index[cohort_filters.select_rows(cohort_filters.parse(text), FRAME)].tolist()


KEPT = [
    ("", ["s0", "s1", "s2", "s4"]),
    ("relation=conflict", ["s0", "s2"]),
    ("relation=conflict; error>1", ["s2"]),
    ("relation=conflict; split=all", ["s0", "s2", "s3"]),
    ("split=train", ["s3"]),
    ("split=train|test; error<=3.5; error!=1.5", ["s0", "s2", "s3"]),
    ("truth=5|8", ["s1", "s2"]),
    ("truth!=3", ["s1", "s2"]),
    ("dividend[a+b]<0.15", ["s0", "s2"]),
    ("dividend[a+b]!=0.1", ["s2"]),
    ("dividend[a b]<0", ["s2"]),
    ("text~awful", ["s0", "s2"]),
    ('text~"; r"', ["s1"]),
    ('text="awful|bad"', ["s2"]),
    ("id=s4|s1", ["s1", "s4"]),
    (" error = 4.5 ;; ", ["s4"]),
    ("map@0,0|1,1", ["s0", "s1"]),
    ("map@1,1|0,0; split=all", ["s0", "s1", "s3"]),
    ("map@0.9,-1|3,-1|3,1; error>1", ["s2"]),
    ("text!=x", ["s0", "s1", "s2"]),  # nothing is known of s4
    ("text~x|FINE", ["s1"]),
    ("text~f.ne|(", []),  # words, not patterns
    ("error<1.5; error>=0.5", ["s0"]),
    ("relation=agreement", []),  # there are none of it
    ("relation=agreement|joint|conflict", ["s0", "s2"]),
    ("error=0.5|4.5|7", ["s0", "s4"]),
    ("error!=0.5|4.5|7", ["s1", "s2"]),
    ("split!=train", ["s0", "s1", "s2", "s4"]),
    ("split=all; split=train", ["s3"]),
    ("truth = 3 |5", ["s0", "s1", "s4"]),
    ("map@-.5,-.5|1.5,-.5|1.5,.9|-.5,.9; split=all", ["s0", "s3"]),
]


def test_a_filter_keeps_the_rows_it_names() -> None:
    for text, wanted in KEPT:
        assert passing(text) == wanted, text


REFUSED = [
    ("eror>1", "'error'"),
    ("relation=conflct", "'conflict'"),
    ("error>many", "many"),
    ("error>nan", "error"),
    ("error>1e999", "error"),
    ("error~1", "holds numbers"),
    ("relation>conflict", "holds words"),
    ("error>1|2", "one number"),
    ("conflict", "must look like"),
    ("=1", "must look like"),
    ("error=", "value after"),
    ('text="open', "not closed"),
    ("__import__('os').system('true')=1", "does not exist"),
    ("error>1" + " " * 500, "at most 500"),
    ("error>1;" * 20, "at most 12"),
    ("truth=" + "|".join("3" * 31), "at most 30"),
    ("error>1\x00", "printed"),
    ("error@0,0|1,1", "region of a map"),
    ("map@0,0", "two corners"),
    ("map@0,0|1", "must look like `0.5,-1`, but is `1`"),
    ("map@0,0|1,x", "corner"),
    ("error<=1|2", "one number"),
    ("error=1;" * 13, "13 conditions"),
    ("x" * 501, "501 characters"),
    ("id=s7", "'s7'"),
    ("truth=3|33", "'33'"),
    ("error>1.001e12", "1e+12"),
    ('text=""', "value after"),
    ("dividend[a b]~1", "holds numbers"),
]


def test_invalid_filter_is_refused() -> None:
    for text, words in REFUSED:
        with pytest.raises((InvalidInput, NotFound)) as caught:
            passing(text)
        assert words in str(caught.value), text


def test_filters_of_maximal_length_are_parsed() -> None:
    assert passing("error>1e12") == []
    assert passing("error>1" + " " * 493) == ["s1", "s2", "s4"]
    assert passing("error>1;" * 12) == ["s1", "s2", "s4"]
    assert passing("truth=" + "|".join("3" * 30)) == ["s0", "s4"]
    name, text = "n" * 40, "error>1; error<" + "0" * 484 + "3"
    saved = cohort_filters.parse_saved(f"{name}:{text}")
    assert (saved.name, len(text), len(saved.parts[1].values[0])) == (name, 500, 485)
    with pytest.raises(InvalidInput, match="501 characters"):
        cohort_filters.parse_saved(f"{name}:{text}0")
    assert cohort_filters.split_conditions(cohort_filters.parse("error>1")) == (
        cohort_filters.Condition("split", "=", ("test",)),
    )
    both = cohort_filters.parse("split=train; error>1; split!=test")
    assert cohort_filters.split_conditions(both) == (both[0], both[2])
    assert cohort_filters.rows_in_split(both, FRAME).tolist() == [False, False, False, True, False]


def test_filter_accepts_any_of_many_values() -> None:
    for count in (200, 201):
        frame = pd.DataFrame({"split": "test", "word": [f"w{i}" for i in range(count)]})
        parts = cohort_filters.parse("word=w7|w999")
        if count == 200:
            with pytest.raises(NotFound, match="In column 'word', value 'w999'"):
                cohort_filters.select_rows(parts, frame)
        else:
            assert np.flatnonzero(cohort_filters.select_rows(parts, frame)).tolist() == [7]


def test_numbers_are_equal_up_to_rounding() -> None:
    numbers = [1e6 * (1 + 5e-10), 1e6 * (1 + 5e-9), 1e6, 5e-13, 5e-12, 0.0]
    frame = pd.DataFrame({"split": "test", "x": numbers})
    for text, places in (("x=1e6", [0, 2]), ("x=0", [3, 5]), ("x!=1000000", [1, 3, 4, 5])):
        assert (
            np.flatnonzero(cohort_filters.select_rows(cohort_filters.parse(text), frame)).tolist()
            == places
        )


def test_region_uses_the_even_odd_rule() -> None:
    """Against matplotlib's polygons; the middle of a star of five lines is crossed twice, and outside."""
    points = np.random.default_rng(0).uniform(-1, 2, size=(400, 2))
    corners = np.array([[0.2, -0.5], [1.7, 0.1], [0.9, 1.6], [0.6, 0.4], [-0.4, 1.1]])
    assert (
        cohort_filters.points_in_region(corners, points).tolist()
        == Path(corners).contains_points(points).tolist()
    )
    angles = 4 * np.pi * np.arange(5) / 5
    star = np.stack([np.sin(angles), np.cos(angles)], 1)
    places = np.array([[0.0, 0.0], [0.0, 0.7], [0.9, 0.9], [np.nan, 0.0], [0.0, np.inf]])
    assert cohort_filters.points_in_region(star, places).tolist() == [
        False,
        True,
        False,
        False,
        False,
    ]
    far = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    assert cohort_filters.points_in_region(far, places).tolist() == [True, True, True, False, False]
    box = np.array([[1.0, -0.5], [-0.5, 0.7]])
    edges = np.array(
        [[1, 0.7], [-0.5, -0.5], [1.001, 0], [0, 0.701], [0, -0.501], [np.nan, 0], [-np.inf, 0]]
    )
    assert cohort_filters.points_in_region(box, edges).tolist() == [True, True, *[False] * 5]


def test_saved_cohorts_round_trip() -> None:
    found = cohort_filters.parse_saved('hard ones: error > 1;  text = "a;""b"""')
    assert (found.name, len(found.parts)) == ("hard ones", 2)
    assert cohort_filters.parse_saved(str(found)) == found
    assert found.parts[1].values == ('a;"b"',)


@pytest.mark.parametrize(
    "text",
    ["no colon", ":error>1", "a" * 41 + ":error>1", "<b>:error>1", "name:", "name: ; ", "a:b"],
)
def test_invalid_saved_cohorts_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        cohort_filters.parse_saved(text)


@given(st.one_of(st.text(max_size=320), st.text('relation=conflict;error>1|<!~" ', max_size=60)))
def test_random_filters_are_parsed_or_refused(text: str) -> None:
    try:
        parts = cohort_filters.parse(text)
        again = (
            cohort_filters.parse(cohort_filters.format_conditions(parts))
            if len(cohort_filters.format_conditions(parts)) <= cohort_filters.MAX_TEXT
            else parts
        )
        assert again == parts
        kept = cohort_filters.select_rows(parts, FRAME)
    except QFusionError:
        return
    assert kept.dtype == bool
    assert kept.shape == (5,)


@pytest.fixture
def pairs() -> tuple[np.ndarray, np.ndarray]:
    """80 related pairs with ties, skewed."""
    rng = np.random.default_rng(3)
    x = np.round(rng.exponential(size=80), 1)
    return x, np.round(0.5 * x + rng.normal(size=80), 1)


def test_correlations_of_every_resample_equal_scipy(
    pairs: tuple[np.ndarray, np.ndarray],
) -> None:
    x, y = pairs
    weights = next(bootstrap.counts(80, 25, seed=1))
    assert np.all(weights.sum(-1) == 80)
    for row, r, rho in zip(
        weights, bootstrap.pearson(x, y, weights), bootstrap.spearman(x, y, weights), strict=True
    ):
        drawn = np.repeat(np.arange(80), row.astype(int))
        assert r == pytest.approx(stats.pearsonr(x[drawn], y[drawn]).statistic, abs=1e-12)
        assert rho == pytest.approx(stats.spearmanr(x[drawn], y[drawn]).statistic, abs=1e-12)


def test_intervals_equal_accelerated_bootstrap_of_scipy(
    pairs: tuple[np.ndarray, np.ndarray],
) -> None:
    x, y = pairs
    found = bootstrap.correlation(x, y, resamples=20_000)
    low, high = interval_ends.edges(80)
    for name, statistic in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        wanted = stats.bootstrap(
            (x, y),
            lambda a, b, of=statistic: of(a, b).statistic,
            paired=True,
            vectorized=False,
            n_resamples=2000,
            confidence_level=high - low,
            rng=np.random.default_rng(5),
        ).confidence_interval
        assert found[name].value == pytest.approx(statistic(x, y).statistic, abs=1e-12)
        assert (found[name].low, found[name].high) == pytest.approx(wanted, abs=0.02)
        assert found[name].n == 80
        assert found[name].resamples == 20_000
    wanted = stats.bootstrap(
        (x,), np.mean, n_resamples=20_000, confidence_level=high - low, rng=np.random.default_rng(5)
    ).confidence_interval
    mean = bootstrap.mean(x, resamples=20_000)
    assert (mean.low, mean.high) == pytest.approx(wanted, abs=0.01)
    assert bootstrap.means({"x": x, "y": y}, resamples=20_000)["x"] == mean


def test_intervals_are_reproducible_in_blocks(
    pairs: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bootstrap.correlation(*pairs, resamples=300)
    assert bootstrap.correlation(*pairs, resamples=300) == first
    monkeypatch.setattr(bootstrap, "MAX_COUNTS", 80 * 7)
    assert bootstrap.correlation(*pairs, resamples=300) == first
    assert bootstrap.correlation(*pairs, resamples=300, seed=1) != first


def test_intervals_have_nominal_coverage() -> None:
    rng = np.random.default_rng(0)
    hits = sum(
        (found := bootstrap.mean(rng.normal(size=60), resamples=400)).low <= 0 <= found.high
        for _ in range(200)
    )
    assert 0.89 <= hits / 200 <= 0.99


def test_correlation_is_scale_invariant() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 30))
    weights = np.ones((1, 30))
    for scale in (1e-40, 1e30):
        assert bootstrap.pearson(scale * x, y, weights) == pytest.approx(
            bootstrap.pearson(x, y, weights)
        )
        assert bootstrap.pearson(x, scale * y, weights) == pytest.approx(
            bootstrap.pearson(x, y, weights)
        )


def test_constants_and_small_samples_have_no_interval() -> None:
    constant = bootstrap.correlation(np.full(30, 0.1), np.arange(30.0))["spearman"]
    assert not constant.known
    assert not constant.excludes_zero
    assert not bootstrap.mean(np.arange(5.0)).known
    assert bootstrap.mean(np.arange(5.0)).value == 2.0
    assert bootstrap.mean(np.zeros(0)).n == 0
    with pytest.raises(InvalidInput, match="one length"):
        bootstrap.correlation(np.zeros(3), np.zeros(4))
    with pytest.raises(InvalidInput, match="finite"):
        bootstrap.mean(np.array([1.0, np.nan]))
