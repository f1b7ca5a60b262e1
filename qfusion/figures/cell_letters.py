"""Letters on coloured cells, recoloured so that they contrast with the cells."""

from collections.abc import Mapping
from typing import Any

from qfusion.figures.colour_scales import is_signed_scale
from qfusion.figures.colour_values import is_scale_colour
from qfusion.figures.style import ON_BRIGHT, ON_DARK


def swap_letters_on_signed_cells(parts: dict[str, Any]) -> None:
    """Exchange the colours of the letters on cells of signed amounts. The largest amounts are dark on light paper
    and bright on dark paper.
    """
    turned = {ON_BRIGHT: ON_DARK, ON_DARK: ON_BRIGHT}
    in_cells = any(
        trace.get("type") == "heatmap" and is_signed_scale(trace.get("colorscale"))
        for trace in parts["data"]
    )
    on_shapes = any(
        is_scale_colour(str(shape.get("fillcolor", "")))
        for shape in parts["layout"].get("shapes", ())
    )
    _swap_letter_colours(parts, turned if in_cells else {}, turned if on_shapes else {})


def _swap_letter_colours(
    parts: dict[str, Any], cells: Mapping[str, str], notes: Mapping[str, str]
) -> None:
    """Exchange colours of the letters in cells, and of annotations."""
    for trace in parts["data"]:
        font = trace.get("textfont", {})
        if isinstance(font.get("color"), (list, tuple)):
            font["color"] = [cells.get(colour, colour) for colour in font["color"]]
    for note in parts["layout"].get("annotations", ()):
        if note.get("font", {}).get("color") in notes:
            note["font"]["color"] = notes[note["font"]["color"]]
