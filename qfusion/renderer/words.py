"""Labels: plotly's small markup read into runs of one style, measured with the fonts that matplotlib ships, and broken
into lines. Sans serif letters are DejaVu Sans, those with serifs STIX General, which has the widths of Times; what STIX
does not have is set in DejaVu Sans.

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
from unicodedata import east_asian_width

import matplotlib
from matplotlib.font_manager import get_font
from matplotlib.ft2font import LoadFlags

from qfusion.errors import InvalidInput
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
_FILES = {(False, False): "DejaVuSans.ttf", (True, False): "DejaVuSans-Bold.ttf",
          (False, True): "DejaVuSans-Oblique.ttf", (True, True): "DejaVuSans-BoldOblique.ttf"}
_SERIF_FILES = {(False, False): "STIXGeneral.ttf", (True, False): "STIXGeneralBol.ttf",
                (False, True): "STIXGeneralItalic.ttf", (True, True): "STIXGeneralBolIta.ttf"}


@dataclass(frozen=True)
class Style:
    """How letters look: `size` in points; `rise` is that of a superscript, in points; `serif`: STIX General."""

    size: float
    colour: RGBA
    bold: bool = False
    italic: bool = False
    rise: float = 0.0
    serif: bool = False


@dataclass(frozen=True)
class Run:
    """Letters of one style."""

    text: str
    style: Style

    @property
    def width(self) -> float:
        """In points."""
        bold, italic, serif = self.style.bold, self.style.italic, self.style.serif
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
    """Width of the widest piece without a space, in points."""
    widest = 0.0
    for line in block.lines:
        used = 0.0
        for run in line:
            first, *rest = (Run(word, run.style).width for word in run.text.split(" "))
            used += first
            widest = max(widest, used)
            for each in rest:
                used = each
                widest = max(widest, used)
    return widest


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


def drawable(text: str, bold: bool, italic: bool, serif: bool = False) -> str:
    """The text with a white square for each letter that the font does not have, for files whose readers cannot take
    another font."""
    font = get_font(font_file(bold, italic, serif))
    return "".join(letter if font.get_char_index(ord(letter)) else "\u25a1" for letter in text)


def runs(text: str, style: Style) -> list[Run]:
    """Letters as runs: with serifs those that STIX General has, the others in DejaVu Sans."""
    if not style.serif:
        return [Run(text, style)]
    font = get_font(font_file(style.bold, style.italic, True))
    return [Run("".join(letters), style if there else replace(style, serif=False))
            for there, letters in groupby(text, lambda letter: bool(font.get_char_index(ord(letter))))]


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
        for word in re.findall(r"[^ ]+ *| +", run.text):
            piece = Run(word, run.style)
            bare = Run(word.rstrip(" "), run.style)
            if lines[-1] and used + bare.width > limit:
                lines.append([])
                used = 0.0
            while not lines[-1] and piece.width > limit and len(piece.text) > 1:
                fits = max(1, sum(Run(piece.text[:n], run.style).width <= limit for n in range(1, len(piece.text))))
                lines[-1].append(Run(piece.text[:fits], run.style))
                lines.append([])
                piece = Run(piece.text[fits:], run.style)
            lines[-1].append(piece)
            used += piece.width
    return [_trimmed(each) for each in lines if each]


def _trimmed(runs: list[Run]) -> Line:
    return (*runs[:-1], replace(runs[-1], text=runs[-1].text.rstrip(" ")))
