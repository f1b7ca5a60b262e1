"""Labels: plotly's small markup read into runs of one style, measured with the fonts that matplotlib ships, and broken
into lines. Sans serif letters are DejaVu Sans, those with serifs STIX General, which has the widths of Times; what STIX
does not have is set in DejaVu Sans, and what that does not have in an installed font that does (`fonts`).

Nothing but the tags that plotly itself knows is markup; every other `<`, and every `$`, `_` and backslash, is a letter.
"""

from __future__ import annotations

import contextlib
import html
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from unicodedata import bidirectional, east_asian_width

import matplotlib
from matplotlib.font_manager import get_font
from matplotlib.ft2font import LoadFlags

from qfusion.errors import InvalidInput
from qfusion.renderer import fonts
from qfusion.renderer.colours import RGBA, rgba

# the first is drawn; the others are for readers of an SVG without it
FAMILIES = ("DejaVu Sans", "Verdana", "Helvetica Neue", "Arial")
SERIFS = ("STIXGeneral", "STIX Two Text", "Times New Roman", "Times", "DejaVu Sans")
LEADING = 1.25  # from baseline to baseline, in sizes
ASCENT, DESCENT, CAPITAL = 0.76, 0.24, 0.73  # of DejaVu Sans, in sizes
_TAG = re.compile(r"(</?(?:b|strong|i|em|sup|sub|span|a|u|s)(?:\s[^<>]*)?>|<br\s*/?>)", re.IGNORECASE)
_STYLE = re.compile(r"(color|font-size)\s*:\s*([^;\"']+)", re.IGNORECASE)
_EM = re.compile(r"\d{1,3}(\.\d{1,4})?em")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Letters whose places depend on their neighbours: marks, scripts from right to left, of India and South-East Asia.
SHAPED = re.compile("[\u0300-\u036f\u0483-\u0489\u0590-\u10ff\u1780-\u17ff\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f"
                     "\u20d0-\u20ff\ufb1d-\ufdff\ufe00-\ufe0f\ufe20-\ufe2f\ufe70-\ufeff]")
_ISOLATES = re.compile("[\u2066-\u2069]")  # around words whose direction is their own
# Where a line may end without a space: after each of these, but not before what closes.
_EAST = "\u2e80-\u2fdf\u3003-\u3007\u3021-\u312f\u3190-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_CLOSING = "\u3001\u3002\u300b\u300d\u300f\u3011\uff01\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\u2019\u201d"
_WORD = re.compile(f"[{_EAST}][{_CLOSING}]* *|[^ {_EAST}]+ *| +")
_FILES = {(False, False): "DejaVuSans.ttf", (True, False): "DejaVuSans-Bold.ttf",
          (False, True): "DejaVuSans-Oblique.ttf", (True, True): "DejaVuSans-BoldOblique.ttf"}
_SERIF_FILES = {(False, False): "STIXGeneral.ttf", (True, False): "STIXGeneralBol.ttf",
                (False, True): "STIXGeneralItalic.ttf", (True, True): "STIXGeneralBolIta.ttf"}


@dataclass(frozen=True)
class Style:
    """How letters look: `size` in points; `rise` is that of a superscript, in points; `serif`: STIX General; `face`: of
    an installed font, for letters that ours do not have."""

    size: float
    colour: RGBA
    bold: bool = False
    italic: bool = False
    rise: float = 0.0
    serif: bool = False
    face: fonts.Face | None = None

    @property
    def file(self) -> str:
        """Path of the font."""
        return font_file(self.bold, self.italic, self.serif) if self.face is None else self.face.file


@dataclass(frozen=True)
class Run:
    """Letters of one style."""

    text: str
    style: Style

    @property
    def width(self) -> float:
        """In points."""
        bold, italic, serif = self.style.bold, self.style.italic, self.style.serif
        if self.style.face is not None or SHAPED.search(self.text):
            return self.style.size * _measured(drawable(self.text, self.style), self.style.file)
        return self.style.size * sum(_advance(c, bold, italic, serif) for c in self.text)


Line = tuple[Run, ...]


@dataclass(frozen=True)
class Block:
    """Lines of runs."""

    lines: tuple[Line, ...]
    size: float

    @property
    def width(self) -> float:
        """That of the widest line, in points."""
        return max((width(line) for line in self.lines), default=0.0)

    @property
    def height(self) -> float:
        """From the top of the first line's letters to below the last one's, in points."""
        return self.size * (ASCENT + DESCENT + LEADING * (len(self.lines) - 1)) if self.lines else 0.0

    @property
    def text(self) -> str:
        """The letters alone."""
        return "\n".join("".join(run.text for run in line) for line in self.lines)


def longest_word(block: Block) -> float:
    """Width of the widest piece at whose inside no line may end, in points."""
    widest = 0.0
    for line in block.lines:
        used = 0.0
        for run in line:
            first, *rest = (Run(word, run.style).width for words in run.text.split(" ") for word in _pieces(words))
            used += first
            widest = max(widest, used)
            for each in rest:
                used = each
                widest = max(widest, used)
    return widest


def _pieces(word: str) -> list[str]:
    """A word by where a line may end in it: between letters of Chinese, say."""
    return _WORD.findall(word) or [word]


def width(line: Line) -> float:
    """Width of a line in points."""
    return sum(run.width for run in line)


def font_file(bold: bool, italic: bool, serif: bool = False) -> str:
    """Path of the font that comes with matplotlib."""
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / (_SERIF_FILES if serif else _FILES)[bold, italic])


@lru_cache(maxsize=8192)
def _advance(letter: str, bold: bool, italic: bool, serif: bool = False) -> float:
    """Width of a letter in sizes; a reader's own font draws what DejaVu Sans does not have."""
    font = get_font(font_file(bold, italic, serif))
    if not font.get_char_index(ord(letter)):
        return 1.0 if east_asian_width(letter) in "WF" else 0.6
    return font.load_char(ord(letter), flags=LoadFlags.NO_SCALE).horiAdvance / font.units_per_EM


@lru_cache(maxsize=8192)
def _measured(text: str, file: str) -> float:
    """Width of shaped letters in sizes."""
    font = get_font(file)
    font.set_size(100, 72)
    font.set_text(text, 0.0, flags=LoadFlags.NO_HINTING)
    return font.get_width_height()[0] / 64 / 100


def drawable(text: str, style: Style) -> str:
    """The text with a white square for each letter that no font has, for files whose readers cannot take another
    font."""
    shown = "".join(letter if _has(letter, style) or fonts.IGNORED.match(letter) else fonts.BOX for letter in text)
    turned = any(bidirectional(letter) in ("R", "AL") for letter in shown)
    if not turned or bidirectional(shown[0]) in ("L", "R", "AL"):
        return shown
    return "\u200e" + shown  # what begins with a sign is written from left to right, as in browsers


def _has(letter: str, style: Style) -> bool:
    return bool(get_font(style.file).get_char_index(ord(letter)))


def runs(text: str, style: Style) -> list[Run]:
    """Letters as runs of one font each: with serifs those that STIX General has, others in DejaVu Sans, others in an
    installed font. Those that none has are told to `fonts.missed`. Words between marks of isolation are runs of their
    own, without the marks."""
    found: list[Run] = []
    for words in _ISOLATES.split(text):
        if words.isascii() and not style.serif:
            found += [Run(words, style)] if words or not text else []
            continue
        drawn = fonts.east(words)
        pieces: list[tuple[Style, str]] = []
        for letters in fonts.clusters(words):
            near = pieces[-1][0] if pieces else style
            spaced = letters == " " and near.face is not None and near.face.has(" ")
            pieces.append((near if spaced else _of(letters, style, drawn), letters))
        found += [Run("".join(letters for _, letters in group), each)
                  for each, group in groupby(pieces, lambda piece: piece[0])]
    return found


def _of(letters: str, style: Style, drawn: str) -> Style:
    """The style in a font that has a letter with its marks; as it is, where none has."""
    known = _known(fonts.IGNORED.sub("", letters), style.bold, style.italic, style.serif, drawn)
    if known is None:
        if len(letters) > 1 and not _has(letters[0], style):
            return _of(letters[0], style, drawn)  # its marks are squares
        fonts.miss(letter for letter in letters if not _has(letter, style) and not fonts.IGNORED.match(letter))
        return style
    serif, bold, italic, face = known
    return style if (serif, bold, italic, face) == (style.serif, style.bold, style.italic, None) else replace(
        style, serif=serif, bold=bold, italic=italic, face=face)


@lru_cache(maxsize=16384)
def _known(letters: str, bold: bool, italic: bool, serif: bool,
           drawn: str) -> tuple[bool, bool, bool, fonts.Face | None] | None:
    """Whether letters have serifs, are bold and slanted, and the installed font where it is not one of ours."""
    for each in dict.fromkeys([(serif, bold, italic), (False, bold, italic), (False, bold, False),
                               (False, False, False)]):
        font = get_font(font_file(each[1], each[2], each[0]))
        if all(font.get_char_index(ord(letter)) for letter in letters):
            return *each, None
    face = fonts.face(letters, bold, italic, east=drawn)
    return None if face is None else (False, bold, italic, face)


def backwards(run: Run) -> bool:
    """Whether it is written from right to left."""
    return next((side != "L" for letter in run.text if (side := bidirectional(letter)) in ("L", "R", "AL")), False)


def visual(line: Line) -> Line:
    """The runs of a line as they stand from left to right: those written the other way change places."""
    found: list[Run] = []
    for back, group in groupby(line, backwards):
        runs_of = [*group]
        found += reversed(runs_of) if back else runs_of
    return tuple(found)


def printable(text: str) -> str:
    """Letters that no file format stumbles over: control characters and halves of pairs are replaced, runs of spaces
    kept."""
    shown = UNPRINTABLE.sub("\ufffd", text.replace("\t", " "))
    return re.sub(r"(?<= ) | (?= )|^ | $", "\u00a0", shown)


def plain(text: str, style: Style) -> Block:
    """Text without any markup, its line breaks kept."""
    return Block(tuple(tuple(runs(printable(line), style) or [Run("", style)])
                       for line in str(text).splitlines() or [""]), style.size)


def read(label: str, style: Style) -> Block:
    """A plotly label: `<b>`, `<i>`, `<sup>`, `<sub>`, `<br>`, `<span style>` and entities are read, everything else is
    text."""
    lines: list[list[Run]] = [[]]
    stack: list[tuple[str, Style]] = []
    now = style
    for part in _TAG.split(str(label).replace("\r\n", "<br>").replace("\n", "<br>")):
        if not part:
            continue
        if not _TAG.fullmatch(part):
            lines[-1] += runs(printable(html.unescape(part)), now)
            continue
        name = re.sub(r"[</>\s].*", "", part.strip("</>")).lower()
        if name == "br":
            lines.append([])
        elif part.startswith("</"):
            if any(opened == name for opened, _ in stack):
                while stack:
                    opened, now = stack.pop()
                    if opened == name:
                        break
        else:
            stack.append((name, now))
            now = _changed(now, name, part, style)
    return Block(tuple(tuple(line) for line in lines), style.size)


def _changed(now: Style, name: str, tag: str, whole: Style) -> Style:
    if name in ("b", "strong"):
        return replace(now, bold=True)
    if name in ("i", "em"):
        return replace(now, italic=True)
    if name in ("sup", "sub"):
        return replace(now, size=0.7 * now.size, rise=now.rise + (0.38 if name == "sup" else -0.18) * now.size)
    if name == "span":
        for key, value in _STYLE.findall(tag):
            if key.lower() == "color":
                with contextlib.suppress(InvalidInput):  # as a browser does: what it cannot read it leaves as it is
                    now = replace(now, colour=rgba(value.strip()))
            elif _EM.fullmatch(value.strip()):
                now = replace(now, size=whole.size * min(max(float(value.strip()[:-2]), 0.5), 2.0))
    return now


def balanced(block: Block, limit: float) -> Block:
    """The block as `wrapped`, its lines as even as their number allows."""
    found = wrapped(block, limit)
    if len(found.lines) == len(block.lines):
        return found
    for share in (0.9, 0.8, 0.7, 0.6):
        closer = wrapped(block, max(share * limit, longest_word(block)))
        if len(closer.lines) > len(found.lines):
            break
        found = closer
    return found


def wrapped(block: Block, limit: float) -> Block:
    """The block with its lines broken at spaces, so that none is wider than `limit` points; longer words are broken
    too."""
    lines: list[Line] = []
    for line in block.lines:
        pieces = [line] if width(line) <= limit else _parted(line)
        for piece in pieces:
            lines += [piece] if width(piece) <= limit else _broken(piece, limit)
    return Block(tuple(lines), block.size)


def _parted(line: Line) -> list[Line]:
    """A line broken where two spaces part it."""
    found: list[list[Run]] = [[]]
    for run in line:
        first, *rest = re.split(r"[ \u00a0]{2,}", run.text)
        found[-1] += [Run(first, run.style)] if first else []
        found += [[Run(each, run.style)] if each else [] for each in rest]
    return [tuple(each) for each in found if each]


def _broken(line: Line, limit: float) -> list[Line]:
    lines: list[list[Run]] = [[]]
    used = 0.0
    for run in line:
        for word in _WORD.findall(run.text):
            piece = Run(word, run.style)
            bare = Run(word.rstrip(" "), run.style)
            if lines[-1] and used + bare.width > limit:
                lines.append([])
                used = 0.0
            letters = [*piece.text] if piece.text.isascii() else fonts.clusters(piece.text)
            while not lines[-1] and piece.width > limit and len(letters) > 1:
                fits = max(1, sum(Run("".join(letters[:n]), run.style).width <= limit for n in range(1, len(letters))))
                lines[-1].append(Run("".join(letters[:fits]), run.style))
                lines.append([])
                letters = letters[fits:]
                piece = Run("".join(letters), run.style)
            lines[-1].append(piece)
            used += piece.width
    return [_trimmed(each) for each in lines if each]


def _trimmed(runs: list[Run]) -> Line:
    return (*runs[:-1], replace(runs[-1], text=runs[-1].text.rstrip(" ")))
