"""`figure`: write a figure of the pages without a browser, of a sample, from a recipe, or from a link."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import qfusion
from qfusion._checks import check, read_pairs
from qfusion._files import write_file
from qfusion.commands import common
from qfusion.commands.common import Data, Output
from qfusion.commands.printing import Json, print_remark, print_result
from qfusion.errors import InvalidInput

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
        typer.Option(
            help="Name of a figure of the sample, of any page: waterfall by default. If there is none of this name, "
            "some are listed."
        ),
    ] = None,
    choices: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="CHOICE=VALUE",
            help="A choice of the view, such as above=entanglement; repeatable.",
        ),
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
    )
    stray = []
    if model is None:
        others = given_options(tweak=tweak, view=view, set=choices)
        stray = [f"--{name}" for name in address | others]
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
        wanted = qfusion.views.pages.rendering.view_recipe(
            view or "waterfall",
            sample_address(str(model), **address),
            read_pairs(choices or [], "Option `--set`", "CHOICE=VALUE", "--set above=entanglement"),
            tweak or "",
        )
    content, about, remarks = render_figure(wanted, kind, changed, anyway)
    write_figure(out, content, remarks, about | {"out": str(out)}, as_json)


def sample_address(
    model: str,
    sample: str | None = None,
    background: str | None = None,
    contrast: str | None = None,
    **others: str,
) -> dict[str, str]:
    """Return the address of a sample on pages, as options of the command line name it.

    Args:
        model: its name, or its folder or card.
        sample: its id.
        background, contrast: see `common.check_background`.
        others: data set and output.
    """
    check(
        sample is not None,
        "Argument `--sample` must be given with `--model`. Give the id of a sample.",
    )
    if Path(model).exists():
        common.add_models([Path(model)])
        model = qfusion.training.checkpoint_cards.locate_card(Path(model))[0]
    address = {"model": model, "sample": str(sample), **others}
    common.check_background(background or common.DEFAULT_BACKGROUND, contrast)
    kind = "contrast" if contrast else background
    for label, offered in qfusion.study.opening.OFFERED.items():
        if offered == kind:
            address["background"] = label
    return address | given_options(contrast=contrast)


def render_figure(
    wanted: qfusion.figures.files.recipe.Recipe,
    kind: str,
    changed: dict[str, Any],
    anyway: bool = False,
) -> tuple[bytes, dict[str, Any], list[str]]:
    """Return the content of a figure's file, its record for JSON, and remarks.

    Args:
        wanted: recipe of the figure.
        kind: file format, of `figure.FORMATS`.
        changed: fields of the style that override those of the recipe.
        anyway: draw also if the recipe was made with another model or data set.
    """
    reproduction = qfusion.views.pages.rendering
    always = {} if kind == "json" else {"format": kind}
    styled = replace(wanted, style=restyle(wanted.style, changed, always))
    rendered = reproduction.reproduce(styled, anyway=anyway)

    if kind == "json":
        content = reproduction.apply_style(rendered, styled.style).to_json().encode()
    else:
        content = reproduction.save_panel(rendered, styled)
    record = figure_record(rendered) | {"look": styled.style.as_dict()}
    return content, record, reproduction.recipe_warnings(wanted, rendered)


def read_recipe(path: Path) -> str:
    """Return the recipe in a file as JSON; the file is a recipe or an exported figure.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when it holds none, or is too large.
    """
    check(
        qfusion.data.files.file_size(path) <= 64_000_000,
        f"{path.name} is too large for a figure. Give the figure or its recipe.",
    )
    return qfusion.figures.files.export.read_recipe(path.read_bytes())


def write_figure(
    out: Path, content: bytes, remarks: Iterable[str], about: dict[str, Any], as_json: bool
) -> None:
    """Write the file of a figure, and print its remarks and its record."""
    write_file(out, content)
    for remark in remarks:
        print_remark(f"qfusion: note: {remark}")
    print_remark(f"Figure written to {out}")
    print_result(about, as_json)


def figure_record(panel: qfusion.views.pages.rendering.RenderedPanel) -> dict[str, Any]:
    """Return the record of a figure for JSON."""
    return {
        "page": panel.recipe.page,
        "panel": panel.recipe.panel,
        "title": panel.title,
        "caption": panel.caption,
        "made_from": dict(panel.recipe.made_from),
        "numbers": panel.recipe.numbers,
    }


Size = Annotated[
    str | None,
    typer.Option(
        help="single, double (columns), slide or poster; of a journal: aps-single, aps-double, nature-single, "
        "nature-double, ieee-single, ieee-double, acl-single, acl-double or neurips."
    ),
]
Theme = Annotated[str | None, typer.Option(help="light or dark.")]
Font = Annotated[float | None, typer.Option(help="Letters in pt, in print.")]
Dpi = Annotated[int | None, typer.Option(help="300 or 600, of a PNG.")]

Letters = Annotated[
    bool | None, typer.Option(help="Letter the plots of a figure of several (a), (b), (c).")
]


def given_options(**options: Any) -> dict[str, Any]:
    """Return the options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def restyle(
    style: qfusion.figures.files.export_style.ExportStyle,
    changed: dict[str, Any],
    always: dict[str, str],
) -> qfusion.figures.files.export_style.ExportStyle:
    """Return a style with the options of the command line; a new size brings its usual font."""
    font = {"font": 0} if "size" in changed and "font" not in changed else {}
    return type(style).parse(style.as_dict() | changed | always | font)
