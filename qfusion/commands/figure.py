"""`figure`, `compose`, `figures`, `report`, `story`: what pages show, written without a browser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import qfusion
from qfusion._checks import check, choose
from qfusion._files import atomic, write_file
from qfusion.commands.common import Data, Json, Model, Output, load, print_result, say
from qfusion.commands.samples import DEFAULT_BACKGROUND, Contrast, Kind, check_background
from qfusion.errors import InvalidInput
from qfusion.figures import VIEWS

# `figure`: a figure of the pages, written without a browser: of a sample, from a recipe, or from a link.

FORMATS = ("svg", "pdf", "png", "html", "tikz", "json")
Size = Annotated[
    str | None,
    typer.Option(
        help="single, double (columns), slide or poster; of a journal: aps-single, aps-double, nature-single, "
        "nature-double, ieee-single, ieee-double, acl-single, acl-double or neurips."
    ),
]
Theme = Annotated[str | None, typer.Option(help="light, dark or grey.")]
Font = Annotated[float | None, typer.Option(help="Letters in pt, in print.")]
Dpi = Annotated[int | None, typer.Option(help="300 or 600, of a PNG.")]


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
        typer.Option(help=f"{', '.join(VIEWS)}; of a sample, contributions unless given."),
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
    hide: Annotated[
        list[str] | None, typer.Option(metavar="SERIES", help="Leave out an entry of the legend.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option(help="Draw it also of another model or data than the recipe's.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a figure to a file, its numbers and its recipe included: of a sample, from a recipe, or from a copied
    link."""
    kind = out.suffix.lower().removeprefix(".")
    check(
        kind in FORMATS,
        f"Argument `--out` must end in {', '.join(f'.{name}' for name in FORMATS)}, but is {out.name!r}. Give such a "
        "name.",
    )
    ways = {"--recipe": recipe, "--link": link, "--model": model}
    check(
        sum(way is not None for way in ways.values()) == 1,
        f"One of {', '.join(ways)} must be given, but {[name for name, way in ways.items() if way is not None]} are. "
        "Give one.",
    )
    changed = _given(
        size=size,
        theme=theme,
        font=font,
        dpi=dpi,
        title=title,
        caption=caption,
        hidden=hide,
    )
    address = _given(
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
    stray = [
        *(f"--{name}" for name in (address | _given(view=view) if model is None else ())),
        *(["--panel"] if panel is not None and link is None else []),
    ]
    check(
        not stray,
        f"{', '.join(stray)} would change nothing: `--panel` is for `--link`, what is to be said of a sample for "
        "`--model`. Leave it out.",
    )
    if recipe is not None:
        text = read_recipe(recipe)
        if qfusion.figures.export.is_composition(text):
            check("hidden" not in changed, "Argument `--hide` is for one panel. Leave it out.")
            whole = qfusion.figures.export.parse_composition(text)
            write_composition(
                replace(whole, style=_style(whole.style, changed, {"format": kind})),
                out,
                anyway,
                as_json,
            )
            return
        wanted = qfusion.figures.recipe.parse(text)
    elif link is not None:
        page, query = qfusion.panels.rendering.parse_link(link)
        if panel is None:
            names = ", ".join(qfusion.panels.rendering.figure_names(page, query))
            raise InvalidInput(f"Argument `--panel` must name one of {names}. Give one of them.")
        wanted = qfusion.figures.recipe.Recipe(page, panel, query)
    else:
        wanted = qfusion.figures.recipe.Recipe(
            qfusion.panels.rendering.NAMED_FIGURES,
            str(view),
            {key: [value] for key, value in ({"model": model} | address).items()},
        )
    content, about, remarks = drawn(wanted, kind, changed, anyway)
    _keep(out, content, remarks, "Figure", about | {"out": str(out)}, as_json)


def drawn(
    wanted: qfusion.figures.recipe.Recipe, kind: str, changed: dict[str, Any], anyway: bool = False
) -> tuple[bytes, dict[str, Any], list[str]]:
    """Returns a figure's file, what is printed of it, and what there is to know about it.

    Args:
        wanted: the figure. kind: of `FORMATS`. changed: what its style is to be besides.
        anyway: also of another model or data than the recipe's.
    """
    styled = replace(
        wanted, style=_style(wanted.style, changed, {"format": kind} if kind != "json" else {})
    )
    cooked = qfusion.panels.reproduction.reproduce(styled, anyway=anyway)
    content, letters = qfusion.figures.export.noticed(
        lambda: (
            qfusion.panels.reproduction.apply_style(cooked, styled.style).to_json().encode()
            if kind == "json"
            else qfusion.panels.reproduction.save_panel(cooked, styled)
        ),
        kind,
    )
    return (
        content,
        _about(cooked) | {"look": styled.style.as_dict()},
        [*qfusion.panels.reproduction.recipe_warnings(wanted, cooked), letters],
    )


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def read_recipe(path: Path) -> str:
    """Returns the recipe in a file, a recipe's own or a figure's, as JSON.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when it holds none, or is too large.
    """
    check(
        qfusion.data.files.size_of(path) <= 64_000_000,
        f"{path.name} is too large for a figure. Give the figure or its recipe.",
    )
    return qfusion.figures.export.read_recipe(path.read_bytes())


def write_composition(
    whole: qfusion.figures.export.Composition, out: Path, anyway: bool, as_json: bool
) -> None:
    """Writes a composition's file and says so."""
    panels = qfusion.panels.compositions.reproduce_composition(whole, anyway=anyway)
    content, letters = qfusion.figures.export.noticed(
        lambda: qfusion.panels.compositions.save_composition(panels, whole), whole.style.format
    )
    _keep(
        out,
        content,
        [*qfusion.panels.compositions.composition_warnings(whole, panels), letters],
        f"Figure of {len(panels)} panels",
        {
            "panels": [_about(panel) for panel in panels],
            "columns": whole.columns,
            "look": whole.style.as_dict(),
            "out": str(out),
        },
        as_json,
    )


def _keep(
    out: Path,
    content: bytes,
    remarks: Iterable[str],
    what: str,
    about: dict[str, Any],
    as_json: bool,
) -> None:
    """Writes a figure's file, and says what there is to know about it."""
    write_file(out, content)
    for remark in filter(None, remarks):
        say(f"qfusion: note: {remark}")
    say(f"{what} written to {out}")
    print_result(about, as_json)


def _about(cooked: qfusion.panels.rendering.RenderedPanel) -> dict[str, Any]:
    """What is printed of a figure as JSON."""
    return {
        "page": cooked.recipe.page,
        "panel": cooked.recipe.panel,
        "title": cooked.title,
        "caption": cooked.caption,
        "made_from": dict(cooked.recipe.made_from),
        "numbers": cooked.recipe.numbers,
    }


def _style(
    style: qfusion.figures.export_style.ExportStyle, changed: dict[str, Any], always: dict[str, str]
) -> qfusion.figures.export_style.ExportStyle:
    """A recipe's style with what is given on the command line; the letters are those usual for a size that is."""
    font = {"font": 0} if "size" in changed and "font" not in changed else {}
    return type(style).parse(style.as_dict() | changed | always | font)


# `compose`: several panels as one figure; `figures`: many figures as a zip.

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
    kind = out.suffix.lower().removeprefix(".")
    check(
        kind in qfusion.figures.export.FORMATS,
        f"Argument `--out` must end in {', '.join(f'.{name}' for name in qfusion.figures.export.FORMATS)}, but is "
        f"{out.name!r}. Give such a name.",
    )
    check((link is None) == (not panel), "Give `--link` together with `--panel`.")
    panels = [qfusion.figures.recipe.parse(read_recipe(path)) for path in parts or []]
    if link is not None:
        page, address = qfusion.panels.rendering.parse_link(link)
        panels += [qfusion.figures.recipe.Recipe(page, name, address) for name in panel or []]
    style = qfusion.figures.export_style.ExportStyle.parse(
        {"format": kind}
        | _given(
            size=size or "double", theme=theme, font=font, dpi=dpi, title=title, caption=caption
        )
    )
    write_composition(
        qfusion.figures.export.Composition(tuple(panels), columns, style), out, anyway, as_json
    )


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
    check(out.suffix.lower() == ".zip", f"Argument `--out` must end in .zip, but is {out.name!r}.")
    style = qfusion.figures.export_style.ExportStyle.parse(
        {"format": kind}
        | _given(size=size, theme=theme, font=font, dpi=dpi, title=title, caption=caption)
    )
    page, address = qfusion.panels.rendering.parse_link(link)
    if cohort is None:
        for name in panel or []:
            qfusion.panels.rendering.require_figure(page, name, address)
        jobs = qfusion.panels.archives.jobs_of_page(page, address, panel or ())
    else:
        check(len(panel or []) == 1, "Give one `--panel` with `--cohort`.")
        jobs = qfusion.panels.archives.jobs_of_cohort(
            page, (panel or [""])[0], address, cohort, most
        )
    with atomic(out) as part, part.open("wb") as file:
        manifest = qfusion.panels.archives.write_zip(
            jobs,
            style,
            file,
            lambda done, count, name: say(f"qfusion: {done + 1} of {count}: {name}"),
        )
    failed = [entry for entry in manifest["figures"] if "error" in entry]
    for entry in failed:
        say(f"qfusion: note: {entry.get('sample') or entry['panel']} is left out: {entry['error']}")
    say(f"{len(manifest['figures']) - len(failed)} figures written to {out}")
    print_result(manifest | {"out": str(out)}, as_json)


# `report`: everything there is to say about a decision, or a cohort of them, as HTML and PDF.


def report(
    model: Model,
    out: Annotated[
        Path, typer.Option(help="The file to write, .html or .pdf, or a folder for both.")
    ],
    sample: Annotated[
        str | None, typer.Option("--sample", metavar="ID", help="Id of the sample.")
    ] = None,
    cohort: Annotated[
        str | None,
        typer.Option(
            metavar="FILTER", help="A cohort instead, such as 'relation=conflict; error>1'."
        ),
    ] = None,
    data: Data = None,
    output: Output = None,
    background: Kind = DEFAULT_BACKGROUND,
    contrast: Contrast = None,
    tweak: Annotated[
        str,
        typer.Option(
            help="Change the model first: 'H.text-audio=0.5,D.text=2,T=1.2', or rules such as "
            "'all:and'."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Write a report on a sample, or on a cohort: contributions, dynamics, entropies, circuit, faithfulness, methods,
    BibTeX."""
    check((sample is None) != (cohort is None), "Give either `--sample ID` or `--cohort FILTER`.")
    check(
        cohort is None or not tweak,
        "Argument `--tweak` is for one sample. Leave it out, or give --sample instead of --cohort.",
    )
    check_background(background, contrast)
    qfusion.report.places(out)
    import torch

    # small products: more threads wait for each other, and sums would depend on their number
    torch.set_num_threads(1)
    trained, dataset = load(model, data)
    if sample is not None:
        made = qfusion.report.sample(
            qfusion.analysis.open_sample(
                trained,
                sample,
                dataset,
                output=output,
                background=background,
                contrast=contrast or "",
                tweak=tweak,
            )
        )
    else:
        made = _of_cohort(trained, dataset, str(cohort), output, background, contrast)
    files = qfusion.report.write(made, out)
    letters = made.unsaid() if any(path.suffix.lower() == ".pdf" for path in files) else ""
    if letters:
        say(f"qfusion: note: {letters}")
    for path in files:
        say(f"Report written to {path}")
    print_result(
        {
            "model": model,
            "data": dataset.name,
            "sample": sample,
            "cohort": cohort,
            "title": made.title,
            "files": list(map(str, files)),
        },
        as_json,
    )


def story(
    model: Model,
    sample: Annotated[str, typer.Option("--sample", metavar="ID", help="Id of the sample.")],
    out: Annotated[Path, typer.Option(help="The file to write: .html, .mp4, .webm, .gif or .svg.")],
    data: Data = None,
    output: Output = None,
    background: Kind = DEFAULT_BACKGROUND,
    contrast: Contrast = None,
    tweak: Annotated[
        str,
        typer.Option(
            help="The lever: 'H.text-audio=0.5', or rules such as 'all:and'. Unless given, the term that the decision "
            "depends on most is taken out."
        ),
    ] = "",
    seconds: Annotated[float, typer.Option(help="How long it is, 1 to 120.")] = 10.0,
    fps: Annotated[
        float, typer.Option(help="Frames a second of a video, and at most of a GIF, 1 to 60.")
    ] = 30.0,
    theme: Annotated[
        str, typer.Option(help="light or dark; a page follows who reads it.")
    ] = "light",
    as_json: Json = False,
) -> None:
    """Write a story to show: a sample, the decision on it, its terms as they grow, and what one lever changes."""
    from qfusion.report.story import KINDS, check_length

    suffix = out.suffix.lower()
    check(
        suffix in KINDS,
        f"Argument `--out` must end in {', '.join(KINDS)}, but is {out.name!r}. Choose one of these.",
    )
    check_length(seconds, fps, suffix)
    choose("Theme", theme, ("light", "dark"))
    check_background(background, contrast)
    import torch

    torch.set_num_threads(1)
    trained, dataset = load(model, data)
    opened = qfusion.analysis.open_sample(
        trained,
        sample,
        dataset,
        output=output or "",
        background=background,
        contrast=contrast or "",
        tweak=tweak,
    )
    result = qfusion.panels.story.story(opened)
    write_file(out, result.written(suffix, theme, seconds, fps))
    say(f"Story written to {out}")
    print_result(
        {
            "model": model,
            "data": opened.dataset.name,
            "sample": sample,
            "title": result.title,
            "says": result.says,
            "acts": {act.name: act.says for act in result.acts},
            "file": str(out),
        },
        as_json,
        result.title,
        *(f"{act.name}: {act.says}" for act in result.acts),
    )


def _of_cohort(
    checkpoint: qfusion.training.checkpoint.Checkpoint,
    dataset: qfusion.data.DataSet,
    cohort: str,
    output: str | None,
    background: str,
    contrast: str | None,
) -> qfusion.report.blocks.Report:
    study = qfusion.analysis.background_choice.with_background(
        qfusion.analysis.opening.open_study(checkpoint, dataset),
        background if contrast is None else "contrast",
        contrast or "",
    )
    parts = qfusion.explain.cohorts.parse(cohort)
    wanted = qfusion.analysis.outputs.parse(output or "", study.classes)
    study, index = study.with_reference(wanted.reference), wanted.number
    return qfusion.report.cohort(
        qfusion.report.contents.members(
            study,
            qfusion.analysis.cohort_table.cohort_table_with_maps(study, index, parts),
            parts,
            output=index,
        )
    )
