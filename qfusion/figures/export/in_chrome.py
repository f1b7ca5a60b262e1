"""plotly's own drawing in Chrome or Chromium as SVG, PDF and PNG, with title and caption, the same bytes every time."""

from __future__ import annotations

import base64
import html
import io
import itertools
import math
import re

import plotly.graph_objects as go

from qfusion.figures.export import browser
from qfusion.figures.export.embed import in_png, in_svg
from qfusion.figures.export.letters import unknown
from qfusion.figures.export.style import MM_PER_PT, SIZES, ExportStyle, canvas, pixel
from qfusion.figures.style import FONT, INK, PAPER, QUIET, Theme
from qfusion.figures.theme import drawn_in

_SERIF = '"STIX Two Text", STIXGeneral, "Times New Roman", Times, serif'
_TITLE, _CAPTION, _PAD, _LEADING = (
    15,
    12,
    8,
    1.3,
)  # letters in pixels, the space around, from line to line in letters


def chrome_file(
    drawn: go.Figure, style: ExportStyle, *, title: str, caption: str, recipe: str
) -> bytes:
    """The figure as SVG, PDF or PNG.

    Raises:
        DataUnavailable: when there is no Chrome; names what was looked for.
        QFusionError: when Chrome does not answer or cannot draw the figure.
    """
    from plotly_print import fonts

    width_mm, height_mm = canvas(drawn, style)
    width = round(width_mm / pixel(style))
    heads = (
        _block(title, _TITLE, width) if style.title else [],
        _block(caption, _CAPTION, width) if style.caption else [],
    )
    above, below = (
        round(len(lines) * size * _LEADING + _PAD) if lines else 0
        for lines, size in zip(heads, (_TITLE, _CAPTION), strict=True)
    )
    height = round(height_mm / pixel(style))
    if style.size == "slide":
        height -= above + below
    else:
        height_mm += (above + below) * pixel(style)
    sized = go.Figure(drawn).update_layout(width=width, height=max(height, 40), autosize=False)
    face = _SERIF if SIZES[style.size].serif else FONT
    sized.update_layout(font={"family": face})
    theme = drawn_in(drawn)
    drawing = browser.export(sized, "svg", 1).decode()
    fonts.miss(unknown(html.unescape(" ".join(re.findall(r">([^<>]+)<", drawing)))))
    svg = _framed(_renumbered(drawing), theme, width, max(height, 40), heads, above, below, face)
    total = max(height, 40) + above + below
    if style.format == "svg":
        sides = (
            f'width="{width_mm:.6g}mm" height="{height_mm:.6g}mm" viewBox="0 0 {width} {total}" '
            'preserveAspectRatio="none"'
        )
        return in_svg(svg.replace("<svg ", f"<svg {sides} ", 1), recipe, title)
    whole = svg.replace(
        "<svg ", f'<svg width="{width}" height="{total}" viewBox="0 0 {width} {total}" ', 1
    )
    if style.format == "png":
        dots = round(width_mm / 25.4 * style.dpi)
        return in_png(
            browser.export(_as_figure(whole, width, total, theme), "png", (dots + 0.25) / width),
            recipe,
            title,
            style.dpi,
        )
    # Chrome's pages are whole points: this one is larger than wanted, and cut to size.
    picture = _as_figure(hatched_by_lines(whole), width, total, theme, rim=8)
    return _as_printed(
        browser.export(picture, "pdf", pixel(style) / 25.4 * 96),
        width_mm / MM_PER_PT,
        height_mm / MM_PER_PT,
        recipe,
        title,
    )


def _block(words: str, size: float, width: float) -> list[str]:
    """Lines of a text; measured with letters that are wider than those of most browsers, so that none runs out of the
    page."""
    from plotly_print.values import rgba
    from plotly_print.words import TextStyle, plain, wrapped

    style = TextStyle(size, rgba(INK["light"]))
    return wrapped(plain(words, style), width - 2 * _PAD).text.splitlines() if words else []


def _framed(
    svg: str,
    theme: Theme,
    width: int,
    height: int,
    heads: tuple[list[str], list[str]],
    above: int,
    below: int,
    face: str,
) -> str:
    """The drawing between title and caption, without a size of its own."""
    lines = [
        (_PAD + (n + 0.8) * _TITLE * _LEADING, _TITLE, INK, "bold", line)
        for n, line in enumerate(heads[0])
    ]
    lines += [
        (above + height + (n + 0.8) * _CAPTION * _LEADING, _CAPTION, QUIET, "normal", line)
        for n, line in enumerate(heads[1])
    ]
    written = "".join(
        f'<text x="{_PAD}" y="{y:.2f}" font-family="{html.escape(face)}" font-size="{size}px" font-weight="{weight}" '
        f'fill="{hue[theme]}" xml:space="preserve">{html.escape(line, quote=False)}</text>'
        for y, size, hue, weight, line in lines
    )
    # A rim of paper around letters: a stroke below them, as shadows would be turned into pixels in a PDF, and left out
    # by readers of SVG.
    rim = f"paint-order: stroke; stroke: {PAPER[theme]}; stroke-width: 3px; stroke-linejoin: round;"
    svg = re.sub(r'text-shadow:[^;"]*;', rim, svg)
    inner = re.sub(
        r'<svg class="main-svg"[^>]*>',
        f'<svg class="main-svg" x="0" y="{above}" width="{width}" height="{height}" viewBox="0 0 {width} '
        f'{height}">',
        svg,
        count=1,
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" role="img">'
        f'<rect width="{width}" height="{height + above + below}" fill="{PAPER[theme]}"/>{written}{inner}</svg>'
    )


_ID = re.compile(r'\sid="([^"]+)"')


def _renumbered(svg: str) -> str:
    """The drawing with ids that are counted, where plotly draws them by lot, and without classes drawn so.

    A style is the last of an element's attributes: Chrome puts it where a script has first asked for it.
    """
    tags = re.findall(r"<[^<>]+>", svg)
    known: dict[str, str] = {}
    for tag in tags:
        for name in _ID.findall(tag):
            known.setdefault(name, f"q{len(known)}")

    def tag_of(found: re.Match[str]) -> str:
        tag = re.sub(r'(\sstyle="[^"]*")(.*?)(\s*/?>)$', r"\2\1\3", found[0], flags=re.DOTALL)
        tag = _ID.sub(lambda each: f' id="{known[each[1]]}"', tag)
        tag = re.sub(r' trace[0-9a-f]{6}(?=[ "])', "", tag)
        tag = re.sub(
            r'(?<=[ "xy]cb)[0-9a-f]{6}(?=tick|title|[ "])', "", tag
        )  # a colour bar, its ticks and title
        tag = re.sub(
            r"url\((&quot;|')?#([^)&']+)(?:&quot;|')?\)",
            lambda each: f"url(#{known.get(each[2], each[2])})",
            tag,
        )
        return re.sub(
            r'(\s(?:xlink:)?href=")#([^"]+)"',
            lambda each: f'{each[1]}#{known.get(each[2], each[2])}"',
            tag,
        )

    return re.sub(r"<[^<>]+>", tag_of, svg)


_PATTERN = re.compile(
    r'<pattern id="([^"]+)" width="([\d.]+)px" height="([\d.]+)px"[^>]*patternTransform="">(.*?)</pattern>',
    re.DOTALL,
)
_FILLED = re.compile(r'<path ([^>]*?)d="([MLHVZ\d.,\s-]+)"([^>]*?)fill: url\(#([^)]+)\)([^>]*)/>')
MAX_TILES = 4000


def hatched_by_lines(svg: str) -> str:
    """The drawing with hatching as lines, cut to the shapes they fill: Chrome's PDF would hold it as coarse pixels."""
    patterns = {name: (float(w), float(h), inner) for name, w, h, inner in _PATTERN.findall(svg)}
    count = itertools.count()

    def lines_of(found: re.Match[str]) -> str:
        before, path, between, name, after = found.groups()
        x0, x1, y0, y1 = _bounds(path)
        w, h, inner = patterns.get(name, (1.0, 1.0, ""))
        columns, rows = (
            range(math.floor(low / step) - 1, math.ceil(high / step) + 1)
            for low, high, step in ((x0, x1, w), (y0, y1, h))
        )
        if not inner or len(columns) * len(rows) > MAX_TILES:
            return found[0]
        clip = re.search(r'clip-path="[^"]+"', before + between + after)
        opacity = re.search(r'\sopacity="([\d.]+)"', inner)
        own, tile = f"hatch{next(count)}", re.sub(r'\sopacity="[\d.]+"', "", inner)
        tiles = "".join(
            f'<use xlink:href="#{own}t" x="{c * w:.3f}" y="{r * h:.3f}"/>'
            for r in rows
            for c in columns
        )
        return (
            f'<g {clip[0] if clip else ""}><clipPath id="{own}"><path d="{path}"/></clipPath><defs><g '
            f'id="{own}t">{tile}</g></defs><g clip-path="url(#{own})"><g '
            f'opacity="{opacity[1] if opacity else 1}">{tiles}</g></g></g><path {before}d="{path}"{between}fill: '
            f"none{after}/>"
        )

    return _FILLED.sub(lines_of, svg)


def _bounds(path: str) -> tuple[float, float, float, float]:
    """Least and largest x and y of a path of straight lines."""
    xs, ys = [0.0] * 0, [0.0] * 0
    for command, numbers in re.findall(r"([MLHV])([\d.,\s-]+)", path):
        values = [float(value) for value in re.findall(r"-?[\d.]+", numbers)]
        xs += values if command == "H" else [] if command == "V" else values[::2]
        ys += values if command == "V" else [] if command == "H" else values[1::2]
    return min(xs), max(xs), min(ys), max(ys)


def _as_figure(svg: str, width: int, height: int, theme: Theme, rim: int = 0) -> go.Figure:
    """A figure that is nothing but this drawing, with a rim of paper on the right and below."""
    source = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    bare = {"visible": False, "fixedrange": True}
    return go.Figure(
        layout={
            "template": go.layout.Template(),
            "width": width + rim,
            "height": height + rim,
            "xaxis": bare,
            "yaxis": bare,
            "margin": {"l": 0, "r": rim, "t": 0, "b": rim, "pad": 0},
            "paper_bgcolor": PAPER[theme],
            "plot_bgcolor": PAPER[theme],
            "images": [
                {
                    "source": source,
                    "xref": "paper",
                    "yref": "paper",
                    "x": 0,
                    "y": 1,
                    "sizex": 1,
                    "sizey": 1,
                    "xanchor": "left",
                    "yanchor": "top",
                    "sizing": "stretch",
                    "layer": "above",
                }
            ],
        }
    )


def _as_printed(pdf: bytes, width: float, height: float, recipe: str, title: str) -> bytes:
    """The page at its size in points, with the recipe among its keywords and without dates."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import NameObject, RectangleObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    page = writer.pages[0]
    top = float(page.mediabox.top)
    page[NameObject("/MediaBox")] = RectangleObject(
        (0, round(top - height, 4), round(width, 4), top)
    )
    for name in ("/CropBox", "/TrimBox", "/BleedBox", "/ArtBox"):
        page.pop(NameObject(name), None)
    writer.metadata = {
        "/Creator": "qfusion",
        "/Producer": "Chrome and pypdf",
        "/Keywords": recipe,
        **({"/Title": title} if title else {}),
    }
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
