"""Digits in three views: views, splits and displayed content."""

from __future__ import annotations

import numpy as np
import pytest

from qfusion import data
from qfusion.data import Image, Series, registry
from qfusion.data.array_chunks import numbered_ids
from qfusion.data.media_pictures import enlarge, grey_levels, pixel_names
from qfusion.data.row_splits import stratified_split
from qfusion.data.sources import digits
from qfusion.errors import NotFound
from tests.support.class_shares import shares

# ---- splits and pictures


def test_a_split_has_equal_shares_in_every_class_and_every_sample_once() -> None:
    y = np.repeat([0, 1, 2], [100, 40, 3])
    split = stratified_split(y, seed=1)
    counts = {
        label: [int(((y == label) & (split == part)).sum()) for part in ("train", "valid", "test")]
        for label in range(3)
    }
    assert counts == {0: [60, 10, 30], 1: [24, 4, 12], 2: [1, 1, 1]}
    assert (stratified_split(y, seed=1) == split).all()
    assert (stratified_split(y, seed=2) != split).any()
    assert "test" not in stratified_split(y, test=0)


def test_pictures_are_enlarged_without_mixing_pixels() -> None:
    small = np.array([[1, 2], [3, 4]], dtype=np.uint8)
    assert enlarge(small, 4).tolist() == [
        [1, 1, 2, 2],
        [1, 1, 2, 2],
        [3, 3, 4, 4],
        [3, 3, 4, 4],
    ]
    assert enlarge(np.zeros((300, 2), np.uint8)).shape == (300, 2)
    assert grey_levels(np.array([[-1.0, 0, 8, 16, 20]]), 0, 16).tolist() == [[0, 0, 128, 255, 255]]
    assert numbered_ids("row", 2).tolist() == ["row-0001", "row-0002"]
    assert pixel_names((1, 2)) == ("pixel 1,1", "pixel 1,2")


# ---- digits


def test_fourier_magnitudes_do_not_move_with_the_image_and_none_is_repeated() -> None:
    images = np.random.default_rng(0).integers(0, 17, (3, 8, 8)).astype(float)
    found = digits.fourier(images)
    assert found.shape == (3, 34)
    np.testing.assert_allclose(
        digits.fourier(np.roll(images, (2, 3), axis=(1, 2))), found, atol=1e-10
    )
    np.testing.assert_allclose(found[:, 0], images.sum((1, 2)))
    everything = np.round(np.abs(np.fft.fft2(images[0])), 8)
    assert set(np.unique(everything)) == set(np.round(found[0], 8))
    assert len(np.unique(np.round(found[0], 8))) == 34


def test_profiles_of_a_hand_drawn_image() -> None:
    image = np.zeros((1, 8, 8))
    image[0, 2:6, 3] = 16  # a bar of four pixels in the fourth column
    left, right, top, bottom = digits.contours(image).reshape(4, 8).tolist()
    assert left == [8, 8, 3, 3, 3, 3, 8, 8]
    assert right == [8, 8, 4, 4, 4, 4, 8, 8]
    assert top == [8, 8, 8, 2, 8, 8, 8, 8]
    assert bottom == [8, 8, 8, 2, 8, 8, 8, 8]
    mass, row, column, *central = digits.image_moments(image)[0]
    assert (mass, row, column) == (64, 3.5, 3)
    # mu_20 = 16 (1.5^2 + 0.5^2) 2 = 80, divided by mass^2; an upright, symmetric bar has no other moment.
    np.testing.assert_allclose(central, [80 / 64**2, 0, 0, 0, 0, 0, 0], atol=1e-12)
    moved = np.roll(image, (1, 2), axis=(1, 2))
    np.testing.assert_allclose(digits.image_moments(moved)[0][3:], central, atol=1e-12)


def test_the_embedded_digits() -> None:
    ds = data.load("digits")
    assert ds.input_specs == {
        "pixels": {"size": 64, "sequence": False, "shape": (8, 8)},
        "fourier": {"size": 34, "sequence": False},
        "profile": {"size": 58, "sequence": False},
    }
    assert [len(ds.rows(part)) for part in ("train", "valid", "test")] == [1079, 179, 539]
    np.testing.assert_allclose(
        shares(ds) / shares(ds).sum(1, keepdims=True), [[0.6, 0.1, 0.3]] * 10, atol=0.01
    )
    assert ds.target.classes == tuple("0123456789")
    assert len({m.feature_names for m in ds.modalities}) == 3
    assert ds.digest == digits.load_digits().digest
    shown = ds.content(0)
    assert isinstance(shown["pixels"], Image)
    assert shown["pixels"].pixels.shape == (128, 128)
    np.testing.assert_array_equal(
        shown["pixels"].pixels[::16, ::16],
        np.round(ds.modalities[0].values[0].reshape(8, 8) / 16 * 255),
    )
    assert isinstance(shown["profile"], Series)
    np.testing.assert_allclose(shown["profile"].values, ds.modalities[2].values[0, :16])
    assert shown["profile"].values.shape == shown["profile"].x.shape


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits", "comes with scikit-learn and needs no download"),
        ("mosy", "Did you mean 'mosi'"),
    ],
)
def test_failed_downloads_report_a_reason(name: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        registry.download(name)
