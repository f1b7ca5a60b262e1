"""Several panels as one figure with letters (a), (b), (c), and the recipe that holds all their recipes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import plotly.graph_objects as go

from qfusion import __version__
from qfusion._checks import check
from qfusion.errors import InvalidInput
from qfusion.figures.export.embed import MAX_RECIPE
from qfusion.figures.export.recipe import MAX_TEXT, Recipe
from qfusion.figures.export.recipe import parse as parse_recipe
from qfusion.figures.export.style import SIZES, ExportStyle, print_style, printing
from qfusion.figures.theme import in_theme
from qfusion.figures.visible import without

KIND, VERSION = "qfusion composition", 1
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
        check(
            self.style.engine == "qfusion",
            "A composition is drawn by qfusion itself, not by Chrome. Leave `engine` out.",
        )

    def text(self) -> str:
        """The composition as JSON, the same for the same composition."""
        found = {
            "kind": KIND,
            "version": VERSION,
            "columns": self.columns,
            "look": self.style.as_dict(),
            "panels": [json.loads(panel.text()) for panel in self.panels],
        }
        return json.dumps(found, indent=1, sort_keys=True)


def is_one(text: str) -> bool:
    """Whether a JSON text is a composition's, and not a recipe's of one panel."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("kind") == KIND


def parse(text: str) -> Composition:
    """Returns a composition from its JSON.

    Raises:
        InvalidInput: when it is none, of another version, or one of its recipes cannot be read.
    """
    check(
        len(text) <= MAX_RECIPE,
        f"The composition has {len(text):,} characters, and at most {MAX_RECIPE:,} are read. Export it again.",
    )
    check(
        is_one(text),
        f"This JSON is not a {KIND}. Give the recipe of a composed figure, or the figure.",
    )
    found: dict[str, Any] = json.loads(text)
    check(
        found.get("version") == VERSION,
        f"The composition has version {str(found.get('version'))[:20]!r}, and this qfusion ({__version__}) reads "
        f"version {VERSION}. Export it again.",
    )
    panels = found.get("panels")
    if not isinstance(panels, list) or len(panels) > MAX_PANELS:
        raise InvalidInput(
            f"Part `panels` of the composition must list at most {MAX_PANELS} recipes."
        )
    return Composition(
        tuple(parse_recipe(json.dumps(panel)) for panel in panels),
        found.get("columns", 2),
        ExportStyle.parse(found.get("look", {})),
    )


def fits(panel: Recipe) -> None:
    """Raises InvalidInput when a panel's recipe is too long to be one of several."""
    check(
        len(panel.text()) <= min(MAX_TEXT, MAX_RECIPE // MAX_PANELS),
        f"The recipe of panel '{panel.panel}' is too long for a composition. Export it alone.",
    )


def save(
    figures: Sequence[go.Figure], titles: Sequence[str], captions: Sequence[str], whole: Composition
) -> bytes:
    """The composed figure as a file, its recipe inside.

    Args:
        figures, titles, captions: of the panels, in their order. whole: how they are composed.

    Raises:
        InvalidInput: when they do not fit on the page.
    """
    from plotly_print import Part, render_grid  # matplotlib waits until something is drawn
    from qfusion.figures import export

    style, size = whole.style, SIZES[whole.style.size]
    parts = [
        Part(
            in_theme(without(figure, panel.style.hidden), style.theme),
            size.letter(place),
            export.text("title", title, export.MAX_TITLE) if style.title else "",
        )
        for place, (figure, title, panel) in enumerate(
            zip(figures, titles, whole.panels, strict=True)
        )
    ]
    caption = caption_of(captions, size) if style.caption else ""
    with printing():
        return render_grid(
            parts,
            style.format,
            print_style(style, size.width, size.height),
            whole.columns,
            most_mm=size.most,
            caption=caption,
            metadata=whole.text(),
        )


def caption_of(captions: Sequence[str], size: Any) -> str:
    """One caption of several, each behind the letter of its panel, as plain text."""
    from qfusion.figures import export

    most = (4_000 - 8 * len(captions)) // max(1, len(captions))
    short = [each if len(each) <= most else each[: most - 1].rstrip() + "…" for each in captions]
    return " ".join(
        f"{size.letter(place)} {export.text('caption', each, 4_000)}"
        for place, each in enumerate(short)
    )


def like(panel: Recipe, style: ExportStyle) -> Recipe:
    """A panel's recipe as part of a composition: in its style, with its own series left out."""
    return replace(panel, style=replace(style, hidden=panel.style.hidden), title="", caption="")
