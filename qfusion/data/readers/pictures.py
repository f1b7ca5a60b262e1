"""Encoded pictures in a column of a table, {"bytes", "path"}, as Hugging Face's `datasets` writes them."""

import io
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data.file_words import numbered_features
from qfusion.data.given_forms import GivenForm
from qfusion.data.raw import Raw, RawModality, whole_array
from qfusion.data.readers.table import Table
from qfusion.errors import translate_errors

MAX_PIXELS = 4096 * 4096  # of a picture


def read_pictures(raw: Raw, name: str, table: Table, column: str) -> RawModality:
    """Return a modality of the pixels of pictures, in [0, 1]; the pictures are shown as well.

    Args:
        raw: takes the pictures to show.
        name: of the modality.
        table: of the column.
        column: of encoded pictures of one size.

    Raises:
        InvalidInput: when a row holds no picture, or sizes differ.
    """
    pictures = [_decode(column, row, cell) for row, cell in enumerate(table.cells(column))]
    sizes = {picture.shape for picture in pictures}
    check(
        len(sizes) == 1,
        f"Pictures of column `{column}` must have one size, but have {sorted(sizes)[:3]}. Resize them first.",
    )
    raw.contents.setdefault(name, pictures)
    pixels = np.stack(pictures)
    flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255
    names = numbered_features("pixel", flat.shape[1])
    shape = pixels.shape[1:]
    return whole_array(name, flat, names, picture=shape, given=GivenForm(shape))


def _decode(column: str, row: int, cell: Any) -> np.ndarray:
    """Return a picture as uint8, (h, w, 3)."""
    from PIL import Image

    data = (cell or {}).get("bytes")
    check(
        isinstance(data, bytes),
        f"Column `{column}` must hold the bytes of a picture in every row, but row {row} holds none.",
    )
    with translate_errors(
        f"Row {row} of column `{column}` is no picture that can be read",
        "Write PNG or JPEG.",
        *(OSError, ValueError, SyntaxError, Image.DecompressionBombError),
        why="{kind}",
    ):
        picture = Image.open(io.BytesIO(data or b""), formats=("PNG", "JPEG", "WEBP", "GIF", "BMP"))
        check(
            picture.width * picture.height <= MAX_PIXELS,
            f"The picture in row {row} of column `{column}` has {picture.width} x {picture.height} pixels; at most "
            f"{MAX_PIXELS:,} are read.",
        )
        return np.asarray(picture.convert("RGB"))
