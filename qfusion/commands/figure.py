"""`figure`: a figure of the pages, written without a browser: of a sample, from a recipe, or from a link."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfusion._checks import check, choose
from qfusion._files import atomic
from qfusion.commands._load import Data
from qfusion.commands._output import Json, print_json, say
from qfusion.errors import InvalidInput, NotFound
from qfusion.figures import VIEWS

if TYPE_CHECKING:
    from qfusion.figures.export import Composition
    from qfusion.figures.recipe import ExportStyle, Recipe

FORMATS = ("svg", "pdf", "png", "html", "tikz", "json")
SIZES_HELP = (
    "single, double (columns), slide or poster; of a journal: aps-single, aps-double, nature-single, "
    "nature-double, ieee-single, ieee-double, acl-single, acl-double or neurips."
)
MAX_SIZE = 64_000_000  # bytes of a file that a recipe is read from


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
    view: Annotated[str, typer.Option(help=f"{', '.join(VIEWS)}.")] = "contributions",
    data: Data = None,
    output: Annotated[
        str | None, typer.Option(help="Which output; the one decided for unless given.")
    ] = None,
    background: Annotated[
        str | None, typer.Option(help="What stands in for absent modalities, as of `explain`.")
    ] = None,
    contrast: Annotated[
        str | None, typer.Option(metavar="ID", help="Compare with this sample.")
    ] = None,
    tweak: Annotated[
        str | None, typer.Option(help="Change the model first, such as H.text-audio=0.5,T=1.2.")
    ] = None,
    size: Annotated[str | None, typer.Option(help=SIZES_HELP)] = None,
    theme: Annotated[str | None, typer.Option(help="light, dark or grey.")] = None,
    font: Annotated[float | None, typer.Option(help="Letters in pt, in print.")] = None,
    dpi: Annotated[int | None, typer.Option(help="300 or 600, of a PNG.")] = None,
    title: Annotated[bool | None, typer.Option(help="Write the title above.")] = None,
    caption: Annotated[bool | None, typer.Option(help="Write what the figure shows below.")] = None,
    hide: Annotated[
        list[str] | None, typer.Option(metavar="SERIES", help="Leave out an entry of the legend.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="qfusion, or chrome: plotly in Chrome draws it.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option(help="Draw it also of another model or data than the recipe's.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a figure to a file, its numbers and its recipe included: of a sample, from a recipe, or from a copied
    link."""
    kind = out.suffix.lower().removeprefix(".")
    endings = ", ".join(f".{name}" for name in FORMATS)
    check(
        kind in FORMATS,
        f"Argument `--out` must end in {endings}, but is {out.name!r}. Give such a name.",
    )
    ways = {"--recipe": recipe, "--link": link, "--model": model}
    check(
        sum(way is not None for way in ways.values()) == 1,
        f"One of {', '.join(ways)} must be given, but {[name for name, way in ways.items() if way is not None]} are. "
        "Give one.",
    )
    given = {
        "size": size,
        "theme": theme,
        "font": font,
        "dpi": dpi,
        "title": title,
        "caption": caption,
        "hidden": hide,
        "engine": engine,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    if recipe is not None and _composed(recipe, changed, kind, out, anyway, as_json):
        return
    by_name = {
        "model": model,
        "sample": sample,
        "data": data,
        "output": output,
        "background": background,
        "contrast": contrast,
        "tweak": tweak,
    }
    found = _asked(
        recipe,
        link,
        panel,
        view,
        {key: value for key, value in by_name.items() if value is not None},
    )
    _write(found, changed, kind, out, anyway, as_json)


def _asked(
    recipe: Path | None, link: str | None, panel: str | None, view: str, by_name: dict[str, str]
) -> Recipe:
    """The recipe of the figure that is asked for."""
    if recipe is None and link is None:  # before what takes seconds to import
        choose("View", view, VIEWS)
        check(
            "sample" in by_name,
            "Argument `--sample` must be given with `--model`. Give the id of a sample.",
        )
    from qfusion.figures import recipe as recipes
    from qfusion.figures.recipe import Recipe
    from qfusion.panels import pages

    if recipe is not None:
        return recipes.parse(read_recipe(recipe))
    if link is not None:
        page, address = pages.of_link(link)
        if panel is None:
            raise InvalidInput(
                f"Argument `--panel` must name one of {', '.join(pages.figure_names(page, address))}. Give one of them."
            )
        return Recipe(page, panel, address)
    return Recipe(pages.BY_NAME, view, {key: [value] for key, value in by_name.items()})


def read_recipe(path: Path) -> str:
    """Returns the recipe in a file, a recipe's own or a figure's, as JSON.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when it holds none, or is too large.
    """
    from qfusion.figures import export

    try:
        check(
            path.stat().st_size <= MAX_SIZE,
            f"{path.name} is too large for a figure. Give the figure or its recipe.",
        )
        content = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(
            f"There is no file {path}. Give a recipe of the figure drawer, or a figure that was exported."
        ) from None
    return export.read_recipe(content)


def _composed(
    path: Path, changed: dict[str, Any], kind: str, out: Path, anyway: bool, as_json: bool
) -> bool:
    """Whether the file holds a composition's recipe, which is then made again."""
    from qfusion.figures import export

    text = read_recipe(path)
    if not export.is_composition(text):
        return False
    check("hidden" not in changed, "Argument `--hide` is for one panel. Leave it out.")
    found = export.parse_composition(text)
    style = _style(found.style, changed, {"format": kind})
    write_composition(replace(found, style=style), out, anyway, as_json)
    return True


def write_composition(whole: Composition, out: Path, anyway: bool, as_json: bool) -> None:
    """Writes a composition's file and says so."""
    from qfusion.figures import export
    from qfusion.panels import pages

    taken = pages.cook_composition(whole, anyway=anyway)
    content, letters = export.noticed(
        lambda: pages.save_composition(taken, whole), whole.style.format
    )
    with atomic(out) as part:
        part.write_bytes(content)
    for remark in [*pages.composition_remarks(whole, taken), *filter(None, [letters])]:
        say(f"qfusion: note: {remark}")
    say(f"Figure of {len(taken)} panels written to {out}")
    if as_json:
        print_json(
            {
                "panels": [
                    {
                        "page": each.recipe.page,
                        "panel": each.recipe.panel,
                        "title": each.title,
                        "made_from": dict(each.recipe.made_from),
                        "numbers": each.recipe.numbers,
                    }
                    for each in taken
                ],
                "columns": whole.columns,
                "look": whole.style.as_dict(),
                "out": str(out),
            }
        )


def _style(style: ExportStyle, changed: dict[str, Any], always: dict[str, str]) -> ExportStyle:
    """A recipe's style with what is given on the command line; the letters are those usual for a size that is."""
    from qfusion.figures.recipe import ExportStyle

    font = {"font": 0} if "size" in changed and "font" not in changed else {}
    return ExportStyle.parse(style.as_dict() | changed | always | font)


def _write(
    recipe: Recipe, changed: dict[str, Any], kind: str, out: Path, anyway: bool, as_json: bool
) -> None:
    from qfusion.figures import export
    from qfusion.panels import pages

    wanted = replace(
        recipe, style=_style(recipe.style, changed, {"format": kind} if kind != "json" else {})
    )
    taken = pages.cook(wanted, anyway=anyway)
    content, letters = export.noticed(
        lambda: taken.figure.to_json().encode() if kind == "json" else pages.save(taken, wanted),
        kind,
    )
    with atomic(out) as part:
        part.write_bytes(content)
    for remark in [*pages.remarks(recipe, taken), *filter(None, [letters])]:
        say(f"qfusion: note: {remark}")
    say(f"Figure written to {out}")
    if as_json:
        print_json(
            {
                "page": taken.recipe.page,
                "panel": taken.recipe.panel,
                "title": taken.title,
                "made_from": dict(taken.recipe.made_from),
                "numbers": taken.recipe.numbers,
                "look": wanted.style.as_dict(),
                "out": str(out),
            }
        )
