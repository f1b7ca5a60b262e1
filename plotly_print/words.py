"""Labels: plotly's small markup read into runs of one style, measured with the fonts that come along,
and broken into lines. Sans serif letters are Arimo, which has the widths of Arial and Helvetica,
those with serifs STIX General, which has the widths of Times; what STIX does not have is set in
Arimo, what that does not have in DejaVu Sans, and the rest in an installed font (`fonts`).

Nothing but the tags that plotly itself knows is markup; every other `<`, and every `$`, `_` and
backslash, is a letter.
"""

import contextlib
import html
import re
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any
from unicodedata import bidirectional, east_asian_width

from matplotlib.font_manager import get_font
from matplotlib.ft2font import LoadFlags

from plotly_print import fonts
from plotly_print.values import RGBA, PrintError, rgba

# The first is drawn; the others are for readers of an SVG without it.
FAMILIES = ("Arimo", "Liberation Sans", "Arial", "Helvetica", "DejaVu Sans")
SERIFS = ("STIXGeneral", "STIX Two Text", "Times New Roman", "Times", "DejaVu Sans")
LEADING = 1.25  # from baseline to baseline, in sizes
ASCENT, DESCENT, CAPITAL = 0.74, 0.22, 0.69  # of Arimo, in sizes
_TAG = re.compile(
    r"(</?(?:b|strong|i|em|sup|sub|span|a|u|s)(?:\s[^<>]*)?>|<br\s*/?>)", re.IGNORECASE
)
_STYLE = re.compile(r"(color|font-size)\s*:\s*([^;\"']+)", re.IGNORECASE)
_EM = re.compile(r"\d{1,3}(\.\d{1,4})?em")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Letters whose places depend on their neighbours: marks, scripts from right to left, of India and
# South-East Asia.
SHAPED = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0590-\u10ff\u1780-\u17ff\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f"
    "\u20d0-\u20ff\ufb1d-\ufdff\ufe00-\ufe0f\ufe20-\ufe2f\ufe70-\ufeff]"
)
# Around words whose direction is their own: marks that begin and end isolation.
_ISOLATES = re.compile("([\u2066-\u2069])")
_END = "\u2069"
_KINDS = {"R": "r", "AL": "r", "L": "l"}
# Where a line may end without a space: after each of these, but not before what closes.
_EAST = (
    "\u2e80-\u2fdf\u3003-\u3007\u3021-\u312f\u3190-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_CLOSING = (
    "\u3001\u3002\u300b\u300d\u300f\u3011\uff01\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\u2019\u201d"
)
_WORD = re.compile(f"[{_EAST}][{_CLOSING}]* *|[^ {_EAST}]+ *| +")
_FILES = {
    (False, False): ("Arimo-Regular.ttf", "STIXGeneral.ttf"),
    (True, False): ("Arimo-Bold.ttf", "STIXGeneralBol.ttf"),
    (False, True): ("Arimo-Italic.ttf", "STIXGeneralItalic.ttf"),
    (True, True): ("Arimo-BoldItalic.ttf", "STIXGeneralBolIta.ttf"),
}
ARIMO = Path(__file__).resolve().parent / "arimo"


@dataclass(frozen=True)
class TextStyle:
    """How letters look: `size` in points; `rise` is that of a superscript, in points; `serif`: STIX
    General; `face`: of another font, for letters that ours do not have."""

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
        return self.face.file if self.face else font_file(self.bold, self.italic, self.serif)


@dataclass(frozen=True)
class Run:
    """Letters of one style."""

    text: str
    style: TextStyle
    parts: "tuple[Run, ...]" = ()  # where they differ by their fonts alone

    @cached_property
    def width(self) -> float:
        """In points."""
        style = self.style
        if self.parts:
            return width(self.parts)
        if style.face is not None or SHAPED.search(self.text):
            return style.size * _measured(drawable(self.text, style), style.file)
        return style.size * sum(
            _advance(letter, style.bold, style.italic, style.serif) for letter in self.text
        )


Line = tuple[Run, ...]


@dataclass(frozen=True)
class Block:
    """Lines of runs."""

    lines: tuple[Line, ...]
    size: float

    @cached_property
    def width(self) -> float:
        """That of the widest line, in points."""
        return max(map(width, self.lines), default=0.0)

    @property
    def height(self) -> float:
        """From the top of the first line's letters to below the last one's, in points."""
        count = len(self.lines)
        return self.size * (ASCENT + DESCENT + LEADING * (count - 1)) if count else 0.0

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
            words = (word for part in run.text.split(" ") for word in _WORD.findall(part) or [part])
            first, *rest = (Run(word, run.style).width for word in words)
            widest = max(widest, used + first, *rest)
            used = rest[-1] if rest else used + first
    return widest


def width(line: Line) -> float:
    """Width of a line in points."""
    return sum(run.width for run in line)


def font_file(bold: bool, italic: bool, serif: bool = False) -> str:
    """Path of a face of Arimo, or of STIX General, which comes with matplotlib."""
    return str((fonts.BUNDLED if serif else ARIMO) / _FILES[bold, italic][serif])


@lru_cache(maxsize=8192)
def _advance(letter: str, bold: bool, italic: bool, serif: bool) -> float:
    """Width of a letter in sizes; a reader's own font draws what none has."""
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


def drawable(text: str, style: TextStyle) -> str:
    """The text with a white square for each letter that no font has, for files whose readers cannot
    take another font."""
    shown = "".join(
        letter if _has(letter, style) or fonts.IGNORED.match(letter) else fonts.BOX
        for letter in text
    )
    sides = [bidirectional(letter) for letter in shown]
    # What begins with a sign is written from left to right, as in browsers.
    return (
        "\u200e" + shown
        if bool({"R", "AL"} & {*sides}) and sides[0] not in ("L", "R", "AL")
        else shown
    )


def _has(letter: str, style: TextStyle) -> bool:
    return bool(get_font(style.file).get_char_index(ord(letter)))


def runs(text: str, style: TextStyle) -> list[Run]:
    """Letters as runs of one font each: with serifs those that STIX General has, others in Arimo,
    others in DejaVu Sans, others in an installed font; a square stands for those that none has. Words
    between marks of isolation are runs of their own, without the marks; so are words from right to
    left among others."""
    result: list[Run] = []
    for words in _apart(text):
        if words.isascii() and not style.serif:
            result += [Run(words, style)] if words or not text else []
            continue
        drawn = fonts.east(words)
        if {"R", "AL"} & {*map(bidirectional, words)}:
            whole = covering_style(fonts.IGNORED.sub("", words), style, drawn)
            if whole is not None:  # their order is that of one run
                result.append(Run(words, whole))
                continue
        pieces: list[tuple[TextStyle, str]] = []
        for letters in fonts.clusters(words):
            near = pieces[-1][0] if pieces else style
            pieces.append(
                (
                    near
                    if letters == " " and near.face is not None and near.face.has(" ")
                    else _style_for(letters, style, drawn),
                    letters,
                )
            )
        result += [
            Run("".join(letters for _, letters in group), own)
            for own, group in groupby(pieces, lambda piece: piece[0])
        ]
    return result


def isolated(text: str) -> str:
    """Return a text that is read from left to right, with marks of isolation around its words from
    right to left: numbers and signs beside them keep their places. A text of such words alone stays
    as it is."""
    sides = [bidirectional(letter) for letter in text]
    if "L" not in sides or not {"R", "AL"} & {*sides} or _ISOLATES.search(text):
        return text
    # of each letter: from right to left, from left to right, or neither; marks go with their letter
    kinds = ""
    for side in sides:
        kinds += kinds[-1:] if side == "NSM" else _KINDS.get(side, "-")
    kinds = kinds.rjust(len(text), "-")
    result, end = "", 0
    for words in re.finditer("r(?:[r-]*r)?", kinds):
        before, own = text[end : words.start()], text[words.start() : words.end()]
        result += f"{before}\u2068{own}{_END}"
        end = words.end()
    return result + text[end:]


def _apart(text: str) -> list[str]:
    """The words of a text that are set on their own, without marks of isolation."""
    parts: list[str] = []
    depth = 0
    for piece in _ISOLATES.split(text):
        if _ISOLATES.fullmatch(piece):
            depth = max(0, depth - 1) if piece == _END else depth + 1
        elif depth:
            parts.append(piece)
        else:
            parts += re.split("[\u2066-\u2069]", isolated(piece))
    return parts


def _style_for(letters: str, style: TextStyle, drawn: str) -> TextStyle:
    """The style in a font that has a letter with its marks; in that of its square, where none has."""
    shown = fonts.IGNORED.sub("", letters)
    known = covering_style(shown, style, drawn)
    if known is None and len(letters) > 1 and not _has(letters[0], style):
        return _style_for(letters[0], style, drawn)  # its marks are squares
    return known or replace(style, serif=False, face=fonts.dejavu(fonts.BOX, style.bold))


@lru_cache(maxsize=16384)
def covering_style(letters: str, style: TextStyle, drawn: str) -> TextStyle | None:
    """The style, as near as there is, in a font that has the letters; None where none has them."""
    for option in (style, replace(style, serif=False)):
        if all(_has(letter, option) for letter in letters):
            return option
    face = fonts.dejavu(letters, style.bold, style.italic)
    face = face or fonts.face(letters, style.bold, style.italic, east=drawn)
    return None if face is None else replace(style, serif=False, face=face)


def backwards(run: Run) -> bool:
    """Whether it is written from right to left."""
    sides = (bidirectional(letter) for letter in run.text)
    return next((side != "L" for side in sides if side in ("L", "R", "AL")), False)


def visual(line: Line) -> Line:
    """The runs of a line as they stand from left to right: those written the other way change
    places."""
    return tuple(
        run
        for back, group in groupby(line, backwards)
        for run in (reversed([*group]) if back else group)
    )


def printable(text: str) -> str:
    """Letters that no file format stumbles over: control characters and halves of pairs are
    replaced, runs of spaces are left as they are."""
    return re.sub(
        r"(?<= ) | (?= )|^ | $", "\u00a0", UNPRINTABLE.sub("\ufffd", text.replace("\t", " "))
    )


def plain(text: str, style: TextStyle) -> Block:
    """Text without any markup, with its line breaks."""
    lines = (runs(printable(line), style) for line in str(text).splitlines() or [""])
    return Block(tuple(tuple(line or [Run("", style)]) for line in lines), style.size)


def read(label: str, style: TextStyle) -> Block:
    """A plotly label: `<b>`, `<i>`, `<sup>`, `<sub>`, `<br>`, `<span style>` and entities are read,
    everything else is text."""
    lines: list[list[Run]] = [[]]
    opened: list[tuple[str, TextStyle]] = [("", style)]  # tags, and the style that each leaves
    for place, part in enumerate(
        _TAG.split(str(label).replace("\r\n", "<br>").replace("\n", "<br>"))
    ):
        now = opened[-1][1]
        if place % 2 == 0:
            lines[-1] += runs(printable(html.unescape(part)), now) if part else []
        elif (name := re.sub(r"[</>\s].*", "", part.strip("</>")).lower()) == "br":
            lines.append([])
        elif not part.startswith("</"):
            opened.append((name, _changed(now, name, part, style)))
        elif name in (places := [own for own, _ in opened]):
            del opened[len(places) - 1 - places[::-1].index(name) :]
    return Block(tuple(map(tuple, lines)), style.size)


def _changed(now: TextStyle, name: str, tag: str, whole: TextStyle) -> TextStyle:
    changes: dict[str, dict[str, Any]] = {
        "b": {"bold": True},
        "strong": {"bold": True},
        "i": {"italic": True},
        "em": {"italic": True},
        "sup": {"size": 0.7 * now.size, "rise": now.rise + 0.38 * now.size},
        "sub": {"size": 0.7 * now.size, "rise": now.rise - 0.18 * now.size},
    }
    now = replace(now, **changes.get(name, {}))
    for key, value in _STYLE.findall(tag) if name == "span" else ():
        if key.lower() == "color":
            with contextlib.suppress(
                PrintError
            ):  # as a browser does: what it cannot read it leaves
                now = replace(now, colour=rgba(value.strip()))
        elif _EM.fullmatch(value.strip()):
            now = replace(now, size=whole.size * min(max(float(value.strip()[:-2]), 0.5), 2.0))
    return now


def balanced(block: Block, limit: float) -> Block:
    """The block as `wrapped`, its lines as even as their number allows."""
    result = wrapped(block, limit)
    if len(result.lines) == len(block.lines):
        return result
    for share in (0.9, 0.8, 0.7, 0.6):
        closer = wrapped(block, max(share * limit, longest_word(block)))
        if len(closer.lines) > len(result.lines):
            break
        result = closer
    return result


def wrapped(block: Block, limit: float) -> Block:
    """The block with its lines broken at spaces, so that none is wider than `limit` points; longer
    words are broken too."""
    return Block(
        tuple(
            short
            for line in block.lines
            for piece in ([line] if width(line) <= limit else _parted(line))
            for short in ([piece] if width(piece) <= limit else _broken(piece, limit))
        ),
        block.size,
    )


def _parted(line: Line) -> list[Line]:
    """A line broken where two spaces part it."""
    parts: list[list[Run]] = [[]]
    for run in line:
        first, *rest = (
            [Run(t, run.style)] if t else [] for t in re.split(r"[ \u00a0]{2,}", run.text)
        )
        parts[-1] += first
        parts += rest
    return [tuple(part) for part in parts if part]


def _broken(line: Line, limit: float) -> list[Line]:
    lines: list[list[Run]] = [[]]
    used = 0.0
    for run in line:
        for word in _WORD.findall(run.text):
            if lines[-1] and used + Run(word.rstrip(" "), run.style).width > limit:
                lines.append([])
                used = 0.0
            letters = [*word] if word.isascii() else fonts.clusters(word)
            piece = Run(word, run.style)
            while not lines[-1] and piece.width > limit and len(letters) > 1:
                starts = (Run("".join(letters[:n]), run.style) for n in range(1, len(letters)))
                fits = max(1, sum(start.width <= limit for start in starts))
                lines[-1].append(Run("".join(letters[:fits]), run.style))
                lines.append([])
                letters = letters[fits:]
                piece = Run("".join(letters), run.style)
            lines[-1].append(piece)
            used += piece.width
    return [(*ln[:-1], replace(ln[-1], text=ln[-1].text.rstrip(" "))) for ln in lines if ln]
