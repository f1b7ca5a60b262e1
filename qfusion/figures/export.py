"""Figures as files, one or several as panels of one: vectors, pixels or a page, with the recipe inside.

`plotly_print` draws them; the same input gives the same bytes in any process.
"""

import base64
import html
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import plotly.graph_objects as go
from fontTools import unicodedata as scripts

from qfusion._checks import check, read_json
from qfusion.errors import InvalidInput
from qfusion.figures.embedded_recipes import (
    MAX_RECIPE,
    read_recipe,
    size_mm,
)
from qfusion.figures.export_style import (
    SIZES,
    ExportStyle,
    canvas,
    fonts,
    plotly_print,
    print_style,
    printing,
)
from qfusion.figures.guards import check_finite
from qfusion.figures.html_page import render_page
from qfusion.figures.recipe import Recipe, parse as parse_recipe, read_record
from qfusion.figures.themes import apply_theme
from qfusion.figures.visible_range import hide_series

__all__ = [
    "MAX_CAPTION",
    "MAX_TITLE",
    "ExportStyle",
    "noticed",
    "read_recipe",
    "save",
    "size_mm",
    "text",
]


COMPOSITION, COMPOSITION_VERSION = "qfusion composition", 1
MAX_PANELS, MAX_COLUMNS = 12, 4
FORMATS = ("svg", "pdf", "png", "tikz")


@dataclass(frozen=True)
class Composition:
    """A figure of several panels.

    Attributes:
        panels: recipes, in the order of reading; of their styles only the series left out hold.
        columns: panels in a row. style: of the whole; its title and caption stand for those of the panels.

    Raises:
        InvalidInput: when there are no or too many panels or columns, or the style is one of a single figure.
    """

    panels: tuple[Recipe, ...]
    columns: int = 2
    style: ExportStyle = field(default_factory=lambda: ExportStyle(size="double"))

    def __post_init__(self) -> None:
        check(
            1 <= len(self.panels) <= MAX_PANELS,
            f"A composition has 1 to {MAX_PANELS} panels, but this one has {len(self.panels)}. "
            f"{'Leave some out.' if self.panels else 'Choose panels.'}",
        )
        check(
            isinstance(self.columns, int)
            and not isinstance(self.columns, bool)
            and 1 <= self.columns <= MAX_COLUMNS,
            f"Argument `columns` must be a whole number from 1 to {MAX_COLUMNS}, but is {str(self.columns)[:20]!r}.",
        )
        check(
            self.style.format in FORMATS,
            f"A composition is written as {', '.join(FORMATS)}, but the format is {self.style.format}. Choose one of "
            "these.",
        )

    def text(self) -> str:
        """The composition as JSON, the same for the same composition."""
        return json.dumps(
            {
                "kind": COMPOSITION,
                "version": COMPOSITION_VERSION,
                "columns": self.columns,
                "look": self.style.as_dict(),
                "panels": [json.loads(panel.text()) for panel in self.panels],
            },
            indent=1,
            sort_keys=True,
        )


def is_composition(text: str) -> bool:
    """Whether a JSON text is a composition's, and not a recipe's of one panel."""
    record = read_json(text)
    return isinstance(record, dict) and record.get("kind") == COMPOSITION


def parse_composition(text: str) -> Composition:
    """Return a composition from its JSON.

    Raises:
        InvalidInput: when it is none, of another version, or one of its recipes cannot be read.
    """
    record = read_record(text, "composition", COMPOSITION, COMPOSITION_VERSION, MAX_RECIPE)
    panels: Any = record.get("panels")
    check(
        isinstance(panels, list) and len(panels) <= MAX_PANELS,
        f"Part `panels` of the composition must list at most {MAX_PANELS} recipes.",
    )
    return Composition(
        tuple(parse_recipe(json.dumps(panel)) for panel in panels),
        record.get("columns", 2),
        ExportStyle.parse(record.get("look", {})),
    )


def save_composition(
    figures: Sequence[go.Figure], titles: Sequence[str], captions: Sequence[str], whole: Composition
) -> bytes:
    """The composed figure as a file, its recipe inside.

    Args:
        figures, titles, captions: of the panels, in their order. whole: how they are composed.

    Raises:
        InvalidInput: when they do not fit on the page.
    """
    style, size = whole.style, SIZES[whole.style.size]
    with printing():
        return plotly_print.render_grid(
            [
                plotly_print.Part(
                    apply_theme(hide_series(figure, panel.style.hidden), style.theme),
                    size.letter(place),
                    text("title", title, MAX_TITLE) if style.title else "",
                )
                for place, (figure, title, panel) in enumerate(
                    zip(figures, titles, whole.panels, strict=True)
                )
            ],
            style.format,
            print_style(style, size.width, size.height),
            whole.columns,
            most_mm=size.most,
            caption=join_captions(captions, size) if style.caption else "",
            metadata=whole.text(),
        )


def join_captions(captions: Sequence[str], size: Any) -> str:
    """Return several captions joined into one as plain text, each preceded by the letter of its panel."""

    most = (4_000 - 8 * len(captions)) // max(1, len(captions))
    return " ".join(
        f"{size.letter(place)} {text('caption', entry, 4_000)}"
        for place, entry in enumerate(
            caption if len(caption) <= most else caption[: most - 1].rstrip() + "…"
            for caption in captions
        )
    )


def to_panel(panel: Recipe, style: ExportStyle) -> Recipe:
    """Return a panel's recipe as part of a composition: in the composition's style, with the panel's own hidden
    series.
    """
    return replace(panel, style=replace(style, hidden=panel.style.hidden), title="", caption="")


# Figures as files: vectors, pixels or a page, with the recipe inside, the same bytes for the same input in any
# process.

MAX_TITLE, MAX_CAPTION = 300, 2_000  # characters
# would write what follows from right to left; a mark of byte order
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF}


def save(
    drawn: go.Figure, style: ExportStyle, *, title: str = "", caption: str = "", recipe: str = "{}"
) -> bytes:
    """The figure as a file.

    Args:
        drawn: by a function of qfusion.figures, in either theme.
        title, caption: any text; it is written as it is, where the style asks for it.
        recipe: JSON that is kept in the file; see `read_recipe`.

    Raises:
        InvalidInput: when a text is too long or the recipe is not JSON, or a number of the figure is NaN or infinite.
    """
    title, caption = text("title", title, MAX_TITLE), text("caption", caption, MAX_CAPTION)
    recipe = _checked(recipe)
    shown = apply_theme(hide_series(check_finite(drawn), style.hidden), style.theme)
    if style.format == "html":
        return render_page(shown, style, title=title, caption=caption, recipe=recipe)
    width, natural = canvas(shown, style)
    size = SIZES[style.size]
    # else title and caption come on top of the figure's own
    height = size.height or (size.most if natural >= size.most else None)
    with printing():
        return plotly_print.render(
            shown,
            style.format,
            print_style(style, width, height),
            title=title if style.title else "",
            caption=caption if style.caption else "",
            metadata=recipe,
        )


def image(drawn: go.Figure, alt: str) -> str:
    """The figure as an HTML image that needs no script: for notebooks; errors as of `save`.

    Args:
        drawn: by a function of qfusion.figures. alt: what a reader who does not see it is told.
    """
    content = base64.b64encode(save(drawn, ExportStyle())).decode()
    return (
        f'<img alt="{html.escape(alt)}" style="width: 480px; max-width: 100%" '
        f'src="data:image/svg+xml;base64,{content}">'
    )


def noticed(make: Callable[[], bytes], kind: str) -> tuple[bytes, str]:
    """A file that `make` draws, with a line on the letters in it that no font of this machine has and the package to
    install; the line is empty where each has one.

    Args:
        kind: the format of the file that the line is about.
    """
    with fonts.missed() as letters:
        content = make()
    return content, remark(letters, kind)


def text(name: str, given: str, most: int) -> str:
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
        "".join(letter for letter in given if letter.isspace() or not _left_out(letter)).split()
    )


def _left_out(letter: str) -> bool:
    code = ord(letter)
    return (
        unicodedata.category(letter) in ("Cc", "Cs")
        or code in _TURNING
        or code & 0xFFFE == 0xFFFE
        or 0xFDD0 <= code <= 0xFDEF
    )


def _checked(recipe: str) -> str:
    check(
        isinstance(recipe, str) and len(recipe) <= MAX_RECIPE,
        f"Argument `recipe` must be JSON of at most {MAX_RECIPE:,} characters, but is "
        f"{f'{len(recipe):,} characters long' if isinstance(recipe, str) else type(recipe).__name__}. Give the "
        "recipe of one figure.",
    )
    try:
        json.loads(recipe)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"Argument `recipe` must be JSON, but is not ({str(error)[:80]}). Give the text of a recipe."
        ) from error
    bad = next((letter for letter in recipe if letter not in "\n\t" and _left_out(letter)), None)
    check(
        bad is None,
        f"Argument `recipe` must not hold the character U+{ord(bad or ' '):04X}, which files cannot keep. "
        "Write it as an escape.",
    )
    return recipe


# What is said of letters that no font of this machine has: which they are, what stands for them in a file, and which
# package to install.

# Packages of Debian and Ubuntu with the family they bring, the small one first.
_PACKAGES = {
    "east": (("fonts-wqy-microhei", "WenQuanYi Micro Hei"), ("fonts-noto-cjk", "Noto Sans CJK")),
    "symbols": (("fonts-symbola", "Symbola"), ("fonts-noto-core", "Noto Sans Symbols")),
    "Deva": (("fonts-lohit-deva", "Lohit Devanagari"), ("fonts-noto-core", "Noto Sans Devanagari")),
    "": (("fonts-noto-core", "Noto Sans"),),
}
_SHOWN = 12  # letters that a sentence names


def unknown(text: str) -> list[str]:
    """Return the letters of a text that no installed font has, not even a font of coloured pictures. A browser on
    this machine lacks these letters.
    """
    return [
        letter
        for letter in dict.fromkeys(text)
        if ord(letter) >= 0x250
        and not fonts.IGNORED.match(letter)
        and fonts.face(letter, outlines=False) is None
    ]


def remark(letters: Mapping[str, str], kind: str) -> str:
    """Return the remark on a file of a format about the letters that were `fonts.missed` when it was drawn, or an
    empty text if there is nothing to report.
    """
    rare = [letter for letter, where in letters.items() if where == "latex"]
    if kind == "tikz" and rare:
        return (
            f"pdfLaTeX has no font for {_named(rare)}: XeLaTeX and LuaLaTeX set them in the document's font, "
            "where it has them; pdfLaTeX shows empty boxes."
        )
    if kind == "svg":  # readers take any font, of coloured pictures too
        return notice(
            (letter for letter in letters if fonts.face(letter, outlines=False) is None),
            "the file keeps them as text, for readers whose machine has one.",
        )
    return notice(letters, "empty boxes stand for them.") if kind in ("pdf", "png") else ""


def notice(letters: Iterable[str], then: str) -> str:
    """Return a line that names the letters that no font of this machine has, their treatment (`then`), and the
    package to install. The line is empty if there are no such letters.
    """
    every = [*dict.fromkeys(letters)]
    if not every:
        return ""
    kinds = ", ".join(
        dict.fromkeys(
            scripts.script_name(_script(letter)) if _script(letter) != "Zyyy" else "symbols"
            for letter in every
        )
    )
    wanted = [pair for pair in dict.fromkeys(map(_package, every)) if pair is not None]
    install = (
        f"Install {' and '.join(package for package, _ in wanted)} (Debian, Ubuntu; elsewhere "
        f"{' and '.join(family for _, family in wanted)})"
        if wanted
        else "Install a font that has them"
    )
    return f"No font on this machine has {_named(every)} ({kinds}): {then} {install} and start qfusion again."


def _named(letters: list[str]) -> str:
    return " ".join(letters[:_SHOWN]) + (
        "" if len(letters) <= _SHOWN else f" and {len(letters) - _SHOWN} more"
    )


def _script(letter: str) -> str:
    script = scripts.script(letter)
    east_asian = (
        script == "Zyyy" and unicodedata.east_asian_width(letter) in "WF" and ord(letter) < 0x1F000
    )
    return "Hani" if east_asian else "Zyyy" if script in ("Zyyy", "Zinh", "Zzzz") else script


def _package(letter: str) -> tuple[str, str] | None:
    """Return a package that provides a font with a letter, and the family of the font. Only packages whose font is
    not installed are considered; the result is None if there is none.
    """
    script = _script(letter)
    kind = (
        "east"
        if script in ("Hani", "Hira", "Kana", "Hang", "Bopo")
        else "symbols"
        if script == "Zyyy"
        else script
        if script in _PACKAGES
        else ""
    )
    families = {face.family for face in fonts.installed() if face.scales}
    return next(
        (
            pair
            for pair in _PACKAGES[kind]
            if not any(name.startswith(pair[1]) if kind else name == pair[1] for name in families)
        ),
        None,
    )
