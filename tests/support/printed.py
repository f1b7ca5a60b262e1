"""What a printed page shows: Chinese letters of a PDF cut out of its rendered pages, beside the glyphs of the fonts
that the PDF names."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
import pypdfium2
from matplotlib.ft2font import FT2Font, LoadFlags
from PIL import Image
from pypdfium2 import raw

from plotly_print import fonts

BLANK = "nothing"  # what a font may draw in the place of a letter that it does not have
_SCALE, _SIDE, _POINTS = (
    9,
    48,
    90,
)  # pixels a point of a page, of a picture's side; size of a font's own glyphs
_FRAME = np.pad(np.zeros((_SIDE - 8, _SIDE - 8)), 4, constant_values=255)


class Printed(NamedTuple):
    """A letter on a page: which it is by the page's own text, the font that the PDF names, and its picture."""

    letter: str
    font: str
    picture: np.ndarray


def is_han(letter: str) -> bool:
    """Whether a letter is a Chinese one."""
    return "\u3400" <= letter <= "\u9fff"


def words(pdf: bytes) -> tuple[str, ...]:
    """Returns the text of every page of a PDF: in a tenth of the time that pypdf takes, which reads every line of the
    drawings, too."""
    with pypdfium2.PdfDocument(pdf) as document:
        return tuple(
            page.get_textpage().get_text_bounded().replace("\r\n", "\n") for page in document
        )


def letters(pdf: bytes) -> list[Printed]:
    """Returns every Chinese letter of a PDF, in the order of its text, cut out of the rendered page."""
    result = []
    with pypdfium2.PdfDocument(pdf) as document:
        for number in range(len(document)):
            page = document[number]
            text = page.get_textpage()
            places = [place for place in range(text.count_chars()) if is_han(_letter(text, place))]
            if places:
                pixels = page.render(scale=_SCALE, grayscale=True).to_numpy().squeeze().copy()
                result += [_printed(text, place, pixels) for place in places]
            text.close()
            page.close()
    return result


def _letter(text: pypdfium2.PdfTextPage, place: int) -> str:
    return chr(raw.FPDFText_GetUnicode(text, place))


def _printed(text: pypdfium2.PdfTextPage, place: int, pixels: np.ndarray) -> Printed:
    name = ctypes.create_string_buffer(200)
    raw.FPDFText_GetFontInfo(text, place, name, len(name), ctypes.c_int())
    left, low, right, high = (round(_SCALE * edge) for edge in text.get_charbox(place))
    cut = pixels[len(pixels) - high - 3 : len(pixels) - low + 3, left - 3 : right + 3].astype(float)
    edge = np.concatenate([cut[0], cut[-1], cut[:, 0], cut[:, -1]])
    picture = _ink(np.abs(cut - np.median(edge)))  # light letters stand on dark cells
    return Printed(_letter(text, place), name.value.decode().split("+")[-1], picture)


def nearest(seen: Printed, among: Iterable[str]) -> tuple[str, float]:
    """Returns what of the font that is named looks most like the printed letter: one of some letters, a box, or
    `BLANK`; and their correlation."""
    if not seen.picture.any():
        return BLANK, 1.0
    others = [*{*among, seen.letter, fonts.BOX}]
    pictures = [seen.picture.ravel(), *(glyph(seen.font, other).ravel() for other in others)]
    likeness = dict(zip(others, np.corrcoef(pictures)[0, 1:].tolist(), strict=True))
    best = max(likeness, key=likeness.__getitem__)
    return best, likeness[best]


@cache
def glyph(name: str, letter: str) -> np.ndarray:
    """A glyph of an installed font, drawn by FreeType; of a box, the frame that most fonts draw."""
    if letter == fonts.BOX:
        return _FRAME
    face = next(face for face in fonts.installed() if name.startswith(face.family.replace(" ", "")))
    font = FT2Font(face.path, face_index=face.index)
    font.set_size(_POINTS, 72)
    font.set_text(letter, flags=LoadFlags.NO_HINTING)
    font.draw_glyphs_to_bitmap()
    return _ink(np.asarray(font.get_image(), float))


def _ink(pixels: np.ndarray) -> np.ndarray:
    """What differs from the background, cut to its edges and brought to one size; zeros of nothing."""
    strong = pixels > max(20.0, pixels.max() / 2)
    if not strong.any():
        return np.zeros((_SIDE, _SIDE))
    rows, columns = np.flatnonzero(strong.any(1)), np.flatnonzero(strong.any(0))
    cut = 255 * pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] / pixels.max()
    return np.asarray(Image.fromarray(cut.astype(np.uint8)).resize((_SIDE, _SIDE)), float)
