"""`compose`: several panels as one figure; `figures`: many figures as a zip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from qfusion._checks import check
from qfusion._files import atomic
from qfusion.commands._output import Json, print_json, say
from qfusion.commands.figure import SIZES_HELP, read_recipe, write_composition

Size = Annotated[str | None, typer.Option(help=SIZES_HELP)]
Theme = Annotated[str | None, typer.Option(help="light, dark or grey.")]
Font = Annotated[float | None, typer.Option(help="Letters in pt, in print.")]
Dpi = Annotated[int | None, typer.Option(help="300 or 600, of a PNG.")]
Title = Annotated[bool | None, typer.Option(help="Write the titles above.")]
Caption = Annotated[bool | None, typer.Option(help="Write what is shown below.")]


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
    anyway: Annotated[
        bool, typer.Option(help="Draw them also of other models or data than the recipes'.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put several figures into one file as panels (a), (b), (c), its recipe included; `figure --recipe` makes it
    again."""
    from qfusion.figures import recipe as recipes
    from qfusion.figures.export import FORMATS, Composition
    from qfusion.figures.recipe import ExportStyle, Recipe
    from qfusion.panels import pages

    kind = out.suffix.lower().removeprefix(".")
    check(
        kind in FORMATS,
        f"Argument `--out` must end in {', '.join(f'.{name}' for name in FORMATS)}, but is "
        f"{out.name!r}. Give such a name.",
    )
    check((link is None) == (not panel), "Give `--link` together with `--panel`.")
    panels = [recipes.parse(read_recipe(path)) for path in parts or []]
    if link is not None:
        page, address = pages.of_link(link)
        panels += [Recipe(page, name, address) for name in panel or []]
    given = {
        "size": size or "double",
        "theme": theme,
        "font": font,
        "dpi": dpi,
        "title": title,
        "caption": caption,
    }
    style = ExportStyle.parse(
        {"format": kind} | {name: value for name, value in given.items() if value is not None}
    )
    write_composition(Composition(tuple(panels), columns, style), out, anyway, as_json)


def figures(
    link: Annotated[str, typer.Option(help="A link copied from a page.")],
    out: Annotated[Path, typer.Option(help="The .zip to write.")],
    panel: Annotated[
        list[str] | None, typer.Option(help="A figure of the page; all of them unless given.")
    ] = None,
    cohort: Annotated[
        str | None,
        typer.Option(
            metavar="FILTER",
            help="One figure for every sample that passes, such as 'relation=conflict'; "
            "needs one `--panel`.",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(help="Of a cohort, so many samples at most, up to 200.")
    ] = 50,
    kind: Annotated[str, typer.Option("--format", help="svg, pdf, png, html or tikz.")] = "pdf",
    size: Size = None,
    theme: Theme = None,
    font: Font = None,
    dpi: Dpi = None,
    title: Title = None,
    caption: Caption = None,
    as_json: Json = False,
) -> None:
    """Write all figures of a page, or one for every sample of a cohort, into a zip with numbers and a manifest."""
    from qfusion.figures.recipe import ExportStyle
    from qfusion.panels import pages

    check(out.suffix.lower() == ".zip", f"Argument `--out` must end in .zip, but is {out.name!r}.")
    given: dict[str, Any] = {
        "format": kind,
        "size": size,
        "theme": theme,
        "font": font,
        "dpi": dpi,
        "title": title,
        "caption": caption,
    }
    style = ExportStyle.parse({name: value for name, value in given.items() if value is not None})
    page, address = pages.of_link(link)
    if cohort is None:
        for name in panel or []:
            pages.require_figure(page, name, address)
        jobs = pages.jobs_of_page(page, address, panel or ())
    else:
        check(len(panel or []) == 1, "Give one `--panel` with `--cohort`.")
        jobs = pages.jobs_of_cohort(page, (panel or [""])[0], address, cohort, most)
    with atomic(out) as part, part.open("wb") as file:
        manifest = pages.write_zip(
            jobs,
            style,
            file,
            lambda done, count, name: say(f"qfusion: {done + 1} of {count}: {name}"),
        )
    failed = [entry for entry in manifest["figures"] if "error" in entry]
    for entry in failed:
        say(f"qfusion: note: {entry.get('sample') or entry['panel']} is left out: {entry['error']}")
    say(f"{len(manifest['figures']) - len(failed)} figures written to {out}")
    if as_json:
        print_json(manifest | {"out": str(out)})
