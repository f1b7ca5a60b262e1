"""Recipes inside exported files: how each format stores one and how it is read back from an untrusted file."""

import html
import io
import re
from collections.abc import Callable
from contextlib import suppress

from PIL import Image

from qfusion._checks import check, read_json
from qfusion.figures.html_page import RECIPE

KEY = "qfusion"  # of an SVG's <metadata> and of a PNG's text
MAX_RECIPE = 256_000  # characters
MAX_FILE = 100_000_000  # bytes
_SVG = f'<metadata id="{KEY}">'.encode()
_TIKZ = "%qfusion-recipe "
_IN_PAGE = f'<script type="application/json" id="{RECIPE}">'.encode()


def read_recipe(data: bytes) -> str:
    """Return the recipe in an SVG, PDF, PNG, HTML or TikZ file that was exported, or in a recipe's own file.

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
    readers: tuple[tuple[tuple[bytes, ...], str, Callable[[bytes], str]], ...] = (
        ((b"\x89png\r\n\x1a\n",), "PNG", _from_png),
        ((b"%pdf-",), "PDF", _from_pdf),
        ((b"<!doctype html", b"<html"), "HTML", _from_html),
        ((b"<?xml", b"<svg", b"<!doctype svg", b"<!--"), "SVG", _from_svg),
        ((_TIKZ.encode(),), "tikzpicture", _from_tikz),
        ((b"",), "file", _from_text),
    )
    kind, read = next((kind, read) for begins, kind, read in readers if start.startswith(begins))
    recipe = read(data)
    check(
        2 <= len(recipe) <= MAX_RECIPE and isinstance(read_json(recipe), dict),
        f"This {kind} holds no recipe of qfusion, or is damaged. Give a figure that was exported here and not saved "
        "anew by another program, or the recipe's .json file.",
    )
    return recipe


def size_mm(svg: bytes) -> tuple[float, float]:
    """Return the width and height in mm of an SVG that was exported.

    Raises:
        InvalidInput: when it does not say them.
    """
    sides = [
        re.search(rf'<svg\b[^>]{{0,2000}}?\b{side}="([\d.]{{1,12}})mm"'.encode(), svg[:5000])
        for side in ("width", "height")
    ]
    w, h = (float(side[1]) if side else 0.0 for side in sides)
    check(
        min(w, h) > 0,
        "The file does not say its size in print. Give an SVG that was exported here.",
    )
    return w, h


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ""


def _part_between(data: bytes, start: bytes, end: bytes) -> str:
    first = data.find(start)
    last = data.find(end, first, first + 8 * MAX_RECIPE) if first >= 0 else -1
    return _text(data[first + len(start) : last]) if last >= 0 else ""


def _from_html(page: bytes) -> str:
    return _part_between(page, _IN_PAGE, b"</script>").replace("\\u003c", "<")


def _from_svg(svg: bytes) -> str:
    return html.unescape(_part_between(svg, _SVG, b"</metadata>"))


def _from_text(file: bytes) -> str:
    if len(file) > 4 * MAX_RECIPE:
        return ""
    return _text(file)


def _from_tikz(data: bytes) -> str:
    """Return the first lines of the file, which are comments."""
    end = re.compile(rb"^(?!%qfusion-recipe )", re.MULTILINE).search(data, 0, 8 * MAX_RECIPE)
    return "\n".join(
        line.removeprefix(_TIKZ) for line in _text(data[: end.start() if end else 0]).split("\n")
    )


def _from_png(png: bytes) -> str:
    refused = suppress(OSError, ValueError, SyntaxError, Image.DecompressionBombError)
    with refused, Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return str(image.info.get(KEY, ""))
    return ""


def _from_pdf(pdf: bytes) -> str:
    """Return the keywords that stand as text in the file.

    The last ones, as later parts of a PDF take the place of earlier ones.
    """
    from pypdf.errors import PyPdfError
    from pypdf.generic import read_hex_string_from_stream, read_string_from_stream

    before = re.match(rb".*/Keywords\s*(?=([(<]))", pdf, re.DOTALL)
    if before is None:
        return ""
    read = read_string_from_stream if before[1] == b"(" else read_hex_string_from_stream
    try:
        return str(read(io.BytesIO(pdf[before.end() : before.end() + 12 * MAX_RECIPE])))
    except (PyPdfError, ValueError):
        return ""
