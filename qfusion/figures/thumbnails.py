"""Small pictures of samples for lists: pictures, frames of films, waveforms and curves side by side."""

import base64
import io
from collections.abc import Sequence
from typing import cast

import numpy as np
from PIL import Image as Pictures

from qfusion._memory_cache import CACHE
from qfusion.analysis import sample_words
from qfusion.data import Audio, Content, DataSet, Image, Series
from qfusion.data.media.pictures import read_picture
from qfusion.data.sample_content import Film
from qfusion.errors import default_on_error

SIDE = 48  # pixels of a thumbnail's height, and of the width of each part at most
MOST = 4_000  # addresses that are kept
_HUES = 32  # colours of a picture
_PARTS = 3  # modalities of a thumbnail
_GAP = 4  # pixels between them
_INK, _PAPER = 90, 255  # grey levels of a line and of what is around it
_BINS = 2 * SIDE  # columns of a line before it is made smaller


def sample_picture_address(dataset: DataSet, row: int) -> str | None:
    """Return the address of a small picture of a sample, `data:image/png;base64,...`; None if there is nothing to draw.

    Its first modalities with a picture, film, sound or curve are side by side; without them, it is the picture that
    was joined to the sample. Addresses are cached, except those of a visitor's samples.
    """
    if dataset.is_own(row):
        return _draw_address(dataset, row)
    key = dataset.identity, row
    address = CACHE.get_or_compute(
        sample_picture_address, key, lambda: _draw_address(dataset, row), MOST
    )
    return cast("str | None", address)


def draw_sample(dataset: DataSet, row: int) -> np.ndarray | None:
    """Return a small picture of a sample, uint8 (h, w, 3), or None; see `sample_picture_address`."""
    drawn = [draw_thumbnail(part) for part in sample_words.read_content(dataset, row).values()]
    parts = [part for part in drawn if part is not None][:_PARTS]
    return _place_side_by_side(parts) if parts else _draw_joined_picture(dataset, row)


def picture_address(pixels: np.ndarray) -> str:
    """Return a picture as an address that holds it, in at most `_HUES` colours."""
    file = io.BytesIO()
    picture = Pictures.fromarray(pixels).quantize(_HUES, dither=Pictures.Dither.NONE)
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def draw_thumbnail(content: Content) -> np.ndarray | None:
    """Return a small picture of the content of a modality, uint8 (h, w, 3) of at most `SIDE` pixels; None for text."""
    match content:
        case Image():
            return _shrink(content.pixels)
        case Film():
            return _shrink(content.frames[len(content.frames) // 2])
        case Audio():
            return _draw_wave(content.samples)
        case Series():
            return _draw_curve(content.values)
    return None


def _draw_address(dataset: DataSet, row: int) -> str | None:
    pixels = draw_sample(dataset, row)
    return None if pixels is None else picture_address(pixels)


@default_on_error(None)
def _draw_joined_picture(dataset: DataSet, row: int) -> np.ndarray | None:
    clip = dataset.clip_of(row)
    if clip is None or clip.kind != "image":
        return None
    return _shrink(read_picture(clip.path, SIDE))


def _place_side_by_side(parts: Sequence[np.ndarray]) -> np.ndarray:
    height = max(part.shape[0] for part in parts)
    padded = []
    for part in parts:
        above = (height - part.shape[0]) // 2
        below = height - part.shape[0] - above
        padded.append(np.pad(part, ((above, below), (0, _GAP), (0, 0)), constant_values=_PAPER))
    return np.concatenate(padded, 1)[:, :-_GAP]


def _shrink(pixels: np.ndarray) -> np.ndarray:
    picture = Pictures.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    return np.asarray(picture)


def _draw_wave(samples: np.ndarray) -> np.ndarray:
    """Return a waveform: in each column from its least to its largest sample."""
    bins = np.array_split(np.asarray(samples, dtype=float), _BINS)
    low = np.array([part.min(initial=0) for part in bins])
    high = np.array([part.max(initial=0) for part in bins])
    reach = max(float(np.abs([low, high]).max()), 1e-9)
    return _fill_columns(low / reach, high / reach)


def _draw_curve(values: np.ndarray) -> np.ndarray:
    """Return a curve, from its least to its largest value."""
    places = np.linspace(0, len(values) - 1, _BINS)
    line = np.interp(places, np.arange(len(values)), values)
    spread = max(float(np.ptp(line)), 1e-9)
    height = 2 * (line - line.min()) / spread - 1
    before = np.append(height[:1], height[:-1])
    return _fill_columns(np.minimum(height, before), np.maximum(height, before))


def _fill_columns(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return a picture whose columns are dark between two heights, each from -1 to 1."""
    heights = np.linspace(1, -1, _BINS)[:, None]
    half = 1.5 / _BINS
    is_ink = (heights >= low - half) & (heights <= high + half)
    grey = np.where(is_ink, _INK, _PAPER).astype(np.uint8)
    return _shrink(np.repeat(grey[:, :, None], 3, 2))
