"""Figures as files: vectors, pixels or a page, with the recipe inside.

Every format stores the recipe in its own way, and `read_recipe` reads it back from an untrusted file."""

import base64
import hashlib
import html
import io
import json
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress

import plotly.graph_objects as go
import plotly.io as pio
from PIL import Image
from plotly.offline import get_plotlyjs

from qfusion._checks import check, read_json
from qfusion.errors import InvalidInput
from qfusion.figures.colours import apply_theme
from qfusion.figures.files.export_style import (
    SIZES,
    ExportStyle,
    canvas,
    pixel,
    plotly_print,
    print_style,
    printing,
)
from qfusion.figures.files.recipe import hide_series
from qfusion.figures.guards import CONFIG, check_finite
from qfusion.figures.lines import draw_line_labels
from qfusion.figures.style import DARK, FONT, INK, PAPER, QUIET

__all__ = [
    "MAX_CAPTION",
    "MAX_TITLE",
    "ExportStyle",
    "read_recipe",
    "save",
    "size_mm",
]


MAX_TITLE = 300  # characters
MAX_CAPTION = 2_000  # characters
# Marks that change the direction of the writing after them, and the mark of byte order
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF}


def save(
    drawn: go.Figure, style: ExportStyle, *, title: str = "", caption: str = "", recipe: str = "{}"
) -> bytes:
    """Return the figure as a file.

    Args:
        drawn: by a function of qfusion.figures.
        title, caption: any text; it is written as it is, where the style asks for it.
        recipe: JSON that is stored in the file; see `read_recipe`.

    Raises:
        InvalidInput: when a text is too long or the recipe is not JSON, or a number of the figure is NaN or infinite.
    """
    title = clean_text("title", title, MAX_TITLE)
    caption = clean_text("caption", caption, MAX_CAPTION)
    recipe = _check_recipe(recipe)
    shown = apply_theme(hide_series(check_finite(drawn), style.hidden), style.theme)
    shown = draw_line_labels(shown, canvas(shown, style)[0] / pixel(style))
    if style.format == "html":
        return render_page(shown, style, title=title, caption=caption, recipe=recipe)
    width, natural = canvas(shown, style)
    size = SIZES[style.size]
    # Without a height, the space of title and caption is added to the figure's own.
    height = size.height or (size.most if natural >= size.most else None)
    with printing():
        return plotly_print.render(
            shown,
            style.format,
            print_style(style, width, height),
            title=title if style.title else "",
            caption=caption if style.caption else "",
            letter=size.letter if style.letters else None,
            metadata=recipe,
        )


def image(drawn: go.Figure, alt: str) -> str:
    """Return the figure as an HTML image for notebooks, which needs no script. The errors are those of `save`.

    Args:
        drawn: by a function of qfusion.figures. alt: the alternative text for readers who do not see it.
    """
    content = base64.b64encode(save(drawn, ExportStyle())).decode()
    return (
        f'<img alt="{html.escape(alt)}" style="width: 480px; max-width: 100%" '
        f'src="data:image/svg+xml;base64,{content}">'
    )


def clean_text(name: str, given: str, most: int) -> str:
    """Return a text typed by a user on one line, without control characters and without characters that change the
    direction of writing.

    Raises:
        InvalidInput: when it is longer than `most` characters.
    """
    check(
        isinstance(given, str),
        f"Argument `{name}` must be a text, but is {type(given).__name__}. Give words, or leave it empty.",
    )
    check(
        len(given) <= most,
        f"Argument `{name}` must have at most {most:,} characters, but has {len(given):,}. Shorten it.",
    )
    return " ".join(
        "".join(letter for letter in given if letter.isspace() or not _is_excluded(letter)).split()
    )


def _is_excluded(letter: str) -> bool:
    """Return whether a letter is a control character, changes the direction of writing, or is no character."""
    code = ord(letter)
    return (
        unicodedata.category(letter) in ("Cc", "Cs")
        or code in _TURNING
        or code & 0xFFFE == 0xFFFE
        or 0xFDD0 <= code <= 0xFDEF
    )


def _check_recipe(recipe: str) -> str:
    actual = (
        f"{len(recipe):,} characters long" if isinstance(recipe, str) else type(recipe).__name__
    )
    check(
        isinstance(recipe, str) and len(recipe) <= MAX_RECIPE,
        f"Argument `recipe` must be JSON of at most {MAX_RECIPE:,} characters, but is {actual}. Give the recipe of one "
        "figure.",
    )
    try:
        json.loads(recipe)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"Argument `recipe` must be JSON, but is not ({str(error)[:80]}). Give the text of a recipe."
        ) from error
    bad = next((letter for letter in recipe if letter not in "\n\t" and _is_excluded(letter)), None)
    check(
        bad is None,
        f"Argument `recipe` must not hold the character U+{ord(bad or ' '):04X}, which files cannot keep. "
        "Write it as an escape.",
    )
    return recipe


# Identifiers of elements of the page.
FIGURE = "qfusion-figure"
RECIPE = "qfusion-recipe"
_CONFIG = json.dumps(
    CONFIG
    | {
        "responsive": False,
        "toImageButtonOptions": {"format": "svg", "filename": "qfusion-figure"},
    }
)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="qfusion">
<title>{title}</title>
<style>
body {{ margin: 24px; background: {paper}; color: {ink}; font: 14px/1.45 {font}; }}
figure {{ margin: 0 auto; width: {width}px; max-width: 100%; }}
h1 {{ font-size: 18px; line-height: 1.3; margin: 0 0 8px; unicode-bidi: isolate; overflow-wrap: anywhere; }}
figcaption {{ color: {quiet}; margin-top: 8px; unicode-bidi: isolate; overflow-wrap: anywhere; }}
#{figure_id} {{ width: {width}px; height: {height}px; overflow-x: auto; }}
</style>
<script type="application/json" id="{recipe_id}">{recipe}</script>
</head>
<body>
<figure>
{head}<div id="{figure_id}" role="img" aria-label="{label}"></div>
<noscript>This figure is drawn by the page itself and needs JavaScript.</noscript>
{foot}</figure>
<script>{plotly}</script>
<script>{draw}</script>
</body>
</html>
"""


def render_page(
    drawn: go.Figure, style: ExportStyle, *, title: str, caption: str, recipe: str
) -> bytes:
    """Return the page, in UTF-8; the same bytes for the same arguments and version of plotly.

    The figure is laid out as in print, and shown so large that its letters are those of the pages. The page's policy
    lets no script run but plotly and the drawing itself, whose digests it names, and lets nothing be loaded.

    Args:
        title, caption: any text, shown as it is where the style asks for it; both describe the figure to those who do
            not see it.
        recipe: JSON that is kept in the page.
    """
    dark = drawn.layout.paper_bgcolor == DARK[PAPER]
    paper, ink, quiet = (DARK[hue] if dark else hue for hue in (PAPER, INK, QUIET))
    width, height = (round(side / pixel(style)) for side in canvas(drawn, style))
    sized = go.Figure(drawn)
    sized.update_layout(width=width, height=height, autosize=False)
    plotly = get_plotlyjs()
    draw = (
        f'(function(f){{Plotly.newPlot("{FIGURE}",f.data,f.layout,{_CONFIG});}})'
        f"({escape_script(pio.to_json(sized, validate=False, engine='json'))});"
    )
    # Plotly compiles the shaders of these traces from text.
    compiled = {"parcoords", "splom", "scattergl"} & {trace.type for trace in drawn.data}
    compiles = " 'unsafe-eval'" if compiled else ""
    policy = (
        f"default-src 'none'; script-src {script_digest(plotly)} {script_digest(draw)}{compiles}; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    described = ". ".join(part.rstrip(". ") for part in (title, caption) if part)
    head = ""
    if style.title and title:
        head = f"<h1>{html.escape(plotly_print.words.isolated(title))}</h1>\n"
    foot = ""
    if style.caption and caption:
        foot = f"<figcaption>{html.escape(plotly_print.words.isolated(caption))}</figcaption>\n"
    return _PAGE.format(
        head=head,
        foot=foot,
        label=html.escape(described or "Figure"),
        title=html.escape(title or "Figure"),
        policy=policy,
        paper=paper,
        ink=ink,
        quiet=quiet,
        font=FONT,
        width=width,
        height=height,
        figure_id=FIGURE,
        recipe_id=RECIPE,
        recipe=escape_script(recipe),
        plotly=plotly,
        draw=draw,
    ).encode()


def escape_script(json_text: str) -> str:
    """Return JSON that is safe in a script element. Nothing in it ends the element or begins a comment."""
    return (
        json_text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    )


def script_digest(script: str) -> str:
    """Return how a page's policy names a script that may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


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
