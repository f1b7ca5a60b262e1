"""LaTeX: words in which nothing is a command, and drawings as tikzpictures. Letters that its fonts
lack become mathematics, or are left to XeLaTeX and LuaLaTeX."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from unicodedata import name, normalize

import numpy as np
from matplotlib.path import Path

from plotly_print import fonts
from plotly_print.paper import polygon, stroke_codes
from plotly_print.scene import Area, Cells, Dots, Mark, Pen, Stroke, Words, rectangle
from plotly_print.values import RGBA, check, fade
from plotly_print.words import Run, printable, width

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "\u00a0": "~",
    '"': "''",
    "–": "--",
    "—": "---",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "•": r"\textbullet{}",
    "°": r"\textdegree{}",
}
_MATHS = {
    "−": "-",
    "×": r"\times",
    "·": r"\cdot",
    "±": r"\pm",
    "≤": r"\leq",
    "≥": r"\geq",
    "≠": r"\neq",
    "≈": r"\approx",
    "∞": r"\infty",
    "∑": r"\sum",
    "√": r"\surd",
    "∂": r"\partial",
    "⟨": r"\langle",
    "⟩": r"\rangle",
    "→": r"\rightarrow",
    "←": r"\leftarrow",
    "↑": r"\uparrow",
    "↓": r"\downarrow",
    "⊗": r"\otimes",
    "⊕": r"\oplus",
    "†": r"\dagger",
    "ℏ": r"\hbar",
    "ħ": r"\hbar",
    "ℳ": r"\mathcal{M}",
    "ℒ": r"\mathcal{L}",
    "∈": r"\in",
    "▸": r"\triangleright",
    "◂": r"\triangleleft",
    "◆": r"\diamond",
    "²": "^2",
    "³": "^3",
    "¹": "^1",
    "ε": r"\varepsilon",
    "φ": r"\varphi",
    "ϕ": r"\phi",
    "ο": "o",
    **{letter: f"\\{name(letter).split()[-1].lower()}" for letter in "αβγδζηθικμνξπρστυχψω"},
    **{letter: f"\\{name(letter).split()[-1].capitalize()}" for letter in "ΓΔΘΞΠΣΦΨΩ"},
    "λ": r"\lambda",
    "Λ": r"\Lambda",
    "ς": r"\varsigma",
    **{chr(0x2070 + i): f"^{i}" for i in (0, *range(4, 10))},
    "⁻": "^-",
    "⁺": "^+",
    **{chr(0x2080 + i): f"_{i}" for i in range(10)},
}
_ESCAPES |= {letter: f"${command}$" for letter, command in _MATHS.items()}
# What LaTeX reads in UTF-8 with any of its encodings.
_LATIN = "æøåœßłÆØÅŒŁ"
_ACCENTS = "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327"
# In the place of a letter that LaTeX's fonts do not have.
MISSING = r"\framebox[0.6em]{\rule{0pt}{0.4em}}"


def escape(text: str) -> str:
    """Return words as LaTeX sets them, on one line: nothing in them is a command. Letters that
    LaTeX's usual fonts do not have are set by XeLaTeX and LuaLaTeX; for pdfLaTeX each is an empty
    box."""
    pairs = (
        (letter, _letter(letter))
        for letter in normalize(
            "NFC", printable(" ".join(str(text).split())).replace("\u00a0", " ")
        )
    )
    result = ""
    for beyond, group in groupby(pairs, lambda pair: pair[1] == MISSING):
        letters, written = map("".join, zip(*group, strict=True))
        if beyond:
            shown = fonts.IGNORED.sub("", letters)
            written = rf"{{\ifdefined\Umathcode {letters}\else {MISSING * len(shown)}\fi}}"
        result += written
    return result


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    parts = normalize("NFD", letter)
    return (
        letter
        if letter.isascii()
        or letter in _LATIN
        or (len(parts) == 2 and parts[0].isascii() and parts[1] in _ACCENTS)
        else MISSING
    )


COMMENT = "%{}-recipe "  # begins the lines of the file that hold the metadata
SIZE = "%{}-size "  # width and height in mm
# Letters of the document may be wider than those that the drawing was made for: then they are
# squeezed.
_FIT = (
    r"\providecommand{\%sfit}[2]{\sbox0{#2}\ifdim\wd0>#1\resizebox{#1}{\height}{\usebox0}"
    r"\else\usebox0\fi}%%"
)
_RARE = (
    "% XeLaTeX or LuaLaTeX sets letters that pdfLaTeX has no font for, in the document's own: "
    "\\setmainfont."
)
MAX_SHAPES = 20_000  # TeX's memory holds about as many
_FAR = 8_000.0  # points: TeX's longest length is twice that
_ANCHORS = {"left": "base west", "center": "base", "right": "base east"}
# PGF's command for each of matplotlib's codes, and how many points it takes.
_COMMANDS = {
    int(Path.MOVETO): ("moveto", 1),
    int(Path.LINETO): ("lineto", 1),
    int(Path.CURVE3): ("quadraticcurveto", 2),
    int(Path.CURVE4): ("curveto", 3),
    int(Path.CLOSEPOLY): ("close", 0),
}


def write(
    marks: list[Mark],
    size: tuple[float, float],
    background: RGBA,
    metadata: str,
    title: str,
    creator: str,
) -> bytes:
    """The bytes of a file with a tikzpicture of PGF's own commands, whose words LaTeX sets in the
    document's letters.

        \\usepackage{tikz} ... \\input{figure.tikz}

    Args:
        marks: the lowest first. size: width and height in points of 1/72 inch.
        background: of the page. metadata: text that stands in comments, behind the creator's name.
        title: plain words.

    Raises:
        PrintError: when the drawing has more shapes than TeX takes.
    """
    shapes = sum(
        len(mark.points)
        if isinstance(mark, Dots)
        else mark.colours[..., 0].size
        if isinstance(mark, Cells)
        else 1
        for mark in marks
    )
    check(
        shapes <= MAX_SHAPES,
        f"The drawing has {shapes:,} shapes, and a tikzpicture at most {MAX_SHAPES:,}. Choose PDF, "
        "which LaTeX includes as well.",
    )
    w, h = size
    drawn = [line for mark in marks for line in _clipped(mark, creator)]
    lines = [
        *(COMMENT.format(creator) + line for line in metadata.split("\n")),
        f"{SIZE.format(creator)}{w / 72 * 25.4:.4f} {h / 72 * 25.4:.4f}",
        *([f"% {' '.join(title.split())}"] if title else []),
        "% Needs \\usepackage{tikz}; its words are in the letters of the document.",
        *([_RARE] if any(r"\Umathcode" in line for line in drawn) else []),
        _FIT % creator,
        r"\begin{tikzpicture}[x=1bp,y=1bp]",
        *_filled(rectangle(0, 0, w, h), None, background, Pen()),
        rf"\useasboundingbox (0,0) rectangle ({w:.2f},{h:.2f});",
        *drawn,
        r"\end{tikzpicture}%",
    ]
    return ("\n".join(lines) + "\n").encode()


def _clipped(mark: Mark, creator: str) -> list[str]:
    drawn = list(_drawn(mark, creator))
    if mark.clip is None or not drawn:
        return drawn
    return [
        r"\begin{pgfscope}",
        *_path(mark.clip.corners, None),
        r"\pgfusepath{clip}",
        *drawn,
        r"\end{pgfscope}",
    ]


def _drawn(mark: Mark, creator: str) -> Iterator[str]:
    match mark:
        case Stroke():
            yield from _stroke(mark.points, mark.pen)
        case Area():
            yield from _filled(mark.points, mark.codes, mark.face, mark.pen)
        case Dots():
            for point, radius, face, edge, thick in zip(
                mark.points, mark.radii, mark.faces, mark.edges, mark.widths, strict=True
            ):
                yield from _filled(
                    mark.outline * radius + point,
                    mark.codes,
                    tuple(face),
                    Pen(tuple(edge), float(thick)),
                )
        case Cells():
            for corners, colour in mark.rectangles():
                yield from _filled(corners, None, tuple(colour), Pen())
        case Words():
            yield from _words(mark, creator)


def _stroke(points: np.ndarray, pen: Pen) -> Iterator[str]:
    known = np.isfinite(points).all(axis=1)
    if not pen.draws or not known.any():
        return
    points, codes = points[known], stroke_codes(known)[known]
    if np.abs(points).max() > _FAR:  # a figure of which a small part is shown
        near = Path(points, codes).cleaned(clip=(-_FAR, -_FAR, _FAR, _FAR))
        # Without the mark of its end.
        points, codes = np.asarray(near.vertices)[:-1], np.asarray(near.codes)[:-1]
    if len(points):
        yield _scoped(_pen(pen), r"\pgfsetroundjoin", *_path(points, codes), r"\pgfusepath{stroke}")


def _filled(points: np.ndarray, codes: np.ndarray | None, face: RGBA, pen: Pen) -> Iterator[str]:
    use = ["fill"] * bool(face[3] > 0) + ["stroke"] * bool(pen.draws)
    if use and len(points):
        fill, rim = _colour("fill", face), _pen(pen)
        looks = [fill] * ("fill" in use) + [rim] * ("stroke" in use)
        yield _scoped(*looks, *_path(points, codes), rf"\pgfusepath{{{','.join(use)}}}")


def _scoped(*lines: str) -> str:
    return r"\begin{pgfscope}" + "".join(lines) + r"\end{pgfscope}"


def _rgb(colour: Iterable[float]) -> str:
    return ",".join(f"{min(max(float(part), 0.0), 1.0):.4f}" for part in colour)


def _colour(what: str, colour: RGBA) -> str:
    opacity = min(max(float(colour[3]), 0.0), 1.0)
    seen = rf"\pgfset{what}opacity{{{opacity:.4g}}}" if opacity < 1 else ""
    return rf"\definecolor{{q}}{{rgb}}{{{_rgb(colour[:3])}}}\pgfset{what}color{{q}}" + seen


def _pen(pen: Pen) -> str:
    dashes = "".join(f"{{{part:.3f}bp}}" for part in pen.dashes)
    return rf"{_colour('stroke', pen.colour)}\pgfsetlinewidth{{{pen.width:.3f}bp}}" + (
        rf"\pgfsetdash{{{dashes}}}{{0bp}}" if dashes else ""
    )


def _path(points: np.ndarray, codes: np.ndarray | None) -> list[str]:
    """PGF's path through points, with matplotlib's codes; a polygon where there are none."""
    path = polygon(points) if codes is None else Path(points, codes)
    at = [
        rf"{{\pgfqpoint{{{x:.3f}bp}}{{{y:.3f}bp}}}}"
        for x, y in np.clip(np.asarray(path.vertices), -2 * _FAR, 2 * _FAR).tolist()
    ]
    codes, commands, place = np.asarray(path.codes).tolist(), [], 0
    while place < len(at):
        name, count = _COMMANDS[codes[place]]
        commands.append(rf"\pgfpath{name}" + "".join(at[place : place + count]))
        place += max(count, 1)
    return commands


def _words(mark: Words, creator: str) -> Iterator[str]:
    anchor = _ANCHORS[mark.lines or mark.across]
    turned = f",rotate={mark.angle:g}" if mark.angle else ""
    gap, rim = (
        ("0pt", "") if mark.halo is None else ("0.5bp", ",fill=h,fill opacity=0.7,text opacity=1")
    )
    for line, baseline in zip(mark.block.lines, mark.baselines(), strict=True):
        if not "".join(run.text for run in line).strip(" \u00a0"):
            continue
        (at,) = mark.turn(np.array([baseline]))
        if mark.halo is not None:
            yield rf"\definecolor{{h}}{{rgb}}{{{_rgb(mark.halo[:3])}}}"
        yield (
            rf"\node[anchor={anchor},inner sep={gap},outer sep=0pt{turned}{rim}] at "
            rf"({at[0]:.2f},{at[1]:.2f}) "
            rf"{{\{creator}fit{{{1.02 * width(line):.2f}bp}}"
            rf"{{{''.join(_run(run, mark.opacity) for run in line)}}}}};"
        )


def _run(run: Run, opacity: float) -> str:
    style = run.style
    *colour, seen = fade(style.colour, opacity)
    # A node's letters have one opacity: that of a run is mixed with white paper instead.
    mixed = _rgb(1 - seen + seen * part for part in colour)
    face = r"\rmfamily" if style.serif else r"\sffamily"
    face += r"\bfseries" * style.bold + r"\itshape" * style.italic
    lead, tail = ("~" * (end in ("\u00a0", " ")) for end in (run.text[:1], run.text[-1:]))
    inner = (
        rf"{{\fontsize{{{style.size:.2f}bp}}{{{1.25 * style.size:.2f}bp}}\selectfont{face}"
        rf"\textcolor[rgb]{{{mixed}}}{{{lead}{escape(run.text)}{tail}}}}}"
    )
    return rf"\raisebox{{{style.rise:.2f}bp}}[0pt][0pt]{{{inner}}}" if style.rise else inner
