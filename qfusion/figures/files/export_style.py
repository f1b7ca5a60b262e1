"""The style of an exported figure: format, size, fonts, resolution and theme."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple, Self

import plotly.graph_objects as go

from qfusion._checks import check
from qfusion._lazy import Library
from qfusion._sentences import count
from qfusion.errors import InvalidInput
from qfusion.figures.style import Theme

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
THEMES = {"light": "Light", "dark": "Dark"}
CREATOR = "qfusion"  # names the program, and what it keeps, in every file
LEAST_FONT, MAX_FONT = 5.0, 60.0  # pt
MAX_HIDDEN, MAX_NAME = 200, 500
LETTERS = 13  # pixels of the letters that `ExportStyle.font` gives the size of: the axis titles of every figure
MM_PER_PT = 25.4 / 72


class Size(NamedTuple):
    """A print size: its name, width, usual font size, its height if that is fixed, and the largest height. It also
    holds the requirements of its journal: serif letters, how much thicker lines are than usual, and how panels are
    lettered.
    """

    label: str
    width: float  # mm
    font: float  # pt
    height: float | None  # mm
    most: float  # mm
    serif: bool = False
    lines: float = 1.0
    bare: bool = False  # panels are a, b, c, in larger letters, instead of (a), (b), (c)

    @property
    def face(self) -> str:
        """Name of the font that is drawn in place of the journal's font."""
        return (
            "STIX General (widths of Times)"
            if self.serif
            else "Arimo (widths of Arial and Helvetica)"
        )

    @property
    def says(self) -> str:
        """Description of its letters, lines and panels."""
        thick = "" if self.lines == 1 else f", lines × {self.lines:g}"
        return f"{self.face}, {self.font:g} pt{thick}, panels {self.letter(0)}, {self.letter(1)} in bold"

    def letter(self, place: int) -> str:
        """The letter of a panel, from 0: "(a)", or "a" where that is asked for."""
        name = chr(ord("a") + place % 26) * (1 + place // 26)
        return name if self.bare else f"({name})"


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
        "Nature, one column, 89 mm", 89.0, 7.0, None, 240.0, lines=0.75, bare=True
    ),
    "nature-double": Size(
        "Nature, two columns, 183 mm", 183.0, 7.0, None, 240.0, lines=0.75, bare=True
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


@dataclass(frozen=True)
class ExportStyle:
    """How a figure is exported.

    As it comes, it is what a journal asks for: vectors, one column wide, letters of 7 pt, no title and no caption,
    since those of a paper stand in its text and are set in its type; both can be had for figures that go alone.

    Attributes:
        format: of the file.
        dpi: dots an inch of a PNG, 300 or 600.
        size: a key of `SIZES`. An HTML page has the same layout, shown with letters as large as on the pages.
        theme: "light" or "dark".
        title, caption: whether they are written above and below the figure.
        font: size of the axis titles in pt, in print; 0 stands for what is usual for the size.
        hidden: legend entries that are left out.
        letters: whether the plots of a figure of several are lettered (a), (b), (c).

    Raises:
        InvalidInput: when a value is not one of these.
    """

    format: Format = "svg"
    dpi: int = 300
    size: str = "single"
    theme: Theme = "light"
    title: bool = False
    caption: bool = False
    font: float = 0.0
    hidden: tuple[str, ...] = ()
    letters: bool = True

    def __post_init__(self) -> None:
        choices: dict[str, Collection[Any]] = {
            "format": FORMATS,
            "dpi": RESOLUTIONS,
            "size": SIZES,
            "theme": THEMES,
        }
        for name, options in choices.items():
            value = getattr(self, name)
            check(
                isinstance(value, (str, int)) and not isinstance(value, bool) and value in options,
                f"Argument `{name}` must be one of {', '.join(map(str, options))}, but is {_shorten(value)}. "
                "Choose one of them.",
            )
        for name in ("title", "caption", "letters"):
            check(
                isinstance(getattr(self, name), bool),
                f"Argument `{name}` must be true or false, but is {_shorten(getattr(self, name))}. "
                "Give one of the two.",
            )
        default = SIZES[self.size].font
        check(
            isinstance(self.font, (int, float))
            and not isinstance(self.font, bool)
            and (self.font == 0 or LEAST_FONT <= self.font <= MAX_FONT),
            f"Argument `font` must be a size between {LEAST_FONT:g} and {MAX_FONT:g} pt, but is {_shorten(self.font)}. "
            f"Give a number in that range, such as {default:g}.",
        )
        object.__setattr__(self, "font", float(self.font) or default)
        check(
            isinstance(self.hidden, (list, tuple))
            and len(self.hidden) <= MAX_HIDDEN
            and all(isinstance(name, str) and len(name) <= MAX_NAME for name in self.hidden),
            f"Argument `hidden` must list at most {MAX_HIDDEN} legend entries of at most {MAX_NAME} characters, but "
            f"is {_shorten(self.hidden)}. Name entries of the figure's legend.",
        )
        object.__setattr__(self, "hidden", tuple(dict.fromkeys(self.hidden)))

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Return a style from the values of a recipe or an address. Missing values are the defaults.

        Raises:
            InvalidInput: naming the argument, when something is not a style's.
        """
        check(
            isinstance(given, Mapping),
            f"Argument `look` must be an object with names and values, but is {_shorten(given)}. "
            'Give for example {"format": "pdf"}.',
        )
        known = [field.name for field in fields(cls)]
        unknown = [name for name in given if name not in known]
        check(
            not unknown,
            f"Argument `look` must have only the names {', '.join(known)}, but has "
            f"{', '.join(map(_shorten, unknown[:3]))}. Leave the others out.",
        )
        return cls(**given)

    def as_dict(self) -> dict[str, Any]:
        """Return all values as JSON types, always in the same order; `parse` reads them."""
        return asdict(self) | {"hidden": list(self.hidden)}


def _shorten(value: Any) -> str:
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
    """Return the style of `plotly_print` for an export style, for a page of `width` and `height` in mm."""
    size = SIZES[style.size]
    return plotly_print.Style(
        width, height, style.font, style.dpi, size.serif, size.lines, size.bare, CREATOR
    )


@contextmanager
def printing() -> Iterator[None]:
    """Context manager that re-raises an error of `plotly_print` about an unsupported element as InvalidInput, with
    the same message.
    """
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
    """Return the printed size, in millimetres, of a pixel of the figure on screen."""
    return style.font / LETTERS * MM_PER_PT
