"""Several panels as one figure in one file, with the recipes of all panels inside."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import plotly.graph_objects as go

from qfusion._checks import check, read_json
from qfusion.figures.embedded_recipes import MAX_RECIPE
from qfusion.figures.export import MAX_TITLE, clean_text
from qfusion.figures.export_style import (
    SIZES,
    ExportStyle,
    pixel,
    plotly_print,
    print_style,
    printing,
)
from qfusion.figures.line_labels import draw_line_labels
from qfusion.figures.recipe import Recipe, parse as parse_recipe, read_record
from qfusion.figures.themes import apply_theme
from qfusion.figures.visible_range import hide_series

COMPOSITION = "qfusion composition"  # kind of the JSON records
COMPOSITION_VERSION = 1
MAX_PANELS = 12
MAX_COLUMNS = 4
FORMATS = ("svg", "pdf", "png", "tikz")


@dataclass(frozen=True)
class Composition:
    """A figure of several panels.

    Attributes:
        panels: recipes, in the order of reading. Of their styles, only the hidden series are used.
        columns: panels in a row.
        style: of the whole figure. It decides whether the panels have titles and captions.

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
        """Return the composition as JSON, the same for the same composition."""
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
    """Return whether a JSON text is a composition, and not the recipe of one panel."""
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
    """Return the composed figure as a file with its recipe inside.

    Args:
        figures, titles, captions: of the panels, in their order. whole: how they are composed.

    Raises:
        InvalidInput: when they do not fit on the page.
    """
    style = whole.style
    size = SIZES[style.size]
    columns = min(whole.columns, len(figures))
    with printing():
        parts: list[Any] = []
        for figure, title, panel in zip(figures, titles, whole.panels, strict=True):
            shown = apply_theme(hide_series(figure, panel.style.hidden), style.theme)
            shown = draw_line_labels(shown, size.width / columns / pixel(style))
            heading = clean_text("title", title, MAX_TITLE) if style.title else ""
            letter = size.letter(len(parts)) if style.letters else ""
            parts.append(plotly_print.Part(shown, letter, heading))
        return plotly_print.render_grid(
            parts,
            style.format,
            print_style(style, size.width, size.height),
            whole.columns,
            most_mm=size.most,
            caption=join_captions(captions, style) if style.caption else "",
            metadata=whole.text(),
        )


def join_captions(captions: Sequence[str], style: ExportStyle) -> str:
    """Return several captions joined into one as plain text, each preceded by the letter of its panel, if panels are
    lettered in the style.

    Long captions are shortened so that all of them together have at most 4,000 characters.
    """
    most = (4_000 - 8 * len(captions)) // max(1, len(captions))
    entries = []
    for place, caption in enumerate(captions):
        short = caption if len(caption) <= most else caption[: most - 1].rstrip() + "…"
        letter = f"{SIZES[style.size].letter(place)} " if style.letters else ""
        entries.append(letter + clean_text("caption", short, 4_000))
    return " ".join(entries)


def to_panel(panel: Recipe, style: ExportStyle) -> Recipe:
    """Return a panel's recipe as part of a composition: in the composition's style, with the panel's own hidden
    series.
    """
    return replace(panel, style=replace(style, hidden=panel.style.hidden), title="", caption="")
