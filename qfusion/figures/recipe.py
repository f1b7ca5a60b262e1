"""What of a figure is shown, series left out and ranges; and what an exported figure takes along: its style (format,
size in print, theme, letters), the recipe it was made from, the page or the lines of LaTeX around it; and where files
keep recipes."""

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from math import log10
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from plotly.offline import get_plotlyjs

from qfusion import __version__
from qfusion._checks import check, read_json, require_number
from qfusion._lazy import Library
from qfusion._sentences import count
from qfusion.errors import InvalidInput
from qfusion.figures.style import FONT, INK, PAPER, QUIET, AnyTheme
from qfusion.figures.themes import drawn_in

# the print engine: matplotlib waits until something is drawn
plotly_print: Any = Library("plotly_print")
fonts: Any = Library("plotly_print.fonts")

Format = Literal["svg", "pdf", "png", "html", "tikz"]
FORMATS: dict[Format, str] = {
    "svg": "SVG",
    "pdf": "PDF",
    "png": "PNG",
    "html": "HTML",
    "tikz": "TikZ",
}
RESOLUTIONS = (300, 600)
THEMES = {"light": "Light", "dark": "Dark", "grey": "Greyscale"}
ENGINES = {"qfusion": "qfusion", "chrome": "plotly in Chrome"}
CREATOR = "qfusion"  # names the program, and what it keeps, in every file
LEAST_FONT, MAX_FONT = 5.0, 60.0  # pt
MAX_HIDDEN, MAX_NAME = 200, 500
LETTERS = 13  # pixels of the letters that `ExportStyle.font` gives the size of: the axis titles of every figure
MM_PER_PT = 25.4 / 72


class Size(NamedTuple):
    """A size in print: its name, width, usual letters, the height where it is fixed, and the largest height; what its
    journal asks for: letters with serifs, how much thicker lines are than usual, the letters of panels."""

    label: str
    width: float  # mm
    font: float  # pt
    height: float | None  # mm
    most: float  # mm
    serif: bool = False
    lines: float = 1.0
    bold: bool = False  # panels are a, b, c in bold, instead of (a), (b), (c)

    @property
    def face(self) -> str:
        """What is drawn in the place of the journal's letters."""
        return (
            "STIX General (widths of Times)"
            if self.serif
            else "DejaVu Sans (for Helvetica or Arial)"
        )

    @property
    def says(self) -> str:
        """Its letters, lines and panels, as words."""
        thick = "" if self.lines == 1 else f", lines × {self.lines:g}"
        return f"{self.face}, {self.font:g} pt{thick}, panels {'a, b in bold' if self.bold else '(a), (b)'}"

    def letter(self, place: int) -> str:
        """The letter of a panel, from 0: "(a)", or "a" where it is bold."""
        name = chr(ord("a") + place % 26) * (1 + place // 26)
        return name if self.bold else f"({name})"


# Widths and letters as asked of authors: Physical Review Style and Notation Guide (capitals of 2 mm, lines of 0.18 mm);
# Nature, final submission (5 to 7 pt sans serif, lines of 0.25 to 1 pt, bold small letters); IEEE Author Center (8 pt);
# column and text widths of acl.sty, neurips.sty.
SIZES = {
    "single": Size("Single column, 89 mm", 89.0, 7.0, None, 240.0),
    "double": Size("Double column, 183 mm", 183.0, 7.0, None, 240.0),
    "slide": Size("Slide 16:9, 339 × 191 mm", 338.67, 18.0, 190.5, 190.5),
    "poster": Size("Poster, 400 mm", 400.0, 24.0, None, 1100.0),
    "aps-single": Size("APS, one column, 86 mm", 86.0, 8.0, None, 230.0, serif=True, lines=0.85),
    "aps-double": Size("APS, two columns, 178 mm", 178.0, 8.0, None, 230.0, serif=True, lines=0.85),
    "nature-single": Size(
        "Nature, one column, 89 mm", 89.0, 7.0, None, 240.0, lines=0.75, bold=True
    ),
    "nature-double": Size(
        "Nature, two columns, 183 mm", 183.0, 7.0, None, 240.0, lines=0.75, bold=True
    ),
    "ieee-single": Size(
        "IEEE, one column, 88.9 mm", 88.9, 8.0, None, 216.0, serif=True, lines=0.85
    ),
    "ieee-double": Size(
        "IEEE, two columns, 181 mm", 181.0, 8.0, None, 216.0, serif=True, lines=0.85
    ),
    "acl-single": Size("ACL, one column, 77 mm", 77.0, 8.0, None, 230.0, serif=True, lines=0.85),
    "acl-double": Size("ACL, two columns, 160 mm", 160.0, 8.0, None, 230.0, serif=True, lines=0.85),
    "neurips": Size(
        "NeurIPS, text width, 139.7 mm", 139.7, 8.0, None, 220.0, serif=True, lines=0.85
    ),
}
SIZES_SAY = "  \n".join(f"{size.label}: {size.says}." for size in SIZES.values())
COLUMNS = {
    "aps-double",
    "nature-double",
    "ieee-double",
    "acl-double",
    "double",
}  # across two columns of a page


@dataclass(frozen=True)
class ExportStyle:
    """How a figure is exported.

    As it comes, it is what a journal asks for: vectors, one column wide, letters of 7 pt, no title and no caption,
    since those of a paper stand in its text and are set in its type; both can be had for figures that go alone.

    Attributes:
        format: of the file.
        dpi: dots an inch of a PNG, 300 or 600.
        size: a key of `SIZES`. An HTML page has the same layout, shown with letters as large as on the pages.
        theme: "light", "dark", or "grey": greys on white paper that can be told apart when printed without colour.
        title, caption: whether they are written above and below the figure.
        font: size of the axis titles in pt, in print; 0 stands for what is usual for the size.
        hidden: legend entries that are left out.
        engine: "qfusion" draws by itself; "chrome" lets plotly draw in Chrome or Chromium, which must be installed.

    Raises:
        InvalidInput: when a value is not one of these.
    """

    format: Format = "svg"
    dpi: int = 300
    size: str = "single"
    theme: AnyTheme = "light"
    title: bool = False
    caption: bool = False
    font: float = 0.0
    hidden: tuple[str, ...] = ()
    engine: Literal["qfusion", "chrome"] = "qfusion"

    def __post_init__(self) -> None:
        choices: dict[str, Collection[Any]] = {
            "format": FORMATS,
            "dpi": RESOLUTIONS,
            "size": SIZES,
            "theme": THEMES,
            "engine": ENGINES,
        }
        for name, options in choices.items():
            value = getattr(self, name)
            check(
                isinstance(value, (str, int)) and not isinstance(value, bool) and value in options,
                f"Argument `{name}` must be one of {', '.join(map(str, options))}, but is {_seen(value)}. Choose one "
                "of them.",
            )
        for name in ("title", "caption"):
            check(
                isinstance(getattr(self, name), bool),
                f"Argument `{name}` must be true or false, but is {_seen(getattr(self, name))}. Give one of the two.",
            )
        default = SIZES[self.size].font
        check(
            isinstance(self.font, (int, float))
            and not isinstance(self.font, bool)
            and (self.font == 0 or LEAST_FONT <= self.font <= MAX_FONT),
            f"Argument `font` must be a size between {LEAST_FONT:g} and {MAX_FONT:g} pt, but is {_seen(self.font)}. "
            f"Give a number in that range, such as {default:g}.",
        )
        object.__setattr__(self, "font", float(self.font) or default)
        check(
            isinstance(self.hidden, (list, tuple))
            and len(self.hidden) <= MAX_HIDDEN
            and all(isinstance(name, str) and len(name) <= MAX_NAME for name in self.hidden),
            f"Argument `hidden` must list at most {MAX_HIDDEN} legend entries of at most {MAX_NAME} characters, but "
            f"is {_seen(self.hidden)}. Name entries of the figure's legend.",
        )
        object.__setattr__(self, "hidden", tuple(dict.fromkeys(self.hidden)))

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """A style from what a recipe or an address says; what it does not say is as usual.

        Raises:
            InvalidInput: naming the argument, when something is not a style's.
        """
        check(
            isinstance(given, Mapping),
            f"Argument `look` must be an object with names and values, but is {_seen(given)}. "
            'Give for example {"format": "pdf"}.',
        )
        known = [field.name for field in fields(cls)]
        unknown = [name for name in given if name not in known]
        check(
            not unknown,
            f"Argument `look` must have only the names {', '.join(known)}, but has "
            f"{', '.join(map(_seen, unknown[:3]))}. Leave the others out.",
        )
        return cls(**given)

    def as_dict(self) -> dict[str, Any]:
        """All values as JSON holds them, always in one order; `parse` takes them back."""
        return asdict(self) | {"hidden": list(self.hidden)}


def _seen(value: Any) -> str:
    """A value as a message shows it, short however large it is."""
    match value:
        case str():
            return repr(value[:60]) + ("…" if len(value) > 60 else "")
        case list() | tuple() | dict():
            return f"a {type(value).__name__} of {count(len(value), 'entry', 'entries')}"
        case int() if abs(value) > 10**12:
            return "a number of more than twelve digits"
    return repr(value)[:60]


def print_style(style: ExportStyle, width: float, height: float | None) -> Any:
    """What `plotly_print` is told of a style, of a page of `width` and `height` in mm."""
    size = SIZES[style.size]
    return plotly_print.Style(
        width, height, style.font, style.dpi, size.serif, size.lines, size.bold, CREATOR
    )


@contextmanager
def printing() -> Iterator[None]:
    """Raises what `plotly_print` does not draw as InvalidInput, in its words."""
    try:
        yield
    except plotly_print.PrintError as error:
        raise InvalidInput(str(error)) from error


def canvas(drawn: go.Figure, style: ExportStyle) -> tuple[float, float]:
    """Width and height of the drawing in mm, without title and caption.

    The figures are drawn for a screen, with letters of `LETTERS` pixels and a height that follows from their content.
    In print these letters get `style.font` pt, all else in proportion; so the height follows from the figure, and the
    width is that of the size.
    """
    size = SIZES[style.size]
    if size.height is not None:
        return size.width, size.height
    return size.width, min(size.most, float(drawn.layout.height or 360) * pixel(style))


def pixel(style: ExportStyle) -> float:
    """Millimetres in print of a pixel of the figure as it is drawn for the screen."""
    return style.font / LETTERS * MM_PER_PT


# A recipe: everything that a figure was made from, small enough to travel inside the figure's file.
#
# It names the page, what stood in its address (model, data, sample, sliders, view), the panel, the style of the export,
# digests of weights, data and numbers, and the versions of the software. It holds no date and
# nothing of the machine, so the same figure has the same recipe.

KIND, VERSION = "qfusion recipe", 1
MAX_TEXT = 64_000  # characters of a recipe
MAX_WORDS = 2_000
MAX_VALUES, MAX_VALUE = 200, 8_000  # parameters of an address, characters of one
_GIVE = "Give the .json file of the figure drawer, or an exported figure."
_NAME = re.compile(r"[\w.:+ |=,()-]{1,200}")
_PACKAGES = ("torch", "numpy", "qutip", "pennylane", "plotly", "matplotlib", "streamlit", "kaleido")


@dataclass(frozen=True)
class Recipe:
    """What a figure was made from.

    Attributes:
        page: "overview", "dynamics", ...; panel: its name on the page.
        address: what stood in the page's address, values by name, in a list where a name may be repeated.
        style: how it was exported.
        made_from: names and digests of model and data, the sample, the model's training seed.
        software: versions by package. numbers: digest of the panel's table, see `digest_of`.
        title, caption: what is written above and below in the place of the panel's own; empty for that.
    """

    page: str
    panel: str
    address: Mapping[str, list[str]] = field(default_factory=dict)
    style: ExportStyle = field(default_factory=ExportStyle)
    made_from: Mapping[str, Any] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    numbers: str = ""
    title: str = ""
    caption: str = ""

    def text(self) -> str:
        """The recipe as JSON, the same for the same recipe."""
        return json.dumps(
            {
                "kind": KIND,
                "version": VERSION,
                "page": self.page,
                "panel": self.panel,
                "address": {key: list(values) for key, values in self.address.items()},
                "look": self.style.as_dict(),
                "made_from": dict(self.made_from),
                "software": dict(self.software),
                "numbers": self.numbers,
                "title": self.title,
                "caption": self.caption,
            },
            indent=1,
            sort_keys=True,
        )

    def like(self, other: Self) -> Self:
        """The same figure exported as another recipe says: its style, title and caption."""
        return replace(self, style=other.style, title=other.title, caption=other.caption)


def parse(text: str) -> Recipe:
    """Returns a recipe from its JSON; names are looked up when the figure is drawn.

    Raises:
        InvalidInput: when it is not a recipe, of another version, or holds what no recipe holds.
    """
    record = read_record(text, "recipe", KIND, VERSION, MAX_TEXT)
    names = {key: record.get(key) for key in ("page", "panel")}
    for key, name in names.items():
        check(
            isinstance(name, str) and bool(_NAME.fullmatch(name)),
            f"Part `{key}` of the recipe must be a name, but is {str(name)[:60]!r}. Export the figure again.",
        )
    address = record.get("address", {})
    check(
        isinstance(address, dict)
        and len(address) <= MAX_VALUES
        and all(
            isinstance(values, list) and len(values) <= MAX_VALUES for values in address.values()
        )
        and all(
            isinstance(value, str) and len(value) <= MAX_VALUE
            for values in address.values()
            for value in values
        ),
        f"Part `address` of the recipe must hold lists of texts, at most {MAX_VALUES} of at most {MAX_VALUE:,} "
        "characters. Export the figure again.",
    )
    parts = {key: record.get(key, {}) for key in ("made_from", "software")}
    for key, part in parts.items():
        check(
            isinstance(part, dict),
            f"Part `{key}` of the recipe must be an object, but is {str(part)[:60]!r}. Export the figure again.",
        )
    return Recipe(
        str(names["page"]),
        str(names["panel"]),
        address,
        ExportStyle.parse(record.get("look", {})),
        parts["made_from"],
        {str(k): str(v) for k, v in parts["software"].items()},
        str(record.get("numbers", ""))[:80],
        str(record.get("title", ""))[:MAX_WORDS],
        str(record.get("caption", ""))[:MAX_WORDS],
    )


def read_record(text: str, what: str, kind: str, version: int, most: int) -> dict[str, Any]:
    """Returns what a recipe, or a composition of several, holds as JSON.

    Raises:
        InvalidInput: when it is none, of another version, or has more than so many characters.
    """
    check(
        len(text) <= most,
        f"The {what} has {len(text):,} characters, and at most {most:,} are read. Export the figure again.",
    )
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The {what} is not JSON ({str(error)[:120]}). {_GIVE}") from error
    check(
        isinstance(record, dict) and record.get("kind") == kind,
        f"This JSON is not a {kind}. {_GIVE}",
    )
    seen, made = record.get("version"), record.get("software")
    newer = made.get("qfusion", "newer") if isinstance(made, dict) else "newer"
    check(
        seen == version,
        f"The {what} has version {str(seen)[:20]!r}, and this qfusion ({__version__}) reads version {version}. "
        + (
            f"It was made with qfusion {str(newer)[:20]}: install that version."
            if isinstance(seen, int) and seen > version
            else "Export the figure again."
        ),
    )
    return record


@cache
def software() -> dict[str, str]:
    """Versions of what computes and draws figures."""
    texts = {"qfusion": __version__}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            texts[package] = version(package)
    return texts


def digest_of(numbers: pd.DataFrame) -> str:
    """SHA-256, in hex, of a table with its numbers rounded to ten significant digits, which machines agree on."""
    return hashlib.sha256(
        numbers.to_csv(index=False, float_format="%.10g", lineterminator="\n").encode()
    ).hexdigest()


def changes(recipe: Recipe, made_from: Mapping[str, Any]) -> list[str]:
    """What a recipe was made from that is not what is here now, a sentence each."""
    parts = [
        (name, recipe.made_from.get(what), made_from.get(what))
        for what, name in (("model", "Model"), ("data", "Data set"))
    ]
    return [
        f"{name} '{str(now.get('name'))[:80]}' is not the one the recipe was made from: its digest is "
        f"{str(now.get('digest'))[:12]}, the recipe's {str(then.get('digest'))[:12]}."
        for name, then, now in parts
        if isinstance(then, dict)
        and isinstance(now, dict)
        and then.get("digest") != now.get("digest")
    ]


# A figure in a paper: the lines of LaTeX that put an exported file there, with caption and label.


def snippet(
    file: str,
    style: ExportStyle,
    *,
    title: str,
    caption: str,
    made_from: Mapping[str, Any] | None = None,
    name: str = "figure",
) -> str:
    """Returns a figure environment; of SVG, PNG and HTML files the PDF is named, which LaTeX takes.

    Args:
        file: name of the figure's file without its ending. style: it is exported in.
        title, caption: plain text, whatever stands in it. made_from: model, data and sample, as recipes have them.
        name: of the label, after `fig:`.
    """
    starred = "*" if style.size in COLUMNS else ""
    ending = style.format if style.format in ("tikz", "png") else "pdf"
    needs, command = "graphicx", f"\\includegraphics[width={SIZES[style.size].width:g}mm]"
    if ending == "tikz":
        needs, command = "tikz", "\\input"
    words = [
        f"\\textbf{{{plotly_print.latex.escape(title.rstrip('.'))}.}}" if title else "",
        plotly_print.latex.escape(caption),
        plotly_print.latex.escape(origin(made_from or {})),
    ]
    return "\n".join(
        [
            f"% In the preamble: \\usepackage{{{needs}}}",
            f"\\begin{{figure{starred}}}[t]",
            "  \\centering",
            f"  {command}{{{file}.{ending}}}",
            f"  \\caption{{{' '.join(filter(None, words))}}}",
            f"  \\label{{fig:{label(name)}}}",
            f"\\end{{figure{starred}}}",
            "",
        ]
    )


def label(*parts: str) -> str:
    """Returns a label for `\\label`, of letters, digits and dashes."""
    return "-".join(
        filter(None, (re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-")[:60] for part in parts))
    )


def origin(made_from: Mapping[str, Any]) -> str:
    """A sentence on model, data and sample; empty where nothing is said of them."""
    parts = [("Model", made_from.get("model")), ("data set", made_from.get("data"))]
    names = [
        f"{words} {part['name']}"
        + (f" (SHA-256 {str(part['digest'])[:8]}…)" if part.get("digest") else "")
        for words, part in parts
        if isinstance(part, Mapping) and part.get("name")
    ]
    sample = [f"sample {made_from['sample']}"] if made_from.get("sample") else []
    text = ", ".join([*names, *sample])
    return f"{text[:1].upper()}{text[1:]}." if text else ""


# One figure as a page that is a single file: it opens in any browser, reaches for no network and runs nothing but
# plotly.

FIGURE, RECIPE = "qfusion-figure", "qfusion-recipe"  # ids in the page
_CONFIG = '{"displaylogo":false,"responsive":false,"toImageButtonOptions":{"format":"svg","filename":"qfusion-figure"}}'
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


def page(drawn: go.Figure, style: ExportStyle, *, title: str, caption: str, recipe: str) -> bytes:
    """The page, in UTF-8; the same bytes for the same arguments and version of plotly.

    The figure is laid out as in print, and shown so large that its letters are those of the pages. The page's policy
    lets no script run but plotly and the drawing itself, whose digests it names, and lets nothing be loaded.

    Args:
        title, caption: any text, shown as it is where the style asks for it; both describe the figure to those who do
            not see it.
        recipe: JSON that is kept in the page.
    """
    theme = drawn_in(drawn)
    width, height = (round(side / pixel(style)) for side in canvas(drawn, style))
    sized = go.Figure(drawn).update_layout(width=width, height=height, autosize=False)
    plotly = get_plotlyjs()
    draw = (
        f'(function(f){{Plotly.newPlot("{FIGURE}",f.data,f.layout,{_CONFIG});}})'
        f"({in_script(pio.to_json(sized, validate=False, engine='json'))});"
    )
    # Plotly compiles the shaders of these traces from text.
    compiled = {"parcoords", "splom", "scattergl"} & {trace.type for trace in drawn.data}
    compiles = " 'unsafe-eval'" if compiled else ""
    policy = (
        f"default-src 'none'; script-src {script_digest(plotly)} {script_digest(draw)}{compiles}; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    described = ". ".join(part.rstrip(". ") for part in (title, caption) if part)
    return _PAGE.format(
        head=f"<h1>{html.escape(plotly_print.words.isolated(title))}</h1>\n"
        if style.title and title
        else "",
        foot=f"<figcaption>{html.escape(plotly_print.words.isolated(caption))}</figcaption>\n"
        if style.caption and caption
        else "",
        label=html.escape(described or "Figure"),
        title=html.escape(title or "Figure"),
        policy=policy,
        paper=PAPER[theme],
        ink=INK[theme],
        quiet=QUIET[theme],
        font=FONT,
        width=width,
        height=height,
        figure_id=FIGURE,
        recipe_id=RECIPE,
        recipe=in_script(recipe),
        plotly=plotly,
        draw=draw,
    ).encode()


def in_script(json_text: str) -> str:
    """JSON that may stand in a script element: nothing in it ends the element or begins a comment."""
    return (
        json_text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    )


def script_digest(script: str) -> str:
    """Returns how a page's policy names a script that may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


# Recipes inside files: where each format keeps one, and how it is found again in a file that may be anything.
#
# Files are searched for the place where qfusion writes, and not handed to readers of XML or of whole PDFs: nothing in
# them is followed, expanded or unpacked beyond a bound, so that a hostile file is refused as fast as any other.

KEY = "qfusion"  # of an SVG's <metadata> and of a PNG's text
MAX_RECIPE = 256_000  # characters
MAX_FILE = 100_000_000  # bytes
_SVG = f'<metadata id="{KEY}">'.encode()
_TIKZ = "%qfusion-recipe "
_IN_PAGE = f'<script type="application/json" id="{RECIPE}">'.encode()


def in_svg(svg: str, recipe: str, title: str) -> bytes:
    """The drawing with the recipe, and its title for those who do not see it."""
    end = svg.index(">", svg.index("<svg")) + 1
    named = f"<title>{html.escape(title, quote=False)}</title>" if title else ""
    held = f"{_SVG.decode()}{html.escape(recipe, quote=False)}</metadata>"
    return f"{svg[:end]}{named}{held}{svg[end:]}".encode()


def in_png(png: bytes, recipe: str, title: str, dpi: float) -> bytes:
    """The picture with recipe and title as its texts, and the resolution that gives its size."""
    image, texts, out = Image.open(io.BytesIO(png)), PngInfo(), io.BytesIO()
    for key, words in ((KEY, recipe), ("Title", title)):
        if words:
            texts.add_itxt(key, words)
    image.save(out, "PNG", pnginfo=texts, dpi=(dpi, dpi))
    return out.getvalue()


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
    readers: tuple[tuple[tuple[bytes, ...], str, Callable[[bytes], str]], ...] = (
        ((b"\x89png\r\n\x1a\n",), "PNG", _from_png),
        ((b"%pdf-",), "PDF", _from_pdf),
        (
            (b"<!doctype html", b"<html"),
            "HTML",
            lambda page: _between(page, _IN_PAGE, b"</script>").replace("\\u003c", "<"),
        ),
        (
            (b"<?xml", b"<svg", b"<!doctype svg", b"<!--"),
            "SVG",
            lambda svg: html.unescape(_between(svg, _SVG, b"</metadata>")),
        ),
        ((_TIKZ.encode(),), "tikzpicture", _from_tikz),
        ((b"",), "file", lambda file: _text(file) if len(file) <= 4 * MAX_RECIPE else ""),
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
    """Width and height in mm of an SVG that was exported.

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


def _between(data: bytes, start: bytes, end: bytes) -> str:
    first = data.find(start)
    last = data.find(end, first, first + 8 * MAX_RECIPE) if first >= 0 else -1
    return _text(data[first + len(start) : last]) if last >= 0 else ""


def _from_tikz(data: bytes) -> str:
    """The first lines of the file, which are comments."""
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
    """The keywords that stand as text in the file; the last ones, as later parts of a PDF take the place of earlier
    ones."""
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


# What of a figure is shown: series left out and ranges of its axes, as one short text in the address.

MAX_VISIBLE, MAX_LEFT_OUT = 1_000, 30
_LARGEST = 1e9


@dataclass(frozen=True)
class VisibleRange:
    """Legend entries that are left out; (low, high) of the horizontal and the vertical axis, in the axis' own units."""

    hidden: tuple[str, ...] = ()
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None

    def __str__(self) -> str:
        written = [
            (key, f"{pair[0]:g},{pair[1]:g}")
            for key, pair in (("x", self.x), ("y", self.y))
            if pair
        ]
        return urlencode([*(("hide", name) for name in self.hidden), *written])

    def __bool__(self) -> bool:
        return bool(self.hidden or self.x or self.y)


def parse_visible(text: str) -> VisibleRange:
    """Returns a visible range from its text.

    Raises:
        InvalidInput: when the text is not one.
    """
    check(
        len(text) <= MAX_VISIBLE,
        f"What is shown of a figure is told in at most {MAX_VISIBLE:,} characters, but here are {len(text):,}. Choose "
        "anew what is shown.",
    )
    hidden: list[str] = []
    ranges: dict[str, tuple[float, float]] = {}
    for key, value in (
        parse_qsl(text, max_num_fields=MAX_LEFT_OUT + 2)
        if text.count("&") < MAX_LEFT_OUT + 2
        else [("", text)]
    ):
        check(
            key in ("hide", "x", "y"),
            "What is shown of a figure is told by `hide=SERIES`, `x=LOW,HIGH` or `y=LOW,HIGH`, but here "
            f"stands {text[:60]!r}. Choose anew what is shown.",
        )
        if key == "hide":
            hidden.append(value)
        else:
            ends = value.split(",")
            check(
                len(ends) == 2,
                f"A range is `LOW,HIGH`, but {key} is {value[:40]!r}. Give two numbers.",
            )
            low, high = (require_number(key, end, -_LARGEST, _LARGEST) for end in ends)
            check(
                low < high,
                f"A range goes from low to high, but {key} is {value[:40]!r}. Exchange the two.",
            )
            ranges[key] = (low, high)
    return VisibleRange(tuple(dict.fromkeys(hidden)), ranges.get("x"), ranges.get("y"))


def apply_visible(drawn: go.Figure, visible: VisibleRange) -> go.Figure:
    """The figure with this visible range; the figure itself when there is none."""
    if not visible:
        return drawn
    figure = go.Figure(without(drawn, visible.hidden))
    for axis, span in (("xaxis", visible.x), ("yaxis", visible.y)):
        if span and axis in rangeable(drawn):
            present = figure.layout[axis]
            log = present.type == "log"
            check(
                not log or span[0] > 0,
                f"Argument `{axis[0]}` must be positive on a logarithmic axis, but starts at {span[0]:g}. Raise it.",
            )
            ends = [log10(end) for end in span] if log else list(span)
            if present.range and present.range[0] > present.range[1]:
                ends.reverse()
            for own in figure.select_xaxes() if axis == "xaxis" else [present]:
                own.update(range=ends, autorange=False)
    return figure


def rangeable(drawn: go.Figure) -> tuple[str, ...]:
    """The axes whose range can be chosen: those with numbers along them; the vertical one where there is only one."""
    single = len({trace.yaxis for trace in drawn.data if "yaxis" in trace}) <= 1
    return tuple(
        axis for axis in (("xaxis", "yaxis") if single else ("xaxis",)) if _is_ranged(drawn, axis)
    )


def _is_ranged(drawn: go.Figure, name: str) -> bool:
    """Whether an axis has numbers along it, and ticks of plotly's."""
    axis = drawn.layout[name]
    columns = (trace[name[0]] for trace in drawn.data if trace.type in ("scatter", "bar"))
    return (
        axis.visible is not False
        and axis.type in (None, "-", "linear", "log")
        and axis.tickvals is None
        and any(
            values is not None and len(values) > 0 and not isinstance(values[0], str)
            for values in columns
        )
    )


_TAG = re.compile(r"</?(?:b|i|em|strong|sub|sup|span|a|u|s)\b[^<>]{0,200}>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def plain_entry(entry: str) -> str:
    """A legend entry as a reader sees it: plotly's markup taken out, entities resolved."""
    return html.unescape(_TAG.sub("", _BREAK.sub(" ", entry)))


def legend_entries(drawn: go.Figure) -> list[str]:
    """Names of what stands in the legend, in the order of the figure with groups together, each once; see `plain_entry`
    for how they read."""
    if not drawn.layout.showlegend:
        return []
    shown = [
        (entry, group or id(trace)) for entry, group, trace in _entries(drawn) if _in_legend(trace)
    ]
    groups = list(dict.fromkeys(group for _, group in shown))
    shown.sort(key=lambda pair: groups.index(pair[1]))
    return list(dict.fromkeys(entry for entry, _ in shown))


def _in_legend(trace: Any) -> bool:
    shown = (True,) if trace.type == "heatmap" else (True, None)
    return trace.visible is not False and "showlegend" in trace and trace.showlegend in shown


def _entries(drawn: go.Figure) -> list[tuple[str, str | None, Any]]:
    """Name, legend group and trace of every series; plotly calls the third one without a name "trace 2"."""
    return [
        (
            f"trace {place}" if trace.name is None else str(trace.name),
            getattr(trace, "legendgroup", None),  # parallel coordinates have none
            trace,
        )
        for place, trace in enumerate(drawn.data)
    ]


def without(drawn: go.Figure, hidden: Iterable[str]) -> go.Figure:
    """The figure without the traces that belong to the named legend entries: of that name, or of a legend group that an
    entry leads.

    Entries are named as `legend_entries` or `plain_entry` does. Names that this figure does not have leave nothing out;
    where nothing is left out, the figure itself is returned.
    """
    named = set(hidden)
    if not named:
        return drawn
    pairs = [
        (not named.isdisjoint((entry, plain_entry(entry), group)), group)
        for entry, group, _ in _entries(drawn)
    ]
    groups = {group for is_named, group in pairs if is_named and group}
    gone = [is_named or group in groups for is_named, group in pairs]
    if not any(gone):
        return drawn
    figure = go.Figure(drawn)
    figure.data = [trace for trace, left_out in zip(figure.data, gone, strict=True) if not left_out]
    return figure
