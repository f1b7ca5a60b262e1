"""Pixels as a viewer shows them: pictures of any depth and transparency as 8-bit colours, video frames upright."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_DEPTH = 24  # place of a PNG's bits a channel
_MATRIX = "DISPLAYMATRIX"


def bit_depth(path: Path) -> int:
    """Return the bits of a channel of a PNG file; 8 of a JPEG."""
    with path.open("rb") as file:
        head = file.read(_DEPTH + 1)
    return head[_DEPTH] if head.startswith(b"\x89PNG") and len(head) > _DEPTH else 8


def blend_on_white(picture: Image.Image, bits: int) -> Image.Image:
    """Return a picture in 8-bit colours, mode RGB, with transparent parts laid over white.

    Of 16 bits the upper 8 are kept, in grey as in colours.

    Args:
        picture: as Pillow reads it.
        bits: of a channel in its file.
    """
    from PIL import Image

    shown = _eight_bits(picture, bits)
    if not shown.has_transparency_data:
        return shown.convert("RGB")
    shown = shown.convert("RGBA")
    white = Image.new("RGBA", shown.size, "white")
    white.alpha_composite(shown)
    return white.convert("RGB")


def _eight_bits(picture: Image.Image, bits: int) -> Image.Image:
    """Return a picture with 8 bits per channel. A value that its file declares transparent is stored as Pillow
    expects it.
    """
    declared = picture.info.get("transparency")
    if picture.mode.startswith("I"):  # grey of 16 bits
        return _eight_bits_of_grey(np.asarray(picture), declared)
    if isinstance(declared, int) and picture.mode == "L" and bits < 8:
        # Pillow widens the pixels to 8 bits, and not this value
        picture.info["transparency"] = declared * 255 // (2**bits - 1)
    if isinstance(declared, tuple) and bits == 16:
        picture.info["transparency"] = tuple(value >> 8 for value in declared)
    return picture


def _eight_bits_of_grey(values: np.ndarray, transparent: int | None) -> Image.Image:
    """Grey values (h, w) of 16 bits as a picture."""
    from PIL import Image

    grey = Image.fromarray((values >> 8).astype(np.uint8))
    if transparent is None:
        return grey
    alpha = np.where(values == transparent, np.uint8(0), np.uint8(255))
    return Image.merge("LA", (grey, Image.fromarray(alpha)))


class Orientation(NamedTuple):
    """The rotation and mirroring of the frames of a video on the display.

    Attributes:
        right: where a step to the right in a stored frame leads on the display, (right, down).
        down: where a step down leads.
    """

    right: tuple[int, int]
    down: tuple[int, int]

    @property
    def is_sideways(self) -> bool:
        """Whether rows of a stored frame stand as columns on the display."""
        (right, across), (along, down) = self
        return abs(across) + abs(along) > abs(right) + abs(down)


def read_orientation(frame: Any) -> Orientation:
    """Return how the frames of a video lie on the display, by the matrix that its first frame has.

    Ask it of one frame of a video alone: PyAV keeps each that is asked until Python collects its garbage.
    """
    matrix = next((bytes(one) for one in frame.side_data if one.type.name == _MATRIX), b"")
    if len(matrix) < 36:
        return Orientation((1, 0), (0, 1))
    # nine numbers of 32 bits: (x, y) is shown at (a x + c y, b x + d y)
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    return Orientation((a, b), (c, d))


def turn_upright(pixels: np.ndarray, orientation: Orientation) -> np.ndarray:
    """Return the pixels (h, w, 3) of a video frame turned and mirrored as players show them.

    Args:
        pixels: as they are stored, of any size.
        orientation: of the video.
    """
    right, down = orientation
    if orientation.is_sideways:
        pixels = pixels.transpose(1, 0, 2)
        mirrored, upside_down = down[0] < 0, right[1] < 0
    else:
        mirrored, upside_down = right[0] < 0, down[1] < 0
    if mirrored:
        pixels = pixels[:, ::-1]
    if upside_down:
        pixels = pixels[::-1]
    return pixels


def size_upright(frame: Any) -> tuple[int, int]:
    """Return width and height of a video frame as players show it."""
    if read_orientation(frame).is_sideways:
        return frame.height, frame.width
    return frame.width, frame.height
