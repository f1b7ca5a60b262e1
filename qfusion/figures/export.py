"""Figures as files: vectors, pixels or a page, with the recipe inside.

`plotly_print` draws them; the same input gives the same bytes in any process.
"""

import base64
import html
import json
import unicodedata

import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.errors import InvalidInput
from qfusion.figures.embedded_recipes import MAX_RECIPE, read_recipe, size_mm
from qfusion.figures.export_style import (
    SIZES,
    ExportStyle,
    canvas,
    pixel,
    plotly_print,
    print_style,
    printing,
)
from qfusion.figures.guards import check_finite
from qfusion.figures.html_page import render_page
from qfusion.figures.line_labels import draw_line_labels
from qfusion.figures.themes import apply_theme
from qfusion.figures.visible_range import hide_series

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
        drawn: by a function of qfusion.figures, in either theme.
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
