"""`story`: write a page that plays, about the decision on one sample."""

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
