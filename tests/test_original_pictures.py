"""Attributions over the original picture: the picture that is drawn, its colours, and where a pixel is in words."""

from __future__ import annotations

import numpy as np
import pytest

from qfusion.figures import attribution_charts, sample_charts
from qfusion.figures.colours import parse_channels
from qfusion.study import attribution
from qfusion.views.attribution import describe_picture, name_pixel

RED, BLUE = (220, 30, 20), (20, 40, 200)


def halves() -> np.ndarray:
    """Return a picture, red on the left and blue on the right."""
    pixels = np.empty((60, 40, 3), dtype=np.uint8)
    pixels[:, :20] = RED
    pixels[:, 20:] = BLUE
    return pixels


def test_the_original_is_drawn_where_it_shows_what_the_model_takes() -> None:
    original = halves()
    taken = original[5::10, 5::10] / 255
    np.testing.assert_array_equal(attribution.find_picture(taken, original), original)
    large = np.repeat(np.repeat(original, 5, 0), 5, 1)
    shown = attribution.find_picture(taken, large)
    assert shown.shape == (144, 144, 3)
    assert (tuple(shown[0, 0]), tuple(shown[-1, -1])) == (RED, BLUE)


def test_pixels_are_drawn_where_the_original_shows_something_else() -> None:
    original = halves()
    mirrored = original[5::10, 5::10][:, ::-1] / 255
    shown = attribution.find_picture(mirrored, original)
    assert shown.shape == (6, 4, 3)
    assert shown[0, 0, 2] > shown[0, 0, 0]
    grey = np.linspace(-1, 1, 6).reshape(2, 3, 1)
    shown = attribution.find_picture(grey, None)
    assert (shown.shape, shown[0, 0].tolist(), shown[1, 2].tolist()) == (
        (2, 3, 3),
        [0, 0, 0],
        [255, 255, 255],
    )


def test_numbered_colours_are_those_of_the_picture() -> None:
    numbers, scale = sample_charts.number_colours(halves())
    left, right = (parse_channels(scale[numbers[0, column]][1]) for column in (0, -1))
    assert (left, right) == (RED, BLUE)


def test_values_lie_over_the_picture_and_faint_ones_leave_it_seen() -> None:
    values = np.zeros((6, 4))
    values[5, 0], values[0, 3], values[2, 2] = 2.0, -1.0, 0.1
    figure = attribution_charts.picture(halves(), values)
    original, faint, heat, hover = figure.data
    assert (original.xaxis, faint.xaxis, heat.xaxis, hover.xaxis) == ("x", "x2", "x2", "x2")
    for trace in (original, faint):
        height, width = trace.z.shape
        edges = [trace.x0 - trace.dx / 2, trace.x0 + (width - 0.5) * trace.dx]
        assert edges == pytest.approx([-0.5, 3.5])
        assert trace.y0 + (height - 0.5) * trace.dy == pytest.approx(5.5)
    assert np.argwhere(np.isfinite(heat.z)).tolist() == [[0, 3], [5, 0]]
    np.testing.assert_array_equal(hover.z, values)
    assert hover.customdata[5][0].tolist() == [6, 1]


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (0, 0, "a pixel in the upper left"),
        (7, 16, "a pixel in the upper right"),
        (8, 8, "a pixel in the center"),
        (19, 5, "a pixel in the lower left"),
        (23, 12, "a pixel in the lower middle"),
    ],
)
def test_a_pixel_is_named_by_its_third_of_the_picture(row: int, column: int, words: str) -> None:
    assert name_pixel(row, column, (24, 24)) == words


def test_pictures_of_few_pixels_have_regions_too() -> None:
    assert name_pixel(1, 0, (2, 1)) == "a pixel in the middle left"
    assert "takes 2 x 1 pixels" in describe_picture((2, 1), 0.1)
    assert "below 10% of" in describe_picture((2, 1), 0.1)
