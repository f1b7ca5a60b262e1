"""Recipes inside files: where each format keeps one, and how it is found again in a file that may be anything.

Files are searched for the place where qfusion writes, and not handed to readers of XML or PDF: nothing in them is
followed, expanded or unpacked beyond a bound, so that a hostile file is refused as fast as any other.
"""

from __future__ import annotations

import html
import json
import re
import struct
import zlib
from collections.abc import Iterator

from qfusion._checks import check
from qfusion.errors import InvalidInput
from qfusion.figures.export.page import RECIPE

KEY = "qfusion"  # of an SVG's <metadata> and of a PNG's text
MAX_RECIPE = 256_000  # characters
MAX_FILE = 100_000_000  # bytes
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = f'<metadata id="{KEY}">'.encode()
_TIKZ, _TIKZ_SIZE = (
    "%qfusion-recipe ",
    re.compile(rb"^%qfusion-size ([\d.]{1,12}) ([\d.]{1,12})$", re.MULTILINE),
)
_PAGE = f'<script type="application/json" id="{RECIPE}">'.encode()
_MM = {"mm": 1.0, "cm": 10.0, "in": 25.4, "pt": 25.4 / 72, "px": 25.4 / 96, "": 25.4 / 96}
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_LETTERS = {
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"b": b"\b",
    b"f": b"\f",
    b"\n": b"",
    b"\r": b"",
    b"\r\n": b"",
}


def in_svg(svg: str, recipe: str, title: str) -> bytes:
    """The drawing with the recipe, and its title for those who do not see it."""
    end = svg.index(">", svg.index("<svg")) + 1
    named = f"<title>{html.escape(title, quote=False)}</title>" if title else ""
    return (
        svg[:end]
        + named
        + _SVG.decode()
        + html.escape(recipe, quote=False)
        + "</metadata>"
        + svg[end:]
    ).encode()


def in_png(png: bytes, recipe: str, title: str, dpi: float) -> bytes:
    """The picture with recipe and title as its texts, and the resolution that gives its size; other texts and times are
    left out."""
    kept = [
        (kind, body)
        for kind, body in _chunks(png)
        if kind not in (b"tEXt", b"zTXt", b"iTXt", b"tIME", b"pHYs")
    ]
    dots = round(dpi / 0.0254)
    new = [
        (b"pHYs", struct.pack(">IIB", dots, dots, 1)),
        *(
            (b"iTXt", key + b"\0\0\0\0\0" + words.encode())
            for key, words in ((KEY.encode(), recipe), (b"Title", title))
            if words
        ),
    ]
    return _PNG + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (kept[0], *new, *kept[1:])
    )


def read_recipe(data: bytes) -> str:
    """The recipe in an SVG, PDF, PNG, HTML or TikZ file that was exported, or in a recipe's own file.

    Raises:
        InvalidInput: when there is none, or the file is damaged or too large.
    """
    check(
        isinstance(data, (bytes, bytearray, memoryview)),
        f"Argument `data` must be the bytes of a file, but is {type(data).__name__}.",
    )
    check(
        len(data) <= MAX_FILE,
        f"The file has {len(data):,} bytes, and recipes are read from files of at most {MAX_FILE:,}. Give an "
        "exported figure or its recipe.",
    )
    data = bytes(data)
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_PNG.lower()):
        kind, recipe = "PNG", _from_png(data)
    elif start.startswith(b"%pdf-"):
        kind, recipe = "PDF", _from_pdf(data)
    elif start.startswith((b"<!doctype html", b"<html")):
        kind, recipe = "HTML", _between(data, _PAGE, b"</script>").replace("\\u003c", "<")
    elif start.startswith((b"<?xml", b"<svg", b"<!doctype svg", b"<!--")):
        kind, recipe = "SVG", html.unescape(_between(data, _SVG, b"</metadata>"))
    elif start.startswith(_TIKZ.encode()):
        kind, recipe = "tikzpicture", _from_tikz(data)
    else:
        kind, recipe = "file", _text(data[: 4 * MAX_RECIPE]) if len(data) <= 4 * MAX_RECIPE else ""
    check(
        _is_object(recipe),
        f"This {kind} holds no recipe of qfusion, or is damaged. Give a figure that was exported here and not saved "
        "anew by another program, or the recipe's .json file.",
    )
    return recipe


def size_mm(data: bytes) -> tuple[float, float]:
    """Width and height in mm of an SVG, PDF, PNG or TikZ file that was exported.

    Raises:
        InvalidInput: when the file does not say them.
    """
    if data.startswith(_PNG):
        parts = dict(reversed(list(_chunks(data))))
        if b"pHYs" in parts and len(parts[b"IHDR"]) >= 8:
            across, down = struct.unpack(">II", parts[b"pHYs"][:8])
            w, h = struct.unpack(">II", parts[b"IHDR"][:8])
            return 1000 * w / max(across, 1), 1000 * h / max(down, 1)
    elif data.startswith(b"%PDF-"):
        found = re.search(
            rb"/MediaBox\s*\[\s*([-\d.]{1,24})\s+([-\d.]{1,24})\s+([-\d.]{1,24})\s+([-\d.]{1,24})\s*\]",
            data,
        )
        if found:
            x0, y0, x1, y1 = (float(part) * 25.4 / 72 for part in found.groups())
            return x1 - x0, y1 - y0
    elif data.startswith(_TIKZ.encode()):
        said = _TIKZ_SIZE.search(data[: 8 * MAX_RECIPE])
        if said:
            return float(said[1]), float(said[2])
    else:
        sides = [
            re.search(
                rf'<svg\b[^>]{{0,2000}}?\b{side}="([\d.]{{1,12}})(mm|cm|in|pt|px|)"'.encode(),
                data[:5000],
            )
            for side in ("width", "height")
        ]
        if all(sides):
            w, h = (float(side[1]) * _MM[side[2].decode()] for side in sides if side)
            return w, h
    raise InvalidInput(
        "The file does not say its size in print. Give an SVG, PDF or PNG that was exported here."
    )


def _is_object(recipe: str) -> bool:
    if not 2 <= len(recipe) <= MAX_RECIPE:
        return False
    try:
        return isinstance(json.loads(recipe), dict)
    except (ValueError, RecursionError):
        return False


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ""


def _between(data: bytes, start: bytes, end: bytes) -> str:
    first = data.find(start)
    last = data.find(end, first, first + 8 * MAX_RECIPE) if first >= 0 else -1
    return _text(data[first + len(start) : last]) if last >= 0 else ""


def _from_tikz(data: bytes) -> str:
    """The first lines of the file, which are comments."""
    end = re.compile(rb"^(?!%qfusion-recipe )", re.MULTILINE).search(data, 0, 8 * MAX_RECIPE)
    lines = _text(data[: end.start() if end else 0]).split("\n")
    return "\n".join(line.removeprefix(_TIKZ) for line in lines)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(_PNG)
    while place + 12 <= len(png):
        size, kind = struct.unpack(">I4s", png[place : place + 8])
        if place + 12 + size > len(png):
            return
        yield kind, png[place + 8 : place + 8 + size]
        if kind == b"IEND":
            return
        place += 12 + size


def _from_png(png: bytes) -> str:
    for kind, body in _chunks(png):
        if kind not in (b"tEXt", b"zTXt", b"iTXt") or not body.startswith(KEY.encode() + b"\0"):
            continue
        rest = body[len(KEY) + 1 :]
        if kind == b"tEXt":
            return rest[: 4 * MAX_RECIPE].decode("latin-1")
        packed = kind == b"zTXt"
        if kind == b"iTXt":
            packed, rest = rest[:1] == b"\x01", rest[2:].split(b"\0", 2)[-1]
        else:
            rest = rest[1:]
        try:
            return _text(
                zlib.decompressobj().decompress(rest, 4 * MAX_RECIPE)
                if packed
                else rest[: 4 * MAX_RECIPE]
            )
        except zlib.error:
            return ""
    return ""


def _from_pdf(pdf: bytes) -> str:
    """The keywords that stand as text in the file; the last ones, as later parts of a PDF take the place of earlier
    ones."""
    end = len(pdf)
    for _ in range(20):
        end = pdf.rfind(b"/Keywords", 0, end)
        if end < 0:
            break
        found = _pdf_string(pdf[end + 9 : end + 9 + 12 * MAX_RECIPE].lstrip())
        if _is_object(found):
            return found
    return ""


def _pdf_string(raw: bytes) -> str:
    """A string of PDF, `(in brackets)` or `<in hex>`, in UTF-16 or Latin-1."""
    if raw[:1] == b"<":
        digits = re.sub(rb"\s", b"", raw[1 : raw.find(b">")])
        try:
            return _pdf_text(bytes.fromhex(digits.decode("ascii")))
        except ValueError:
            return ""
    depth, place = 0, 0
    for found in re.finditer(rb"\\.|[()]", raw, re.DOTALL):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if depth <= 0:
            place = found.start()
            break
    if raw[:1] != b"(" or not place:
        return ""
    return _pdf_text(_ESCAPE.sub(_unescaped, raw[1:place]))


def _unescaped(found: re.Match[bytes]) -> bytes:
    return (
        bytes([int(found[1], 8) & 255])
        if found[1].isdigit() and found[1] < b"8"
        else _LETTERS.get(found[1], found[1])
    )


def _pdf_text(raw: bytes) -> str:
    try:
        return (
            raw.decode("utf-16")
            if raw.startswith((b"\xfe\xff", b"\xff\xfe"))
            else raw.decode("latin-1")
        )
    except UnicodeDecodeError:
        return ""
