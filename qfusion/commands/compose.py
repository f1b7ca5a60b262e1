"""`compose`: write several figures into one file as panels (a), (b), (c)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import qfusion
from qfusion._checks import check
from qfusion.commands.figure_files import read_recipe, write_composition
from qfusion.commands.figure_options import (
    Caption,
    Dpi,
    Font,
    Letters,
    Size,
    Theme,
    Title,
    given_options,
)
from qfusion.commands.printing import Json


def compose(
    out: Annotated[Path, typer.Option(help="The file to write: .svg, .pdf, .png or .tikz.")],
    parts: Annotated[
        list[Path] | None,
        typer.Argument(help="Recipes or exported figures, in the order of their letters."),
    ] = None,
    link: Annotated[
        str | None, typer.Option(help="A link copied from a page, for `--panel`.")
    ] = None,
    panel: Annotated[
        list[str] | None,
        typer.Option(help="A figure of the link's page; may be given several times."),
    ] = None,
    columns: Annotated[int, typer.Option(help="Figures in a row, 1 to 4.")] = 2,
    size: Size = None,
    theme: Theme = None,
    font: Font = None,
    dpi: Dpi = None,
    title: Title = None,
    caption: Caption = None,
    letters: Letters = None,
    anyway: Annotated[
        bool, typer.Option(help="Draw them also of other models or data than the recipes'.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put several figures into one file as panels (a), (b), (c), its recipe included; `figure --recipe` makes it
    again."""
    kind = out.suffix.lower().removeprefix(".")
    formats = qfusion.figures.composed_figure.FORMATS
    endings = ", ".join(f".{name}" for name in formats)
    check(
        kind in formats,
        f"Argument `--out` must end in {endings}, but is {out.name!r}. Give such a name.",
    )
    check((link is None) == (not panel), "Give `--link` together with `--panel`.")
    panels = [qfusion.figures.recipe.parse(read_recipe(path)) for path in parts or []]
    if link is not None:
        page, address = qfusion.panels.rendering.parse_link(link)
        panels += [qfusion.figures.recipe.Recipe(page, name, address) for name in panel or []]
    style = qfusion.figures.export_style.ExportStyle.parse(
        {"format": kind}
        | given_options(
            size=size or "double",
            theme=theme,
            font=font,
            dpi=dpi,
            title=title,
            caption=caption,
            letters=letters,
        )
    )
    write_composition(
        qfusion.figures.composed_figure.Composition(tuple(panels), columns, style),
        out,
        anyway,
        as_json,
    )
