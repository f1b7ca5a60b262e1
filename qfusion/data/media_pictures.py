"""Pictures of samples as arrays, and strips of time: small pictures, an envelope and a spectrogram, times of words."""

from pathlib import Path

import numpy as np

from qfusion.data.media_files import PICTURES, check_file
from qfusion.data.sample_content import Audio, Film, Word
from qfusion.errors import QFusionError, translate_errors


def pixel_names(shape: tuple[int, ...], what: str = "pixel") -> tuple[str, ...]:
    """Return names of the entries of a picture, row by row: "pixel 1,1" (row, column), ...

    Entries of a picture in colour, (h, w, 3), are called "pixel 1,1 red", ...

    Example:
        >>> from qfusion.data.media_pictures import pixel_names
        >>> pixel_names((1, 2))
        ('pixel 1,1', 'pixel 1,2')
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

    Example:
        >>> import numpy as np
        >>> from qfusion.data.media_pictures import enlarge
        >>> enlarge(np.array([[0, 255]]), 4).shape
        (2, 4)
    """
    factor = max(1, side // max(pixels.shape[:2]))
    return np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)


def grey_levels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values (h, w) as grey levels, uint8: `low` and below black, `high` and above white.

    Example:
        >>> import numpy as np
        >>> from qfusion.data.media_pictures import grey_levels
        >>> grey_levels(np.array([[0.0, 1.0]]), 0.0, 1.0).tolist()
        [[0, 255]]
    """
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


THUMBS, THUMB, POSTER = (
    8,
    120,
    480,
)  # pictures of a strip, pixels of their longer side, and of the poster's
BINS = 600  # of an envelope
BANDS, COLUMNS = 48, 240  # of a spectrogram
HEARD = 16_000  # samples a second that are looked at
LOWEST, RANGE = 60.0, 70.0  # Hz of the lowest band; decibels below the loudest that are shown
EDGES = np.geomspace(LOWEST, HEARD / 2, BANDS + 1)  # Hz between the bands


def find_strip(film: Film | None, audio: Audio | None) -> dict[str, np.ndarray]:
    """Return the arrays of a `Preview` that are made from pictures, as many as there are up to THUMBS, and sound."""
    result = dict[str, np.ndarray]()
    if film is not None:
        count = min(THUMBS, len(film.frames))
        chosen = ((np.arange(count) + 0.5) * len(film.frames) / count).astype(int)
        result["thumbs"] = repeat_grey(film.frames[chosen])
    if audio is not None and len(audio.samples):
        samples = np.asarray(audio.samples, np.float32)
        parts = np.array_split(samples, min(BINS, len(samples)))
        result["envelope"] = np.array([(part.min(), part.max()) for part in parts], np.float32)
        result["spectrogram"] = _spectrogram(samples, audio.rate)
    return result


def _spectrogram(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the power in bands of equal frequency ratio, in decibels below the loudest cell. Bands that the
    sampling rate does not reach have the least value.
    """
    from scipy import signal

    size = 2 ** max(6, round(np.log2(0.032 * rate)))
    hop = max(1, len(samples) // COLUMNS, size // COLUMNS)
    transform = signal.ShortTimeFFT(np.hanning(size), hop, rate)
    power = transform.spectrogram(np.pad(samples, (0, max(0, size - len(samples)))))
    middles = np.sqrt(EDGES[1:] * EDGES[:-1])[:, None]
    ratios = np.log(np.maximum(transform.f, 1) / middles) / np.log(EDGES[1] / EDGES[0])
    weights = np.exp(-(ratios**2)) * (middles < rate / 2)
    bands = weights / np.maximum(weights.sum(1, keepdims=True), 1e-9) @ power
    quiet = 10 ** (-RANGE / 10)
    return 10 * np.log10(np.maximum(bands / max(bands.max(), 1e-12), quiet)).astype(np.float32)


def repeat_grey(frames: np.ndarray) -> np.ndarray:
    """Pictures (T, h, w, 3), also of grey ones (T, h, w)."""
    return frames if frames.ndim == 4 else np.repeat(frames[..., None], 3, -1)


def spread_words(text: str, start: float, end: float) -> tuple[Word, ...]:
    """Return the words of a text spread over a time by their letters: where nothing says when each was said.

    Example:
        >>> from qfusion.data.media_pictures import spread_words
        >>> [word.text for word in spread_words("a fine film", 0.0, 3.0)]
        ['a', 'fine', 'film']
    """
    spoken = text.split()
    if not spoken or end <= start:
        return ()
    edges = np.cumsum([0, *(len(word) + 1 for word in spoken)])
    places = (start + (end - start) * edges / edges[-1]).tolist()
    return tuple(map(Word, places[:-1], places[1:], spoken))
