"""Marks onto a page for LaTeX: a tikzpicture of PGF's own commands, whose words LaTeX sets in the document's letters.

    \\usepackage{tikz} ... \\input{figure.tikz}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from matplotlib.path import Path

from qfusion._checks import check
from qfusion.renderer.colours import RGBA, fade
from qfusion.renderer.latex import escape
from qfusion.renderer.scene import Area, Box, Cells, Dots, Mark, Pen, Stroke, Words, rectangle
from qfusion.renderer.words import Run, width

RECIPE = "%qfusion-recipe "  # begins the lines of the file that hold the metadata
SIZE = "%qfusion-size "  # width and height in mm
# Letters of the document may be wider than those that the drawing was made for: then they are squeezed.
_FIT = (r"\providecommand{\qfusionfit}[2]{\sbox0{#2}\ifdim\wd0>#1\resizebox{#1}{\height}{\usebox0}"
        r"\else\usebox0\fi}%")
MAX_SHAPES = 20_000  # TeX's memory holds about as many
_FAR = 8_000.0  # points: TeX's longest length is twice that
_SIDES = {"left": "west", "center": "center", "right": "east"}


def write(marks: list[Mark], size: tuple[float, float], background: RGBA, metadata: str, title: str) -> bytes:
    """The file's bytes.

    Args:
        marks: the lowest first. size: width and height in points of 1/72 inch.
        background: of the page. metadata: text that is kept in comments. title: plain words.

    Raises:
        InvalidInput: when the drawing has more shapes than TeX takes.
    """
    shapes = sum(len(mark.points) if isinstance(mark, Dots) else mark.colours.shape[0] * mark.colours.shape[1]
                 if isinstance(mark, Cells) else 1 for mark in marks)
    check(shapes <= MAX_SHAPES,
          f"The drawing has {shapes:,} shapes, and a tikzpicture at most {MAX_SHAPES:,}. Choose PDF, which LaTeX "
          "includes as well.")
    w, h = size
    drawn = [line for mark in marks for line in _clipped(mark)]
    beyond = ["% XeLaTeX or LuaLaTeX sets letters that pdfLaTeX has no font for, in the document's own: \\setmainfont."
              ] if any(r"\Umathcode" in line for line in drawn) else []
    lines = [*(RECIPE + line for line in metadata.split("\n")), f"{SIZE}{w / 72 * 25.4:.4f} {h / 72 * 25.4:.4f}",
             *([f"% {_comment(title)}"] if title else []),
             "% Needs \\usepackage{tikz}; its words are in the letters of the document.",
             *beyond, _FIT, r"\begin{tikzpicture}[x=1bp,y=1bp]",
             *_filled(rectangle(0, 0, w, h), None, background, Pen()),
             rf"\useasboundingbox (0,0) rectangle ({w:.2f},{h:.2f});"]
    return ("\n".join([*lines, *drawn, r"\end{tikzpicture}%"]) + "\n").encode()


def _clipped(mark: Mark) -> list[str]:
    clip: Box | None = getattr(mark, "clip", None)
    drawn = list(_drawn(mark))
    if clip is None or not drawn:
        return drawn
    return [r"\begin{pgfscope}", *_path(rectangle(clip.left, clip.bottom, clip.right, clip.top), None),
            r"\pgfusepath{clip}", *drawn, r"\end{pgfscope}"]


def _comment(words: str) -> str:
    return " ".join(words.split())


def _drawn(mark: Mark) -> Iterator[str]:
    if isinstance(mark, Stroke):
        yield from _stroke(mark.points, mark.pen)
    elif isinstance(mark, Area):
        yield from _filled(mark.points, mark.codes, mark.face, mark.pen)
    elif isinstance(mark, Dots):
        for point, radius, face, edge, thick in zip(mark.points, mark.radii, mark.faces, mark.edges, mark.widths,
                                                    strict=True):
            yield from _filled(mark.outline * radius + point, mark.codes, tuple(face), Pen(tuple(edge), float(thick)))
    elif isinstance(mark, Cells):
        yield from _cells(mark)
    else:
        yield from _words(mark)


def _stroke(points: np.ndarray, pen: Pen) -> Iterator[str]:
    known = np.isfinite(points).all(axis=1)
    if not pen.draws or not known.any():
        return
    codes = np.full(len(points), Path.LINETO, dtype=Path.code_type)
    codes[0] = Path.MOVETO
    codes[1:][~known[:-1]] = Path.MOVETO
    points, codes = points[known], codes[known]
    if np.abs(points).max() > _FAR:  # a figure of which a small part is shown
        near = Path(points, codes).cleaned(clip=(-_FAR, -_FAR, _FAR, _FAR))
        points, codes = np.asarray(near.vertices)[:-1], np.asarray(near.codes)[:-1]  # without the mark of its end
    if len(points):
        yield from _scoped([*_pen(pen), r"\pgfsetroundjoin", *_path(points, codes), r"\pgfusepath{stroke}"])


def _filled(points: np.ndarray, codes: np.ndarray | None, face: RGBA, pen: Pen) -> Iterator[str]:
    fills, draws = bool(face[3] > 0), bool(pen.draws)
    if not (fills or draws) or not len(points):
        return
    use = ",".join(["fill"] * fills + ["stroke"] * draws)
    yield from _scoped([*(_colour("fill", face) if fills else []), *(_pen(pen) if draws else []),
                        *_path(points, codes), rf"\pgfusepath{{{use}}}"])


def _cells(mark: Cells) -> Iterator[str]:
    x, y, (gx, gy) = mark.x, mark.y, mark.gap
    rows, columns = mark.colours.shape[:2]
    seam = 0.0 if gx or gy else 0.25  # each reaches below the next, so that no light falls between them
    for r in range(rows):
        for c in range(columns):
            if mark.colours[r, c, 3] == 0:
                continue
            sx, sy = np.sign(x[c + 1] - x[c]), np.sign(y[r + 1] - y[r])
            corner = rectangle(x[c] + sx * gx / 2, y[r] + sy * gy / 2,
                               x[c + 1] - sx * gx / 2 + (sx * seam if c + 1 < columns else 0),
                               y[r + 1] - sy * gy / 2 + (sy * seam if r + 1 < rows else 0))
            yield from _filled(corner, None, tuple(mark.colours[r, c]), Pen())


def _scoped(lines: Iterable[str]) -> Iterator[str]:
    yield r"\begin{pgfscope}" + "".join(lines) + r"\end{pgfscope}"


def _colour(what: str, colour: RGBA) -> list[str]:
    red, green, blue, opacity = (min(max(float(part), 0.0), 1.0) for part in colour)
    found = [rf"\definecolor{{q}}{{rgb}}{{{red:.4f},{green:.4f},{blue:.4f}}}\pgfset{what}color{{q}}"]
    return found + ([rf"\pgfset{what}opacity{{{opacity:.4g}}}"] if opacity < 1 else [])


def _pen(pen: Pen) -> list[str]:
    dashes = "".join(f"{{{part:.3f}bp}}" for part in pen.dashes)
    return [*_colour("stroke", pen.colour), rf"\pgfsetlinewidth{{{pen.width:.3f}bp}}",
            *([rf"\pgfsetdash{{{dashes}}}{{0bp}}"] if dashes else [])]


def _path(points: np.ndarray, codes: np.ndarray | None) -> list[str]:
    """PGF's path through points, with matplotlib's codes; a polygon where there are none."""
    tail = [r"\pgfpathclose"] if codes is None else []
    if codes is None:
        codes = np.array([Path.MOVETO, *[Path.LINETO] * (len(points) - 1)])
    found, place = [], 0
    while place < len(points):
        code, at = int(codes[place]), _point(points[place])
        if code == Path.MOVETO:
            found.append(rf"\pgfpathmoveto{at}")
        elif code == Path.LINETO:
            found.append(rf"\pgfpathlineto{at}")
        elif code == Path.CURVE3:
            found.append(rf"\pgfpathquadraticcurveto{at}{_point(points[place + 1])}")
            place += 1
        elif code == Path.CURVE4:
            found.append(rf"\pgfpathcurveto{at}{_point(points[place + 1])}{_point(points[place + 2])}")
            place += 2
        elif code == Path.CLOSEPOLY:
            found.append(r"\pgfpathclose")
        place += 1
    return found + tail


def _point(point: np.ndarray) -> str:
    x, y = (min(max(float(part), -2 * _FAR), 2 * _FAR) for part in point)
    return rf"{{\pgfqpoint{{{x:.3f}bp}}{{{y:.3f}bp}}}}"


def _words(mark: Words) -> Iterator[str]:
    side = mark.lines or mark.across
    for line, baseline in zip(mark.block.lines, mark.baselines(), strict=True):
        if not "".join(run.text for run in line).strip(" \u00a0"):
            continue
        (at,) = mark.turn(np.array([baseline]))
        rim = ""
        if mark.halo is not None:
            red, green, blue, _ = mark.halo
            yield rf"\definecolor{{h}}{{rgb}}{{{red:.4f},{green:.4f},{blue:.4f}}}"
            rim = ",fill=h,fill opacity=0.7,text opacity=1"
        anchor = "base" if side == "center" else f"base {_SIDES[side]}"
        turned = f",rotate={mark.angle:g}" if mark.angle else ""
        yield (rf"\node[anchor={anchor},inner sep={'0.5bp' if rim else '0pt'},outer sep=0pt{turned}{rim}] at "
               rf"({at[0]:.2f},{at[1]:.2f}) {{\qfusionfit{{{1.02 * width(line):.2f}bp}}"
               rf"{{{''.join(_run(run, mark.opacity) for run in line)}}}}};")


def _run(run: Run, opacity: float) -> str:
    style = run.style
    red, green, blue, seen = fade(style.colour, opacity)
    # A node's letters have one opacity: that of a run is mixed with white paper instead.
    mixed = (1 - seen + seen * part for part in (red, green, blue))
    face = (r"\rmfamily" if style.serif else r"\sffamily") + (r"\bfseries" if style.bold else "") + (
        r"\itshape" if style.italic else "")
    letters = escape(run.text)
    lead, tail = ("~" if end in ("\u00a0", " ") else "" for end in (run.text[:1], run.text[-1:]))
    inner = (rf"{{\fontsize{{{style.size:.2f}bp}}{{{1.25 * style.size:.2f}bp}}\selectfont{face}"
             rf"\textcolor[rgb]{{{','.join(f'{part:.4f}' for part in mixed)}}}{{{lead}{letters}{tail}}}}}")
    return rf"\raisebox{{{style.rise:.2f}bp}}[0pt][0pt]{{{inner}}}" if style.rise else inner
