"""Pictures as arrays: names of their pixels, grey levels, and copies that are large enough to see."""

from pathlib import Path

import numpy as np

from qfusion.data.media.files import PICTURES, check_file
from qfusion.errors import QFusionError, translate_errors


def pixel_names(shape: tuple[int, ...], what: str = "pixel") -> tuple[str, ...]:
    """Return names of the entries of a picture, row by row: "pixel 1,1" (row, column), ...

    Entries of a picture in colour, (h, w, 3), are called "pixel 1,1 red", ...
    """
    colours = [" red", " green", " blue"] if len(shape) == 3 else [""]
    return tuple(
        f"{what} {row},{column}{colour}"
        for row in range(1, shape[0] + 1)
        for column in range(1, shape[1] + 1)
        for colour in colours
    )


def enlarge(pixels: np.ndarray, side: int = 128) -> np.ndarray:
    """Return a picture (h, w) with each pixel repeated a whole number of times.

    Its longer side has at most `side` pixels, or its original length if that is more.
    """
    factor = max(1, side // max(pixels.shape[:2]))
    return np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)


def grey_levels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values (h, w) as grey levels, uint8: `low` and below black, `high` and above white."""
    return np.round(255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8)


def read_picture(path: Path, side: int | None = None) -> np.ndarray:
    """Return a picture file's pixels, uint8 (h, w, 3), upright as its camera says.

    What is transparent lies over white. Of 16 bits a channel the upper 8 are kept.

    Args:
        path: of a .png or .jpg. side: pixels of the longer side at most; as it is by default.

    Raises:
        NotFound: when there is no such file. InvalidInput: when it is no such picture, damaged or too large.
    """
    from PIL import Image, ImageOps

    check_file(path, PICTURES)
    with (
        translate_errors(
            f"File `{path.name}` must be a whole PNG or JPEG picture, but is not",
            "Save or copy it again.",
            Exception,  # a damaged picture raises whatever its bytes lead to
            why="{kind}",
            passing=(QFusionError,),
        ),
        Image.open(path, formats=("PNG", "JPEG")) as image,
    ):
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):  # grey of 16 bits
            upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
        shown = Image.new("RGBA", upright.size, "white")
        shown.alpha_composite(upright.convert("RGBA"))
        if side is not None:
            shown.thumbnail((side, side))
        return np.asarray(shown.convert("RGB"))
