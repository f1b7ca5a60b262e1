"""Figures as files: vectors, pixels or a page, with the recipe inside, the same bytes for the same input in any
process."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable

import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.errors import InvalidInput
from qfusion.figures.export.browser import chrome
from qfusion.figures.export.embed import MAX_RECIPE, read_recipe, size_mm
from qfusion.figures.export.page import page
from qfusion.figures.export.style import SIZES, ExportStyle, canvas, print_style, printing
from qfusion.figures.finite import finite
from qfusion.figures.theme import in_theme
from qfusion.figures.visible import without

__all__ = [
    "MAX_CAPTION",
    "MAX_TITLE",
    "ExportStyle",
    "chrome",
    "noticed",
    "read_recipe",
    "save",
    "size_mm",
    "text",
]

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
        InvalidInput: when a text is too long or the recipe is not JSON, or a number of the figure is NaN or infinite;
            or there is no Chrome for the engine "chrome".
    """
    title, caption = text("title", title, MAX_TITLE), text("caption", caption, MAX_CAPTION)
    recipe = _checked(recipe)
    shown = in_theme(without(finite(drawn), style.hidden), style.theme)
    if style.format == "html":
        return page(shown, style, title=title, caption=caption, recipe=recipe)
    if style.engine == "chrome" and style.format != "tikz":
        from qfusion.figures.export.in_chrome import chrome_file

        return chrome_file(shown, style, title=title, caption=caption, recipe=recipe)
    return _still(shown, style, title=title, caption=caption, recipe=recipe)


def _still(drawn: go.Figure, style: ExportStyle, *, title: str, caption: str, recipe: str) -> bytes:
    from plotly_print import render

    width, natural = canvas(drawn, style)
    size = SIZES[style.size]
    # else title and caption come on top of the figure's own
    height = size.height or (size.most if natural >= size.most else None)
    with printing():
        return render(
            drawn,
            style.format,
            print_style(style, width, height),
            title=title if style.title else "",
            caption=caption if style.caption else "",
            metadata=recipe,
        )


def noticed(make: Callable[[], bytes], kind: str) -> tuple[bytes, str]:
    """A file that `make` draws, with a line on the letters in it that no font of this machine has and the package to
    install; the line is empty where each has one.

    Args:
        kind: the format of the file that the line is about.
    """
    from plotly_print import fonts
    from qfusion.figures.export.letters import remark

    with fonts.missed() as letters:
        content = make()
    return content, remark(letters, kind)


def text(name: str, given: str, most: int) -> str:
    """A text that a person typed, on one line, without control characters and without those that turn the direction of
    writing.

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
    kept = (
        " " if letter.isspace() else letter
        for letter in given
        if letter.isspace() or not _left_out(letter)
    )
    return " ".join("".join(kept).split())


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
