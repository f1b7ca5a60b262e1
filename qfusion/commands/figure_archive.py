"""`figures`: write all figures of a page, or one for every sample of a cohort, into a .zip file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import qfusion
from qfusion._checks import check
from qfusion._files import atomic
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
from qfusion.commands.printing import Json, print_remark, print_result


def figures(
    link: Annotated[str, typer.Option(help="A link copied from a page.")],
    out: Annotated[Path, typer.Option(help="The .zip to write.")],
    panel: Annotated[
        list[str] | None, typer.Option(help="A figure of the page; all of them by default.")
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
    letters: Letters = None,
    as_json: Json = False,
) -> None:
    """Write all figures of a page, or one for every sample of a cohort, into a zip with numbers and a manifest."""
    check(out.suffix.lower() == ".zip", f"Argument `--out` must end in .zip, but is {out.name!r}.")
    style = qfusion.figures.export_style.ExportStyle.parse(
        {"format": kind}
        | given_options(
            size=size,
            theme=theme,
            font=font,
            dpi=dpi,
            title=title,
            caption=caption,
            letters=letters,
        )
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
            lambda done, count, name: print_remark(f"qfusion: {done + 1} of {count}: {name}"),
        )
    failed = [entry for entry in manifest["figures"] if "error" in entry]
    for entry in failed:
        print_remark(
            f"qfusion: note: {entry.get('sample') or entry['panel']} is left out: {entry['error']}"
        )
    print_remark(f"{len(manifest['figures']) - len(failed)} figures written to {out}")
    print_result(manifest | {"out": str(out)}, as_json)
