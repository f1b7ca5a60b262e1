"""Where attributions within a modality start, and where in a picture a pixel is."""

# By name of the baseline.
BASELINES: dict[str, str] = {
    "mean": "the training mean of every feature",
    "zero": "zero in every feature",
    "sample": "the features of another sample",
}

# Thirds of a picture, from the top and from the left.
REGIONS = (
    ("upper left", "upper middle", "upper right"),
    ("middle left", "center", "middle right"),
    ("lower left", "lower middle", "lower right"),
)
PIXEL = "a pixel in the {region}"
PICTURE = (
    " The model takes {rows} x {columns} pixels. Those below {faint:.0%} of the largest attribution have no color, so "
    "that the picture is seen."
)


def name_pixel(row: int, column: int, shape: tuple[int, int]) -> str:
    """Return where a pixel is: "a pixel in the lower left".

    Args:
        row, column: of the pixel, from 0.
        shape: rows and columns of the picture.
    """
    region = REGIONS[3 * row // shape[0]][3 * column // shape[1]]
    return PIXEL.format(region=region)


def describe_picture(shape: tuple[int, int], faint: float) -> str:
    """Return a sentence on how the attribution of a picture is drawn; it follows another sentence.

    Args:
        shape: rows and columns of the pixels that the model takes.
        faint: part of the largest attribution below which a pixel has no color.
    """
    return PICTURE.format(rows=shape[0], columns=shape[1], faint=faint)
