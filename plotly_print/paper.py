"""Marks onto a page: matplotlib's artists without pyplot, and the bytes of SVG, PDF and PNG, the
same for the same marks."""

import html
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfFile, Verbatim
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D, Bbox, Transform, TransformedBbox

from plotly_print.scene import Area, Cells, Dots, Mark, Pen, Stroke, Words
from plotly_print.values import CLEAR, RGBA, fade
from plotly_print.words import (
    FAMILIES,
    SERIFS,
    SHAPED,
    Line,
    Run,
    TextStyle,
    backwards,
    drawable,
    visual,
    width,
)

INCH, MM = 72.0, 72.0 / 25.4  # points
MAX_CELLS = 2500  # a finer map becomes a picture
# matplotlib's settings belong to the whole process: only one thread at a time may change them, and
# each puts them back.
_LOCK = threading.Lock()
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.image_inline": True,
    "pdf.compression": 6,
    "font.sans-serif": list(FAMILIES),
    "font.serif": list(SERIFS),
    "lines.scale_dashes": False,
    "text.usetex": False,
    "text.parse_math": False,
    "text.hinting": "no_hinting",
    "path.sketch": None,
    "font.enable_last_resort": False,
    "image.composite_image": False,
    "savefig.bbox": None,
    "svg.id": None,
}
_SHARE = {"left": 0.0, "center": 0.5, "right": 1.0}  # of a text, before its anchor


@contextmanager
def _settings(own: dict[str, Any]) -> Iterator[None]:
    """matplotlib's settings as they come, but for ours."""
    usual: dict[Any, Any] = {
        key: value
        for key, value in matplotlib.rcParamsDefault.items()
        if not key.startswith("backend")
    }
    # "Glyph missing": readers of an SVG find another font.
    with _LOCK, matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = _SETTINGS | own
        matplotlib.rcParams.update(usual | {key: ours[key] for key in ours.keys() & usual})
        yield


def write(
    format: str,
    marks: list[Mark],
    size: tuple[float, float],
    background: RGBA,
    metadata: str,
    title: str,
    creator: str,
    dpi: int,
) -> bytes:
    """The file's bytes.

    Args:
        format: "svg", "pdf" or "png". size: width and height in points.
        metadata: text that is embedded, under the creator's name. title: plain words, the file's
            own title.
    """
    # Outlines that are not TrueType's are embedded as drawings, which still say what they mean.
    drawings = any(
        run.style.face is not None and run.style.face.curves != "glyf"
        for mark in marks
        if isinstance(mark, Words)
        for line in mark.block.lines
        for run in line
    )
    with _settings({"svg.hashsalt": creator, "pdf.fonttype": 3 if drawings else 42}):
        figure = Figure(
            figsize=(size[0] / INCH, size[1] / INCH),
            dpi=dpi,
            facecolor=background,
            edgecolor="none",
            linewidth=0,
        )
        points = Affine2D().scale(1 / INCH) + figure.dpi_scale_trans
        for place, mark in enumerate(marks):
            for artist in _artists(mark, points, lettered=format == "svg"):
                artist.set_zorder(place)
                if mark.clip is not None:
                    artist.set_clip_box(TransformedBbox(Bbox.from_extents(*mark.clip), points))
                figure.add_artist(artist, clip=False)
        out = io.BytesIO()
        if format == "svg":
            FigureCanvasSVG(figure).print_svg(
                out, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
            )
            return _named(out.getvalue(), size, metadata, title, creator)
        if format == "pdf":
            about = {
                "Title": title or None,
                "Keywords": metadata,
                "Creator": creator,
                "Producer": f"matplotlib {matplotlib.__version__}",
                "CreationDate": None,
            }
            FigureCanvasPdf(figure).print_pdf(out, metadata=about)
        else:
            about = {"Software": None, creator: metadata, "Title": title or None}
            FigureCanvasAgg(figure).print_png(out, metadata=about)
    return out.getvalue()


def _named(svg: bytes, size: tuple[float, float], metadata: str, title: str, creator: str) -> bytes:
    """The SVG with its size in millimetres, its title, and the metadata as the text of one
    element."""
    text = svg.decode()
    end = text.index(">", text.index("<svg ")) + 1
    w, h = (f"{length / MM:.4f}".rstrip("0").rstrip(".") for length in size)
    head = (
        '<?xml version="1.0" encoding="utf-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" role="img" '
        f'width="{w}mm" height="{h}mm" viewBox="0 0 {size[0]:.6f} {size[1]:.6f}">'
    )
    named = f"\n <title>{html.escape(title, quote=False)}</title>" if title else ""
    own = f'\n <metadata id="{creator}">{html.escape(metadata, quote=False)}</metadata>'
    return f"{head}{named}{own}{text[end:]}".encode()


def _artists(mark: Mark, points: Transform, lettered: bool) -> list[Artist]:
    match mark:
        case Stroke():
            known = np.isfinite(mark.points).all(axis=1)
            path = Path(mark.points[known], stroke_codes(known)[known])
            return [_patch(path, "none", mark.pen, points, "round")]
        case Area():
            path = polygon(mark.points) if mark.codes is None else Path(mark.points, mark.codes)
            return [_patch(path, mark.face, mark.pen, points, "miter")]
        case Dots():
            # One collection for each size: then the outline is in true points and the rim keeps its
            # width.
            return [
                PathCollection(
                    [Path(mark.outline * radius, mark.codes)],
                    offsets=mark.points[own],
                    offset_transform=points,
                    transform=points,
                    facecolors=mark.faces[own],
                    edgecolors=mark.edges[own],
                    linewidths=mark.widths[own],
                )
                for radius in np.unique(mark.radii)
                for own in [mark.radii == radius]
            ]
        case Cells():
            return _cells(mark, points)
    return _words(mark, points, lettered)


def stroke_codes(known: np.ndarray) -> np.ndarray:
    """matplotlib's codes of a line whose points (N,) are `known` or interrupt it."""
    codes = np.full(len(known), Path.LINETO, dtype=Path.code_type)
    codes[:1] = Path.MOVETO
    codes[1:][~known[:-1]] = Path.MOVETO
    return codes


def polygon(points: np.ndarray) -> Path:
    """The closed path through points (N, 2)."""
    return Path(np.vstack([points, points[:1]]), closed=True)


def _patch(
    path: Path, face: Any, pen: Pen, place: Transform, join: Literal["round", "miter"]
) -> Artist:
    return PathPatch(
        path,
        facecolor=face,
        transform=place,
        joinstyle=join,
        edgecolor=pen.colour if pen.draws else "none",
        linewidth=pen.width if pen.draws else 0.0,
        linestyle=(0, pen.dashes) if pen.dashes else "solid",
        capstyle="butt",
    )


def _cells(mark: Cells, place: Transform) -> list[Artist]:
    rows, columns = mark.colours.shape[:2]
    if rows * columns > MAX_CELLS or not (
        np.isin(mark.colours[..., 3], (0.0, 1.0)).all() or any(mark.gap)
    ):
        return [_Picture(mark, place)]
    cells = list(mark.rectangles())
    if not cells:
        return []
    return [
        PolyCollection(
            [corners for corners, _ in cells],
            facecolors=[colour for _, colour in cells],
            edgecolors="none",
            linewidths=0,
            transform=place,
        )
    ]


class _Picture(Artist):
    """Equal cells as a picture: placed by its corners where the format can, in its pixels
    otherwise."""

    def __init__(self, cells: Cells, place: Transform) -> None:
        super().__init__()
        # Pictures begin at the top.
        flip_x, flip_y = cells.x[-1] < cells.x[0], cells.y[-1] > cells.y[0]
        self.pixels = np.round(
            cells.colours[:: -1 if flip_y else 1, :: -1 if flip_x else 1] * 255
        ).astype(np.uint8)
        self.place = place
        self.low, self.high = np.sort([cells.x[[0, -1]], cells.y[[0, -1]]], axis=1).T

    def draw(self, renderer: Any) -> None:
        """Draw it."""
        (x0, y0), (x1, y1) = self.place.transform([self.low, self.high])
        rows, columns = self.pixels.shape[:2]
        gc = renderer.new_gc()
        if self.get_clip_box() is not None:
            gc.set_clip_rectangle(self.get_clip_box())
        if renderer.option_scale_image():
            times = max(1, 400 // max(rows, columns))
            renderer.draw_image(
                gc,
                x0,
                y0,
                self.pixels.repeat(times, 0).repeat(times, 1)[::-1],
                Affine2D().scale(x1 - x0, y1 - y0),
            )
        else:
            x0, y0, x1, y1 = map(round, (x0, y0, x1, y1))
            up, across = (
                ((np.arange(length) + 0.5) * count // length).astype(int)
                for length, count in ((max(1, y1 - y0), rows), (max(1, x1 - x0), columns))
            )
            renderer.draw_image(gc, x0, y0, self.pixels[::-1][up][:, across])
        gc.restore()


@lru_cache(maxsize=1024)
def _font(style: TextStyle, others: tuple[str, ...] = ()) -> FontProperties:
    """`others`: families of the file's other letters, for readers of an SVG."""
    own = "serif" if style.serif else "sans-serif"
    ours = SERIFS if style.serif else FAMILIES
    return FontProperties(
        family=[*dict.fromkeys([*ours, *others]), own] if others else own,
        weight="bold" if style.bold else "normal",
        style="italic" if style.italic else "normal",
        size=round(style.size, 3),
        fname=style.file,
    )


def _words(mark: Words, place: Transform, lettered: bool) -> list[Artist]:
    artists: list[Artist] = []
    side = mark.lines or mark.across
    for whole, (x, y) in zip(mark.block.lines, mark.baselines(), strict=True):
        line = _joined(whole) if lettered else visual(whole)
        # One label of one style is one text of the file, anchored as it is meant.
        anchor = side if len(line) == 1 else "left"
        if anchor != side:
            x -= _SHARE[side] * width(line)
        for run in line:
            artists += _run(mark, run, x, y, anchor, place, lettered)
            x += run.width
    return artists


def _joined(line: Line) -> Line:
    """The line with neighbours that differ by their fonts alone as one; as it is seen, where some
    of it is written from right to left."""
    if all(run.style.face is None for run in line) or any(map(backwards, line)):
        return visual(line)
    joined: list[Run] = []
    for _, group in groupby(line, lambda run: (run.style.size, run.style.colour, run.style.rise)):
        parts = tuple(group)
        own = (run.style for run in parts if run.style.face is None)
        joined.append(
            Run(
                "".join(run.text for run in parts),
                next(own, replace(parts[0].style, face=None)),
                parts,
            )
            if len(parts) > 1
            else parts[0]
        )
    return tuple(joined)


def _run(
    mark: Words, run: Run, x: float, y: float, side: str, place: Transform, lettered: bool
) -> list[Artist]:
    """A run of letters; where the file is not `lettered` (its letters are drawn, not named), one
    that is missing becomes a square."""
    style = run.style
    if not run.text.strip(" \u00a0"):
        return []
    parts = run.parts or (run,)
    (at,) = mark.turn(np.array([[x, y + style.rise]]))
    others = tuple(dict.fromkeys(p.style.face.family for p in parts if p.style.face is not None))
    artists: list[Artist] = []
    shift = _SHARE[side] * run.width
    for part in parts if mark.halo is not None else ():
        outlines = TextPath(
            (-shift, 0),
            drawable(part.text, part.style),
            size=part.style.size,
            prop=_font(part.style),
            usetex=False,
        )
        shift -= part.width
        artists.append(
            _patch(
                Affine2D().rotate_deg(mark.angle).translate(*at).transform_path(outlines),
                mark.halo,
                Pen(mark.halo or CLEAR, 0.3 * style.size),
                place,
                "round",
            )
        )
    artists.append(
        _Letters(
            at[0],
            at[1],
            run.text if lettered else drawable(run.text, style),
            color=fade(style.colour, mark.opacity),
            fontproperties=_font(style, others if lettered else ()),
            ha=side,
            va="baseline",
            rotation=mark.angle,
            rotation_mode="anchor",
            parse_math=False,
            usetex=False,
            transform=place,
        )
    )
    return artists


class _Letters(Text):
    """A text whose words a PDF names beside their shapes, where several shapes make one letter."""

    def draw(self, renderer: Any) -> None:
        """Draw it."""
        file = getattr(renderer, "file", None)
        if not isinstance(file, PdfFile) or not SHAPED.search(self.get_text()):
            super().draw(renderer)
            return
        meant = self.get_text().encode("utf-16-be").hex().upper()
        file.output(Verbatim(f"/Span <</ActualText <FEFF{meant}> >> BDC".encode()))
        super().draw(renderer)
        file.output(Verbatim(b"EMC"))
