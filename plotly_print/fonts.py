"""Letters that Arimo and STIX do not have: whether DejaVu Sans, which comes with matplotlib, or an
installed font has them, and which have none."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from fontTools import unicodedata as scripts
from fontTools.ttLib import TTFont
from matplotlib.font_manager import FontPath, findSystemFonts
from matplotlib.ft2font import FaceFlags, FT2Font, StyleFlags

# From the first to the last, where several have a letter; what is not named comes after, by name.
_FIRST = (
    "Noto Sans",
    "Lohit",
    "WenQuanYi Micro Hei",
    "Source Han Sans",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Nirmala UI",
    "Symbola",
    "Noto Emoji",
    "Arial Unicode MS",
    "Droid Sans Fallback",
    "WenQuanYi Zen Hei",
    "DejaVu Sans",
)
_LATE = re.compile(
    "Mono|Serif|Cond|Ming|Song|Display|Nastaliq|Typewriter|LastResort|Last Resort|Unifont", re.I
)
# The letters of Noto Sans CJK as they are drawn there.
_EAST = {"Hira": "JP", "Kana": "JP", "Hang": "KR"}
# No letter of their own: joiners, selectors of variants, marks of direction.
IGNORED = re.compile(
    "[\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff]"
)
BUNDLED = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # fonts that matplotlib brings along
BOX = "\u25a1"  # stands for a letter that no font has


@dataclass(frozen=True)
class Face:
    """A face of an installed font: its file, which of the file it is, and what it is called."""

    path: str
    index: int
    family: str
    bold: bool
    italic: bool
    scales: bool  # has outlines: a font of pictures alone is none for print
    letters: bytes = field(repr=False, compare=False)  # a bit for each letter, whether it has it

    @property
    def file(self) -> FontPath:
        """As matplotlib names it."""
        return FontPath(self.path, self.index)

    @cached_property
    def curves(self) -> str:
        """ "glyf" or "CFF": PDF readers take the first as TrueType, the others are embedded as
        drawings."""
        with TTFont(self.path, fontNumber=self.index, lazy=True) as font:
            return "glyf" if "glyf" in font else "CFF"

    def has(self, letter: str) -> bool:
        """Whether it draws a letter."""
        place, bit = divmod(ord(letter), 8)
        return place < len(self.letters) and bool(self.letters[place] >> (7 - bit) & 1)


@cache
def installed() -> tuple[Face, ...]:
    """Every face of the fonts of this machine, the ones to be taken first at the front; read once
    a process."""
    faces = []
    sets: dict[bytes, bytes] = {}  # faces of a file have the same letters, mostly
    for path in sorted(set(findSystemFonts())):
        try:
            for face in _faces_of(path, sets):
                faces += [] if re.match(r"\.?Last\s?Resort", face.family) else [face]
        except (OSError, RuntimeError, ValueError):  # no font, or one that FreeType does not read
            continue
    return tuple(sorted(faces, key=_rank))


def _faces_of(path: str, sets: dict[bytes, bytes]) -> Iterator[Face]:
    """The faces of a file; `sets`: of letters, each of which is held once."""
    for index in range(FT2Font(path).num_faces):
        font = FT2Font(path, face_index=index)
        codes = np.fromiter(font.get_charmap(), int)
        bits = np.zeros(codes.max(initial=0) + 1, dtype=bool)
        bits[codes] = True
        letters = np.packbits(bits).tobytes()
        yield Face(
            path,
            index,
            font.family_name,
            bold=StyleFlags.BOLD in font.style_flags,
            italic=StyleFlags.ITALIC in font.style_flags,
            scales=FaceFlags.SCALABLE in font.face_flags,
            letters=sets.setdefault(letters, letters),
        )


@cache
def _dejavu_faces() -> tuple[Face, ...]:
    paths = sorted(BUNDLED.glob("DejaVuSans*.ttf"))
    every = [face for path in paths for face in _faces_of(str(path), {})]
    return tuple(face for face in every if face.family == "DejaVu Sans")


@lru_cache(maxsize=16384)
def dejavu(letters: str, bold: bool = False, italic: bool = False) -> Face | None:
    """The face of DejaVu Sans that has all of these letters; None when there is none.

    Args:
        letters: one letter with its marks. bold, italic: taken where a face of the kind has them.
    """
    wanted = IGNORED.sub("", letters)
    return min(
        (face for face in _dejavu_faces() if all(map(face.has, wanted))),
        key=lambda face: (face.bold != bold, face.italic != italic),
        default=None,
    )


def _rank(face: Face) -> tuple[bool, int, str, str, int]:
    early = (at for at, name in enumerate(_FIRST) if face.family.startswith(name))
    return (
        bool(_LATE.search(face.family)),
        next(early, len(_FIRST)),
        face.family,
        face.path,
        face.index,
    )


@lru_cache(maxsize=16384)
def face(
    letters: str,
    bold: bool = False,
    italic: bool = False,
    *,
    outlines: bool = True,
    east: str = "SC",
) -> Face | None:
    """The installed face that has all of these letters; None when there is none.

    Args:
        letters: one letter with its marks. bold, italic: taken where the family has them.
        outlines: whether a font of coloured pictures is none.
        east: how letters of Chinese are drawn, "SC", "JP" or "KR", where a font knows more than
            one way.
    """
    wanted = IGNORED.sub("", letters)
    able = [f for f in installed() if (f.scales or not outlines) and all(map(f.has, wanted))]
    if not able:
        return None
    family = min(
        able,
        key=lambda option: (
            not option.scales,
            bool(_LATE.search(option.family)),
            option.curves != "glyf",
            "CJK" in option.family and not option.family.endswith(east),
        ),
    ).family
    return min(
        (option for option in able if option.family == family),
        key=lambda option: (option.bold != bold, option.italic != italic),
    )


def east(text: str) -> str:
    """How letters of Chinese are drawn in a text: as in Japan where it has kana, as in Korea where
    it has hangul."""
    return next((_EAST[s] for s in map(scripts.script, text) if s in _EAST), "SC")


def clusters(text: str) -> list[str]:
    """A text by its letters, each with the marks, joiners and selectors that belong to it."""
    parts: list[str] = []
    for letter in text:
        last = parts[-1] if parts else " "
        joined = (
            unicodedata.category(letter) in ("Mn", "Mc", "Me")
            or letter in "\u200c\u200d"
            or "\U0001f3fb" <= letter <= "\U0001f3ff"
            or last.endswith("\u200d")
            or (_flag(letter) and _flag(last))
        )
        if joined and last != " ":
            parts[-1] += letter
        else:
            parts.append(letter)
    return parts


def _flag(letters: str) -> bool:
    """Whether it is one of the letters of which two make a flag."""
    return len(letters) == 1 and "\U0001f1e6" <= letters <= "\U0001f1ff"
