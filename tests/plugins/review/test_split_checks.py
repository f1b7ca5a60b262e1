"""Checks of the split find planted copies and known labels, and raise no alarm where there is nothing to find."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import beta, false_discovery_control

from qfusion.adapters.opening import open_model
from qfusion.data import DataSet
from qfusion.data.in_memory import data_set_of
from qfusion.data.row_splits import Clusters
from qfusion.plugins.review import words
from qfusion.plugins.review.checks.check import Check, Finding, Verdict
from qfusion.plugins.review.checks.claims import Claims
from qfusion.plugins.review.checks.split import check_split
from qfusion.plugins.review.split import near_copies
from qfusion.plugins.review.split.known_labels import find_known_labels
from qfusion.plugins.review.split.split_overlap import find_split_overlap
from qfusion.plugins.why.information.label_leak import find_label_leaks

SPLIT = np.repeat(["train", "valid", "test"], [500, 100, 300])
LEARNED, ROWS = 600, 900


def drawn(a: np.ndarray, b: np.ndarray, y: np.ndarray) -> DataSet:
    return data_set_of({"a": a, "b": b, "y": y, "split": SPLIT}, name="drawn")


def copied(
    copies: int, noise: float, *, width: int = 12, repeated: int = 1, seed: int = 0
) -> DataSet:
    """Noise, tosses of a coin, and copies with their labels in the first test rows; learned rows may be repeated."""
    rng = np.random.default_rng(seed)
    views = rng.normal(size=(2, ROWS, width))
    y = rng.integers(0, 2, ROWS)
    rows = np.repeat(views[:, : LEARNED // repeated], repeated, axis=1)
    views[:, :LEARNED] = rows + (repeated > 1) * noise * rng.normal(size=rows.shape)
    sources = rng.integers(0, LEARNED, copies)
    places = slice(LEARNED, LEARNED + copies)
    views[:, places] = views[:, sources] + noise * rng.normal(size=(2, copies, width))
    y[places] = y[sources]
    return drawn(views[0], views[1], y)


def answers(items: int, seed: int = 0) -> DataSet:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 2, (2, ROWS, items)).astype(float)
    return drawn(first, second, rng.integers(0, 2, ROWS))


def recorded(noise: float, gain: float = 1.0, seed: int = 0) -> DataSet:
    """Two classes; the test rows are recorded with other noise and gain than the others."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, ROWS)
    is_test = (SPLIT == "test")[:, None]
    centres = rng.normal(size=(2, 2, 12))
    views = centres[:, y] + np.where(is_test, noise, 1.0) * rng.normal(size=(2, ROWS, 12))
    views *= np.where(is_test, gain, 1.0)
    return drawn(views[0], views[1], y)


def checked(dataset: DataSet) -> Check:
    def model(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.stack([a.mean(-1), b.mean(-1)], -1)

    return check_split(open_model(model, dataset), Claims())


# ---- copies


@pytest.mark.parametrize("copies", [60, 147, 156, 300])
@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05, 0.15])
def test_copies_are_found_however_many_there_are(copies: int, noise: float) -> None:
    """Before, near copies were told by the median of test rows: of 156 copies among 300 rows, none was found."""
    overlap = find_split_overlap(copied(copies, noise))
    found = overlap.near_copies if noise else overlap.copies
    assert found.tolist() == list(range(LEARNED, LEARNED + copies))
    assert len(overlap.copies) + len(overlap.near_copies) == copies
    if noise:
        nearest, tenth = overlap.near
        assert nearest == pytest.approx(noise, rel=0.1)
        assert tenth > 0.8


@pytest.mark.parametrize("repeated", [2, 4])
def test_copies_are_found_where_learned_rows_occur_several_times(repeated: int) -> None:
    overlap = find_split_overlap(copied(150, 0.05, repeated=repeated))
    assert overlap.near_copies.tolist() == list(range(LEARNED, LEARNED + 150))
    assert len(find_split_overlap(copied(0, 0.05, repeated=repeated)).near_copies) == 0
    assert len(find_split_overlap(copied(150, 0.0, repeated=repeated)).copies) == 150


def test_copies_are_found_among_many_features() -> None:
    overlap = find_split_overlap(copied(20, 0.15, width=300))
    assert overlap.near_copies.tolist() == list(range(LEARNED, LEARNED + 20))
    assert overlap.features == 600


def test_copies_of_recordings_with_many_windows_are_found() -> None:
    """A copied window is near to all windows of its recording, which count once."""
    rng = np.random.default_rng(3)
    recording = np.arange(ROWS) // 20
    views = rng.normal(size=(2, 45, 12))[:, recording] + 0.1 * rng.normal(size=(2, ROWS, 12))
    y = rng.integers(0, 2, ROWS)
    labels = recording.astype(str)
    grouped = drawn(views[0], views[1], y)
    grouped = replace(grouped, clusters=Clusters(labels, "recordings"))
    assert len(find_split_overlap(grouped).near_copies) == 0
    views[:, LEARNED : LEARNED + 30] = views[:, 7:37] + 0.02 * rng.normal(size=(2, 30, 12))
    copies = replace(drawn(views[0], views[1], y), clusters=grouped.clusters)
    assert find_split_overlap(copies).near_copies.tolist() == list(range(LEARNED, LEARNED + 30))


def test_near_copies_equal_brute_force() -> None:
    """By all distances, SciPy's distributions and its false discovery rate."""
    dataset = copied(40, 0.18, width=5)
    learned, test = np.arange(LEARNED), np.arange(LEARNED, ROWS)
    parts = [np.asarray(one.values, float) for one in dataset.modalities]
    parts = [part / part[learned].std(0) for part in parts]
    whole = np.concatenate([part / np.sqrt(10) for part in parts], 1)
    to_learned = cdist(whole[test], whole[learned])
    among = np.sort(cdist(whole[learned], whole[learned]), 1)[:, 1:]
    spread = np.log(among[:, 9] / among[:, 4])
    beside = spread[np.argsort(to_learned, 1)[:, :10]].mean(1)
    expected = np.mean(-np.log(beta(5, 5).rvs(200_000, random_state=0)))
    k = np.minimum(-np.log(beta(5, 5).ppf(0.1)) / np.quantile(spread, 0.9), expected / beside)
    nearest = np.sort(to_learned, 1)
    p = beta(1, 9).cdf((nearest[:, 0] / nearest[:, 9]) ** np.minimum(k, 10))
    adjusted = false_discovery_control(p)
    assert (np.abs(np.log(adjusted / 0.001)) > 0.02).all()  # none is decided by the last bits
    near = (adjusted <= 0.001) & (nearest[:, 0] <= nearest[:, 9] / 2)
    sources = to_learned.argmin(1)
    for part in parts:
        near &= ((part[test] - part[learned][sources]) ** 2).mean(1) <= 0.25
    assert 5 < near.sum() < 40
    assert find_split_overlap(dataset).near_copies.tolist() == test[near].tolist()


def test_the_number_of_dimensions_is_that_of_the_rows() -> None:
    rng = np.random.default_rng(0)
    for dimensions in (1, 2, 4):
        rows = rng.normal(size=(2000, dimensions)) @ rng.normal(size=(dimensions, 24))
        found = near_copies.find_near_copies(
            [rows[1500:]], [rows[:1500]], np.arange(1500), np.zeros(500, bool)
        )
        assert np.median(found.dimensions) == pytest.approx(dimensions, rel=0.15)
        assert not found.is_near.any()


# ---- what is no copy


@pytest.mark.parametrize("items", [3, 6, 10])
def test_equal_answers_of_different_people_are_no_copies(items: int) -> None:
    """Before, each test row that gave the same answers as a learned row was a copy."""
    overlap = find_split_overlap(answers(items))
    assert len(overlap.copies) == len(overlap.near_copies) == 0
    assert items > 6 or len(overlap.common) > 30
    assert set(overlap.seen.values()) == {0.0}


def test_equal_answers_to_many_items_are_copies() -> None:
    dataset = answers(25)
    values = {one.name: np.array(one.values) for one in dataset.modalities}
    for view in values.values():
        view[LEARNED : LEARNED + 5] = view[:5]
    overlap = find_split_overlap(drawn(values["a"], values["b"], np.array(dataset.y)))
    assert overlap.copies.tolist() == list(range(LEARNED, LEARNED + 5))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("noise", "gain"), [(3.0, 1.0), (10.0, 1.0), (0.2, 1.0), (1.0, 0.3)])
def test_other_noise_in_test_recordings_is_no_fault(noise: float, gain: float, seed: int) -> None:
    """Before, features of noisy test recordings seemed to have been made with the labels of training rows."""
    dataset = recorded(noise, gain, seed)
    overlap = find_split_overlap(dataset)
    assert len(overlap.copies) == len(overlap.near_copies) == 0
    assert find_label_leaks(dataset) == ()
    assert find_known_labels(dataset) is None


def test_features_of_another_spread_stay_suspected() -> None:
    """Labels are in the features of learned rows only, whatever the noise of the test rows."""
    for noise in (1.0, 2.0):
        rng = np.random.default_rng(0)
        y = rng.integers(0, 2, ROWS)
        views = rng.normal(size=(2, ROWS, 12))
        views[0, :LEARNED, 0] += 2 * y[:LEARNED]
        views[:, LEARNED:] *= noise
        assert [leak.modality for leak in find_label_leaks(drawn(views[0], views[1], y))] == ["a"]


# ---- known labels


@pytest.mark.parametrize("noise", [0.05, 0.8])
def test_tosses_of_a_coin_that_are_known_are_a_fault(noise: float) -> None:
    known = find_known_labels(copied(156, noise))
    assert known is not None
    assert known.outside.low > 0.2
    assert known.inside.low < 0 < known.inside.high
    assert find_known_labels(copied(0, noise)) is None


def test_numbers_and_single_modalities_can_be_known() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, ROWS, 12))
    y = rng.normal(size=ROWS)
    first[LEARNED : LEARNED + 200], y[LEARNED : LEARNED + 200] = first[:200], y[:200]
    known = find_known_labels(drawn(first, second, y))
    assert known is not None
    assert known.modality == "a"
    assert known.outside.value == pytest.approx(200 / 300 * 0.8, abs=0.12)


# ---- the review


def test_a_review_tells_of_copies_and_known_labels() -> None:
    check = checked(copied(156, 0.05))
    assert check.findings == (Finding.NEAR_COPIES, Finding.LABELS_KNOWN)
    said = words.describe_check(check)
    assert "156 test rows of 300 nearly repeat a learned row, which is 0.05 standard" in said
    assert "the labels of test rows follow those of the nearest learned rows" in said
    far = checked(copied(156, 0.8))
    assert far.findings == (Finding.LABELS_KNOWN,)
    assert far.verdict is Verdict.FAULT
    assert far.number is not None
    assert far.number.low > 0.2
    assert far.unit.startswith("correlation")


def test_a_review_of_answers_passes() -> None:
    with warnings.catch_warnings(action="ignore"):
        check = checked(answers(3))
    assert check.findings == (Finding.COMMON_VALUES,)
    assert check.verdict is Verdict.PASSED
    assert "300 test rows of 300 are equal to a learned row in every modality, as chance" in (
        words.describe_check(check)
    )
