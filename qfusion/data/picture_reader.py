"""The pixels of a picture file."""

from pathlib import Path

import numpy as np

from qfusion.data.media_files import check_file
from qfusion.data.media_types import PICTURES
from qfusion.errors import QFusionError, translate_errors


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
