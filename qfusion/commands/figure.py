"""`figure`: write a figure of the pages without a browser, of a sample, from a recipe, or from a link."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import qfusion
from qfusion._checks import check, choose
from qfusion.commands.common import Data, Output
from qfusion.commands.figure_files import (
    read_recipe,
    render_figure,
    write_figure,
)
from qfusion.commands.figure_options import Dpi, Font, Letters, Size, Theme, given_options
from qfusion.commands.printing import Json
from qfusion.errors import InvalidInput
from qfusion.figures import VIEWS

FORMATS = ("svg", "pdf", "png", "html", "tikz", "json")


def figure(
    out: Annotated[
        Path,
        typer.Option(
            help="The file to write: .svg, .pdf, .png, .html, .tikz or .json (plotly's own)."
        ),
    ],
    recipe: Annotated[
        Path | None, typer.Option(help="A recipe of the figure drawer, or an exported figure.")
    ] = None,
    link: Annotated[
        str | None, typer.Option(help="A link copied from a page; needs `--panel`.")
    ] = None,
    panel: Annotated[
        str | None,
        typer.Option(help="Name of a figure of that page; left out, the names are listed."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A model, or its folder or card.")
    ] = None,
    sample: Annotated[str | None, typer.Option(metavar="ID", help="Id of the sample.")] = None,
    view: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(VIEWS)}; of a sample, contributions by default."),
    ] = None,
    data: Data = None,
    output: Output = None,
    background: Annotated[
        str | None, typer.Option(help="What stands in for absent modalities, as of `explain`.")
    ] = None,
    contrast: Annotated[
        str | None, typer.Option(metavar="ID", help="Compare with this sample.")
    ] = None,
    tweak: Annotated[
        str | None, typer.Option(help="Change the model first, such as H.text-audio=0.5,T=1.2.")
    ] = None,
    size: Size = None,
    theme: Theme = None,
    font: Font = None,
    dpi: Dpi = None,
    title: Annotated[bool | None, typer.Option(help="Write the title above.")] = None,
    caption: Annotated[bool | None, typer.Option(help="Write what the figure shows below.")] = None,
    letters: Letters = None,
    hide: Annotated[
        list[str] | None, typer.Option(metavar="SERIES", help="Leave out an entry of the legend.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option(help="Draw it also of another model or data than the recipe's.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a figure of a sample, of a recipe or of a copied link to a file that also holds its numbers and its
    recipe."""
    kind = out.suffix.lower().removeprefix(".")
    check(
        kind in FORMATS,
        f"Argument `--out` must end in {', '.join(f'.{name}' for name in FORMATS)}, but is {out.name!r}. Give such a "
        "name.",
    )
    sources = {"--recipe": recipe, "--link": link, "--model": model}
    given = [name for name, source in sources.items() if source is not None]
    check(
        len(given) == 1,
        f"One of {', '.join(sources)} must be given, but {given} are. Give one.",
    )
    changed = given_options(
        size=size,
        theme=theme,
        font=font,
        dpi=dpi,
        title=title,
        caption=caption,
        letters=letters,
        hidden=hide,
    )
    address = given_options(
        sample=sample,
        data=data,
        output=output,
        background=background,
        contrast=contrast,
        tweak=tweak,
    )
    if model is not None:  # before what takes seconds to import
        view = choose("View", view or "contributions", VIEWS)
        check(
            sample is not None,
            "Argument `--sample` must be given with `--model`. Give the id of a sample.",
        )
    stray = []
    if model is None:
        stray += [f"--{name}" for name in address | given_options(view=view)]
    if panel is not None and link is None:
        stray.append("--panel")
    check(
        not stray,
        f"{', '.join(stray)} would change nothing: `--panel` is for `--link`, what is to be said of a sample for "
        "`--model`. Leave it out.",
    )
    if recipe is not None:
        wanted = qfusion.figures.files.recipe.parse(read_recipe(recipe))
    elif link is not None:
        page, query = qfusion.views.pages.rendering.parse_link(link)
        if panel is None:
            names = ", ".join(qfusion.views.pages.rendering.figure_names(page, query))
            raise InvalidInput(f"Argument `--panel` must name one of {names}. Give one of them.")
        wanted = qfusion.figures.files.recipe.Recipe(page, panel, query)
    else:
        parameters = {"model": model} | address
        wanted = qfusion.figures.files.recipe.Recipe(
            qfusion.views.pages.rendering.NAMED_FIGURES,
            str(view),
            {key: [value] for key, value in parameters.items()},
        )
    content, about, remarks = render_figure(wanted, kind, changed, anyway)
    write_figure(out, content, remarks, about | {"out": str(out)}, as_json)
