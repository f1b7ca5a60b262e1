"""`report` and `story`: write a report on a sample as HTML and PDF, or a page that plays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import qfusion
from qfusion._checks import check
from qfusion._files import write_file
from qfusion.commands.common import Data, Model, Output, load
from qfusion.commands.explain import DEFAULT_BACKGROUND, Contrast, Kind, check_background
from qfusion.commands.printing import Json, print_remark, print_result


def report(
    model: Model,
    out: Annotated[
        Path, typer.Option(help="The file to write, .html or .pdf, or a folder for both.")
    ],
    sample: Annotated[str, typer.Option("--sample", metavar="ID", help="Id of the sample.")],
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
    """Write a report on a sample: contributions, dynamics, entropies, circuit, faithfulness, methods,
    BibTeX."""
    qfusion.report.places(out)
    opened = _open_sample(model, sample, data, output, background, contrast, tweak)
    made = qfusion.report.sample(opened)
    files = qfusion.report.write(made, out)
    for path in files:
        print_remark(f"Report written to {path}")
    print_result(
        {
            "model": model,
            "data": opened.dataset.name,
            "sample": sample,
            "title": made.title,
            "files": list(map(str, files)),
        },
        as_json,
    )


def story(
    model: Model,
    sample: Annotated[str, typer.Option("--sample", metavar="ID", help="Id of the sample.")],
    out: Annotated[Path, typer.Option(help="The file to write, which ends in .html.")],
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
    as_json: Json = False,
) -> None:
    """Write a story to show: a sample, the decision on it, its terms as they grow, and the effect of one lever."""
    from qfusion.report.story_page import render_page

    check(
        out.suffix.lower() == ".html",
        f"Argument `--out` must end in .html, but is {out.name!r}. Change its ending.",
    )
    opened = _open_sample(model, sample, data, output or "", background, contrast, tweak)
    result = qfusion.report.decision_story.build_story(opened)
    write_file(out, render_page(result, seconds))
    print_remark(f"Story written to {out}")
    record = {
        "model": model,
        "data": opened.dataset.name,
        "sample": sample,
        "title": result.title,
        "says": result.says,
        "acts": {act.name: act.says for act in result.acts},
        "file": str(out),
    }
    lines = [f"{act.name}: {act.says}" for act in result.acts]
    print_result(record, as_json, result.title, *lines)


def _open_sample(
    model: str,
    sample: str,
    data: str | None,
    output: str | None,
    background: str,
    contrast: str | None,
    tweak: str,
) -> qfusion.study.Sample:
    """Return the sample of the options of both commands, in a process that computes with one thread."""
    check_background(background, contrast)
    import torch

    # small products: more threads wait for each other, and sums would depend on their number
    torch.set_num_threads(1)
    trained, dataset = load(model, data)
    return qfusion.study.open_sample(
        trained,
        sample,
        dataset,
        output=output,
        background=background,
        contrast=contrast or "",
        tweak=tweak,
    )
