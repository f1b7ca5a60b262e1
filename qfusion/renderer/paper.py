"""Marks onto a page: matplotlib's artists without pyplot, and the bytes of SVG, PDF and PNG, the same for the same
marks."""

from __future__ import annotations

import html
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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

from qfusion.renderer.colours import RGBA, fade
from qfusion.renderer.scene import Area, Box, Cells, Dots, Mark, Pen, Stroke, Words
from qfusion.renderer.words import FAMILIES, SERIFS, SHAPED, Line, Run, Style, backwards, drawable, visual, width

INCH, MM = 72.0, 72.0 / 25.4  # points
MAX_CELLS = 2500  # a finer map becomes a picture
# matplotlib's settings belong to the whole process: only one thread at a time may change them, and each puts them back.
_LOCK = threading.Lock()
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "qfusion", "svg.image_inline": True, "pdf.fonttype": 42,
    "pdf.compression": 6, "font.sans-serif": list(FAMILIES), "font.serif": list(SERIFS),
    "lines.scale_dashes": False, "text.usetex": False, "text.parse_math": False, "text.hinting": "no_hinting",
    "path.sketch": None, "font.enable_last_resort": False, "image.composite_image": False, "savefig.bbox": None,
    "svg.id": None}


@contextmanager
def _settings(marks: list[Mark]) -> Iterator[None]:
    # "Glyph missing": readers of an SVG find another font.
    with _LOCK, matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        default: dict[Any, Any] = {key: value for key, value in matplotlib.rcParamsDefault.items()
                                   if not key.startswith("backend")}
        # Outlines that are not TrueType's are embedded as drawings, which still say what they mean.
        curves = {run.style.face.curves for mark in marks if isinstance(mark, Words) for line in mark.block.lines
                  for run in line if run.style.face is not None}
        own = _SETTINGS | ({} if curves <= {"glyf"} else {"pdf.fonttype": 3})
        matplotlib.rcParams.update(default | {key: value for key, value in own.items() if key in default})
        yield


def write(kind: str, marks: list[Mark], size: tuple[float, float], background: RGBA, metadata: str, title: str,
          dpi: int) -> bytes:
    """The file's bytes.

    Args:
        kind: "svg", "pdf" or "png". size: width and height in points.
        metadata: text that is embedded. title: plain words, the file's own title.
    """
    with _settings(marks):
        figure = _figure(marks, size, background, lettered=kind == "svg")
        out = io.BytesIO()
        if kind == "svg":
            FigureCanvasSVG(figure).print_svg(out, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
            return _named(out.getvalue(), size, metadata, title)
        if kind == "pdf":
            FigureCanvasPdf(figure).print_pdf(out, metadata={"Title": title or None, "Keywords": metadata,
                                                             "Creator": "qfusion",
                                                             "Producer": f"matplotlib {matplotlib.__version__}",
                                                             "CreationDate": None})
        else:
            figure.set_dpi(dpi)
            FigureCanvasAgg(figure).print_png(out, metadata={"Software": None, "qfusion": metadata}
                                              | ({"Title": title} if title else {}))
    return out.getvalue()


def _named(svg: bytes, size: tuple[float, float], metadata: str, title: str) -> bytes:
    """The SVG with its size in millimetres, its title, and the metadata as the text of one element."""
    text = svg.decode()
    end = text.index(">", text.index("<svg ")) + 1
    w, h = (f"{length / MM:.4f}".rstrip("0").rstrip(".") for length in size)
    head = (
        '<?xml version="1.0" encoding="utf-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" role="img" width="{w}mm" height="{h}mm" viewBox="0 '
        f'0 {size[0]:.6f} {size[1]:.6f}">')
    named = f"\n <title>{html.escape(title, quote=False)}</title>" if title else ""
    recipe = f'\n <metadata id="qfusion">{html.escape(metadata, quote=False)}</metadata>'
    return f"{head}{named}{recipe}{text[end:]}".encode()


def _figure(marks: list[Mark], size: tuple[float, float], background: RGBA, lettered: bool) -> Figure:
    figure = Figure(figsize=(size[0] / INCH, size[1] / INCH), dpi=INCH, facecolor=background, edgecolor="none",
                    linewidth=0)
    points = Affine2D().scale(1 / INCH) + figure.dpi_scale_trans
    for place, mark in enumerate(marks):
        for artist in _artists(mark, points, lettered):
            artist.set_zorder(place)
            clip: Box | None = getattr(mark, "clip", None)
            if clip is not None:
                artist.set_clip_box(TransformedBbox(Bbox.from_extents(clip.left, clip.bottom, clip.right, clip.top),
                                                    points))
            figure.add_artist(artist, clip=False)
    return figure


def _artists(mark: Mark, points: Transform, lettered: bool) -> list[Artist]:
    if isinstance(mark, Stroke):
        return [_stroke(mark.points, mark.pen, points)]
    if isinstance(mark, Area):
        return _area(mark, points)
    if isinstance(mark, Dots):
        return _dots(mark, points)
    if isinstance(mark, Cells):
        return _cells(mark, points)
    return _words(mark, points, lettered)


def _line(pen: Pen) -> dict[str, Any]:
    """What a patch is told about its rim."""
    style = (0, pen.dashes) if pen.dashes else "solid"
    return {"edgecolor": pen.colour if pen.draws else "none", "linewidth": pen.width if pen.draws else 0.0,
            "linestyle": style}


def _stroke(points: np.ndarray, pen: Pen, place: Transform) -> Artist:
    codes = np.full(len(points), Path.LINETO, dtype=Path.code_type)
    known = np.isfinite(points).all(axis=1)
    codes[0] = Path.MOVETO
    codes[1:][~known[:-1]] = Path.MOVETO
    path = Path(points[known], codes[known]) if known.any() else Path(np.zeros((0, 2)))
    return PathPatch(path, facecolor="none", transform=place, capstyle="butt", joinstyle="round", **_line(pen))


def _area(mark: Area, place: Transform) -> list[Artist]:
    codes = mark.codes
    points = mark.points
    if codes is None:
        points = np.vstack([points, points[:1]])
        codes = np.array([Path.MOVETO, *[Path.LINETO] * (len(points) - 2), Path.CLOSEPOLY], dtype=Path.code_type)
    path = Path(points, codes)
    return [PathPatch(path, facecolor=mark.face, transform=place, joinstyle="miter", **_line(mark.pen))]


def _dots(mark: Dots, place: Transform) -> list[Artist]:
    if not len(mark.points):
        return []
    found: list[Artist] = []
    # One collection for each size: then the outline is in true points and the rim keeps its width.
    for radius in np.unique(mark.radii):
        own = mark.radii == radius
        outline = Path(mark.outline * radius, mark.codes)
        found.append(PathCollection([outline], offsets=mark.points[own], offset_transform=place, transform=place,
                                    facecolors=mark.faces[own], edgecolors=mark.edges[own],
                                    linewidths=mark.widths[own]))
    return found


def _cells(mark: Cells, place: Transform) -> list[Artist]:
    rows, columns = mark.colours.shape[:2]
    opaque = bool(np.isin(mark.colours[..., 3], (0.0, 1.0)).all())
    if rows * columns > MAX_CELLS or not (opaque or any(mark.gap)):
        return [_Picture(mark, place)]
    x, y, (gx, gy) = mark.x, mark.y, mark.gap
    seam = 0.0 if any(mark.gap) else 0.25  # each reaches below the next, so that no light falls between them
    corners, faces = [], []
    for r in range(rows):
        for c in range(columns):
            if mark.colours[r, c, 3] == 0:
                continue
            sx, sy = np.sign(x[c + 1] - x[c]), np.sign(y[r + 1] - y[r])
            x0, x1 = x[c] + sx * gx / 2, x[c + 1] - sx * gx / 2 + (sx * seam if c + 1 < columns else 0)
            y0, y1 = y[r] + sy * gy / 2, y[r + 1] - sy * gy / 2 + (sy * seam if r + 1 < rows else 0)
            corners.append([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
            faces.append(mark.colours[r, c])
    return [PolyCollection(corners, facecolors=faces, edgecolors="none", linewidths=0,
                           transform=place)] if corners else []


class _Picture(Artist):
    """Equal cells as a picture: placed by its corners where the format can, in its pixels otherwise."""

    def __init__(self, cells: Cells, place: Transform) -> None:
        super().__init__()
        flip_x, flip_y = cells.x[-1] < cells.x[0], cells.y[-1] > cells.y[0]  # pictures begin at the top
        self.pixels = np.round(cells.colours[:: -1 if flip_y else 1, :: -1 if flip_x else 1] * 255).astype(np.uint8)
        self.place = place
        self.low = (min(cells.x[0], cells.x[-1]), min(cells.y[0], cells.y[-1]))
        self.high = (max(cells.x[0], cells.x[-1]), max(cells.y[0], cells.y[-1]))

    def draw(self, renderer: Any) -> None:
        """Draws it."""
        (x0, y0), (x1, y1) = self.place.transform([self.low, self.high])
        rows, columns = self.pixels.shape[:2]
        gc = renderer.new_gc()
        if self.get_clip_box() is not None:
            gc.set_clip_rectangle(self.get_clip_box())
        if renderer.option_scale_image():
            fine = np.kron(self.pixels, np.ones((*[max(1, 400 // max(rows, columns))] * 2, 1), dtype=np.uint8))
            renderer.draw_image(gc, x0, y0, fine[::-1], Affine2D().scale(x1 - x0, y1 - y0))
        else:
            x0, y0, x1, y1 = (round(each) for each in (x0, y0, x1, y1))
            tall, wide = max(1, y1 - y0), max(1, x1 - x0)
            across, up = (np.arange(wide) + 0.5) * columns // wide, (np.arange(tall) + 0.5) * rows // tall
            renderer.draw_image(gc, x0, y0, self.pixels[::-1][up.astype(int)][:, across.astype(int)])
        gc.restore()


@lru_cache(maxsize=1024)
def _font(style: Style, size: float, others: tuple[str, ...] = ()) -> FontProperties:
    """`others`: families of the file's other letters, for readers of an SVG."""
    slanted: Literal["italic", "oblique"] = "italic" if style.serif else "oblique"
    own = "serif" if style.serif else "sans-serif"
    return FontProperties(family=[*(SERIFS if style.serif else FAMILIES), *others, own] if others else own,
                          weight="bold" if style.bold else "normal", style=slanted if style.italic else "normal",
                          size=size, fname=style.file)


def _words(mark: Words, place: Transform, lettered: bool) -> list[Artist]:
    found: list[Artist] = []
    side = mark.lines or mark.across
    for whole, (x, y) in zip(mark.block.lines, mark.baselines(), strict=True):
        line = _joined(whole) if lettered else visual(whole)
        if len(line) == 1:  # one label of one style is one text of the file, anchored as it is meant
            found += _run(mark, line[0], x, y, side, place, lettered)
            continue
        x -= {"left": 0.0, "center": 0.5, "right": 1.0}[side] * width(line)
        for run in line:
            found += _run(mark, run, x, y, "left", place, lettered)
            x += run.width
    return found


@dataclass(frozen=True)
class _Several(Run):
    """Runs that differ by their fonts alone: one text of an SVG, whose readers choose the fonts."""

    parts: tuple[Run, ...] = ()

    @property
    def width(self) -> float:
        return width(self.parts)


def _joined(line: Line) -> Line:
    """The line with neighbours that differ by their fonts alone as one; as it is seen, where some of it is written from
    right to left."""
    if all(run.style.face is None for run in line) or any(map(backwards, line)):
        return visual(line)
    found: list[Run] = []
    for _, group in groupby(line, lambda run: (run.style.size, run.style.colour, run.style.rise)):
        parts = tuple(group)
        plainest = next((run.style for run in parts if run.style.face is None), replace(parts[0].style, face=None))
        found.append(_Several("".join(run.text for run in parts), plainest, parts) if len(parts) > 1 else parts[0])
    return tuple(found)


def _run(mark: Words, run: Run, x: float, y: float, side: str, place: Transform, lettered: bool) -> list[Artist]:
    """A run of letters; where the file is not `lettered` (its letters are drawn, not named), one that is missing
    becomes a square."""
    style = run.style
    if not run.text.strip(" \u00a0"):
        return []
    parts = run.parts if isinstance(run, _Several) else (run,)
    (at,) = mark.turn(np.array([[x, y + style.rise]]))
    others = tuple(dict.fromkeys(part.style.face.family for part in parts if part.style.face is not None))
    font = _font(style, round(style.size, 3), others if lettered else ())
    found: list[Artist] = []
    if mark.halo is not None:
        shift = {"left": 0.0, "center": 0.5, "right": 1.0}[side] * run.width
        for part in parts:
            outlines = TextPath((-shift, 0), drawable(part.text, part.style), size=style.size, usetex=False,
                                prop=_font(part.style, round(style.size, 3)))
            shift -= part.width
            rim = Affine2D().rotate_deg(mark.angle).translate(*at)
            found.append(PathPatch(rim.transform_path(outlines), transform=place, facecolor=mark.halo,
                                   edgecolor=mark.halo, linewidth=0.3 * style.size, joinstyle="round"))
    letters = run.text if lettered else drawable(run.text, style)
    found.append(_Letters(at[0], at[1], letters, color=fade(style.colour, mark.opacity), fontproperties=font, ha=side,
                          va="baseline", rotation=mark.angle, rotation_mode="anchor", parse_math=False, usetex=False,
                          transform=place))
    return found


class _Letters(Text):
    """A text whose words a PDF names beside their shapes, where several shapes make one letter."""

    def draw(self, renderer: Any) -> None:
        """Draws it."""
        file = getattr(renderer, "file", None)
        if not isinstance(file, PdfFile) or not SHAPED.search(self.get_text()):
            super().draw(renderer)
            return
        said = self.get_text().encode("utf-16-be").hex().upper()
        file.output(Verbatim(f"/Span <</ActualText <FEFF{said}> >> BDC".encode()))
        super().draw(renderer)
        file.output(Verbatim(b"EMC"))
