"""Letters that matplotlib's fonts do not have: which installed font has them, which have none, and what to install."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np
from fontTools import unicodedata as scripts
from fontTools.ttLib import TTFont
from matplotlib.font_manager import FontPath, findSystemFonts
from matplotlib.ft2font import FaceFlags, FT2Font, StyleFlags

# From the first to the last, where several have a letter; what is not named comes after, by name.
_FIRST = ("Noto Sans", "Lohit", "WenQuanYi Micro Hei", "Source Han Sans", "PingFang SC", "Hiragino Sans",
          "Microsoft YaHei", "Malgun Gothic", "Nirmala UI", "Symbola", "Noto Emoji", "Arial Unicode MS",
          "Droid Sans Fallback", "WenQuanYi Zen Hei", "DejaVu Sans")
_LATE = re.compile(r"Mono|Serif|Cond|Ming|Song|Display|Nastaliq|Typewriter|LastResort|Last Resort|Unifont", re.I)
_EAST = {"Hira": "JP", "Kana": "JP", "Hang": "KR"}  # the letters of Noto Sans CJK as they are drawn there
# Packages of Debian and Ubuntu with the family they bring, the small one first.
_PACKAGES = {"east": (("fonts-wqy-microhei", "WenQuanYi Micro Hei"), ("fonts-noto-cjk", "Noto Sans CJK")),
             "symbols": (("fonts-symbola", "Symbola"), ("fonts-noto-core", "Noto Sans Symbols")),
             "Deva": (("fonts-lohit-deva", "Lohit Devanagari"), ("fonts-noto-core", "Noto Sans Devanagari")),
             "": (("fonts-noto-core", "Noto Sans"),)}
_CJK = {"Hani", "Hira", "Kana", "Hang", "Bopo"}
# No letter of their own: joiners, selectors of variants, marks of direction.
IGNORED = re.compile("[\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
                     "\U000e0000-\U000e0fff]")
BOX = "\u25a1"  # stands for a letter that no font has
_SHOWN = 12  # letters that a sentence names


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

    @property
    def curves(self) -> str:
        """"glyf" or "CFF": PDF readers take the first as TrueType, the others are embedded as drawings."""
        return _curves(self.path, self.index)

    def has(self, letter: str) -> bool:
        """Whether it draws a letter."""
        place, bit = divmod(ord(letter), 8)
        return place < len(self.letters) and bool(self.letters[place] >> (7 - bit) & 1)


@lru_cache(maxsize=256)
def _curves(path: str, index: int) -> str:
    with TTFont(path, fontNumber=index, lazy=True) as font:
        return "glyf" if "glyf" in font else "CFF"


@cache
def installed() -> tuple[Face, ...]:
    """Every face of the fonts of this machine, the ones to be taken first at the front; read once a process."""
    found = []
    sets: dict[bytes, bytes] = {}  # faces of a file have the same letters, mostly
    for path in sorted(set(findSystemFonts())):
        try:
            count = FT2Font(path).num_faces
            for index in range(count):
                font = FT2Font(path, face_index=index)
                found.append(Face(path, index, font.family_name, StyleFlags.BOLD in font.style_flags,
                                  StyleFlags.ITALIC in font.style_flags, FaceFlags.SCALABLE in font.face_flags,
                                  sets.setdefault(bits := _bits(font.get_charmap()), bits)))
        except (OSError, RuntimeError, ValueError):  # a file that is no font, or one that FreeType does not read
            continue
    return tuple(sorted((face for face in found if not re.match(r"\.?Last\s?Resort", face.family)), key=_place))


def _bits(letters: Iterable[int]) -> bytes:
    codes = np.fromiter(letters, int)
    bits = np.zeros(codes.max(initial=0) + 1, dtype=bool)
    bits[codes] = True
    return np.packbits(bits).tobytes()


def _place(face: Face) -> tuple[bool, int, str, str, int]:
    early = next((at for at, name in enumerate(_FIRST) if face.family.startswith(name)), len(_FIRST))
    return bool(_LATE.search(face.family)), early, face.family, face.path, face.index


@lru_cache(maxsize=16384)
def face(letters: str, bold: bool = False, italic: bool = False, *, outlines: bool = True,
         east: str = "SC") -> Face | None:
    """The installed face that has all of these letters; None when there is none.

    Args:
        letters: one letter with its marks. bold, italic: taken where the family has them.
        outlines: whether a font of coloured pictures is none.
        east: how letters of Chinese are drawn, "SC", "JP" or "KR", where a font knows more than one way.
    """
    wanted = IGNORED.sub("", letters)
    able = [each for each in installed() if (each.scales or not outlines) and all(map(each.has, wanted))]
    if not able:
        return None
    first = min(able, key=lambda each: (not each.scales, bool(_LATE.search(each.family)), each.curves != "glyf",
                                        "CJK" in each.family and not each.family.endswith(east)))
    return min((each for each in able if each.family == first.family),
               key=lambda each: (each.bold != bold, each.italic != italic))


def east(text: str) -> str:
    """How letters of Chinese are drawn in a text: as in Japan where it has kana, as in Korea where it has hangul."""
    return next((_EAST[found] for letter in text if (found := scripts.script(letter)) in _EAST), "SC")


def clusters(text: str) -> list[str]:
    """A text by its letters, each with the marks, joiners and selectors that belong to it."""
    found: list[str] = []
    for letter in text:
        joined = found and (unicodedata.category(letter) in ("Mn", "Mc", "Me") or letter in "\u200c\u200d"
                            or "\U0001f3fb" <= letter <= "\U0001f3ff" or found[-1].endswith("\u200d")
                            or (_flag(letter) and len(found[-1]) == 1 and _flag(found[-1])))
        if joined and found[-1] != " ":
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _flag(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"


_MISSED: ContextVar[dict[str, str] | None] = ContextVar("missed", default=None)


@contextmanager
def missed() -> Iterator[dict[str, str]]:
    """What is drawn within the block adds to this the letters that no font of this machine has, each with nothing, and
    those that no usual font of LaTeX has, each with "latex"."""
    found: dict[str, str] = {}
    token = _MISSED.set(found)
    try:
        yield found
    finally:
        _MISSED.reset(token)


def miss(letters: Iterable[str], where: str = "") -> None:
    """Tells whoever asked (`missed`) that no font has these letters."""
    found = _MISSED.get()
    if found is not None:
        found.update(dict.fromkeys(letters, where))


def unknown(text: str) -> list[str]:
    """The letters of a text that no installed font has, be it one of coloured pictures: what a browser here lacks."""
    return [letter for letter in dict.fromkeys(text) if ord(letter) >= 0x250 and not IGNORED.match(letter)
            and face(letter, outlines=False) is None]


def said(letters: Mapping[str, str], kind: str) -> str:
    """The line that goes with a file of a format, on the letters that were `missed` when it was drawn; empty where
    there is nothing to say."""
    if kind == "tikz":
        found = [letter for letter, where in letters.items() if where == "latex"]
        return (f"pdfLaTeX has no font for {_named(found)}: XeLaTeX and LuaLaTeX set them in the document's font, "
                "where it has them; pdfLaTeX shows empty boxes.") if found else ""
    if kind == "svg":  # readers take any font, of coloured pictures too
        return notice((letter for letter in letters if face(letter, outlines=False) is None),
                      "the file keeps them as text, for readers whose machine has one.")
    return notice(letters, "empty boxes stand for them.") if kind in ("pdf", "png") else ""


def notice(letters: Iterable[str], then: str) -> str:
    """A line that names letters which no font of this machine has, `then` what becomes of them, and which package to
    install; empty without any letter."""
    every = [*dict.fromkeys(letters)]
    if not every:
        return ""
    kinds = ", ".join(dict.fromkeys(scripts.script_name(_script(letter)) if _script(letter) != "Zyyy" else "symbols"
                                    for letter in every))
    wanted = [found for found in dict.fromkeys(map(_package, every)) if found is not None]
    install = (f"Install {' and '.join(package for package, _ in wanted)} (Debian, Ubuntu; elsewhere "
               f"{' and '.join(family for _, family in wanted)})" if wanted else "Install a font that has them")
    return f"No font on this machine has {_named(every)} ({kinds}): {then} {install} and start qfusion again."


def _named(letters: Sequence[str]) -> str:
    more = "" if len(letters) <= _SHOWN else f" and {len(letters) - _SHOWN} more"
    return " ".join(letters[:_SHOWN]) + more


def _script(letter: str) -> str:
    found = scripts.script(letter)
    east_asian = found == "Zyyy" and unicodedata.east_asian_width(letter) in "WF" and ord(letter) < 0x1F000
    return "Hani" if east_asian else "Zyyy" if found in ("Zyyy", "Zinh", "Zzzz") else found


def _package(letter: str) -> tuple[str, str] | None:
    """What brings a font with a letter, of what is not installed, and the font's family."""
    script = _script(letter)
    kind = "east" if script in _CJK else "symbols" if script == "Zyyy" else script if script in _PACKAGES else ""
    there = {each.family for each in installed() if each.scales}
    return next((found for found in _PACKAGES[kind]
                 if not any(name.startswith(found[1]) if kind else name == found[1] for name in there)), None)
